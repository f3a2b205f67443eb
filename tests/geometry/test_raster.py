"""Fields of outlines, and the levels that enclose the area of a layer."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.geometry.raster import Raster, distance_field, levels

RNG = np.random.default_rng(4)


def closed(points) -> np.ndarray:
    return np.concatenate([points, points[:1]])


def star(radius: float, number: int = 90, waves: float = 0.2) -> np.ndarray:
    angle = 2.0 * np.pi * np.arange(number) / number
    r = radius * (1.0 + waves * np.sin(3.0 * angle))
    return closed(np.column_stack([r * np.cos(angle), r * np.sin(angle)]))


def raster(half: float, cell: float) -> Raster:
    ticks = np.arange(-half, half + cell, cell)
    return Raster(ticks, ticks + 0.3 * cell, cell)


def true_distance(rings: list[np.ndarray], cells: Raster) -> np.ndarray:
    lines = shapely.union_all([shapely.LineString(ring) for ring in rings])
    inside = shapely.Polygon(rings[0], rings[1:])
    u, v = (a.ravel() for a in np.meshgrid(cells.u_mm, cells.v_mm))
    distance = shapely.distance(lines, shapely.points(u, v))
    signed = np.where(shapely.contains_xy(inside, u, v), distance, -distance)
    return signed.reshape(len(cells.v_mm), len(cells.u_mm))


def field(rings: list[np.ndarray], cells: Raster, reach: float = np.inf) -> np.ndarray:
    start = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])])
    return distance_field(np.concatenate(rings), start, cells, reach)


@pytest.mark.parametrize("cell", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("rings", [[star(10.0)], [star(12.0), star(5.0, 40)]], ids=["whole", "hole"])
def test_distance_is_that_of_the_polygon(rings, cell: float) -> None:
    cells = raster(18.0, cell)
    found, truth = field(rings, cells), true_distance(rings, cells)
    assert (np.sign(found) == np.sign(truth))[np.abs(truth) > 1e-9].all()
    near = np.abs(truth) < 1.4 * cell
    assert found[near] == pytest.approx(truth[near], abs=1e-9)  # the nearest edge itself
    # Farther away the nearest point is handed on from cell to cell; it may be missed by a part of a cell.
    assert np.abs(found - truth).max() < 0.6 * cell
    assert np.abs(found - truth).mean() < 0.05 * cell


def test_beyond_its_reach_a_field_is_flat() -> None:
    cells = raster(18.0, 0.5)
    short, long = field([star(10.0)], cells, 3.0), field([star(10.0)], cells)
    inside = np.abs(long) < 2.5
    assert short[inside] == pytest.approx(long[inside], abs=1e-9)
    assert np.abs(short).max() <= 3.0


@settings(max_examples=40, deadline=None)
@given(share=st.floats(1e-4, 1.6), cell=st.floats(0.3, 1.5))
def test_levels_enclose_their_area(share: float, cell: float) -> None:
    ring = star(10.0)
    made = field([ring], raster(20.0, cell))
    area = share * shapely.Polygon(ring).area
    found = levels(made, cell, np.array([area, 0.5 * area, 0.0]))
    covered = [np.clip(0.5 + (made - level) / cell, 0.0, 1.0).sum() * cell**2 for level in found]
    assert covered == pytest.approx([area, 0.5 * area, 0.0], rel=2e-6)  # a millionth of a cell, and of the area
    assert found[2] == np.inf


def test_the_level_of_a_polygons_own_area_is_its_outline() -> None:
    ring = star(10.0, 400, waves=0.0)
    made = field([ring], raster(14.0, 0.3))
    (level,) = levels(made, 0.3, np.array([shapely.Polygon(ring).area]))
    # A straight border crosses cells exactly as assumed; that of a circle bends by cell^2 / (24 r) = 4e-4 mm.
    assert level == pytest.approx(0.0, abs=2e-3)
