"""ClearPlan constraint templates: CSV, one limit a row. Our own CSV export has the same columns.

The format: a header, then one row a limit, with ``TemplateId`` (the structure), ``TemplateCodes``, ``TemplateAliases``
and ``TemplateTypes`` (each ``|``-separated), ``DVHObjective`` (``D95%[%]``, ``D0.035cc[Gy]``, ``Mean[Gy]``), ``Goal``
and ``Variation`` (``<=25``), ``Priority``, ``Source`` and ``Notes``. Relatives name the columns otherwise (``Structure
ID``, ``DVH Objective``, ``Evaluator``, ``VariationAcceptable``) and write the variation without an operator: both are
read. ``CV`` is what remains of the structure below the dose, as here.

References
----------
.. [1] Kiragroh/ClearPlan-OpenSource, ClearPlan.Script/Distribution/ConstraintTemplates/Starter_Hypofractionated.csv:
   columns.
.. [2] The same, ClearPlan.Script/Calculators/PQMSummaryCalculator.cs and PQMCoveredVolumeAtDose.cs: metrics, CV.
.. [3] The same, ClearPlan.Core/Constraints/ConstraintValueNormalizer.cs: spellings of units, operators and numbers.
.. [4] DVHEvaluator (an Eclipse script), DataModel.cs: the columns of the older tables, variation without an operator.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange.base import LONGEST_NAME, CannotCarry, Draft, LeftOut, Reading, one_line
from sbrtcheck.protocol.exchange.expressions import expression, limit, unit_of
from sbrtcheck.protocol.exchange.text import plain
from sbrtcheck.results import Limit

COLUMNS = (
    "TemplateId",
    "TemplateCodes",
    "TemplateAliases",
    "TemplateTypes",
    "DVHObjective",
    "Goal",
    "Variation",
    "Priority",
    "Source",
    "Notes",
)
# What a column is called, letters only; the first name that the header has is the column.
_CALLED = {
    "structure": ("structureids", "structureid", "structurename", "templateid"),
    "aliases": ("idaliases", "templatealiases", "aliases"),
    "objective": ("dvhobjective", "dvhobjectives"),
    "goal": ("goal", "evaluator", "evaluationpoint"),
    "variation": ("variation", "variationacceptable"),
    "priority": ("priority",),
    "source": ("source",),
    "notes": ("notes", "comment", "zusatzinfo"),
}
_NEEDED = {"structure": "TemplateId", "objective": "DVHObjective", "goal": "Goal"}
_SEPARATORS = (",", ";", "\t")
# What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTED_FORMULA = re.compile(r"'(?=[=+\-@\t\r])")


def read_clearplan(text: str) -> Reading:
    """Return what a constraint table holds.

    Raises
    ------
    ProtocolError
        If it is no table, or a column that every limit needs is missing.
    """
    rows = _rows(text)
    if not rows:
        raise ProtocolError("the file to import is empty")
    (_, header), *lines = rows
    columns = _columns(header)
    reading = Reading()
    for place, heading in enumerate(header):
        if place not in columns.values() and any(_cell(cells, place) for _, cells in lines):
            why = "this column is not read; structures are found by their names"
            reading.found.append(LeftOut("header", one_line(heading) or f"column {place + 1}", why, "detail"))
    for number, cells in lines:
        where = f"row {number}"
        found = {what: _cell(cells, place) for what, place in columns.items()}
        label = one_line(" ".join(found.get(what, "") for what in ("structure", "objective", "goal"))) or "(nothing)"
        try:
            _refuse_longer(cells, header)
            reading.found.append(_draft(where, found))
        except CannotCarry as reason:
            reading.found.append(LeftOut(where, label, str(reason)))
    return reading


def clearplan_row(name: str, metric: str, bound: Limit, source: str, notes: str) -> str:
    r"""Return one line of the table.

    Cells that a spreadsheet would run as a formula are written with an apostrophe before them.

    Examples
    --------
    >>> clearplan_row("Heart", "Max[Gy]", Limit(op="<=", per_protocol=30.0, unit="Gy"), "TG-101", "=1+1")
    "Heart,,,,Max[Gy],<=30,,,TG-101,'=1+1\r\n"
    """
    variation = "" if bound.variation is None else f"{bound.op}{plain(bound.variation)}"
    cells = (name, "", "", "", metric, f"{bound.op}{plain(bound.per_protocol)}", variation, "", source, notes)
    return csv_line([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])


def csv_line(cells: Sequence[str]) -> str:
    """Return cells as one line of CSV (RFC 4180)."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, each with the number of its line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    # Strict: an open quotation mark would swallow the rows behind it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise ProtocolError(
            f"the table to import cannot be read: {error}",
            remedy="Look for a quotation mark that is not closed",
            where=f"line {reader.line_num}",
        ) from error
    return rows


def _columns(header: Sequence[str]) -> dict[str, int]:
    names = [re.sub(r"[^a-z]", "", heading.casefold()) for heading in header]
    columns = {}
    for what, called in _CALLED.items():
        known = next((name for name in called if name in names), None)
        if known is not None:
            columns[what] = names.index(known)
            if names.count(known) > 1:
                raise ProtocolError(f"the table has two columns {header[columns[what]]!r}", remedy="Remove one")
    missing = [heading for what, heading in _NEEDED.items() if what not in columns]
    if missing:
        raise ProtocolError(
            f"the table is no ClearPlan template: no column {', '.join(missing)}",
            remedy=f"Its first row should be {','.join(COLUMNS)}",
        )
    return columns


def _cell(cells: Sequence[str], place: int) -> str:
    return _QUOTED_FORMULA.sub("", cells[place].strip(), count=1) if place < len(cells) else ""


def _refuse_longer(cells: Sequence[str], header: Sequence[str]) -> None:
    if any(cell.strip() for cell in cells[len(header) :]):
        raise CannotCarry(f"it has {len(cells)} cells under {len(header)} headings; is a comma in it not quoted?")


def _draft(where: str, found: Mapping[str, str]) -> Draft:
    if not found["objective"]:
        raise CannotCarry("it has no objective")
    if any(len(found.get(what, "")) > LONGEST_NAME for what in ("objective", "goal", "variation")):
        raise CannotCarry(f"no objective and no limit has more than {LONGEST_NAME} characters")
    metric, divisor = expression(found["objective"])
    unit = unit_of(found["objective"])
    op, goal = limit(found["goal"], unit)
    variation = found.get("variation", "")
    wider = limit(variation, unit, op)[1] / divisor if variation else None
    names = (*found["structure"].split("|"), *re.split(r"[|;]", found.get("aliases", "")))
    said = {
        "priority in the file": found.get("priority"),
        "source named in the file": found.get("source"),
        "remark in the file": found.get("notes"),
    }
    note = "; ".join(f"{what}: {text}" for what, text in said.items() if text)
    return Draft(
        where, tuple(n.strip() for n in names if n.strip()), metric, op, float(goal / divisor),
        None if wider is None else float(wider), note,
    )  # fmt: skip
