"""Sums of courses: closed forms by hand, laws, and structures that a course does not reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.accumulation import Accumulated, Part, accumulated, accumulated_curves, plan_part, unreached_share
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import dose_to_hottest, dvh_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, FloatArray, Lattice, frozen

EQD2_AB3 = Effect("EQD2", 3.0)
ONE_ULP = 2e-7  # relative: doses are kept in 32 bits


def grid(n: int = 6, step: float = 2.0) -> Lattice:
    ticks = step * np.arange(n)
    return Lattice(frozen(ticks), frozen(ticks), frozen(ticks), frozen(np.eye(4)))


def dose(values: FloatArray | float, lattice: Lattice | None = None, quantisation_gy: float = 0.0) -> Dose:
    lattice = lattice or grid()
    filled = np.broadcast_to(values, lattice.shape)
    return Dose(frozen(filled, np.float32), lattice, "PHYSICAL", "1.2", quantisation_gy, ("1.2.1",))


def part(values: FloatArray | float, fractions: int | None, uid: str, **more: object) -> Part:
    filled = dose(values).dose_gy
    known = np.ones(filled.shape, dtype=bool)
    made = Part(f"course {uid}", filled, filled, filled, known, fractions, (uid,))
    return replace(made, **more)  # type: ignore[arg-type]


def hottest(cm3: float):
    return lambda dvh: dose_to_hottest(dvh, cm3)


# Voxel by voxel, by hand


def test_two_courses_by_hand() -> None:
    # 30 Gy in 5: 30 (6 + 3) / 5 = 54; 40 Gy in 20: 40 (2 + 3) / 5 = 40. Sum 94 Gy.
    total = accumulated(dose(30.0), [plan_part(dose(30.0), "plan", 5), part(40.0, 20, "2")], EQD2_AB3)
    np.testing.assert_allclose(total.best.dose_gy, 94.0, rtol=ONE_ULP)
    assert total.best.kind == total.low.kind == total.high.kind == "EFFECTIVE"


def test_converting_the_sum_is_another_number() -> None:
    total = accumulated(dose(30.0), [plan_part(dose(30.0), "plan", 5), part(40.0, 20, "2")], EQD2_AB3)
    # 70 Gy in 25 fractions: 70 (2.8 + 3) / 5 = 81.2, not 94.
    summed_first = EQD2_AB3.of(70.0, 25)
    assert summed_first == pytest.approx(81.2)
    assert float(total.best.dose_gy[0, 0, 0]) - float(summed_first) == pytest.approx(12.8, abs=1e-4)  # 32-bit 94


def test_physical_dose_is_added_as_it_is() -> None:
    total = accumulated(dose(30.0), [plan_part(dose(30.0), "plan", None), part(40.0, None, "2")], None)
    np.testing.assert_array_equal(total.best.dose_gy, np.float32(70.0))
    assert total.best.kind == "PHYSICAL"
    assert "physical" in total.text


def test_voxels_are_converted_one_by_one() -> None:
    ramp = np.linspace(0.0, 60.0, 6)
    total = accumulated(dose(ramp), [plan_part(dose(ramp), "plan", 5), part(ramp[::-1], 30, "2")], Effect("BED", 2.0))
    bed = ramp * (1 + ramp / 10.0) + ramp[::-1] * (1 + ramp[::-1] / 60.0)
    np.testing.assert_allclose(total.best.dose_gy, np.broadcast_to(bed, (6, 6, 6)), rtol=ONE_ULP)


def test_zero_earlier_dose_leaves_the_effect_of_the_plan() -> None:
    plan = dose(np.linspace(0.0, 60.0, 6))
    total = accumulated(plan, [plan_part(plan, "plan", 5), part(0.0, 20, "2")], EQD2_AB3)
    np.testing.assert_array_equal(total.best.dose_gy, EQD2_AB3.of(plan.dose_gy, 5).astype(np.float32))


def test_the_same_course_twice_is_twice_its_effect() -> None:
    plan = dose(24.0)
    total = accumulated(plan, [plan_part(plan, "plan", 3), part(24.0, 3, "2")], EQD2_AB3)
    np.testing.assert_allclose(total.best.dose_gy, 2.0 * EQD2_AB3.of(24.0, 3), rtol=ONE_ULP)


@settings(max_examples=30, deadline=None)
@given(doses=st.permutations([(11.1, 3), (22.7, 7), (33.3, 15), (0.1, 1)]))
def test_order_changes_no_digit(doses: list[tuple[float, int]]) -> None:
    parts = [part(gy, n, f"1.{n}") for gy, n in doses]
    total = accumulated(dose(1.0), parts, EQD2_AB3)
    ordered = accumulated(dose(1.0), sorted(parts, key=lambda p: p.uids), EQD2_AB3)
    np.testing.assert_array_equal(total.best.dose_gy, ordered.best.dose_gy)


def test_order_changes_no_digit_of_numbers_that_show_it() -> None:
    # 2**24 + 1 lies half way between two 32-bit numbers; what four crumbs add is lost unless they come first.
    parts = [part(2.0**24, 1, "1"), part(1.0, 1, "2"), *(part(2.0**-30, 1, f"3.{n}") for n in range(4))]
    sums = [accumulated(dose(1.0), order, None).best.dose_gy for order in (parts, parts[::-1])]
    np.testing.assert_array_equal(*sums)


def test_recovery_lessens_the_effect_and_is_told() -> None:
    parts = [plan_part(dose(30.0), "plan", 5), part(40.0, 20, "2", recovery=0.25)]
    total = accumulated(dose(30.0), parts, EQD2_AB3)
    np.testing.assert_allclose(total.best.dose_gy, 54.0 + 30.0, rtol=ONE_ULP)  # 40 Gy EQD2 less a quarter
    assert "25 % recovered" in total.text
    unset = accumulated(dose(30.0), [parts[0], part(40.0, 20, "2")], EQD2_AB3)
    assert "recovered" not in unset.text
    physical = accumulated(dose(30.0), parts, None)
    np.testing.assert_array_equal(physical.best.dose_gy, np.float32(70.0))


@pytest.mark.parametrize("recovery", [-0.1, 1.1, np.nan])
def test_recovery_is_a_share(recovery: float) -> None:
    with pytest.raises(ValueError, match="not a share"):
        part(1.0, 1, "2", recovery=recovery)


def test_unknown_fractions_have_no_effect_but_a_physical_sum() -> None:
    parts = [plan_part(dose(30.0), "plan", 5), part(40.0, None, "2")]
    with pytest.raises(NotComputable, match="number of fractions of course 2 is not known"):
        accumulated(dose(30.0), parts, EQD2_AB3)
    assert accumulated(dose(30.0), parts, None).best.dose_gy.max() == 70.0


def test_an_effective_dose_is_not_added() -> None:
    with pytest.raises(NotComputable, match="effective dose"):
        plan_part(replace(dose(1.0), kind="EFFECTIVE"), "plan", 5)


def test_bounds_hold_the_stored_step() -> None:
    plan = dose(30.0, quantisation_gy=0.5)
    total = accumulated(plan, [plan_part(plan, "plan", 5)], None)
    assert (total.low.dose_gy.max(), total.high.dose_gy.max()) == (29.5, 30.5)
    assert total.best.quantisation_gy == 0.0  # it is in the bounds


# Histograms


def ramps(make) -> tuple[Dose, Accumulated]:
    plan = make.dose(lambda x, y, z: 30.0 + 0.3 * x + 0 * y + 0 * z)
    earlier = make.dose(lambda x, y, z: 20.0 + 0.2 * y + 0 * x + 0 * z).dose_gy
    known = np.ones(earlier.shape, dtype=bool)
    parts = [plan_part(plan, "plan", 5), Part("earlier", earlier, 0.9 * earlier, 1.1 * earlier, known, 10, ("2",))]
    return plan, accumulated(plan, parts, None)


def test_curves_of_one_course_are_those_of_its_dose(make) -> None:
    plan, _ = ramps(make)
    region = make.sphere(15.0)
    alone = dvh_curves(region, plan)
    summed = accumulated_curves(region, accumulated(plan, [plan_part(plan, "plan", 5)], None))
    for quantity in (hottest(0.03), hottest(5.0), lambda d: d.mean_gy, lambda d: d.minimum_gy):
        assert summed.interval(quantity) == alone.interval(quantity)


def test_interval_holds_all_three_doses(make) -> None:
    _, total = ramps(make)
    region = make.sphere(15.0)
    found = accumulated_curves(region, total).interval(lambda d: d.mean_gy)
    # Mean over a centred sphere: 30 + 20 +- 10 % of 20.
    assert found.value == pytest.approx(50.0, abs=0.05)
    assert found.low <= 48.0 + 0.05
    assert found.high >= 52.0 - 0.05
    assert found.high - found.low < 4.5  # the bounds of the part, and little more


# What a course does not reach


def half_reached(make, edge_mm: float = 1.0, earlier_gy: float = 20.0) -> Accumulated:
    """30 Gy now; an earlier dose that ends at x = edge."""
    plan = make.dose(lambda x, y, z: 30.0 + 0 * x + 0 * y + 0 * z)
    reached = np.broadcast_to(plan.lattice.i_mm <= edge_mm, plan.lattice.shape)
    filled = np.full(plan.lattice.shape, earlier_gy)
    earlier = Part("earlier", filled, filled, filled, reached, 10, ("2",))
    return accumulated(plan, [plan_part(plan, "plan", 5), earlier], None)


def test_half_reached_has_no_upper_bound_and_a_lower_one(make) -> None:
    region = make.sphere(15.0)
    curves = accumulated_curves(region, half_reached(make))
    found = curves.interval(hottest(0.03))
    assert found.high == np.inf
    assert 49.0 < found.low <= 50.02  # what is known: 30 + 20 Gy, and 0.1 % of the step of 20 Gy
    assert found.value == pytest.approx(50.0, abs=2.0)  # the cubic overshoots beside the end of the course
    assert curves.outside_fraction == pytest.approx(0.5, abs=0.05)  # the end lies within one voxel of the middle


def test_least_dose_of_the_unreached_half_is_that_of_the_plan(make) -> None:
    found = accumulated_curves(make.sphere(15.0), half_reached(make)).interval(lambda d: d.minimum_gy)
    assert 10.0 <= found.low <= 30.0  # beside the end, a step of 20 Gy, a cell may be that much colder than its centre
    assert found.high >= 50.0 - 1e-3  # the unknown half may have any dose: then the known half is the coldest


def test_volume_at_a_level_may_be_all_that_is_unknown(make) -> None:
    curves = accumulated_curves(make.sphere(15.0), half_reached(make))
    share = curves.interval(lambda d: d.volume_at_least(80.0) / d.total_cm3)
    assert share.low == share.value == 0.0
    assert 0.5 <= share.high < 0.65  # half, and the cells that touch it


def test_a_course_that_reaches_nothing_leaves_the_plan_and_no_bound(make) -> None:
    curves = accumulated_curves(make.sphere(15.0), half_reached(make, edge_mm=-100.0))
    for quantity in (hottest(0.03), lambda d: d.mean_gy, lambda d: d.minimum_gy):
        found = curves.interval(quantity)
        assert (found.low, found.high) == (pytest.approx(30.0, abs=1e-3), np.inf)  # rounding of knots
    assert curves.outside_fraction == 1.0


def test_what_ends_far_away_changes_nothing(make) -> None:
    region = make.sphere(8.0)
    total = half_reached(make, edge_mm=30.0)
    assert unreached_share(region, total, None) == unreached_share(region, total, 0)
    assert unreached_share(region, total, None).high == 0.0
    found = accumulated_curves(region, total).interval(hottest(0.03))
    assert (found.low, found.high) == (pytest.approx(50.0, abs=1e-3), pytest.approx(50.0, abs=1e-3))


def test_share_by_course(make) -> None:
    region = make.sphere(15.0)
    total = half_reached(make, edge_mm=0.0)
    assert unreached_share(region, total, 0).high == 0.0
    # 41 voxels from -40 to 40 mm, 21 of them up to 0.
    assert total.unreached_percent == pytest.approx(100.0 * 20 / 41)
    found = unreached_share(region, total, 1)
    # Unknown is every cell from x = 0 on, which is half of the sphere.
    assert found.low <= 0.5 <= found.high
    # A cell of 2 mm across the middle is 10 % of the sphere: 1.5 (2 / 30).
    assert found.high - found.low < 0.35


@settings(max_examples=15, deadline=None)
@given(edge=st.floats(-20.0, 20.0), hidden=st.floats(0.0, 200.0))
def test_bounds_hold_whatever_lies_where_no_dose_is_known(make, edge: float, hidden: float) -> None:
    region = make.sphere(10.0)
    plan = make.dose(lambda x, y, z: 30.0 + 0.2 * z + 0 * x + 0 * y)
    x = plan.lattice.i_mm
    truth = np.broadcast_to(np.where(x <= edge, 20.0, hidden), plan.lattice.shape)
    reached = np.broadcast_to(x <= edge, plan.lattice.shape)
    known = np.where(reached, 20.0, 0.0)
    parts = [plan_part(plan, "plan", 5), Part("earlier", known, known, known, reached, 10, ("2",))]
    bounds = accumulated_curves(region, accumulated(plan, parts, None))
    whole = [parts[0], replace(parts[1], best_gy=truth, low_gy=truth, high_gy=truth, reached=np.ones_like(reached))]
    actual = dvh_curves(
        region,
        accumulated(plan, whole, None).best,
    ).best
    # Between the last voxel reached and the next the truth is what nobody knows; only known cells are compared.
    for quantity in (hottest(0.03), hottest(2.0), lambda d: d.mean_gy):
        found = bounds.interval(quantity)
        assert found.low <= quantity(actual) + 2.0  # overshoot of the true step, which has no place in a dose
        assert found.high >= quantity(actual) - 1e-3
