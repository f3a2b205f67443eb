"""ProKnow scorecards in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange import Imported, imported

GREEN, YELLOW, RED = [0, 1, 0], [1, 1, 0], [1, 0, 0]
AT_MOST_30 = [{"label": "Pass", "color": GREEN, "max": 30}, {"label": "Fail", "color": RED}]


def metric(
    kind: str = "MAX_DOSE_ROI", roi: str | None = "Heart", objectives: Any = None, **args: Any
) -> dict[str, Any]:
    return {"type": kind, "roi_name": roi, "objectives": AT_MOST_30 if objectives is None else objectives, **args}


def scorecard(*computed: Any, **also: Any) -> Imported:
    return imported(json.dumps({"name": "Lung 5 fx", "computed": list(computed), "custom": [], **also}).encode())


def only(found: Imported) -> tuple[str, dict[str, Any]]:
    (rule,) = found.data["rules"]
    return rule["parameters"]["metric"], rule["limit"]


def refused(broken: Any) -> str:
    """Return why a metric is left out; a sound one beside it keeps the file alive."""
    found = scorecard(metric(), broken)
    (lost,) = found.left_out
    assert len(found.data["rules"]) == 1
    assert (lost.part, lost.where) == ("rule", "computed[1]")
    return lost.why


@pytest.mark.parametrize(
    ("kind", "args", "expression"),
    [
        ("DOSE_VOLUME_PERCENT_ROI", {"arg_1": 95}, "D95%[Gy]"),
        ("DOSE_VOLUME_CC_ROI", {"arg_1": 0.03}, "D0.03cc[Gy]"),
        ("DOSE_VOLUME_MINUS_CC_ROI", {"arg_1": 1500}, "DC1500cc[Gy]"),
        ("VOLUME_CC_DOSE_ROI", {"arg_1": 20.0}, "V20Gy[cc]"),
        ("VOLUME_PERCENT_DOSE_ROI", {"arg_1": 12.5}, "V12.5Gy[%]"),
        ("VOLUME_CC_DOSE_RANGE_ROI", {"arg_1": 0, "arg_2": 12.5}, "CV12.5Gy[cc]"),
        ("VOLUME_PERCENT_DOSE_RANGE_ROI", {"arg_1": 0.0, "arg_2": 5}, "CV5Gy[%]"),
        ("MIN_DOSE_ROI", {}, "Min[Gy]"),
        ("MAX_DOSE_ROI", {"arg_1": None}, "Max[Gy]"),
        ("MEAN_DOSE_ROI", {}, "Mean[Gy]"),
        ("VOLUME", {}, "Volume[cc]"),
    ],
)
def test_each_type_is_one_expression(kind: str, args: dict[str, Any], expression: str) -> None:
    found, limit = only(scorecard(metric(kind, **args)))
    assert found == expression
    assert limit == {"op": "<=", "per_protocol": 30.0, "unit": expression.partition("[")[2][:-1]}


# A value on a boundary belongs to the level that carries it (scorecard_objectives.rst): max keeps it in the lower one.
@pytest.mark.parametrize(
    ("objectives", "op"),
    [
        ([{"label": "PASS", "max": 30}, {"label": "FAIL"}], "<="),
        ([{"label": "PASS"}, {"label": "FAIL", "min": 30}], "<"),
        ([{"label": "FAIL"}, {"label": "PASS", "min": 30}], ">="),
        ([{"label": "FAIL", "max": 30}, {"label": "PASS"}], ">"),
    ],
)
def test_where_a_boundary_belongs_decides_the_operator(objectives: list[dict[str, Any]], op: str) -> None:
    assert only(scorecard(metric(objectives=objectives)))[1]["op"] == op


def test_five_levels_are_two_limits_and_the_merged_boundaries_are_listed() -> None:
    levels = [("IDEAL", 10), ("GOOD", 20), ("ACCEPTABLE", 30), ("MARGINAL", 40), ("UNACCEPTABLE", None)]
    found = scorecard(metric(objectives=[{"label": n, **({"max": m} if m else {})} for n, m in levels]))
    # "Acceptable" is no better than a variation here: the pass ends where GOOD ends.
    assert only(found)[1] == {"op": "<=", "per_protocol": 20.0, "variation": 40.0, "unit": "Gy"}
    (merged,) = found.left_out
    assert merged.part == "detail"
    assert "between IDEAL and GOOD and between ACCEPTABLE and MARGINAL" in merged.why
    assert "ACCEPTABLE, MARGINAL of the scorecard is read as a variation" in found.data["rules"][0]["definition"]


def test_variation_of_a_lower_limit_is_the_lower_number() -> None:
    levels = [{"label": "FAIL"}, {"label": "MARGINAL", "min": 90}, {"label": "PASS", "min": 95}]
    limit = only(scorecard(metric("VOLUME_PERCENT_DOSE_ROI", "PTV", levels, arg_1=50)))[1]
    assert limit == {"op": ">=", "per_protocol": 95.0, "variation": 90.0, "unit": "%"}


@pytest.mark.parametrize(
    ("objectives", "why"),
    [
        ([], "no objectives"),
        ([{"label": "GREEN", "max": 30}, {"label": "RED"}], "'GREEN' a pass, a variation or a fail"),
        ([{"max": 30}, {"label": "FAIL"}], "has no label"),
        ([{"label": "PASS"}], "do not lead from pass to fail"),
        ([{"label": "FAIL"}, {"label": "PASS", "min": 5, "max": 9}, {"label": "FAIL"}], "write one rule for each side"),
        ([{"label": "PASS", "max": 1}, {"label": "MARGINAL"}], "do not lead from pass to fail"),
        ([{"label": "MARGINAL", "max": 1}, {"label": "FAIL"}], "do not lead from pass to fail"),
        ([{"label": "PASS"}, {"label": "FAIL"}], "not exactly one of max and min"),
        ([{"label": "PASS", "max": 1}, {"label": "FAIL", "min": 1}], "not exactly one of max and min"),
        ([{"label": "PASS", "min": 0, "max": 1}, {"label": "FAIL"}], "first level has a min"),
        ([{"label": "PASS", "max": True}, {"label": "FAIL"}], "true, not a number"),
        ([{"label": "PASS", "max": 5}, {"label": "MARGINAL", "max": 4}, {"label": "FAIL"}], "do not rise"),
        ([{"label": "PASS", "max": 4}, {"label": "MARGINAL"}, {"label": "FAIL", "min": 5}], "one operator for both"),
    ],
)
def test_levels_that_are_no_limit_leave_the_metric_out(objectives: Any, why: str) -> None:
    assert why in refused(metric(objectives=objectives))


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (metric("CONFORMATION_NUMBER", "PTV", arg_1=50), "formula is not stated"),
        (metric("MAX_DOSE", None), "belongs to no structure"),
        (metric("VOLUME_CC_DOSE_RANGE_ROI", arg_1=10, arg_2=20), "between two doses"),
        (metric("SOMETHING_NEW"), "no known type"),
        (metric("DOSE_VOLUME_CC_ROI"), "arg_1 is null"),
        (metric("DOSE_VOLUME_CC_ROI", arg_1="2"), "arg_1 is \"2\", not a number"),
        (metric("DOSE_VOLUME_CC_ROI", arg_1=-2), "unknown metric 'D-2cc[Gy]'"),
        (metric("DOSE_VOLUME_CC_ROI", arg_1=1e300), "not the size of"),
        (metric("DOSE_VOLUME_PERCENT_ROI", arg_1=120), "D120%[Gy]"),
        (metric(roi=None), "no structure is named"),
        (metric(roi=""), "no structure is named"),
        (metric(roi="Lung"), "has no side"),
        (metric(roi="Hart"), "surely no name of TG-263 (similar: Heart"),
        (metric(roi="PTV_5000"), "one particular target"),
        (metric(roi="GTV"), "outermost"),
        ({"roi_name": "Heart"}, "no type"),
        ("Heart", "no object"),
    ],
)  # fmt: skip
def test_what_has_no_sure_counterpart_is_left_out_with_the_reason(broken: Any, why: str) -> None:
    assert why in refused(broken)


def test_custom_metrics_are_listed() -> None:
    (lost,) = scorecard(metric(), custom=[{"id": "a1"}]).left_out
    assert (lost.part, lost.where, lost.what) == ("rule", "custom[0]", "a1")


def test_the_ptv_is_every_target() -> None:
    (rule,) = scorecard(metric(roi="PTV")).data["rules"]
    assert rule["parameters"] == {"metric": "Max[Gy]", "of_targets": True}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "no JSON"),
        (b'{"computed": NaN}', "no JSON"),
        (b'{"computed": 1e9999999999999999999}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no ProKnow scorecard"),
        (b'{"computed": {}}', "no ProKnow scorecard"),
        (b'{"computed": []}', "has 1 problem: no rules"),
    ],
)
def test_a_file_that_is_no_scorecard_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        imported(content)


def test_nothing_carried_over_is_an_error_that_says_why_for_each() -> None:
    with pytest.raises(ProtocolError, match=r"2 problems: computed\[0\].*no side.*computed\[1\].*no known type"):
        scorecard(metric(roi="Lung"), metric("NEW"))
