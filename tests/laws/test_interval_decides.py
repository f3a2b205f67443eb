"""Law 2: a measured number is an interval, and pass needs all of it inside the limit."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, PlanReport, RuleResult, Verdict

Judged = Callable[..., PlanReport]


def test_every_measured_number_has_bounds_that_hold_it(judged: Judged) -> None:
    report = judged()
    measured = [r.measured for r in report.results if r.measured is not None]
    assert measured
    assert all(m.low <= m.value <= m.high for m in measured)
    assert any(m.low < m.high for m in measured)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(39.9, 39.8, 40.0), Verdict.PASS),
        (Interval(39.9, 39.8, 40.1), Verdict.INDETERMINATE),
        (Interval(40.1, 39.9, 40.2), Verdict.INDETERMINATE),
        (Interval(40.3, 40.1, 40.4), Verdict.FAIL),
        (Interval.exact(40.0), Verdict.PASS),  # "more than 4 cm" excludes, so exactly 40 mm is eligible
    ],
)
def test_the_whole_interval_decides(
    results_of: Callable[[], dict[str, RuleResult]],
    monkeypatch: pytest.MonkeyPatch,
    interval: Interval,
    verdict: Verdict,
) -> None:
    measure = Derived.longest_axial_diameter
    monkeypatch.setattr(Derived, "longest_axial_diameter", lambda self, s: replace(measure(self, s), length=interval))
    assert results_of()["lesion-size"].verdict is verdict
