"""RT Plan: prescription, fractions and static photon beams."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage, RTStructureSetStorage

from sbrtcheck.dicom.write.common import Header, dataset, decimal, decimals, derived_uid, save, stamp
from sbrtcheck.model import FractionGroup, Plan, Prescription

_JAW_MM: Final = 50.0  # half opening of the jaws; the dose of a phantom is not computed from its beams
_METERSET_MU_PER_GY: Final = 100.0
_ANGLES: Final = ("Gantry", "BeamLimitingDevice", "PatientSupport", "TableTopEccentric")


def write_plan(path: Path, header: Header, plan: Plan) -> None:
    """Write an RT Plan (PS3.3 A.20.3): one dose reference a prescription, static beams around the first isocentre.

    A prescription with a target ROI becomes a dose reference of structure type VOLUME, one without becomes a SITE.
    """
    ds = dataset(header, RTPlanStorage, plan.sop_instance_uid, "RTPLAN")
    ds.RTPlanLabel = plan.label
    stamp(ds, "RTPlan", header)
    ds.RTPlanGeometry = "PATIENT"
    structure_set = Dataset()
    structure_set.ReferencedSOPClassUID = RTStructureSetStorage
    structure_set.ReferencedSOPInstanceUID = plan.referenced_structure_set_uid
    ds.ReferencedStructureSetSequence = [structure_set]
    ds.DoseReferenceSequence = [_dose_reference(n, p, plan) for n, p in enumerate(plan.prescriptions, start=1)]
    references = range(1, len(plan.prescriptions) + 1)
    ds.FractionGroupSequence = [_fraction_group(group, references) for group in plan.fraction_groups]
    beams = [number for group in plan.fraction_groups for number, _ in group.beam_doses_gy]
    ds.BeamSequence = [_beam(n, 360.0 * k / len(beams), plan.isocentres_mm[0]) for k, n in enumerate(beams)]
    setup = Dataset()
    setup.PatientPosition = header.patient_position
    setup.PatientSetupNumber = 1
    ds.PatientSetupSequence = [setup]
    ds.ApprovalStatus = plan.approval_status
    if plan.approval_status == "APPROVED":
        stamp(ds, "Review", header)
        ds.ReviewerName = ""
    save(ds, path)


def _dose_reference(number: int, prescription: Prescription, plan: Plan) -> Dataset:
    item = Dataset()
    item.DoseReferenceNumber = number
    item.DoseReferenceUID = derived_uid(plan.sop_instance_uid, "dose reference", str(number))
    item.DoseReferenceStructureType = "SITE" if prescription.target_roi is None else "VOLUME"
    item.DoseReferenceDescription = prescription.target_name
    item.DoseReferenceType = "TARGET"
    item.TargetPrescriptionDose = decimal(prescription.dose_gy)
    if prescription.target_roi is not None:
        item.ReferencedROINumber = prescription.target_roi
    return item


def _fraction_group(group: FractionGroup, references: range) -> Dataset:
    item = Dataset()
    item.FractionGroupNumber = group.number
    item.NumberOfFractionsPlanned = group.fractions
    item.NumberOfBeams = len(group.beam_doses_gy)
    item.NumberOfBrachyApplicationSetups = 0
    item.ReferencedBeamSequence = [_referenced_beam(number, dose_gy) for number, dose_gy in group.beam_doses_gy]
    item.ReferencedDoseReferenceSequence = [_reference(number) for number in references]
    return item


def _reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedDoseReferenceNumber = number
    return item


def _referenced_beam(number: int, dose_gy: float | None) -> Dataset:
    item = Dataset()
    if dose_gy is not None:
        item.BeamDose = decimal(dose_gy)
        item.BeamMeterset = decimal(dose_gy * _METERSET_MU_PER_GY)
    item.ReferencedBeamNumber = number
    return item


def _beam(number: int, gantry_deg: float, isocentre_mm: tuple[float, float, float]) -> Dataset:
    beam = Dataset()
    beam.TreatmentMachineName = "PHANTOM"
    beam.PrimaryDosimeterUnit = "MU"
    beam.SourceAxisDistance = "1000"
    beam.BeamLimitingDeviceSequence = [_jaws("ASYMX"), _jaws("ASYMY")]
    beam.BeamNumber = number
    beam.BeamName = f"Field {number}"
    beam.BeamType = "STATIC"
    beam.RadiationType = "PHOTON"
    beam.TreatmentDeliveryType = "TREATMENT"
    beam.NumberOfWedges = beam.NumberOfCompensators = beam.NumberOfBoli = beam.NumberOfBlocks = 0
    beam.FinalCumulativeMetersetWeight = "1"
    beam.NumberOfControlPoints = 2
    beam.ControlPointSequence = [_first_control_point(gantry_deg, isocentre_mm), _last_control_point()]
    beam.ReferencedPatientSetupNumber = 1
    return beam


def _jaws(kind: str) -> Dataset:
    item = Dataset()
    item.RTBeamLimitingDeviceType = kind
    item.NumberOfLeafJawPairs = 1
    return item


def _first_control_point(gantry_deg: float, isocentre_mm: tuple[float, float, float]) -> Dataset:
    point = Dataset()
    point.ControlPointIndex = 0
    point.NominalBeamEnergy = "6"
    openings = []
    for kind in ("ASYMX", "ASYMY"):
        opening = Dataset()
        opening.RTBeamLimitingDeviceType = kind
        opening.LeafJawPositions = decimals((-_JAW_MM, _JAW_MM))
        openings.append(opening)
    point.BeamLimitingDevicePositionSequence = openings
    for angle in _ANGLES:
        setattr(point, f"{angle}Angle", decimal(gantry_deg if angle == "Gantry" else 0.0))
        setattr(point, f"{angle}RotationDirection", "NONE")
    point.TableTopVerticalPosition = point.TableTopLongitudinalPosition = point.TableTopLateralPosition = ""
    point.IsocenterPosition = decimals(isocentre_mm)
    point.CumulativeMetersetWeight = "0"
    return point


def _last_control_point() -> Dataset:
    point = Dataset()
    point.ControlPointIndex = 1
    point.CumulativeMetersetWeight = "1"
    return point
