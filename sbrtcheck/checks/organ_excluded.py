"""No lesion may lie in one organ, the brain for extracerebral disease."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ import OrganContour
from sbrtcheck.anatomy.organ_kinds import organ_names
from sbrtcheck.anatomy.shapes import box_of, within_box
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import decided, line, no_lesions, organ_evidence, unseen
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Evidence, Outcome, Verdict

# No organ that a lesion can be cleared of by distance, of which the brain is the one in use, is higher; a choice.
_MOST_HEIGHT_MM = 170.0


def _known(organ: str) -> str:
    if organ not in organ_names():
        raise ValueError(f"{organ!r} is not one of {', '.join(sorted(organ_names()))}")
    return organ


class Parameters(BaseModel):
    """The organ that no lesion may lie in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organ: Annotated[str, AfterValidator(_known)]


class OrganExcluded:
    """Place each lesion outside an organ.

    Notes
    -----
    Inside another organ by contour: outside this one. Clear of the whole organ, and not within its extent: outside as
    well. Inside it by contour: fail. Everything else names what would decide; a word in a name decides nothing.
    """

    id: ClassVar[str] = "organ-excluded"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion."""
        organ = task.parameters.organ
        return no_lesions(derived) or (*(_one(one, organ, derived) for one in derived.lesions), *unseen(derived))


def _one(lesion: Lesion, organ: str, derived: Derived) -> Outcome:
    finding, evidence = derived.organ(lesion), organ_evidence(lesion, derived)
    if organ in finding.certain:
        verdict = Verdict.INDETERMINATE if lesion.doubtful else Verdict.FAIL
        return decided(lesion, verdict, f"{finding.text or 'a part of it'}: it lies in the {organ}", evidence)
    contours = [o for o in derived.organs if o.kind == organ]
    if finding.decisive:
        return decided(lesion, Verdict.PASS, f"{finding.text}: it lies in another organ", evidence)
    touching = _touching(lesion, contours, derived)
    if touching:
        reason = f"it may touch the contour of the {organ} ({touching}); draw the GTV or the organ of the lesion"
        return decided(lesion, Verdict.INDETERMINATE, reason, evidence)
    clear = _clear_of_whole(lesion, contours, derived)
    if clear is not None:
        return decided(lesion, Verdict.PASS, f"it is clear of the whole {organ}", clear, evidence)
    missing = f"the {organ} is not drawn" if not contours else f"the contour of the {organ} does not settle it"
    reason = f"{missing} and no other drawn organ holds the lesion; draw the {organ} or the organ of the lesion"
    return decided(lesion, Verdict.NOT_EVALUATED, reason, evidence)


def _touching(lesion: Lesion, contours: list[OrganContour], derived: Derived) -> str:
    """Return the contours of the organ that the innermost target may touch, "" where none."""
    found = []
    for contour in contours:
        try:
            if derived.separation(lesion.measured, contour.structure).distance.low <= 0:
                found.append(contour.structure.where)
        except NotComputable:
            continue
    return ", ".join(found)


def _clear_of_whole(lesion: Lesion, contours: list[OrganContour], derived: Derived) -> Evidence | None:
    """Return the distance to a contour of the whole organ, None where that does not show that the lesion is outside.

    A contour can leave out the lesion with a margin, so a lesion within the box of the organ is never clear of it. It
    can end too early, so a lesion above or below it is clear only where the organ cannot reach.
    """
    whole = [c for c in contours if c.covers == "all"]
    if any(not _out_of_reach(lesion.measured, contour.structure) for contour in contours):
        return None
    found = []
    for contour in whole:
        try:
            found.append((derived.separation(lesion.measured, contour.structure), contour))
        except NotComputable:
            return None
    if not found or any(apart.distance.low <= 0 for apart, _ in found):
        return None
    apart, nearest = min(found, key=lambda f: f[0].distance.value)
    text = f"{apart.distance.value:.1f} mm from the {nearest.kind} ({nearest.structure.where})"
    return line(text, apart.ends_mm, lesion.measured.roi_number, nearest.structure.roi_number)


def _out_of_reach(target: Structure, organ: Structure) -> bool:
    """Whether a target lies beside what is drawn of an organ, or beyond its greatest height along the patient."""
    if within_box(target, organ):
        return False
    inner, outer = box_of(target), box_of(organ)
    if inner is None or outer is None:
        return False
    low, high = inner[:, 2]
    beside = bool(outer[0, 2] <= low and high <= outer[1, 2])
    return beside or bool(low > outer[0, 2] + _MOST_HEIGHT_MM or high < outer[1, 2] - _MOST_HEIGHT_MM)


CHECK = OrganExcluded()
