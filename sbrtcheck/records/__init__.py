"""From the model and the derived quantities to the records of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.derived import Derived
from sbrtcheck.dose.tps import Beside
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.fingerprint import fingerprint
from sbrtcheck.geometry.volume import equivalent_diameter
from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import AnyRegistration, Case, Dose, Image, Registration, Structure, TpsDvh
from sbrtcheck.results import (
    CourseRecord,
    DrawnRecord,
    DvhCurve,
    GridRecord,
    Interval,
    LesionRecord,
    Notice,
    PlanRecord,
    Point,
    PrescriptionRecord,
    RuleResult,
    StructureRecord,
    TpsBeside,
    TpsComparison,
    TpsStatistics,
    Verdict,
)

_CURVE_POINTS = 161
SHOWN_METRICS = ("D98%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "Mean[Gy]")  # beside the curves


def blocked(notices: Iterable[Notice]) -> tuple[RuleResult, ...]:
    """Return a not-evaluated result for each blocking notice, so that nothing that undermines a check ends green."""
    return tuple(
        RuleResult(
            rule=notice.code,
            protocol="sbrtcheck",
            title="The files can be relied on",
            section="plan",
            subject=notice.where or "files",
            verdict=Verdict.NOT_EVALUATED,
            reason=notice.message,
            source="DESIGN law 1: nothing missing or unreadable ends green",
        )
        for notice in notices
        if notice.severity == "blocking"
    )


def plan_record(case: Case) -> PlanRecord:
    """Return the plan with its prescriptions; empty texts where there is no plan."""
    if case.plan is None:
        return PlanRecord(label="", sop_instance_uid="")
    return PlanRecord(
        label=case.plan.label,
        sop_instance_uid=case.plan.sop_instance_uid,
        created=case.plan.created,
        prescriptions=tuple(
            PrescriptionRecord(
                target_roi=rx.target_roi,
                target_name=rx.target_name,
                dose_gy=rx.dose_gy,
                fractions=rx.fractions,
                source=rx.source,
            )
            for rx in case.plan.prescriptions
        ),
    )


def drawn_records(case: Case) -> tuple[DrawnRecord, ...]:
    """Return every ROI of the structure set with the fingerprint of its outlines."""
    drawn = case.structure_set.structures if case.structure_set is not None else ()
    return tuple(DrawnRecord(roi_number=s.roi_number, name=s.name, fingerprint=fingerprint(s)) for s in drawn)


def lesion_records(derived: Derived) -> tuple[LesionRecord, ...]:
    """Return the lesions with their size and place; none where there is no structure set."""
    return tuple(_lesion_record(lesion, derived) for lesion in _lesions(derived))


def _lesions(derived: Derived) -> tuple[Lesion, ...]:
    try:
        return derived.lesions
    except NotComputable:
        return ()


def _lesion_record(lesion: Lesion, derived: Derived) -> LesionRecord:
    measured = lesion.measured
    organ = derived.organ(lesion)
    return LesionRecord(
        id=lesion.id,
        gtv=_number(lesion.gtv),
        ctv=_number(lesion.ctv),
        itv=_number(lesion.itv),
        ptv=_number(lesion.ptv),
        organ=organ.organ,
        organ_evidence=organ.text,
        volume_cc=_or_none(lambda: derived.volume(measured)),
        longest_axial_diameter_mm=_or_none(lambda: derived.longest_axial_diameter(measured).length),
        longest_3d_diameter_mm=_or_none(lambda: derived.longest_3d_diameter(measured).length),
        short_axis_mm=_or_none(lambda: derived.short_axis(measured).length),
        equivalent_diameter_mm=_or_none(lambda: equivalent_diameter(derived.volume(measured))),
        ends_mm=_ends(measured, derived),
        measurable=derived.measurable(lesion),
        size_from=lesion.measured_role,
    )


def _ends(structure: Structure, derived: Derived) -> dict[str, tuple[Point, Point]]:
    found = {}
    for name in ("longest_axial_diameter", "short_axis", "longest_3d_diameter"):
        try:
            first, second = getattr(derived, name)(structure).ends_mm.tolist()
        except NotComputable:
            continue
        found[name] = (tuple(first), tuple(second))
    return found


def _number(structure: Structure | None) -> int | None:
    return structure.roi_number if structure is not None else None


def structure_records(derived: Derived) -> tuple[StructureRecord, ...]:
    """Return every ROI with how it was understood."""
    if derived.case.structure_set is None:
        return ()
    records = []
    for structure in derived.structures:
        match, role = derived.match(structure), derived.role(structure)
        records.append(
            StructureRecord(
                roi_number=structure.roi_number,
                name=structure.name,
                interpreted_type=structure.interpreted_type,
                contours=len(structure.contours),
                tg263=match.tg263,
                role=role.role if role is not None else None,
                matched_by=role.how if role is not None else match.how,
            )
        )
    return tuple(records)


def dose_record(dose: Dose | None) -> GridRecord | None:
    """Return the dose grid."""
    if dose is None:
        return None
    return GridRecord(
        uid=", ".join(dose.sop_instance_uids),
        frame_of_reference_uid=dose.frame_of_reference_uid,
        voxels=(len(dose.lattice.i_mm), len(dose.lattice.j_mm), len(dose.lattice.k_mm)),
        spacing_mm=dose.lattice.spacing_mm,
        detail=f"{dose.kind}, maximum {float(dose.dose_gy.max()):.2f} Gy",
    )


def image_record(image: Image | None) -> GridRecord | None:
    """Return the planning image."""
    if image is None:
        return None
    return GridRecord(
        uid=image.series_instance_uid,
        frame_of_reference_uid=image.frame_of_reference_uid,
        voxels=(len(image.lattice.i_mm), len(image.lattice.j_mm), len(image.lattice.k_mm)),
        spacing_mm=image.lattice.spacing_mm,
        detail=image.patient_position,
    )


def course_records(case: Case) -> tuple[CourseRecord, ...]:
    """Return the earlier courses."""
    return tuple(
        CourseRecord(
            label=course.label,
            date=course.date,
            state=course.state,
            has_plan=course.plan is not None,
            has_structures=course.structure_set is not None,
            has_dose=course.dose is not None,
        )
        for course in case.priors
    )


def registration_text(registration: AnyRegistration) -> str:
    """Return what a registration joins."""
    kind = registration.kind if isinstance(registration, Registration) else "DEFORMABLE"
    return f"{kind} {registration.from_frame_uid} -> {registration.to_frame_uid}"


def dvh_curves(derived: Derived) -> tuple[DvhCurve, ...]:
    """Return cumulative DVHs of the targets and of the organs whose names are known, for plotting."""
    curves = []
    for structure in _plotted(derived):
        try:
            dvh = derived.dvh(structure)
        except NotComputable:
            continue
        role = derived.role(structure)
        dose_gy = np.linspace(0.0, float(derived.dose.dose_gy.max()) * 1.02, _CURVE_POINTS)
        best, low, high = dvh.cumulative(dose_gy)
        curves.append(
            DvhCurve(
                roi_number=structure.roi_number,
                name=structure.name,
                role=role.role if role is not None else "",
                total_cc=dvh.best.total_cm3,
                dose_gy=_rounded(dose_gy),
                volume_percent=_rounded(best),
                volume_percent_low=_rounded(low),
                volume_percent_high=_rounded(high),
                metrics=_shown_metrics(structure, derived),
                outside_percent=100.0 * dvh.outside_fraction,
            )
        )
    return tuple(curves)


def _shown_metrics(structure: Structure, derived: Derived) -> dict[str, Interval]:
    found = {}
    for expression in SHOWN_METRICS:
        try:
            found[expression] = parse_metric(expression).compute(structure, derived)
        except NotComputable:
            continue
    return found


def _or_none(compute: Callable[[], Interval]) -> Interval | None:
    try:
        return compute()
    except NotComputable:
        return None


def _rounded(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, ...]:
    # Curves are for looking at; metrics and verdicts never use them.
    return tuple(round(float(v), 4) for v in values)


def _plotted(derived: Derived) -> tuple[Structure, ...]:
    if derived.case.structure_set is None or derived.case.dose is None:
        return ()
    return tuple(s for s in derived.structures if s.is_closed and _is_plotted(s, derived))


def _is_plotted(structure: Structure, derived: Derived) -> bool:
    if derived.role(structure) is not None:
        return True
    # The outline of the body says nothing in a plot and costs more than all other curves together.
    return derived.match(structure).tg263 not in {None, "External", "Body"}


def tps_comparisons(derived: Derived) -> tuple[TpsComparison, ...]:
    """Return the planning system's own DVHs beside ours."""
    if derived.case.dose is None or derived.case.structure_set is None:
        return ()
    compared = []
    for structure in derived.structures:
        stored, ours = derived.tps_dvh(structure), derived.against_tps(structure)
        if stored is not None and ours is not None and ours.volume_cm3 is not None:
            compared.append(
                TpsComparison(
                    roi_number=structure.roi_number,
                    name=structure.name,
                    tps=TpsStatistics(**_stored(stored, ours)),
                    our_volume_cc=ours.volume_cm3,
                    our_min_gy=ours.minimum_gy,
                    our_mean_gy=ours.mean_gy,
                    our_max_gy=ours.maximum_gy,
                )
            )
    return tuple(compared)


def tps_beside(derived: Derived, structure: Structure) -> TpsBeside | None:
    """Return what the planning system stored of one structure, our doses beside it; None where it stored nothing."""
    stored, ours = derived.tps_dvh(structure), derived.against_tps(structure)
    if stored is None or ours is None:
        return None
    return TpsBeside(
        **_stored(stored, ours),
        our_min_gy=ours.minimum_gy,
        our_mean_gy=ours.mean_gy,
        our_max_gy=ours.maximum_gy,
    )


def _stored(stored: TpsDvh, ours: Beside) -> dict[str, Any]:
    return {
        "volume_cc": float(stored.volume_cm3[0]),
        "min_gy": stored.minimum_gy,
        "mean_gy": stored.mean_gy,
        "max_gy": stored.maximum_gy,
        "max_dose_difference_gy": ours.difference_gy,
        "remark": ours.remark,
        "apart": ours.apart,
    }
