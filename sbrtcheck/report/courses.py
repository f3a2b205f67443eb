"""Earlier courses as every readable format shows them: in what order, in which words, with which bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sbrtcheck.report.rounding import exactly, shown
from sbrtcheck.report.view import PictureSet, interval_text, picture_sets
from sbrtcheck.report.wording import COURSE_STATE, MAPPING_KIND
from sbrtcheck.results import (
    CumulativeCurve,
    Interval,
    PlanReport,
    PriorCourseRecord,
    PriorTargetRecord,
    RangedRecord,
    Verdict,
)

# What stands in the page and on the terminal; every isodose level stands in the list that can be unfolded.
_DOSES = ("Max[Gy]", "D0.03cc[Gy]", "Mean[Gy]", "D50%[Gy]", "Min[Gy]")
_SHARES = ("V5%[%]", "V50%[%]", "V95%[%]")
_SHARES_IN_GY = ("V5Gy[%]", "V20Gy[%]", "V50Gy[%]")  # where no prescription is known
IN_SHORT = ("D0.03cc[Gy]", "Mean[Gy]", "V50%[%]")
_DRAWN = 7  # structures in the plot of the sum: as many as there are colours
_ROUNDING_PERCENT = 1e-6  # of a share that is a sum over many cells
_CHANGED_PERCENT = 1.0  # of the volume: what the sum changes by less cannot be told apart in a plot


@dataclass(frozen=True, slots=True)
class Cell:
    """A quantity as text: value with its range over the error of the registration, and its numerical bounds."""

    value: str
    over_error: str = ""
    numerical: str = ""


@dataclass(frozen=True, slots=True)
class TargetView:
    """What an earlier course gave to one target; ``why`` stands in place of the cells where that is not known."""

    lesion: str
    role: str
    roi: str
    why: str
    unknown: str  # share that the earlier dose does not reach; "" where it reaches all of it
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """A target of this plan beside one of an earlier course."""

    ours: str
    theirs: str
    overlap_cc: Cell
    overlap_percent: Cell
    distance_mm: Cell
    reason: str


@dataclass(frozen=True, slots=True)
class CourseView:
    """One earlier course.

    Attributes
    ----------
    verdict : Verdict or None
        Not evaluated, or None: a course is only described, rules judge it.
    facts : tuple of (str, str)
        Head and text of what is known of it.
    columns : tuple of str
        Of the cells of its targets.
    sets : tuple of PictureSet
    not_pictured : tuple of str
        Lesions of which there is no picture although the course is evaluated.
    """

    record: PriorCourseRecord
    verdict: Verdict | None
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    targets: tuple[TargetView, ...]
    levels: tuple[tuple[str, tuple[Cell, ...]], ...]
    beside: tuple[Beside, ...]
    sets: tuple[PictureSet, ...]
    not_pictured: tuple[str, ...]


def course_views(report: PlanReport) -> tuple[CourseView, ...]:
    """Return every earlier course of a report, in order."""
    sets: dict[int, list[PictureSet]] = {}
    for one in picture_sets(report).values():
        if one.course is not None:
            sets.setdefault(one.course, []).append(one)
    return tuple(_view(course, sets.get(course.number or 0, [])) for course in report.prior_courses)


def _view(course: PriorCourseRecord, sets: list[PictureSet]) -> CourseView:
    names = tuple(dict.fromkeys(row.name for target in course.targets for row in target.rows))
    wanted = (*_DOSES, *(_SHARES if "V50%[%]" in names else _SHARES_IN_GY))
    columns = tuple(name for name in wanted if name in names)
    pictured = {picture.subject for one in sets for picture in one.pictures}
    lesions = dict.fromkeys(target.lesion for target in course.targets)
    return CourseView(
        record=course,
        verdict=Verdict.NOT_EVALUATED if course.not_evaluated or course.state != "dose" else None,
        facts=tuple(_facts(course)),
        columns=columns,
        targets=tuple(_target(target, columns) for target in course.targets),
        levels=tuple((name, tuple(_cell_of(target, name) for target in course.targets)) for name in names),
        beside=tuple(beside for target in course.targets for beside in _beside(target)),
        sets=tuple(sets),
        not_pictured=() if course.not_evaluated else tuple(lesion for lesion in lesions if lesion not in pictured),
    )


def prescription_text(course: PriorCourseRecord) -> str:
    """Return dose, fractions and source of a prescription.

    Examples
    --------
    >>> prescription_text(PriorCourseRecord(name="", state="dose", prescribed_gy=48.0, fractions=4))
    '48 Gy in 4 fractions'
    """
    fractions = "" if course.fractions is None else f"{course.fractions} fraction{'' if course.fractions == 1 else 's'}"
    dose = "" if course.prescribed_gy is None else f"{exactly(course.prescribed_gy)} Gy"
    source = f"({course.prescription_source})" if course.prescription_source and dose else course.prescription_source
    return " ".join(part for part in (" in ".join(p for p in (dose, fractions) if p), source) if part)


def column_text(name: str) -> str:
    """Return the head of a column.

    Examples
    --------
    >>> column_text("V50%[%]"), column_text("V20Gy[cc]"), column_text("Mean[Gy]")
    ('inside 50 % [%]', 'inside 20 Gy [cm³]', 'Mean [Gy]')
    """
    quantity, _, unit = name.partition("[")
    unit = unit.rstrip("]").replace("cc", "cm³")
    if quantity.startswith("V"):
        level = quantity[1:].removesuffix("%").removesuffix("Gy")
        return f"inside {level} {'%' if quantity.endswith('%') else 'Gy'} [{unit}]"
    return f"{quantity} [{unit}]"


def _facts(course: PriorCourseRecord) -> Iterable[tuple[str, str]]:
    yield "what there is", COURSE_STATE[course.state]
    if prescription := prescription_text(course):
        yield "prescription", prescription
    if course.state != "declared":
        how = "" if course.mapping == course.not_evaluated else course.mapping  # said once
        yield "mapping", ": ".join(part for part in (MAPPING_KIND[course.mapping_kind], how) if part)
    if course.mapping_kind and course.shift_mm is not None and course.rotation_deg is not None:
        error = f"up to {exactly(course.shift_mm)} mm and {exactly(course.rotation_deg)}° off, in any direction"
        yield "its place", error
    if course.recovery:
        yield "recovery", course.recovery
    if course.retreatment and not course.not_evaluated:
        yield "kind", course.retreatment


def _target(target: PriorTargetRecord, columns: tuple[str, ...]) -> TargetView:
    return TargetView(
        lesion=target.lesion,
        role=target.role,
        roi=f"{target.roi_number} {target.name}",
        why=target.not_evaluated,
        unknown=unknown_text(target),
        cells=tuple(_cell_of(target, name) for name in columns),
    )


def unknown_text(target: PriorTargetRecord) -> str:
    """Return which share of a target the earlier dose does not reach, "" where it reaches all of it."""
    unknown = target.unknown_percent
    if unknown is None or unknown.registered.high <= _ROUNDING_PERCENT:
        return ""
    return interval_text(unknown.registered, "%")


def _cell_of(target: PriorTargetRecord, name: str) -> Cell:
    row = next((row for row in target.rows if row.name == name), None)
    return Cell("\N{EN DASH}") if row is None else _cell(row.ranged, row.unit, row.reason)


def _cell(ranged: RangedRecord | None, unit: str, reason: str = "") -> Cell:
    if ranged is None:
        return Cell(reason or "\N{EN DASH}")
    return Cell(shown(ranged.registered, unit).value, _bounds(ranged.registered, unit), _bounds(ranged.numerical, unit))


def _bounds(measured: Interval, unit: str) -> str:
    text = shown(measured, unit)
    return text.bounds or text.value


def _beside(target: PriorTargetRecord) -> Iterable[Beside]:
    for other in target.earlier_targets:
        yield Beside(
            ours=f"{target.roi_number} {target.name}",
            theirs=f"{other.roi_number} {other.name}",
            overlap_cc=_cell(other.overlap_cc, "cc"),
            overlap_percent=_cell(other.overlap_percent, "%"),
            distance_mm=_cell(other.distance_mm, "mm"),
            reason=other.reason,
        )


def gray_text(measured: Interval | None) -> str:
    """Return a dose with its bounds, without its unit.

    Examples
    --------
    >>> gray_text(Interval(30.0, 29.5, 30.2))
    '30.00 [29.50 to 30.20]'
    """
    return interval_text(measured, "Gy").removesuffix(" Gy")


def changed(curves: Iterable[CumulativeCurve]) -> tuple[CumulativeCurve, ...]:
    """Return the structures that the sum changes, most changed first, as many as can be told apart in a plot."""
    by_change = sorted(((_change(curve), n, curve) for n, curve in enumerate(curves)), key=lambda c: (-c[0], c[1]))
    return tuple(curve for change, _, curve in by_change[:_DRAWN] if change >= _CHANGED_PERCENT)


def _change(curve: CumulativeCurve) -> float:
    pairs = zip(curve.cumulative.volume_percent, curve.plan.volume_percent, strict=False)
    return max((abs(total - plan) for total, plan in pairs), default=0.0)
