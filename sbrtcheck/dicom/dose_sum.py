"""The dose of a plan from the RT Dose objects that belong to it: one of them, or a sum only where a sum is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sbrtcheck.dicom.dose import SUMMABLE, DoseHeader, read_dose
from sbrtcheck.dicom.grid import POSITION_TOLERANCE_MM
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.plan import PlanReading
from sbrtcheck.dicom.quirks import all_quirks
from sbrtcheck.errors import AmbiguousCase, InputError, UnusableDose
from sbrtcheck.model import Dose, frozen

# A choice of this program. A plan's maximum is at least its prescription, so a total below 95 % of it (5 % for the
# dose grid missing the hottest point) is not a total; one beyond three times it is not a plan of this prescription,
# since even a 50 % isodose doubles it.
LEAST_MAXIMUM: Final = 0.95
GREATEST_MAXIMUM: Final = 3.0


def plan_dose(headers: Sequence[DoseHeader], plan: PlanReading | None, ledger: Ledger) -> Dose | None:
    """Return the dose of one plan.

    Parameters
    ----------
    headers : sequence of DoseHeader
        All dose objects that belong to the plan (or, without a plan, to the same absent one).

    Raises
    ------
    AmbiguousCase
        If two objects could each be the dose of the plan.

    Notes
    -----
    A PLAN dose is the whole; FRACTION and BEAM doses beside it repeat it. Without one, FRACTION or BEAM doses are added
    where together they hold every fraction group or every beam exactly once, on one grid, of physical dose.
    """
    readable: list[tuple[DoseHeader, Dose]] = []
    for header in headers:
        try:
            readable.append((header, read_dose(header)))
        except InputError as problem:
            ledger.refuse(header.document.file, problem)
    for summation in SUMMABLE:
        chosen = [(h, d) for h, d in readable if h.summation == summation]
        if not chosen:
            continue
        for header, _ in readable:
            if header.summation != summation:
                ledger.ignore(header.document.file, f"the {summation} dose is used; adding this would count it twice")
        try:
            return _whole(chosen, plan, ledger)
        except UnusableDose as problem:
            _set_aside(chosen, problem, ledger)
            return None
    return None


def _whole(chosen: list[tuple[DoseHeader, Dose]], plan: PlanReading | None, ledger: Ledger) -> Dose:
    summation = chosen[0][0].summation
    if summation == "PLAN":
        if len(chosen) > 1:
            raise ambiguous("RT Dose", [h for h, _ in chosen])
        dose = chosen[0][1]
        why = "dose of the plan"
    else:
        total = _holds_plan_total(chosen, ledger)
        if not total:
            _check_parts([h for h, _ in chosen], summation, plan)
        dose = chosen[0][1] if len(chosen) == 1 else _added([d for _, d in chosen])
        if not total:
            _check_total(dose, plan, summation)
        why = f"dose of the plan ({summation} dose{'s added' if len(chosen) > 1 else ''})"
        ledger.assume("dose", _how(summation, [h for h, _ in chosen]), "Export one RT Dose of the whole plan")
    for header, _ in chosen:
        ledger.use(header.document.file, why)
    return dose


def ambiguous(what: str, headers: Sequence[DoseHeader]) -> AmbiguousCase:
    """Return the error for several dose objects that could each be the one."""
    listed = "; ".join(sorted(f"{h.document.uid} ({h.summation}, {h.kind})" for h in headers))
    return AmbiguousCase(
        f"{len(headers)} {what} objects could each be the dose of the plan: {listed}",
        remedy="Leave one of them in the input, or pick a plan with --plan UID",
    )


def _how(summation: str, headers: Sequence[DoseHeader]) -> str:
    uids = ", ".join(sorted(h.document.uid for h in headers))
    if len(headers) == 1:
        return f"The {summation} dose {uids} is taken as the dose of the whole plan"
    return f"The dose of the plan is the sum of its {len(headers)} {summation} doses: {uids}"


def _holds_plan_total(chosen: list[tuple[DoseHeader, Dose]], ledger: Ledger) -> bool:
    if len(chosen) != 1:
        return False
    document = chosen[0][0].document
    for quirk in all_quirks():
        if quirk.holds_plan_total(document):
            ledger.notice(quirk.id, quirk.says, document.uid, quirk.severity)
            return True
    return False


def _check_parts(headers: Sequence[DoseHeader], summation: str, plan: PlanReading | None) -> None:
    """Refuse parts that are not the whole plan, each once."""
    if plan is None:
        raise UnusableDose(f"without the plan it is not known whether {summation} doses are all of it")
    if summation == "FRACTION":
        wanted = Counter(group.number for group in plan.plan.fraction_groups)
        held = Counter(n for h in headers for n in set(h.fraction_groups))
        if not held and len(headers) == 1 and len(wanted) == 1:
            return
        what = "fraction group"
    else:
        wanted = Counter(set(plan.treatment_beams))
        held = Counter(n for h in headers for n in set(h.beams))
        what = "beam"
    if wanted != held or not all(h.fraction_groups if summation == "FRACTION" else h.beams for h in headers):
        raise UnusableDose(
            f"the {summation} doses do not hold every {what} of the plan exactly once",
            remedy="Export one RT Dose of the whole plan",
        )


def _added(doses: Sequence[Dose]) -> Dose:
    first = doses[0]
    if any(d.kind != "PHYSICAL" for d in doses):
        raise UnusableDose("RBE-weighted doses, or a mixture of kinds, cannot be added", remedy="Export the plan dose")
    if any(not _same_grid(first, d) for d in doses[1:]):
        raise UnusableDose("the doses to be added lie on different grids", remedy="Export the plan dose")
    total = np.zeros(first.dose_gy.shape, dtype=np.float64)
    for dose in doses:
        total += dose.dose_gy
    return replace(
        first,
        dose_gy=frozen(total, np.float32),
        quantisation_gy=sum(d.quantisation_gy for d in doses),
        sop_instance_uids=tuple(uid for d in doses for uid in d.sop_instance_uids),
    )


def _same_grid(a: Dose, b: Dose) -> bool:
    one, other = a.lattice, b.lattice
    if a.frame_of_reference_uid != b.frame_of_reference_uid or one.shape != other.shape:
        return False
    # Ticks and axes are compared where they put voxels: within a hundredth of a millimetre.
    pairs = [(one.i_mm, other.i_mm), (one.j_mm, other.j_mm), (one.k_mm, other.k_mm), (one.to_patient, other.to_patient)]
    return all(np.allclose(x, y, rtol=0.0, atol=POSITION_TOLERANCE_MM) for x, y in pairs[:3]) and bool(
        np.allclose(pairs[3][0][:3, 3], pairs[3][1][:3, 3], rtol=0.0, atol=POSITION_TOLERANCE_MM)
        and np.allclose(pairs[3][0][:3, :3], pairs[3][1][:3, :3], rtol=0.0, atol=1e-5)
    )


def _check_total(dose: Dose, plan: PlanReading | None, summation: str) -> None:
    """Refuse a FRACTION or BEAM dose that may be the dose of one fraction.

    The standard says "entire delivery", but not every writer does. With three fractions or more, a maximum that
    reaches the prescription cannot be one fraction's; with two it could, so it stays undecided.
    """
    fractions = {group.fractions for group in plan.plan.fraction_groups} if plan else {None}
    if fractions == {1}:
        return
    prescribed = _prescribed_total_gy(plan)
    if prescribed is None or None in fractions or 2 in fractions:
        raise UnusableDose(
            f"it cannot be decided whether the {summation} dose is of one fraction or of all",
            remedy="Export one RT Dose of the whole plan",
        )
    if float(dose.dose_gy.max()) < LEAST_MAXIMUM * prescribed:
        raise UnusableDose(
            f"the maximum of the {summation} dose is below the prescription, so it may be of one fraction only",
            remedy="Export one RT Dose of the whole plan",
        )


def _prescribed_total_gy(plan: PlanReading | None) -> float | None:
    """Return the greatest prescription known; for groups in sequence at least this much is given somewhere."""
    doses = [p.dose_gy for p in plan.plan.prescriptions] if plan else []
    return max(doses) if doses else None


def check_against_prescription(dose: Dose, plan: PlanReading | None, ledger: Ledger) -> None:
    """Leave a blocking notice where the dose cannot be the dose of these prescriptions."""
    doses = [p.dose_gy for p in plan.plan.prescriptions] if plan else []
    if not doses:
        return
    highest = float(dose.dose_gy.max())
    if LEAST_MAXIMUM * max(doses) <= highest <= GREATEST_MAXIMUM * sum(doses):
        return
    ledger.notice(
        "dose-contradicts-prescription",
        f"The dose grid has its maximum at {highest:.2f} Gy, the greatest prescription is {max(doses):.2f} Gy: "
        "the dose may be of one fraction, of another plan, or in another unit",
        dose.sop_instance_uids[0],
        "blocking",
    )


def _set_aside(chosen: list[tuple[DoseHeader, Dose]], problem: UnusableDose, ledger: Ledger) -> None:
    for header, _ in chosen:
        ledger.ignore(header.document.file, problem.message)
    uids = ", ".join(sorted(h.document.uid for h, _ in chosen))
    ledger.notice(problem.code, f"{problem.message}. {problem.remedy}".rstrip(". "), uids, "blocking")
