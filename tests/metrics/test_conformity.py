"""Conformity and fall-off: a ball in a dose that falls evenly with the distance from its middle."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric
from sbrtcheck.results import Interval

# The trilinear dose of a 2.5 mm grid moves an isodose of radius r by up to h^2 / (4 r) = 0.1 mm at r = 15 mm.
TRILINEAR = 0.03


def value(expression: str, derived) -> Interval:
    return parse_metric(expression).compute(derived.structure, derived)


@pytest.mark.parametrize(
    ("expression", "by_hand"),
    [
        ("R100", (15.0 / 12.0) ** 3),  # 45 Gy lies 15 mm from the middle, the target ends at 12 mm
        ("CI_RTOG", (15.0 / 12.0) ** 3),
        ("R50", (37.5 / 12.0) ** 3),  # 22.5 Gy lies at 37.5 mm
        ("GI_Paddick", (37.5 / 15.0) ** 3),
        ("CI_Paddick", (12.0 / 15.0) ** 3),  # the target is covered: TV / PIV
        ("D2cm[%]", 100.0 * 28.0 / 45.0),  # 32 mm from the middle
        ("D2cm[Gy]", 28.0),
        ("V100%[%]", 100.0),
    ],
)
def test_ball_in_a_radial_ramp(expression: str, by_hand: float, ball) -> None:
    found = value(expression, ball)
    assert found.value == pytest.approx(by_hand, rel=TRILINEAR)
    assert found.low <= by_hand <= found.high


def test_selective_but_not_covering(one_structure) -> None:
    # 50 Gy lies at 10 mm, inside the target of 12 mm: TV_PIV = PIV, and Paddick's index is PIV / TV.
    derived = one_structure(12.0, lambda x, y, z: np.maximum(60.0 - np.sqrt(x**2 + y**2 + z**2), 0.0), 50.0)
    found = value("CI_Paddick", derived)
    by_hand = (10.0 / 12.0) ** 3
    assert found.low <= by_hand <= found.high
    assert found.value == pytest.approx(by_hand, rel=0.05)  # an isodose of radius 10 mm on a 2.5 mm grid


def test_isodose_that_reaches_the_border_leaves_the_ratio_open(one_structure) -> None:
    derived = one_structure(12.0, lambda x, y, z: np.maximum(60.0 - np.sqrt(x**2 + y**2 + z**2), 0.0), 45.0, half=30.0)
    assert value("R50", derived).high == np.inf
    assert value("CI_Paddick", derived).low > 0.0
    assert np.isfinite(value("R100", derived).high)


def test_prescription_that_nothing_receives(one_structure) -> None:
    derived = one_structure(12.0, lambda x, y, z: 10.0 + 0.0 * x, 45.0)
    for expression in ("CI_Paddick", "GI_Paddick"):
        with pytest.raises(NotComputable, match="prescription isodose is 0"):
            value(expression, derived)
    assert value("R100", derived).value == 0.0


@pytest.mark.parametrize("expression", ["R50", "R100", "CI_RTOG", "CI_Paddick", "GI_Paddick", "D2cm[%]"])
def test_no_prescription_no_index(expression: str, one_structure) -> None:
    derived = one_structure(12.0, lambda x, y, z: np.maximum(60.0 - abs(x), 0.0), None)
    with pytest.raises(NotComputable, match="no dose is prescribed"):
        value(expression, derived)
