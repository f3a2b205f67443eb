"""RT Dose on a grid: of one plan, or derived from the doses of one or several."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    DeformableSpatialRegistrationStorage,
    RTDoseStorage,
    RTIonPlanStorage,
    RTPlanStorage,
    SpatialRegistrationStorage,
)

from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.write.common import Header, dataset, decimal, decimals, derived_uid, save, set_grid
from sbrtcheck.model import Dose, DoseArray, FloatArray, Lattice

# PS3.6: the longest text of a Dose Comment or Series Description (LO) and of a Derivation Description (ST).
_LONGEST_LINE: Final = 64
_LONGEST_TEXT: Final = 1024
# PS3.16 CID 7220, RT Dose Derivation.
_MEANING: Final = {
    "121370": "Composed from prior doses",
    "121371": "Composed from prior doses and current plan",
    "121377": "Composed with radiobiological effects",
}
# A choice of this program: stored and computed dose differ by half of this step at most, and 42949 Gy can be kept.
_STEP_GY: Final = 1e-5
_DATE: Final = re.compile(r"\d{8}")


def write_dose(
    path: Path, header: Header, sop_uid: str, dose_gy: FloatArray, lattice: Lattice, *, step_gy: float, plan_uid: str
) -> None:
    """Write one RT Dose (PS3.3 A.18.3): PHYSICAL, in GY, summed over the PLAN, 32 bits a voxel.

    Parameters
    ----------
    dose_gy : (K, J, I) float
        Dose at the voxel centres of ``lattice``, Gy, not negative.
    step_gy : float
        Dose Grid Scaling, Gy: what is stored differs from ``dose_gy`` by half a step at most.
    plan_uid : str
        SOP instance UID of the RT Plan that the dose belongs to.

    Raises
    ------
    ValueError
        If a dose cannot be stored or the lattice is not one of an image.
    """
    ds = dataset(header, RTDoseStorage, sop_uid, "RTDOSE")
    ds.InstanceNumber = 1
    ds.DoseType = "PHYSICAL"
    ds.DoseSummationType = "PLAN"
    ds.TissueHeterogeneityCorrection = "IMAGE"
    ds.ReferencedRTPlanSequence = [_reference(RTPlanStorage, plan_uid)]
    _set_dose(ds, dose_gy, lattice, step_gy)
    save(ds, path)


@dataclass(frozen=True, slots=True)
class Derivation:
    """Where a derived dose comes from.

    Attributes
    ----------
    of : {'prior', 'sum'}
        One earlier course carried onto the current plan, or a sum of the current plan and earlier ones.
    label : str
        Short, for lists: 64 characters at most.
    text : str
        What was done, 1024 characters at most: how doses were mapped, added and converted, and what is not known.
    plans : tuple of (str, bool)
        SOP instance UID of the plan of each course, and whether it is an RT Ion Plan.
    transform : {'NONE', 'RIGID', 'NON_RIGID'}
        Spatial Transform of Dose: how doses were carried into the frame of the current plan; an affine matrix that
        stretches is no rigid one.
    registrations : tuple of (str, bool)
        SOP instance UID of each registration used, and whether it is a Deformable Spatial Registration.
    """

    of: Literal["prior", "sum"]
    label: str
    text: str
    plans: tuple[tuple[str, bool], ...]
    transform: Literal["NONE", "RIGID", "NON_RIGID"]
    registrations: tuple[tuple[str, bool], ...] = ()


def write_derived_dose(path: Path, plan: Node, dose: Dose, derivation: Derivation) -> str:
    """Write a derived dose as an RT Dose (PS3.3 A.18.3) and return its SOP instance UID.

    Parameters
    ----------
    plan : Node
        Data set of the current plan, whose patient and study the dose belongs to.
    dose : Dose
        On the grid and in the frame of reference of the current plan. ``EFFECTIVE`` where a biological model was used.
    derivation : Derivation

    Raises
    ------
    ValueError
        If a course without plan is referred to, a text is too long, or as ``write_dose``.

    Notes
    -----
    Dose Summation Type is MULTI_PLAN for a sum over plans (PS3.3 C.8.8.3: the entire delivery of two plans or more) and
    PLAN for one earlier course. A dose weighted for radiobiological effects is EFFECTIVE, as the same section notes.
    No element can say where a dose is not known: the derivation must. UID and bytes follow from the content alone.
    Of physicians, operators and orders nothing is copied.
    """
    _check_derivation(dose, derivation)
    header = _header(plan, dose.frame_of_reference_uid)
    study_time, study_id, sex = (plan.text(word) for word in ("StudyTime", "StudyID", "PatientSex"))
    uid = derived_uid("derived dose", _digest((header, study_time, study_id, sex, derivation), dose))
    ds = dataset(header, RTDoseStorage, uid, "RTDOSE")
    ds.StudyTime, ds.StudyID, ds.PatientSex = study_time, study_id, sex
    ds.ManufacturerModelName = "derived dose"
    ds.SeriesDescription = ds.DoseComment = derivation.label
    ds.DerivationDescription = derivation.text
    ds.DerivationCodeSequence = [_code(value) for value in _codes(dose, derivation)]
    ds.InstanceNumber = 1
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.DoseType = dose.kind
    ds.DoseSummationType = "MULTI_PLAN" if derivation.of == "sum" else "PLAN"
    ds.ReferencedRTPlanSequence = [
        _reference(RTIonPlanStorage if is_ion else RTPlanStorage, plan_uid) for plan_uid, is_ion in derivation.plans
    ]
    ds.SpatialTransformOfDose = derivation.transform
    if derivation.transform != "NONE":
        ds.ReferencedSpatialRegistrationSequence = [
            _reference(DeformableSpatialRegistrationStorage if is_deformable else SpatialRegistrationStorage, used)
            for used, is_deformable in derivation.registrations
        ]
    _set_dose(ds, dose.dose_gy, dose.lattice, _STEP_GY)
    save(ds, path)
    return uid


def _header(plan: Node, frame_of_reference_uid: str) -> Header:
    """Return patient and study of a plan; a date that is none is left out."""
    birth_date, date = (plan.text(word) for word in ("PatientBirthDate", "StudyDate"))
    return Header(
        patient_name=plan.text("PatientName"),
        patient_id=plan.text("PatientID"),
        birth_date=birth_date if _DATE.fullmatch(birth_date) else "",
        study_instance_uid=plan.uid("StudyInstanceUID"),
        date=date if _DATE.fullmatch(date) else "",
        frame_of_reference_uid=frame_of_reference_uid,
        patient_position="",
    )


def _digest(said: tuple[object, ...], dose: Dose) -> str:
    content = hashlib.sha256(dose.dose_gy.tobytes())
    grid = dose.lattice
    for array in (grid.i_mm, grid.j_mm, grid.k_mm, grid.to_patient):
        content.update(array.tobytes())
    content.update(repr((said, dose.kind, dose.lattice.shape)).encode())
    return content.hexdigest()


def _check_derivation(dose: Dose, derivation: Derivation) -> None:
    if not dose.frame_of_reference_uid:
        raise ValueError("a derived dose lies in a frame of reference")
    if not all(uid for uid, _ in derivation.plans):
        raise ValueError("a derived dose refers to the plan of every course")
    if len({uid for uid, _ in derivation.plans}) < len(derivation.plans):
        raise ValueError("a derived dose refers to each plan once")
    if len(derivation.plans) < 2 if derivation.of == "sum" else len(derivation.plans) != 1:
        raise ValueError("a sum refers to two plans or more, an earlier course to one")
    if len(derivation.label) > _LONGEST_LINE or len(derivation.text) > _LONGEST_TEXT:
        raise ValueError(f"a label has {_LONGEST_LINE} characters at most, a description {_LONGEST_TEXT}")


def _codes(dose: Dose, derivation: Derivation) -> list[str]:
    return ["121370" if derivation.of == "prior" else "121371", *(["121377"] if dose.kind == "EFFECTIVE" else [])]


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = _MEANING[value]
    return item


def _reference(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = uid
    return item


def _set_dose(ds: Dataset, dose_gy: FloatArray | DoseArray, lattice: Lattice, step_gy: float) -> None:
    """Set the grid and the dose on it, 32 bits a voxel, Gy."""
    stored = np.rint(np.asarray(dose_gy, dtype=np.float64) / step_gy)
    if not (stored.min() >= 0 and stored.max() <= 2**32 - 1):
        raise ValueError(f"dose outside 0 to {step_gy * (2**32 - 1)} Gy")
    set_grid(ds, lattice)
    ds.NumberOfFrames = lattice.shape[0]
    ds.FrameIncrementPointer = Tag("GridFrameOffsetVector")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 32, 32, 31, 0
    ds.DoseUnits = "GY"
    ds.GridFrameOffsetVector = decimals(lattice.k_mm - lattice.k_mm[0])
    ds.DoseGridScaling = decimal(step_gy)
    ds.add_new("PixelData", "OW", stored.astype("<u4").tobytes())
