"""Facts that a person declares."""

import datetime as dt
import math
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from sbrtcheck.checks import Task
from sbrtcheck.checks.declared_fact import CHECK, Parameters
from sbrtcheck.protocol import Declared, Rule
from sbrtcheck.results import Interval, Limit, Outcome, Verdict

AT_MOST_3 = {"op": "<=", "per_protocol": 3.0}


def run(
    facts: dict[str, Any], limit: dict[str, Any] | None = None, count: Interval | None = None, **asked: Any
) -> Outcome:
    rule = Rule.model_validate(
        {
            "id": "r",
            "title": "R",
            "check": "declared-fact",
            "section": "declared",
            "source": "s",
            "confidence": "verified",
        }
        | {"limit": limit}
    )
    derived = SimpleNamespace(grouping=SimpleNamespace(count=count))
    task = Task(rule, None, Parameters.model_validate(asked), Declared(facts))  # type: ignore[arg-type]
    (outcome,) = CHECK.run(task, derived)  # type: ignore[arg-type]
    return outcome


@pytest.mark.parametrize(("said", "verdict"), [(True, Verdict.PASS), (False, Verdict.FAIL)])
def test_yes_or_no(said: bool, verdict: Verdict) -> None:
    assert run({"consent": said}, key="consent", kind="yes-no", equals=True).verdict is verdict


@pytest.mark.parametrize("said", ["yes", 1, 0, None, "", dt.date(2026, 1, 1)])
def test_what_is_not_a_yes_or_no_is_not_evaluated(said: Any) -> None:
    assert run({"consent": said}, key="consent", kind="yes-no", equals=True).verdict is Verdict.NOT_EVALUATED


@pytest.mark.parametrize("said", [True, 2.0, "2"])
def test_what_is_not_a_whole_number_is_not_evaluated(said: Any) -> None:
    assert run({"n": said}, AT_MOST_3, key="n", kind="whole-number").verdict is Verdict.NOT_EVALUATED


@pytest.mark.parametrize("said", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_not_evaluated(said: float) -> None:
    assert run({"n": said}, AT_MOST_3, key="n", kind="number").verdict is Verdict.NOT_EVALUATED


def test_what_is_not_declared_is_not_evaluated() -> None:
    outcome = run({}, key="consent", kind="yes-no", equals=True)
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "consent" in outcome.reason


def test_a_number_goes_to_the_judge_with_its_limit() -> None:
    outcome = run({"n": 2}, AT_MOST_3, key="n", kind="whole-number", least=1)
    assert outcome.measured == Interval.exact(2.0)
    assert outcome.limit == Limit(op="<=", per_protocol=3.0)


def test_a_number_that_makes_no_sense_fails() -> None:
    assert run({"n": 0}, AT_MOST_3, key="n", kind="whole-number", least=1).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("count", "verdict"),
    [
        (Interval.exact(2), None),  # agrees: the limit decides
        (Interval(1, 1, 3), None),  # may agree
        (Interval.exact(3), Verdict.FAIL),
        (None, None),  # nothing is drawn: the plan section says so
    ],
)
def test_a_declared_count_must_not_contradict_the_plan(count: Interval | None, verdict: Verdict | None) -> None:
    asked = {"key": "n", "kind": "whole-number", "agrees_with": "lesion-count"}
    assert run({"n": 2}, AT_MOST_3, count, **asked).verdict is verdict


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((2026, 1, 15), (2026, 3, 15), Verdict.PASS),
        ((2026, 1, 15), (2026, 3, 14), Verdict.FAIL),
        ((2025, 12, 31), (2026, 2, 28), Verdict.PASS),  # February has no 31st
        ((2025, 12, 31), (2026, 2, 27), Verdict.FAIL),
        ((2025, 11, 1), (2026, 1, 1), Verdict.PASS),  # over the turn of the year
        ((2026, 3, 15), (2026, 1, 15), Verdict.FAIL),
    ],
)
def test_two_months_apart(first: tuple[int, int, int], second: tuple[int, int, int], verdict: Verdict) -> None:
    facts = {"a": dt.date(*first), "b": dt.date(*second)}
    assert run(facts, key="b", kind="date", months_after="a", months=2).verdict is verdict


def test_one_date_alone_is_not_evaluated() -> None:
    facts = {"b": dt.date(2026, 1, 1)}
    assert run(facts, key="b", kind="date", months_after="a", months=2).verdict is Verdict.NOT_EVALUATED


def test_words() -> None:
    asked = {"key": "w", "kind": "text", "one_of": ("a", "b")}
    assert run({"w": "a"}, **asked).verdict is Verdict.PASS
    assert run({"w": "c"}, **asked).verdict is Verdict.FAIL
    assert run({"w": "c"}, key="w", kind="text").verdict is Verdict.INDETERMINATE  # no one says what is accepted


@pytest.mark.parametrize(
    "asked",
    [
        {"key": "A", "kind": "text"},
        {"key": "a", "kind": "yes-no"},
        {"key": "a", "kind": "text", "equals": True},
        {"key": "a", "kind": "date", "months": 2},
        {"key": "a", "kind": "text", "agrees_with": "lesion-count"},
        {"key": "a", "kind": "number", "least": 1},
    ],
)
def test_parameters_that_contradict_each_other_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate(asked)
