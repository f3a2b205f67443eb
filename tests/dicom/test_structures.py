"""RT Structure Set: every contour as stored, and no ROI with a damaged contour is measured."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dicom.contours import parse_decimals
from sbrtcheck.errors import UnusableStructures


def rois_of(reading):
    return {s.roi_number: s for s in reading.case.structure_set.structures}


def test_contours_stand_as_stored(read, build) -> None:
    inner = [v / 2 for v in build.SQUARE]
    rois = {
        3: ("Lung", "ORGAN", [build.contour(), build.contour(inner), build.contour(inner, "CLOSEDPLANAR_XOR")]),
        1: ("point", "", [build.contour([1.5, -2.25, 3.0], "POINT")]),
    }
    found = rois_of(read(build.structures(rois=rois)))
    assert list(found) == [1, 3]
    assert [c.geometric_type for c in found[3].contours] == ["CLOSED_PLANAR", "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"]
    assert found[3].contours[1].points_mm.ravel().tolist() == inner
    assert found[1].contours[0].points_mm.tolist() == [[1.5, -2.25, 3.0]]
    assert not found[3].contours[0].points_mm.flags.writeable


def test_empty_rois_are_kept(read, build, codes) -> None:
    rois = {1: ("PTV", "PTV", [build.contour()]), 2: ("empty", "", []), 3: ("absent", "", None)}
    reading = read(build.plan(), build.structures(rois=rois), build.dose())
    assert [len(s.contours) for s in reading.case.structure_set.structures] == [1, 0, 0]
    assert codes(reading) == set()
    assert sum(n.code == "empty-roi" for n in reading.notices) == 2


def test_types_codes_and_frames(read, build) -> None:
    dataset = build.structures()
    observation = dataset.RTROIObservationsSequence[1]
    code = build.make(CodeValue="44714003", CodingSchemeDesignator="SCT", CodeMeaning="Left Lung")
    observation.RTROIIdentificationCodeSequence = [code]
    lower = build.encoded(dataset).replace(b"ORGAN ", b"organ ")
    found = rois_of(read(lower))
    assert found[2].interpreted_type == "ORGAN"
    assert found[2].frame_of_reference_uid == build.FRAME
    assert [(c.value, c.scheme, c.meaning) for c in found[2].codes] == [("44714003", "SCT", "Left Lung")]


def test_observations_may_be_missing_or_refer_to_nothing(read, build, codes) -> None:
    dataset = build.structures()
    dataset.RTROIObservationsSequence[0].ReferencedROINumber = 99
    reading = read(build.plan(), dataset, build.dose())
    assert rois_of(reading)[1].interpreted_type == ""
    assert codes(reading) == set()
    del dataset.RTROIObservationsSequence
    assert rois_of(read(dataset))[2].interpreted_type == ""


def test_two_types_for_one_roi_are_not_chosen_between(read, build) -> None:
    dataset = build.structures()
    dataset.RTROIObservationsSequence[1].ReferencedROINumber = 1
    reading = read(dataset)
    assert rois_of(reading)[1].interpreted_type == ""
    assert "roi-types-differ" in {n.code for n in reading.notices}


@pytest.mark.parametrize(
    "fault",
    [
        {"NumberOfContourPoints": 5},
        {"ContourData": b"0\\0\\0\\1\\1 "},
        {"ContourData": b"0\\0\\0\\1\\1\\x\\2\\2\\0\\3\\1\\0"},
        {"ContourData": b"0\\0\\0\\1\\1\\nan\\2\\2\\0\\3\\1\\0 "},
        {"ContourData": b"0\\0\\0\\1\\1\\1e999\\2\\2\\0\\3\\1\\0 "},
        {"ContourData": b"0\\0\\0\\1\\1\\1e6\\2\\2\\0\\3\\1\\0 "},
        {"ContourData": b"0\\0\\0\\1\\1\\\\2\\2\\0\\3\\1\\0"},
        {"ContourGeometricType": "ROUND"},
        {"ContourGeometricType": None},
        {"ContourData": None},
    ],
)
def test_one_damaged_contour_spoils_its_roi_and_no_other(read, build, codes, fault) -> None:
    broken = build.contour()
    for keyword, value in fault.items():
        if isinstance(value, bytes):
            broken.ContourData = ["0"]
            broken["ContourData"]._value = value.decode()  # what pydicom would not write of its own accord
        else:
            setattr(broken, keyword, value)
    rois = {1: ("PTV", "PTV", [build.contour(), broken]), 2: ("Lung", "", [build.contour()])}
    reading = read(build.plan(), build.structures(rois=rois), build.dose())
    assert [len(s.contours) for s in reading.case.structure_set.structures] == [0, 1]
    assert codes(reading) == {"unusable-roi"}
    assert any("ROI 1" in n.message for n in reading.notices)


def test_a_contour_without_points_is_skipped_with_a_notice(read, build) -> None:
    empty = build.make(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=0, ContourData=None)
    reading = read(build.structures(rois={1: ("PTV", "PTV", [build.contour(), empty])}))
    assert len(rois_of(reading)[1].contours) == 1
    assert "empty-contours" in {n.code for n in reading.notices}


@pytest.mark.parametrize(
    "fault",
    [
        lambda d: setattr(d.StructureSetROISequence[1], "ROINumber", 1),
        lambda d: setattr(d.StructureSetROISequence[1], "ROINumber", None),
        lambda d: setattr(d.ROIContourSequence[1], "ReferencedROINumber", 1),
        lambda d: delattr(d, "ROIContourSequence"),
        lambda d: delattr(d, "StructureSetROISequence"),
    ],
)
def test_a_structure_set_that_contradicts_itself_is_refused(read, build, codes, fault) -> None:
    dataset = build.structures()
    fault(dataset)
    reading = read(build.plan(), dataset, build.dose())
    assert reading.case.structure_set is None
    assert codes(reading) == {"unusable-structures", "no-structures"}


def test_contours_of_a_roi_that_is_not_there_block(read, build, codes) -> None:
    dataset = build.structures()
    dataset.ROIContourSequence[1].ReferencedROINumber = 99
    reading = read(build.plan(), dataset, build.dose())
    assert codes(reading) == {"contours-without-roi"}


def test_names_beyond_ascii(read, build) -> None:
    dataset = build.structures()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StructureSetROISequence[0].ROIName = "Lésion périphérique"
    reading = read(dataset)
    assert rois_of(reading)[1].name == "Lésion périphérique"
    assert "uncertain-characters" not in {n.code for n in reading.notices}


@pytest.mark.parametrize(
    ("declared", "written"), [("", "utf-8"), ("", "latin-1"), ("ISO_IR 192", "latin-1"), ("NO_SUCH", "utf-8")]
)
def test_undeclared_or_wrong_characters_do_not_stop_the_reading(read, build, declared, written) -> None:
    dataset = build.structures()
    dataset.StructureSetROISequence[0].ROIName = "L__sion" if written == "utf-8" else "L_sion"
    if declared:
        dataset.SpecificCharacterSet = "ISO_IR 192"
    data = build.encoded(dataset)
    old = b"L__sion" if written == "utf-8" else b"L_sion"
    data = data.replace(old, "Lésion".encode(written))
    if declared == "NO_SUCH":
        data = data.replace(b"ISO_IR 192", b"NO_SUCH_99")
    reading = read(data)
    assert rois_of(reading)[1].name == "Lésion"
    assert "uncertain-characters" in {n.code for n in reading.notices}


def test_control_characters_cannot_reach_a_terminal(read, build) -> None:
    data = build.encoded(build.structures()).replace(b"Lung_L", b"\x1b[31mL")
    name = rois_of(read(data))[2].name
    assert "\x1b" not in name


def decimals(texts) -> list[list[float]]:
    values, ends = parse_decimals(texts)
    return [part.tolist() for part in np.split(values, ends[:-1])]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.floats(-9999, 9999), min_size=1, max_size=20), max_size=4),
    st.sampled_from(["{!r}", "{:.4f}", "{:.10e}", " {:.3f} ", "{:.15f}", "{:+.17g}", "{:.0f}.", "{:.25f}\x00"]),
)
def test_fast_parsing_gives_the_very_bits_that_python_gives(contours, form) -> None:
    words = [[form.format(v) for v in contour] for contour in contours]
    expected = [[float(w.strip(" \x00")) for w in contour] for contour in words]
    found = decimals(["\\".join(contour).encode() for contour in words]) if words else []
    assert [np.array(part).tobytes() for part in found] == [np.array(part).tobytes() for part in expected]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 10**21),
    st.integers(-30, 30),
    st.sampled_from(["{}e{}", "-{}.e{:+}", "+.{}E{}", "000{}e{:03}"]),
)
def test_long_numbers_are_rounded_as_python_rounds_them(whole, power, form) -> None:
    word = form.format(whole, power)
    assert decimals([word.encode()]) == [[float(word)]]


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789+-.eE\\ \x00n_x", max_size=30))
def test_fast_parsing_refuses_what_is_no_list_of_finite_decimals(text) -> None:
    words = [word.strip(" \x00") for word in text.split("\\")]
    if all(
        re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", w) and abs(float(w)) < np.inf for w in words
    ):
        assert decimals([text.encode()]) == [[float(w) for w in words]]
    else:
        with pytest.raises(UnusableStructures):
            parse_decimals([text.encode()])


@pytest.mark.parametrize("text", ["", " ", "1\\", "\\1", "1\\\\2", "1 2", "1e", "1e+", ".", "-", "1e999", "0x1", "1,5"])
def test_a_list_with_a_flaw_is_no_list(text) -> None:
    with pytest.raises(UnusableStructures):
        parse_decimals([b"1", text.encode(), b"2"])
