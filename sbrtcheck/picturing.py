"""Which results are pictured, and what their pictures show: three planes for each lesion and each measured line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.picture import Outlined, Subject, picture_sets
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.volume import centroid
from sbrtcheck.model import Dose, FloatArray, Image, Structure
from sbrtcheck.naming.roles import target_role
from sbrtcheck.prior.distance import earlier_region
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.retreatment import IRRADIATED_PERCENT
from sbrtcheck.results import EARLIER, Evidence, Picture, Point, RuleResult, Verdict

# Sets of three pictures in one report, a choice of this program: with a usual CT a set adds about 0.1 MB to a page.
MOST_SETS = 24
MOST_COURSE_SETS = 12  # of earlier courses besides
_DIGITS = 1  # places that agree to 0.1 mm are shown once
_UNTROUBLED = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})  # pictured last
_ORIGINS = {"drawn": "", "masks": " (from masks)", "scan": " (from CT)"}

_BODY = frozenset({"External", "Body"})

_Key = tuple[tuple[int, ...], tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A line or place to be pictured: where, on which ROIs, of whom, and what it is."""

    points_mm: tuple[Point, ...]
    roi_numbers: tuple[int, ...]
    subject: str
    title: str
    lesion: Lesion | None = None  # of a picture of the whole lesion, with isodose lines

    @property
    def key(self) -> _Key:
        x = tuple((round(p[0], _DIGITS), round(p[1], _DIGITS), round(p[2], _DIGITS)) for p in self.points_mm)
        return self.roi_numbers, x


def pictured(results: Sequence[RuleResult], derived: Derived) -> tuple[tuple[RuleResult, ...], tuple[Picture, ...]]:
    """Draw each lesion with its longest axial diameter, and each line or place that a result rests on.

    Parameters
    ----------
    results : sequence of RuleResult
    derived : Derived
        Of the same case.

    Returns
    -------
    tuple of RuleResult
        The same results; evidence that is pictured names its pictures, and evidence with points that is not says why
        not. Evidence on ROIs without points names the pictures of the lesion that its result is about.
    tuple of Picture
        Sets of three: lesions first, then lines of what is not green, then the others; no more than ``MOST_SETS`` sets.
        Lines between the same points of the same ROIs are drawn once.
    """
    wanted = _wanted(results, derived)
    subjects: list[Subject] = []
    ids: dict[_Key, str] = {}
    missing: dict[_Key, str] = {}
    for shown in wanted:
        if len(subjects) == MOST_SETS:
            missing[shown.key] = f"a report holds pictures of {MOST_SETS} places at most"
            continue
        try:
            subjects.append(_subject(f"{len(subjects) + 1}", shown, derived))
        except NotComputable as reason:
            missing[shown.key] = reason.message
        else:
            ids[shown.key] = subjects[-1].id
    lesions = {s.subject: ids.get(s.key, "") for s in wanted if s.lesion is not None}
    noted = tuple(
        result.model_copy(update={"evidence": tuple(_noted(e, result, ids, missing, lesions) for e in result.evidence)})
        for result in results
    )
    return noted, picture_sets(subjects, derived.case.image, derived.case.dose)


def course_pictures(derived: Derived) -> tuple[Picture, ...]:
    """Draw each lesion with the isodoses of each earlier course, and with the targets of that course.

    Returns
    -------
    tuple of Picture
        Sets of three with the id ``course 1, lesion 1``, ``MOST_COURSE_SETS`` of them at most; nothing of a course that
        has no dose or is not mapped.
    """
    try:
        lesions = derived.lesions
    except NotComputable:
        return ()
    found: list[Picture] = []
    for number in range(1, len(derived.courses) + 1):
        for lesion in lesions:
            if len({picture.id for picture in found}) == MOST_COURSE_SETS:
                return tuple(found)
            try:
                dose = derived.course_dose_here(number, lesion.measured.frame_of_reference_uid)
                subject = _course_subject(lesion, number, dose, derived)
            except NotComputable:
                continue
            found += picture_sets([subject], derived.case.image, dose)
    return tuple(found)


