"""What becomes of the outcomes of a check, and what binding refuses."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from sbrtcheck.checks import all_checks
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable, ProtocolError
from sbrtcheck.judge import BoundRule, bind, judge
from sbrtcheck.model import Case
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol import Declared, ProtocolFile
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.results import Interval, Limit, Outcome, RuleResult, Verdict

LIMIT = Limit(op="<=", per_protocol=3.0, unit="mm")


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Stub:
    """A check that says what it is told to."""

    id = "stub"
    Parameters = Nothing
    needs_limit = None

    def __init__(self, *outcomes: Outcome, raises: Exception | None = None) -> None:
        self.outcomes, self.raises = outcomes, raises

    def run(self, task: Any, derived: Any) -> tuple[Outcome, ...]:
        if self.raises is not None:
            raise self.raises
        return self.outcomes


def protocol(confidence: str = "verified", tables: Sequence[Any] = (), **rule: Any) -> ProtocolFile:
    return ProtocolFile.model_validate(
        {
            "schema": "sbrtcheck-protocol/1",
            "id": "test",
            "title": "Test",
            "version": "1.0.0",
            "sources": [{"id": "s", "title": "A source", "level": "primary"}],
            "tables": tables,
            "rules": [
                {"id": "a-rule", "title": "A rule", "check": "stub", "source": "s", "confidence": confidence} | rule
            ],
        }
    )


def judged(stub: Stub, confidence: str = "verified") -> RuleResult:
    file = protocol(confidence)
    (result,) = judge([BoundRule(file, file.rules[0], stub, Nothing())], Derived(Case(), SiteFile()), Declared())
    return result


def test_a_measurement_is_compared_with_its_limit() -> None:
    result = judged(Stub(Outcome("x", measured=Interval(2.0, 1.0, 2.5), unit="mm", limit=LIMIT)))
    assert result.verdict is Verdict.PASS
    assert result.margin == pytest.approx(0.5)
    assert result.reason


@pytest.mark.parametrize(
    ("measured", "would_decide", "said"),
    [
        (Interval(2.0, 1.0, 3.5), "", "thinner slices"),
        (Interval(2.0, 1.0, math.inf), "", "one side only"),
        (Interval(4.0, -math.inf, 5.0), "", "one side only"),
        (Interval(2.0, 1.0, 3.5), "a GTV would decide", "a GTV would decide"),
    ],
)
def test_an_indeterminate_result_says_what_would_decide(measured: Interval, would_decide: str, said: str) -> None:
    result = judged(Stub(Outcome("x", measured=measured, unit="mm", limit=LIMIT, would_decide=would_decide)))
    assert result.verdict is Verdict.INDETERMINATE
    assert said in result.reason
    assert ("thinner slices" in result.reason) == (said == "thinner slices")


@pytest.mark.parametrize(("value", "unit"), [(0.2, "cm"), (2.0, ""), (9.0, "cm")])
def test_numbers_in_two_units_are_not_compared(value: float, unit: str) -> None:
    result = judged(Stub(Outcome("x", measured=Interval.exact(value), unit=unit, limit=LIMIT)))
    assert result.verdict is Verdict.ERROR
    assert "'mm'" in result.reason


@pytest.mark.parametrize(
    ("stub", "verdict"),
    [
        (Stub(raises=NotComputable("no dose", remedy="export it")), Verdict.NOT_EVALUATED),
        (Stub(raises=KeyError("patient MUSTERMANN")), Verdict.ERROR),
        (Stub(), Verdict.ERROR),
        (Stub(Outcome("x")), Verdict.ERROR),
        (Stub(Outcome("x", measured=Interval.exact(1.0))), Verdict.ERROR),  # a number without a limit decides nothing
    ],
)
def test_nothing_that_goes_wrong_is_green(stub: Stub, verdict: Verdict) -> None:
    result = judged(stub)
    assert result.verdict is verdict
    assert "MUSTERMANN" not in result.reason


@pytest.mark.parametrize("low", [1.0, 4.0])
def test_a_recalled_limit_decides_nothing(low: float) -> None:
    outcome = Outcome("x", measured=Interval.exact(low), unit="mm", limit=LIMIT)
    result = judged(Stub(outcome), confidence="recalled")
    assert result.verdict is Verdict.INDETERMINATE
    assert "recalled" in result.reason


def bound(**rule: Any) -> None:
    bind([LoadedProtocol(protocol(**rule), "0" * 64)])


def test_binding_lists_every_problem_with_its_place() -> None:
    file = protocol(check="lesion-size", parameters={"diameter": "widest", "colour": "red"})
    twice = LoadedProtocol(file, "0" * 64)
    with pytest.raises(ProtocolError) as error:
        bind([twice, twice])
    text = str(error.value)
    assert "named more than once" in text
    assert "rules[0] (a-rule).parameters.diameter" in text
    assert "rules[0] (a-rule).parameters.colour" in text


def test_an_unknown_check_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ProtocolError, match=r"no check is called 'stub'.*lesion-size"):
        bound()


def test_a_limit_where_it_is_needed_and_only_there() -> None:
    with pytest.raises(ProtocolError, match="needs a limit"):
        bound(check="lesion-count")
    with pytest.raises(ProtocolError, match="takes no limit"):
        bound(check="organ-excluded", parameters={"organ": "brain"}, limit={"op": "<=", "per_protocol": 1.0})


def test_a_dose_limit_in_another_unit_is_refused() -> None:
    # Compared as bare numbers, any dose up to 3000 Gy would pass.
    rule = {"check": "dose-metric", "parameters": {"metric": "D0.03cc[Gy]", "of_targets": True}}
    with pytest.raises(ProtocolError, match="'Gy' is measured, but the limit is in 'cGy'"):
        bound(**rule, limit={"op": "<=", "per_protocol": 3000.0, "unit": "cGy"})
    with pytest.raises(ProtocolError, match="a number without unit"):
        bound(**rule, limit={"op": "<=", "per_protocol": 30.0})
    with pytest.raises(ProtocolError, match="'years' is measured"):
        bound(check="patient-age", limit={"op": ">=", "per_protocol": 216.0, "unit": "months"})


def test_what_is_declared_and_what_the_plan_shows_do_not_mix() -> None:
    fact = {"check": "declared-fact", "parameters": {"key": "consent", "kind": "yes-no", "equals": True}}
    count = {"check": "lesion-count", "limit": {"op": "<=", "per_protocol": 3.0}}
    bound(**fact, section="declared")
    bound(**count, section="plan")
    for rule, section in ((fact, "plan"), (count, "declared")):
        with pytest.raises(ProtocolError, match=r"\(a-rule\)\.section"):
            bound(**rule, section=section)


def test_only_a_declared_number_has_a_limit() -> None:
    fact = {"check": "declared-fact", "parameters": {"key": "consent", "kind": "yes-no", "equals": False}}
    with pytest.raises(ProtocolError, match="a limit goes with a number"):
        bound(**fact, section="declared", limit={"op": "<=", "per_protocol": 3.0})


@pytest.mark.parametrize(
    ("of_table", "of_rule", "accepted"),
    [
        ("verified", "verified", True),
        ("recalled", "recalled", True),
        ("recalled", "derived", False),
        ("recalled", "verified", False),
    ],
)
def test_a_rule_is_no_surer_than_its_table(of_table: str, of_rule: str, accepted: bool) -> None:
    table = {"id": "t", "key": "ptv_cc", "columns": ["ptv_cc", "a", "b"], "rows": [[1.0, 2.0, 3.0], [2.0, 2.0, 3.0]]}
    parameters = {"metric": "R50", "table": "t", "per_protocol": "a", "variation": "b"}
    file = protocol(
        of_rule,
        tables=[table | {"source": "s", "confidence": of_table}],
        check="conformity-table",
        parameters=parameters,
    )
    loaded = [LoadedProtocol(file, "0" * 64)]
    if accepted:
        bind(loaded)
    else:
        with pytest.raises(ProtocolError, match="must be 'recalled' too"):
            bind(loaded)


def test_every_check_has_what_the_contract_asks_for() -> None:
    for name, check in all_checks().items():
        assert check.id == name
        assert issubclass(check.Parameters, BaseModel)
        assert check.Parameters.model_config.get("extra") == "forbid"
        assert check.needs_limit in {True, False, None}
        assert type(check).__doc__
