"""A dose metric of named structures."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from sbrtcheck.checks import Task, dose_metric
from sbrtcheck.checks.dose_metric import CHECK, Parameters
from sbrtcheck.checks.patient_age import CHECK as AGE
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import Remark
from sbrtcheck.model import Structure
from sbrtcheck.protocol import Declared, Rule
from sbrtcheck.results import Interval, Outcome, Verdict

RULE = Rule.model_validate(
    {"id": "r", "title": "R", "check": "dose-metric", "source": "s", "confidence": "verified"}
    | {"limit": {"op": "<=", "per_protocol": 30.0, "unit": "Gy"}}
)
BARE: Any = SimpleNamespace(id="p", structures={})
CORD = Structure(4, "Moelle", "ORGAN", ())


def run(monkeypatch: pytest.MonkeyPatch, named: dict[str, tuple[Structure, ...]], value: Any) -> tuple[Outcome, ...]:
    def compute(structure: Structure, derived: Any) -> Interval:
        if isinstance(value, Exception):
            raise value
        return value  # type: ignore[no-any-return]

    metric = SimpleNamespace(unit="Gy", compute=compute)
    asked = Parameters.model_validate({"metric": "D0.03cc[Gy]", "structures": ["SpinalCord"]})
    monkeypatch.setattr(dose_metric, "parse_metric", lambda text: metric)
    derived: Any = SimpleNamespace(named=lambda *names: named.get(names[0], ()))
    return CHECK.run(Task(RULE, BARE, asked, Declared()), derived)


def test_a_structure_of_that_name_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    (outcome,) = run(monkeypatch, {"SpinalCord": (CORD,)}, Interval(20.0, 19.0, 21.0))
    assert outcome.measured == Interval(20.0, 19.0, 21.0)
    assert outcome.roi_number == 4
    assert outcome.limit == RULE.limit


def test_a_missing_structure_is_not_evaluated_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    (outcome,) = run(monkeypatch, {}, Interval.exact(1.0))
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "SpinalCord" in outcome.reason


def test_what_cannot_be_computed_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    (outcome,) = run(monkeypatch, {"SpinalCord": (CORD,)}, NotComputable("holds 0.01 cm3"))
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "0.01" in outcome.reason


def test_a_target_without_contours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, empty = Structure(1, "PTV1", "PTV", ()), Structure(2, "PTV2", "PTV", ())
    monkeypatch.setattr(
        dose_metric,
        "parse_metric",
        lambda text: SimpleNamespace(unit="Gy", compute=lambda structure, derived: Interval.exact(20.0)),
    )
    target = SimpleNamespace(structure=empty, role=SimpleNamespace(role="PTV"))
    derived: Any = SimpleNamespace(
        lesions=[SimpleNamespace(outermost=drawn)], grouping=SimpleNamespace(undrawn=(target,))
    )
    asked = Parameters.model_validate({"metric": "D0.03cc[Gy]", "of_targets": True})
    first, second = CHECK.run(Task(RULE, BARE, asked, Declared()), derived)
    assert first.measured == Interval.exact(20.0)
    assert (second.verdict, second.roi_number) == (Verdict.NOT_EVALUATED, 2)


@pytest.mark.parametrize(
    "asked",
    [
        {"metric": "D30[Gy]", "structures": ["SpinalCord"]},
        {"metric": "D0.03cc[Gy]", "structures": ["Moelle"]},
        {"metric": "D0.03cc[Gy]"},
        {"metric": "D0.03cc[Gy]", "structures": ["SpinalCord"], "of_targets": True},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate(asked)


def test_what_a_metric_says_beside_its_value_stands_in_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    remark = Remark("other targets lie in the same dose", "a plan for this target alone would decide")
    metric = SimpleNamespace(
        unit="Gy", compute=lambda structure, derived: Interval(31.0, 0.0, 32.0), remarks=lambda *both: (remark,)
    )
    monkeypatch.setattr(dose_metric, "parse_metric", lambda text: metric)
    asked = Parameters.model_validate({"metric": "D0.03cc[Gy]", "structures": ["SpinalCord"]})
    derived: Any = SimpleNamespace(named=lambda *names: (CORD,))
    (outcome,) = CHECK.run(Task(RULE, BARE, asked, Declared()), derived)
    assert outcome.reason.endswith("; other targets lie in the same dose")
    assert outcome.would_decide == "a plan for this target alone would decide"


@pytest.mark.parametrize("age", [None, 61.4])
def test_age(age: float | None) -> None:
    derived: Any = SimpleNamespace(case=SimpleNamespace(patient_age_years=age))
    (outcome,) = AGE.run(Task(RULE, BARE, AGE.Parameters(), Declared()), derived)
    if age is None:
        assert outcome.verdict is Verdict.NOT_EVALUATED
    else:
        assert outcome.measured == Interval.exact(age)
