"""What changed since an earlier report, as rows that every readable format shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sbrtcheck.report.rounding import number, thresholds_of
from sbrtcheck.report.view import interval_text
from sbrtcheck.report.wording import CHANGE, REDRAWN, WORD, visible
from sbrtcheck.results import Changes, Interval, RuleChange, StructureChange, Verdict


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One rule that changed, as text; ``before`` and ``after`` are its verdicts in words, "not asked" for none."""

    kind: str
    word: str
    title: str
    subject: str
    before: str
    after: str
    value_before: str
    value_after: str
    change: RuleChange


def change_rows(changes: Changes) -> tuple[ChangeRow, ...]:
    """Return the rules that changed, worst first; what changed by less than is shown is left out."""
    rows = (_row(change) for change in changes.rules)
    return tuple(row for row in rows if (row.before, row.value_before) != (row.after, row.value_after))


def summary(changes: Changes) -> str:
    """Return in one sentence whether what was wrong is cured.

    Examples
    --------
    >>> summary(Changes(verdict_before="fail", verdict_after="fail", declared_before="pass", declared_after="pass"))
    'No rule changed its verdict.'
    """
    said = (
        ("cured", "deviation cured", "deviations cured"),
        ("new", "new deviation", "new deviations"),
        ("still", "still a deviation with another value", "still deviations with other values"),
        ("open", "deviation not known to be cured", "deviations not known to be cured"),
        ("lost", "no longer met", "no longer met"),
        ("gone", "no longer asked", "no longer asked"),
        ("settled", "decided now, and met", "decided now, and met"),
    )
    parts = [f"{n} {one if n == 1 else many}" for kind, one, many in said if (n := changes.count(kind))]  # type: ignore[arg-type]  # words of RuleKind
    return f"{', '.join(parts)}." if parts else "No rule changed its verdict."


def structure_text(change: StructureChange) -> str:
    """Return one changed structure as text, with its volumes where they are known.

    Examples
    --------
    >>> structure_text(StructureChange(kind="redrawn", name="PTV", volume_before=14.13, volume_after=16.02))
    'PTV: drawn otherwise, 14.13 to 16.02 cm³'
    """
    text = f"{change.name}: {REDRAWN[change.kind]}"
    if change.kind == "renamed":
        text += f", was {change.earlier_name}"
    volumes = [number(v, "cm3") for v in (change.volume_before, change.volume_after) if v is not None]
    return f"{text}, {' to '.join(volumes)} cm³" if volumes else text


def changes_text(changes: Changes) -> str:
    """Return what changed as lines for a terminal."""
    since = f" since {changes.earlier}" if changes.earlier else ""
    lines = [f"Changes{since}: {summary(changes)}"]
    lines += [f"  {line}" for line in _rule_lines(changes)]
    lines += [f"  {visible(structure_text(one))}" for one in changes.structures]
    lines += [f"  beside the plan: {remark}" for remark in changes.remarks]
    return "\n".join([*map(visible, lines), ""])


def _rule_lines(changes: Changes) -> Iterator[str]:
    for row in change_rows(changes):
        value = f"{row.value_before} -> {row.value_after}, " if row.value_before or row.value_after else ""
        subject = "" if row.subject == "patient" else f" ({row.subject})"
        verdicts = row.after.lower() if row.before == row.after else f"{row.before} -> {row.after}".lower()
        yield f"{row.word}: {row.title}{subject}: {value}{verdicts}"


def _row(change: RuleChange) -> ChangeRow:
    return ChangeRow(
        change.kind,
        CHANGE[change.kind],
        change.title or change.rule,
        change.subject,
        _word(change.before),
        _word(change.after),
        _value(change.value_before, change),
        _value(change.value_after, change),
        change,
    )


def _value(measured: Interval | None, change: RuleChange) -> str:
    return "" if measured is None else interval_text(measured, change.unit, thresholds_of(change.limit))


def _word(verdict: Verdict | None) -> str:
    return "not asked" if verdict is None else WORD[verdict]
