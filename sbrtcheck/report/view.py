"""What every readable format shows, in which order: rows of rules, worst first, and a sentence for each section."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sbrtcheck.report.rounding import Shown, limit_text, margin_text, shown, thresholds_of
from sbrtcheck.report.wording import OPEN, WAITING_REMEDY, WORD, rank, unit_text, with_unit
from sbrtcheck.results import Interval, Picture, PlanReport, RuleResult, Verdict

_NAMED = 3  # titles named in a sentence before "and n more"


@dataclass(frozen=True, slots=True)
class Row:
    """Results that say the same, as text: one measurement, or all for which there is the same reason and no number.

    ``value``, ``bounds``, ``limit`` and ``margin`` carry their unit and are empty where there is none. All that wait
    for structures that nobody drew are one row, with the rules in ``waits_for`` by structure.
    """

    verdict: Verdict
    subjects: dict[str, tuple[str, ...]]  # by title of the rule
    value: str
    bounds: str
    limit: str
    margin: str
    result: RuleResult  # the first of them, for what they share
    pictures: tuple[str, ...] = ()  # ids of the pictures of all of them
    waits_for: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """What stands for the title where the row is of several rules."""
        if self.waits_for:
            return f"{len(self.subjects)} rules wait for {_structures(len(self.waits_for))} that nobody drew"
        return f"{len(self.subjects)} rules"

    @property
    def reason(self) -> str:
        """Why, for all of them."""
        return WAITING_REMEDY if self.waits_for else self.result.reason

    @property
    def items(self) -> tuple[tuple[str, str], ...]:
        """What is listed below a row of several rules: a structure or nothing, and titles."""
        if self.waits_for:
            return tuple((name, "; ".join(titles)) for name, titles in self.waits_for.items())
        return tuple(("", title) for title in self.titles) if len(self.subjects) > 1 else ()

    @property
    def word(self) -> str:
        """The verdict in words."""
        return WORD[self.verdict] + (", borderline" if self.result.borderline else "")

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of the rules, each with its subjects unless that is the patient."""
        return tuple(
            title if subjects == ("patient",) else f"{title}: {', '.join(subjects)}"
            for title, subjects in self.subjects.items()
        )

    @property
    def definition(self) -> str:
        """The definition chosen, where the row is of one rule."""
        return self.result.definition if len(self.subjects) == 1 else ""


@dataclass(frozen=True, slots=True)
class Section:
    """One of the two kinds of rules: what the plan files show, or what a person declares."""

    name: Literal["plan", "declared"]
    verdict: Verdict
    sentence: str
    open: tuple[Row, ...]  # what asks the reader for something, worst first
    met: tuple[Row, ...]
    inapplicable: tuple[Row, ...]

    @property
    def word(self) -> str:
        """The verdict in words."""
        return WORD[self.verdict]


def sections(report: PlanReport) -> tuple[Section, Section]:
    """Return the plan section and the declared section of a report."""
    return _section(report, "plan", report.verdict), _section(report, "declared", report.declared_verdict)


def limits_in(report: PlanReport, unit: str) -> tuple[float, ...]:
    """Return every number of that unit that a rule of the report compares with, in order.

    Tables that stand beside the rules show digits enough for these too.
    """
    limits = {t for r in report.results if unit_text(r.unit) == unit_text(unit) for t in thresholds_of(r.limit)}
    return tuple(sorted(limits))


def interval_text(measured: Interval | None, unit: str, limits: Iterable[float] = ()) -> str:
    """Return ``value [low to high] unit``, a dash where nothing was measured.

    Examples
    --------
    >>> interval_text(Interval(33.512, 33.1, 34.0), "cm3"), interval_text(None, "cm3")
    ('33.51 [33.10 to 34.00] cm³', '–')
    """
    if measured is None:
        return "\N{EN DASH}"
    text = shown(measured, unit, limits)
    return with_unit(f"{text.value} [{text.bounds}]" if text.bounds else text.value, unit)


