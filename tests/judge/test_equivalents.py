"""Limits that lint takes for one are judged as one: ``CV12.5Gy[cc] >= 1500`` and ``DC1500cc[Gy] <= 12.5``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.judge.compare import compare
from sbrtcheck.judge.oddities import measured
from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import Structure
from sbrtcheck.protocol import Rule
from sbrtcheck.results import Limit, Verdict

LUNGS = Structure(1, "Lungs", "", ())
# Knots with a volume each: the curve is straight between them, as measured ones are.
CURVES = st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.5, 20.0)), min_size=3, max_size=12)


def curve(samples: list[tuple[float, float]], shift: float = 0.0) -> Dvh:
    return Dvh([dose + shift for dose, _ in samples], [volume for _, volume in samples])


def verdict(metric: str, op: str, value: float, unit: str, curves: DvhCurves) -> Verdict:
    case: Any = SimpleNamespace(dvh=lambda _: curves)
    limit = Limit.model_validate({"op": op, "per_protocol": value, "unit": unit})
    return compare(parse_metric(metric).compute(LUNGS, case), limit)[0]


PAIRS = [
    (("CV{d}Gy[cc]", ">=", "v"), ("DC{v}cc[Gy]", "<=", "d")),
    (("V{d}Gy[cc]", "<=", "v"), ("D{v}cc[Gy]", "<=", "d")),
    (("V{d}Gy[cc]", ">=", "v"), ("D{v}cc[Gy]", ">=", "d")),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@given(samples=CURVES, dose=st.integers(1, 59), share=st.integers(1, 9), error=st.sampled_from([0.0, 2.0]))
@settings(max_examples=100, deadline=None)
def test_both_come_to_the_same(
    first: tuple[str, str, str], second: tuple[str, str, str], samples: Any, dose: int, share: int, error: float
) -> None:
    doses = np.sort([d for d, _ in samples])
    # At a step of the curve one volume has many doses, and a dose counts as at a level from 1e-6 below it.
    assume(np.diff(doses).min() > 1e-3)
    volume = round(curve(samples).total_cm3 * share / 10.0, 3)
    best = curve(samples)
    assume(abs(best.volume_at_least(dose) - volume) > 1e-3)
    assume(abs(best.total_cm3 - best.volume_at_least(dose) - volume) > 1e-3)
    bounds = (curve(samples, error), Dvh([max(d - error, 0.0) for d, _ in samples], [v for _, v in samples]))
    for one in (best, *bounds):
        # All of the hottest knot has its dose, so a limit just there is met by the one and not by the other.
        assume(abs(one.maximum_gy - dose) > 1e-3)
        assume(abs(one.volume_at_least(dose) - volume) > 1e-3)
        assume(abs(one.total_cm3 - one.volume_at_least(dose) - volume) > 1e-3)
    curves = DvhCurves(best, bounds)
    values = {"d": float(dose), "v": volume}
    units = {"d": "Gy", "v": "cc"}
    found = {
        verdict(metric.format(d=dose, v=volume), op, values[kind], units[kind], curves)
        for metric, op, kind in (first, second)
    }
    assert len(found) == 1


def rule(metric: str, op: str, value: float, unit: str) -> Rule:
    parts = {"id": "r", "title": "R", "check": "dose-metric", "source": "s", "confidence": "verified"}
    parts |= {"parameters": {"metric": metric, "structures": ["Lungs"]}}  # type: ignore[dict-item]
    return Rule.model_validate(parts | {"limit": {"op": op, "per_protocol": value, "unit": unit}})


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_lint_knows_them(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    values, units = {"d": 20.0, "v": 10.0}, {"d": "Gy", "v": "cc"}
    keys = [
        [key for key, _ in measured(rule(metric.format(d=20, v=10), op, values[kind], units[kind]))]
        for metric, op, kind in (first, second)
    ]
    assert keys[0] == keys[1]
    assert keys[0]


def test_effects_are_kept_apart() -> None:
    physical, effect = (rule(f"D10cc[Gy]{suffix}", "<=", 20.0, "Gy") for suffix in ("", "@EQD2(a/b=3)"))
    assert [key for key, _ in measured(physical)] != [key for key, _ in measured(effect)]
