"""DICOM SEG: bits, fractions and label maps to masks in patient coordinates; what does not fit is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from sbrtcheck.dicom.document import make_document
from sbrtcheck.dicom.segmentation import Segmentation, is_segmentation, read_segmentation
from sbrtcheck.dicom.stream import parse
from sbrtcheck.errors import InputError, UnreadableFile, UnusableMask

SEG, LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
ORIGIN, SPACING = (-20.0, -30.0, -40.0), (1.5, 2.0)  # between rows, between columns


@pytest.fixture
def seg(build: SimpleNamespace) -> Any:
    """Write a segmentation with frames of (segment, height, plane), and read it again."""

    def write(frames: Any, kind: str = "BINARY", bits: int = 1, **changes: Any) -> Dataset:
        frames = list(frames)
        dataset = build.general("reg", f"{build.ROOT}.60")
        dataset.SOPClassUID = LABELMAP if kind == "LABELMAP" else SEG
        dataset.Modality, dataset.SegmentationType = "SEG", kind
        planes = np.array([plane for _, _, plane in frames])
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = planes.shape
        dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = bits
        dataset.HighBit = bits - 1
        if kind == "FRACTIONAL":
            dataset.MaximumFractionalValue = 255
        numbers = sorted({n for n, _, _ in frames} | set(range(1, 3)))
        dataset.SegmentSequence = [build.make(SegmentNumber=n, SegmentLabel=f"class {n}") for n in numbers]
        dataset.PerFrameFunctionalGroupsSequence = [frame(n, h) for n, h, _ in frames]
        dataset.SharedFunctionalGroupsSequence = [
            build.make(
                PlaneOrientationSequence=[build.make(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                PixelMeasuresSequence=[build.make(PixelSpacing=list(SPACING))],
            )
        ]
        data = (
            np.packbits(planes.astype(bool).ravel(), bitorder="little")
            if bits == 1
            else planes.astype(f"<u{bits // 8}")
        )
        dataset.PixelData = data.tobytes() + b"\0" * (data.nbytes % 2)
        dataset["PixelData"].VR = "OB" if bits < 16 else "OW"
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        return dataset

    def frame(number: int, height: float) -> Dataset:
        return build.make(
            PlanePositionSequence=[build.make(ImagePositionPatient=[ORIGIN[0], ORIGIN[1], height])],
            SegmentIdentificationSequence=[build.make(ReferencedSegmentNumber=number)],
        )

    def read(dataset: Dataset) -> Segmentation:
        data = build.encoded(dataset)
        document = make_document(0, data, "0" * 64, parse(data), is_prior=False)
        assert is_segmentation(document)
        return read_segmentation(document)

    return SimpleNamespace(write=write, read=read, frame=frame)


def planes(count: int, rows: int = 3, columns: int = 5, seed: int = 1) -> Any:
    # Sizes that are no multiple of 8: frames do not start at whole bytes.
    return np.random.default_rng(seed).integers(0, 2, (count, rows, columns)).astype(bool)


def test_bits_run_on_from_frame_to_frame(seg: SimpleNamespace) -> None:
    stack = planes(5)
    found = seg.read(seg.write((1, -40.0 + 3 * k, plane) for k, plane in enumerate(stack)))
    np.testing.assert_array_equal(found.mask(1), stack)
    assert not found.mask(2).any()
    assert found.lattice.shape == (5, 3, 5)


def test_the_first_voxel_is_in_the_lowest_bit(seg: SimpleNamespace) -> None:
    # By hand, PS3.5 8.1.1: 3 x 5 voxels are bits 0 to 14; byte 0 = 1 sets row 0, column 0, byte 1 = 64 row 2, column 4.
    dataset = seg.write([(1, 0.0, np.zeros((3, 5)))])
    dataset.PixelData = bytes([1, 64])
    assert np.argwhere(seg.read(dataset).mask(1)).tolist() == [[0, 0, 0], [0, 2, 4]]


def test_voxels_lie_where_position_spacing_and_orientation_say(seg: SimpleNamespace) -> None:
    lattice = seg.read(seg.write((1, -40.0 + 3 * k, p) for k, p in enumerate(planes(2)))).lattice
    corner = np.array([[lattice.i_mm[4], lattice.j_mm[2], lattice.k_mm[1]]])
    assert lattice.to_lps(corner)[0].tolist() == [-20 + 4 * 2.0, -30 + 2 * 1.5, -37.0]


def test_frames_may_come_in_any_order_and_be_left_out_where_they_are_empty(seg: SimpleNamespace) -> None:
    a, b, c = planes(3)
    found = seg.read(seg.write([(2, -31.0, a), (1, -40.0, b), (1, -37.0, c)]))
    assert found.lattice.k_mm.tolist() == [0.0, 3.0, 9.0]
    np.testing.assert_array_equal(found.mask(1), [b, c, np.zeros_like(a)])
    np.testing.assert_array_equal(found.mask(2), [np.zeros_like(a)] * 2 + [a])


def test_segments_may_overlap(seg: SimpleNamespace) -> None:
    a, b = planes(2)
    found = seg.read(seg.write([(1, 0.0, a), (2, 0.0, b)]))
    np.testing.assert_array_equal(found.mask(1)[0], a)
    np.testing.assert_array_equal(found.mask(2)[0], b)


@given(columns=st.integers(1, 17), rows=st.integers(1, 5), count=st.integers(1, 4), seed=st.integers(0, 99))
def test_packing_of_any_size_is_undone(columns: int, rows: int, count: int, seed: int) -> None:
    from sbrtcheck.dicom.segmentation import _unpacked

    stack = planes(count, rows, columns, seed)
    packed = np.packbits(stack.ravel(), bitorder="little")
    for n in range(count):
        np.testing.assert_array_equal(_unpacked(packed, n, rows, columns), stack[n])


def test_fractions_are_inside_from_half_of_the_maximum_on(seg: SimpleNamespace) -> None:
    values = np.array([[0, 127, 128, 255]])
    found = seg.read(seg.write([(1, 0.0, values)], "FRACTIONAL", 8))
    assert found.mask(1)[0, 0].tolist() == [False, False, True, True]
    assert found.kind == "FRACTIONAL"


@pytest.mark.parametrize("bits", [8, 16])
def test_a_label_map_holds_all_segments_in_one_frame(bits: int, seg: SimpleNamespace) -> None:
    values = np.array([[0, 1, 2, 1]])
    dataset = seg.write([(0, 0.0, values), (0, 3.0, values[:, ::-1])], "LABELMAP", bits)
    found = seg.read(dataset)
    assert [segment.number for segment in found.segments] == [1, 2]
    assert found.mask(1)[:, 0].tolist() == [[False, True, False, True], [True, False, True, False]]
    assert found.mask(2)[1, 0].tolist() == [False, True, False, False]


def test_what_is_stated_per_frame_outweighs_what_is_shared(seg: SimpleNamespace, build: SimpleNamespace) -> None:
    dataset = seg.write([(1, 0.0, planes(1)[0])])
    dataset.PerFrameFunctionalGroupsSequence[0].PixelMeasuresSequence = [build.make(PixelSpacing=[4.0, 5.0])]
    assert seg.read(dataset).lattice.spacing_mm[:2] == (5.0, 4.0)


def test_planes_in_any_orientation(seg: SimpleNamespace, build: SimpleNamespace) -> None:
    # Rows along z, columns along y: coronal feet-up planes, stacked along x x y = -x.
    dataset = seg.write([(1, 0.0, planes(1)[0]), (1, 0.0, planes(1)[0])])
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [0, 0, 1, 0, 1, 0]
    for item, x in zip(dataset.PerFrameFunctionalGroupsSequence, (7.0, 4.0), strict=True):
        item.PlanePositionSequence[0].ImagePositionPatient = [x, 1.0, 2.0]
    lattice = seg.read(dataset).lattice
    last = np.array([[lattice.i_mm[1], lattice.j_mm[1], lattice.k_mm[1]]])
    np.testing.assert_allclose(lattice.to_lps(last)[0], [4.0, 2.5, 4.0], atol=1e-12)  # sums of a few doubles


def _two_on_one_plane(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [*ORIGIN[:2], 0.0]


def _tilted(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [Dataset()]
    orientation = dataset.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 0, 1]


def _shifted(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [0.0, 0.0, 3.0]


def _other_segment(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def _no_position(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def _one_number(dataset: Dataset) -> None:
    dataset.SegmentSequence[1].SegmentNumber = 1


def _too_few_groups(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[1]


@pytest.mark.parametrize(
    "spoil", [_two_on_one_plane, _tilted, _shifted, _other_segment, _no_position, _one_number, _too_few_groups]
)
def test_frames_that_do_not_make_a_stack_are_refused(spoil: Any, seg: SimpleNamespace) -> None:
    a, b = planes(2)
    dataset = seg.write([(1, 0.0, a), (1, 3.0, b)])
    spoil(dataset)
    with pytest.raises(InputError):
        seg.read(dataset)


@pytest.mark.parametrize(
    "changes",
    [
        {"SegmentationType": "SURFACE"},
        {"SegmentationType": "FRACTIONAL"},  # of one bit
        {"SegmentSequence": []},
        {"NumberOfFrames": 3},
        {"Rows": 30_000, "Columns": 30_000},
        {"PixelData": b"\0\0"},
        {"PixelData": bytes(60)},
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], seg: SimpleNamespace) -> None:
    a, b = planes(2)
    dataset = seg.write([(1, 0.0, a), (1, 3.0, b)], **changes)
    with pytest.raises(InputError):
        seg.read(dataset)


def test_more_voxels_than_memory_should_hold_are_refused(seg: SimpleNamespace) -> None:
    # 65535 x 65535 voxels of one bit would be half a gigabyte of file, and eight times that as a mask.
    dataset = seg.write([(1, 0.0, planes(1)[0])], Rows=65535, Columns=65535)
    with pytest.raises(UnusableMask, match="voxels"):
        seg.read(dataset)


def test_fractions_without_a_maximum_are_refused(seg: SimpleNamespace) -> None:
    dataset = seg.write([(1, 0.0, planes(1)[0])], "FRACTIONAL", 8)
    del dataset.MaximumFractionalValue
    with pytest.raises(UnreadableFile, match="Maximum Fractional Value"):
        seg.read(dataset)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_what_highdicom_writes_is_read_as_it_was_meant(kind: str, build: SimpleNamespace, seg: SimpleNamespace) -> None:
    hd = pytest.importorskip("highdicom")
    source = [build.ct(n) for n in range(3)]
    for dataset in source:
        build.encoded(dataset)
        dataset.AccessionNumber = dataset.StudyID = dataset.StudyTime = dataset.ReferringPhysicianName = ""
        dataset.PatientSex = dataset.PatientBirthDate = ""
        dataset.InstanceNumber = dataset.SeriesNumber = dataset.SliceThickness = 1
        dataset.StudyDate = "20240502"
    masks = np.zeros((3, 4, 6, 2), dtype=bool)
    masks[0:2, 1:3, 2:4, 0], masks[2, 0, 5, 1] = True, True
    code = hd.sr.CodedConcept("123037004", "SCT", "Anatomical Structure")
    segments = [
        hd.seg.SegmentDescription(
            n, label, code, hd.sr.CodedConcept(value, "SCT", label), hd.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for n, label, value in ((1, "heart", "80891009"), (2, "liver", "10200004"))
    ]
    written = hd.seg.Segmentation(
        source,
        masks.astype(float) if kind == "FRACTIONAL" else masks,
        kind,
        segments,
        series_instance_uid=f"{build.ROOT}.80",
        series_number=2,
        sop_instance_uid=f"{build.ROOT}.81",
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
    )
    found = seg.read(written)
    assert [(s.label, s.types[0].value) for s in found.segments] == [("heart", "80891009"), ("liver", "10200004")]
    np.testing.assert_array_equal(found.mask(1), masks[..., 0])
    np.testing.assert_array_equal(found.mask(2), masks[..., 1])
    assert found.lattice.to_lps(np.zeros((1, 3)))[0].tolist() == [-10.0, -20.0, 0.0]
    assert found.frame_of_reference_uid == build.FRAME
