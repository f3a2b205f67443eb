"""The quadrature behind the benchmark phantoms against closed forms that it does not use."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import erf

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
EXACT = 1e-6  # relative: panels beside a kink of the integrand; metrics are compared with errors of 1e-4 and more
TILT = Rotation.from_euler("xyz", [25, -40, 70], degrees=True).as_matrix()


@pytest.fixture
def made(monkeypatch) -> SimpleNamespace:
    """The modules of the benchmark, which are scripts beside one another."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    names = ("fields", "solids", "truth")
    return SimpleNamespace(**{name: _module(name) for name in names})


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def solids_of(made) -> dict:
    s = made.solids
    return {
        "sphere": s.sphere(7.0),
        "cylinder": s.cylinder(5.0, 11.0),
        "lying": s.lying_cylinder(5.0, 11.0),
        "cone": s.cone(6.0, 13.0),
        "ring": s.ring(9.0, 5.0, 12.0),
        "torus": s.torus(9.0, 3.5),
        "spheroid": s.spheroid(6.0, 10.0),
    }


NAMES = ("sphere", "cylinder", "lying", "cone", "ring", "torus", "spheroid")


@pytest.mark.parametrize("name", NAMES)
def test_sections_add_up_to_the_volume(made, name: str) -> None:
    solid = solids_of(made)[name]
    w, weight = made.truth.along_axis(solid, 60)
    areas = np.pi * (solid.outer(w) ** 2 - solid.inner(w) ** 2)
    assert np.sum(areas * weight) == pytest.approx(solid.volume_mm3, rel=EXACT)


@pytest.mark.parametrize("name", NAMES)
def test_drawn_outlines_lie_on_the_solid_and_have_its_areas(made, name: str) -> None:
    solid = solids_of(made)[name]
    turn = {"lying": np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]), "spheroid": TILT}.get(name, np.eye(3))
    solid = solid.placed(turn, np.array([3.0, -4.0, 5.0]))
    rng = np.random.default_rng(1)
    heights = np.linspace(-8.0, 18.0, 131)
    step = heights[1] - heights[0]
    volume = 0.0
    for z in heights:
        for n, loop in enumerate(made.solids.section_loops(solid, float(z), rng, None)):
            x, y, w = ((loop - solid.centre_mm) @ solid.rotation).T
            wall = solid.inner(w) if n else solid.outer(w)
            at_end = np.isclose(np.abs(w), solid.half_mm)  # the flat ends of a lying cylinder
            assert np.all(at_end | np.isclose(np.hypot(x, y), wall, atol=1e-6))
        volume += made.solids.section_area_mm2(solid, float(z)) * step
    # The trapezoidal sum over 0.2 mm: half a step at a flat end of some 11 mm at the worst.
    assert volume == pytest.approx(solid.volume_mm3, rel=0.02)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_sphere_in_a_concentric_gaussian(made, share: float) -> None:
    radius, sigma = 7.0, 6.0
    solid = made.solids.sphere(radius)
    field = made.fields.gaussian("", np.zeros(3), 60.0, sigma)
    found = made.truth.truth_of(solid, field)
    # The hottest share is the concentric sphere of that share of the volume.
    by_hand = 60.0 * math.exp(-(share ** (2 / 3)) * radius**2 / (2 * sigma**2))
    assert found.metrics[f"D{100 * share:g}%[Gy]"] == pytest.approx(by_hand, rel=EXACT)
    a = radius / sigma
    mean = 180.0 / a**3 * (math.sqrt(math.pi / 2) * erf(a / math.sqrt(2)) - a * math.exp(-(a**2) / 2))
    assert found.metrics["Mean[Gy]"] == pytest.approx(mean, rel=1e-9)
    assert found.metrics["Max[Gy]"] == 60.0
    assert found.metrics["Min[Gy]"] == pytest.approx(60.0 * math.exp(-(a**2) / 2), rel=1e-9)
    assert found.change < EXACT * 10


