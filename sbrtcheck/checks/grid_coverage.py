"""Targets, or organs, within the dose grid: what lies outside has no known dose."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from sbrtcheck.anatomy.sanity.scan import share_outside
from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, no_lesions, not_evaluated, undrawn
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Interval, Outcome, Verdict

# A point this far beyond the outermost voxel centres lies on them: rounding of stored coordinates.
_ROUNDING_MM = 0.1
# Shares are clipped polygons: below this they are rounding.
_DECIMALS = 6


def _known(name: str) -> str:
    if not is_known(name):
        raise ValueError(f"{name!r} is not a TG-263 name")
    return name


class Parameters(BaseModel):
    """``of_targets``, or the TG-263 names of organs; those that dose rules of the same protocol name are added."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of_targets: bool = False
    organs: tuple[Annotated[str, AfterValidator(_known)], ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.organs) == self.of_targets:
            raise ValueError("name either organs or of_targets = true")
        return self


class GridCoverage:
    """Measure which share of the drawn outlines lies outside the outermost voxel centres of the dose grid, %.

    Notes
    -----
    A target with any part outside fails. An organ is then ``indeterminate``: it may run far past the treated region,
    and a dose rule on it carries the unknown dose in its own interval.
    """

    id: ClassVar[str] = "grid-coverage"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a target, or an organ that is drawn."""
        if task.parameters.of_targets:
            drawn = [t.structure for t in derived.targets if t.structure.is_closed]
            found = (_one(structure, Verdict.FAIL, derived) for structure in drawn)
            return no_lesions(derived) or (*found, *undrawn(derived))
        names = (*task.parameters.organs, *_limited(task))
        organs = [s for s in derived.named(*names) if s.is_closed and derived.role(s) is None]
        if not organs:
            reason = "none of the organs that this rule names is drawn"
            return (Outcome(PATIENT, verdict=Verdict.NOT_APPLICABLE, reason=reason),)
        return tuple(_one(organ, Verdict.INDETERMINATE, derived) for organ in organs)


def _limited(task: Task) -> tuple[str, ...]:
    """Return the structures that dose rules of the same protocol name."""
    rules = (rule for rule in task.protocol.rules if rule.check == "dose-metric")
    return tuple(str(name) for rule in rules for name in rule.parameters.get("structures", ()))


def _one(structure: Structure, outside: Verdict, derived: Derived) -> Outcome:
    """Return the outcome of one structure; ``outside`` is the verdict where a part of it lies outside."""
    lattice = derived.dose.lattice
    if other_frame(structure.frame_of_reference_uid, derived.dose.frame_of_reference_uid):
        return not_evaluated("dose and structure lie in different frames of reference", structure.name, structure)
    ends = np.array([(t[0], t[-1]) for t in (lattice.i_mm, lattice.j_mm, lattice.k_mm)])
    try:
        region = derived.region(structure)
    except NotComputable as missing:
        return not_evaluated(str(missing), structure.name, structure)
    share = share_outside(region, lattice, ends[:, 0] - _ROUNDING_MM, ends[:, 1] + _ROUNDING_MM)
    percent = round(100.0 * share, _DECIMALS)
    reason = f"{percent:.2f} % of the outlines of {structure.where} lie outside the dose grid, where no dose is known"
    if percent > 0.0:
        verdict, reason = outside, f"{reason}; calculate the dose on a larger grid"
    else:
        verdict, reason = Verdict.PASS, f"{structure.where} lies within the dose grid"
    return Outcome(structure.name, structure.roi_number, Interval.exact(percent), "%", verdict=verdict, reason=reason)


CHECK = GridCoverage()
