"""Highest stored dose in multiples of the highest prescription; the limit has no unit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, no_lesions
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, Outcome


class Parameters(InUnit):
    """No parameters: a range is two rules, one for each end."""

    limit_unit: ClassVar[str] = ""


class DoseMaximum:
    """Divide the highest dose of the grid, as stored, by the highest prescription of the targets.

    Notes
    -----
    The bounds are those of the stored steps of dose. What lies between voxels can be hotter, and is not asked for here:
    a dose of one fraction, of another plan or in another unit is off by more.
    """

    id: ClassVar[str] = "dose-maximum"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        if no_lesions(derived):
            return no_lesions(derived)
        prescribed_gy = max(derived.prescribed_gy(lesion.outermost) for lesion in derived.lesions)
        highest_gy, step_gy = float(derived.dose.dose_gy.max()), derived.dose.quantisation_gy
        reason = (
            f"the dose grid has its maximum at {highest_gy:.2f} Gy, the highest prescription is {prescribed_gy:g} Gy"
        )
        measured = Interval(highest_gy, max(highest_gy - step_gy, 0.0), highest_gy + step_gy)
        return (
            Outcome(
                PATIENT,
                None,
                measured.scaled(1.0 / prescribed_gy),
                Parameters.limit_unit,
                task.rule.limit,
                reason=reason,
            ),
        )


CHECK = DoseMaximum()
