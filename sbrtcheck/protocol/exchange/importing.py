"""A file of another program as a protocol of this one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import assert_never

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange.assembling import assembled
from sbrtcheck.protocol.exchange.base import Imported, Kind, LeftOut
from sbrtcheck.protocol.exchange.clearplan import read_clearplan
from sbrtcheck.protocol.exchange.eclipse import read_eclipse
from sbrtcheck.protocol.exchange.proknow import read_proknow
from sbrtcheck.protocol.exchange.text import decoded, refuse_large


def import_protocol(path: Path) -> Imported:
    """Read a ProKnow scorecard (JSON), a ClearPlan template (CSV) or an Eclipse clinical protocol (XML).

    The format is told from the content, not from the name.

    Raises
    ------
    ProtocolError
        As ``imported``, or if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProtocolError("the file to import cannot be read", remedy="Look at its place and permissions") from error
    return imported(content)


def imported(content: bytes, kind: Kind | None = None) -> Imported:
    """Return a file of another program as the content of a protocol file, and all that could not be carried over.

    A limit is carried over if its structure, metric, units, operator and number are sure. What can be read in two ways
    is never guessed: it is left out with both readings. The rules name the file itself as their source (by its SHA-256,
    level ``secondary``) with confidence ``derived``: the file was seen, its limits were compared with no publication.

    Parameters
    ----------
    content : bytes
        The file as it is on disk.
    kind : str, optional
        Its format; None to tell it from the content.

    Raises
    ------
    ProtocolError
        If it is not of that format, damaged, larger than any template, or not one rule can be carried over.
    """
    refuse_large(content)
    kind = kind or _kind(content)
    sha256 = hashlib.sha256(content).hexdigest()
    match kind:
        case "eclipse-xml":
            return assembled(read_eclipse(content), kind, sha256)
        case "proknow":
            return assembled(read_proknow(decoded(content)[0]), kind, sha256)
        case "clearplan":
            text, encoding = decoded(content)
            reading = read_clearplan(text)
            if encoding == "cp1252":
                why = "the file is not UTF-8 and was read as Windows-1252; look at names with accents"
                reading.found.insert(0, LeftOut("file", "encoding", why, "detail"))
            return assembled(reading, kind, sha256)
        case _:
            assert_never(kind)


def protocol_toml(found: Imported) -> str:
    """Return the text of a protocol file: what was left out as comments first, then the rules."""
    import tomli_w  # start-up time counts

    kept, lost = len(found.data["rules"]), sum(item.part == "rule" for item in found.left_out)
    head = [f"Imported ({found.kind}): rules carried over: {kept}, not carried over: {lost}. Review each before use."]
    if found.left_out:
        head += ["", "Not carried over, or not as a whole:", *(f"- {item}" for item in found.left_out)]
    comments = "".join(f"# {line}".rstrip() + "\n" for line in head)
    return f"{comments}\n{tomli_w.dumps(found.data)}"


def _kind(content: bytes) -> Kind:
    start = decoded(content)[0].lstrip()[:1] if not content.lstrip().startswith(b"<") else "<"
    if start == "<":
        return "eclipse-xml"
    return "proknow" if start in {"{", "["} else "clearplan"
