"""One self-contained page: nothing is fetched, nothing runs, and it prints on A4."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sbrtcheck.report import slices, wording
from sbrtcheck.report.base import Format
from sbrtcheck.report.changes import change_rows, structure_text, summary
from sbrtcheck.report.courses import changed, column_text, course_views, gray_text
from sbrtcheck.report.interval_bar import interval_bar
from sbrtcheck.report.rounding import Shown, exactly, number, shown
from sbrtcheck.report.view import (
    PictureSet,
    Row,
    limits_in,
    not_pictured,
    picture_sets,
    roi_names,
    sections,
)
from sbrtcheck.results import Changes, DvhCurve, InputRecord, Interval, PlanReport, RuleResult, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_UID = re.compile(r"[0-9.]{1,64}")


def _render(report: PlanReport) -> bytes:
    page = _environment().get_template("report.html.j2").render(_context(report))
    return page.encode("utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["exactly"] = exactly
    environment.filters["number"] = number
    return environment


def _finalize(value: Any) -> Any:
    # Every text that is not markup of this package passes here, and is escaped after it.
    return wording.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _changed(changes: Changes) -> dict[str, Any]:
    return {
        "summary": summary(changes),
        "rows": change_rows(changes),
        "structures": [structure_text(one) for one in changes.structures],
    }


def _context(report: PlanReport) -> dict[str, Any]:
    from sbrtcheck.report import figures

    plan, declared = sections(report)
    strokes = figures.curve_strokes(report.dvhs)
    prescribed_gy = [rx.dose_gy for rx in report.plan.prescriptions]
    sets = picture_sets(report)

    def cell(measured: Interval | None, unit: str) -> Shown | None:
        return None if measured is None else shown(measured, unit, limits_in(report, unit))

    return {
        "report": report,
        "changed": None if report.changes is None else _changed(report.changes),
        "style": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),  # noqa: S704  (a file of this package)
        "page_uid": _page_uid(report.plan.sop_instance_uid),
        "plan": plan,
        "declared": declared,
        "Verdict": Verdict,
        "wording": wording,
        "bar": _bar,
        "shown": cell,
        "names": roi_names(report),
        "definitions": _definitions(report.results),
        "notices": sorted(report.notices, key=lambda notice: ("blocking", "warning", "info").index(notice.severity)),
        "dvh_plot": figures.dvh_plot(report.dvhs, prescribed_gy) if report.dvhs else None,
        "dvh_rows": [(curve, figures.swatch(stroke)) for curve, stroke in zip(report.dvhs, strokes, strict=True)],
        "dvh_columns": _columns(report.dvhs),
        **_earlier(report),
        "sets": [_drawn(one) for one in sets.values() if one.course is None],
        "set_numbers": {id_: one.number for id_, one in sets.items()},
        "not_pictured": not_pictured(report),
        "slices": [record for record in report.inputs if record.modality == "CT"],
        "other_inputs": [record for record in report.inputs if record.modality != "CT"],
        "fingerprint": fingerprint(report.inputs),
    }


def _earlier(report: PlanReport) -> dict[str, Any]:
    """Return the earlier courses, and the plot of the sum: this plan dashed, the sum drawn through, by structure."""
    from sbrtcheck.report import figures

    views, total = course_views(report), report.cumulative
    pairs = changed(total.curves) if total is not None else ()
    strokes = [replace(stroke, dashes="") for stroke in figures.curve_strokes([pair.cumulative for pair in pairs])]
    curves = [curve for pair in pairs for curve in (pair.cumulative, pair.plan)]
    both = [one for stroke in strokes for one in (stroke, replace(stroke, dashes="4 3", width=1.0))]
    return {
        "courses": views,
        "course_sets": [[_drawn(one) for one in view.sets] for view in views],
        "column_text": column_text,
        "gray": gray_text,
        "not_evaluated": Verdict.NOT_EVALUATED,
        "cumulative": total,
        "cumulative_plot": figures.dvh_plot(curves, [], both) if curves else None,
        "cumulative_legend": [
            (f"{pair.plan.roi_number} {pair.plan.name}", figures.swatch(stroke))
            for pair, stroke in zip(pairs, strokes, strict=True)
        ],
    }


def _drawn(one: PictureSet) -> dict[str, Any]:
    strokes = slices.strokes_of(one.pictures)
    views = [(picture, slices.slice_drawing(picture, strokes)) for picture in one.pictures]
    return {"set": one, "views": views, "legend": list(slices.legend(strokes))}


def fingerprint(inputs: Iterable[InputRecord]) -> str:
    """Return one hash for all inputs: SHA-256 of their SHA-256 sums, sorted, one a line.

    So that a printed page can be tied to the files: ``sha256sum FILES | cut -c-64 | sort | sha256sum``.
    """
    lines = sorted(record.sha256 for record in inputs)
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _page_uid(uid: str) -> str:
    # Stands in the style sheet, where nothing can be escaped; so only what is a UID may.
    return uid if _UID.fullmatch(uid) else ""


def _bar(row: Row) -> Markup:
    result = row.result
    if result.measured is None or result.limit is None:
        return Markup()
    title = f"{row.value} [{row.bounds}] against {row.limit}" if row.bounds else f"{row.value} against {row.limit}"
    return interval_bar(result.measured, result.limit, result.verdict, title)


def _definitions(results: Iterable[RuleResult]) -> dict[str, str]:
    """Return every definition that was chosen, by the title of its rule."""
    return {result.title or result.rule: result.definition for result in results if result.definition}


def _columns(curves: Iterable[DvhCurve]) -> list[tuple[str, str]]:
    """Return the metrics that any curve has, in order of appearance, each with its unit."""
    names = dict.fromkeys(name for curve in curves for name in curve.metrics)
    return [(name, name[name.find("[") + 1 : -1] if name.endswith("]") and "[" in name else "") for name in names]


FORMAT = Format(id="html", suffix=".html", render=_render)
