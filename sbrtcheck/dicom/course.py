"""The parts of one course, read and laid over each other: plan, structures, dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.dose import DoseHeader
from sbrtcheck.dicom.dose_sum import check_against_prescription, plan_dose
from sbrtcheck.dicom.dvh import read_dvhs
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.plan import PlanReading
from sbrtcheck.dicom.prescription import prescribed_doses_gy, with_prescriptions
from sbrtcheck.dicom.structures import read_structures
from sbrtcheck.errors import InputError
from sbrtcheck.model import Dose, Plan, StructureSet


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What could be read of one course; what is missing is None."""

    plan: Plan | None
    structure_set: StructureSet | None
    dose: Dose | None


def read_course(
    plan: PlanReading | None,
    headers: Sequence[DoseHeader],
    structures: Document | None,
    ledger: Ledger,
    *,
    contradicted: bool,
) -> Course:
    """Read the objects of one course.

    Parameters
    ----------
    headers : sequence of DoseHeader
        Doses that belong to it.
    contradicted : bool
        Whether plan or dose refer to another structure set than ``structures``.

    Raises
    ------
    AmbiguousCase
        If two doses could each be the dose of the plan.
    """
    structure_set = _structures(structures, plan, headers, ledger, contradicted=contradicted)
    if plan is not None:
        plan = _prescribed(plan, structure_set, ledger)
    dose = plan_dose(headers, plan, ledger)
    if dose is not None and not _in_frame(dose, plan, structure_set, ledger):
        for header in headers:
            if header.document.uid in dose.sop_instance_uids:
                ledger.withdraw(header.document.file, "its frame of reference is not that of the structures")
        dose = None
    if dose is not None:
        check_against_prescription(dose, plan, ledger)
        dose = _with_dvhs(dose, headers, plan, structure_set, ledger)
    structure_set = _in_one_frame(structure_set, plan, dose, ledger)
    return Course(plan.plan if plan else None, structure_set, dose)


def _structures(
    document: Document | None,
    plan: PlanReading | None,
    headers: Sequence[DoseHeader],
    ledger: Ledger,
    *,
    contradicted: bool,
) -> StructureSet | None:
    if document is None:
        return None
    try:
        structures = read_structures(document, ledger)
    except InputError as problem:
        ledger.refuse(document.file, problem)
        return None
    if contradicted:
        frames = {h.frame_of_reference_uid for h in headers} | ({plan.plan.frame_of_reference_uid} if plan else set())
        if frames.isdisjoint(structures.frame_of_reference_uids):
            why = "plan or dose refer to another structure set, and no common frame of reference is stated"
            ledger.ignore(document.file, why)
            ledger.notice("structures-not-linked", f"The structure set is not used: {why}", document.uid, "blocking")
            return None
        ledger.assume(
            "structures",
            "The only structure set is used although plan or dose refer to another: it is in their frame of reference",
            "Export the structure set that the plan refers to",
        )
        message = "Plan or dose refer to another structure set, which is not in the input"
        ledger.notice("structures-not-linked", message, document.uid, "blocking")
    ledger.use(document.file, "structures")
    return structures


def _prescribed(plan: PlanReading, structures: StructureSet | None, ledger: Ledger) -> PlanReading | None:
    try:
        plan = with_prescriptions(plan, structures, ledger)
    except InputError as problem:
        ledger.refuse(plan.document.file, problem)
        return None
    ledger.use(plan.document.file, "plan")
    frame = plan.plan.frame_of_reference_uid
    known = structures.frame_of_reference_uids if structures else ()
    if frame and known and frame not in known:
        message = "Plan and structures are in different frames of reference"
        ledger.notice("frame-of-reference-differs", message, plan.document.uid, "blocking")
    return plan


def _with_dvhs(
    dose: Dose, headers: Sequence[DoseHeader], plan: PlanReading | None, structures: StructureSet | None, ledger: Ledger
) -> Dose:
    """Add the stored DVHs of a dose that is not a sum and refers to the structures used."""
    header = next(h for h in headers if h.document.uid == dose.sop_instance_uids[0])
    if len(dose.sop_instance_uids) > 1 or structures is None or "DVHSequence" not in header.document.root:
        return dose
    if header.structure_set_uids != (structures.sop_instance_uid,):
        message = "The stored DVHs belong to another structure set and are not used"
        ledger.notice("tps-dvh-skipped", message, header.document.uid, "info")
        return dose
    known = {s.roi_number for s in structures.structures}
    dvhs = read_dvhs(header.document, prescribed_doses_gy(plan), ledger)
    return replace(dose, tps_dvhs=tuple(d for d in dvhs if d.roi_number in known))


def _in_frame(dose: Dose, plan: PlanReading | None, structures: StructureSet | None, ledger: Ledger) -> bool:
    """Whether a dose may be laid over the structures: same frame of reference, or none stated but linked by UID."""
    uid, frame = dose.sop_instance_uids[0], dose.frame_of_reference_uid
    if structures is None:
        return True
    known = set(structures.frame_of_reference_uids)
    if frame and frame in known:
        return True
    if frame and known:
        message = "The dose is not used: its frame of reference is not that of the structures"
        ledger.notice("frame-of-reference-differs", message, uid, "blocking")
        return False
    linked = plan is not None and plan.plan.referenced_structure_set_uid == structures.sop_instance_uid
    if linked and plan is not None and plan.plan.sop_instance_uid in dose.referenced_plan_uids:
        message = "Dose or structures state no frame of reference; the plan links them"
        ledger.notice("frame-of-reference-missing", message, uid, "blocking")
        return True
    message = "The dose is not used: dose or structures state no frame of reference, and no plan links them"
    ledger.notice("frame-of-reference-missing", message, uid, "blocking")
    return False


def _in_one_frame(
    structures: StructureSet | None, plan: PlanReading | None, dose: Dose | None, ledger: Ledger
) -> StructureSet | None:
    """Return the structures without the contours of ROIs in another frame of reference than the course."""
    if structures is None or len({s.frame_of_reference_uid for s in structures.structures} - {""}) < 2:
        return structures
    frame = (dose.frame_of_reference_uid if dose else "") or (plan.plan.frame_of_reference_uid if plan else "")
    if not frame:
        message = "The ROIs lie in several frames of reference, and neither plan nor dose says which one counts"
        ledger.notice("several-frames-of-reference", message, structures.sop_instance_uid, "blocking")
        return structures
    strange = {s.roi_number for s in structures.structures if s.frame_of_reference_uid not in {frame, ""}}
    for number in sorted(strange):
        message = f"ROI {number} lies in another frame of reference than the plan; none of its contours is kept"
        ledger.notice("roi-in-another-frame", message, structures.sop_instance_uid, "blocking")
    kept = tuple(replace(s, contours=()) if s.roi_number in strange else s for s in structures.structures)
    return replace(structures, structures=kept)
