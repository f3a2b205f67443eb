"""What all written objects share: patient and study, decimal strings, UIDs, and the file itself."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from sbrtcheck.model import FloatArray, Lattice

_DECIMAL_BYTES: Final = 16  # PS3.5 table 6.2-1: longest decimal string
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "sbrtcheck")
_TIME: Final = "120000"


@dataclass(frozen=True, slots=True)
class Header:
    """Patient, study and frame of reference that the objects of one course share.

    Attributes
    ----------
    birth_date, date : str
        YYYYMMDD; ``date`` is that of the study and of every object in it.
    patient_position : str
        ``HFS``, ``HFP``, ``FFS``, ``FFP`` or a decubitus position.
    """

    patient_name: str
    patient_id: str
    birth_date: str
    study_instance_uid: str
    date: str
    frame_of_reference_uid: str
    patient_position: str


def derived_uid(*names: str) -> str:
    """Return the UID that belongs to a chain of names: always the same one.

    The form is that of PS3.5 annex B.2, a name-based UUID as a decimal under 2.25.

    Examples
    --------
    >>> derived_uid("case", "plan") == derived_uid("case", "plan") != derived_uid("case", "dose")
    True
    """
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(names)).int}"


def decimal(value: float) -> str:
    """Return a number as a decimal string of at most 16 bytes, with as many digits as fit.

    Raises
    ------
    ValueError
        If the number is not finite.

    Examples
    --------
    >>> decimal(2.5), decimal(-40.0), decimal(-1 / 3), decimal(1e-05)
    ('2.5', '-40', '-0.3333333333333', '1e-05')
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no decimal string")
    # Adding 0.0 turns -0.0 into 0.
    texts = [t for digits in range(1, 18) if len(t := f"{value + 0.0:.{digits}g}") <= _DECIMAL_BYTES]
    exact = [t for t in texts if float(t) == value]
    return min(exact, key=len) if exact else texts[-1]


def decimals(values: FloatArray | tuple[float, ...]) -> list[str]:
    """Return decimal strings of the flattened values."""
    return [decimal(v) for v in np.asarray(values, dtype=np.float64).ravel().tolist()]


def dataset(header: Header, sop_class: UID, sop_instance_uid: str, modality: str, series_uid: str = "") -> Dataset:
    """Return a data set with patient, study, series, equipment, frame of reference and SOP common modules filled."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = sop_instance_uid
    ds.StudyDate = ds.SeriesDate = header.date
    ds.StudyTime = _TIME
    ds.AccessionNumber = ""
    ds.Modality = modality
    ds.Manufacturer = "sbrtcheck"
    ds.ManufacturerModelName = "synthetic patient"
    ds.ReferringPhysicianName = ""
    ds.OperatorsName = ""
    ds.PatientName = header.patient_name
    ds.PatientID = header.patient_id
    ds.PatientBirthDate = header.birth_date
    ds.PatientSex = "O"
    ds.StudyInstanceUID = header.study_instance_uid
    ds.SeriesInstanceUID = series_uid or derived_uid(sop_instance_uid, "series")
    ds.StudyID = "1"
    ds.SeriesNumber = 1
    ds.FrameOfReferenceUID = header.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    return ds


def stamp(ds: Dataset, prefix: str, header: Header) -> None:
    """Set the date and time elements that begin with ``prefix`` (``RTPlan``, ``StructureSet``, ``Content``)."""
    setattr(ds, f"{prefix}Date", header.date)
    setattr(ds, f"{prefix}Time", _TIME)


def set_grid(ds: Dataset, lattice: Lattice, k: int = 0) -> None:
    """Set pixel and plane elements of frame ``k`` of a grid whose k axis is the normal of its rows and columns.

    Raises
    ------
    ValueError
        If rows or columns are unevenly spaced, or the grid is left-handed: an image plane cannot say so.
    """
    _, rows, columns = lattice.shape
    i_steps, j_steps = np.diff(lattice.i_mm), np.diff(lattice.j_mm)
    # 1e-9 mm is float rounding over a few hundred steps.
    if np.ptp(i_steps) > 1e-9 or np.ptp(j_steps) > 1e-9 or np.linalg.det(lattice.to_patient[:3, :3]) < 0:
        raise ValueError("an image plane has even spacing and a right-handed frame")
    corner = np.array([[lattice.i_mm[0], lattice.j_mm[0], lattice.k_mm[k]]])
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.PixelSpacing = decimals((float(j_steps[0]), float(i_steps[0])))
    ds.ImagePositionPatient = decimals(lattice.to_lps(corner))
    ds.ImageOrientationPatient = decimals(lattice.to_patient[:3, :2].T)
    ds.SliceThickness = decimal(lattice.spacing_mm[2])


def save(ds: Dataset, path: Path) -> None:
    """Write a data set as explicit VR little endian with file meta information; an existing file is not replaced."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = UID(derived_uid("implementation"))
    ds.file_meta.ImplementationVersionName = "SBRTCHECK"
    dcmwrite(path, ds, enforce_file_format=True, overwrite=False)
