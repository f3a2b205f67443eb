"""Steps of dose grid and CT, and slices that are missing, uneven or beside the contours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("steps", "verdict", "widest"),
    [
        ((2.0, 2.0, 2.0), "pass", 2.0),
        ((1.0, 2.0, 2.0000003), "pass", 2.0),  # rounding of a stored position
        ((2.5, 2.0, 2.0), "fail", 2.5),
        ((2.0, 2.5, 2.0), "fail", 2.5),
        ((2.0, 2.0, 3.0), "fail", 3.0),
        ((2.01, 2.0, 2.0), "fail", 2.01),
    ],
)
def test_the_widest_step_of_any_axis_counts(
    build: Any, judged: Any, steps: tuple[float, float, float], verdict: str, widest: float
) -> None:
    found = judged("dose-grid-spacing", build.patient([], dose=build.dose(steps)))["patient"]
    assert (found.verdict, found.measured.value) == (verdict, widest)


@given(start=st.integers(-400000, 400000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_the_grid_begins_does_not_change_its_step(build: Any, judged: Any, start: int) -> None:
    # Positions are decimals: their differences are not exact in binary, and 2 mm must stay 2 mm.
    ticks = np.array([(start + 200 * n) / 100.0 for n in range(5)])
    dose = build.dose(lattice=build.lattice(ticks, ticks, ticks), dose_gy=np.ones((5, 5, 5), np.float32))
    assert judged("dose-grid-spacing", build.patient([], dose=dose))["patient"].verdict == "pass"


def test_without_dose_nothing_is_known_of_its_grid(build: Any, judged: Any) -> None:
    assert judged("dose-grid-spacing", build.patient([]))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("positions", "verdict"),
    [
        (3.0 * np.arange(20), "pass"),
        (3.1 * np.arange(20), "fail"),
        (np.array([0.0, 2.0, 4.0, 8.0, 10.0]), "fail"),  # 4 mm where a slice is missing
        (np.array([0.0]), "not-evaluated"),
    ],
)
def test_slices_are_at_most_three_millimetres_apart(build: Any, judged: Any, positions: Any, verdict: str) -> None:
    assert judged("ct-slice-spacing", build.patient([], image=build.image(positions)))["patient"].verdict == verdict


@pytest.mark.parametrize("rule", ["ct-slice-spacing", "slice-regularity"])
def test_without_ct_nothing_is_known_of_its_slices(build: Any, judged: Any, rule: str) -> None:
    assert judged(rule, build.patient([]))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("positions", "verdict"),
    [
        (2.0 * np.arange(20), "pass"),
        (2.0 * np.arange(20) + 0.01 * (np.arange(20) % 2), "pass"),  # stored to 0.01 mm
        (np.array([0.0, 2.0, 4.0, 6.5, 8.5]), "variation"),
        (np.array([0.0, 2.0, 4.0, 8.0, 10.0]), "fail"),
        (np.array([0.0]), "not-evaluated"),
    ],
)
def test_regular_slices(build: Any, judged: Any, positions: Any, verdict: str) -> None:
    assert judged("slice-regularity", build.patient([], image=build.image(positions)))["patient"].verdict == verdict


def test_a_slice_that_the_structures_name_and_nobody_gave_fails(build: Any, judged: Any) -> None:
    image = build.image(2.0 * np.arange(20))
    patient = build.patient([], image=image, slices=(*image.sop_instance_uids, "1.7.20"))
    found = judged("slice-regularity", patient)["patient"]
    assert found.verdict == "fail"
    assert "1 of 21" in found.reason


@pytest.mark.parametrize(("height", "told"), [(0.0, False), (0.05, False), (1.0, True), (60.0, True)])
def test_contours_beside_the_slices_are_told(draw: Any, build: Any, judged: Any, height: float, told: bool) -> None:
    # Slices from -40 to 40 mm, 2 mm apart; contours 2 mm apart from the height of the centre.
    image = build.image(-40.0 + 2.0 * np.arange(41))
    patient = build.patient([draw.sphere(4, "GTV", (0, 0, height), 9.0, spacing=2.0)], image=image)
    found = judged("slice-regularity", patient)
    assert ("GTV" in found) == told
    assert not told or found["GTV"].verdict == "variation"


def test_slices_in_any_orientation(draw: Any, build: Any, judged: Any) -> None:
    # Feet first prone: k runs towards -z.
    turned = np.diag([1.0, -1.0, -1.0, 1.0])
    k = -40.0 + 2.0 * np.arange(41)
    lattice = build.lattice(np.array([-90.0, 90.0]), np.array([-90.0, 90.0]), k, turned)
    patient = build.patient([draw.sphere(4, "GTV", (0, 0, 0), 9.0, spacing=2.0)], image=build.image(k, lattice=lattice))
    assert set(judged("slice-regularity", patient)) == {"patient"}
