"""The terminal report: the verdict first, then only what is not green, worst first."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sbrtcheck.report.base import Format
from sbrtcheck.report.changes import changes_text
from sbrtcheck.report.courses import IN_SHORT, column_text, course_views, prescription_text, unknown_text
from sbrtcheck.report.rounding import number
from sbrtcheck.report.view import Row, Section, interval_text, limits_in, not_pictured, picture_sets, sections
from sbrtcheck.report.wording import DISCLAIMER, WORD, method_text, visible
from sbrtcheck.results import LesionRecord, PlanReport, PriorTargetRecord, Verdict

WIDTH = 100

_STYLE = {
    Verdict.PASS: "bold green",
    Verdict.VARIATION: "bold blue",
    Verdict.FAIL: "bold white on red",
    Verdict.INDETERMINATE: "bold yellow",
    Verdict.NOT_EVALUATED: "bold magenta",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.ERROR: "bold red reverse",
}
_INDENT = 4
_LISTED = 6  # rules of one row that the terminal names


def plan_text(report: PlanReport, *, width: int = WIDTH, colour: bool = False, written: Sequence[str] = ()) -> str:
    """Return a report as text for a terminal.

    Parameters
    ----------
    report : PlanReport
    width : int
        Characters in a line.
    colour : bool
        Whether the terminal shows colours; the characters are the same without.
    written : sequence of str
        Files that hold the whole report, to be named at the end.
    """
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    plan, declared = sections(report)
    _heading(console, report, plan, declared)
    if report.changes is not None:
        _line(console, "")
        for line in changes_text(report.changes).splitlines():
            _line(console, line)
    numbers = {id_: one.number for id_, one in picture_sets(report).items()}
    for section, title in ((plan, "Not green in the plan files"), (declared, "Not green in what is declared")):
        if section.open:
            _line(console, "")
            _line(console, title, "bold")
            for row in section.open:
                _open_row(console, row, numbers)
    _other_rows(console, (plan, declared))
    _lesions(console, report)
    _pictures(console, report)
    _courses(console, report)
    _beside_the_planning_system(console, report)
    _remarks(console, report)
    _line(console, "")
    for name in written:
        _line(console, f"report: {name}")
    _line(console, method_text(report.method), "dim")
    _line(console, DISCLAIMER, "dim")
    stream = console.file
    assert isinstance(stream, io.StringIO)  # noqa: S101  (made above)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _line(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    console.print(Padding(Text(visible(text), style=style), (0, 0, 0, indent)))


def _verdict(verdict: Verdict, word: str) -> Text:
    return Text(f" {word} ", style=_STYLE[verdict])


def _heading(console: Console, report: PlanReport, plan: Section, declared: Section) -> None:
    name = visible(report.plan.label) or "(no plan)"
    console.print(Text.assemble(_verdict(plan.verdict, plan.word), f" plan {name}"))
    _line(console, plan.sentence, indent=_INDENT)
    console.print(Text.assemble(_verdict(declared.verdict, declared.word), " declared facts"))
    _line(console, declared.sentence, indent=_INDENT)
    for protocol in report.protocols:
        _line(console, f"protocol {protocol.id} {protocol.version}: {protocol.title}".rstrip(" :"))


def _open_row(console: Console, row: Row, numbers: Mapping[str, int]) -> None:
    optional = "" if row.result.required else "  (for information)"
    title = visible(row.titles[0] if len(row.titles) == 1 else row.heading)
    console.print(Text.assemble(_verdict(row.verdict, row.word), f" {title}{optional}"))
    if row.waits_for:  # which rules, the page says
        _line(console, ", ".join(row.waits_for), indent=_INDENT)
    else:
        _listed(console, [text for _, text in row.items])
    value = f"{row.value} [{row.bounds}]" if row.bounds else row.value
    parts = (value, row.limit and f"limit {row.limit}", row.margin and f"margin {row.margin}")
    if any(parts):
        _line(console, ", ".join(part for part in parts if part), indent=_INDENT)
    _line(console, row.reason, indent=_INDENT)
    if row.definition:
        _line(console, f"definition chosen: {row.definition}", "dim", indent=_INDENT)
    seen = [f"picture {numbers[id_]}" for id_ in row.pictures if id_ in numbers]
    if seen:
        _line(console, f"see {', '.join(seen)}", indent=_INDENT)


def _listed(console: Console, texts: Sequence[str]) -> None:
    """Name some, and how many there are besides: the page has all."""
    shown = texts if len(texts) <= _LISTED else texts[: _LISTED - 1]
    for text in shown:
        _line(console, f"- {text}", indent=_INDENT)
    if len(texts) > len(shown):
        _line(console, f"- and {len(texts) - len(shown)} more", indent=_INDENT)


def _other_rows(console: Console, both: Sequence[Section]) -> None:
    for verdict, rows in (
        (Verdict.PASS, [row for section in both for row in section.met]),
        (Verdict.NOT_APPLICABLE, [row for section in both for row in section.inapplicable]),
    ):
        if not rows:
            continue
        _line(console, "")
        console.print(_verdict(verdict, WORD[verdict]))
        counts: dict[str, int] = {}
        for row in rows:
            for title, subjects in row.subjects.items():
                counts[title] = counts.get(title, 0) + len(subjects)
        for title, count in counts.items():
            _line(console, f"{title} ({count})", indent=_INDENT)


def _lesions(console: Console, report: PlanReport) -> None:
    if not report.lesions:
        return
    table = Table("lesion", "organ", "longest axial", "volume", "measurable", box=box.SIMPLE_HEAD, pad_edge=False)
    limits = limits_in(report, "mm"), limits_in(report, "cm3")
    for lesion in report.lesions:
        size = interval_text(lesion.longest_axial_diameter_mm, "mm", limits[0])
        volume = interval_text(lesion.volume_cc, "cm3", limits[1])
        cells = (lesion.id, lesion.organ or "not known", f"{size} {_from(lesion)}", volume)
        table.add_row(*(Text(visible(cell)) for cell in (*cells, measurable_text(lesion.measurable))))
    _line(console, "")
    console.print(table)


def _pictures(console: Console, report: PlanReport) -> None:
    """Say of each set of pictures in the page what it shows, in which planes, and where."""
    sets, missing = picture_sets(report), not_pictured(report)
    if sets or missing:
        _line(console, "")
        _line(console, "Pictures in the page")
    for one in sets.values():
        first = one.pictures[0]
        _line(console, f"picture {one.number}, {first.subject}: {first.title}", indent=_INDENT)
        _line(console, "; ".join([*(p.plane for p in one.pictures), one.ends]).rstrip("; "), "dim", 2 * _INDENT)
    for text in missing:
        _line(console, f"not pictured: {text}", indent=_INDENT)


def _courses(console: Console, report: PlanReport) -> None:
    """Say of each earlier course what it was, how it was mapped, and what it gave to the targets."""
    views = course_views(report)
    if views:
        _line(console, "")
        _line(console, "Earlier courses")
    for view in views:
        facts = dict(view.facts)
        name = visible(f"{view.record.name}: {prescription_text(view.record)}".rstrip(": "))
        mark = () if view.verdict is None else (_verdict(view.verdict, WORD[view.verdict]), " ")
        console.print(Padding(Text.assemble(*mark, name), (0, 0, 0, _INDENT)))
        if view.verdict is not None:
            _line(console, f"nothing is known of its dose in this plan: {view.record.not_evaluated}", "", 2 * _INDENT)
        for head in ("mapping", "its place", "recovery", "kind"):
            if head in facts:
                _line(console, f"{head}: {facts[head]}", "dim", 2 * _INDENT)
        for target in view.record.targets if view.verdict is None else ():
            _line(
                console, f"{target.lesion} {target.role} (ROI {target.roi_number}): {_given(target)}", "", 2 * _INDENT
            )
    if report.cumulative is not None and report.cumulative.not_computable:
        word = _verdict(Verdict.NOT_EVALUATED, WORD[Verdict.NOT_EVALUATED])
        text = f" there is no sum of all courses: {visible(report.cumulative.not_computable)}"
        console.print(Padding(Text.assemble(word, text), (0, 0, 0, _INDENT)))


def _given(target: PriorTargetRecord) -> str:
    """Return what an earlier course gave to a target, in short."""
    if target.not_evaluated:
        return f"not evaluated: {target.not_evaluated}"
    told = [
        f"{column_text(row.name).partition(' [')[0]} {interval_text(row.ranged.registered, row.unit)}"
        for row in target.rows
        if row.name in IN_SHORT and row.ranged is not None
    ]
    if unknown := unknown_text(target):
        told.append(f"not reached by the earlier dose: {unknown}")
    return ", ".join(told) or "not evaluated"


def _beside_the_planning_system(console: Console, report: PlanReport) -> None:
    if not report.tps:
        return
    table = Table(
        "ROI", "volume here", "there", "mean here", "there", "curves apart", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for row in report.tps:
        cells = (
            f"{row.roi_number} {row.name}",
            interval_text(row.our_volume_cc, "cm3"),
            number(row.tps.volume_cc, "cm3"),
            interval_text(row.our_mean_gy, "Gy"),
            _gy(row.tps.mean_gy),
            _gy(row.tps.max_dose_difference_gy),
        )
        table.add_row(*(Text(visible(cell), style="bold yellow" if row.tps.apart else "") for cell in cells))
    _line(console, "")
    _line(console, "Beside the planning system's own DVH")
    console.print(table)


def _gy(dose_gy: float | None) -> str:
    return "\N{EN DASH}" if dose_gy is None else number(dose_gy, "Gy")


def _from(lesion: LesionRecord) -> str:
    return f"({lesion.size_from})" if lesion.size_from and lesion.longest_axial_diameter_mm else ""


def measurable_text(measurable: bool | None) -> str:
    """Return whether a lesion is measurable under RECIST 1.1, in words."""
    return {True: "yes", False: "no", None: "not known"}[measurable]


def _remarks(console: Console, report: PlanReport) -> None:
    for severity in ("blocking", "warning", "info"):
        for notice in report.notices:
            if notice.severity == severity:
                place = f" [{notice.where}]" if notice.where else ""
                _line(console, f"{severity} ({notice.code}): {notice.message}{place}")
    if report.assumptions:
        _line(console, f"{len(report.assumptions)} assumptions were made; the full report lists them")


def _render(report: PlanReport) -> bytes:
    return plan_text(report).encode("utf-8")


FORMAT = Format(id="text", suffix=".txt", render=_render)
