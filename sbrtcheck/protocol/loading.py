"""Finding and reading protocol files; every problem of a file is reported at once."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sbrtcheck.errors import ProtocolError, UnknownProtocol
from sbrtcheck.protocol.problems import joined, problems_of
from sbrtcheck.protocol.schema import ProtocolFile, link_problems


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
    content = _content(name)
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProtocolError(f"the protocol file is not valid TOML: {error}", remedy="Mend the place named") from error
    return LoadedProtocol(_validated(data), hashlib.sha256(content).hexdigest())


def protocol_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of protocol files, for completion in an editor."""
    return ProtocolFile.model_json_schema(by_alias=True)


def _content(name: str | Path) -> bytes:
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
