"""Fraction sums, height and place of the dose maximum, isocentres."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sbrtcheck.model import FractionGroup, Prescription, frozen


def rx(dose: float, fractions: int | None = 5, roi: int | None = None, source: str = "dose-reference") -> Prescription:
    return Prescription(dose, fractions, roi, "", source)


@pytest.mark.parametrize(
    ("prescribed", "verdict", "percent"),
    [
        (50.0, "pass", 0.0),
        (48.0, "pass", 100 * 2 / 48),
        (40.0, "fail", 25.0),  # a prescription to the 80 % isodose
        (62.5, "fail", 20.0),
    ],
)
def test_fractions_times_beam_doses(build: Any, judged: Any, prescribed: float, verdict: str, percent: float) -> None:
    patient = build.patient([], plan=build.plan(prescriptions=(rx(prescribed),)))
    found = judged("fraction-dose", patient)["patient"]
    assert found.verdict == verdict
    assert found.measured.value == pytest.approx(percent, abs=1e-9)  # sums of a few decimals


def test_several_prescriptions_bound_the_difference(build: Any, judged: Any) -> None:
    patient = build.patient([], plan=build.plan(prescriptions=(rx(50.0, 5, 1), rx(40.0, 5, 2))))
    found = judged("fraction-dose", patient)["patient"]
    assert (found.verdict, found.measured.low, found.measured.high) == ("indeterminate", 0.0, 25.0)


def test_every_fraction_group_is_compared_with_its_own(build: Any, judged: Any) -> None:
    groups = (FractionGroup(1, 5, ((1, 10.0),)), FractionGroup(2, 2, ((2, 3.0),)))
    plan = build.plan(prescriptions=(rx(50.0, 5), rx(10.0, 2)), fraction_groups=groups)
    found = judged("fraction-dose", build.patient([], plan=plan))
    assert {s: r.verdict for s, r in found.items()} == {"fraction group 1": "pass", "fraction group 2": "fail"}


def test_a_set_up_beam_has_no_dose_to_add(build: Any, judged: Any) -> None:
    groups = (FractionGroup(1, 5, ((1, 5.0), (2, 5.0), (3, None))),)
    known = build.plan(fraction_groups=groups, treatment_beams=(1, 2))
    unknown = build.plan(fraction_groups=groups)
    assert judged("fraction-dose", build.patient([], plan=known))["patient"].verdict == "pass"
    assert judged("fraction-dose", build.patient([], plan=unknown))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    "change",
    [
        {"prescriptions": ()},
        {"prescriptions": (rx(50.0, source="beam-dose"),)},
        {"prescriptions": (rx(50.0, 3),)},
        {"fraction_groups": ()},
        {"fraction_groups": (FractionGroup(1, None, ((1, 10.0),)),)},
        {"fraction_groups": (FractionGroup(1, 5, ((1, None),)),)},
        {"fraction_groups": (FractionGroup(1, 5, ()),)},
    ],
)
def test_sums_that_cannot_be_made(build: Any, judged: Any, change: dict[str, Any]) -> None:
    found = judged("fraction-dose", build.patient([], plan=build.plan(**change)))
    assert found["patient"].verdict == "not-evaluated"
    assert judged("fraction-dose", build.patient([]))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("prescribed", "least", "most"),
    [
        (49.99, "pass", "pass"),
        (50.0, "indeterminate", "pass"),  # the maximum is stored to 0.001 Gy either way
        (50.1, "fail", "pass"),
        (29.5, "pass", "pass"),  # 1.695
        (29.0, "pass", "fail"),  # 1.724
        (10.0, "pass", "fail"),
    ],
)
def test_maximum_in_multiples_of_the_prescription(
    draw: Any, build: Any, judged: Any, prescribed: float, least: str, most: str
) -> None:
    parts = {"plan": build.plan(prescriptions=(rx(prescribed),)), "dose": build.dose()}
    patient = build.patient([draw.sphere(1, "PTV", (0, 0, 0), 15)], **parts)
    assert judged("maximum-not-below-prescription", patient)["patient"].verdict == least
    assert judged("maximum-not-far-above-prescription", patient)["patient"].verdict == most


def test_the_highest_of_several_prescriptions_counts(draw: Any, build: Any, judged: Any) -> None:
    targets = [draw.sphere(1, "PTV_1", (0, 0, 0), 9), draw.sphere(2, "PTV_2", (40, 0, 0), 9)]
    plan = build.plan(prescriptions=(rx(25.0, 5, 1), rx(50.0, 5, 2)))
    found = judged("maximum-not-far-above-prescription", build.patient(targets, plan=plan, dose=build.dose()))
    assert found["patient"].measured.value == pytest.approx(1.0, abs=1e-6)  # single precision


@pytest.mark.parametrize("rule", ["maximum-not-below-prescription", "maximum-not-far-above-prescription"])
def test_a_ratio_needs_dose_target_and_prescription(draw: Any, build: Any, judged: Any, rule: str) -> None:
    target, plan, dose = draw.sphere(1, "PTV", (0, 0, 0), 15), build.plan(), build.dose()
    silent = build.plan(prescriptions=())
    for patient in (
        build.patient([target], plan=plan),
        build.patient([], plan=plan, dose=dose),
        build.patient([target], plan=silent, dose=dose),
    ):
        assert judged(rule, patient)["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("centre", "verdict"),
    [
        (0.0, "pass"),
        (14.0, "pass"),  # planes are 1 mm apart, and stand for half of that either way
        (16.0, "indeterminate"),  # 1 mm outside, half of the voxel's diagonal is 1.7 mm
        (20.0, "fail"),
    ],
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_voxel_of_the_maximum_and_the_target(
    draw: Any, build: Any, judged: Any, axis: int, centre: float, verdict: str
) -> None:
    place = [0.0, 0.0, 0.0]
    place[axis] = centre
    patient = build.patient([draw.sphere(1, "PTV", tuple(place), 15)], dose=build.dose())
    found = judged("maximum-in-target", patient)["patient"]
    assert found.verdict == verdict
    assert found.evidence[0].points_mm == ((0.0, 0.0, 0.0),)


def test_any_of_several_targets_may_hold_the_maximum(draw: Any, build: Any, judged: Any) -> None:
    targets = [draw.sphere(1, "PTV_1", (40, 0, 0), 9), draw.sphere(2, "PTV_2", (0, 0, 0), 9)]
    assert judged("maximum-in-target", build.patient(targets, dose=build.dose()))["patient"].verdict == "pass"


def test_a_maximum_in_two_places_is_open(draw: Any, build: Any, judged: Any) -> None:
    dose = build.dose()
    values = dose.dose_gy.copy()
    values[0, 0, 0] = 50.0
    patient = build.patient(
        [draw.sphere(1, "PTV", (0, 0, 0), 15)], dose=replace(dose, dose_gy=frozen(values, np.float32))
    )
    assert judged("maximum-in-target", patient)["patient"].verdict == "indeterminate"


def test_a_maximum_needs_dose_and_target_in_one_frame(draw: Any, build: Any, judged: Any) -> None:
    target = draw.sphere(1, "PTV", (0, 0, 0), 15)
    for patient in (
        build.patient([target]),
        build.patient([], dose=build.dose()),
        build.patient([replace(target, frame_of_reference_uid="9.9")], dose=build.dose()),
    ):
        assert judged("maximum-in-target", patient)["patient"].verdict == "not-evaluated"


@given(x=st.floats(-80, 80), y=st.floats(-80, 80), z=st.floats(-80, 80))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_distance_of_an_isocentre(draw: Any, build: Any, judged: Any, x: float, y: float, z: float) -> None:
    plan = build.plan(isocentres_mm=((x, y, z),))
    patient = build.patient([draw.sphere(1, "PTV", (3, 4, 0), 15)], plan=plan)
    found = judged("isocentre", patient)["patient"]
    true = float(np.linalg.norm([x - 3, y - 4, z]))
    assert found.measured.value == pytest.approx(true, abs=0.01)  # polygon of 240 sides
    assert found.measured.low <= true + 1e-9
    assert found.measured.high >= true - 1e-9
    assert found.verdict == "not-applicable"  # for information


def test_several_isocentres_are_told_each_with_its_target(draw: Any, build: Any, judged: Any) -> None:
    targets = [draw.sphere(1, "PTV_1", (0, 0, 0), 9), draw.sphere(2, "PTV_2", (60, 0, 0), 9)]
    plan = build.plan(isocentres_mm=((0.0, 0.0, 1.0), (60.0, 0.0, 5.0)), beams_without_isocentre=(4,))
    found = judged("isocentre", build.patient(targets, plan=plan))
    assert found["isocentre 1 of 2"].roi_number == 1
    assert found["isocentre 2 of 2"].roi_number == 2
    assert found["isocentre 2 of 2"].measured.value == pytest.approx(5.0, abs=0.01)  # polygon of 240 sides
    assert found["patient"].verdict == "not-evaluated"
    assert "4" in found["patient"].reason


def test_an_isocentre_needs_plan_and_target_in_one_frame(draw: Any, build: Any, judged: Any) -> None:
    target = draw.sphere(1, "PTV", (0, 0, 0), 15)
    for patient in (
        build.patient([target]),
        build.patient([target], plan=build.plan(isocentres_mm=())),
        build.patient([], plan=build.plan()),
        build.patient([target], plan=build.plan(frame_of_reference_uid="9.9")),
    ):
        assert judged("isocentre", patient)["patient"].verdict == "not-evaluated"
