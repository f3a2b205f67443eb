"""Declared facts of many plans: a CSV with one row a plan."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Final

from sbrtcheck.errors import DeclaredFileError
from sbrtcheck.protocol.declared import DECLARED_SCHEMA, known_keys
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.protocol.problems import joined

_REMEDY: Final = "One row a plan: submission (its name in the batch) or plan_uid, then a column a fact"
_WHO: Final = ("submission", "plan_uid")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE: Final = re.compile(r"[+-]?\d+")
_NUMBER: Final = re.compile(r"[+-]?\d+\.\d+")
_LISTS: Final = ("measurable_soft_tissue", "organs_not_at_risk")


def read_declared_csv(content: bytes, protocols: Sequence[LoadedProtocol]) -> dict[str, str]:
    """Return the content of a file of declared facts (TOML) for each plan, by submission or plan UID.

    An empty cell declares nothing. ``true`` and ``false``, numbers and dates YYYY-MM-DD are read as such, lists are
    parted by ``;``.

    Raises
    ------
    DeclaredFileError
        If the table cannot be read; lists every problem with its line.
    """
    import tomli_w

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DeclaredFileError("the table of declared facts is not UTF-8 text", remedy=_REMEDY) from None
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    known, problems, found = known_keys(protocols), list[str](), dict[str, str]()
    try:
        columns = [c.strip() for c in rows.fieldnames or ()]
        if not set(columns) & set(_WHO):
            problems.append("line 1: there is no column submission or plan_uid")
        problems += [f"line 1: no protocol asks for {c!r}" for c in columns if c not in known and c not in _WHO]
        for row in rows:
            cells = {str(k).strip(): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
            if None in row:
                problems.append(f"line {rows.line_num}: more cells than columns")
            who = next((cells[key] for key in _WHO if cells.get(key)), "")
            if not who:
                problems.append(f"line {rows.line_num}: it does not say whose facts these are")
            elif who in found:
                problems.append(f"line {rows.line_num}: a second row of the same plan")
            facts = {key: _value(key, cell) for key, cell in cells.items() if cell and key not in _WHO}
            found[who] = tomli_w.dumps({"schema": DECLARED_SCHEMA, "facts": facts})
    except csv.Error as error:
        problems.append(f"line {rows.line_num}: {error}")
    if problems:
        raise DeclaredFileError(joined("the table of declared facts", problems), remedy=_REMEDY)
    return found


def _value(key: str, cell: str) -> Any:
    if key in _LISTS:
        return [part.strip() for part in cell.split(";") if part.strip()]
    if cell.lower() in {"true", "false"}:
        return cell.lower() == "true"
    if _WHOLE.fullmatch(cell) or _NUMBER.fullmatch(cell):
        return float(cell) if "." in cell else int(cell)
    with suppress(ValueError):  # what is no date stays a text, which is not evaluated where a date is asked for
        return date.fromisoformat(cell) if _DATE.fullmatch(cell) else cell
    return cell
