"""Beam doses times fractions against the prescription: how far they are apart, in % of the prescription."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.model import FractionGroup, Plan, Prescription
from sbrtcheck.results import Interval, Outcome


class Parameters(InUnit):
    """No parameters."""

    limit_unit: ClassVar[str] = "%"


class FractionDose:
    """Compare, for each fraction group, the sum of its beam doses times its fractions with the prescriptions.

    Notes
    -----
    Beam Dose is the dose at one point per beam, which need not be where the prescription is defined: a plan prescribed
    to the 80 % isodose and stating beam doses at the isocentre differs by 25 % and is right. Where several
    prescriptions have the number of fractions of the group, the files do not say which of them the points belong to:
    the nearest and the farthest are the bounds.
    """

    id: ClassVar[str] = "fraction-dose"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a fraction group."""
        plan = derived.case.plan
        if plan is None or not plan.fraction_groups:
            return (not_evaluated("no usable RT Plan with fraction groups was found"),)
        stated = [p for p in plan.prescriptions if p.source != "beam-dose"]
        if not stated:
            return (not_evaluated("the plan states no prescription besides its beam doses"),)
        return tuple(_one(group, stated, plan, task) for group in plan.fraction_groups)


def _one(group: FractionGroup, stated: Sequence[Prescription], plan: Plan, task: Task) -> Outcome:
    subject = PATIENT if len(plan.fraction_groups) == 1 else f"fraction group {group.number}"
    treating = set(plan.treatment_beams) or {number for number, _ in group.beam_doses_gy}
    doses = [dose for number, dose in group.beam_doses_gy if number in treating]
    known = [dose for dose in doses if dose is not None]
    if group.fractions is None or not known or len(known) < len(doses):
        return not_evaluated("the number of fractions, or the dose of a beam, is not stated", subject)
    fitting = [p for p in stated if p.fractions in {None, group.fractions}]
    if not fitting:
        return not_evaluated(f"no prescription in {group.fractions} fractions is stated", subject)
    total_gy = sum(known) * group.fractions
    apart = sorted(100.0 * abs(total_gy - p.dose_gy) / p.dose_gy for p in fitting)
    listed = ", ".join(f"{dose:g}" for dose in sorted({p.dose_gy for p in fitting}))
    reason = (
        f"{sum(known):.3f} Gy a fraction in {group.fractions} fractions are {total_gy:.2f} Gy, prescribed {listed} Gy"
    )
    return Outcome(
        subject,
        None,
        Interval(apart[0], apart[0], apart[-1]),
        Parameters.limit_unit,
        task.rule.limit,
        reason=reason,
        would_decide="the plan does not say which prescription the beam doses belong to",
    )


CHECK = FractionDose()
