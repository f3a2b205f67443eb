"""Distance of lung lesions from the central structures of the chest; the definition holds the distance."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.ultracentral import Definition, Finding, Reach, evaluate, tables
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import decided, line, no_lesions, organ_evidence
from sbrtcheck.derived import Derived
from sbrtcheck.results import Evidence, Limit, Outcome, Verdict

_WORDS = {"inside": "ultra-central", "outside": "not", "straddles": "open", "unknown": "open"}


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
        return no_lesions(derived) or tuple(_one(lesion, chosen, derived) for lesion in derived.lesions)


def _one(lesion: Lesion, chosen: str, derived: Derived) -> Outcome:
    organ, definition = derived.organ(lesion), tables().definitions[chosen]
    if organ.decisive and organ.organ != "lung":
        reason = f"it is no lung lesion: {organ.text}"
        return decided(lesion, Verdict.NOT_APPLICABLE, reason, organ_evidence(lesion, derived))
    found = evaluate(definition, lesion, derived.named, derived)
    verdict, reason = _verdict(found, definition, "lung" in organ.certain, lesion.doubtful)
    shown = [_shown(found.nearest)] if found.nearest is not None else []
    others = Evidence(text="other definitions: " + "; ".join(_others(lesion, chosen, derived)))
    return Outcome(
        lesion.id,
        lesion.outermost.roi_number,
        measured=found.nearest.measured if found.nearest is not None else None,
        unit="mm",
        limit=Limit(op=">", per_protocol=found.distance_mm, unit="mm"),
        verdict=verdict,
        reason=reason,
        evidence=(*shown, organ_evidence(lesion, derived), others),
    )


def _verdict(found: Finding, definition: Definition, in_lung: bool, doubtful: bool) -> tuple[Verdict, str]:
    missing = "; ".join(found.missing)
    if found.state == "inside":
        touched = f"{_named(found)}: {definition.title}"
        if in_lung and not doubtful:
            return Verdict.FAIL, touched
        open_point = "whether it is a target" if in_lung else "whether it is a lung lesion; draw the lungs"
        return Verdict.INDETERMINATE, f"{touched}, but it is not known {open_point}"
    if found.state == "outside":
        where = "" if in_lung else " (whatever its organ)"
        return Verdict.PASS, f"clear of all structures of the definition{where}; {_named(found)}"
    if found.state == "unknown":
        return Verdict.NOT_EVALUATED, f"{missing}; draw what is missing, or name it in the site file"
    return Verdict.INDETERMINATE, f"{_named(found)}: contact lies inside the error; thinner slices would decide"


def _named(found: Finding) -> str:
    nearest = found.nearest
    if nearest is None or nearest.measured is None:
        return "nothing of the definition is drawn"
    title = tables().groups[nearest.group].title
    return f"{nearest.role} to {title} {nearest.measured.value:.1f} mm"


def _shown(nearest: Reach) -> Evidence:
    title = tables().groups[nearest.group].title
    if nearest.measured is None or nearest.ends_mm is None:
        return Evidence(text="; ".join(nearest.missing), roi_numbers=nearest.roi_numbers)
    return line(f"{nearest.role} to {title}: {nearest.measured.value:.1f} mm", nearest.ends_mm, *nearest.roi_numbers)


def _others(lesion: Lesion, chosen: str, derived: Derived) -> list[str]:
    """Return what each other definition would say, so that the reader sees how much hangs on the choice."""
    return [
        f"{name}: {_WORDS[evaluate(definition, lesion, derived.named, derived).state]}"
        for name, definition in sorted(tables().definitions.items())
        if name != chosen
    ]


CHECK = UltraCentral()
