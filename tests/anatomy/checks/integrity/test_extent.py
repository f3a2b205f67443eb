"""Targets and organs within the dose grid and the scan, and targets in one piece."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sbrtcheck.checks.grid_coverage import Parameters


def test_targets_within_the_grid_pass(draw: Any, build: Any, judged: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    found = judged("targets-in-grid", build.patient(structures, dose=build.dose()))
    assert {name: r.verdict for name, r in found.items()} == {"GTV": "pass", "PTV": "pass"}


def test_a_target_past_the_grid_fails_with_its_share(draw: Any, build: Any, judged: Any) -> None:
    # A box from x = -10 to 30 in a grid that ends at x = 20: a quarter lies outside.
    box = draw.box(1, "PTV", (-10, -10, -10), (30, 10, 10))
    found = judged("targets-in-grid", build.patient([box], dose=build.dose(half=20.0)))["PTV"]
    assert found.verdict == "fail"
    assert found.measured.value == pytest.approx(25.0, abs=0.3)  # 0.1 mm of 40 are taken as rounding


def test_a_target_wholly_outside_fails(draw: Any, build: Any, judged: Any) -> None:
    found = judged("targets-in-grid", build.patient([draw.sphere(1, "PTV", (90, 0, 0), 9)], dose=build.dose()))
    assert (found["PTV"].verdict, found["PTV"].measured.value) == ("fail", 100.0)


def test_a_target_on_the_last_voxels_passes(draw: Any, build: Any, judged: Any) -> None:
    box = draw.box(1, "PTV", (-20, -20, -20), (20, 20, 20))
    assert judged("targets-in-grid", build.patient([box], dose=build.dose(half=20.0)))["PTV"].verdict == "pass"


def test_what_is_missing_is_not_evaluated(draw: Any, build: Any, judged: Any) -> None:
    target = draw.sphere(1, "PTV", (0, 0, 0), 10)
    assert judged("targets-in-grid", build.patient([target]))["patient"].verdict == "not-evaluated"
    assert judged("targets-in-grid", build.patient([], dose=build.dose()))["patient"].verdict == "not-evaluated"
    empty = build.patient([target, draw.empty(2, "GTV", "GTV")], dose=build.dose())
    assert judged("targets-in-grid", empty)["GTV"].verdict == "not-evaluated"
    elsewhere = replace(target, frame_of_reference_uid="9.9")
    other = judged("targets-in-grid", build.patient([elsewhere], dose=build.dose()))
    assert other["PTV"].verdict == "not-evaluated"


def test_an_organ_past_the_grid_is_open(draw: Any, build: Any, judged: Any) -> None:
    long, short = (
        draw.box(n, name, (-5, 40, -h), (5, 50, h)) for n, name, h in ((3, "SpinalCord", 90), (4, "Heart", 30))
    )
    found = judged("organs-in-grid", build.patient([long, short], dose=build.dose()))
    assert {name: r.verdict for name, r in found.items()} == {"SpinalCord": "indeterminate", "Heart": "pass"}
    # A third of 180 mm lies outside the 120 mm of the grid; 181 planes of which 121 are inside.
    assert found["SpinalCord"].measured.value == pytest.approx(100.0 * 60 / 181, abs=0.1)  # one plane


def test_no_organ_of_the_rule_is_not_applicable(draw: Any, build: Any, judged: Any) -> None:
    patient = build.patient([draw.sphere(1, "PTV", (0, 0, 0), 10)], dose=build.dose())
    assert judged("organs-in-grid", patient)["patient"].verdict == "not-applicable"


@pytest.mark.parametrize("asked", [{}, {"of_targets": True, "organs": ["Heart"]}, {"organs": ["Coeur"]}])
def test_a_rule_names_targets_or_organs(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate(asked)


@pytest.mark.parametrize(("top", "verdict"), [(30.0, "pass"), (40.0, "fail"), (39.0, "fail")])
def test_an_organ_on_the_last_slice_is_cut(draw: Any, build: Any, judged: Any, top: float, verdict: str) -> None:
    # Slices from -40 to 40 mm, 2 mm apart: up to half a slice before the end is the end.
    image = build.image(-40.0 + 2.0 * np.arange(41))
    for low, high in ((-30.0, top), (-top, 30.0)):
        liver = draw.box(3, "Liver", (-50, -50, low), (50, 50, high))
        assert judged("organs-not-cut", build.patient([liver], image=image))["Liver"].verdict == verdict


def test_the_end_of_an_unknown_scan_is_unknown(draw: Any, build: Any, judged: Any) -> None:
    liver = draw.box(3, "Liver", (-50, -50, -30), (50, 50, 30))
    image = build.image(-40.0 + 2.0 * np.arange(41))
    assert judged("organs-not-cut", build.patient([liver]))["patient"].verdict == "not-evaluated"
    missing = build.patient([liver], image=image, slices=(*image.sop_instance_uids, "1.7.99"))
    assert judged("organs-not-cut", missing)["patient"].verdict == "not-evaluated"
    assert judged("organs-not-cut", build.patient([], image=image))["patient"].verdict == "not-applicable"


def test_a_stray_piece_of_a_target_fails(draw: Any, build: Any, judged: Any) -> None:
    ptv = draw.sphere(1, "PTV", (0, 0, 0), 15)
    stray = draw.both(ptv, draw.box(1, "PTV", (40, 0, 0), (42, 2, 0)))
    two = draw.both(ptv, draw.sphere(1, "PTV", (50, 0, 0), 15))
    assert judged("target-pieces", build.patient([ptv]))["PTV"].verdict == "pass"
    assert judged("target-pieces", build.patient([stray]))["PTV"].verdict == "fail"
    found = judged("target-pieces", build.patient([two]))["PTV"]
    assert (found.verdict, found.measured.value) == ("pass", 2.0)


def test_missing_planes_leave_a_target_open(draw: Any, build: Any, judged: Any) -> None:
    ptv = draw.sphere(1, "PTV", (0, 0, 0), 15)
    gap = replace(ptv, contours=tuple(c for c in ptv.contours if not 2 <= c.points_mm[0, 2] <= 3))
    assert judged("target-pieces", build.patient([gap]))["PTV"].verdict == "indeterminate"


def test_targets_that_are_not_there(draw: Any, build: Any, judged: Any) -> None:
    assert judged("target-pieces", build.patient([]))["patient"].verdict == "not-evaluated"
    undrawn = build.patient([draw.sphere(1, "PTV", (0, 0, 0), 15), draw.empty(2, "GTV", "GTV")])
    assert judged("target-pieces", undrawn)["GTV"].verdict == "not-evaluated"
