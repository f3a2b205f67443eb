"""Results that odd contours undermine: what would be green rests on an outline that is not to be relied on."""

from __future__ import annotations

from sbrtcheck.checks.outcomes import PATIENT
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.results import Outcome


def doubts(check_id: str, outcome: Outcome, derived: Derived) -> tuple[str, ...]:
    """Return why an outcome cannot be relied on, a sentence each; empty where nothing speaks against it.

    Parameters
    ----------
    check_id : str
        The check that made the outcome.
    outcome : Outcome
        A finding touches it when it concerns a structure of its subject or of its evidence; an outcome for the whole
        patient rests on all structures.
    """
    found = [f for f in derived.contour_findings if check_id in f.undermines]
    if not found:
        return ()
    numbers = _structures(outcome, derived)
    return tuple(f.notice.message for f in found if not numbers or numbers & set(f.roi_numbers))


def _structures(outcome: Outcome, derived: Derived) -> set[int]:
    numbers = {number for evidence in outcome.evidence for number in evidence.roi_numbers}
    numbers |= {outcome.roi_number} if outcome.roi_number is not None else set()
    try:
        lesions = [lesion for lesion in derived.lesions if lesion.id == outcome.subject]
    except NotComputable:
        lesions = []
    numbers |= {member.structure.roi_number for lesion in lesions for member in lesion.members}
    # A structure made of others has no number of its own; its evidence names all that it is made of.
    is_one = outcome.roi_number is not None or (outcome.measured is not None and outcome.subject != PATIENT)
    return numbers if is_one or lesions else set()
