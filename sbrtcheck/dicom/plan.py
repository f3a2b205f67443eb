"""RT Plan and RT Ion Plan: beams, fraction groups, what the plan refers to."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.dicom.document import Document, Kind
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.node import Node
from sbrtcheck.errors import UnusablePlan
from sbrtcheck.model import FractionGroup, Plan

_BEAMS = {
    Kind.PLAN: ("BeamSequence", "ControlPointSequence"),
    Kind.ION_PLAN: ("IonBeamSequence", "IonControlPointSequence"),
}
_DATE_LENGTH = 8
_TIME_LENGTH = 6


@dataclass(frozen=True, slots=True, eq=False)
class PlanReading:
    """A plan and the data set it came from.

    Attributes
    ----------
    plan : Plan
        Without prescriptions until the structure set is known.
    treatment_beams : tuple of int
        Numbers of the beams that treat (set-up beams left out), rising.
    """

    plan: Plan
    document: Document
    treatment_beams: tuple[int, ...]


def read_plan(document: Document, ledger: Ledger) -> PlanReading:
    """Read one plan, still without prescriptions.

    Raises
    ------
    UnusablePlan
        If required parts are missing or contradict each other, as in a file that was cut short between elements.
    UnreadableFile
        If a value is malformed.
    """
    root = document.root
    _check_complete(document)
    beams = _beams(document)
    groups = _fraction_groups(root, beams)
    referenced = {number for group in groups for number, _ in group.beam_doses_gy}
    treating = tuple(
        sorted(n for n, b in beams.items() if n in referenced and b.code("TreatmentDeliveryType") != "SETUP")
    )
    if not treating:
        raise UnusablePlan("no fraction group of the plan holds a treatment beam", where=document.uid)
    for group in groups:
        if group.fractions is None:
            ledger.notice(
                "no-fractions", f"Fraction group {group.number} does not say how many fractions", document.uid
            )
    plan = Plan(
        sop_instance_uid=document.uid,
        label=root.text("RTPlanLabel"),
        is_ion=document.kind is Kind.ION_PLAN,
        prescriptions=(),
        fraction_groups=groups,
        referenced_structure_set_uid=root.item("ReferencedStructureSetSequence").uid("ReferencedSOPInstanceUID"),
        frame_of_reference_uid=root.uid("FrameOfReferenceUID"),
        approval_status=root.code("ApprovalStatus"),
        isocentres_mm=_isocentres(document, [beams[n] for n in treating]),
        date=date_of(root, "RTPlanDate"),
        treatment_beams=treating,
        created=_created(root),
        beams_without_isocentre=tuple(n for n in treating if not _isocentres(document, [beams[n]])),
    )
    return PlanReading(plan, document, treating)


def _created(root: Node) -> str:
    """Return RT Plan Date and Time to the second, the date alone where the time is not sound, "" without a date."""
    date, time = root.text("RTPlanDate"), root.text("RTPlanTime")[:_TIME_LENGTH]
    if not (len(date) == _DATE_LENGTH and date.isascii() and date.isdigit()):
        return ""
    return date + (time if len(time) == _TIME_LENGTH and time.isascii() and time.isdigit() else "")


def date_of(root: Node, keyword: str) -> str:
    """Return a date as YYYYMMDD, of the study where the object has none, "" where neither has one."""
    for date in (root.text(keyword), root.text("StudyDate")):
        if len(date) == _DATE_LENGTH and date.isascii() and date.isdigit():
            return date
    return ""


def _check_complete(document: Document) -> None:
    root = document.root
    missing = [k for k in ("RTPlanLabel", "RTPlanGeometry") if k not in root]
    missing += [k for k in ("FractionGroupSequence", _BEAMS[document.kind][0]) if not root.items(k)]
    if root.code("RTPlanGeometry") == "PATIENT" and not root.items("ReferencedStructureSetSequence"):
        missing.append("ReferencedStructureSetSequence")
    if missing:
        raise UnusablePlan(
            f"the plan lacks {', '.join(missing)}: incomplete or cut short", remedy="Export the plan again"
        )


def _beams(document: Document) -> dict[int, Node]:
    beams: dict[int, Node] = {}
    for beam in document.root.items(_BEAMS[document.kind][0]):
        number = beam.integer("BeamNumber")
        if number is None or number in beams:
            raise UnusablePlan("Beam Number is missing or used twice", remedy="Export the plan again")
        beams[number] = beam
    return beams


def _fraction_groups(root: Node, beams: dict[int, Node]) -> tuple[FractionGroup, ...]:
    groups: dict[int, FractionGroup] = {}
    for item in root.items("FractionGroupSequence"):
        number = item.integer("FractionGroupNumber")
        if number is None or number in groups:
            raise UnusablePlan("Fraction Group Number is missing or used twice", remedy="Export the plan again")
        if (item.integer("NumberOfBrachyApplicationSetups") or 0) > 0:
            raise UnusablePlan("the plan holds brachytherapy, which is not read")
        fractions = item.integer("NumberOfFractionsPlanned")
        if fractions is not None and fractions < 1:
            raise UnusablePlan(f"fraction group {number} plans {fractions} fractions")
        groups[number] = FractionGroup(number, fractions, _beam_doses(item, beams))
    return tuple(groups[number] for number in sorted(groups))


def _beam_doses(group: Node, beams: dict[int, Node]) -> tuple[tuple[int, float | None], ...]:
    doses: dict[int, float | None] = {}
    for item in group.items("ReferencedBeamSequence"):
        number = item.integer("ReferencedBeamNumber")
        if number is None or number not in beams or number in doses:
            raise UnusablePlan("a fraction group refers to a beam that is not there, or twice to one")
        dose = item.number("BeamDose")
        if dose is not None and dose < 0:
            raise UnusablePlan(f"Beam Dose of beam {number} is negative")
        doses[number] = dose
    return tuple(sorted(doses.items()))


def _isocentres(document: Document, beams: list[Node]) -> tuple[tuple[float, float, float], ...]:
    found: dict[tuple[float, float, float], None] = {}
    for beam in beams:
        for point in beam.items(_BEAMS[document.kind][1]):
            position = point.numbers("IsocenterPosition")
            if position is None:
                continue
            if len(position) != 3:
                raise UnusablePlan("Isocenter Position does not hold three numbers")
            x, y, z = (float(v) for v in position)
            found[x, y, z] = None
    return tuple(found)
