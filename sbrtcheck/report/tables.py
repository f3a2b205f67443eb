"""Plain tables for the terminal: ``measure`` and ``inspect`` without ``--json``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sbrtcheck.report.wording import TPS_APART, method_text
from sbrtcheck.results import (
    CourseRecord,
    GridRecord,
    InspectReport,
    Interval,
    MeasureReport,
    NotComputableRecord,
    Notice,
    TpsBeside,
)

_WIDTH = 110


def measure_text(report: MeasureReport) -> str:
    """Return the measurements as a table a structure, each value with its bounds."""
    console = _console()
    console.print(f"Plan {report.plan.label or '(none)'}", markup=False)
    console.print(method_text(report.method))
    for structure in report.structures:
        table = Table("", "value", "low", "high")
        console.print(f"\nROI {structure.roi_number}  {structure.name}", markup=False, style="bold")
        _row(table, "volume [cm3]", structure.volume_cc)
        _row(table, "longest axial diameter [mm]", structure.longest_axial_diameter_mm)
        for expression, value in structure.metrics.items():
            _row(table, expression, value)
        console.print(table)
        if (tps := structure.tps) is not None:
            console.print("beside the planning system: " + ", ".join(_beside(tps)), markup=False)
            if tps.apart or tps.remark:
                text = f"{TPS_APART} {'; '.join(tps.apart)}" if tps.apart else tps.remark
                console.print(f"  {text}", markup=False)
    _notices(console, report.notices)
    return console.export_text()


def inspect_text(report: InspectReport) -> str:
    """Return what is in a submission as tables."""
    console = _console()
    plan = report.plan
    console.print(f"Plan {plan.label or '(none)'} {plan.sop_instance_uid}", markup=False, style="bold")
    for rx in plan.prescriptions:
        fractions = f" in {rx.fractions} fractions" if rx.fractions else ""
        target = rx.target_name or (f"ROI {rx.target_roi}" if rx.target_roi is not None else "no target named")
        console.print(f"  prescription {rx.dose_gy:g} Gy{fractions} to {target} (from {rx.source})", markup=False)
    for what, grid in (("dose", report.dose), ("CT", report.image)):
        console.print(f"  {what}: {_grid(grid)}", markup=False)
    for registration in report.registrations:
        console.print(f"  registration: {registration}", markup=False)
    for course in report.prior_courses:
        held = [n for n, has in zip(("plan", "structures", "dose"), _holds(course), strict=True) if has]
        console.print(f"  earlier course {course.label} {course.date}: {', '.join(held) or 'nothing'}", markup=False)
    table = Table("ROI", "name", "type", "contours", "TG-263", "role", "matched by")
    for roi in report.structures:
        cells = (roi.roi_number, roi.name, roi.interpreted_type, roi.contours, roi.tg263, roi.role, roi.matched_by)
        table.add_row(*(_plain("" if cell is None else str(cell)) for cell in cells))
    if report.structures:
        console.print(table)
    _notices(console, report.notices)
    for assumption in report.assumptions:
        console.print(f"assumed ({assumption.topic}): {assumption.text}", markup=False)
    unused = [record for record in report.inputs if not record.used]
    console.print(f"{len(report.inputs)} files, {len(report.inputs) - len(unused)} used", markup=False)
    for record in unused:
        name = record.sop_instance_uid or f"file {record.sha256[:12]}"
        console.print(f"  not used: {record.modality or 'file'} {name}: {record.why}", markup=False)
    return console.export_text()


def _console() -> Console:
    return Console(file=io.StringIO(), width=_WIDTH, record=True, color_system=None, highlight=False, emoji=False)


def _plain(text: str) -> str:
    return escape("".join(c if c.isprintable() else "?" for c in text))


def _row(table: Table, name: str, value: Interval | NotComputableRecord) -> None:
    if isinstance(value, NotComputableRecord):
        table.add_row(_plain(name), _plain(f"not computable: {value.not_computable}"), "", "")
    else:
        table.add_row(_plain(name), *(f"{number:.3f}" for number in (value.value, value.low, value.high)))


def _beside(tps: TpsBeside) -> Iterator[str]:
    yield f"volume {tps.volume_cc:.2f} cm3 there"
    doses = (tps.our_min_gy, tps.min_gy), (tps.our_mean_gy, tps.mean_gy), (tps.our_max_gy, tps.max_gy)
    for name, (ours, theirs) in zip(("minimum", "mean", "maximum"), doses, strict=True):
        if theirs is not None:
            yield f"{name} {theirs:.2f} Gy there" + (f", {ours.value:.2f} Gy here" if ours is not None else "")
    if tps.max_dose_difference_gy is not None:
        yield f"curves up to {tps.max_dose_difference_gy:.2f} Gy apart"


def _grid(grid: GridRecord | None) -> str:
    if grid is None:
        return "none"
    voxels = " x ".join(map(str, grid.voxels))
    spacing = " x ".join(f"{s:g}" for s in grid.spacing_mm)
    return f"{voxels} voxels of {spacing} mm{', ' + grid.detail if grid.detail else ''}"


def _holds(course: CourseRecord) -> tuple[bool, bool, bool]:
    return course.has_plan, course.has_structures, course.has_dose


def _notices(console: Console, notices: Sequence[Notice]) -> None:
    for notice in notices:
        place = f" [{notice.where}]" if notice.where else ""
        console.print(f"{notice.severity} ({notice.code}): {notice.message}{place}", markup=False)
