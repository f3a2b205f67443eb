"""What was prescribed: from dose references, from what a planning system writes elsewhere, or from beam doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sbrtcheck.dicom.ledger import Ledger, Severity
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.plan import PlanReading
from sbrtcheck.dicom.quirks import all_quirks
from sbrtcheck.errors import UnusablePlan
from sbrtcheck.model import FractionGroup, Prescription, StructureSet

# A choice of this program. Beam Dose is the dose at one point, which need not be where the prescription is defined;
# closer than 5 % the two are taken to agree.
BEAM_DOSE_TOLERANCE: Final = 0.05
# Limits and prescriptions are written with a few digits; half a percent is rounding.
ROUNDING: Final = 0.005
_POINTS: Final = frozenset(("POINT", "COORDINATES"))


def with_prescriptions(reading: PlanReading, structures: StructureSet | None, ledger: Ledger) -> PlanReading:
    """Return the plan with its prescriptions, and leave notices where the files contradict each other.

    Raises
    ------
    UnusablePlan
        If two dose references carry one number.
    UnreadableFile
        If a value is malformed.

    Notes
    -----
    Dose references come first (PS3.3 C.8.8.10), then what a quirk knows, then the sum of beam doses times fractions.
    """
    found = _from_dose_references(reading, structures, ledger)
    if not found:
        found = _from_quirks(reading, structures, ledger)
    if not found:
        found = _from_beam_doses(reading, ledger)
    if not found:
        ledger.notice(
            "no-prescription",
            "The plan states no prescribed dose: neither dose references nor complete beam doses",
            reading.document.uid,
        )
    return replace(reading, plan=replace(reading.plan, prescriptions=found))


def _from_dose_references(
    reading: PlanReading, structures: StructureSet | None, ledger: Ledger
) -> tuple[Prescription, ...]:
    targets = [r for r in _numbered_references(reading) if r[1].code("DoseReferenceType") == "TARGET"]
    dosed = [(n, item, dose) for n, item in targets if (dose := _prescribed_gy(reading, n, item, ledger)) is not None]
    sites = [d for d in dosed if d[1].code("DoseReferenceStructureType") not in _POINTS]
    for number, _, dose in dosed if sites else []:
        if number not in {n for n, _, _ in sites}:
            ledger.notice(
                "dose-reference-point",
                f"Dose reference {number} ({dose:g} Gy) is a point beside a prescribed site or volume; it is taken "
                "as a point of calculation, not as a prescription",
                reading.document.uid,
                "info",
            )
    found = []
    for number, item, dose in sites or dosed:
        groups = _groups_of(reading, number)
        _check_against_limits(reading, number, item, dose, ledger)
        if len(groups) == 1:
            _check_against_beams(reading, groups[0], dose, f"dose reference {number}", ledger)
        else:
            ledger.notice(
                "prescription-fractions-unknown",
                f"Dose reference {number} belongs to {len(groups)} fraction groups; its number of fractions is unknown",
                reading.document.uid,
            )
        roi = _target_roi(reading, number, item, structures, ledger)
        fractions = groups[0].fractions if len(groups) == 1 else None
        found.append(Prescription(dose, fractions, roi, item.text("DoseReferenceDescription"), "dose-reference"))
    return tuple(found)


def _numbered_references(reading: PlanReading) -> list[tuple[int, Node]]:
    found: dict[int, Node] = {}
    for item in reading.document.root.items("DoseReferenceSequence"):
        number = item.integer("DoseReferenceNumber")
        if number is None or number in found:
            raise UnusablePlan("Dose Reference Number is missing or used twice", remedy="Export the plan again")
        found[number] = item
    return sorted(found.items())


def _group_links(reading: PlanReading) -> list[tuple[int, int, Node]]:
    """Fraction group number, dose reference number and item of each link between them."""
    links = []
    for group in reading.document.root.items("FractionGroupSequence"):
        for item in group.items("ReferencedDoseReferenceSequence"):
            group_number, number = group.integer("FractionGroupNumber"), item.integer("ReferencedDoseReferenceNumber")
            if group_number is not None and number is not None:
                links.append((group_number, number, item))
    return links


def _groups_of(reading: PlanReading, number: int) -> list[FractionGroup]:
    """Return the fraction groups that refer to a dose reference, or the only group there is."""
    linked = {group for group, reference, _ in _group_links(reading) if reference == number}
    groups = reading.plan.fraction_groups
    found = [g for g in groups if g.number in linked]
    return found or (list(groups) if len(groups) == 1 else [])


def _prescribed_gy(reading: PlanReading, number: int, item: Node, ledger: Ledger) -> float | None:
    stated = item.number("TargetPrescriptionDose")
    within = [d for _, n, i in _group_links(reading) if n == number and (d := i.number("TargetPrescriptionDose"))]
    dose = stated or (within[0] if len(within) == 1 else None)
    if dose is not None and dose < 0:
        raise UnusablePlan(f"Target Prescription Dose of dose reference {number} is negative")
    if dose and len(within) == 1 and abs(within[0] - dose) > ROUNDING * dose:
        _contradiction(
            reading,
            ledger,
            f"Dose reference {number} is {dose:g} Gy, its fraction group says {within[0]:g} Gy",
            "blocking",
        )
    return dose or None


def _target_roi(
    reading: PlanReading, number: int, item: Node, structures: StructureSet | None, ledger: Ledger
) -> int | None:
    if item.code("DoseReferenceStructureType") != "VOLUME":
        return None
    roi = item.integer("ReferencedROINumber")
    known = None if structures is None else {s.roi_number for s in structures.structures}
    if roi is not None and known is not None and roi not in known:
        _contradiction(reading, ledger, f"Dose reference {number} names ROI {roi}, which is not there", "blocking")
        return None
    return roi


def _check_against_limits(reading: PlanReading, number: int, item: Node, dose: float, ledger: Ledger) -> None:
    for keyword, words in (("DeliveryMaximumDose", "delivery maximum"), ("TargetMaximumDose", "target maximum")):
        limit = item.number(keyword)
        if limit is not None and 0 < limit < dose * (1 - ROUNDING):
            _contradiction(
                reading,
                ledger,
                f"Dose reference {number} prescribes {dose:g} Gy and gives {limit:g} Gy as {words} dose",
                "blocking",
            )


def _beam_total_gy(reading: PlanReading, group: FractionGroup) -> float | None:
    """Return beam doses times fractions, None where any treatment beam has no dose."""
    doses = [dose for number, dose in group.beam_doses_gy if number in reading.treatment_beams]
    known = [dose for dose in doses if dose is not None]
    if group.fractions is None or not known or len(known) < len(doses):
        return None
    return sum(known) * group.fractions


def _check_against_beams(
    reading: PlanReading, group: FractionGroup, dose: float, what: str, ledger: Ledger, percent: float = 100.0
) -> None:
    total = _beam_total_gy(reading, group)
    if total is not None and abs(total * percent / 100.0 - dose) > BEAM_DOSE_TOLERANCE * dose:
        _contradiction(
            reading,
            ledger,
            f"{what[0].upper()}{what[1:]} prescribes {dose:g} Gy, the beam doses of fraction group {group.number} add "
            f"up to {total * percent / 100.0:.2f} Gy in {group.fractions} fractions",
            "warning",
        )


def _from_quirks(reading: PlanReading, structures: StructureSet | None, ledger: Ledger) -> tuple[Prescription, ...]:
    for quirk in all_quirks():
        stated = quirk.prescriptions(reading.document, structures)
        if not stated:
            continue
        ledger.notice(quirk.id, quirk.says, reading.document.uid, quirk.severity)
        groups = {group.number: group for group in reading.plan.fraction_groups}
        for one in stated:
            group = groups.get(one.fraction_group)
            what = f"the prescription in the name of ROI {one.roi_number}"
            if group is None or group.fractions != one.prescription.fractions:
                _contradiction(reading, ledger, f"{what} does not fit fraction group {one.fraction_group}", "blocking")
            else:
                _check_against_beams(reading, group, one.prescription.dose_gy, what, ledger, one.percent)
        return tuple(one.prescription for one in stated)
    return ()


def _from_beam_doses(reading: PlanReading, ledger: Ledger) -> tuple[Prescription, ...]:
    totals = [(group, _beam_total_gy(reading, group)) for group in reading.plan.fraction_groups]
    complete = [(group, total) for group, total in totals if total]
    if len(complete) < len(totals):
        return ()
    for group, total in complete:
        ledger.assume(
            "prescription",
            f"No dose reference prescribes a dose: {total:.2f} Gy in {group.fractions} fractions is the sum of the "
            f"beam doses of fraction group {group.number}, at their dose points, and stands in for the prescription",
            "State the prescription in the site file",
        )
    return tuple(Prescription(total, group.fractions, None, "", "beam-dose") for group, total in complete)


def _contradiction(reading: PlanReading, ledger: Ledger, message: str, severity: Severity) -> None:
    ledger.notice("prescription-contradiction", message, reading.document.uid, severity)


def prescribed_doses_gy(reading: PlanReading | None) -> Sequence[float]:
    """Return all prescribed doses of a plan, Gy."""
    return [p.dose_gy for p in reading.plan.prescriptions] if reading else []
