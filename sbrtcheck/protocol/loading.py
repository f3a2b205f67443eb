"""Finding and reading protocol files; every problem of a file is reported at once."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sbrtcheck.errors import ProtocolError, UnknownProtocol
from sbrtcheck.naming.expression import parse_expression
from sbrtcheck.protocol.problems import joined, problems_of
from sbrtcheck.protocol.schema import ProtocolFile, Rule, link_problems


@dataclass(frozen=True, slots=True)
class LoadedProtocol:
    """A protocol, and the SHA-256 of the bytes that it was read from."""

    file: ProtocolFile
    sha256: str


def library() -> tuple[str, ...]:
    """Return the ids of the protocols that come with the program, sorted."""
    folder = files("sbrtcheck.protocol") / "library"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


def load_protocol(name: str | Path) -> LoadedProtocol:
    """Read a protocol of the library by its id, or a TOML file by its path.

    Raises
    ------
    UnknownProtocol
        If it is neither in the library nor a file.
    ProtocolError
        If the file is no TOML or not a protocol; lists every problem with its key path.
    """
    content = protocol_content(name)
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProtocolError(f"the protocol file is not valid TOML: {error}", remedy="Mend the place named") from error
    return LoadedProtocol(_validated(data), hashlib.sha256(content).hexdigest())


def load_protocols(names: Sequence[str | Path]) -> tuple[LoadedProtocol, ...]:
    """Read several protocols with all that they include, each once.

    The order is that of the names, each before what it includes; only how a report is ordered depends on it.

    Raises
    ------
    UnknownProtocol, ProtocolError
        As ``load_protocol`` does; also if one id of a protocol or of a rule, or one name of a derived structure, stands
        for two contents: a reader of the report could not tell them apart.
    """
    found: dict[str, LoadedProtocol] = {}
    named = [load_protocol(name) for name in names]
    waiting = list(named)
    while waiting:
        loaded = waiting.pop(0)
        before = found.setdefault(loaded.file.id, loaded)
        if before.sha256 != loaded.sha256:
            raise ProtocolError(
                f"two protocols are called {loaded.file.id!r} and differ",
                remedy="Name or include one of them, or give the other an id of its own",
            )
        if before is loaded:
            waiting[:0] = [load_protocol(name) for name in loaded.file.include]
    twice = sorted({p.file.id for p in named if sum(q.file.id == p.file.id for q in named) > 1})
    if twice:
        raise ProtocolError(f"named more than once: {', '.join(twice)}", remedy="Name each protocol once")
    composed = tuple(found.values())
    conflicts = [*_rules_that_differ(composed), *_structures_that_differ(composed)]
    if conflicts:
        raise ProtocolError(
            joined("what is checked together", conflicts), remedy="Rename one of the two, or check them one at a time"
        )
    return composed


def _rules_that_differ(protocols: Sequence[LoadedProtocol]) -> Iterator[str]:
    """Yield the rules of one id that do not say the same; where a source is found is no matter of what is said."""
    before: dict[str, tuple[str, Rule]] = {}
    for loaded in protocols:
        for rule in loaded.file.rules:
            other, first = before.setdefault(rule.id, (loaded.file.id, rule))
            here, there = (r.model_dump(exclude={"source", "title"}) for r in (rule, first))
            if here != there:
                differing = ", ".join(sorted(name for name in here if here[name] != there[name]))
                yield f"rule {rule.id!r} stands in {other} and in {loaded.file.id}, and they differ in {differing}"


def _structures_that_differ(protocols: Sequence[LoadedProtocol]) -> Iterator[str]:
    before: dict[str, tuple[str, str]] = {}
    for loaded in protocols:
        for name, structure in loaded.file.structures.items():
            made = str(parse_expression(structure.derived)) if structure.derived else "drawn"
            other, first = before.setdefault(name, (loaded.file.id, made))
            if first != made:
                yield f"structure {name!r} is {first} in {other} and {made} in {loaded.file.id}"


def protocol_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of protocol files, for completion in an editor."""
    return ProtocolFile.model_json_schema(by_alias=True)


def protocol_content(name: str | Path) -> bytes:
    """Return the bytes of a protocol of the library, or of a file; raises UnknownProtocol."""
    if str(name) in library():
        return (files("sbrtcheck.protocol") / "library" / f"{name}.toml").read_bytes()
    path = Path(name)
    try:
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise UnknownProtocol("the protocol file cannot be read", remedy="Look at its permissions") from error
    close = difflib.get_close_matches(str(name), library(), n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise UnknownProtocol(
        "no protocol of that name is in the library, and no file stands at that path",
        remedy=f"{hint}The library holds {', '.join(library())}",
    )


def _validated(data: dict[str, Any]) -> ProtocolFile:
    try:
        return ProtocolFile.model_validate(data)
    except ValidationError as error:
        # The model looks at the links only once all parts are valid; here both are wanted at once.
        parts = any(problem["loc"] for problem in error.errors())
        problems = [*(problems_of(error) if parts else ()), *link_problems(data)]
        raise ProtocolError(joined("the protocol file", problems), remedy="Mend every place named") from error
