"""Structures as cells and points: their volumes, middles and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Contour, Structure, frozen
from sbrtcheck.prior.occupied import occupied, scattered

_CIRCLE = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
CENTRE = np.array([12.0, -7.0, 5.0])


def ball(radius: float = 10.0, *, turned: bool = False, planes: int | None = None) -> Region:
    turn = Rotation.from_euler("xyz", [30.0, 20.0, -50.0], degrees=True).as_matrix() if turned else np.eye(3)
    contours = []
    for z in np.arange(-radius + 0.5, radius, 1.0)[:planes].tolist():
        across = np.sqrt(radius**2 - z * z)
        points = np.column_stack([across * np.cos(_CIRCLE), across * np.sin(_CIRCLE), np.full_like(_CIRCLE, z)])
        contours.append(Contour(frozen((points + CENTRE) @ turn.T), "CLOSED_PLANAR"))
    return region_of(Structure(1, "GTV", "GTV", tuple(contours)))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("cell_mm", [0.7, 1.3, 3.0])
def test_cells_add_up_to_the_volume_and_its_bounds(turned: bool, cell_mm: float) -> None:
    region = ball(turned=turned)
    points, volumes = occupied(region, cell_mm).cells()
    whole = volume(region)
    for found, expected in zip(volumes.sum(axis=1), (whole.value, whole.low, whole.high), strict=True):
        assert found / 1000.0 == pytest.approx(expected, rel=0.02)  # a border that is straight within each cell
    centre = (volumes[0] @ points) / volumes[0].sum()
    turn = Rotation.from_euler("xyz", [30.0, 20.0, -50.0], degrees=True).as_matrix() if turned else np.eye(3)
    assert centre == pytest.approx(turn @ CENTRE, abs=0.1)  # half planes between contours 1 mm apart


def test_no_cell_holds_more_than_itself() -> None:
    found = occupied(ball(), 1.3)
    assert found.shares.min() >= 0.0
    assert found.shares.max() <= 1.0
    rim = found.shares.copy()
    rim[:, 1:-1, 1:-1, 1:-1] = 0.0
    assert not rim.any()


def test_the_index_of_a_cell_leads_to_its_middle() -> None:
    found = occupied(ball(turned=True), 1.3)
    points, _ = found.cells()
    w, v, u = np.nonzero(found.shares.max(axis=0) > 0.0)
    back = points @ found.to_index[:3, :3].T + found.to_index[:3, 3]
    assert np.abs(back - np.column_stack([u, v, w])).max() < 1e-9  # rounding


@pytest.mark.parametrize("turned", [False, True])
def test_scattered_points_lie_inside_and_stand_for_the_volume(turned: bool) -> None:
    region = ball(turned=turned)
    points, volumes = scattered(region, 1.6)
    turn = Rotation.from_euler("xyz", [30.0, 20.0, -50.0], degrees=True).as_matrix() if turned else np.eye(3)
    away = np.linalg.norm(points - turn @ CENTRE, axis=1)
    assert away.max() <= 10.0 + 0.2  # cells half full on a curved border
    assert volumes.sum() / 1000.0 == pytest.approx(volume(region).value, rel=0.01)
    # Even throughout: half of a ball lies within 0.794 of its radius. 1000 points, 1.6 % of standard error if random.
    assert np.mean(away < 10.0 * 0.5 ** (1.0 / 3.0)) == pytest.approx(0.5, abs=0.03)
    # They lie on no common planes: any slab of a tenth of the ball through the middle holds its share of 7.5 %.
    for offset in np.linspace(-0.5, 0.5, 11).tolist():
        middle = np.abs((points - turn @ CENTRE)[:, 0] - offset) < 0.5
        assert np.mean(middle) == pytest.approx(0.075, abs=0.02)


def test_a_structure_smaller_than_a_cell_has_a_point() -> None:
    points, volumes = scattered(ball(1.0), 8.0)
    assert len(points) >= 1
    assert volumes.sum() / 1000.0 == pytest.approx(volume(ball(1.0)).value, rel=0.05)  # part of one cell, by its border


def test_an_unknown_thickness_is_no_volume() -> None:
    with pytest.raises(NotComputable, match="thickness is unknown"):
        occupied(ball(planes=1), 1.0)
