"""Every lesion has a prescription, and dose: median dose of its target in percent of the prescription; limit in %."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, lesions, no_lesions, not_evaluated
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.dose.dvh import dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.results import Evidence, Outcome, Verdict


class Parameters(InUnit):
    """No parameters: the share of the prescription that counts as treated is the rule's limit."""

    limit_unit: ClassVar[str] = "%"


class TargetTreated:
    """Look for prescription and dose in the outermost target of each lesion, and for lesions that have no target.

    Notes
    -----
    This is no limit on coverage. The median dose tells a target that the plan treats from one that only receives
    scattered dose. Whether every progressing lesion has a target shows only in the declared number of them
    (``progressing_lesions``).
    """

    id: ClassVar[str] = "target-treated"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion, and one for the number of lesions."""
        nothing = no_lesions(derived)
        if nothing:
            return nothing
        return (*(_one(lesion, task, derived) for lesion in derived.lesions), _all_have_targets(task, derived))


def _one(lesion: Lesion, task: Task, derived: Derived) -> Outcome:
    target = lesion.outermost
    try:
        prescription, dvh = derived.prescription(target), derived.dvh(target)
        median_gy = dvh.interval(lambda curve: dose_to_hottest(curve, 0.5 * curve.total_cm3))
    except NotComputable as missing:
        return not_evaluated(str(missing), lesion.id, target)
    fractions = f" in {prescription.fractions} fractions" if prescription.fractions is not None else ""
    stated = f"{prescription.dose_gy:g} Gy{fractions} ({prescription.source})"
    reason = f"median dose of {target.where} is {median_gy.value:.2f} Gy, prescribed {stated}"
    if dvh.outside_fraction > 0:
        reason += f"; {100 * dvh.outside_fraction:.1f} % of it lies outside the dose grid"
    return Outcome(
        lesion.id,
        target.roi_number,
        median_gy.scaled(100.0 / prescription.dose_gy),
        Parameters.limit_unit,
        task.rule.limit,
        reason=reason,
        evidence=(Evidence(text=f"prescription of {lesion.id}: {stated}", roi_numbers=(target.roi_number,)),),
    )


def _all_have_targets(task: Task, derived: Derived) -> Outcome:
    declared, count = task.declared.facts.get("progressing_lesions"), derived.grouping.count
    if count is None or isinstance(declared, bool) or not isinstance(declared, int):
        return not_evaluated("the number of progressing lesions is not declared (progressing_lesions)")
    drawn = f"{count.value:g}" if count.low == count.high else f"{count.low:g} to {count.high:g}"
    reason = f"declared: {lesions(declared)} in progression, drawn: {drawn}"
    if count.low == declared == count.high:
        return Outcome(PATIENT, verdict=Verdict.PASS, reason=reason)
    if count.high < declared:
        reason += "; the others must be treated by another plan, which these files do not show"
    else:
        reason += "; say in the site file which targets are lesions, or correct the declared number"
    return Outcome(PATIENT, verdict=Verdict.INDETERMINATE, reason=reason)


CHECK = TargetTreated()
