"""Links between the files of a plan: dose, plan, structures and CT name each other and one frame of reference."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.model import Case
from sbrtcheck.results import Outcome, Verdict


class Parameters(BaseModel):
    """Which links are looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    links: tuple[Literal["dose-to-plan", "plan-to-structures", "structures-to-ct", "frames"], ...] = Field(min_length=1)


class Links:
    """Compare the UIDs by which the files refer to each other.

    Notes
    -----
    Another UID than the one at hand fails; a file or a reference that is missing is not evaluated.
    """

    id: ClassVar[str] = "links"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a link."""
        return tuple(_LOOKED_AT[link](derived.case) for link in dict.fromkeys(task.parameters.links))


def _dose_to_plan(case: Case) -> Outcome:
    subject = "RT Dose to RT Plan"
    if case.dose is None or case.plan is None:
        return not_evaluated("RT Dose or RT Plan is missing", subject)
    named = set(case.dose.referenced_plan_uids)
    if not named:
        return not_evaluated("the RT Dose refers to no plan", subject)
    return _agrees(subject, named == {case.plan.sop_instance_uid}, "the RT Dose refers to another plan, or to several")


def _plan_to_structures(case: Case) -> Outcome:
    subject = "RT Plan to RT Structure Set"
    if case.plan is None or case.structure_set is None:
        return not_evaluated("RT Plan or RT Structure Set is missing", subject)
    named = case.plan.referenced_structure_set_uid
    if not named:
        return not_evaluated("the RT Plan refers to no structure set", subject)
    return _agrees(subject, named == case.structure_set.sop_instance_uid, "the RT Plan refers to another structure set")


def _structures_to_ct(case: Case) -> Outcome:
    subject = "RT Structure Set to CT"
    if case.structure_set is None or case.image is None:
        return not_evaluated("RT Structure Set or planning CT is missing", subject)
    series, slices = case.structure_set.referenced_series_uids, set(case.structure_set.referenced_image_uids)
    if not series and not slices:
        return not_evaluated("the structure set refers to no images", subject)
    given = set(case.image.sop_instance_uids)
    if case.image.series_instance_uid not in series and not slices & given:
        return _agrees(subject, False, "the structure set refers to another image series than the CT in the input")
    if slices - given:
        return not_evaluated(f"{len(slices - given)} of {len(slices)} slices that it refers to are missing", subject)
    return _agrees(subject, True, "")


def _frames(case: Case) -> Outcome:
    """Compare the frames of reference; the structure set may hold further ones for images beside the planning CT."""
    subject = "frame of reference"
    parts = {"RT Plan": case.plan, "RT Dose": case.dose, "CT": case.image}
    stated = {name: part.frame_of_reference_uid for name, part in parts.items() if part is not None}
    frames = set(stated.values()) - {""}
    known = set(case.structure_set.frame_of_reference_uids) if case.structure_set is not None else set()
    if len(frames) > 1:
        return _agrees(subject, False, f"{', '.join(sorted(stated))} lie in {len(frames)} frames of reference")
    if known and frames - known:
        return _agrees(subject, False, "the structures lie in another frame of reference than the rest")
    silent = [name for name in parts if not stated.get(name)] + ([] if known else ["RT Structure Set"])
    if silent:
        return not_evaluated(f"missing, or stating no frame of reference: {', '.join(silent)}", subject)
    return _agrees(subject, True, "")


def _agrees(subject: str, agrees: bool, otherwise: str) -> Outcome:
    verdict, reason = (Verdict.PASS, "the UIDs agree") if agrees else (Verdict.FAIL, otherwise)
    return Outcome(subject, verdict=verdict, reason=reason)


_LOOKED_AT = {
    "dose-to-plan": _dose_to_plan,
    "plan-to-structures": _plan_to_structures,
    "structures-to-ct": _structures_to_ct,
    "frames": _frames,
}

CHECK = Links()