def _course_subject(lesion: Lesion, number: int, dose: Dose, derived: Derived) -> Subject:
    measured, name = lesion.measured, derived.course_name(number)
    mapping = derived.course_mapping(number, measured.frame_of_reference_uid)
    prescribed_gy = derived.course_prescribed_gy(number)
    bent = "" if mapping.matrix is not None else "; its targets are not outlined through a deformable registration"
    return Subject(
        id=f"course {number}, {lesion.id}",
        subject=lesion.id,
        title=f"isodoses of {name}{bent}",
        target=_outlined(measured, derived),
        others=(*_around([measured], lesion, derived), *_earlier_targets(number, mapping, derived)),
        points_mm=_irradiated(dose, prescribed_gy, measured, derived),
        organ=derived.organ(lesion).organ,
        prescribed_gy=prescribed_gy,
        with_ct=_in_frame(derived.case.image, measured),
        with_dose=True,
        course=name,
    )


def _earlier_targets(number: int, mapping: Mapping, derived: Derived) -> Iterator[Outlined]:
    for structure in derived.course_targets(number) if mapping.matrix is not None else ():
        role = target_role(structure, derived.site)
        try:
            region = earlier_region(structure, mapping)
        except NotComputable:
            continue
        yield Outlined(
            f"{structure.name}, {derived.course_name(number)}",
            f"{EARLIER} {role.role if role is not None else ''}".rstrip(),
            region,
        )


def _irradiated(dose: Dose, prescribed_gy: float | None, target: Structure, derived: Derived) -> FloatArray:
    """Return the corners of the box around the isodose from which tissue counts as irradiated, LPS, mm, ``(8, 3)``.

    The centre of the target where nothing is irradiated.
    """
    full_gy = prescribed_gy if prescribed_gy else float(np.nanmax(dose.dose_gy))
    held = np.argwhere(dose.dose_gy >= max(IRRADIATED_PERCENT / 100.0 * full_gy, 1e-6))
    if not len(held):
        return np.asarray(centroid(derived.region(target))[None])
    lattice = dose.lattice
    (k, j, i), (k_, j_, i_) = held.min(axis=0), held.max(axis=0)
    ends = lattice.i_mm[[i, i_]], lattice.j_mm[[j, j_]], lattice.k_mm[[k, k_]]
    return lattice.to_lps(np.stack(np.meshgrid(*ends), axis=-1).reshape(-1, 3))


def _wanted(results: Sequence[RuleResult], derived: Derived) -> tuple[_Shown, ...]:
    """Return what is to be pictured, each place once, the most important first."""
    ordered = sorted(results, key=lambda result: result.verdict in _UNTROUBLED)
    found: dict[_Key, _Shown] = {}
    for shown in (*_lesions(derived), *_lines(ordered)):
        found.setdefault(shown.key, shown)
    return tuple(found.values())


def _lesions(derived: Derived) -> Iterator[_Shown]:
    try:
        lesions = derived.lesions
    except NotComputable:
        return
    for lesion in lesions:
        measured = lesion.measured
        try:
            ends = derived.longest_axial_diameter(measured).ends_mm
        except NotComputable:
            continue
        title = f"longest axial diameter of the {lesion.measured_role} ({measured.name})"
        points = tuple((float(x), float(y), float(z)) for x, y, z in ends)
        yield _Shown(points, (measured.roi_number,), lesion.id, title, lesion)


def _lines(results: Iterable[RuleResult]) -> Iterator[_Shown]:
    for result in results:
        for evidence in result.evidence:
            if _has_place(evidence):
                yield _Shown(evidence.points_mm, evidence.roi_numbers, result.subject, evidence.text)


def _has_place(evidence: Evidence) -> bool:
    return evidence.kind in {"line", "point"} and len(evidence.points_mm) > 0


