"""The prescription of the plan against the one that a person declares."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, Outcome, Verdict

# Prescriptions are written to a hundredth of a gray: half of that is rounding.
_ROUNDING_GY = 0.005


class Parameters(BaseModel):
    """No parameters: the facts are ``prescription_dose_gy`` (all fractions) and ``prescription_fractions``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PrescriptionDeclared:
    """Compare dose and number of fractions of the plan's own prescription with the declared ones.

    Notes
    -----
    The prescription of the RT Plan is compared, never that of the site file or one made up from beam doses. A plan that
    states several prescriptions has none that one declared dose could be compared with.
    """

    id: ClassVar[str] = "prescription-declared"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        dose, fractions = (_number(f"prescription_{what}", task) for what in ("dose_gy", "fractions"))
        if dose is None or fractions is None:
            reason = "dose and fractions of the prescription are not declared (prescription_dose_gy, "
            return (not_evaluated(f"{reason}prescription_fractions)"),)
        plan = derived.case.plan
        stated = {(p.dose_gy, p.fractions) for p in plan.prescriptions if p.source != "beam-dose"} if plan else set()
        if len(stated) != 1:
            what = "several prescriptions" if stated else "no prescription"
            return (not_evaluated(f"the plan states {what}, so there is not one to compare with what is declared"),)
        ((plan_gy, plan_fractions),) = stated
        both = f"the plan prescribes {plan_gy:g} Gy in {plan_fractions or '?'} fractions, declared are {dose:g} Gy in "
        both += f"{fractions:g}"
        if abs(plan_gy - dose) > _ROUNDING_GY or plan_fractions not in {None, fractions}:
            return (Outcome(PATIENT, verdict=Verdict.FAIL, reason=both),)
        if plan_fractions is None:
            return (not_evaluated(both),)
        return (Outcome(PATIENT, None, Interval.exact(plan_gy), "Gy", verdict=Verdict.PASS, reason=both),)


def _number(key: str, task: Task) -> float | None:
    value = task.declared.facts.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


CHECK = PrescriptionDeclared()
