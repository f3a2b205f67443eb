"""Everything that is wrong or odd in a protocol file, at once, with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from sbrtcheck.errors import MetricSyntaxError, SbrtcheckError
from sbrtcheck.judge.binding import BoundRule, bind_one
from sbrtcheck.metrics import parse_metric
from sbrtcheck.naming.tables import sided_bases, standard_names
from sbrtcheck.protocol.loading import load_protocols, protocol_content
from sbrtcheck.protocol.places import line_of, lines_by_path
from sbrtcheck.protocol.problems import problems_of
from sbrtcheck.protocol.schema import ProtocolFile, Rule, link_problems

_PATH = re.compile(r"([A-Za-z_]+(?:\[\d+\]|\.[A-Za-z0-9_\-]+)*): (.*)", re.DOTALL)
_QUOTED = re.compile(r"'([^']+)' is (?:not a|no) TG-263 name")
_CRITICAL = re.compile(r"CV([0-9.]+)Gy\[cc\]|DC([0-9.]+)cc\[Gy\]")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes
    ----------
    severity : str
        ``error``: the file cannot be used; ``warning``: it can, and somebody should look.
    line : int or None
        In the file, from 1.
    path : str
        Key path, "" for the file as a whole.
    """

    severity: Literal["error", "warning"]
    line: int | None
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        at = f"line {self.line}: " if self.line is not None else ""
        tail = f". {self.suggestion}" if self.suggestion else ""
        return f"{at}{self.severity}: {self.path + ': ' if self.path else ''}{self.message}{tail}"


def lint(name: str | Path) -> tuple[Problem, ...]:
    """Return what is wrong or odd in a protocol, by line.

    Parameters
    ----------
    name : str or Path
        Library id or TOML file.

    Raises
    ------
    UnknownProtocol
        If there is no such protocol.
    """
    content = protocol_content(name)
    try:
        text = content.decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError:
        return (Problem("error", None, "", "the file is not UTF-8 text", "Save it as UTF-8"),)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found.group(1)) if found else None
        return (Problem("error", line, "", f"no valid TOML: {error}", "A value may lack its quotes"),)
    lines = lines_by_path(text)
    problems = [*_errors(data, lines)]
    if not problems:
        file = ProtocolFile.model_validate(data)
        problems = [*_included(name, file, lines), *_odd(file, lines)]
    return tuple(sorted(problems, key=lambda p: (p.line or 0, p.path, p.message)))


def _errors(data: dict[str, Any], lines: dict[str, int]) -> Iterator[Problem]:
    try:
        file = ProtocolFile.model_validate(data)
    except ValidationError as error:
        parts = any(problem["loc"] for problem in error.errors())
        for text in dict.fromkeys([*(problems_of(error) if parts else ()), *link_problems(data)]):
            yield _placed(text, lines)
        return
    for number, rule in enumerate(file.rules):
        found = bind_one(file, rule, f"rules[{number}]")
        if not isinstance(found, BoundRule):
            yield from (_placed(text, lines) for text in found)


def _placed(text: str, lines: dict[str, int]) -> Problem:
    found = _PATH.fullmatch(text)
    path, message = (found.group(1), found.group(2)) if found else ("", text)
    name = _QUOTED.search(message)
    suggestion = ""
    if name is not None:
        near = difflib.get_close_matches(name.group(1), sorted(standard_names() | sided_bases()), n=3)
        suggestion = f"Close names: {', '.join(near)}" if near else ""
    return Problem("error", line_of(path, lines), path, message, suggestion)


def _included(name: str | Path, file: ProtocolFile, lines: dict[str, int]) -> Iterator[Problem]:
    if not file.include:
        return
    try:
        load_protocols([name])
    except SbrtcheckError as error:
        yield Problem("error", lines.get("include"), "include", error.message, error.remedy)


def _odd(file: ProtocolFile, lines: dict[str, int]) -> Iterator[Problem]:
    """Yield what can be used, and is likely not meant."""

    def warn(path: str, message: str, suggestion: str = "") -> Problem:
        return Problem("warning", line_of(path, lines), path, message, suggestion)

    tested = {rule for test in file.test for rule in test.expect}
    seen: dict[tuple[object, ...], str] = {}
    for number, rule in enumerate(file.rules):
        path = f"rules[{number}]"
        if rule.id not in tested:
            yield warn(path, f"no [[test]] speaks of {rule.id}", 'Add one: phantom = "lung-peripheral", expect = {...}')
        if rule.confidence == "recalled":
            yield warn(f"{path}.confidence", "a recalled value decides nothing unless the site file accepts it")
        if rule.definition_is_choice and not rule.definition.endswith("."):
            yield warn(f"{path}.definition", "a definition that is a choice should be a whole sentence")
        for key, what in _measured(rule):
            same = seen.setdefault(key, rule.id)
            if same != rule.id:
                yield warn(path, f"{rule.id} and {same} limit the same: {what}", "Keep one of them")


def _measured(rule: Rule) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield what a dose rule limits, in one form for equivalent metrics: a critical volume and its coldest dose."""
    if rule.check != "dose-metric" or not isinstance(rule.parameters.get("metric"), str):
        return
    metric = rule.parameters["metric"].replace(" ", "")
    try:
        parse_metric(metric)
    except MetricSyntaxError:
        return
    found = _CRITICAL.fullmatch(metric)
    names = rule.parameters.get("structures") or ["the targets"]
    for structure in names:
        for limit in (rule.limit, *rule.limit_by_fractions.values()):
            if limit is None:
                continue
            key: tuple[object, ...] = (metric, limit.op[0])
            if found is not None:
                dose, volume = (
                    float(found.group(1) or limit.per_protocol),
                    float(found.group(2) or limit.per_protocol),
                )
                key = ("critical volume", dose, volume)
            yield (*key, structure, rule.parameters.get("dose", "plan"), rule.when), f"{metric} of {structure}"


def is_usable(problems: tuple[Problem, ...]) -> bool:
    """Return whether a file with these findings can be used."""
    return all(problem.severity == "warning" for problem in problems)
