"""Distance from each isocentre to the nearest centre of a PTV; for information, or with a limit in mm."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import BaseModel

from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, line, no_lesions, not_evaluated
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.volume import centroid
from sbrtcheck.model import FloatArray, Plan, Structure
from sbrtcheck.results import Interval, Outcome, Verdict


class Parameters(InUnit):
    """No parameters."""

    limit_unit: ClassVar[str] = "mm"


class Isocentre:
    """Measure how far each isocentre lies from the centre of mass of the nearest PTV (of the outermost target).

    Notes
    -----
    Several targets on one isocentre are far from it by intent, so a distance is no fault by itself: without a limit
    nothing is judged. Several isocentres are told.
    """

    id: ClassVar[str] = "isocentre"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool | None] = None

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome an isocentre, and one for beams that state none."""
        plan, found = derived.case.plan, list[Outcome]()
        if plan is None or not plan.isocentres_mm:
            return (not_evaluated("the plan is missing, or states no isocentre"),)
        if no_lesions(derived):
            return no_lesions(derived)
        targets = {lesion.outermost.roi_number: lesion.outermost for lesion in derived.lesions}
        centres = {number: _centre(target, plan, derived) for number, target in sorted(targets.items())}
        for number, place in enumerate(plan.isocentres_mm, start=1):
            found.append(_one(np.array(place), _named(number, plan), centres, targets, task))
        if plan.beams_without_isocentre:
            listed = ", ".join(str(number) for number in plan.beams_without_isocentre)
            found.append(not_evaluated(f"these beams state no isocentre: {listed}"))
        return tuple(found)


def _named(number: int, plan: Plan) -> str:
    return PATIENT if len(plan.isocentres_mm) == 1 else f"isocentre {number} of {len(plan.isocentres_mm)}"


def _centre(target: Structure, plan: Plan, derived: Derived) -> tuple[FloatArray, float]:
    """Return the centre of a target ``(3,)``, LPS mm, and the error of its place, mm: half the distance of planes."""
    if other_frame(target.frame_of_reference_uid, plan.frame_of_reference_uid):
        raise NotComputable(f"plan and {target.where} lie in different frames of reference")
    region = derived.region(target)
    return centroid(region), 0.5 * (region.step_mm or 0.0)


def _one(
    place_mm: FloatArray,
    subject: str,
    centres: dict[int, tuple[FloatArray, float]],
    targets: dict[int, Structure],
    task: Task,
) -> Outcome:
    apart = {number: float(np.linalg.norm(place_mm - centre)) for number, (centre, _) in centres.items()}
    nearest = min(apart, key=lambda number: (apart[number], number))
    (centre, error_mm), length_mm = centres[nearest], apart[nearest]
    target, limit = targets[nearest], task.rule.limit
    reason = f"{length_mm:.1f} mm from the isocentre to the centre of {target.where}, the nearest of {len(targets)}"
    return Outcome(
        subject,
        nearest,
        Interval(length_mm, max(length_mm - error_mm, 0.0), length_mm + error_mm),
        Parameters.limit_unit,
        limit,
        verdict=Verdict.NOT_APPLICABLE if limit is None else None,
        reason=reason if limit is not None else f"for information: {reason}",
        evidence=(line(reason, np.stack([place_mm, centre]), nearest),),
    )


CHECK = Isocentre()
