"""Bytes to text, text to numbers: without guessing, and without letting anything odd through."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from typing import Any

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange.base import CannotCarry, one_line

# A choice of this program: templates hold some kilobytes; what is larger is no template, or an attack.
LARGEST_FILE_BYTES = 5_000_000
# A choice of this program: no dose (Gy), volume (cm3) or percentage of a plan comes near.
LARGEST_NUMBER = Decimal(1_000_000)
SMALLEST_NUMBER = Decimal("0.000001")

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_THOUSANDS_OR_DECIMALS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def refuse_large(content: bytes) -> None:
    """Refuse more bytes than any template holds; raises ProtocolError."""
    if len(content) > LARGEST_FILE_BYTES:
        raise ProtocolError(
            f"the file to import holds {len(content)} bytes; more than {LARGEST_FILE_BYTES} are no template",
            remedy="Look whether this is the right file",
        )


def decoded(content: bytes) -> tuple[str, str]:
    """Return the text of a file, and the encoding it was read in.

    A mark at the beginning (UTF-8, UTF-16) decides; then UTF-8; what is not valid in that is read as Windows-1252, as
    spreadsheets of western Europe and America save it.

    Raises
    ------
    ProtocolError
        If it is text in none of these.
    """
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise ProtocolError("the file to import is not text in a known encoding", remedy="Save it as UTF-8")


def decimal(text: str) -> Decimal:
    """Return a number written with a point or a comma.

    Raises
    ------
    CannotCarry
        If it is no number, or can be read in two ways: ``1,500``.

    Examples
    --------
    >>> decimal("0,035"), decimal("12.5"), decimal("25,5")
    (Decimal('0.035'), Decimal('12.5'), Decimal('25.5'))
    """
    text = text.strip()
    if _THOUSANDS_OR_DECIMALS.fullmatch(text):
        raise CannotCarry(
            f"{text!r} can be read as {text.replace(',', '')} or as {text.replace(',', '.')}; write it without a comma"
        )
    if not text.isascii() or not _NUMBER.fullmatch(text):
        raise CannotCarry(f"{one_line(text)!r} is no number")
    return within_bounds(Decimal(text.replace(",", ".")))


def decimals(text: str) -> str:
    """Return an expression with its decimal commas as points; raises CannotCarry as ``decimal`` does.

    Examples
    --------
    >>> decimals("D0,035cc[Gy]")
    'D0.035cc[Gy]'
    """
    return re.sub(r"\d+,\d+", lambda found: plain(decimal(found.group())), text)


def json_number(value: Any, name: str) -> Decimal:
    """Return a number of a JSON file; raises CannotCarry for anything else."""
    if not isinstance(value, Decimal):
        raise CannotCarry(f"{name} is {one_line(json.dumps(value, default=str))}, not a number")
    return within_bounds(value)


def within_bounds(value: Decimal) -> Decimal:
    """Return the number as a float holds it; raises CannotCarry if nothing in a plan is of that size."""
    if not value.is_finite() or abs(value) > LARGEST_NUMBER or (value and abs(value) < SMALLEST_NUMBER):
        raise CannotCarry(f"{one_line(value)} is not the size of a dose, a volume or a percentage")
    return Decimal(repr(float(value)))


def plain(value: Decimal | float) -> str:
    """Return a number as metric expressions hold it: no exponent, no zeros at the end.

    Examples
    --------
    >>> plain(Decimal("12.50")), plain(1500.0), plain(Decimal("1E+2")), plain(0.035)
    ('12.5', '1500', '100', '0.035')
    """
    digits = format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
