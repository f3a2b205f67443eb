"""Number of lesions among the targets; the limit has no unit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, lesions, no_lesions, remarks
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.results import Evidence, Outcome


class Parameters(InUnit):
    """No parameters."""

    limit_unit: ClassVar[str] = ""


class LesionCount:
    """Count the lesions that are drawn.

    Notes
    -----
    Nested and overlapping targets are one lesion; separate parts of one ROI, targets in doubt and empty targets widen
    the count (``anatomy.lesions``).
    """

    id: ClassVar[str] = "lesion-count"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        nothing, count = no_lesions(derived), derived.grouping.count
        if nothing or count is None:
            return nothing
        if count.low == count.high:
            reason = f"drawn: {lesions(count.value)}"
        else:
            reason = f"drawn: {count.low:g} to {lesions(count.high)}; the site file can say which targets count"
        listed = (
            Evidence(
                text=f"{lesion.id}: " + ", ".join(f"{m.role.role} {m.structure.where}" for m in lesion.members),
                roi_numbers=tuple(m.structure.roi_number for m in lesion.members),
            )
            for lesion in derived.lesions
        )
        return (
            Outcome(
                PATIENT,
                measured=count,
                limit=task.rule.limit,
                reason=reason,
                evidence=(*listed, *remarks(derived)),
            ),
        )


CHECK = LesionCount()
