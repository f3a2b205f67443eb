"""Dose of an earlier course in a structure of this plan, where a frame of reference or a registration joins both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import PriorCourse, Registration, Structure
from sbrtcheck.prior.displaced import Uncertainty, displaced_curves
from sbrtcheck.prior.mapping import find_mapping

State = Literal["dose", "not-mapped", "no-dose"]


@dataclass(frozen=True, slots=True, eq=False)
class PriorDose:
    """What one earlier course gave to one structure.

    Attributes
    ----------
    state : str
        ``dose``: mapped; ``not-mapped``: no registration joins the frames of reference, or several contradict each
        other; ``no-dose``: plan or structures without dose.
    curves : DvhCurves or None
        DVH of the structure in the earlier dose, over all positions that the registration leaves open; None unless
        ``state`` is ``dose``. The part that the earlier grid does not reach is unknown and widens it.
    prescribed_gy : float or None
        Prescription of the earlier plan, Gy; None where there is none or several.
    text : str
        The state as a sentence; names the frames of reference.
    """

    label: str
    date: str
    state: State
    curves: DvhCurves | None
    prescribed_gy: float | None
    text: str


def prior_dose(
    structure: Structure,
    region: Callable[[], Region],
    course: PriorCourse,
    name: str,
    registrations: Sequence[Registration],
    uncertainty: Uncertainty,
) -> PriorDose:
    """Return what an earlier course gave to a structure.

    Parameters
    ----------
    structure : Structure
        Of this plan.
    region : callable
        Returns its region; called only where the dose can be mapped.
    course : PriorCourse
    name : str
        How the course is called in results.
    registrations : sequence of Registration
        That may join the frames of reference.
    uncertainty : Uncertainty
        How far the earlier dose may lie from where it is put.

    Raises
    ------
    NotComputable
        If nothing closed is drawn in the structure.
    """
    prescribed = _prescribed(course)
    if course.dose is None:
        held = [what for what, there in (("plan", course.plan), ("structures", course.structure_set)) if there]
        text = f"{name} has {' and '.join(held) or 'no plan, no structures'} but no dose"
        return PriorDose(course.label, course.date, "no-dose", None, prescribed, text)
    try:
        mapping = find_mapping(registrations, structure.frame_of_reference_uid, course.dose.frame_of_reference_uid)
    except NotComputable as reason:
        return PriorDose(course.label, course.date, "not-mapped", None, prescribed, f"{name}: {reason}")
    if not mapping.is_rigid:
        text = f"{name}: {mapping.text}, which stretches the patient; only rigid registrations are used"
        return PriorDose(course.label, course.date, "not-mapped", None, prescribed, text)
    curves = displaced_curves(region(), course.dose, mapping.matrix, uncertainty)
    text = f"the dose of {name}: {mapping.text}; bounds hold for {uncertainty} of error in its place"
    return PriorDose(course.label, course.date, "dose", curves, prescribed, text)


def _prescribed(course: PriorCourse) -> float | None:
    """Return the prescription of an earlier plan, where there is exactly one dose."""
    doses = {p.dose_gy for p in course.plan.prescriptions} if course.plan else set()
    return doses.pop() if len(doses) == 1 else None


def described(number: int, course: PriorCourse) -> str:
    """Return how a course is called: by its date where known, never by its label, which may hold a name."""
    day = f" of {course.date[:4]}-{course.date[4:6]}-{course.date[6:8]}" if len(course.date) == 8 else ""
    return f"earlier course {number}{day}"
