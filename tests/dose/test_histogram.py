"""Boxes of dose in a cumulative histogram."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.histogram import Boxes, lay_box, lay_error


def lay(boxes: Boxes, curve: int, dose: float, half: float, volume: float) -> None:
    curves = boxes.ramps, boxes.plateau_gy, boxes.plateau_mm3
    lay_box(curves, curve, (boxes.low_gy, 1.0 / boxes.bin_gy), dose, half, volume)


@settings(max_examples=50, deadline=None)
@given(
    cells=st.lists(st.tuples(st.floats(10.0, 50.0), st.floats(0.01, 8.0), st.floats(0.1, 5.0)), min_size=1, max_size=30)
)
def test_the_curve_is_the_sum_of_its_boxes(cells) -> None:
    boxes = Boxes.between(0.0, 60.0, 2)
    for cell in cells:
        lay(boxes, 1, *cell)
    knots, found = boxes.knots_gy, boxes.at_least(1)
    exact = sum(v * np.clip((d + h - knots) / (2.0 * h), 0.0, 1.0) for d, h, v in cells)
    # Sums of some thousand differences in double precision.
    assert found == pytest.approx(exact, abs=1e-6)
    assert boxes.at_least(0) == pytest.approx(0.0 * knots, abs=1e-12)


def test_plateaus_stay_steps() -> None:
    boxes = Boxes.between(0.0, 60.0, 1)
    for dose, volume in ((50.0, 2.0), (20.0, 3.0), (50.0, 4.0)):
        lay(boxes, 0, dose, 0.0, volume)
    knots, found = boxes.knots_gy, boxes.at_least(0)
    for dose, above, at in ((50.0, 0.0, 6.0), (20.0, 6.0, 9.0)):
        assert found[knots == dose].tolist() == pytest.approx([above, at])
        assert found[knots > dose][-1] == pytest.approx(above)
        assert found[knots < dose][0] == pytest.approx(at)


def test_a_plateau_too_many_is_a_narrow_box() -> None:
    boxes = Boxes.between(0.0, 60.0, 1)
    for dose in np.linspace(1.0, 59.0, 40):
        lay(boxes, 0, float(dose), 0.0, 1.0)
    assert boxes.at_least(0)[-1] == pytest.approx(40.0)


def test_nothing_is_lost_at_the_ends_of_the_range() -> None:
    boxes = Boxes.between(10.0, 20.0, 1)
    for dose in (5.0, 10.0, 20.0, 25.0):
        lay(boxes, 0, dose, 3.0, 1.0)
    assert boxes.at_least(0)[-1] == pytest.approx(4.0)


def test_the_error_at_a_dose_is_that_of_the_cells_there() -> None:
    boxes = Boxes.between(0.0, 60.0, 1)
    for dose, error in ((10.0, 0.1), (50.0, 0.5)):
        lay(boxes, 0, dose, 1.0, 1.0)
        lay_error(boxes.unsure, (boxes.low_gy, 1.0 / boxes.bin_gy), dose, error, 1.0)
    at = np.interp([50.0, 30.0, 10.0], boxes.knots_gy[::-1], boxes.unsure_gy[::-1])
    # A quarter of a bin comes on top.
    assert at - 0.25 * boxes.bin_gy == pytest.approx([0.5, 0.3, 0.1], abs=0.01)
