"""Tables for other programs: CSV, Excel, Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from sbrtcheck.errors import OutputError, UsageError
from sbrtcheck.report.files import write_whole

Kind = Literal["csv", "xlsx", "parquet"]
# A spreadsheet runs a text that begins so as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_MOST_ROWS: Final = 1_048_576  # of one sheet of Excel
_BATCH: Final = 10_000


def write_table(path: Path, kind: Kind, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, whole or not at all.

    Raises
    ------
    UsageError
        If the format needs an extra that is not installed.
    OutputError
        If it cannot be written, or is too long for the format.
    """
    writer = {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}[kind]
    write_whole(path, writer(columns, iter(rows)))


def harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers.

    Examples
    --------
    >>> harmless("=1+1"), harmless(-1.5)
    ("'=1+1", -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _csv(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    # With the mark, Excel reads it as UTF-8; every reader of CSV knows it.
    return text.getvalue().encode("utf-8-sig")


def _xlsx(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> bytes:
    try:
        from openpyxl import Workbook
    except ImportError:
        raise _extra("Excel") from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet("sbrtcheck")
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for number, row in enumerate(rows, start=2):
        if number > _MOST_ROWS:
            raise OutputError("the table has more rows than an Excel sheet can hold", remedy="Export csv or parquet")
        sheet.append([_printable(harmless(cell)) for cell in row])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        return file.read()


def _printable(cell: Any) -> Any:
    # Excel refuses control characters.
    return "".join(c if c.isprintable() else " " for c in cell) if isinstance(cell, str) else cell


def _parquet(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> bytes:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise _extra("Parquet") from None
    numbers = {"value", "low", "high", "limit_value", "margin"}
    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in columns])
    sink = pa.BufferOutputStream()
    with parquet.ParquetWriter(sink, schema) as writer:
        while chunk := list(islice(rows, _BATCH)):
            arrays = [
                pa.array(column, field.type) for column, field in zip(zip(*chunk, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())


def _extra(what: str) -> UsageError:
    return UsageError(f"{what} needs the extra tables", remedy='pip install "sbrtcheck[tables]", or export csv')
