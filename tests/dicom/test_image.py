"""CT: slices stacked by position, decoded only on request, and not at all where they do not make a stack."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.dicom import load_case
from sbrtcheck.errors import UnreadableFile


def test_slices_are_stacked_by_position_and_not_by_name(read, build) -> None:
    image = read(*build.whole()[:3], build.ct(2), build.ct(0), build.ct(1)).case.image
    assert image.lattice.k_mm.tolist() == [0.0, 3.0, 6.0]
    assert image.lattice.spacing_mm == (2.5, 2.0, 3.0)
    assert [float(image.read_slice(k)[0, 0]) for k in range(3)] == [-24.0, -23.0, -22.0]
    assert image.volume_hu().shape == (3, 4, 6)
    assert image.lattice.to_lps(np.array([[2.5, 4.0, 6.0]])).tolist() == [[-7.5, -16.0, 6.0]]
    assert image.patient_position == "HFS"


def test_rescaling_and_signs(read, build) -> None:
    values = np.array([[0, 4095, 2048, 1, 2, 3]] * 4)
    unsigned = build.ct(0, values=values, BitsStored=12, HighBit=11, RescaleSlope=2, RescaleIntercept=-1000)
    assert read(unsigned).case.image.read_slice(0)[0, :3].tolist() == [-1000.0, 7190.0, 3096.0]
    signed = build.ct(0, values=values, BitsStored=12, HighBit=11, PixelRepresentation=1, RescaleIntercept=0)
    assert read(signed).case.image.read_slice(0)[0, :3].tolist() == [0.0, -1.0, -2048.0]


def test_bits_above_the_stored_ones_are_not_values(read, build) -> None:
    overlay = build.ct(0, values=np.full((4, 6), 0xF000 + 100), BitsStored=12, HighBit=11, RescaleIntercept=0)
    assert read(overlay).case.image.read_slice(0)[0, 0] == 100.0


@pytest.mark.parametrize(
    "fault",
    [
        {"Rows": 2, "PixelData": b"\0" * 24},
        {"PixelSpacing": [2.0, 2.6]},
        {"ImageOrientationPatient": [1, 0, 0, 0, -1, 0]},
        {"ImagePositionPatient": [-10.0, -19.0, 6.0]},
        {"ImagePositionPatient": [-10.0, -20.0, 3.0]},
    ],
)
def test_slices_that_make_no_stack_make_no_image(read, build, fault) -> None:
    reading = read(*build.whole()[:5], build.ct(2, **fault))
    assert reading.case.image is None
    assert "unusable-ct" in {n.code for n in reading.notices}
    assert all(not r.used for r in reading.inputs if r.modality == "CT")


@pytest.mark.parametrize("keyword", ["RescaleSlope", "PixelSpacing", "ImagePositionPatient", "PixelData", "Rows"])
def test_a_slice_without_what_it_needs_is_unreadable(read, build, codes, keyword) -> None:
    broken = build.ct(2)
    delattr(broken, keyword)
    reading = read(*build.whole()[:5], broken)
    assert "unreadable-file" in codes(reading)
    assert reading.case.image.lattice.shape[0] == 2


def test_a_gap_is_told(read, build) -> None:
    parts = build.whole()[:3]
    reading = read(*parts, *(build.ct(n) for n in (0, 1, 2, 5)))
    assert reading.case.image.lattice.k_mm.tolist() == [0.0, 3.0, 6.0, 15.0]
    assert "missing-ct-slices" in {n.code for n in reading.notices}
    uneven = read(*parts, build.ct(0), build.ct(1), build.ct(2, z=6.5))
    assert "uneven-ct" in {n.code for n in uneven.notices}


def test_missing_slices_of_the_referenced_series_are_told(read, build) -> None:
    reading = read(*build.whole()[:5])
    assert "incomplete-ct" in {n.code for n in reading.notices}


def test_a_localizer_is_left_out(read, build) -> None:
    scout = build.ct(9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    reading = read(*build.whole(), scout)
    assert reading.case.image.lattice.shape[0] == 3
    assert "ignored: a localizer is not used" in {r.why for r in reading.inputs}


def other_series(build, frame=None, start=20):
    found = []
    for n in range(2):
        one = build.ct(start + n)
        one.SeriesInstanceUID = f"{build.ROOT}.6.{start}"
        if frame is not None:
            one.FrameOfReferenceUID = frame
        found.append(one)
    return found


def test_the_referenced_series_is_taken_among_several(read, build) -> None:
    reading = read(*build.whole(), *other_series(build))
    assert reading.case.image.series_instance_uid == build.SERIES


def test_without_a_referenced_series_the_frame_of_reference_decides(read, build) -> None:
    parts = build.whole()[:3]
    reading = read(*parts, *other_series(build), *other_series(build, f"{build.ROOT}.88", 30))
    assert reading.case.image.series_instance_uid == f"{build.ROOT}.6.20"
    assert [a.topic for a in reading.assumptions] == ["image"]
    reading = read(*parts, *other_series(build), *other_series(build, start=30))
    assert reading.case.image is None
    assert "ambiguous-ct" in {n.code for n in reading.notices}


def test_the_referenced_series_in_another_frame_is_not_used(read, build, codes) -> None:
    parts = build.whole()
    for one in parts[3:]:
        one.FrameOfReferenceUID = f"{build.ROOT}.88"
    reading = read(*parts)
    assert reading.case.image is None
    assert codes(reading) == {"frame-of-reference-differs"}


def test_a_slice_that_changed_after_it_was_accounted_for_is_refused(write, build) -> None:
    folder = write(build.ct(0))
    image = load_case([folder]).case.image
    image.read_slice(0)
    (file,) = folder.iterdir()
    file.write_bytes(build.encoded(build.ct(0, values=np.zeros((4, 6)))))
    with pytest.raises(UnreadableFile, match="changed"):
        image.read_slice(0)
    file.unlink()
    with pytest.raises(UnreadableFile):
        image.read_slice(0)
