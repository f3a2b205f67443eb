"""An empty form for what a person declares: every key that the protocols ask for, with its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sbrtcheck.protocol.declared import DECLARED_SCHEMA, known_keys
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.protocol.schema import Rule
from sbrtcheck.protocol.text import limit_text

_EXAMPLES: Final = {"yes-no": "false", "whole-number": "1", "number": "1.0", "text": '""', "date": "2026-01-31"}
_KINDS: Final = {
    "yes-no": "true or false",
    "whole-number": "a whole number",
    "number": "a number",
    "text": "text in quotes",
    "date": "a date, YYYY-MM-DD",
}
# What checks of the plan files read besides the declared rules.
_BESIDE: Final = {
    "prior_radiotherapy": ("Any radiotherapy before, anywhere?", "true or false", "false"),
    "prior_radiotherapy_to_target": ("Radiotherapy of a target lesion before?", "true or false", "false"),
    "progressing_lesions": ("How many lesions are in progression?", "a whole number", "1"),
    "lesion_organs": (
        "Organ of a lesion, by the name of its ROI, where the contours do not show it",
        "a table",
        '{ "GTV 1" = "lung" }',
    ),
    "measurable_soft_tissue": (
        "Bone lesions with a soft tissue part that is measurable, by ROI",
        "a list",
        '["GTV 1"]',
    ),
    "prescription_dose_gy": ("Prescribed dose, as the prescription record has it", "Gy", "48.0"),
    "prescription_fractions": ("Prescribed number of fractions", "a whole number", "4"),
    "organs_not_at_risk": ("Organs that need no contour in this plan, TG-263 names", "a list", '["Bladder", "Rectum"]'),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One key of the form."""

    key: str
    title: str
    answer: str
    example: str
    asked_by: str = ""


def questions(protocols: Sequence[LoadedProtocol]) -> tuple[Question, ...]:
    """Return what the protocols ask for, in the order of their rules, each key once."""
    found: dict[str, Question] = {}
    for loaded in protocols:
        titles = {source.id: source.title for source in loaded.file.sources}
        for rule in loaded.file.rules:
            if rule.section != "declared":
                continue
            for key in (rule.parameters.get("months_after"), rule.parameters.get("key")):
                if key:
                    found.setdefault(str(key), _asked(str(key), rule, f"{loaded.file.id}: {titles[rule.source]}"))
    for key in sorted(known_keys(protocols)):
        title, answer, example = _BESIDE.get(key, (key.replace("_", " "), "", '""'))
        found.setdefault(key, Question(key, title, answer, example))
    return tuple(found.values())


def _asked(key: str, rule: Rule, by: str) -> Question:
    kind = str(rule.parameters.get("kind", ""))
    answer = _KINDS.get(kind, "")
    if rule.limit is not None:
        answer += f"; accepted: {limit_text(rule.limit)}"
    if rule.parameters.get("one_of"):
        answer += f"; accepted: {', '.join(rule.parameters['one_of'])}"
    return Question(key, rule.title, answer, _EXAMPLES.get(kind, '""'), by)


def form_text(protocols: Sequence[LoadedProtocol]) -> str:
    """Return the form as TOML: every answer is commented out, so an untouched form declares nothing."""
    ids = ", ".join(loaded.file.id for loaded in protocols)
    lines = [
        f"# Declared facts for {ids}.",
        "# Take the # from a line and fill it in; what stays commented out is not declared and is never taken as met.",
        "",
        f'schema = "{DECLARED_SCHEMA}"',
        "",
        "# Earlier courses of which there are no files: one table each.",
        "# [[earlier_courses]]",
        '# site = "right lung"',
        "# year = 2023",
        "# dose_gy = 60.0",
        "# fractions = 30",
        "",
        "[facts]",
    ]
    for one in questions(protocols):
        lines += ["", f"# {one.title}"]
        lines += [f"#   {one.answer}" + (f" ({one.asked_by})" if one.asked_by else "")] if one.answer else []
        lines.append(f"# {one.key} = {one.example}")
    return "\n".join([*lines, ""])


def form_csv(protocols: Sequence[LoadedProtocol]) -> str:
    """Return the header of a table for batches, one row a plan: name of the submission, centre, and a column a fact."""
    keys = [one.key for one in questions(protocols) if one.key not in {"lesion_organs"}]
    return ",".join(["submission", *keys]) + "\n"
