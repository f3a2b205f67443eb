"""Organs that the end of the scan cuts."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.sanity.scan import Ends, ends_of
from sbrtcheck.anatomy.sanity.targets import points_of
from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.model import Structure
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Outcome, Verdict


def _known(name: str) -> str:
    if not is_known(name):
        raise ValueError(f"{name!r} is not a TG-263 name")
    return name


class Parameters(BaseModel):
    """TG-263 names of the organs that a limit needs whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organs: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(min_length=1)


class OrganLength:
    """Look whether an organ is drawn on the first or the last slice of the planning CT.

    Notes
    -----
    There it may go on where nobody scanned: its volume, and what stands for the whole of it, are those of a part.
    Whether it is drawn whole between the ends of the scan does not show in its contours.
    """

    id: ClassVar[str] = "organ-length"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome an organ that is drawn."""
        organs = [s for s in derived.named(*task.parameters.organs) if s.is_closed and derived.role(s) is None]
        if not organs:
            reason = "none of the organs that this rule names is drawn"
            return (Outcome(PATIENT, verdict=Verdict.NOT_APPLICABLE, reason=reason),)
        case = derived.case
        ends = ends_of(case.image, case.structure_set) if case.structure_set is not None else None
        if ends is None or case.image is None:
            return (not_evaluated("the planning CT is missing, incomplete, or a single slice"),)
        return tuple(_one(organ, ends, case.image.frame_of_reference_uid) for organ in organs)


def _one(organ: Structure, ends: Ends, frame_uid: str) -> Outcome:
    points = points_of(organ)
    if points is None or other_frame(organ.frame_of_reference_uid, frame_uid):
        return not_evaluated("CT and structure lie in different frames of reference", organ.name, organ)
    along = ends.along(points)
    first, last = along.min() <= ends.first_mm + ends.half_mm, along.max() >= ends.last_mm - ends.half_mm
    if first or last:
        which = "both ends" if first and last else "one end"
        reason = f"{organ.where} is drawn up to {which} of the scan, so that it may be a part of the organ only"
        return Outcome(organ.name, organ.roi_number, verdict=Verdict.FAIL, reason=reason)
    reason = f"{organ.where} ends within the scan; whether it is drawn whole is not seen"
    return Outcome(organ.name, organ.roi_number, verdict=Verdict.PASS, reason=reason)


CHECK = OrganLength()
