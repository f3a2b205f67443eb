"""A protocol of this program as a file for another one."""

from __future__ import annotations

import json
from typing import Any, Literal

from sbrtcheck.protocol.exchange.base import CannotCarry, Exported, LeftOut, one_line
from sbrtcheck.protocol.exchange.clearplan import COLUMNS, clearplan_row, csv_line
from sbrtcheck.protocol.exchange.proknow import proknow_metric
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.results import Limit

ExportKind = Literal["csv", "proknow"]
# What the outermost target of every lesion is called in the other program.
_TARGET = "PTV"
# Keys of a rule that a limit elsewhere holds, or that change nothing in what is judged. A key that is set and not among
# them (a condition, say) changes the meaning, and the rule is left out.
_HELD = frozenset({"id", "title", "check", "section", "required", "parameters", "limit", "source", "confidence"})
_TOLD = frozenset({"definition", "definition_is_choice"})
_PARAMETERS = frozenset({"metric", "structures", "of_targets"})


def export_protocol(file: ProtocolFile, kind: ExportKind) -> Exported:
    """Return a protocol as CSV or as a ProKnow scorecard, and all that could not be carried over.

    Parameters
    ----------
    file : ProtocolFile
    kind : str
        ``csv``: one row a structure and limit, with the columns of a ClearPlan template (``COLUMNS``); every expression
        of this program. ``proknow``: JSON, the metrics that ProKnow computes.
    """
    rows: list[str] = []
    computed: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    titles = {source.id: source.title for source in file.sources}
    for rule in file.rules:
        where, what = f"rule {rule.id}", one_line(rule.title)
        try:
            metric, names, limit = _limit(rule)
            for name in names:
                if kind == "csv":
                    source = f"{titles[rule.source]} ({rule.confidence})"
                    rows.append(clearplan_row(name, metric, limit, one_line(source), one_line(rule.definition)))
                else:
                    computed.append(proknow_metric(name, metric, limit))
        except CannotCarry as reason:
            left_out.append(LeftOut(where, what, str(reason)))
            continue
        left_out += [LeftOut(where, what, why, "detail") for why in _details(rule, kind)]
    for table in file.tables:
        left_out.append(LeftOut(f"table {table.id}", table.id, "a table of limits is no limit", "detail"))
    if kind == "csv":
        return Exported(csv_line(COLUMNS) + "".join(rows), tuple(left_out))
    scorecard = {"name": file.title, "computed": computed, "custom": []}
    return Exported(json.dumps(scorecard, indent=2, ensure_ascii=False) + "\n", tuple(left_out))


def _limit(rule: Rule) -> tuple[str, tuple[str, ...], Limit]:
    """Return metric, structures and limit of a rule; raises CannotCarry if it is more than that."""
    if rule.check != "dose-metric" or rule.limit is None:
        raise CannotCarry(f"a rule of the check {rule.check} is no dose metric with one limit")
    if rule.confidence == "recalled":
        raise CannotCarry("its value is only recalled and decides nothing here; there it would. Verify it first")
    changing = sorted(rule.model_fields_set - _HELD - _TOLD) + sorted(set(rule.parameters) - _PARAMETERS)
    if changing:
        raise CannotCarry(f"{', '.join(changing)} of it has no place there, and without it the rule would be another")
    names = (_TARGET,) if rule.parameters.get("of_targets") else tuple(rule.parameters.get("structures", ()))
    return str(rule.parameters.get("metric")), names, rule.limit


def _details(rule: Rule, kind: ExportKind) -> list[str]:
    details = []
    if rule.parameters.get("of_targets"):
        details.append(
            f"it holds for the outermost target of every lesion; there it is written for a structure called {_TARGET}"
        )
    if not rule.required:
        details.append("here the rule is not required")
    if kind == "proknow" and rule.definition:
        details.append(f"its definition: {one_line(rule.definition)}")
    return details
