"""Targets of other lesions in the same dose, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric, remarks

R50 = parse_metric("R50")


def two_hills(second_gy: float) -> Any:
    """60 Gy round the origin and another hill 60 mm beside it, both falling by 3 Gy a millimetre."""

    def gray(x: Any, y: Any, z: Any) -> Any:
        first = 60.0 - 3.0 * np.sqrt(x**2 + y**2 + z**2)
        second = second_gy - 3.0 * np.sqrt((x - 60.0) ** 2 + y**2 + z**2)
        return np.maximum(np.maximum(first, second), 0.0)

    return gray


def targets(draw: Any) -> list[Any]:
    return [
        draw.sphere(1, "GTV1", (0, 0, 0), 6),
        draw.sphere(2, "PTV1", (0, 0, 0), 9, kind="PTV"),
        draw.sphere(3, "GTV2", (60, 0, 0), 6),
        draw.sphere(4, "PTV2", (60, 0, 0), 9, kind="PTV"),
    ]


def test_a_second_target_in_half_the_prescription_is_said_and_leaves_an_upper_bound(draw: Any) -> None:
    derived = draw.patient(targets(draw), dose=draw.dose(two_hills(60.0)), plan=draw.plan((40.0, 2), (40.0, 4)))
    ptv = derived.structures[1]
    assert [s.roi_number for s in derived.others_in_isodose(ptv, 20.0)] == [4]
    found = R50.compute(ptv, derived)
    assert found.low == 0.0
    (remark,) = remarks(R50, ptv, derived)
    assert "ROI 4" in remark.text
    (notice,) = [n for n in derived.notices if n.code == "other-target-in-isodose"]
    assert "ROI 4" in notice.message
    assert (notice.where, notice.severity) == ("ROI 2", "warning")


def test_a_second_target_in_little_dose_changes_nothing(draw: Any) -> None:
    derived = draw.patient(targets(draw), dose=draw.dose(two_hills(15.0)), plan=draw.plan((40.0, 2), (15.0, 4)))
    ptv = derived.structures[1]
    assert derived.others_in_isodose(ptv, 20.0) == ()
    assert R50.compute(ptv, derived).low > 0.0
    assert remarks(R50, ptv, derived) == ()
    assert "other-target-in-isodose" not in {n.code for n in derived.notices}
    # Seen from the weaker prescription the stronger target does count: 60 Gy is more than 7.5 Gy.
    assert [s.roi_number for s in derived.others_in_isodose(derived.structures[3], 7.5)] == [2]


def test_targets_of_the_same_lesion_are_no_others(draw: Any) -> None:
    derived = draw.patient(targets(draw)[:2], dose=draw.dose(two_hills(60.0)), plan=draw.plan((40.0, 2)))
    for structure in derived.structures:
        assert derived.others_in_isodose(structure, 1.0) == ()


def test_a_target_whose_dose_is_not_known_counts(draw: Any) -> None:
    # The second target lies outside the dose grid.
    away = [draw.sphere(3, "GTV2", (500, 0, 0), 6), draw.sphere(4, "PTV2", (500, 0, 0), 9, kind="PTV")]
    derived = draw.patient([*targets(draw)[:2], *away], dose=draw.dose(two_hills(0.0)), plan=draw.plan((40.0, 2)))
    assert [s.roi_number for s in derived.others_in_isodose(derived.structures[1], 20.0)] == [4]


def test_the_effect_of_an_organ_takes_the_fractions_of_the_plan(draw: Any) -> None:
    cord = draw.sphere(5, "SpinalCord", (0, 25, 0), 5)
    dose = draw.dose(two_hills(60.0))
    metric = parse_metric("Max[Gy]@EQD2(a/b=2)")
    derived = draw.patient([*targets(draw), cord], dose=dose, plan=draw.plan((40.0, 2), (30.0, 4)))
    physical = parse_metric("Max[Gy]").compute(cord, derived)
    # Two prescriptions of different dose, both in 5 fractions: EQD2 = D (D / 5 + 2) / (2 + 2).
    assert metric.compute(cord, derived).value == pytest.approx(physical.value * (physical.value / 5 + 2) / 4)
    (told,) = [a for a in derived.assumptions if a.topic == "effective dose"]
    assert "EQD2(a/b=2) of ROI 5" in told.text
    assert "n = 5 fractions" in told.text
    assert [a.topic for a in draw.patient([cord]).assumptions] == ["structure"]


@pytest.mark.parametrize("fractions", [None])
def test_without_a_number_of_fractions_there_is_no_effect(draw: Any, fractions: int | None) -> None:
    plan = draw.plan((40.0, 2), (40.0, 4), fractions=fractions)
    derived = draw.patient(targets(draw), dose=draw.dose(two_hills(60.0)), plan=plan)
    for structure in derived.structures:
        with pytest.raises(NotComputable, match="no number of fractions"):
            parse_metric("Mean[Gy]@BED(a/b=10)").compute(structure, derived)
    assert not [a for a in derived.assumptions if a.topic == "effective dose"]


def test_an_effective_dose_is_not_turned_once_more(draw: Any) -> None:
    from dataclasses import replace

    dose = replace(draw.dose(two_hills(60.0)), kind="EFFECTIVE")
    derived = draw.patient(targets(draw), dose=dose, plan=draw.plan((40.0, 2), (40.0, 4)))
    with pytest.raises(NotComputable, match="stored as an effective dose"):
        parse_metric("Mean[Gy]@EQD2(a/b=3)").compute(derived.structures[0], derived)


def test_a_sum_over_two_plans_has_no_number_of_fractions(draw: Any) -> None:
    from dataclasses import replace

    dose = replace(draw.dose(two_hills(60.0)), referenced_plan_uids=("1.2.1", "1.2.2"))
    derived = draw.patient(targets(draw), dose=dose, plan=draw.plan((40.0, 2), (40.0, 4)))
    with pytest.raises(NotComputable, match="several plans"):
        derived.fractions(derived.structures[0])
