"""Number of organs with lesions; the limit has no unit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, lesions, no_lesions, organ_evidence
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, Outcome


class Parameters(InUnit):
    """No parameters."""

    limit_unit: ClassVar[str] = ""


class OrganCount:
    """Count the organs that hold lesions.

    Notes
    -----
    Left and right lung are one organ, all bones are one, all lymph nodes are one: a choice of this program. A lesion
    whose organ is not known may lie in a further organ or in one already counted, which widens the count; two lesions
    lie in two organs at most, whatever these are.
    """

    id: ClassVar[str] = "organ-count"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        nothing, count = no_lesions(derived), derived.grouping.count
        if nothing or count is None:
            return nothing
        findings = [derived.organ(lesion) for lesion in derived.lesions]
        sure = [f for lesion, f in zip(derived.lesions, findings, strict=True) if not lesion.doubtful]
        certain = frozenset[str]().union(*(f.certain for f in sure))
        likely = frozenset[str]().union(*(f.certain for f in findings), *({f.organ} for f in findings if f.organ))
        # Targets in which nothing is drawn, and parts that may be lesions of their own, may lie anywhere.
        unknown = sum(f.unknown_parts for f in findings) + round(count.high - count.value)
        doubtful = frozenset[str]().union(*(f.certain for f in findings)) - certain
        low = max(len(certain), 1 if sure else 0)
        high = max(len(certain) + len(doubtful) + unknown, low, 1)
        value = min(max(len(likely), low), high)
        known = ", ".join(sorted(certain | doubtful)) or "none"
        reason = f"organs by contour: {known}"
        if unknown:
            reason += f"; {lesions(unknown)} in organs that the contours do not show"
        return (
            Outcome(
                PATIENT,
                measured=Interval(value, low, high),
                limit=task.rule.limit,
                reason=reason,
                evidence=tuple(organ_evidence(lesion, derived) for lesion in derived.lesions),
            ),
        )


CHECK = OrganCount()
