"""Conditions, limits by fractions, excuses and accepted values: what they may change, and what never."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.derived import Derived
from sbrtcheck.judge import bind, judge
from sbrtcheck.judge.conditions import holds
from sbrtcheck.judge.excuses import excused
from sbrtcheck.model import Case, FractionGroup, Plan, Prescription
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol import Declared, ProtocolFile
from sbrtcheck.protocol.conditions import (
    Comparison,
    ConditionError,
    Joined,
    Negated,
    Quantity,
    comparisons,
    parse_condition,
)
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.results import Interval, Limit, RuleResult, Verdict

QUANTITIES = st.one_of(
    st.builds(lambda a, b: Quantity("Overlap", (a, b)), st.sampled_from(["PTV", "Heart"]), st.just("Esophagus")),
    st.builds(lambda a, b: Quantity("Distance", (a, b)), st.just("GTV"), st.sampled_from(["Lung_L", "SpinalCord"])),
    st.builds(lambda a: Quantity("Volume", (a,)), st.sampled_from(["PTV", "Liver"])),
    st.sampled_from([Quantity("Fractions"), Quantity("Prescription")]),
    st.builds(lambda m: Quantity("metric", ("SpinalCord",), m), st.sampled_from(["D0.03cc[Gy]", "V20Gy[%]", "R50"])),
)
LEAVES = st.builds(
    lambda q, op, n: Comparison(q, Limit.model_validate({"op": op, "per_protocol": n})),
    QUANTITIES,
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.integers(-400, 400).map(lambda n: n / 4),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(Negated, parts),
        st.builds(
            lambda word, some: Joined(word, tuple(some)),
            st.sampled_from(["and", "or"]),
            st.lists(parts, min_size=2, max_size=3),
        ),
    ),
    max_leaves=6,
)


def test_a_number_of_fractions_or_lesions_can_be_equal_and_nothing_measured_can() -> None:
    same = parse_condition("Fractions >= 5 and Fractions <= 5")
    assert parse_condition("Fractions = 5") == same
    assert str(same) == "Fractions = 5"
    both = "not (Fractions = 3) and (Fractions = 5 or Lesions(lung) = 2)"
    assert str(parse_condition(both)) == both
    with pytest.raises(ConditionError, match="not by ="):
        parse_condition("Volume(PTV)[cc] = 5")
    with pytest.raises(ConditionError, match="number was expected"):
        parse_condition("Fractions == 5")


@given(CONDITIONS)
@settings(max_examples=200, deadline=None)
def test_printing_and_reading_is_the_identity(condition: Any) -> None:
    assert parse_condition(str(condition)) == condition
    assert list(comparisons(condition))


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(ConditionError):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "was expected"),
        ("Fractions", "was expected"),
        ("Fractions <= five", "a number was expected"),
        ("Overlap(PTV)[cc] > 0", "Overlap is of 2 structures"),
        ("Overlap(PTV, Heart)[mm] > 0", r"write Overlap\(...\)\[cc\]"),
        ("Volume(Hart)[cc] > 0", "no TG-263 name"),
        ("D30[Gy] of Heart > 0", "more than one way"),
        ("Heart > 0", "is no quantity"),
        ("(Fractions <= 5", "closing parenthesis"),
        ("Fractions <= 5 Fractions", "an operator or the end"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        parse_condition(text)


def plan(fractions: int | None, other: int | None = None) -> Plan:
    groups = tuple(FractionGroup(n, f, ()) for n, f in enumerate((fractions, other), 1) if f)
    return Plan("1.8", "P", False, (Prescription(30.0, fractions, None, "", "plan"),), groups)


def of(fractions: int | None = 3, other: int | None = None, site: SiteFile | None = None) -> Derived:
    return Derived(Case(plan(fractions, other)), site or SiteFile())


AGE = {"id": "a", "title": "A", "check": "patient-age", "source": "s", "confidence": "verified"}


def protocol(rule: dict[str, Any], **more: Any) -> ProtocolFile:
    head = {"schema": "sbrtcheck-protocol/1", "id": "test", "title": "T", "version": "1.0.0"}
    head["sources"] = [{"id": "s", "title": "S", "level": "primary"}]  # type: ignore[assignment]
    return ProtocolFile.model_validate(head | more | {"rules": [AGE | rule]})


BARE = protocol({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fractions <= 5", True),
        ("Fractions > 5", False),
        ("not Fractions > 5", True),
        ("Volume(Heart)[cc] > 0", None),  # not drawn: open, not false
        ("Volume(Heart)[cc] > 0 and Fractions > 5", False),
        ("Volume(Heart)[cc] > 0 and Fractions <= 5", None),
        ("Volume(Heart)[cc] > 0 or Fractions <= 5", True),
        ("Volume(Heart)[cc] > 0 or Fractions > 5", None),
        ("not Volume(Heart)[cc] > 0", None),
    ],
)
def test_three_values(text: str, expected: bool | None) -> None:
    found, why = holds(parse_condition(text), BARE, of())
    assert found is expected
    assert why


def test_unknown_fractions_leave_it_open() -> None:
    assert holds(parse_condition("Fractions <= 5"), BARE, of(3, 5))[0] is None
    assert holds(parse_condition("Fractions <= 5"), BARE, Derived(Case(), SiteFile()))[0] is None


def verdict(rule: dict[str, Any], derived: Derived, **more: Any) -> RuleResult:
    (result,) = judge(bind([LoadedProtocol(protocol(rule, **more), "0")]), derived, Declared())
    return result


def aged(years: float, fractions: int | None = 3, site: SiteFile | None = None) -> Derived:
    return Derived(Case(plan(fractions), patient_age_years=years), site or SiteFile())


LIMIT = {"limit": {"op": ">=", "per_protocol": 18.0, "unit": "years"}}


@pytest.mark.parametrize(
    ("when", "years", "expected"),
    [
        ("Fractions <= 5", 40.0, Verdict.PASS),
        ("Fractions <= 5", 10.0, Verdict.FAIL),
        ("Fractions > 5", 10.0, Verdict.NOT_APPLICABLE),
        ("Volume(Heart)[cc] > 0", 40.0, Verdict.INDETERMINATE),
        ("Volume(Heart)[cc] > 0", 10.0, Verdict.INDETERMINATE),  # it may not apply: no failure either
    ],
)
@pytest.mark.parametrize("of_protocol", [False, True])
def test_a_condition_decides_whether_a_rule_applies(
    when: str, years: float, expected: Verdict, of_protocol: bool
) -> None:
    rule, more = (LIMIT, {"when": when}) if of_protocol else (LIMIT | {"when": when}, {})
    result = verdict(rule, aged(years), **more)
    assert result.verdict is expected
    assert "ondition" in result.reason or expected in {Verdict.PASS, Verdict.FAIL}


def test_limits_by_fractions() -> None:
    limits = {n: {"op": ">=", "per_protocol": v, "unit": "years"} for n, v in (("3", 18.0), ("5", 50.0))}
    rule = {"limit_by_fractions": limits}
    assert verdict(rule, aged(40.0, 3)).verdict is Verdict.PASS
    assert verdict(rule, aged(40.0, 5)).verdict is Verdict.FAIL
    other = verdict(rule, aged(40.0, 4))
    assert other.verdict is Verdict.NOT_EVALUATED
    assert "3, 5" in other.reason
    assert verdict(rule, aged(40.0, None)).verdict is Verdict.NOT_EVALUATED


def test_a_recalled_value_decides_only_where_somebody_accepts_it() -> None:
    rule = LIMIT | {"confidence": "recalled"}
    assert verdict(rule, aged(40.0)).verdict is Verdict.INDETERMINATE
    taken = verdict(rule, aged(40.0, site=SiteFile(accepted={"test/a": "A. Physicist, 2026-03-01"})))
    assert taken.verdict is Verdict.PASS
    assert "A. Physicist" in taken.reason
    assert verdict(rule, aged(40.0, site=SiteFile(accepted={"other/a": "me"}))).verdict is Verdict.INDETERMINATE


def result(rule: str, verdict_: Verdict, measured: float | None = None, op: str = "<=") -> RuleResult:
    limit = Limit.model_validate({"op": op, "per_protocol": 30.0, "unit": "Gy"})
    interval = None if measured is None else Interval(measured, measured - 0.1, measured + 0.1)
    return RuleResult(
        rule=rule,
        protocol="test",
        section="plan",
        subject="x",
        verdict=verdict_,
        measured=interval,
        limit=limit,
        unit="Gy",
        reason="so",
        source="S",
    )


@pytest.mark.parametrize(
    ("organ", "expected"),
    [
        (result("organ", Verdict.PASS, 29.5), Verdict.VARIATION),
        (result("organ", Verdict.VARIATION, 30.5), Verdict.VARIATION),
        (result("organ", Verdict.PASS, 20.0), Verdict.FAIL),  # far from its limit: it forced nothing
        (result("organ", Verdict.PASS, 28.55), Verdict.FAIL),  # only perhaps within 5 %
        (result("organ", Verdict.FAIL, 33.0), Verdict.FAIL),
        (result("organ", Verdict.NOT_EVALUATED), Verdict.FAIL),
        (result("other", Verdict.PASS, 29.5), Verdict.FAIL),
    ],
)
def test_only_an_organ_at_its_limit_excuses(organ: RuleResult, expected: Verdict) -> None:
    file = protocol(LIMIT | {"excused_by": ["a"], "excused_within_percent": 5.0})
    rule = file.rules[0].model_copy(update={"excused_by": ("organ",)})
    coverage = result("a", Verdict.FAIL, 20.0, ">=")
    found = excused([coverage, organ], {("test", "a"): rule})
    assert found[0].verdict is expected
    assert found[1] == organ


@pytest.mark.parametrize("verdict_", [Verdict.INDETERMINATE, Verdict.NOT_EVALUATED, Verdict.PASS])
def test_nothing_but_a_failure_is_excused(verdict_: Verdict) -> None:
    file = protocol(LIMIT | {"excused_by": ["a"], "excused_within_percent": 5.0})
    rule = file.rules[0].model_copy(update={"excused_by": ("organ",)})
    found = excused([result("a", verdict_, 20.0), result("organ", Verdict.PASS, 29.5)], {("test", "a"): rule})
    assert found[0].verdict is verdict_


@pytest.mark.parametrize(
    "rule",
    [
        LIMIT | {"limit_by_fractions": {"3": LIMIT["limit"]}},
        {"limit_by_fractions": {"3": LIMIT["limit"], "5": {"op": "<=", "per_protocol": 1.0, "unit": "years"}}},
        LIMIT | {"excused_by": ["a"]},
        LIMIT | {"excused_within_percent": 5.0},
        LIMIT | {"excused_by": ["nobody"], "excused_within_percent": 5.0},
        LIMIT | {"when": "D30[Gy] of Heart > 1"},
        {"limit_by_fractions": {"three": LIMIT["limit"]}},
    ],
)
def test_what_cannot_be_meant_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"limit|excused|condition|String"):
        protocol(rule)
