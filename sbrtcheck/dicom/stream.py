"""The bytes of a DICOM data set, walked strictly: a file that is cut short, shifted or overwritten is refused.

The walk is complete before anything is used. Every declared length must fit the bytes that are there, tags must rise
within each data set (PS3.5 section 7.1), value representations must exist, and sequences must
close where they say. A lenient reader would return half of a truncated plan; this one says that it is damaged.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from pydicom.datadict import dictionary_VR

from sbrtcheck.dicom.node import Element, Node
from sbrtcheck.errors import UnreadableFile

MAX_BYTES: Final = (
    2**30
)  # of one file, and of one data set after inflating; a dose of 512 x 512 x 500 voxels is half of it
MAX_DEPTH: Final = 24  # of nested sequences; RT objects use five
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_PIXEL_DATA: Final = 0x7FE00010
_SHORT_VR: Final = {vr: vr.decode() for vr in b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()}
_LONG_VR: Final = {vr: vr.decode() for vr in b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()}

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
_COMPRESSED: Final = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")  # all encoded as explicit little endian, PS3.5 A.4


class NotDicom(Exception):
    """The bytes do not look like DICOM at all, so nothing can be called damaged."""


class Syntax(NamedTuple):
    """How elements are encoded."""

    implicit: bool
    little: bool


_SYNTAXES: Final = {
    IMPLICIT_LITTLE: Syntax(implicit=True, little=True),
    EXPLICIT_LITTLE: Syntax(implicit=False, little=True),
    DEFLATED: Syntax(implicit=False, little=True),
    EXPLICIT_BIG: Syntax(implicit=False, little=False),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """One data set, and how it was encoded.

    Attributes
    ----------
    transfer_syntax : str
        UID in force; found by trial where ``guessed``.
    guessed : str
        "" where the file states its encoding rightly, else what it lacks or misstates.
    """

    root: Node
    transfer_syntax: str
    little: bool
    guessed: str


def parse(data: bytes) -> Parsed:
    """Walk a whole file.

    Parameters
    ----------
    data : bytes
        Content of the file, with or without preamble and file meta information.

    Raises
    ------
    NotDicom
        If nothing in the first bytes looks like DICOM.
    UnreadableFile
        If it looks like DICOM but its structure is damaged, or its transfer syntax is unknown.
    """
    view = memoryview(data)
    start = 132 if data[128:132] == b"DICM" else 0
    if start == 0 and data[:4] not in {b"\x02\x00\x00\x00", b"\x02\x00\x01\x00"}:
        return _guess(view, "no file meta information")
    meta, position = _walk_meta(view, start)
    uid = meta.uid("TransferSyntaxUID")
    if not uid:
        return _guess(view[position:], "no transfer syntax", certain=True)
    if uid == DEFLATED:
        root = _walk(_inflate(view[position:]), _SYNTAXES[uid])
        return Parsed(root, uid, little=True, guessed="")
    syntax = _SYNTAXES.get(uid) or (_SYNTAXES[EXPLICIT_LITTLE] if uid.startswith(_COMPRESSED) else None)
    if syntax is None:
        raise UnreadableFile(f"transfer syntax {uid} is not known", remedy="Export as explicit VR little endian")
    try:
        return Parsed(_walk(view[position:], syntax), uid, syntax.little, guessed="")
    except UnreadableFile as damage:
        try:
            return _guess(view[position:], "a transfer syntax that it does not use", certain=True)
        except UnreadableFile:
            raise damage from None


def stated_uids(data: bytes) -> tuple[str, str]:
    """Return SOP class and instance UID that the meta information of a damaged file states, "" where it does not."""
    if data[128:132] != b"DICM":
        return "", ""
    try:
        meta, _ = _walk_meta(memoryview(data), 132)
        return meta.uid("MediaStorageSOPClassUID"), meta.uid("MediaStorageSOPInstanceUID")
    except UnreadableFile:
        return "", ""


def _guess(view: memoryview, lacking: str, *, certain: bool = False) -> Parsed:
    likely = [uid for uid in (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG) if _plausible(view, _SYNTAXES[uid])]
    if not likely and not certain:
        raise NotDicom
    damage = UnreadableFile("no transfer syntax fits the data", remedy="Export the object again")
    for uid in likely:
        try:
            return Parsed(_walk(view, _SYNTAXES[uid]), uid, _SYNTAXES[uid].little, guessed=lacking)
        except UnreadableFile as problem:
            damage = problem
    raise damage


def _plausible(view: memoryview, syntax: Syntax) -> bool:
    # Every composite object starts in group 0008, and its first value is short (a character set, a date, a UID).
    if len(view) < 8 or bytes(view[:2]) != (b"\x08\x00" if syntax.little else b"\x00\x08"):
        return False
    if syntax.implicit:
        return int.from_bytes(view[4:8], "little") <= min(len(view), 0xFFFF)
    return bytes(view[4:6]) in _SHORT_VR | _LONG_VR


def _inflate(view: memoryview) -> memoryview:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(view, MAX_BYTES)
    except zlib.error:
        raise UnreadableFile("deflated data set is damaged", remedy="Export the object again") from None
    if not inflater.eof:
        raise UnreadableFile("deflated data set is cut short or larger than 1 GiB", remedy="Export the object again")
    return memoryview(data)


def _walk_meta(view: memoryview, start: int) -> tuple[Node, int]:
    walker = _Walker(view, _SYNTAXES[EXPLICIT_LITTLE])
    elements, position = walker.dataset(start, len(view), depth=0, only_group=2)
    return Node(elements, little=True), position


def _walk(view: memoryview, syntax: Syntax) -> Node:
    walker = _Walker(view, syntax)
    elements, _ = walker.dataset(0, len(view), depth=0)
    return Node(elements, little=syntax.little)


@cache
def _dictionary_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"


def _damaged(what: str, tag: int) -> UnreadableFile:
    return UnreadableFile(
        f"damaged or cut short: {what} at element ({tag >> 16:04X},{tag & 0xFFFF:04X})",
        remedy="Export or copy the object again",
    )


class _Walker:
    """One pass over a buffer; positions are offsets into it."""

    def __init__(self, view: memoryview, syntax: Syntax) -> None:
        self.view = view
        self.implicit = syntax.implicit
        self.little = syntax.little
        mark = "<" if syntax.little else ">"
        self.tag_and_long = struct.Struct(mark + "HHI").unpack_from
        self.tag_and_short = struct.Struct(mark + "HH2sH").unpack_from
        self.long = struct.Struct(mark + "I").unpack_from

    def dataset(
        self, position: int, end: int, depth: int, *, open_ended: bool = False, only_group: int = 0
    ) -> tuple[dict[int, Element], int]:
        """Read elements up to ``end``, or to an item delimiter, or while they are of ``only_group``."""
        elements: dict[int, Element] = {}
        previous = -1
        while position < end:
            if only_group and int.from_bytes(self.view[position : position + 2], "little") != only_group:
                return elements, position  # what follows may be encoded otherwise
            tag, vr, length, value_at = self.header(position, end)
            if open_ended and tag == _ITEM_END:
                return elements, value_at
            if tag <= previous or tag >> 16 == 0xFFFE:
                raise _damaged("elements out of order", tag)
            previous = tag
            stop = value_at + length
            if vr != "SQ" and length != _UNDEFINED and stop <= end:  # nearly all elements
                elements[tag], position = Element(vr, self.view[value_at:stop], None), stop
            else:
                elements[tag], position = self.element(tag, vr, length, value_at, end, depth)
        if open_ended:
            raise _damaged("an item does not end", max(previous, 0))
        return elements, position

    def header(self, position: int, end: int) -> tuple[int, str, int, int]:
        """Return tag, VR, length and where the value starts."""
        if position + 8 > end:
            raise _damaged("bytes left over that are no element", 0)
        if self.implicit:
            group, element, length = self.tag_and_long(self.view, position)
            tag = group << 16 | element
            return tag, "" if group == 0xFFFE else _dictionary_vr(tag), length, position + 8
        group, element, code, length = self.tag_and_short(self.view, position)
        tag = group << 16 | element
        vr = _SHORT_VR.get(code)
        if vr is not None and group != 0xFFFE:
            return tag, vr, length, position + 8
        if group == 0xFFFE:
            return tag, "", self.long(self.view, position + 4)[0], position + 8
        vr = _LONG_VR.get(code)
        if vr is None or position + 12 > end:
            raise _damaged("no such value representation", tag)
        (length,) = self.long(self.view, position + 8)
        return tag, _dictionary_vr(tag) if vr == "UN" else vr, length, position + 12

    def element(self, tag: int, vr: str, length: int, value_at: int, end: int, depth: int) -> tuple[Element, int]:
        """Return a sequence or pixel data whose value starts at ``value_at``, and where the next element starts."""
        undefined = length == _UNDEFINED
        if not undefined and value_at + length > end:
            raise _damaged(f"{length} bytes are declared and {end - value_at} are left", tag)
        if undefined and tag == _PIXEL_DATA:
            stop = self.fragments(value_at, end)
            return Element(vr, self.view[value_at:stop], None), stop
        walker = self
        if vr != "SQ" or self.unknown_at(value_at, tag):
            # A sequence stored as UN is encoded as implicit little endian, PS3.5 section 6.2.2 note.
            walker = _Walker(self.view, _SYNTAXES[IMPLICIT_LITTLE]) if not self.implicit else self
        stop = end if undefined else value_at + length
        items, position = walker.sequence(value_at, stop, depth, tag, open_ended=undefined)
        return Element("SQ", self.view[value_at:position], items), position

    def unknown_at(self, value_at: int, tag: int) -> bool:
        """Whether the element whose value starts at ``value_at`` was written with VR UN."""
        return not self.implicit and bytes(self.view[value_at - 8 : value_at - 6]) == b"UN"

    def sequence(
        self, position: int, end: int, depth: int, tag: int, *, open_ended: bool
    ) -> tuple[tuple[Node, ...], int]:
        """Read items up to ``end``, or to a sequence delimiter if ``open_ended``."""
        if depth >= MAX_DEPTH:
            raise _damaged("sequences nested too deeply", tag)
        items: list[Node] = []
        while position < end:
            if position + 8 > end:
                raise _damaged("bytes left over that are no item", tag)
            group, element, length = self.tag_and_long(self.view, position)
            mark = group << 16 | element
            if open_ended and mark == _SEQUENCE_END:
                return tuple(items), position + 8
            if mark != _ITEM:
                raise _damaged("something else where an item should start", tag)
            position += 8
            stop = end if length == _UNDEFINED else position + length
            if stop > end:
                raise _damaged("an item is longer than its sequence", tag)
            elements, position = self.dataset(position, stop, depth + 1, open_ended=length == _UNDEFINED)
            items.append(Node(elements, little=self.little))
        if open_ended:
            raise _damaged("a sequence does not end", tag)
        return tuple(items), position

    def fragments(self, position: int, end: int) -> int:
        """Return where encapsulated pixel data end."""
        while position + 8 <= end:
            group, element, length = self.tag_and_long(self.view, position)
            mark = group << 16 | element
            position += 8
            if mark == _SEQUENCE_END:
                return position
            if mark != _ITEM or position + length > end:
                break
            position += length
        raise _damaged("compressed pixel data do not end", _PIXEL_DATA)
