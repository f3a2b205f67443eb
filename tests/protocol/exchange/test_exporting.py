"""Protocols out, and back in."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.protocol.exchange import Exported, ExportKind, export_protocol, imported
from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.protocol.schema import ProtocolFile

KINDS: tuple[ExportKind, ...] = ("csv", "proknow")
# Expressions that ProKnow computes, too; and those that only the table can hold.
COMMON = ("D95%[Gy]", "D0.03cc[Gy]", "DC1500cc[Gy]", "V20Gy[cc]", "V12.5Gy[%]", "CV12.5Gy[cc]", "CV5Gy[%]", "Min[Gy]",
          "Max[Gy]", "Mean[Gy]", "Volume[cc]")  # fmt: skip
TABLE_ONLY = (
    "D95%[%]",
    "V100%[%]",
    "R50",
    "CI_Paddick",
    "Dnearmax[Gy]",
    "gEUD(a=8)[Gy]",
    "D1cc[Gy]@EQD2(a/b=3)",
    "D2cm[%]",
)

WHOM: tuple[dict[str, Any], ...] = ({"structures": ["Lung_L"]}, {"structures": ["Lungs-GTV"]}, {"of_targets": True})


def unit(metric: str) -> str:
    return metric.partition("[")[2].partition("]")[0]


def rule(number: int = 1, metric: str = "Max[Gy]", **more: Any) -> dict[str, Any]:
    base = {
        "id": f"rule-{number}",
        "title": "Rule",
        "check": "dose-metric",
        "parameters": {"metric": metric, "structures": ["Heart"]},
        "limit": {"op": "<=", "per_protocol": 30.0, "unit": unit(metric)},
        "source": "s",
        "confidence": "verified",
    }
    return base | more


def protocol(*rules: dict[str, Any], **more: Any) -> ProtocolFile:
    sources = [{"id": "s", "title": "A report", "level": "primary"}]
    head = {"schema": "sbrtcheck-protocol/1", "id": "p", "title": "P", "version": "1.0.0", "sources": sources}
    return ProtocolFile.model_validate(head | {"rules": list(rules)} | more)


def carried(exported: Exported) -> list[tuple[Any, Any]]:
    return [(r["parameters"], r["limit"]) for r in imported(exported.text.encode()).data["rules"]]


@st.composite
def limits(draw: st.DrawFn, metric: str) -> dict[str, Any]:
    op = draw(st.sampled_from(["<=", "<", ">=", ">"]))
    value = draw(st.integers(1, 99_999)) / 100
    # The variation is wider by at least 0.01.
    wider = draw(st.none() | st.integers(1, 999))
    sign = 1 if "<" in op else -1
    variation = {} if wider is None else {"variation": round(value + sign * wider / 100, 2)}
    return {"op": op, "per_protocol": value, **variation, "unit": unit(metric)}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_round_trip_gives_the_same_limits(kind: ExportKind, data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from(COMMON + (TABLE_ONLY if kind == "csv" else ())))
    limit = data.draw(limits(metric))
    whom: dict[str, Any] = data.draw(st.sampled_from(WHOM))
    exported = export_protocol(protocol(rule(metric=metric, limit=limit, parameters={"metric": metric, **whom})), kind)
    assert carried(exported) == [({"metric": metric, **whom}, limit)]
    assert [item.part for item in exported.left_out] == ["detail"] * ("of_targets" in whom)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_on_two_structures_is_one_limit_each(kind: ExportKind) -> None:
    both = rule(parameters={"metric": "Max[Gy]", "structures": ["Heart", "Liver"]})
    assert [p["structures"] for p, _ in carried(export_protocol(protocol(both), kind))] == [["Heart"], ["Liver"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("lost", "why"),
    [
        (rule(2, check="lesion-size", parameters={}), "no dose metric"),
        (rule(2, limit=None), "no dose metric"),
        # On the other side a recalled value would decide, and come back as one that was seen.
        (rule(2, confidence="recalled"), "only recalled"),
        (
            rule(2, parameters={"metric": "Max[Gy]", "structures": ["Heart"], "when": "later"}),
            "when of it has no place",
        ),
    ],
)
def test_rules_that_would_be_others_there_are_left_out(kind: ExportKind, lost: dict[str, Any], why: str) -> None:
    exported = export_protocol(protocol(rule(1), lost), kind)
    (item,) = exported.left_out
    assert (item.part, item.where) == ("rule", "rule rule-2")
    assert why in item.why
    assert len(carried(exported)) == 1


@pytest.mark.parametrize("metric", TABLE_ONLY)
def test_metrics_that_proknow_does_not_compute_are_left_out(metric: str) -> None:
    exported = export_protocol(protocol(rule(), rule(2, metric)), "proknow")
    assert [(item.part, item.why) for item in exported.left_out] == [
        ("rule", f"ProKnow has no computed metric for {metric}")
    ]


def test_what_a_scorecard_cannot_say_is_listed() -> None:
    exported = export_protocol(protocol(rule(definition="Serial organ", required=False)), "proknow")
    assert [item.why for item in exported.left_out] == [
        "here the rule is not required",
        "its definition: Serial organ",
    ]


def test_tables_of_limits_are_listed() -> None:
    table = {"id": "t", "key": "a", "columns": ["a", "b"], "rows": [[1.0, 2.0], [2.0, 3.0]], "source": "s"}
    exported = export_protocol(protocol(rule(), tables=[table | {"confidence": "verified"}]), "csv")
    assert [item.where for item in exported.left_out] == ["table t"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", library())
def test_every_rule_of_the_library_is_exported_or_listed(kind: ExportKind, name: str) -> None:
    file = load_protocol(name).file
    exported = export_protocol(file, kind)
    lost = {item.where for item in exported.left_out if item.part == "rule"}
    kept = {f"rule {r.id}" for r in file.rules} - lost
    count = len(json.loads(exported.text)["computed"]) if kind == "proknow" else len(exported.text.splitlines()) - 1
    assert count >= len(kept)
    assert all(r.limit is not None for r in file.rules if f"rule {r.id}" in kept)


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(formula: str) -> None:
    sources = [{"id": "s", "title": formula, "level": "primary"}]
    text = export_protocol(protocol(rule(definition=formula), sources=sources), "csv").text
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    said = imported(text.encode()).data["rules"][0]["definition"]
    assert said == f"source named in the file: {formula.strip()} (verified); remark in the file: {formula.strip()}"


def test_scorecard_follows_the_rules_for_levels() -> None:
    # First level no min, last no max, N - 1 boundaries (scorecard_objectives.rst); labels at most 64 characters.
    limit = {"op": ">", "per_protocol": 95.0, "variation": 90.0, "unit": "%"}
    text = export_protocol(protocol(rule(metric="V20Gy[%]", limit=limit)), "proknow").text
    (metric,) = json.loads(text)["computed"]
    levels = metric["objectives"]
    assert "min" not in levels[0]
    assert "max" not in levels[-1]
    assert sum(key in level for level in levels for key in ("min", "max")) == len(levels) - 1
    assert metric["type"] == "VOLUME_PERCENT_DOSE_ROI"
    assert (metric["arg_1"], metric["arg_2"]) == (20.0, None)
