"""Conformity and fall-off: a ball in a dose that falls evenly with the distance from its middle."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric, remarks
from sbrtcheck.model import Structure
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
        ("Spill100%[cc]", 4.0 / 3.0 * np.pi * (1.5**3 - 1.2**3)),
        ("Spill50%[cc]", 4.0 / 3.0 * np.pi * (3.75**3 - 1.2**3)),
        ("Spill100%[%]", 100.0 * ((15.0 / 12.0) ** 3 - 1.0)),
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


@pytest.mark.parametrize(
    "expression", ["R50", "R100", "CI_RTOG", "CI_Paddick", "GI_Paddick", "D2cm[%]", "Spill50%[cc]"]
)
def test_no_prescription_no_index(expression: str, one_structure) -> None:
    derived = one_structure(12.0, lambda x, y, z: np.maximum(60.0 - abs(x), 0.0), None)
    with pytest.raises(NotComputable, match="no dose is prescribed"):
        value(expression, derived)


OTHER = Structure(8, "PTV2", "PTV", ())


@pytest.fixture
def beside(ball, monkeypatch: pytest.MonkeyPatch):
    """The ball with a second target that receives 30 Gy: inside 22.5 Gy, half the prescription."""
    monkeypatch.setattr(ball, "others", (OTHER,))
    monkeypatch.setattr(ball, "others_gy", 30.0)
    return ball


@pytest.mark.parametrize("expression", ["R50", "R100", "CI_RTOG", "D2cm[%]", "Spill50%[cc]", "Spill105%[%]"])
def test_another_target_in_the_isodose_leaves_an_upper_bound(expression: str, ball, beside) -> None:
    found = value(expression, beside)
    assert found.low == 0.0
    assert found.value <= found.high < np.inf
    (remark,) = remarks(parse_metric(expression), beside.structure, beside)
    assert "ROI 8" in remark.text
    assert "upper bound" in remark.text
    assert remark.would_decide


def test_another_target_leaves_the_gradient_open_and_conformity_below_the_coverage(beside) -> None:
    # Without the other target both isodose volumes are smaller, by how much nobody knows.
    gradient = value("GI_Paddick", beside)
    assert (gradient.low, gradient.high) == (1.0, np.inf)
    conformity = value("CI_Paddick", beside)
    assert conformity.low == 0.0
    assert conformity.high == pytest.approx(1.0)  # the target is covered: it may be as conformal as that
    for expression in ("GI_Paddick", "CI_Paddick"):
        assert remarks(parse_metric(expression), beside.structure, beside)


@pytest.mark.parametrize("expression", ["D95%[Gy]", "Max[Gy]", "V100%[%]", "HI_ICRU83", "Dnearmax[Gy]", "Volume[cc]"])
def test_what_is_counted_in_the_target_alone_needs_no_remark(expression: str, beside) -> None:
    assert remarks(parse_metric(expression), beside.structure, beside) == ()
    assert value(expression, beside).low > 0.0


def test_another_target_outside_half_the_prescription_changes_nothing(ball, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ball, "others", (OTHER,))
    monkeypatch.setattr(ball, "others_gy", 20.0)
    assert value("R50", ball).low > 0.0
    assert remarks(parse_metric("R50"), ball.structure, ball) == ()
    # An isodose below one half is looked at as far out as it reaches: 18 Gy.
    assert value("Spill40%[cc]", ball).low == 0.0
    assert remarks(parse_metric("Spill40%[cc]"), ball.structure, ball)


def test_nothing_spills_from_a_target_that_is_larger_than_the_isodose(one_structure) -> None:
    # 50 Gy lies at 10 mm, inside the target of 12 mm.
    derived = one_structure(12.0, lambda x, y, z: np.maximum(60.0 - np.sqrt(x**2 + y**2 + z**2), 0.0), 50.0)
    found = value("Spill100%[cc]", derived)
    assert found.low == 0.0
    assert found.value < 0.05 * 4.0 / 3.0 * np.pi  # both volumes of 4.19 cm3 are measured on a 2.5 mm grid
