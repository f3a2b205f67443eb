"""One data set or sequence item: raw values by keyword, converted on request and never leniently."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import tag_for_keyword

from sbrtcheck.errors import UnreadableFile
from sbrtcheck.model import FloatArray

_NUMBER: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # Python alone would take nan, inf and 1_000
_INTEGER: Final = re.compile(rb"[+-]?\d+")
_LONGEST_INTEGER: Final = 12  # characters, PS3.5 table 6.2-1, IS
_BEYOND: Final = 1e15  # no quantity of a plan is so large, and squares of it do not overflow
_UID: Final = re.compile(r"[0-9.]{1,64}")
_BINARY: Final = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_PADDING: Final = b" \x00"
_CHARACTER_SET: Final = 0x00080005
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # control characters could drive a terminal
_DELIMITERS: Final = set(b"\r\n\t\f\\")  # after each of them, PS3.5 6.1.2.5.3 starts anew with the first set


class Element(NamedTuple):
    """One element: its VR, its bytes, and its items where it is a sequence."""

    vr: str
    raw: memoryview
    items: tuple[Node, ...] | None


@cache
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


class Node:
    """A data set, read by keyword. An absent or empty element is "" or None; a malformed one is an error."""

    __slots__ = ("_elements", "_little", "_parent_sets")

    def __init__(self, elements: Mapping[int, Element], *, little: bool) -> None:
        self._elements = elements
        self._little = little
        self._parent_sets: tuple[str, ...] | None = None

    def __contains__(self, keyword: str) -> bool:
        return _tag(keyword) in self._elements

    def raw(self, keyword: str) -> memoryview | None:
        """Return the bytes of a value as they stand, None where the element is absent."""
        element = self._elements.get(_tag(keyword))
        return None if element is None else element.raw

    def items(self, keyword: str) -> tuple[Node, ...]:
        """Return the items of a sequence, () where it is absent.

        Raises
        ------
        UnreadableFile
            If the element is not a sequence.
        """
        element = self._elements.get(_tag(keyword))
        if element is None:
            return ()
        if element.items is None:
            if not len(element.raw):
                return ()
            raise UnreadableFile(f"{keyword} is not a sequence")
        sets = self._character_sets()
        for item in element.items:
            item._parent_sets = sets
        return element.items

    def item(self, keyword: str) -> Node:
        """Return the first item of a sequence, an empty node where there is none."""
        items = self.items(keyword)
        return items[0] if items else Node({}, little=self._little)

    def text(self, keyword: str) -> str:
        """Return a text value without padding, "" where it is absent; undecodable bytes are replaced."""
        return self.decoded(keyword)[0]

    def decoded(self, keyword: str) -> tuple[str, bool]:
        """Return a text value, and whether its characters are certain.

        They are not where bytes beyond ASCII come without a Specific Character Set, or do not fit it.
        """
        element = self._elements.get(_tag(keyword))
        if element is None or element.items is not None:
            return "", True
        raw = bytes(element.raw).strip(_PADDING)
        if raw.isascii() and b"\x1b" not in raw:
            return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", raw.decode("ascii")), True
        text, certain = _decode(raw, self._character_sets())
        return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text).strip(), certain

    def code(self, keyword: str) -> str:
        """Return a code string in upper case."""
        return self.text(keyword).upper()

    def uid(self, keyword: str) -> str:
        """Return a UID, "" where it is absent.

        Raises
        ------
        UnreadableFile
            If it holds anything but digits and dots, at most 64 of them.
        """
        text = self.text(keyword)
        if text and not _UID.fullmatch(text):
            raise UnreadableFile(f"{keyword} is not a UID")
        return text

    def number(self, keyword: str) -> float | None:
        """Return a single number, None where it is absent or empty."""
        values = self.numbers(keyword)
        if values is None:
            return None
        if len(values) != 1:
            raise UnreadableFile(f"{keyword} holds {len(values)} values instead of one")
        return float(values[0])

    def integer(self, keyword: str) -> int | None:
        """Return a single whole number, None where it is absent or empty."""
        element = self._elements.get(_tag(keyword))
        if element is not None and element.vr == "IS":
            raw = bytes(element.raw).strip(_PADDING)
            if raw and (len(raw) > _LONGEST_INTEGER or not _INTEGER.fullmatch(raw)):
                raise UnreadableFile(f"{keyword} is not a whole number")
            return int(raw) if raw else None
        value = self.number(keyword)
        if value is not None and not value.is_integer():
            raise UnreadableFile(f"{keyword} is not a whole number")
        return None if value is None else int(value)

    def numbers(self, keyword: str) -> FloatArray | None:
        """Return all numbers of an element as ``(N,)``, None where it is absent or empty.

        Raises
        ------
        UnreadableFile
            If anything in it is not a finite number.
        """
        element = self._elements.get(_tag(keyword))
        if element is None or element.items is not None or not len(element.raw):
            return None
        if element.vr in _BINARY:
            values = self._unpacked(keyword, element)
        elif not bytes(element.raw[:64]).strip(_PADDING):
            return None
        else:
            words = [word.strip(_PADDING) for word in bytes(element.raw).split(b"\\")]
            if not all(_NUMBER.fullmatch(word) for word in words):
                raise UnreadableFile(f"{keyword} is not a number")
            values = np.array([float(word) for word in words])
        if not (np.abs(values) < _BEYOND).all():  # nan compares false
            raise UnreadableFile(f"{keyword} is not a finite number of any sensible size")
        return values

    def _unpacked(self, keyword: str, element: Element) -> FloatArray:
        form = _BINARY[element.vr]
        count, rest = divmod(len(element.raw), struct.calcsize("=" + form))
        if rest:
            raise UnreadableFile(f"{keyword} has the wrong length")
        mark = "<" if self._little else ">"
        return np.array(struct.unpack(f"{mark}{count}{form}", element.raw), dtype=np.float64)

    def _character_sets(self) -> tuple[str, ...]:
        element = self._elements.get(_CHARACTER_SET)
        if element is not None and len(element.raw):
            return tuple(name.strip() for name in bytes(element.raw).decode("ascii", "replace").split("\\"))
        return self._parent_sets or ()


def _decode(raw: bytes, sets: tuple[str, ...]) -> tuple[str, bool]:
    with warnings.catch_warnings():
        # pydicom warns where a set is unknown or misspelt; the caller learns it from the second value.
        warnings.simplefilter("error")
        if sets:
            try:
                return decode_bytes(raw, convert_encodings(list(sets)), _DELIMITERS), True
            except (Warning, LookupError, ValueError):
                pass
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("latin-1"), False
