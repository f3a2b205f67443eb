"""A protocol as a page of Markdown: every limit, its source and its confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.protocol.schema import LimitTable, ProtocolFile, Rule
from sbrtcheck.protocol.text import limit_text

# Parameters that have a place of their own on the page.
_SAID = {"metric", "structures", "dose", "of_targets", "table", "per_protocol", "variation", "schedules"}
_SECTIONS = (("plan", "Decided from the plan files"), ("declared", "Declared by a person"))


def reference_page(loaded: LoadedProtocol) -> str:
    """Return the page.

    Parameters
    ----------
    loaded : LoadedProtocol

    Returns
    -------
    str
        Markdown with tables: rules, structures, tables of limits, sources. It holds nothing that the file does not, so
        the same file gives the same page.
    """
    file = loaded.file
    blocks = [f"# {_cell(file.title)}", _head(file), _cell(" ".join(file.summary.split()))]
    blocks += [f"Applies when `{file.when}`."] if file.when else []
    blocks += [f"Checked along with {', '.join(f'`{name}`' for name in file.include)}."] if file.include else []
    for section, title in _SECTIONS:
        rules = [rule for rule in file.rules if rule.section == section]
        blocks += [f"## {title}", *_of_rules(rules)] if rules else []
    if file.structures:
        made = (
            (f"`{name}`", f"`{one.derived}`" if one.derived else "drawn", ", ".join(one.aliases), one.definition)
            for name, one in file.structures.items()
        )
        blocks += ["## Structures", _table(("name", "made of", "also called", "what belongs to it"), made)]
    for table in file.tables:
        blocks += [f"## Table `{table.id}`", *_of_table(table)]
    sources = ((f"`{s.id}`", s.title, _link(s.url), s.level) for s in file.sources)
    blocks += ["## Sources", _table(("id", "title", "where", "level"), sources)]
    return "\n\n".join(block.strip() for block in blocks if block.strip()) + "\n"


def _head(file: ProtocolFile) -> str:
    parts = [f"`{file.id}` {file.version}"]
    parts += [f"record of {file.record_date}"] if file.record_date else []
    parts += [file.status] if file.status else []
    recalled = sum(rule.confidence == "recalled" for rule in file.rules)
    if recalled:
        parts.append(f"{recalled} of {len(file.rules)} rules are **recalled** and decide nothing by themselves")
    return _cell("; ".join(parts))


def _of_rules(rules: Sequence[Rule]) -> Iterator[str]:
    rows = ((f"`{r.id}`", _what(r), _limit(r), f"`{r.source}`", _confidence(r)) for r in rules)
    yield _table(("rule", "what", "limit", "source", "confidence"), rows)
    defined: dict[str, list[str]] = {}
    for rule in rules:
        if rule.definition:
            choice = " (a choice)" if rule.definition_is_choice else ""
            defined.setdefault(f"{choice}: {_cell(rule.definition)}", []).append(f"`{rule.id}`")
    if defined:
        yield "How they are read:"
        yield "\n".join(f"- {', '.join(ids)}{text}" for text, ids in defined.items())


def _what(rule: Rule) -> str:
    parts = [rule.title]
    metric, structures = rule.parameters.get("metric"), rule.parameters.get("structures")
    if isinstance(metric, str):
        of = f" of {', '.join(structures)}" if structures else ""
        dose = ", all courses" if rule.parameters.get("dose") == "cumulative" else ""
        parts.append(f"`{metric}`{of}{dose}")
    parts += [f"`{name} = {_value(value)}`" for name, value in rule.parameters.items() if name not in _SAID]
    parts += [f"when `{rule.when}`"] if rule.when else []
    if rule.excused_by:
        parts.append(f"excused by `{'`, `'.join(rule.excused_by)}` within {rule.excused_within_percent:g} %")
    parts += [f"contradicted by `{rule.contradicted_by}`"] if rule.contradicted_by else []
    parts += [] if rule.required else ["for information"]
    return "; ".join(parts)


def _limit(rule: Rule) -> str:
    if rule.limit is not None:
        return limit_text(rule.limit)
    if rule.limit_by_fractions:
        return "\n".join(f"{n} fx: {limit_text(one)}" for n, one in rule.limit_by_fractions.items())
    asked = rule.parameters
    if "table" in asked:
        tier = f" (acceptable deviation `{asked['variation']}`)" if "variation" in asked else ""
        return f"table `{asked['table']}`: `{asked['per_protocol']}`{tier}"
    return "\n".join(_schedule(one) for one in asked.get("schedules", ()))


def _schedule(one: dict[str, Any]) -> str:
    dose, fractions = (" to ".join(f"{end:g}" for end in one[key]) for key in ("dose_gy", "fractions"))
    return f"{dose} Gy in {fractions} fx" + (f" ({one['note']})" if one.get("note") else "")


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value).lower()


def _confidence(rule: Rule) -> str:
    return f"**{rule.confidence}**" if rule.confidence == "recalled" else rule.confidence


def _of_table(table: LimitTable) -> Iterator[str]:
    yield f"By `{table.key}`, linear between rows, silent outside. Source `{table.source}`, {table.confidence}."
    yield _table(table.columns, ([f"{value:g}" for value in row] for row in table.rows))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Return text that stays in its cell and is shown as it is written; lines stay lines."""
    lines = (" ".join(line.split()).replace("|", "\\|").split("`") for line in text.split("\n"))
    # Every second piece stands between backticks, where signs are themselves.
    return "<br>".join("`".join(p if k % 2 else p.replace("<", "&lt;") for k, p in enumerate(line)) for line in lines)


def _link(url: str) -> str:
    return f"[{url}]({url})" if url.startswith("http") else url
