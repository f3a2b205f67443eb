"""What can be used in a protocol, and is likely not meant: key path, message and suggestion each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sbrtcheck.naming.expression import names_of, parse_expression
from sbrtcheck.protocol.conditions import Comparison, Condition, Joined, Negated, comparisons, parse_condition
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.protocol.spared import perhaps_spared
from sbrtcheck.results import Limit

_VOLUME: Final = re.compile(r"(C?)V([0-9.]+)Gy\[(cc|%)\](@.*)?")
_DOSE: Final = re.compile(r"D(C?)([0-9.]+)(cc|%)\[Gy\](@.*)?")
_SHARE: Final = re.compile(r"C?V[0-9.]+(?:Gy|%)\[%\](?:@.*)?")
_FROM_ZERO: Final = {"Overlap", "Distance", "Volume", "Lesions"}
_MOST_FRACTIONS: Final = 99  # as keys of limit_by_fractions


@dataclass(frozen=True, slots=True)
class Oddity:
    """One finding."""

    path: str
    message: str
    suggestion: str = ""


def oddities(file: ProtocolFile, included: Sequence[ProtocolFile] = ()) -> Iterator[Oddity]:
    """Yield what is odd in a protocol that can be used.

    Parameters
    ----------
    file : ProtocolFile
    included : sequence of ProtocolFile
        What is checked along with it.
    """
    tested = {rule for test in file.test for rule in test.expect}
    for number, rule in enumerate(file.rules):
        path = f"rules[{number}]"
        if rule.id not in tested:
            suggestion = 'Add one: phantom = "lung-peripheral", expect = {...}'
            yield Oddity(path, f"no [[test]] speaks of {rule.id}", suggestion)
        yield from _of_rule(rule, path)
        yield from _of_excuses(rule, path, file)
        yield from _of_fractions(rule, path, file.when)
        yield from _of_condition(rule.when, f"{path}.when")
    yield from _of_condition(file.when, "when")
    yield from _twice(file, included)
    yield from _unused(file)


def _of_rule(rule: Rule, path: str) -> Iterator[Oddity]:
    if rule.confidence == "recalled":
        yield Oddity(f"{path}.confidence", "a recalled value decides nothing unless the site file accepts it")
    if rule.definition_is_choice and not rule.definition.endswith("."):
        yield Oddity(f"{path}.definition", "a definition that is a choice should be a whole sentence")
    metric = _metric(rule)
    if not metric:
        return
    if metric.startswith("Max[") and not rule.definition:
        suggestion = "Say in the definition how the source means it, or limit D0.03cc[Gy]"
        yield Oddity(path, "Max is the dose of one point, and depends on the dose grid", suggestion)
    high = 100.0 if _SHARE.fullmatch(metric) else None
    for where, limit in _limits(rule, path):
        yield from _of_limit(limit, where, high)
        if meant := perhaps_spared(metric, limit.op, limit.per_protocol):
            found = f"at most {limit.per_protocol:g} cm3 may receive the dose of {metric}"
            yield Oddity(where, found, meant[0].upper() + meant[1:])


def _of_limit(limit: Limit, path: str, high: float | None) -> Iterator[Oddity]:
    """Look at the tiers of a limit of what lies between 0 and ``high``."""
    upper, inclusive = limit.op[0] == "<", limit.op in {"<=", ">="}
    for tier, value in (("per_protocol", limit.per_protocol), ("variation", limit.variation)):
        if value is None:
            continue
        best, worst = (0.0, high) if upper else (high, 0.0)
        if worst is not None and _meets(worst, limit.op, value):
            ends = "nothing fails" if tier == "variation" else "every plan passes"
            yield Oddity(path, f"{tier} {limit.op} {value:g}: {ends}, since the value is never beyond {worst:g}")
        elif best is not None and not _meets(best, limit.op, value):
            yield Oddity(path, f"{tier} {limit.op} {value:g} is never met")
        elif high == 100.0 and 0.0 < value <= 1.0 and (not upper or not inclusive or value == 1.0):
            yield Oddity(path, f"{tier} {limit.op} {value:g} %", "If a fraction is meant, write it in percent")


def _meets(value: float, op: str, limit: float) -> bool:
    return {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit}[op]


def _of_excuses(rule: Rule, path: str, file: ProtocolFile) -> Iterator[Oddity]:
    by_id = {other.id: other for other in file.rules}
    for name in rule.excused_by:
        organ = by_id[name]
        if name == rule.id:
            yield Oddity(f"{path}.excused_by", f"{name} excuses itself")
        elif organ.any_limit is None:
            yield Oddity(f"{path}.excused_by", f"{name} has no limit to stand at, so it excuses nothing")
        elif organ.confidence == "recalled":
            yield Oddity(f"{path}.excused_by", f"{name} is recalled, so it excuses nothing unless the site accepts it")


def _of_fractions(rule: Rule, path: str, of_file: str) -> Iterator[Oddity]:
    """Tell limits for numbers of fractions to which the rule never applies."""
    conditions = [parse_condition(text, None) for text in (of_file, rule.when) if text]
    for key in rule.limit_by_fractions:
        if any(_with_fractions(condition, int(key)) is False for condition in conditions):
            where = f"{path}.limit_by_fractions.{key}"
            yield Oddity(where, f"the limit for {key} fractions is never used: the conditions exclude them")


def _of_condition(text: str, path: str) -> Iterator[Oddity]:
    if not text:
        return
    condition = parse_condition(text, None)
    for one in comparisons(condition):
        op, value = one.limit.op, one.limit.per_protocol
        if one.quantity.kind not in _FROM_ZERO:
            continue
        if (op == ">=" and value <= 0.0) or (op == ">" and value < 0.0):
            yield Oddity(path, f"{one} always holds, since it is never below 0")
        elif (op == "<" and value <= 0.0) or (op == "<=" and value < 0.0):
            yield Oddity(path, f"{one} never holds, since it is never below 0")
    if all(_with_fractions(condition, number) is False for number in range(1, _MOST_FRACTIONS + 1)):
        yield Oddity(path, f"the condition {text!r} never holds, whatever the number of fractions")


def _with_fractions(condition: Condition, number: int) -> bool | None:
    """Return whether a condition holds for a number of fractions, None where that depends on other things."""
    match condition:
        case Comparison():
            if condition.quantity.kind != "Fractions":
                return None
            return _meets(number, condition.limit.op, condition.limit.per_protocol)
        case Negated():
            found = _with_fractions(condition.part, number)
            return None if found is None else not found
        case Joined():
            found_all = [_with_fractions(part, number) for part in condition.parts]
            decides = condition.word == "or"
            return decides if decides in found_all else None if None in found_all else not decides


def _twice(file: ProtocolFile, included: Sequence[ProtocolFile]) -> Iterator[Oddity]:
    """Tell rules that limit the same, in whichever of the equivalent metrics; an included rule counts as well."""
    seen: dict[tuple[object, ...], tuple[str, bool]] = {}
    for other in included:
        for rule in other.rules:
            for key, _ in measured(rule, other.when):
                seen.setdefault(key, (f"{other.id}/{rule.id}", rule.required))
    for number, rule in enumerate(file.rules):
        told = {rule.id}
        for key, what in measured(rule, file.when):
            same, required = seen.setdefault(key, (rule.id, rule.required))
            # Rules for information may stand side by side: alternatives of several authors.
            if same not in told and (required or rule.required):
                told.add(same)
                yield Oddity(f"rules[{number}]", f"{rule.id} and {same} limit the same: {what}", "Keep one of them")


def measured(rule: Rule, when: str = "") -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield what a dose rule limits, one key a structure, the same for equivalent metrics.

    ``V20Gy[cc] <= 10`` and ``D10cc[Gy] <= 20`` are one limit, as are ``CV12.5Gy[cc] >= 1500`` and
    ``DC1500cc[Gy] <= 12.5``.
    """
    metric = _metric(rule)
    if not metric:
        return
    structures = rule.parameters.get("structures") or ["the targets"]
    dose = rule.parameters.get("dose", "plan")
    for structure in structures if isinstance(structures, list | tuple) else ():
        for limit in (rule.limit, *rule.limit_by_fractions.values()):
            if limit is not None:
                key = _equivalent(metric, limit)
                yield (*key, structure, dose, when, rule.when), f"{metric} of {structure}"


