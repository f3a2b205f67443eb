"""Distance between the voxels of the dose grid, or between the slices of the planning CT; limit in mm."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, Outcome

# Positions are stored to a hundredth of a millimetre or finer, so steps are read to that: 2.0000003 mm is 2 mm.
_DECIMALS = 2


class Parameters(InUnit):
    """Whose spacing is measured."""

    limit_unit: ClassVar[str] = "mm"

    of: Literal["dose-grid", "ct-slices"]


class Spacing:
    """Measure the widest step of the dose grid along any of its axes, or between neighbouring slices of the CT.

    Notes
    -----
    A missing slice is a wide step: there the CT knows nothing of what lies between.
    """

    id: ClassVar[str] = "spacing"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        steps = _of_dose(derived) if task.parameters.of == "dose-grid" else _of_slices(derived)
        if isinstance(steps, Outcome):
            return (steps,)
        widest, reason = steps
        limit, unit = task.rule.limit, Parameters.limit_unit
        return (Outcome(PATIENT, None, Interval.exact(widest), unit, limit, reason=reason),)


def _of_dose(derived: Derived) -> tuple[float, str]:
    steps = [round(step, _DECIMALS) for step in derived.dose.lattice.spacing_mm]
    listed = " x ".join(f"{step:g}" for step in steps)
    return max(steps), f"voxels of the dose grid: {listed} mm (along rows, columns and frames)"


def _of_slices(derived: Derived) -> tuple[float, str] | Outcome:
    image = derived.case.image
    if image is None:
        return not_evaluated("no usable planning CT was found; export it with the plan")
    if image.lattice.shape[0] < 2:
        return not_evaluated("the planning CT holds a single slice, so the distance between slices is not known")
    return round(image.lattice.spacing_mm[2], _DECIMALS), "widest distance between neighbouring slices of the CT"


CHECK = Spacing()
