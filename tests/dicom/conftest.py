"""Small data sets built with pydicom: what the reader must make of them is known because they are built here."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from sbrtcheck.dicom import Reading, load_case

ROOT = "1.2.826.0.1.3680043.10.543"
FRAME = f"{ROOT}.1"
PLAN, STRUCTURES, DOSE = f"{ROOT}.2.1", f"{ROOT}.3.1", f"{ROOT}.4.1"
SERIES = f"{ROOT}.5"
CLASSES = {
    "plan": "1.2.840.10008.5.1.4.1.1.481.5",
    "ion": "1.2.840.10008.5.1.4.1.1.481.8",
    "dose": "1.2.840.10008.5.1.4.1.1.481.2",
    "structures": "1.2.840.10008.5.1.4.1.1.481.3",
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "reg": "1.2.840.10008.5.1.4.1.1.66.1",
    "deformable": "1.2.840.10008.5.1.4.1.1.66.3",
}
MODALITIES = {"plan": "RTPLAN", "ion": "RTPLAN", "dose": "RTDOSE", "structures": "RTSTRUCT", "ct": "CT"}


def make(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def general(kind: str, uid: str) -> Dataset:
    return make(
        SOPClassUID=CLASSES[kind],
        SOPInstanceUID=uid,
        StudyDate="20240502",
        Modality=MODALITIES.get(kind, "REG"),
        Manufacturer="none",
        PatientName="Test^Case",
        PatientID="case-1",
        PatientBirthDate="",
        StudyInstanceUID=f"{ROOT}.9",
        SeriesInstanceUID=f"{uid}.9",
        FrameOfReferenceUID=FRAME,
    )


def reference(uid: str, kind: str) -> Dataset:
    return make(ReferencedSOPClassUID=CLASSES[kind], ReferencedSOPInstanceUID=uid)


def plan(
    uid: str = PLAN, *, beams: Sequence[float | None] = (5.0, 5.0), fractions: int = 5, rx: float | None = 50.0
) -> Dataset:
    dataset = general("plan", uid)
    dataset.RTPlanLabel = "Plan"
    dataset.RTPlanDate = "20240503"
    dataset.RTPlanGeometry = "PATIENT"
    if rx is not None:
        item = make(DoseReferenceNumber=1, DoseReferenceStructureType="SITE", DoseReferenceDescription="PTV")
        item.DoseReferenceType = "TARGET"
        item.TargetPrescriptionDose = rx
        dataset.DoseReferenceSequence = [item]
    group = make(FractionGroupNumber=1, NumberOfFractionsPlanned=fractions, NumberOfBeams=len(beams))
    group.NumberOfBrachyApplicationSetups = 0
    group.ReferencedBeamSequence = []
    dataset.BeamSequence = []
    for number, dose in enumerate(beams, start=1):
        item = make(ReferencedBeamNumber=number)
        if dose is not None:
            item.BeamDose = dose
        group.ReferencedBeamSequence.append(item)
        points = [make(ControlPointIndex=0, IsocenterPosition=[1.0, 2.0, 3.0]), make(ControlPointIndex=1)]
        beam = make(BeamNumber=number, TreatmentDeliveryType="TREATMENT", ControlPointSequence=points)
        dataset.BeamSequence.append(beam)
    dataset.FractionGroupSequence = [group]
    dataset.ReferencedStructureSetSequence = [reference(STRUCTURES, "structures")]
    return dataset


def dose(
    uid: str = DOSE,
    values: Any = None,
    *,
    offsets: Sequence[float] = (0.0, 3.0, 6.0),
    scaling: float = 0.001,
    bits: int = 32,
    signed: bool = False,
    **elements: Any,
) -> Dataset:
    if values is None:
        values = np.arange(len(offsets) * 4 * 5).reshape(len(offsets), 4, 5) * 1000
    values = np.asarray(values)
    dataset = general("dose", uid)
    dataset.ImagePositionPatient = [-10.0, -20.0, -30.0]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    dataset.FrameIncrementPointer = 0x3004000C
    dataset.PixelSpacing = [2.0, 2.5]
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.DoseUnits, dataset.DoseType, dataset.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    dataset.GridFrameOffsetVector = list(offsets)
    dataset.DoseGridScaling = scaling
    dataset.ReferencedRTPlanSequence = [reference(PLAN, "plan")]
    dataset.PixelData = values.astype(f"<{'i' if signed else 'u'}{bits // 8}").tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def beam_dose(
    uid: str, beams: Sequence[int], values: Any = None, group: int = 1, summation: str = "BEAM", **more: Any
) -> Dataset:
    dataset = dose(uid, values, **more)
    dataset.DoseSummationType = summation
    link = reference(PLAN, "plan")
    item = make(ReferencedFractionGroupNumber=group)
    if beams:
        item.ReferencedBeamSequence = [make(ReferencedBeamNumber=n) for n in beams]
    link.ReferencedFractionGroupSequence = [item]
    dataset.ReferencedRTPlanSequence = [link]
    return dataset


SQUARE = [-5.0, -5.0, 0.0, 5.0, -5.0, 0.0, 5.0, 5.0, 0.0, -5.0, 5.0, 0.0]


def contour(points: Sequence[float] = SQUARE, kind: str = "CLOSED_PLANAR") -> Dataset:
    return make(ContourGeometricType=kind, NumberOfContourPoints=len(points) // 3, ContourData=list(points))


def structures(uid: str = STRUCTURES, rois: dict[int, tuple[str, str, list[Dataset] | None]] | None = None) -> Dataset:
    """ROIs by number: name, interpreted type, contours (None: no item in ROI Contour Sequence)."""
    rois = rois if rois is not None else {1: ("PTV", "PTV", [contour()]), 2: ("Lung_L", "ORGAN", [contour()])}
    dataset = general("structures", uid)
    dataset.StructureSetLabel = "RS"
    images = [reference(f"{SERIES}.{n}", "ct") for n in range(3)]
    series = make(SeriesInstanceUID=SERIES, ContourImageSequence=images)
    study = make(RTReferencedSeriesSequence=[series])
    dataset.ReferencedFrameOfReferenceSequence = [make(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=[study])]
    dataset.StructureSetROISequence = [
        make(ROINumber=n, ReferencedFrameOfReferenceUID=FRAME, ROIName=name) for n, (name, _, _) in rois.items()
    ]
    dataset.ROIContourSequence = [
        make(ReferencedROINumber=n, ContourSequence=contours)
        for n, (_, _, contours) in rois.items()
        if contours is not None
    ]
    dataset.RTROIObservationsSequence = [
        make(ObservationNumber=n, ReferencedROINumber=n, RTROIInterpretedType=kind) for n, (_, kind, _) in rois.items()
    ]
    return dataset


def ct(number: int, *, z: float | None = None, values: Any = None, **elements: Any) -> Dataset:
    dataset = general("ct", f"{SERIES}.{number}")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesInstanceUID = SERIES
    dataset.PatientPosition = "HFS"
    dataset.ImagePositionPatient = [-10.0, -20.0, 3.0 * number if z is None else z]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    pixels = np.full((4, 6), 1000 + number) if values is None else np.asarray(values)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelSpacing = [2.0, 2.5]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def registration(
    uid: str, matrix: Any, *, source: str = f"{ROOT}.77", kind: str = "RIGID", target: str = FRAME
) -> Dataset:
    dataset = general("reg", uid)
    dataset.FrameOfReferenceUID = target
    flat = [float(v) for v in np.asarray(matrix).ravel()]
    one = make(FrameOfReferenceTransformationMatrix=flat, FrameOfReferenceTransformationMatrixType=kind)
    item = make(FrameOfReferenceUID=source, MatrixRegistrationSequence=[make(MatrixSequence=[one])])
    dataset.RegistrationSequence = [item]
    return dataset


def encoded(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or CLASSES["plan"]
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or PLAN
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def whole() -> list[Dataset]:
    """Return a small submission in which everything links and nothing is wrong."""
    return [plan(), structures(), dose(), ct(0), ct(1), ct(2)]


@pytest.fixture
def build() -> SimpleNamespace:
    """Builders of data sets, and the UIDs they use."""
    return SimpleNamespace(
        plan=plan,
        dose=dose,
        beam_dose=beam_dose,
        structures=structures,
        contour=contour,
        ct=ct,
        registration=registration,
        make=make,
        general=general,
        reference=reference,
        encoded=encoded,
        whole=whole,
        ROOT=ROOT,
        FRAME=FRAME,
        PLAN=PLAN,
        STRUCTURES=STRUCTURES,
        DOSE=DOSE,
        SERIES=SERIES,
        SQUARE=SQUARE,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write data sets or bytes as files of a new folder."""

    def write_files(*content: Dataset | bytes, folder: str = "case") -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        for item in content:
            data = item if isinstance(item, bytes) else encoded(item)
            (place / f"{len(list(place.iterdir())):04d}").write_bytes(data)
        return place

    return write_files


@pytest.fixture
def read(write: Callable[..., Path]) -> Callable[..., Reading]:
    """Write data sets or bytes into a folder of their own and read them as one submission."""
    counter = itertools.count()

    def read_files(*content: Dataset | bytes, **options: Any) -> Reading:
        return load_case([write(*content, folder=f"read-{next(counter)}")], **options)

    return read_files


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Write members into a new zip archive."""

    def write_zip(members: dict[str, bytes], **options: Any) -> Path:
        place = tmp_path / "case.zip"
        with zipfile.ZipFile(place, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return place

    return write_zip


@pytest.fixture
def codes() -> Callable[[Reading], set[str]]:
    """Codes of the blocking notices of a reading."""
    return lambda reading: {n.code for n in reading.notices if n.severity == "blocking"}