def _equivalent(metric: str, limit: Limit) -> tuple[object, ...]:
    volume, dose = _VOLUME.fullmatch(metric), _DOSE.fullmatch(metric)
    value, upper = limit.per_protocol, limit.op[0] == "<"
    if volume is not None:
        cold, gy, unit, effect = volume.groups()
        # Much volume below a dose is little dose to the coldest.
        return "dose and volume", bool(cold), float(gy), value, unit, effect, upper != bool(cold)
    if dose is not None:
        cold, share, unit, effect = dose.groups()
        return "dose and volume", bool(cold), value, float(share), unit, effect, upper
    return metric, upper


def _metric(rule: Rule) -> str:
    metric = rule.parameters.get("metric") if rule.check == "dose-metric" else None
    return metric.strip() if isinstance(metric, str) else ""


def _limits(rule: Rule, path: str) -> Iterator[tuple[str, Limit]]:
    if rule.limit is not None:
        yield f"{path}.limit", rule.limit
    for key, limit in rule.limit_by_fractions.items():
        yield f"{path}.limit_by_fractions.{key}", limit


def _unused(file: ProtocolFile) -> Iterator[Oddity]:
    sources = {rule.source for rule in file.rules} | {table.source for table in file.tables}
    tables = {rule.parameters.get("table") for rule in file.rules}
    for number, source in enumerate(file.sources):
        if source.id not in sources:
            yield Oddity(f"sources[{number}]", f"nothing names the source {source.id!r}")
    for number, table in enumerate(file.tables):
        if table.id not in tables:
            yield Oddity(f"tables[{number}]", f"no rule names the table {table.id!r}")
    used = {name for rule in file.rules for name in _listed(rule.parameters.get("structures"))}
    for text in (file.when, *(rule.when for rule in file.rules)):
        parts = comparisons(parse_condition(text, None)) if text else ()
        used |= {name for one in parts for name in one.quantity.of}
    for one in file.structures.values():
        used |= set(names_of(parse_expression(one.derived))) if one.derived else set()
    for name, structure in file.structures.items():
        if name not in used and not structure.required and structure.derived:
            yield Oddity(f"structures.{name}", f"nothing names the structure {name!r}")


def _listed(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list | tuple) else ()
