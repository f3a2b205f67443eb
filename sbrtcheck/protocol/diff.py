"""What differs between two protocols in meaning: limits, structures, definitions; never order or comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sbrtcheck.errors import MetricSyntaxError
from sbrtcheck.metrics import metric_text, parse_metric
from sbrtcheck.naming.expression import parse_expression
from sbrtcheck.protocol.conditions import parse_condition
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.protocol.structures import ProtocolStructure
from sbrtcheck.protocol.text import limit_text
from sbrtcheck.results import Limit

_TOLD: Final = ("check", "section", "required", "definition", "definition_is_choice", "when", "source", "confidence")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes
    ----------
    kind : str
        ``added``, ``removed``, ``renamed``, ``tightened``, ``loosened`` or ``changed``.
    rule : str
        Id in the newer protocol, or in the older one where it was removed; "" for the protocol itself.
    what : str
        ``limit``, ``structures``, ``metric`` ...
    before, after : str
    """

    kind: str
    rule: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        at = f"{self.rule}: " if self.rule else ""
        if self.kind in {"added", "removed"}:
            return f"{at}{self.kind} {self.what} {self.after or self.before}".rstrip()
        return f"{at}{self.what} {self.kind}: {self.before or 'none'} -> {self.after or 'none'}"


def diff(old: ProtocolFile, new: ProtocolFile) -> tuple[Difference, ...]:
    """Return what a newer protocol says otherwise than an older one, rule by rule.

    Rules are matched by id, and those left over by what they measure: the same check with the same parameters under
    another id is a renamed rule.
    """
    found = list(_of_head(old, new))
    before, after = {r.id: r for r in old.rules}, {r.id: r for r in new.rules}
    gone, come = [r for i, r in before.items() if i not in after], [r for i, r in after.items() if i not in before]
    for rule in list(come):
        same = next((r for r in gone if (r.check, _asked(r)) == (rule.check, _asked(rule))), None)
        if same is not None:
            gone.remove(same)
            come.remove(rule)
            found.append(Difference("renamed", rule.id, "rule", same.id, rule.id))
            found += _of_rule(same, rule, old, new)
    for name, rule in after.items():
        if name in before:
            found += _of_rule(before[name], rule, old, new)
    found += [Difference("removed", rule.id, "rule", rule.title, "") for rule in gone]
    found += [Difference("added", rule.id, "rule", "", f"{rule.title} {_limits(rule)}".rstrip()) for rule in come]
    return tuple(sorted(found, key=lambda d: (d.rule, d.what, d.kind)))


def _of_head(old: ProtocolFile, new: ProtocolFile) -> Iterator[Difference]:
    for what in ("id", "version", "when"):
        before, after = (_condition(f.when) if what == "when" else getattr(f, what) for f in (old, new))
        if before != after:
            yield Difference("changed", "", what, before, after)
    if sorted(old.include) != sorted(new.include):
        yield Difference("changed", "", "include", ", ".join(sorted(old.include)), ", ".join(sorted(new.include)))
    for name in sorted(old.structures.keys() | new.structures.keys()):
        was, now = (_said(file.structures.get(name)) for file in (old, new))
        if was != now:
            yield Difference("changed", "", f"structure {name}", was, now)
    tables = {t.id: t.model_dump(exclude={"source", "confidence"}) for t in old.tables}
    for table in new.tables:
        if table.id in tables and tables[table.id] != table.model_dump(exclude={"source", "confidence"}):
            yield Difference("changed", "", f"table {table.id}", "", "other rows or columns")


def _asked(rule: Rule) -> dict[str, Any]:
    """Return the parameters of a rule, its metric in one spelling for all that mean the same."""
    metric = rule.parameters.get("metric")
    if not isinstance(metric, str):
        return rule.parameters
    try:
        return rule.parameters | {"metric": metric_text(parse_metric(metric))}
    except MetricSyntaxError:  # not of this grammar: some checks have metrics of their own
        return rule.parameters


def _condition(text: str) -> str:
    return str(parse_condition(text, None)) if text else ""


def _said(structure: ProtocolStructure | None) -> str:
    """Return what is said of a structure, in one spelling for all that mean the same."""
    if structure is None:
        return ""
    made = [f"made of {parse_expression(structure.derived)}"] if structure.derived else []
    called = [f"also called {', '.join(sorted(structure.aliases))}"] if structure.aliases else []
    return "; ".join([*made, *called, *(["required"] if structure.required else [])]) or "drawn"


def _of_rule(old: Rule, new: Rule, before: ProtocolFile, after: ProtocolFile) -> Iterator[Difference]:
    yield from _of_limits(old, new)
    asked, asks = _asked(old), _asked(new)
    for key in sorted(asked.keys() | asks.keys()):
        was, now = _plain(asked.get(key)), _plain(asks.get(key))
        if was != now:
            yield Difference("changed", new.id, key, was, now)
    for what in _TOLD:
        was, now = (_condition(rule.when) if what == "when" else getattr(rule, what) for rule in (old, new))
        if what == "source":  # an id of its own in each file
            was, now = _source(was, before), _source(now, after)
        if was != now:
            yield Difference("changed", new.id, what, str(was), str(now))
    if (old.excused_by, old.excused_within_percent) != (new.excused_by, new.excused_within_percent):
        yield Difference("changed", new.id, "excused_by", _excuse(old), _excuse(new))


def _of_limits(old: Rule, new: Rule) -> Iterator[Difference]:
    was, now = _by_fractions(old), _by_fractions(new)
    for key in sorted(was.keys() | now.keys()):
        a, b = was.get(key), now.get(key)
        if a == b:
            continue
        what = f"limit in {key} fractions" if key else "limit"
        shown = ("" if a is None else limit_text(a), "" if b is None else limit_text(b))
        yield Difference(_direction(a, b), new.id, what, *shown)


def _by_fractions(rule: Rule) -> dict[str, Limit]:
    return dict(rule.limit_by_fractions) or ({"": rule.limit} if rule.limit is not None else {})


def _direction(a: Limit | None, b: Limit | None) -> str:
    """Return whether less would pass, more, or neither can be said."""
    if a is None:
        return "tightened"
    if b is None:
        return "loosened"
    if a.op[0] != b.op[0] or a.unit != b.unit:
        return "changed"
    sign = 1.0 if a.op[0] == "<" else -1.0

    def ends(limit: Limit) -> tuple[float, float]:
        last = limit.per_protocol if limit.variation is None else limit.variation
        return sign * limit.per_protocol, sign * last

    (p, q), (r, s) = ends(a), ends(b)
    strict = len(b.op) < len(a.op)
    if r <= p and s <= q and ((r, s) != (p, q) or strict):
        return "tightened"
    if r >= p and s >= q and ((r, s) != (p, q) or len(b.op) > len(a.op)):
        return "loosened"
    return "changed"


def _limits(rule: Rule) -> str:
    return ", ".join(f"{limit_text(v)}{f' in {k} fractions' if k else ''}" for k, v in _by_fractions(rule).items())


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _source(name: str, file: ProtocolFile) -> str:
    return next((source.title for source in file.sources if source.id == name), name)


def _excuse(rule: Rule) -> str:
    if not rule.excused_by or rule.excused_within_percent is None:
        return ""
    return f"{', '.join(rule.excused_by)} within {rule.excused_within_percent:g} %"
