"""Limits as a reader found them to the content of a protocol file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sbrtcheck.errors import MetricSyntaxError, ProtocolError
from sbrtcheck.metrics import parse_metric
from sbrtcheck.protocol.exchange.base import CannotCarry, Draft, Imported, Kind, LeftOut, Reading, one_line
from sbrtcheck.protocol.exchange.structures import named
from sbrtcheck.protocol.problems import joined, problems_of
from sbrtcheck.protocol.schema import Rule
from sbrtcheck.protocol.spared import perhaps_spared

FORMATS: dict[Kind, str] = {
    "proknow": "ProKnow scorecard",
    "clearplan": "ClearPlan constraint template",
    "eclipse-xml": "Eclipse clinical protocol",
}
SOURCE_ID = "imported-file"
# A choice of this program: nobody reviews more, and the largest templates hold some hundred.
MOST_LIMITS = 2000


def assembled(reading: Reading, kind: Kind, sha256: str) -> Imported:
    """Return the content of a protocol file with every limit that can be carried over, and what cannot.

    Raises
    ------
    ProtocolError
        If not one rule can be carried over: there is no protocol without rules. Lists why, rule by rule. Also if there
        are more entries than any template holds.
    """
    if len(reading.found) > MOST_LIMITS:
        raise ProtocolError(
            f"the {FORMATS[kind]} holds {len(reading.found)} entries; more than {MOST_LIMITS} are no template",
            remedy="Look whether this is the right file",
        )
    rules: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    for draft in reading.found:
        if isinstance(draft, LeftOut):
            left_out.append(draft)
            continue
        structure = draft.names[0] if draft.names else "(no structure)"
        what = one_line(f"{structure} {draft.metric} {draft.op} {draft.per_protocol:g}")
        try:
            rule, details = _rule(draft)
        except CannotCarry as reason:
            left_out.append(LeftOut(draft.where, what, str(reason)))
            continue
        left_out += [LeftOut(draft.where, what, detail, "detail") for detail in details]
        twin = next((r["id"] for r in rules if _same(r, rule)), None)
        if twin:
            left_out.append(LeftOut(draft.where, what, f"rule {twin} says the same already", "detail"))
        else:
            rules.append(rule | {"id": _free(rule["id"], rules)})
    if not rules:
        raise ProtocolError(
            joined(
                f"nothing of the {FORMATS[kind]} can be carried over: it",
                [str(item) for item in left_out] or ["no rules"],
            ),
            remedy="Mend the places named in a copy of the file",
        )
    return Imported(_content(reading, kind, sha256, rules, left_out), tuple(left_out), kind)


def _content(
    reading: Reading, kind: Kind, sha256: str, rules: list[dict[str, Any]], left_out: Sequence[LeftOut]
) -> dict[str, Any]:
    title = one_line(reading.title) or FORMATS[kind]
    origin = f"{FORMATS[kind]} {title!r}" if reading.title else FORMATS[kind]
    lost = sum(item.part == "rule" for item in left_out)
    missing = f"{lost} of its rules could not be carried over" if lost else "All of its rules were carried over"
    return {
        "schema": "sbrtcheck-protocol/1",
        "id": f"imported-{_kebab(title) or kind}",
        "title": title,
        "version": "0.1.0",
        "status": "imported, not yet reviewed",
        "summary": f"Limits as an imported {FORMATS[kind]} has them; compared with no publication. {missing}.",
        "sources": [{"id": SOURCE_ID, "title": f"{origin}, SHA-256 {sha256}", "level": "secondary"}],
        "rules": rules,
    }


def _rule(draft: Draft) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return one rule, and what of the limit is not in it."""
    structure = named(draft)
    try:
        metric = parse_metric(draft.metric)
    except MetricSyntaxError as error:
        raise CannotCarry(str(error)) from error
    whom: dict[str, Any] = {"structures": [structure.tg263]} if structure.tg263 else {"of_targets": True}
    # Between equal limits lies nothing that could be a variation.
    has_variation = draft.variation is not None and draft.variation != draft.per_protocol
    limit = {
        "op": draft.op,
        "per_protocol": draft.per_protocol,
        **({"variation": draft.variation} if has_variation else {}),
        "unit": metric.unit,
    }
    definition = ". ".join(text for text in (structure.reading, one_line(draft.note)) if text)
    if structure.reading:  # a choice is a whole sentence
        definition = f"{definition.removesuffix('.')}."
    label = structure.tg263 or "Target"
    rule = {
        "id": _kebab(f"{label} {draft.metric}"),
        "title": f"{label}: {draft.metric}",
        "check": "dose-metric",
        "parameters": {"metric": draft.metric, **whom},
        "limit": limit,
        **({"definition": definition} if definition else {}),
        **({"definition_is_choice": True} if structure.reading else {}),
        "source": SOURCE_ID,
        # Not "verified": nobody compared the number with a publication; the file was seen, and its limit translated.
        "confidence": "derived",
    }
    try:
        Rule.model_validate(rule)
    except ValidationError as error:
        raise CannotCarry("; ".join(problems_of(error))) from error
    return rule, tuple(_details(draft, structure.unknown))


def _details(draft: Draft, unknown: tuple[str, ...]) -> list[str]:
    details = []
    if unknown:
        listed = ", ".join(repr(one_line(name)) for name in unknown)
        details.append(f"a ROI called {listed} will not be found by it; name such ROIs in the site file")
    if meant := perhaps_spared(draft.metric, draft.op, draft.per_protocol):
        details.append(f"kept as written; {meant}")
    return details


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool(a["parameters"] == b["parameters"] and a["limit"] == b["limit"])


def _free(wanted: str, rules: Sequence[dict[str, Any]]) -> str:
    taken = {rule["id"] for rule in rules}
    number = 2
    name = wanted
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def _kebab(text: str) -> str:
    """Return text as an id.

    Examples
    --------
    >>> _kebab("SpinalCord D0.035cc[Gy]"), _kebab("Lung_L V20Gy[%]")
    ('spinalcord-d0-035cc-gy', 'lung-l-v20gy-percent')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.replace("%", " percent ").lower()).strip("-")
