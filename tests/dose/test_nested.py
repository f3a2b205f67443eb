"""A structure between two bounds: its curve lies between theirs, in cm3 and in percent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest
from sbrtcheck.dose.nested import nested_curves

# Samples (Gy, cm3) of the sure part, and of what may belong to it, each with whether it does.
SURE = st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.01, 2.0)), min_size=1, max_size=12)
PERHAPS = st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.01, 2.0), st.booleans()), max_size=12)

QUANTITIES: list[Callable[[Dvh], float]] = [
    lambda dvh: dvh.maximum_gy,
    lambda dvh: dvh.minimum_gy,
    lambda dvh: dvh.mean_gy,
    lambda dvh: dvh.volume_at_least(20.0),
    lambda dvh: 100.0 * dvh.volume_at_least(20.0) / dvh.total_cm3,
    lambda dvh: dvh.total_cm3 - dvh.volume_at_least(12.5),
    lambda dvh: dose_to_hottest(dvh, 0.02 * dvh.total_cm3),
    lambda dvh: dose_to_hottest(dvh, 0.5 * dvh.total_cm3),
    lambda dvh: dose_to_hottest(dvh, 0.95 * dvh.total_cm3),
    lambda dvh: dose_to_hottest(dvh, 0.005),
    lambda dvh: dose_to_hottest(dvh, dvh.total_cm3 - 0.005),
]


def stepped(samples: list[tuple[float, float]]) -> Dvh:
    """Samples of one dose each: two knots a step."""
    pairs = sorted(samples, reverse=True)
    return Dvh(np.repeat([d for d, _ in pairs], 2), np.ravel([(0.0, v) for _, v in pairs]))


def curves(samples: list[tuple[float, float]]) -> DvhCurves:
    return DvhCurves(stepped(samples))


@given(SURE, PERHAPS)
@settings(max_examples=300, deadline=None)
def test_whatever_lies_between_is_bounded(
    sure: list[tuple[float, float]], perhaps: list[tuple[float, float, bool]]
) -> None:
    held = [(d, v) for d, v, is_in in perhaps if is_in]
    true = stepped([*sure, *held])
    found = nested_curves(curves(sure), curves(sure), curves([*sure, *[(d, v) for d, v, _ in perhaps]]))
    for quantity in QUANTITIES:
        interval, value = found.interval(quantity), quantity(true)
        # A dose counts from 1e-6 below its level, here as there; sums of 24 volumes are rounded.
        assert interval.low * (1.0 - 2e-6) - 1e-9 <= value <= interval.high * (1.0 + 2e-6) + 1e-9


@given(SURE)
@settings(max_examples=50, deadline=None)
def test_bounds_that_agree_add_nothing(sure: list[tuple[float, float]]) -> None:
    one = curves(sure)
    found = nested_curves(one, one, one)
    for quantity in QUANTITIES:
        interval = found.interval(quantity)
        # The steps of at most 12 samples are all kept, each to 1e-5 of its dose.
        assert interval.high - interval.low <= 2e-5 * max(abs(interval.high), 1.0)


def test_percent_and_volume_by_hand() -> None:
    # 1 cm3 of 30 Gy for sure; perhaps 1 cm3 of 50 Gy and 2 cm3 of 10 Gy.
    sure = [(30.0, 1.0)]
    found = nested_curves(curves(sure), curves(sure), curves([*sure, (50.0, 1.0), (10.0, 2.0)]))
    share = found.interval(lambda dvh: 100.0 * dvh.volume_at_least(20.0) / dvh.total_cm3)
    # Least with the cold and without the hot: 1 of 3; most with the hot alone: all.
    assert share.low == pytest.approx(100.0 / 3.0, abs=1e-9)  # rounding
    assert (share.value, share.high) == (100.0, pytest.approx(100.0, abs=1e-9))
    hot = found.interval(lambda dvh: dvh.volume_at_least(40.0))
    assert (hot.value, hot.low, hot.high) == (0.0, 0.0, pytest.approx(1.0, abs=1e-9))


def test_unknown_dose_stays_unknown() -> None:
    lost = DvhCurves(stepped([(30.0, 1.0)]), (Dvh([np.inf, 30.0], [1.0, 1.0]), Dvh([30.0, 0.0, 0.0], [1.0, 0.0, 1.0])))
    found = nested_curves(curves([(30.0, 1.0)]), curves([(30.0, 1.0)]), lost)
    assert found.interval(lambda dvh: dvh.maximum_gy).high == np.inf
    half = found.interval(lambda dvh: dose_to_hottest(dvh, 0.7 * dvh.total_cm3))
    assert (half.low, half.high) == (0.0, pytest.approx(30.0, rel=2e-5))  # steps are held to 1e-5