def roi_names(report: PlanReport) -> dict[int, str]:
    """Return the names of the ROIs that the report knows by number."""
    return {c.roi_number: c.name for c in report.tps} | {c.roi_number: c.name for c in report.dvhs}


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures of one place in several planes; ``number`` counts the sets of a report from 1."""

    number: int
    pictures: tuple[Picture, ...]

    @property
    def course(self) -> int | None:
        """The earlier course that it belongs to, None for pictures of the plan itself."""
        found = re.match(r"course (\d+), ", self.pictures[0].id)
        return int(found.group(1)) if found else None

    @property
    def ends(self) -> str:
        """Where the measured line begins and ends, in words; "" where that is not known."""
        points = dict.fromkeys(self.pictures[0].ends_mm)  # one point where two structures touch
        texts = [f"({', '.join(f'{round(x, 1) + 0.0:.1f}' for x in point)})" for point in points]
        return f"{' to '.join(texts)} mm" if texts else ""


def picture_sets(report: PlanReport) -> dict[str, PictureSet]:
    """Return the pictures of a report by the id of their set, in order; one without an id is a set of its own."""
    groups: dict[str, list[Picture]] = {}
    for place, picture in enumerate(report.pictures):
        groups.setdefault(picture.id or f"\0{place}", []).append(picture)
    return {id_: PictureSet(n, tuple(group)) for n, (id_, group) in enumerate(groups.items(), start=1)}


def not_pictured(report: PlanReport) -> tuple[str, ...]:
    """Return what is not pictured, and why: lines that a result rests on, and lesions of which there is no picture."""
    lines = {f"{e.text}: {e.not_pictured}": None for r in report.results for e in r.evidence if e.not_pictured}
    shown = {p.subject for one in picture_sets(report).values() if one.course is None for p in one.pictures}
    bare = [lesion.id for lesion in report.lesions if lesion.id not in shown]
    return (*lines, *([f"no picture of {', '.join(bare)}"] if bare else []))


def _section(report: PlanReport, name: Literal["plan", "declared"], verdict: Verdict) -> Section:
    results = sorted((r for r in report.results if r.section == name), key=_badness)
    rows = _rows(results)
    return Section(
        name=name,
        verdict=verdict,
        sentence=_sentence(results),
        open=tuple(row for row in rows if row.verdict in OPEN),
        met=tuple(row for row in rows if row.verdict is Verdict.PASS),
        inapplicable=tuple(row for row in rows if row.verdict is Verdict.NOT_APPLICABLE),
    )


def _badness(result: RuleResult) -> tuple[int, bool, float]:
    # Required rules first, then what misses its limit by the largest share of it; what is green keeps its order.
    share = 0.0
    if result.verdict in OPEN and result.margin is not None and result.limit is not None:
        share = result.margin / (abs(result.limit.per_protocol) or 1.0)
    return rank(result.verdict), not result.required, share


def _rows(results: Sequence[RuleResult]) -> list[Row]:
    groups: dict[object, list[RuleResult]] = {}
    for place, result in enumerate(results):
        alone = place if result.measured is not None or result.verdict not in OPEN else None
        reason = "" if result.not_drawn else result.reason
        groups.setdefault((result.verdict, result.required, reason, alone), []).append(result)
    return [_row(group) for group in groups.values()]


def _row(group: list[RuleResult]) -> Row:
    first = group[0]
    text: Shown | None = None
    if first.measured is not None:
        text = shown(first.measured, first.unit, thresholds_of(first.limit))
    margin = ""
    if first.margin is not None and text is not None:
        margin = margin_text(first.margin, unit_text(first.unit), text.digits)
    subjects, waits_for = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for result in group:
        title = result.title or result.rule
        subjects[title] = (*subjects.get(title, ()), _subject(result))
        for name in result.not_drawn:
            waits_for[name] = (*waits_for.get(name, ()), title)
    return Row(
        verdict=first.verdict,
        subjects=subjects,
        value=with_unit(text.value, first.unit) if text else "",
        bounds=with_unit(text.bounds, first.unit) if text and text.bounds else "",
        limit=limit_text(first.limit, unit_text(first.limit.unit or first.unit)) if first.limit else "",
        margin=margin,
        result=first,
        pictures=tuple(dict.fromkeys(e.picture for result in group for e in result.evidence if e.picture)),
        waits_for=waits_for if len(waits_for) > 1 or len(group) > 1 else {},  # else the reason itself says it
    )


def _subject(result: RuleResult) -> str:
    number = f"ROI {result.roi_number}"
    if result.roi_number is None or number in result.subject:
        return result.subject
    return f"{result.subject} ({number})"


_SAYS = {
    Verdict.FAIL: ("fails", "fail"),
    Verdict.ERROR: ("ended in an error", "ended in an error"),
    Verdict.NOT_EVALUATED: ("could not be evaluated", "could not be evaluated"),
    Verdict.INDETERMINATE: ("is within the error of its limit", "are within the error of their limits"),
    Verdict.VARIATION: ("is an acceptable variation", "are acceptable variations"),
    Verdict.PASS: ("passes", "pass"),
    Verdict.NOT_APPLICABLE: ("does not apply", "do not apply"),
}


def _sentence(results: Sequence[RuleResult]) -> str:
    """Say why: rules counted by the worst of their results, those that are not green by name."""
    worst: dict[tuple[str, str], RuleResult] = {}
    for result in results:  # worst first
        worst.setdefault((result.protocol, result.rule), result)
    if not worst:
        return "No rule of this kind was applied."
    parts = []
    waiting = [r for r in worst.values() if r.not_drawn]
    for verdict, (one, many) in _SAYS.items():
        titles = [r.title or r.rule for r in worst.values() if r.verdict is verdict and not r.not_drawn]
        if verdict is Verdict.NOT_EVALUATED and waiting:
            names = list(dict.fromkeys(name for r in results for name in r.not_drawn))
            waits = "waits" if len(waiting) == 1 else "wait"
            parts.append(f"{len(waiting)} {waits} for {_structures(len(names))} that nobody drew: {_listed(names)}")
        if titles:
            named = f": {_listed(titles)}" if verdict in OPEN else ""
            parts.append(f"{len(titles)} {one if len(titles) == 1 else many}{named}")
    return f"Of {len(worst)} rule{'' if len(worst) == 1 else 's'}, {'; '.join(parts)}."


def _structures(number: int) -> str:
    return f"{number} structure{'' if number == 1 else 's'}"


def _listed(titles: Sequence[str]) -> str:
    named = list(dict.fromkeys(titles))[:_NAMED]
    more = sum(title not in named for title in titles)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
