"""Bytes: every encoding is walked whole, and nothing that is cut, shifted or overwritten is half-used."""

from __future__ import annotations

import contextlib
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from sbrtcheck.dicom import load_case
from sbrtcheck.dicom.stream import NotDicom, parse
from sbrtcheck.errors import NoDicomFound, SbrtcheckError, UnreadableFile

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_gives_the_same_case(read, build, syntax) -> None:
    plain = read(*build.whole()).case
    case = read(*(build.encoded(d, syntax) for d in build.whole())).case
    assert case.plan == plain.plan
    assert np.array_equal(case.dose.dose_gy, plain.dose.dose_gy)
    assert np.array_equal(case.image.volume_hu(), plain.image.volume_hu())
    for ours, theirs in zip(case.structure_set.structures, plain.structure_set.structures, strict=True):
        assert np.array_equal(ours.contours[0].points_mm, theirs.contours[0].points_mm)


def test_big_endian_is_read(read, build) -> None:
    dose = build.dose()
    values = np.frombuffer(dose.PixelData, "<u4")
    dose.PixelData = values.astype(">u4").tobytes()  # pydicom writes pixel bytes as it finds them
    case = read(build.encoded(build.plan(), ExplicitVRBigEndian), build.encoded(dose, ExplicitVRBigEndian)).case
    assert case.plan.label == "Plan"
    assert np.array_equal(case.dose.dose_gy.ravel(), (values * 0.001).astype(np.float32))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_file_without_preamble_and_meta_is_read_with_a_notice(read, build, syntax) -> None:
    data = build.encoded(build.plan(), syntax)
    reading = read(data[_start_of_data_set(data) :])
    assert reading.case.plan.label == "Plan"
    assert "encoding-not-stated" in {n.code for n in reading.notices}


def _start_of_data_set(data: bytes) -> int:
    # The group length, the first element of the meta information, counts from its own end: 132 + 12 bytes.
    return 144 + int.from_bytes(data[140:144], "little")


def test_a_wrong_transfer_syntax_is_put_right_with_a_notice(read, build) -> None:
    data = build.encoded(build.plan(), ImplicitVRLittleEndian)
    start = _start_of_data_set(data)
    lying = build.encoded(build.plan(), ExplicitVRLittleEndian)
    reading = read(lying[: _start_of_data_set(lying)] + data[start:])
    assert reading.case.plan.label == "Plan"
    assert "encoding-not-stated" in {n.code for n in reading.notices}


def test_rle_compressed_dose_is_read(read, build) -> None:
    dose = build.dose(bits=16)
    plain = read(build.plan(), dose).case.dose.dose_gy
    dose.compress(RLELossless, encoding_plugin="pydicom")
    packed = read(build.plan(), build.encoded(dose, RLELossless)).case.dose.dose_gy
    assert np.array_equal(plain, packed)


def test_a_missing_codec_names_the_extra(read, build, codes) -> None:
    from pydicom.encaps import encapsulate

    dose = build.dose()
    dose.PixelData = encapsulate([b"\xff\x4f\xff\x51" * 8] * 3)
    dose["PixelData"].VR = "OB"
    dose["PixelData"].is_undefined_length = True
    reading = read(build.plan(), build.encoded(dose, "1.2.840.10008.1.2.4.90"))
    assert "unreadable-file" in codes(reading)
    assert any(r.why.startswith("unreadable: ") for r in reading.inputs if r.modality == "RTDOSE")


def test_an_unknown_transfer_syntax_is_named(build) -> None:
    with pytest.raises(UnreadableFile, match=r"1\.2\.3\.4 is not known"):
        parse(build.encoded(build.plan()).replace(b"1.2.840.10008.1.2.1\x00", b"1.2.3.4".ljust(20, b"\x00")))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_no_part_of_a_dose_is_ever_used(build, tmp_path, syntax) -> None:
    data = build.encoded(build.dose(), syntax)
    for length in range(132, len(data) - 1, 7):
        file = tmp_path / "cut"
        file.write_bytes(data[:length])
        with contextlib.suppress(NoDicomFound):
            assert load_case([file]).case.dose is None


def test_no_part_of_a_structure_set_loses_contours(build, tmp_path) -> None:
    data = build.encoded(build.structures())
    for length in range(132, len(data) - 1):
        file = tmp_path / "cut"
        file.write_bytes(data[:length])
        try:
            found = load_case([file]).case.structure_set
        except NoDicomFound:
            continue
        assert found is None or [len(s.contours) for s in found.structures] == [1, 1]


def test_line_ends_converted_are_noticed(build) -> None:
    data = build.encoded(build.plan(), ImplicitVRLittleEndian)
    assert b"\n" in data
    with pytest.raises(UnreadableFile):
        parse(data.replace(b"\n", b"\r\n"))


