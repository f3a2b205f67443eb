"""Names of the labels of a mask: the table that TotalSegmentator writes into a NIfTI file, or a file beside it.

TotalSegmentator adds a header extension (code 0) of XML: CaretExtension / VolumeInformation / LabelTable, with one
``<Label Key="1">name</Label>`` a class (nifti_ext_header.py).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable

from sbrtcheck.errors import UnusableMask

MAX_TABLE_BYTES = 2**20  # a choice of this program: the table of 117 classes has 12 kB
MAX_LABEL = 2**16 - 1
_NUMBER = re.compile(r"\d{1,5}")


def names_of_xml(content: bytes) -> dict[int, str] | None:
    """Return the names by label of a header extension, None where it is no label table.

    Raises
    ------
    UnusableMask
        If it is a label table and malformed.
    """
    from xml.etree import ElementTree as ET

    text = content.rstrip(b"\x00 \r\n\t")
    if b"LabelTable" not in text:
        return None
    if len(text) > MAX_TABLE_BYTES or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise UnusableMask("the label table in the header is too large or declares entities")
    try:
        root = ET.fromstring(text)  # noqa: S314  (bounded in size, and no entities are let in)
    except ET.ParseError:
        raise UnusableMask("the label table in the header is not XML") from None
    return _table((label.get("Key", ""), label.text or "") for label in root.iter("Label"))


def names_of_file(content: bytes, *, is_json: bool) -> dict[int, str]:
    """Return the names by label of a JSON object ``{"1": "spleen"}`` or of CSV rows ``1,spleen``.

    Raises
    ------
    UnusableMask
        If it is anything else.
    """
    if len(content) > MAX_TABLE_BYTES:
        raise UnusableMask("the label file is larger than 1 MiB")
    try:
        text = content.decode("utf-8-sig")
        rows = _json_rows(text) if is_json else [row for row in csv.reader(text.splitlines()) if row]
    except (UnicodeDecodeError, ValueError, csv.Error, RecursionError):
        raise UnusableMask("the label file is not UTF-8 text of JSON or CSV") from None
    if not is_json and rows and not _NUMBER.fullmatch(rows[0][0].strip()):
        rows = rows[1:]  # the names of the columns
    if not rows or any(len(row) != 2 for row in rows):
        raise UnusableMask(
            "the label file does not hold one number and one name a label",
            remedy='Write {"1": "spleen", ...} as JSON, or rows of number and name as CSV',
        )
    return _table((row[0], row[1]) for row in rows)


def _json_rows(text: str) -> list[list[str]]:
    def pairs(items: list[tuple[str, object]]) -> list[list[str]]:
        return [[key, value if isinstance(value, str) else ""] for key, value in items]

    found = json.loads(text, object_pairs_hook=pairs)  # a key that is there twice is kept twice
    return found if isinstance(found, list) and all(isinstance(row, list) for row in found) else []


def _table(pairs: Iterable[tuple[str, str]]) -> dict[int, str]:
    names: dict[int, str] = {}
    for key, text in pairs:
        number, name = key.strip(), text.strip()
        if not _NUMBER.fullmatch(number) or int(number) > MAX_LABEL or not name:
            raise UnusableMask("the label table has a row without a number up to 65535 or without a name")
        if names.setdefault(int(number), name) != name:
            raise UnusableMask(f"the label table names label {int(number)} twice")
    names.pop(0, None)  # the background
    if not names:
        raise UnusableMask("the label table is empty")
    if len(set(names.values())) != len(names):
        raise UnusableMask("the label table gives one name to two labels")
    return names
