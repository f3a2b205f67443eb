"""A protocol as text for the terminal."""

from __future__ import annotations

import textwrap

from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.protocol.schema import Rule
from sbrtcheck.protocol.structures import ProtocolStructure
from sbrtcheck.results import Limit

_WIDTH = 100


def protocol_text(loaded: LoadedProtocol) -> str:
    """Return every rule with its limit, definition, source and confidence."""
    file = loaded.file
    lines = [f"{file.id} {file.version}: {file.title}"]
    lines += [f"{name}: {text}" for name, text in (("status", file.status), ("record", file.record_date)) if text]
    lines += [f"includes {', '.join(file.include)}"] if file.include else []
    lines += [f"applies when {file.when}"] if file.when else []
    lines += textwrap.wrap(file.summary, _WIDTH)
    for section in ("plan", "declared"):
        rules = [rule for rule in file.rules if rule.section == section]
        if rules:
            lines += ["", "Decided from the plan files" if section == "plan" else "Declared by a person"]
            for rule in rules:
                lines += _rule(rule)
    if file.structures:
        lines += ["", "Structures", *(_structure(name, one) for name, one in file.structures.items())]
    lines += ["", "Sources"]
    lines += [f"  {source.id}: {source.title} ({source.level}) {source.url}".rstrip() for source in file.sources]
    return "\n".join([*lines, f"sha256 {loaded.sha256}", ""])


def limit_text(limit: Limit) -> str:
    """Return a limit in words.

    Examples
    --------
    >>> limit_text(Limit(op="<=", per_protocol=40.0, unit="mm"))
    '<= 40 mm'
    """
    tier = "" if limit.variation is None else f" (acceptable deviation {limit.op} {limit.variation:g} {limit.unit})"
    return f"{limit.op} {limit.per_protocol:g} {limit.unit}".rstrip() + tier


def _structure(name: str, structure: ProtocolStructure) -> str:
    parts = [f"made of {structure.derived}"] if structure.derived else []
    parts += [f"also called {', '.join(structure.aliases)}"] if structure.aliases else []
    parts += ["required"] if structure.required else []
    parts += [structure.definition] if structure.definition else []
    return f"  {name}: {'; '.join(parts) or 'drawn'}"


def _rule(rule: Rule) -> list[str]:
    limit = f", {limit_text(rule.limit)}" if rule.limit else ""
    lines = [f"  {rule.id}: {rule.title}{limit}{'' if rule.required else ' (for information)'}"]
    for number, one in rule.limit_by_fractions.items():
        lines.append(f"      in {number} fraction{'' if number == '1' else 's'}: {limit_text(one)}")
    lines += [f"      when {rule.when}"] if rule.when else []
    if rule.excused_by:
        within = f"within {rule.excused_within_percent:g} % of its limit"
        lines.append(f"      excused by {' or '.join(rule.excused_by)}, {within}")
    lines += [f"      contradicted by {rule.contradicted_by}"] if rule.contradicted_by else []
    lines += [f"      priority {rule.priority}"] if rule.priority else []
    if rule.definition:
        mark = "definition (a choice): " if rule.definition_is_choice else "definition: "
        lines += textwrap.wrap(mark + rule.definition, _WIDTH, initial_indent="      ", subsequent_indent="      ")
    return [*lines, f"      source {rule.source}, {rule.confidence}"]
