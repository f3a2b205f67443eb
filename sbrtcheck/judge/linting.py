"""Everything that is wrong or odd in a protocol file, at once, with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from sbrtcheck.checks import all_checks
from sbrtcheck.errors import SbrtcheckError
from sbrtcheck.judge.binding import BoundRule, bind_one
from sbrtcheck.judge.oddities import oddities
from sbrtcheck.naming.tables import sided_bases, standard_names
from sbrtcheck.protocol.loading import load_protocols, protocol_content
from sbrtcheck.protocol.places import line_of, lines_by_path
from sbrtcheck.protocol.problems import problems_of
from sbrtcheck.protocol.schema import LimitTable, ProtocolFile, ProtocolTest, Rule, Source, link_problems
from sbrtcheck.protocol.structures import ProtocolStructure
from sbrtcheck.results import Limit

_PATH = re.compile(r"([A-Za-z_]+(?:\[\d+\]|\.[A-Za-z0-9_\-]+)*): (.*)", re.DOTALL)
_PATTERNS = {
    "version": "Write three numbers, such as 1.0.0",
    "id": "Write lower case words with hyphens, such as spinal-cord-max",
    "check": "Write the id of a check, such as dose-metric",
}
_CHECK = re.compile(r"no check is called '([^']+)'")
_QUOTED = re.compile(r"'([^']+)' is (?:not a|no) TG-263 name")


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


def lint(name: str | Path, phantoms: Collection[str] = ()) -> tuple[Problem, ...]:
    """Return what is wrong or odd in a protocol, by line.

    Parameters
    ----------
    name : str or Path
        Library id or TOML file.
    phantoms : collection of str
        Those that a ``[[test]]`` may name; none: any.

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
    problems = [*_errors(data, lines), *_unknown_phantoms(data, lines, phantoms)]
    if is_usable(problems):
        file = ProtocolFile.model_validate(data)
        problems += _composed(name, file, lines)
    return tuple(sorted(problems, key=lambda p: (p.line or 0, p.path, p.message)))


def _errors(data: dict[str, Any], lines: dict[str, int]) -> Iterator[Problem]:
    found: list[str] = []
    try:
        file = ProtocolFile.model_validate(data)
    except ValidationError as error:
        parts = any(problem["loc"] for problem in error.errors())
        found += [*(problems_of(error) if parts else ()), *link_problems(data)]
        file = _readable_parts(data)
    for number, rule in enumerate(_entries(data, "rules")):
        checked, path = _valid(Rule, rule), f"rules[{number}]"
        bound = bind_one(file, checked, path) if isinstance(checked, Rule) else _of_check_alone(rule, file, path)
        found += [] if isinstance(bound, BoundRule) else bound
    yield from (_placed(text, lines) for text in dict.fromkeys(found))


def _of_check_alone(rule: object, file: ProtocolFile, path: str) -> list[str]:
    """Return what is wrong with the check and the parameters of a rule that is wrong in other ways."""
    given = {key: rule[key] for key in ("check", "parameters") if key in rule} if isinstance(rule, dict) else {}
    bare = _valid(Rule, {"id": "bare", "title": "Bare", "source": "none", "confidence": "derived", **given})
    bound = bind_one(file, bare, path) if isinstance(bare, Rule) else []
    own = (f"{path}.check", f"{path}.parameters")  # not the limit, which a bare rule lacks
    return [] if isinstance(bound, BoundRule) else [text for text in bound if text.startswith(own)]


def _readable_parts(data: dict[str, Any]) -> ProtocolFile:
    """Return what a rule may look at of a file that is wrong elsewhere, so that all problems show at once."""
    tables = tuple(t for entry in _entries(data, "tables") if isinstance(t := _valid(LimitTable, entry), LimitTable))
    structures = data.get("structures")
    named = structures if isinstance(structures, dict) else {}
    parts: dict[str, Any] = {"tables": tables, "structures": dict.fromkeys(named, ProtocolStructure())}
    return ProtocolFile.model_construct(**parts)


def _valid(model: type[BaseModel], entry: object) -> BaseModel | None:
    try:
        return model.model_validate(entry)
    except ValidationError:
        return None


def _entries(data: dict[str, Any], what: str) -> list[Any]:
    found = data.get(what)
    return found if isinstance(found, list) else []


def _placed(text: str, lines: dict[str, int]) -> Problem:
    found = _PATH.fullmatch(text)
    path, message = (found.group(1), found.group(2)) if found else ("", text)
    if message.startswith("Extra inputs"):
        message = "there is no such key"
        return Problem("error", line_of(path, lines), path, message, _near(path.rpartition(".")[2], _keys()))
    if "should match pattern" in message:
        return Problem("error", line_of(path, lines), path, message, _PATTERNS.get(path.rpartition(".")[2], ""))
    name, check = _QUOTED.search(message), _CHECK.search(message)
    suggestion = _near(name.group(1), {*standard_names(), *sided_bases()}) if name is not None else ""
    suggestion = _near(check.group(1), set(all_checks())) if check is not None else suggestion
    return Problem("error", line_of(path, lines), path, message, suggestion)


def _near(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, sorted(known), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def _keys() -> set[str]:
    """Return every key of protocol files, those of parameters too."""
    tables: list[type[BaseModel]] = [ProtocolFile, Rule, Source, LimitTable, ProtocolTest, ProtocolStructure, Limit]
    tables += [check.Parameters for check in all_checks().values()]
    return {field.alias or name for model in tables for name, field in model.model_fields.items()}


def _composed(name: str | Path, file: ProtocolFile, lines: dict[str, int]) -> Iterator[Problem]:
    """Yield what is wrong with what is included, or with both together, and what is odd."""
    included: tuple[ProtocolFile, ...] = ()
    try:
        included = tuple(p.file for p in load_protocols([name]) if p.file.id != file.id)
    except SbrtcheckError as error:
        yield Problem("error", lines.get("include"), "include", error.message, error.remedy)
    for odd in oddities(file, included):
        yield Problem("warning", line_of(odd.path, lines), odd.path, odd.message, odd.suggestion)


def _unknown_phantoms(data: dict[str, Any], lines: dict[str, int], phantoms: Collection[str]) -> Iterator[Problem]:
    for number, test in enumerate(_entries(data, "test")):
        name = test.get("phantom") if isinstance(test, dict) else None
        if phantoms and isinstance(name, str) and name not in phantoms:
            path, near = f"test[{number}].phantom", _near(name, phantoms) or "sbrtcheck phantom --list names all"
            yield Problem("warning", line_of(path, lines), path, f"there is no phantom {name!r}", near)


def is_usable(problems: Sequence[Problem]) -> bool:
    """Return whether a file with these findings can be used."""
    return all(problem.severity == "warning" for problem in problems)
