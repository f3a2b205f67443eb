"""Earlier courses as the report shows them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sbrtcheck.derived import Derived
from sbrtcheck.dose.dvh import DvhCurves, dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.prior.distance import Ranged, TargetFinding
from sbrtcheck.prior.mapped import PriorFindings
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.protocol.declared import Declared, EarlierCourse
from sbrtcheck.results import (
    CumulativeCurve,
    CumulativeRecord,
    DvhCurve,
    EarlierTargetRecord,
    Interval,
    PriorCourseRecord,
    PriorQuantityRecord,
    PriorTargetRecord,
    RangedRecord,
)

_CURVE_POINTS = 161
_HOTTEST_CM3 = 0.03  # D0.03cc


def prior_course_records(derived: Derived, declared: Declared, percent: float = 50.0) -> tuple[PriorCourseRecord, ...]:
    """Return every earlier course, also those that are only declared; what is not known of one stands there.

    Parameters
    ----------
    percent : float
        Isodose, in percent of the prior prescription, that a rule looks at.
    """
    given = tuple(_course(derived, number, percent) for number in range(1, len(derived.courses) + 1))
    known = declared.without_files([course.date for course in derived.courses])
    return (*given, *(_declared(course) for course in known))


def _declared(course: EarlierCourse) -> PriorCourseRecord:
    return PriorCourseRecord(
        name=f"declared course: {course.site}",
        state="declared",
        date=course.when,
        prescribed_gy=course.dose_gy,
        fractions=course.fractions,
        prescription_source="declared" if course.dose_gy is not None else "",
        not_evaluated="it is declared, and no files of it were given",
    )


def _course(derived: Derived, number: int, percent: float) -> PriorCourseRecord:
    course, error = derived.courses[number - 1], derived.course_uncertainty(number)
    mapping, how = _mapping(derived, number)
    targets = tuple(_target(derived, number, *target, percent) for target in _targets(derived))
    why = ""
    if course.dose is None:
        why = "the course has no dose"
    elif mapping is None:
        why = how
    elif not targets:
        why = "no target was found in this plan"
    elif all(target.not_evaluated for target in targets):
        why = "; ".join(dict.fromkeys(target.not_evaluated for target in targets))
    prescribed_gy, fractions, source = _prescription(derived, number)
    return PriorCourseRecord(
        number=number,
        name=derived.course_name(number),
        state=course.state,
        date=course.date,
        prescribed_gy=prescribed_gy,
        fractions=fractions,
        prescription_source=source,
        not_evaluated=why,
        mapping=how,
        mapping_kind=_kind(mapping),
        registrations=mapping.registrations if mapping is not None else (),
        shift_mm=error.shift_mm,
        rotation_deg=error.rotation_deg,
        recovery=_recovery(derived, number),
        retreatment=_retreatment(derived, number),
        targets=targets,
    )


def _mapping(derived: Derived, number: int) -> tuple[Mapping | None, str]:
    """Return how a course was mapped, or None and why it was not."""
    frames = derived.case.structure_set.frame_of_reference_uids if derived.case.structure_set is not None else ()
    dose = derived.case.dose
    frame = frames[0] if frames else dose.frame_of_reference_uid if dose is not None else ""
    try:
        mapping = derived.course_mapping(number, frame)
    except NotComputable as reason:
        return None, str(reason)
    return mapping, mapping.text


def _kind(mapping: Mapping | None) -> Literal["", "same-frame", "rigid", "affine", "deformable"]:
    if mapping is None:
        return ""
    if not mapping.registrations:
        return "same-frame"
    if mapping.matrix is None:
        return "deformable"
    return "rigid" if mapping.is_rigid else "affine"


def _prescription(derived: Derived, number: int) -> tuple[float | None, int | None, str]:
    """Return dose, fractions, and where they are from."""
    said, dose_gy = derived.said_of(number), derived.course_prescribed_gy(number)
    try:
        fractions, missing = derived.course_fractions(number), ""
    except NotComputable as reason:
        fractions, missing = None, reason.message
    if dose_gy is None:
        plan = derived.courses[number - 1].plan
        several = plan is not None and len({p.dose_gy for p in plan.prescriptions}) > 1
        return None, fractions, "several prescriptions" if several else "no prescription is known"
    source = "site file" if said is not None and said.prescribed_gy is not None else "plan"
    return dose_gy, fractions, "; ".join(part for part in (source, missing) if part)


def _recovery(derived: Derived, number: int) -> str:
    said = derived.said_of(number)
    if said is None or not said.recovery_percent:
        return ""
    return f"{said.recovery_percent:g} % of its effect taken as recovered ({said.recovery_source})"


def _retreatment(derived: Derived, number: int) -> str:
    try:
        return derived.retreatment(number).text
    except NotComputable as reason:
        return f"type of re-irradiation not evaluated: {reason}"


def _targets(derived: Derived) -> list[tuple[Structure, str, str]]:
    """Return the innermost and the outermost target of each lesion, with role and lesion."""
    found: dict[int, tuple[Structure, str, str]] = {}
    try:
        lesions = derived.lesions
    except NotComputable:
        return []
    for lesion in lesions:
        for target in (*lesion.all_of_role(lesion.measured_role), lesion.outermost):
            role = derived.role(target)
            found.setdefault(target.roi_number, (target, role.role if role is not None else "", lesion.id))
    return list(found.values())


def _target(
    derived: Derived, number: int, structure: Structure, role: str, lesion: str, percent: float
) -> PriorTargetRecord:
    head = PriorTargetRecord(roi_number=structure.roi_number, name=structure.name, role=role, lesion=lesion)
    try:
        found = derived.prior_findings(structure, number, percent)
    except NotComputable as reason:
        return head.model_copy(update={"not_evaluated": str(reason)})
    missing = dict.fromkeys(q.reason for q in found.quantities if q.ranged is None)
    names = {s.roi_number: s.name for s in derived.course_targets(number)}
    return head.model_copy(
        update={
            "not_evaluated": "; ".join(missing) if len(missing) and not _any(found) else "",
            "unknown_percent": _ranged(found.unknown_share, "%"),
            "rows": tuple(
                PriorQuantityRecord(name=q.name, unit=q.unit, ranged=_ranged(q.ranged, q.unit), reason=q.reason)
                for q in found.quantities
            ),
            "earlier_targets": tuple(_beside(target, names) for target in found.targets),
        }
    )


def _any(found: PriorFindings) -> bool:
    return any(q.ranged is not None for q in found.quantities)


def _ranged(found: Ranged | None, unit: str = "") -> RangedRecord | None:
    if found is None:
        return None
    most = 100.0 if unit == "%" else np.inf  # but for rounding no share is larger
    numerical, registered = (
        Interval(min(i.value, most), min(i.low, most), min(i.high, most)) for i in (found.numerical, found.registered)
    )
    return RangedRecord(numerical=numerical, registered=registered)


def _beside(target: TargetFinding, names: dict[int, str]) -> EarlierTargetRecord:
    return EarlierTargetRecord(
        roi_number=target.roi_number,
        name=names.get(target.roi_number, ""),
        overlap_cc=_ranged(target.overlap_cm3),
        overlap_percent=_ranged(target.overlap_percent, "%"),
        distance_mm=_ranged(target.distance_mm),
        reason=target.reason,
    )


def cumulative_record(
    derived: Derived, plotted: tuple[DvhCurve, ...], asked: frozenset[str] = frozenset()
) -> CumulativeRecord | None:
    """Return structures of the DVH plot in the sum of physical dose beside that of this plan alone.

    These are the outermost target of each lesion, and the organs (``asked``, TG-263 names) of which a rule asks the
    cumulative dose: the sum in a structure costs some tenths of a second. None where there is no earlier course.
    """
    if not derived.courses:
        return None
    try:
        courses = [course.name for course in derived.sums.courses]
    except NotComputable as reason:
        return CumulativeRecord(not_computable=str(reason))
    structures = {s.roi_number: s for s in derived.structures}
    top_gy = float(derived.dose.dose_gy.max())
    found = []
    shown = {lesion.outermost.roi_number for lesion in derived.lesions}
    shown |= {s.roi_number for s in derived.named(*asked)}
    for curve in plotted:
        if curve.roi_number not in shown:
            continue
        structure = structures[curve.roi_number]
        try:
            plan, total = derived.dvh(structure), derived.cumulative_dvh(structure)
        except NotComputable:
            continue
        dose_gy = np.linspace(0.0, 1.02 * max(top_gy, total.best.maximum_gy), _CURVE_POINTS)
        found.append(CumulativeCurve(plan=_curve(curve, plan, dose_gy), cumulative=_curve(curve, total, dose_gy)))
    return CumulativeRecord(text=", ".join(["this plan", *courses]), curves=tuple(found))


def _curve(like: DvhCurve, dvh: DvhCurves, dose_gy: FloatArray) -> DvhCurve:
    best, low, high = (tuple(round(float(v), 4) for v in values) for values in dvh.cumulative(dose_gy))
    metrics: dict[str, Interval] = {"Mean[Gy]": dvh.interval(lambda d: d.mean_gy)}
    if min(d.total_cm3 for d in (dvh.best, *dvh.variants)) >= _HOTTEST_CM3:
        metrics = {"D0.03cc[Gy]": dvh.interval(lambda d: dose_to_hottest(d, _HOTTEST_CM3)), **metrics}
    return DvhCurve(
        roi_number=like.roi_number,
        name=like.name,
        role=like.role,
        total_cc=dvh.best.total_cm3,
        dose_gy=tuple(round(float(v), 4) for v in dose_gy),
        volume_percent=best,
        volume_percent_low=low,
        volume_percent_high=high,
        metrics=metrics,
        outside_percent=100.0 * dvh.outside_fraction,
    )
