"""Distance of lung lesions from the central structures of the chest; the definition holds the distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.ultracentral import Definition, Finding, Reach, evaluate, reach, tables
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.central_words import named, other_definitions, shown_line, told
from sbrtcheck.checks.outcomes import decided, no_lesions, organ_evidence, unseen
from sbrtcheck.derived import Derived
from sbrtcheck.derived.located import FOUND_IN_CT
from sbrtcheck.results import Evidence, Limit, Outcome, Verdict


def _known(definition: str) -> str:
    if definition not in tables().definitions:
        raise ValueError(f"{definition!r} is not one of {', '.join(sorted(tables().definitions))}")
    return definition


class Parameters(BaseModel):
    """Which definition decides; all others are shown beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    definition: Annotated[str, AfterValidator(_known)]


class UltraCentral:
    """Decide for each lesion whether it is an ultra-central lung lesion.

    Notes
    -----
    A lesion that contours place in another organ is no lung lesion: not applicable. A lesion whose organ is unknown and
    that is clear of every structure passes whatever its organ; one that touches is indeterminate.
    """

    id: ClassVar[str] = "ultra-central"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion."""
        chosen: str = task.parameters.definition
        return no_lesions(derived) or (*(_one(one, chosen, derived) for one in derived.lesions), *unseen(derived))


def _one(lesion: Lesion, chosen: str, derived: Derived) -> Outcome:
    organ, definition = derived.organ(lesion), tables().definitions[chosen]
    if organ.decisive and organ.organ != "lung":
        reason = f"it is no lung lesion: {organ.text}"
        return decided(lesion, Verdict.NOT_APPLICABLE, reason, organ_evidence(lesion, derived))
    found = evaluate(definition, lesion, derived.placed, derived)
    doubtful = lesion.doubtful or found.doubtful
    verdict, reason = _verdict(found, definition, named(found, derived), "lung" in organ.certain, doubtful)
    advice = _advice(lesion, definition, found, derived)
    if advice is not None and advice.alarm and verdict in {Verdict.PASS, Verdict.NOT_EVALUATED}:
        verdict = Verdict.INDETERMINATE
        reason = f"{advice.text}, which may be contact: draw it by hand; {reason}"
    shown = [shown_line(found.nearest, derived)] if found.nearest is not None else []
    if advice is not None:
        shown.append(shown_line(advice.nearest, derived))
        on_scan = any(derived.origin(number) == FOUND_IN_CT for number in advice.nearest.roi_numbers)
        shown += [Evidence(text=f"airway found in the CT: {limit}") for limit in derived.airway_limits if on_scan]
    return Outcome(
        lesion.id,
        lesion.outermost.roi_number,
        measured=found.nearest.measured if found.nearest is not None else None,
        unit="mm",
        limit=Limit(op=">", per_protocol=found.distance_mm, unit="mm"),
        verdict=verdict,
        reason=reason,
        evidence=(*shown, organ_evidence(lesion, derived), *other_definitions(lesion, chosen, derived)),
    )


def _verdict(found: Finding, definition: Definition, named: str, in_lung: bool, doubtful: bool) -> tuple[Verdict, str]:
    missing = "; ".join(found.missing)
    if found.state == "inside":
        touched = f"{named}: {definition.title}"
        if in_lung and not doubtful:
            return Verdict.FAIL, touched
        open_point = "whether it is a target" if in_lung else "whether it is a lung lesion; draw the lungs"
        return Verdict.INDETERMINATE, f"{touched}, but it is not known {open_point}"
    if found.state == "outside":
        where = "" if in_lung else " (whatever its organ)"
        return Verdict.PASS, f"clear of all structures of the definition{where}; {named}"
    if found.state == "unknown":
        return Verdict.NOT_EVALUATED, f"{missing}; draw what is missing, or name it in the site file"
    return Verdict.INDETERMINATE, f"{named}: contact lies inside the error; thinner slices would decide"


@dataclass(frozen=True, slots=True)
class _Advice:
    """What masks or the scan show: it can ask for a contour, never stand in for one."""

    nearest: Reach
    text: str
    alarm: bool


def _advice(lesion: Lesion, definition: Definition, drawn: Finding, derived: Derived) -> _Advice | None:
    """Return how near the lesion is to what nobody drew; None where contours decide or nothing else is known."""
    if drawn.state in {"inside", "straddles"}:
        return None
    # The airway of the CT is looked for only where the contours leave the rule open.
    named = derived.advised if drawn.state == "unknown" else derived.masks
    reached = [
        (found.measured, clause.distance_mm, found)
        for clause in definition.clauses
        for role in clause.targets
        for group in clause.structures
        if (found := reach(group, role, lesion, named, derived)).measured is not None
    ]
    if not reached:
        return None
    measured, distance_mm, nearest = min(reached, key=lambda r: r[0].value - r[1])
    # Where contours say that it is clear, the edge of a voxel is no reason to doubt them: only contact itself is.
    length_mm = measured.low if drawn.state == "unknown" else measured.value
    return _Advice(nearest, told(nearest, measured, derived), length_mm <= distance_mm)


CHECK = UltraCentral()
