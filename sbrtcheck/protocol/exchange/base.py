"""What an import or an export gives back: the content, and everything that found no place in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["proknow", "clearplan", "eclipse-xml"]

# Choices of this program: a longer remark is a manual; a longer reason is no sentence.
LONGEST_TEXT = 400
LONGEST_REASON = 1200
LONGEST_NAME = 100  # of a structure, an expression or a limit


def one_line(text: object, longest: int = LONGEST_TEXT) -> str:
    r"""Return text of the source on one line of printable characters, shortened if it is long.

    Examples
    --------
    >>> one_line(" max. dose\n to the\tcord ")
    'max. dose to the cord'
    """
    printable = "".join(c if c.isprintable() else " " for c in str(text)[: 2 * longest])
    line = " ".join(printable.split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing of the source that the other format does not hold, or that could not be read without guessing.

    Attributes
    ----------
    where : str
        Place in the source: ``row 4``, ``computed[2]``, ``phase 1, MeasureItem 3``, ``rule heart-max``.
    what : str
        The thing itself, as the source spells it.
    why : str
        Why it was not carried over, and what would be right; of text that can be read in two ways, both readings.
    part : str
        ``rule`` if a whole rule is missing on the other side, ``detail`` if the rule is there without this.
    """

    where: str
    what: str
    why: str
    part: Literal["rule", "detail"] = "rule"

    def __str__(self) -> str:
        lost = "not carried over" if self.part == "rule" else "carried over without this"
        return one_line(f"{self.where}: {self.what}: {lost}: {self.why}", LONGEST_REASON)


@dataclass(frozen=True, slots=True)
class Imported:
    """A file of another program as a protocol of this one.

    Attributes
    ----------
    data : Mapping
        Content of a protocol file of schema ``sbrtcheck-protocol/1``.
    left_out : tuple of LeftOut
        All that is missing in ``data``, in the order of the source.
    kind : str
        The format that was read.
    """

    data: Mapping[str, Any]
    left_out: tuple[LeftOut, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Exported:
    """A protocol as the text of a file for another program, and all that is missing in it."""

    text: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """One limit as a reader found it, before its structure has a TG-263 name.

    Attributes
    ----------
    names : tuple of str
        What the source calls the structure: its main name, then the other names it goes by.
    metric : str
        Expression of this program.
    note : str
        What else the source says of the limit: priority, its own source, remarks.
    codes : tuple of (scheme, value)
        Codes that the source gives to the structure.
    """

    where: str
    names: tuple[str, ...]
    metric: str
    op: str
    per_protocol: float
    variation: float | None = None
    note: str = ""
    codes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Reading:
    """What a reader found in a file, in the order of the file; filled while it reads."""

    title: str = ""
    found: list[Draft | LeftOut] = field(default_factory=list)


class CannotCarry(Exception):
    """One rule cannot be carried over; the message says why. Caught where the place in the source is known."""
