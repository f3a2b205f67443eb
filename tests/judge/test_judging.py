"""What becomes of the outcomes of a check, and what binding refuses."""

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


def protocol(confidence: str = "verified", **rule: Any) -> ProtocolFile:
    return ProtocolFile.model_validate(
        {
            "schema": "sbrtcheck-protocol/1",
            "id": "test",
            "title": "Test",
            "version": "1.0.0",
            "sources": [{"id": "s", "title": "A source", "level": "primary"}],
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


def test_an_indeterminate_result_says_what_would_decide() -> None:
    result = judged(Stub(Outcome("x", measured=Interval(2.0, 1.0, 3.5), unit="mm", limit=LIMIT)))
    assert result.verdict is Verdict.INDETERMINATE
    assert "would decide" in result.reason


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


def test_every_check_has_what_the_contract_asks_for() -> None:
    for name, check in all_checks().items():
        assert check.id == name
        assert issubclass(check.Parameters, BaseModel)
        assert check.Parameters.model_config.get("extra") == "forbid"
        assert check.needs_limit in {True, False, None}
        assert type(check).__doc__
