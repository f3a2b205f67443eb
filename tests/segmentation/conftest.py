"""A small planning CT, and masks of it written as NIfTI, DICOM SEG and RT Structure Set, by hand."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from sbrtcheck.model import Image, Lattice, Structure, frozen

ROOT = "1.2.826.0.1.3680043.10.543"
FRAME = f"{ROOT}.1"
SHAPE = (6, 8, 10)  # slices, rows, columns
SPACING = (2.0, 1.5, 3.0)  # along i, j, k
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
HEAD_FIRST_SUPINE = np.eye(3)


def planning_ct(axes: Any = HEAD_FIRST_SUPINE, k_mm: Any = None, frame: str = FRAME) -> Image:
    """A CT whose corner lies at (-30, -40, -50)."""
    to_patient = np.eye(4)
    to_patient[:3, :3], to_patient[:3, 3] = axes, (-30.0, -40.0, -50.0)
    i, j, k = (step * np.arange(n) for step, n in zip(SPACING, SHAPE[::-1], strict=True))
    lattice = Lattice(frozen(i), frozen(j), frozen(k if k_mm is None else k_mm), frozen(to_patient))
    return Image(f"{ROOT}.5", frame, "HFS", lattice, lambda k: np.zeros(SHAPE[1:]))


def affine_of(lattice: Lattice) -> Any:
    """Index (i, j, k) to LPS, mm, of an evenly spaced lattice."""
    return lattice.to_patient @ np.diag([*lattice.spacing_mm, 1.0])


def nifti(labels: Any, lattice: Lattice, *, names: Mapping[int, str] | None = None, **options: Any) -> bytes:
    """A NIfTI file of labels ``(K, J, I)``.

    ``turn`` reorders and flips the axes of the file (3 x 3 signed permutation), ``affine`` replaces the RAS affine,
    ``edit`` changes the header last.
    """
    data, affine = np.asarray(labels).T, LPS_TO_RAS @ affine_of(lattice)
    if "turn" in options:
        ornt = nibabel.orientations.ornt_transform(
            nibabel.orientations.io_orientation(affine), nibabel.orientations.axcodes2ornt(options["turn"])
        )
        affine = affine @ nibabel.orientations.inv_ornt_aff(ornt, data.shape)
        data = nibabel.orientations.apply_orientation(data, ornt)
    kind = options.get("kind", nibabel.Nifti1Image)
    image = kind(data, options.get("affine", affine), dtype=data.dtype)
    image.header.set_xyzt_units("mm")
    if names is not None:
        rows = "".join(f'<Label Key="{n}" Red="1" Alpha="1"><![CDATA[{name}]]></Label>\n' for n, name in names.items())
        xml = '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension> <VolumeInformation Index="0"> <LabelTable>'
        xml = options.get("xml", f"{xml}{rows}</LabelTable></VolumeInformation></CaretExtension>\n   ")
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
    if "edit" in options:
        options["edit"](image.header)
    content: bytes = image.to_bytes()
    return content


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def make(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def encoded(dataset: Dataset) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def code(value: str, scheme: str = "SCT") -> Dataset:
    return make(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning="-")


def seg(
    masks: Mapping[str, Any], lattice: Lattice, *, kind: str = "BINARY", frame: str = FRAME, **more: Any
) -> Dataset:
    """A SEG with one segment a mask ``(K, J, I)``, frames of empty planes left out; ``codes`` by label."""
    dataset = make(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4",
        SOPInstanceUID=more.get("uid", f"{ROOT}.60"),
        Modality="SEG",
        FrameOfReferenceUID=frame,
        SegmentationType=kind,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelRepresentation=0,
        Rows=lattice.shape[1],
        Columns=lattice.shape[2],
    )
    dataset.SegmentSequence, dataset.PerFrameFunctionalGroupsSequence, frames = [], [], []
    axes = lattice.to_patient[:3, :3]
    for number, (label, mask) in enumerate(masks.items(), start=1):
        item = make(SegmentNumber=number, SegmentLabel=label, SegmentAlgorithmType="AUTOMATIC")
        value, side = more.get("codes", {}).get(label, ("85756007", None))
        item.SegmentedPropertyTypeCodeSequence = [code(value)]
        if side is not None:
            item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [code(side)]
        dataset.SegmentSequence.append(item)
        planes = [(k, plane) for k, plane in enumerate(np.asarray(mask)) if plane.any()]
        for k, plane in planes[:: more.get("order", 1)]:
            corner = lattice.to_lps(np.array([[lattice.i_mm[0], lattice.j_mm[0], lattice.k_mm[k]]]))[0]
            group = make(
                PlanePositionSequence=[make(ImagePositionPatient=[f"{v:.6f}" for v in corner])],
                SegmentIdentificationSequence=[make(ReferencedSegmentNumber=number)],
            )
            dataset.PerFrameFunctionalGroupsSequence.append(group)
            frames.append(plane)
    dataset.NumberOfFrames = len(frames)
    orientation = [f"{v:.9f}" for v in (*axes[:, 0], *axes[:, 1])]
    shared = make(
        PlaneOrientationSequence=[make(ImageOrientationPatient=orientation)],
        PixelMeasuresSequence=[make(PixelSpacing=[lattice.spacing_mm[1], lattice.spacing_mm[0]], SliceThickness=3.0)],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    values = np.asarray(frames)
    if kind == "BINARY":
        bits, data = 1, np.packbits(values.astype(bool).ravel(), bitorder="little").tobytes()
    else:
        bits, data = 8, values.astype("u1").tobytes()
        dataset.MaximumFractionalValue = 200
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB"
    return dataset


def structure_set(rois: Mapping[str, Sequence[float]], frame: str = FRAME) -> Dataset:
    """An RT Structure Set with one contour (or none) a ROI."""
    dataset = make(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3",
        SOPInstanceUID=f"{ROOT}.70",
        Modality="RTSTRUCT",
        StructureSetLabel="auto",
    )
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, points) in enumerate(rois.items(), start=1):
        roi = make(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=frame)
        dataset.StructureSetROISequence.append(roi)
        drawn = make(ReferencedROINumber=number)
        if points:
            contour = make(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(points) // 3)
            contour.ContourData = list(points)
            drawn.ContourSequence = [contour]
        dataset.ROIContourSequence.append(drawn)
    return dataset


def box(k: slice, j: slice, i: slice) -> Any:
    """A mask of the CT that is one box."""
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[k, j, i] = 1
    return mask


def bounds(structure: Structure) -> Any:
    """Lowest and highest vertex ``(2, 3)``, LPS, mm."""
    points = np.concatenate([contour.points_mm for contour in structure.contours])
    return np.array([points.min(axis=0), points.max(axis=0)])


@pytest.fixture
def build() -> SimpleNamespace:
    """Builders of CT and masks."""
    return SimpleNamespace(
        ct=planning_ct,
        affine_of=affine_of,
        nifti=nifti,
        packed=packed,
        encoded=encoded,
        seg=seg,
        structure_set=structure_set,
        box=box,
        bounds=bounds,
        make=make,
        ROOT=ROOT,
        FRAME=FRAME,
        SHAPE=SHAPE,
        LPS_TO_RAS=LPS_TO_RAS,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, bytes]], Path]:
    """Write files by name into a folder."""

    def write(files: Mapping[str, bytes]) -> Path:
        place = tmp_path / "masks"
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        place.mkdir(exist_ok=True)
        return place

    return write
