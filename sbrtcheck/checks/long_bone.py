"""No lesion in a long bone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.bones import long_bone_of, long_bones
from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ import OrganFinding
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.bone_advice import bone_of, in_masks, often_drawn, on_scan
from sbrtcheck.checks.outcomes import decided, nearest, no_lesions, organ_evidence, unseen
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Evidence, Interval, Outcome, Verdict


def _known(bone: str) -> str:
    if bone not in long_bones():
        raise ValueError(f"{bone!r} is not one of {', '.join(sorted(long_bones()))}")
    return bone


class Parameters(BaseModel):
    """Which bones are long bones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bones: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(min_length=1)


class LongBone:
    """Place each lesion outside the long bones.

    Notes
    -----
    Overlap of the tumour with a drawn long bone fails. A lesion passes only where contours place it in another organ or
    in another bone: a bone that is not drawn, or of which only the head is (``Femur_L`` often is), clears nothing.
    """

    id: ClassVar[str] = "long-bone"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion."""
        bones = frozenset(task.parameters.bones)
        return no_lesions(derived) or (*(_one(one, bones, derived) for one in derived.lesions), *unseen(derived))


def _one(lesion: Lesion, bones: frozenset[str], derived: Derived) -> Outcome:
    drawn = tuple(s for s in derived.structures if bone_of(s, derived) in bones and s.is_closed)
    return (
        _in_drawn(lesion, drawn, derived) or _elsewhere(lesion, bones, derived) or _open(lesion, drawn, bones, derived)
    )


def _in_drawn(lesion: Lesion, drawn: Sequence[Structure], derived: Derived) -> Outcome | None:
    """Return what overlap with the drawn long bones says, None where there is none."""
    finding, where = derived.organ(lesion), organ_evidence(lesion, derived)
    role = lesion.measured_role
    pairs = ((bone, _overlap(tumour, bone, derived)) for bone in drawn for tumour in lesion.all_of_role(role))
    touched = [(bone, shared) for bone, shared in pairs if shared.high > 0]
    for bone, shared in sorted(touched, key=lambda t: -t[1].low):
        text = f"{shared.value:.2f} cm3 of the {role} lie in the {bone_of(bone, derived)} ({bone.where})"
        evidence = Evidence(text=text, roi_numbers=(lesion.measured.roi_number, bone.roi_number))
        if shared.low > 0 and role == "GTV" and not lesion.doubtful:
            return decided(lesion, Verdict.FAIL, text, evidence, where)
        if shared.low > 0 or not finding.decisive:
            reason = f"{text}; whether the tumour does is open: draw the GTV, or thinner slices would decide"
            return decided(lesion, Verdict.INDETERMINATE, reason, evidence, where)
    return None


def _elsewhere(lesion: Lesion, bones: frozenset[str], derived: Derived) -> Outcome | None:
    """Return the verdict where the organ, or the bone, of the lesion is known, None where it is not."""
    finding, where = derived.organ(lesion), organ_evidence(lesion, derived)
    if not finding.decisive:
        return None
    if finding.organ != "bone":
        return decided(lesion, Verdict.PASS, f"{finding.text}: it lies in no bone", where)
    if long_bone_of(finding.place) in bones:
        verdict = Verdict.INDETERMINATE if lesion.doubtful else Verdict.FAIL
        return decided(lesion, verdict, f"{finding.text}: a long bone", where)
    if _other_bone(finding.roi_numbers, bones, derived) or _declared_other(finding, bones):
        return decided(lesion, Verdict.PASS, f"{finding.text}: no long bone", where)
    return None


def _open(lesion: Lesion, drawn: Sequence[Structure], bones: frozenset[str], derived: Derived) -> Outcome:
    where, shown = organ_evidence(lesion, derived), nearest(lesion, drawn, derived)
    near = in_masks(lesion, bones, derived)
    if near is not None:
        return decided(lesion, Verdict.INDETERMINATE, f"{near.text}: draw the bone", near, where)
    seen = on_scan(lesion, derived)
    if seen is not None:
        shown = (*shown, Evidence(text=seen.text, roi_numbers=(lesion.measured.roi_number,)))
        if seen.kind == "shaft":
            return decided(lesion, Verdict.INDETERMINATE, f"{seen.text}: draw the bone", *shown, where)
    if derived.organ(lesion).decisive:
        reason = "it lies in bone, and which bone is not drawn; draw the bone by its name"
        return decided(lesion, Verdict.NOT_EVALUATED, reason, where, *shown)
    missing = "no long bone is drawn" if not drawn else f"it overlaps no drawn long bone, {often_drawn(drawn, derived)}"
    reason = f"{missing}, and no drawn organ holds the lesion; draw the organ or the bone that it lies in"
    return decided(lesion, Verdict.NOT_EVALUATED, reason, where, *shown)


def _overlap(tumour: Structure, bone: Structure, derived: Derived) -> Interval:
    """Return the common volume; unknown, so possible, where it cannot be computed."""
    try:
        return derived.overlap(tumour, bone)
    except NotComputable:
        return Interval(0.0, 0.0, float("inf"))


def _other_bone(roi_numbers: tuple[int, ...], bones: frozenset[str], derived: Derived) -> bool:
    """Whether one bone that is named, and is no long bone, holds the lesion by itself."""
    named = [derived.match(s).tg263 for s in derived.structures if s.roi_number in roi_numbers]
    return any(name not in {None, "Bone"} and long_bone_of(name or "") not in bones for name in named)


def _declared_other(finding: OrganFinding, bones: frozenset[str]) -> bool:
    """Whether a bone is declared by name that is no long bone; "bone" alone leaves it open."""
    return finding.place not in {"", "bone", "Bone"} and long_bone_of(finding.place) not in bones


CHECK = LongBone()