@pytest.mark.parametrize("reach", [3.0, 6.0, 8.0])
def test_sphere_in_a_gaussian_beside_it(made, reach: float) -> None:
    radius, apart = 7.0, 3.0
    field = made.fields.gaussian("", np.array([0.0, 0.6, 0.8]) * apart, 60.0, 6.0)
    above = made.truth.volume_above(made.solids.sphere(radius), field)
    dose = 60.0 * math.exp(-(reach**2) / 72.0)
    if reach + apart <= radius:
        common = 4 / 3 * math.pi * reach**3
    else:  # the lens of two spheres
        depth = radius + reach - apart
        edge = apart**2 + 2 * apart * (radius + reach) - 3 * (radius - reach) ** 2
        common = math.pi * depth**2 * edge / (12 * apart)
    assert above(dose) == pytest.approx(common, rel=EXACT)


@pytest.mark.parametrize("name", ["sphere", "spheroid"])
@pytest.mark.parametrize("height", [-0.7, 0.1, 0.9])
def test_caps_of_a_sphere_and_of_a_tilted_spheroid(made, name: str, height: float) -> None:
    gradient = np.array([0.7, -0.9, 1.1])
    solid = solids_of(made)[name].placed(TILT, np.array([3.0, -4.0, 5.0]))
    axes = np.diag([6.0, 6.0, 10.0]) if name == "spheroid" else 7.0 * np.eye(3)
    reach = float(np.linalg.norm(axes @ TILT.T @ gradient))  # Gy from the centre to the hottest point
    field = made.fields.LinearDose("", 60.0, gradient, solid.centre_mm)
    share = (2 - 3 * height + height**3) / 4  # of the volume beyond that share of the reach
    above = made.truth.volume_above(solid, field)
    assert above(60.0 + height * reach) == pytest.approx(share * solid.volume_mm3, rel=EXACT)
    ends = made.truth.extremes(solid, field)
    assert ends == pytest.approx((60.0 - reach, 60.0 + reach), rel=1e-7)  # outline sampled at 1e5 points


@pytest.mark.parametrize("name", NAMES)
def test_mean_of_a_linear_dose_is_the_dose_at_the_centroid(made, name: str) -> None:
    gradient = np.array([0.7, -0.9, 1.1])
    solid = solids_of(made)[name].placed(TILT, np.array([3.0, -4.0, 5.0]))
    field = made.fields.LinearDose("", 60.0, gradient, np.zeros(3))
    # A cone of height h has its centroid h / 4 above its base, which lies h / 2 below its middle.
    own = np.array([0.0, 0.0, -13.0 / 4 if name == "cone" else 0.0])
    centroid = solid.centre_mm + TILT @ own
    assert made.truth.mean_dose(solid, field) == pytest.approx(60.0 + centroid @ gradient, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_everything_against_random_points(made, name: str) -> None:
    solid = solids_of(made)[name].placed(TILT, np.array([3.0, -4.0, 5.0]))
    field = made.fields.falloff("", np.array([4.0, -3.5, 4.0]), 60.0, 12.0, 6.0)
    rng = np.random.default_rng(3)
    bound = solid.bound_mm
    own = rng.uniform(-bound, bound, (400_000, 3))
    radius = np.hypot(own[:, 0], own[:, 1])
    inside = (
        (np.abs(own[:, 2]) <= solid.half_mm) & (radius <= solid.outer(own[:, 2])) & (radius >= solid.inner(own[:, 2]))
    )
    doses = field.at(own[inside] @ TILT.T + solid.centre_mm)
    found = made.truth.truth_of(solid, field).metrics
    # Some 100 000 points: the standard error of these is 0.1 % of the range of dose, some 0.05 Gy; four of them.
    assert found["Mean[Gy]"] == pytest.approx(doses.mean(), abs=0.2)
    assert found["D50%[Gy]"] == pytest.approx(np.quantile(doses, 0.50), abs=0.3)
    assert found["D95%[Gy]"] == pytest.approx(np.quantile(doses, 0.05), abs=0.4)
    assert found["Min[Gy]"] <= doses.min() <= doses.max() <= found["Max[Gy]"]
