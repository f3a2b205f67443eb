"""lesion-size: 40.0 mm is eligible, and what encloses the tumour bounds it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "diameter", "verdict"),
    [
        ("GTV", 38.0, "pass"),
        ("GTV", 42.0, "fail"),
        ("ITV", 38.0, "pass"),
        ("PTV", 38.0, "pass"),
        ("PTV", 50.0, "indeterminate"),  # the tumour inside may be small enough
        ("ITV", 50.0, "indeterminate"),
        ("CTV", 50.0, "indeterminate"),
    ],
)
def test_size_by_role(draw: Any, run: Any, name: str, diameter: float, verdict: str) -> None:
    found = run("lesion-size", draw.patient([draw.sphere(1, name, (0, 0, 0), diameter / 2)]))
    assert found.verdicts == {"lesion 1": verdict}
    assert found.outcome.measured.value == pytest.approx(diameter, abs=0.3)  # polygon of 240 sides, 1 mm planes
    assert found.outcome.evidence[0].kind == "line"


def test_the_tumour_is_measured_where_it_is_drawn(draw: Any, run: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), 15), draw.sphere(2, "PTV", (0, 0, 0), 25)]
    found = run("lesion-size", draw.patient(structures))
    assert found.verdict == "pass"
    assert found.outcome.roi_number == 1


def test_two_outlines_of_one_tumour_count_together_at_most(draw: Any, run: Any) -> None:
    # 30 mm each, 38 mm together: which of the two is the tumour is open, both answers pass.
    near = [draw.sphere(1, "GTV_CT", (0, 0, 0), 15), draw.sphere(2, "GTV_PET", (8, 0, 0), 15)]
    found = run("lesion-size", draw.patient(near))
    assert found.verdicts == {"lesion 1": "pass"}
    assert found.outcome.measured.high == pytest.approx(38.0, abs=0.5)  # intervals are a few tenths wide
    # 39 mm each, 49 mm together.
    wide = [draw.sphere(1, "GTV_CT", (0, 0, 0), 19.5), draw.sphere(2, "GTV_PET", (10, 0, 0), 19.5)]
    assert run("lesion-size", draw.patient(wide)).verdict == "indeterminate"


def test_coronal_contours_bound_the_axial_diameter(draw: Any, run: Any) -> None:
    small = draw.oblique(draw.sphere(1, "GTV", (0, 0, 0), 18, spacing=3.0))
    large = draw.oblique(draw.sphere(1, "GTV", (0, 0, 0), 22, spacing=3.0))
    assert run("lesion-size", draw.patient([small])).verdict == "pass"
    found = run("lesion-size", draw.patient([large]))
    assert found.verdict == "indeterminate"
    assert "not axial" in found.reason


def test_the_protocol_may_ask_for_the_3d_diameter(draw: Any, run: Any) -> None:
    # 38 mm across, 60 mm long.
    long = draw.box(1, "GTV", (-13, -13, -30), (13, 13, 30))
    assert run("lesion-size", draw.patient([long])).verdict == "pass"
    assert run("lesion-size", draw.patient([long]), {"diameter": "longest-3d"}).verdict == "fail"


def test_an_organ_typed_gtv_does_not_fail(draw: Any, run: Any) -> None:
    found = run("lesion-size", draw.patient([draw.sphere(1, "Breast", (0, 0, 0), 50, kind="GTV", spacing=3.0)]))
    assert found.verdict == "indeterminate"
    assert "in doubt" in found.reason
