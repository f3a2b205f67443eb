"""Limits that a table gives for the volume of the PTV."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sbrtcheck.checks import Task, conformity_table
from sbrtcheck.checks.conformity_table import CHECK, Parameters
from sbrtcheck.judge import compare
from sbrtcheck.metrics import Remark
from sbrtcheck.model import Structure
from sbrtcheck.protocol import Declared
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import Interval, Outcome, Verdict

FILE = load_protocol("rtog-0813-0915-conformity").file
R50 = next(rule for rule in FILE.rules if rule.id == "conformity-r50")


def run(
    monkeypatch: pytest.MonkeyPatch,
    size: Interval,
    measured: Interval,
    ptvs: int = 1,
    without_ptv: int = 0,
    undrawn: int = 0,
) -> Outcome:
    """Judge the first of some PTVs of one size, whose R50 is given; lesions that lack one must be named."""
    lesions = []
    for number in range(1, ptvs + 1):
        ptv = Structure(number, f"PTV{number}", "PTV", ())
        lesions.append(SimpleNamespace(id=f"lesion {number}", ptv=ptv, gtv=None, measured=ptv))
    for number in range(ptvs + 1, ptvs + 1 + without_ptv):
        gtv = Structure(number, f"GTV{number}", "GTV", ())
        lesions.append(SimpleNamespace(id=f"lesion {number}", ptv=None, gtv=gtv, measured=gtv))
    role, empty = SimpleNamespace(role="PTV"), Structure(99, "PTV_old", "PTV", ())
    grouping = SimpleNamespace(undrawn=(SimpleNamespace(structure=empty, role=role),) * undrawn)
    derived: Any = SimpleNamespace(lesions=lesions, grouping=grouping, volume=lambda structure: size)
    several = ptvs + without_ptv > 1
    remark = Remark("it is an upper bound", "that would decide")
    metric = SimpleNamespace(
        unit="",
        compute=lambda structure, derived: Interval(measured.value, 0.0, measured.high) if several else measured,
        remarks=lambda structure, derived: (remark,) if several else (),
    )
    monkeypatch.setattr(conformity_table, "parse_metric", lambda text: metric)
    asked = Parameters.model_validate(R50.parameters, context={"tables": FILE.tables})
    outcomes = CHECK.run(Task(R50, FILE, asked, Declared()), derived)
    assert len(outcomes) == ptvs + without_ptv + undrawn
    assert all(outcome.verdict is Verdict.NOT_EVALUATED for outcome in outcomes[ptvs:])
    return outcomes[0]


@pytest.mark.parametrize(
    ("cm3", "none", "minor"),
    [
        (1.8, 5.9, 7.5),  # first row
        (13.2, 4.7, 5.8),
        (10.3, 4.9, 5.9),  # half way from 7.4 to 13.2
        (130.0, 3.1 - 0.2 * 4 / 37, 4.0 - 0.3 * 4 / 37),
        (144.5, 3.0, 3.85),  # half way from 126 to 163: the step that some programs leave out
        (163.0, 2.9, 3.7),  # last row
    ],
)
def test_limits_are_interpolated(monkeypatch: pytest.MonkeyPatch, cm3: float, none: float, minor: float) -> None:
    limit = run(monkeypatch, Interval.exact(cm3), Interval.exact(1.0)).limit
    assert limit is not None
    # Linear interpolation of numbers of two digits: good to rounding.
    assert (limit.per_protocol, limit.variation) == pytest.approx((none, minor), abs=1e-12)


@pytest.mark.parametrize("cm3", [1.7, 1.79, 163.1, 0.01, 900.0])
def test_outside_the_table_the_rule_is_not_applicable(monkeypatch: pytest.MonkeyPatch, cm3: float) -> None:
    assert run(monkeypatch, Interval.exact(cm3), Interval.exact(1.0)).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize("size", [Interval(1.8, 1.7, 1.9), Interval(162.0, 160.0, 164.0)])
def test_an_end_of_the_table_inside_the_error_is_indeterminate(monkeypatch: pytest.MonkeyPatch, size: Interval) -> None:
    assert run(monkeypatch, size, Interval.exact(1.0)).verdict is Verdict.INDETERMINATE


def test_the_error_of_the_volume_is_carried_into_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # At 13.2 cm3 the limit is 4.7; within 10.3 to 17.6 cm3 it moves from 4.9 to 4.6, the minor one from 5.9 to 5.65.
    outcome = run(monkeypatch, Interval(13.2, 10.3, 17.6), Interval.exact(4.65))
    assert outcome.measured is not None
    assert outcome.limit is not None
    assert outcome.measured.low == pytest.approx(4.65 - 0.2)
    assert outcome.measured.high == pytest.approx(4.65 + 0.15)
    assert compare(outcome.measured, outcome.limit) == (Verdict.VARIATION, True)


def test_a_second_target_leaves_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Interval.exact(13.2)
    poor = run(monkeypatch, size, Interval.exact(9.0), ptvs=2)
    good = run(monkeypatch, size, Interval.exact(4.0), ptvs=2)
    assert poor.measured is not None
    assert poor.limit is not None
    assert compare(poor.measured, poor.limit)[0] is Verdict.INDETERMINATE
    assert good.measured is not None
    assert good.limit is not None
    assert compare(good.measured, good.limit)[0] is Verdict.PASS


def test_a_lesion_without_ptv_adds_dose_too(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = run(monkeypatch, Interval.exact(13.2), Interval.exact(9.0), without_ptv=1)
    assert poor.measured is not None
    assert poor.limit is not None
    assert compare(poor.measured, poor.limit)[0] is Verdict.INDETERMINATE
    assert "would decide" in poor.would_decide
    assert "upper bound" in poor.reason


def test_an_empty_ptv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    good = run(monkeypatch, Interval.exact(13.2), Interval.exact(4.0), undrawn=1)
    assert good.measured == Interval.exact(4.0)


@given(st.floats(2.0, 160.0), st.floats(0.0, 30.0), st.floats(0.0, 30.0), st.floats(1.0, 9.0))
def test_a_pass_holds_for_every_volume_within_its_error(below: float, above: float, rest: float, value: float) -> None:
    low, high = max(1.8, below - above), min(163.0, below + rest)
    with pytest.MonkeyPatch.context() as patch:
        outcome = run(patch, Interval(below, low, high), Interval.exact(value))
        assert outcome.measured is not None
        assert outcome.limit is not None
        verdict = compare(outcome.measured, outcome.limit)[0]
        for place in np.linspace(low, high, 7):
            there = run(patch, Interval.exact(float(place)), Interval.exact(value))
            assert there.measured is not None
            assert there.limit is not None
            if verdict in {Verdict.PASS, Verdict.FAIL}:
                assert compare(there.measured, there.limit)[0] is verdict


def test_the_limits_are_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run(monkeypatch, Interval.exact(13.2), Interval.exact(4.7))
    assert outcome.measured is not None
    assert outcome.limit is not None
    assert compare(outcome.measured, outcome.limit)[0] is Verdict.VARIATION


@pytest.mark.parametrize("change", [{"table": "other"}, {"variation": "r51"}, {"metric": "R30[Gy]"}])
def test_what_is_not_in_the_file_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate(R50.parameters | change, context={"tables": FILE.tables})


def test_an_acceptable_deviation_that_is_narrower_is_refused() -> None:
    turned = R50.parameters | {"per_protocol": "r50_minor", "variation": "r50_none"}
    with pytest.raises(ValidationError, match="not wider"):
        Parameters.model_validate(turned, context={"tables": FILE.tables})
