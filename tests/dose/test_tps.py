"""Our numbers beside those of the planning system: what is warned about, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.dose.tps import Beside, beside, differs
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure, TpsDvh, frozen
from sbrtcheck.results import Interval

PTV = Structure(7, "PTV", "PTV", ())
VOLUME = Interval(10.0, 9.9, 10.1)


def ramp(low_gy: float = 40.0, high_gy: float = 60.0) -> Dvh:
    """10 cm3 spread evenly over the dose."""
    return Dvh([high_gy, low_gy], [0.0, 10.0])


def stored(low_gy: float = 40.0, high_gy: float = 60.0, volume_cm3: float = 10.0, bins: int = 600) -> TpsDvh:
    edges = np.linspace(0.0, high_gy, bins + 1)
    share = np.clip((high_gy - edges) / (high_gy - low_gy), 0.0, 1.0)
    statistics = low_gy, 0.5 * (low_gy + high_gy), high_gy
    return TpsDvh(7, frozen(edges), frozen(volume_cm3 * share), *statistics)


def compared(theirs: TpsDvh, error_gy: float = 0.1, volume: Interval = VOLUME, outside: float = 0.0) -> Beside:
    variants = ramp(40.0 - error_gy, 60.0 - error_gy), ramp(40.0 + error_gy, 60.0 + error_gy)
    curves = DvhCurves(ramp(), variants, outside_fraction=outside, roi_number=7)
    return beside(theirs, lambda structure: volume, lambda structure: curves, PTV)


def test_the_same_curve_is_not_apart() -> None:
    found = compared(stored())
    assert found.apart == ()
    # Between bins of 0.1 Gy the stored curve is straight, as is the ramp.
    assert found.difference_gy == pytest.approx(0.0, abs=0.01)
    assert found.remark == "mean doses agree within 0.5 %"
    assert found.mean_gy == Interval(50.0, 49.9, 50.1)
    assert found.minimum_gy == Interval(40.0, 39.9, 40.1)
    assert found.maximum_gy == Interval(60.0, 59.9, 60.1)


def test_a_shifted_curve_is_apart_by_its_shift() -> None:
    found = compared(stored(42.0, 62.0))
    assert found.difference_gy == pytest.approx(2.0, abs=0.01)
    assert [text.split()[0] for text in found.apart] == ["mean", "maximum", "the"]
    assert "up to 2 Gy apart" in found.apart[-1]
    notice = differs(7, found)
    assert (notice.code, notice.severity, notice.where) == ("tps-differs", "warning", "ROI 7")
    assert all(text in notice.message for text in found.apart)


@pytest.mark.parametrize(("shift_gy", "warned"), [(0.9, False), (1.1, True), (1.3, True), (-0.9, False), (-1.3, True)])
def test_two_percent_of_the_mean_and_of_the_maximum_are_the_least_that_is_warned_about(
    shift_gy: float, warned: bool
) -> None:
    # 2 % of the mean of 50 Gy is 1 Gy, 2 % of the highest dose 1.2 Gy.
    found = compared(stored(40.0 + shift_gy, 60.0 + shift_gy))
    assert bool(found.apart) is warned
    assert any("curves" in text for text in found.apart) is (abs(shift_gy) > 1.2)


@pytest.mark.parametrize("shift_gy", [1.5, -1.5, 2.9])
def test_what_our_error_explains_is_not_warned_about(shift_gy: float) -> None:
    found = compared(stored(40.0 + shift_gy, 60.0 + shift_gy), error_gy=3.0)
    assert found.apart == ()
    assert "inside our interval" in found.remark
    assert found.difference_gy == pytest.approx(abs(shift_gy), abs=0.02)  # shown all the same


@pytest.mark.parametrize(("their_cm3", "warned"), [(10.0, False), (9.85, False), (9.7, True), (10.4, True)])
def test_volume(their_cm3: float, warned: bool) -> None:
    # 9.85 cm3 lies outside 9.9 to 10.1, but within 2 %.
    found = compared(stored(volume_cm3=their_cm3))
    assert any(text.startswith("volume") for text in found.apart) is warned
    assert found.difference_gy == pytest.approx(0.0, abs=0.01)  # curves are read at shares of their own volume


def test_a_volume_counted_in_the_dose_grid_alone_is_explained() -> None:
    assert any("volume" in text for text in compared(stored(volume_cm3=8.0)).apart)
    assert compared(stored(volume_cm3=8.0), outside=0.2).apart == ()


def test_extremes_that_sampling_misses_are_not_warned_about() -> None:
    # A program that looks at voxel centres finds neither the coldest nor the hottest point of an outline.
    inner = replace(stored(), minimum_gy=45.0, maximum_gy=57.0)
    assert compared(inner).apart == ()
    outer = compared(replace(stored(), minimum_gy=37.0, maximum_gy=63.0))
    assert [text.split()[0] for text in outer.apart] == ["minimum", "maximum"]


def test_within_one_bin_a_stored_curve_says_nothing() -> None:
    # Bins of 3 Gy over a ramp that ends in the middle of one.
    coarse = stored(bins=20)
    shifted = replace(coarse, dose_gy=frozen(coarse.dose_gy + 2.0), minimum_gy=None, mean_gy=None, maximum_gy=None)
    assert compared(shifted).apart == ()


def test_missing_statistics_leave_the_curve() -> None:
    found = compared(replace(stored(44.0, 64.0), minimum_gy=None, mean_gy=None, maximum_gy=None))
    assert found.remark == ""
    assert len(found.apart) == 1
    assert "curves" in found.apart[0]


def test_without_our_dose_the_volume_is_compared_alone() -> None:
    def none(structure: Structure) -> Any:
        raise NotComputable("no usable dose")

    found = beside(stored(volume_cm3=12.0), lambda structure: VOLUME, none, PTV)
    assert (found.mean_gy, found.difference_gy) == (None, None)
    assert len(found.apart) == 1
    assert beside(stored(), none, none, PTV).apart == ()
