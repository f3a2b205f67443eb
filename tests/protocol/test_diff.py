"""What differs between two protocols in meaning."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.judge.again import rejudged
from sbrtcheck.protocol.diff import diff
from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.protocol.schema import ProtocolFile
from sbrtcheck.results import Interval, Limit, PlanRecord, PlanReport, RuleResult, SoftwareRecord, Verdict


def rule(
    name: str = "cord", limit: float = 30.0, op: str = "<=", structure: str = "SpinalCord", **more: Any
) -> dict[str, Any]:
    found = {"id": name, "title": name, "check": "dose-metric", "source": "s", "confidence": "verified"}
    found["parameters"] = {"metric": "D0.03cc[Gy]", "structures": [structure]}  # type: ignore[assignment]
    found["limit"] = {"op": op, "per_protocol": limit, "unit": "Gy"}  # type: ignore[assignment]
    return found | more


def protocol(*rules: dict[str, Any], **more: Any) -> ProtocolFile:
    head = {"schema": "sbrtcheck-protocol/1", "id": "test", "title": "T", "version": "1.0.0"}
    sources = [{"id": "s", "title": "S", "level": "primary"}, {"id": "x", "title": "S", "level": "primary"}]
    return ProtocolFile.model_validate(head | {"sources": sources, "rules": list(rules)} | more)


def said(old: ProtocolFile, new: ProtocolFile) -> list[str]:
    return [str(difference) for difference in diff(old, new)]


@pytest.mark.parametrize("name", library())
def test_a_protocol_differs_in_nothing_from_itself(name: str) -> None:
    file = load_protocol(name).file
    assert diff(file, file) == ()


def test_two_ways_of_writing_one_thing_are_no_difference() -> None:
    other = rule(when="Fractions<=5") | {"parameters": {"metric": " D0.030cc[Gy]", "structures": ["SpinalCord"]}}
    assert said(protocol(rule(when="Fractions <= 5")), protocol(other)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (rule(), rule(limit=28.0), "cord: limit tightened: <= 30 Gy -> <= 28 Gy"),
        (rule(), rule(limit=32.0), "cord: limit loosened: <= 30 Gy -> <= 32 Gy"),
        (rule(op=">="), rule(op=">=", limit=32.0), "cord: limit tightened: >= 30 Gy -> >= 32 Gy"),
        (rule(), rule(op="<"), "cord: limit tightened: <= 30 Gy -> < 30 Gy"),
        (rule(), rule(op=">="), "cord: limit changed: <= 30 Gy -> >= 30 Gy"),
        (rule(), rule(structure="Esophagus"), "cord: structures changed: SpinalCord -> Esophagus"),
        (rule(), rule(required=False), "cord: required changed: True -> False"),
        (rule(), rule(when="Fractions <= 5"), "cord: when changed: none -> Fractions <= 5"),
        (rule(), rule("spinal"), "spinal: rule renamed: cord -> spinal"),
        (rule(confidence="recalled"), rule(), "cord: confidence changed: recalled -> verified"),
    ],
)
def test_meaning_is_said(old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
    assert said(protocol(old), protocol(new)) == [expected]


def test_order_and_ids_of_sources_are_no_difference() -> None:
    a, b = rule("a"), rule("b", structure="Heart")
    assert said(protocol(a, b), protocol(b, a)) == []
    assert said(protocol(a), protocol(a | {"source": "x"})) == []  # another id of the same source


def test_rules_come_and_go() -> None:
    a, b = rule("a"), rule("b", structure="Heart")
    assert said(protocol(a), protocol(a, b)) == ["b: added rule b <= 30 Gy"]
    assert said(protocol(a, b), protocol(a)) == ["b: removed rule b"]


def test_limits_by_fractions() -> None:
    def by(three: float) -> dict[str, Any]:
        found = rule()
        del found["limit"]
        limits = {n: {"op": "<=", "per_protocol": v, "unit": "Gy"} for n, v in (("3", three), ("5", 30.0))}
        return found | {"limit_by_fractions": limits}

    assert said(protocol(by(20.0)), protocol(by(18.0))) == [
        "cord: limit in 3 fractions tightened: <= 20 Gy -> <= 18 Gy"
    ]


def test_both_ways_say_the_opposite() -> None:
    old, new = protocol(rule(), rule("b", structure="Heart")), protocol(rule(limit=28.0))
    there, back = diff(old, new), diff(new, old)
    opposite = {"tightened": "loosened", "added": "removed", "removed": "added", "loosened": "tightened"}
    assert {opposite.get(d.kind, d.kind) for d in there} == {d.kind for d in back}


def report(measured: Interval | None, verdict: Verdict) -> PlanReport:
    limit = Limit(op="<=", per_protocol=30.0, unit="Gy")
    result = RuleResult(
        rule="cord",
        protocol="test",
        section="plan",
        subject="SpinalCord",
        verdict=verdict,
        measured=measured,
        unit="Gy",
        limit=limit,
        reason="r",
        source="S",
    )
    return PlanReport(
        verdict=verdict,
        declared_verdict=Verdict.NOT_APPLICABLE,
        plan=PlanRecord(label="P", sop_instance_uid="1"),
        protocols=(),
        software=SoftwareRecord(version="0"),
        results=(result,),
    )


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (rule(), []),
        (rule(limit=28.0), ["fail"]),
        (rule(limit=29.0), ["indeterminate"]),
        (rule(structure="Heart"), ["needs a new check"]),
        (rule(confidence="recalled"), ["needs a new check"]),
        (rule("other"), ["no such rule", "needs a new check"]),
    ],
)
def test_stored_results_are_judged_again(new: dict[str, Any], expected: list[str]) -> None:
    stored = report(Interval(29.0, 28.6, 29.4), Verdict.PASS)
    assert [r.after for r in rejudged(stored, protocol(rule()), protocol(new))] == expected


def test_what_was_not_measured_needs_a_new_check() -> None:
    stored = report(None, Verdict.NOT_EVALUATED)
    assert [r.after for r in rejudged(stored, protocol(rule()), protocol(rule(limit=28.0)))] == ["needs a new check"]