def test_nested_too_deeply_is_refused(build) -> None:
    item = build.make(RTPlanLabel="x")
    for _ in range(60):
        item = build.make(ReferencedRTPlanSequence=[item])
    item.SOPClassUID = build.plan().SOPClassUID
    with pytest.raises(UnreadableFile, match="nested too deeply"):
        parse(build.encoded(item))


def test_elements_out_of_order_are_refused(build) -> None:
    data = build.encoded(build.make(SOPClassUID="1.2.3", StudyDate="20240101", RTPlanLabel="A", RTPlanName="B"))
    label, name = b"\x0a\x30\x02\x00SH\x02\x00A ", b"\x0a\x30\x03\x00LO\x02\x00B "
    assert label + name in data
    with pytest.raises(UnreadableFile, match="out of order"):
        parse(data.replace(label + name, name + label))
    with pytest.raises(UnreadableFile, match="out of order"):
        parse(data.replace(name, label))


def test_a_deflated_stream_that_is_cut_is_refused(build) -> None:
    data = build.encoded(build.plan(), DeflatedExplicitVRLittleEndian)
    with pytest.raises(UnreadableFile, match="cut short"):
        parse(data[:-20])
    start = _start_of_data_set(data)
    with pytest.raises(UnreadableFile, match="damaged"):
        parse(data[:start] + b"\xff\xff\xff" + data[start:])
    assert zlib.decompress(data[start:], -15)


def test_text_is_not_dicom() -> None:
    for data in (b"", b"x", b"hello" * 100, b"\x08\x00"):
        with pytest.raises(NotDicom):
            parse(data)


def test_a_sequence_of_unknown_vr_is_read_as_implicit(build) -> None:
    # What an archive makes of a sequence that it does not know (PS3.5 section 6.2.2).
    item = build.make(ROINumber=7, ROIName="PTV")
    implicit = build.encoded(build.make(StructureSetROISequence=[item]), ImplicitVRLittleEndian)
    value = implicit[_start_of_data_set(implicit) + 8 :]
    explicit = build.encoded(build.make(SOPClassUID="1.2.3"))
    data = explicit + b"\x06\x30\x20\x00UN\x00\x00" + len(value).to_bytes(4, "little") + value
    assert parse(data).root.items("StructureSetROISequence")[0].text("ROIName") == "PTV"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 5), seed=st.data())
def test_flipped_bytes_only_raise_our_own_errors(build, tmp_path, which, seed) -> None:
    # Bytes may change anywhere; whatever comes of it is a reading or an error of this program, and an unchanged rest.
    contents = _originals(build)
    data = bytearray(contents[which])
    for _ in range(seed.draw(st.integers(1, 4))):
        data[seed.draw(st.integers(0, len(data) - 1))] = seed.draw(st.integers(0, 255))
    contents[which] = bytes(data)
    _read_or_refuse(contents, tmp_path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 5), seed=st.data())
def test_truncated_files_only_raise_our_own_errors(build, tmp_path, which, seed) -> None:
    contents = _originals(build)
    contents[which] = contents[which][: seed.draw(st.integers(0, len(contents[which])))]
    _read_or_refuse(contents, tmp_path)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 5), seed=st.data())
def test_deleted_or_emptied_elements_only_raise_our_own_errors(build, tmp_path, which, seed) -> None:
    dataset = build.whole()[which]
    path = dataset
    while True:
        element = path[seed.draw(st.sampled_from(sorted(path.keys())))]
        if element.VR == "SQ" and len(element.value) and seed.draw(st.booleans()):
            path = element.value[0]
            continue
        break
    if seed.draw(st.booleans()):
        del path[element.tag]
    else:
        element.value = [] if element.VR == "SQ" else b"" if element.VR == "OW" else None
    contents = _originals(build)
    contents[which] = build.encoded(dataset)
    reading = _read_or_refuse(contents, tmp_path)
    if reading is not None and reading.case.dose is not None:
        assert reading.case.dose.dose_gy.shape == reading.case.dose.lattice.shape


def _originals(build) -> list[bytes]:
    return [build.encoded(dataset) for dataset in build.whole()]


def _read_or_refuse(contents: list[bytes], tmp_path):
    folder = tmp_path / "mutated"
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    try:
        reading = load_case([folder])
    except SbrtcheckError:
        return None
    assert len(reading.inputs) == len(contents)
    assert all(r.used or r.why.startswith(("ignored: ", "unreadable: ")) for r in reading.inputs)
    if reading.case.image is not None:
        for k in range(reading.case.image.lattice.shape[0]):
            try:
                reading.case.image.read_slice(k)
            except SbrtcheckError:
                continue
    return reading