def _noted(
    evidence: Evidence, result: RuleResult, ids: dict[_Key, str], missing: dict[_Key, str], lesions: dict[str, str]
) -> Evidence:
    if _has_place(evidence):
        key = _Shown(evidence.points_mm, evidence.roi_numbers, "", "").key
        return evidence.model_copy(update={"picture": ids.get(key, ""), "not_pictured": missing.get(key, "")})
    of_lesion = lesions.get(result.subject, "") if evidence.roi_numbers else ""
    return evidence.model_copy(update={"picture": of_lesion}) if of_lesion else evidence


def _subject(name: str, shown: _Shown, derived: Derived) -> Subject:
    """Return what a set of pictures shows; raises NotComputable where its ROIs are not there or not drawn."""
    own = [_structure(number, derived) for number in shown.roi_numbers]
    if not own or len(shown.points_mm) > 2:
        raise NotComputable("it is no line or place on a ROI")
    target, *rest = (_outlined(structure, derived) for structure in own)
    lesion = shown.lesion or _lesion_of(own[0], shown.subject, derived)
    two_ends = len(shown.points_mm) > 1 and len(own) > 1
    return Subject(
        id=name,
        subject=shown.subject,
        title=shown.title,
        target=target,
        others=(*rest, *_around(own, lesion, derived)),
        points_mm=np.array(shown.points_mm, dtype=float),
        ends_on=(target.label, rest[0].label) if two_ends else (),
        organ=derived.organ(lesion).organ if lesion is not None else None,
        prescribed_gy=_prescribed_gy(lesion, derived),
        with_ct=_in_frame(derived.case.image, own[0]),
        with_dose=shown.lesion is not None and _in_frame(derived.case.dose, own[0]),
    )


def _structure(number: int, derived: Derived) -> Structure:
    for structure in (*derived.structures, *derived.case.advisory):
        if structure.roi_number == number:
            return structure
    # The airway is looked for in the CT only where something rests on it.
    for structure in derived.airway:
        if structure.roi_number == number:
            return structure
    raise NotComputable(f"no structure has the number {number}")


def _outlined(structure: Structure, derived: Derived) -> Outlined:
    role = derived.role(structure) if structure.origin == "drawn" else None
    label = structure.name + _ORIGINS[structure.origin]
    advisory = structure.origin != "drawn"
    return Outlined(label, role.role if role is not None else "", derived.region(structure), advisory)


def _lesion_of(structure: Structure, subject: str, derived: Derived) -> Lesion | None:
    lesions = derived.lesions_of(structure)
    return next((lesion for lesion in lesions if lesion.id == subject), lesions[0] if lesions else None)


def _around(own: Sequence[Structure], lesion: Lesion | None, derived: Derived) -> Iterator[Outlined]:
    """Return the other targets of the lesion, and the organs of known name, the outline of the body last."""
    mine = {member.structure.roi_number for member in lesion.members} if lesion is not None else set()
    there = {structure.roi_number for structure in own}
    for structure in sorted(derived.structures, key=lambda s: derived.match(s).tg263 in _BODY):
        is_target = derived.role(structure) is not None
        if structure.roi_number in there or is_target != (structure.roi_number in mine):
            continue
        if not is_target and derived.match(structure).tg263 is None:
            continue
        try:
            yield _outlined(structure, derived)
        except NotComputable:
            continue


def _prescribed_gy(lesion: Lesion | None, derived: Derived) -> float | None:
    if lesion is None:
        return None
    try:
        return derived.prescribed_gy(lesion.outermost)
    except NotComputable:
        return None


_Layer = TypeVar("_Layer", Image, Dose)


def _in_frame(layer: _Layer | None, structure: Structure) -> bool:
    """Whether there is an image or a dose, and it names no other frame of reference than the structure."""
    if layer is None:
        return False
    ours, theirs = structure.frame_of_reference_uid, layer.frame_of_reference_uid
    return not ours or not theirs or ours == theirs
