"""Stray pieces, missing planes and crossing contours of targets."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import no_lesions, undrawn
from sbrtcheck.derived import Derived
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval, Outcome, Verdict

_STRAY = frozenset({"stray-fragment"})
_OPEN = frozenset({"planes-missing", "contours-crossing"})


class Parameters(BaseModel):
    """No parameters: what is a stray piece stands in ``anatomy.sanity``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetPieces:
    """Say of each target whether a small piece lies apart from the rest, and how many pieces there are.

    Notes
    -----
    Planes that seem to be missing, and contours that cross, leave open what the target is.
    """

    id: ClassVar[str] = "target-pieces"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a target."""
        if no_lesions(derived):
            return no_lesions(derived)
        without = {t.structure.roi_number for t in derived.grouping.undrawn}
        drawn = (t.structure for t in derived.targets if t.structure.roi_number not in without)
        return (*(_one(structure, derived) for structure in drawn), *undrawn(derived))


def _one(target: Structure, derived: Derived) -> Outcome:
    count = len(derived.parts(target))
    own = [f.notice for f in derived.contour_findings if target.roi_number in f.roi_numbers]
    stray = [notice.message for notice in own if notice.code in _STRAY]
    unclear = [notice.message for notice in own if notice.code in _OPEN]
    if stray or unclear:
        verdict, reason = (Verdict.FAIL if stray else Verdict.INDETERMINATE), "; ".join([*stray, *unclear])
    else:
        verdict = Verdict.PASS
        reason = (
            f"{target.where} is one piece" if count == 1 else f"{target.where} has {count} pieces, none of them stray"
        )
    return Outcome(target.name, target.roi_number, Interval.exact(count), verdict=verdict, reason=reason)


CHECK = TargetPieces()
