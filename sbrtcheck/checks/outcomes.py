"""What the checks on lesions have in common: outcomes where there is nothing to look at, and organs as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.results import Evidence, Interval, Outcome, Verdict

PATIENT = "patient"


def not_evaluated(reason: str, subject: str = PATIENT, structure: Structure | None = None) -> Outcome:
    """Return an outcome that names what is missing."""
    number = structure.roi_number if structure is not None else None
    return Outcome(subject, number, verdict=Verdict.NOT_EVALUATED, reason=reason)


def no_lesions(derived: Derived) -> tuple[Outcome, ...]:
    """Return the outcome of a check on lesions where there is none, () where there are lesions."""
    if derived.lesions:
        return ()
    empty = ", ".join(t.structure.where for t in derived.grouping.undrawn)
    found = f"nothing is drawn in the targets ({empty})" if empty else "no target was found among the structures"
    return (not_evaluated(f"{found}; name the targets in the site file ([targets])"),)


def undrawn(derived: Derived) -> tuple[Outcome, ...]:
    """Return one outcome for each target in which nothing is drawn: nobody knows what it would have shown."""
    remedy = "draw it, or say in the site file that it is no target ([targets])"
    return tuple(
        not_evaluated(f"nothing measurable is drawn in this {t.role.role}; {remedy}", t.structure.name, t.structure)
        for t in derived.grouping.undrawn
    )


def unseen(derived: Derived) -> tuple[Outcome, ...]:
    """Return one outcome for each lesion that may exist and that nothing is known of.

    An empty target may be one that a drawn target of its lesion bounds; those in excess may be lesions of their own. A
    ROI that dose is prescribed to, that is taken as no target and that holds no known one may be one as well.
    """
    found = []
    for outcome in undrawn(derived):
        target = next(t for t in derived.grouping.undrawn if t.structure.roi_number == outcome.roi_number)
        alike = sum(t.role.role == target.role.role for t in derived.grouping.undrawn)
        if alike > sum(lesion.by_role[target.role.role] is None for lesion in derived.lesions):
            found.append(outcome)
    reason = "the plan prescribes dose to it, but it is taken as no target; say in the site file what it is ([targets])"
    unknown = (s for s in derived.prescribed_to_no_target if not _holds_lesion(s, derived))
    return (*found, *(not_evaluated(reason, s.name, s) for s in unknown))


def _holds_lesion(structure: Structure, derived: Derived) -> bool:
    """Whether a structure surely shares volume with a lesion: then it speaks of that one."""
    for lesion in derived.lesions:
        with suppress(NotComputable):
            if derived.overlap(structure, lesion.measured).low > 0.0:
                return True
    return False


def remarks(derived: Derived) -> tuple[Evidence, ...]:
    """Return what was ambiguous about the lesions."""
    return tuple(Evidence(text=remark) for remark in derived.grouping.remarks)


def lesions(number: float) -> str:
    """Return a number of lesions in words.

    Examples
    --------
    >>> lesions(1), lesions(2)
    ('1 lesion', '2 lesions')
    """
    return f"{number:g} lesion" + ("" if number == 1 else "s")


def millimetres(measured: Interval) -> str:
    """Return a distance with its bounds in words.

    Examples
    --------
    >>> millimetres(Interval(3.21, 2.9, 3.6)), millimetres(Interval.exact(0.0))
    ('3.2 mm (2.9 to 3.6)', '0.0 mm')
    """
    value, low, high = (f"{v:.1f}" for v in (measured.value, measured.low, measured.high))
    return f"{value} mm" if low == high else f"{value} mm ({low} to {high})"


def organ_evidence(lesion: Lesion, derived: Derived) -> Evidence:
    """Return where a lesion lies, and how that is known."""
    finding = derived.organ(lesion)
    numbers = (lesion.measured.roi_number, *finding.roi_numbers)
    return Evidence(text=f"{lesion.id}: {finding.text}", roi_numbers=numbers)


def decided(lesion: Lesion, verdict: Verdict, reason: str, *evidence: Evidence) -> Outcome:
    """Return an outcome whose verdict the check itself states."""
    return Outcome(lesion.id, lesion.measured.roi_number, verdict=verdict, reason=reason, evidence=evidence)


def line(text: str, ends_mm: FloatArray, *structures: int) -> Evidence:
    """Return a measured line between two patient points ``(2, 3)``, LPS mm."""
    points = tuple((float(x), float(y), float(z)) for x, y, z in ends_mm)
    return Evidence(kind="line", text=text, roi_numbers=structures, points_mm=points)


def nearest(lesion: Lesion, structures: Sequence[Structure], derived: Derived) -> tuple[Evidence, ...]:
    """Return the shortest distance from the innermost target to one of these structures; none where there is none."""
    found = []
    for structure in structures:
        with suppress(NotComputable):
            found.append((derived.separation(lesion.measured, structure), structure))
    if not found:
        return ()
    apart, closest = min(found, key=lambda f: (f[0].distance.value, f[1].roi_number))
    text = f"{lesion.measured_role} to {closest.where} {millimetres(apart.distance)}"
    return (line(text, apart.ends_mm, lesion.measured.roi_number, closest.roi_number),)
