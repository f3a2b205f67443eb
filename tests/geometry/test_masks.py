"""Masks as structures: closed forms on boxes, any lattice, and the edge known to half a voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.masks import component_sizes, edge_error_mm, enclosed, slice_labels, structure_of_mask
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Lattice, Structure, frozen

EXACT_MM = 1e-6  # rounding of sums of a few hundred mm


def lattice_of(i: ArrayLike, j: ArrayLike, k: ArrayLike, to_patient: ArrayLike | None = None) -> Lattice:
    return Lattice(frozen(i), frozen(j), frozen(k), frozen(np.eye(4) if to_patient is None else to_patient))


def even(shape: tuple[int, int, int] = (8, 10, 12), step: tuple[float, float, float] = (2.0, 1.0, 3.0)) -> Lattice:
    i, j, k = (d * np.arange(n) for d, n in zip(step, reversed(shape), strict=True))
    return lattice_of(i, j, k)


def drawn(mask: np.ndarray, lattice: Lattice) -> Structure:
    return structure_of_mask(mask, lattice, -1, "mask", "1.2.3")


def region(mask: np.ndarray, lattice: Lattice) -> Region:
    return region_of(drawn(mask, lattice))


def turned(angle: float, mirrored: bool = False) -> np.ndarray:
    to_patient = np.eye(4)
    c, s = np.cos(angle), np.sin(angle)
    to_patient[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    if mirrored:
        to_patient[:3, 2] *= -1.0
    to_patient[:3, 3] = (-120.0, 35.0, 410.0)
    return to_patient


def test_a_box_has_its_area_on_each_slice_less_the_cut_corners() -> None:
    mask = np.zeros((8, 10, 12), dtype=bool)
    mask[2:5, 3:8, 4:10] = True
    found = region(mask, even())
    assert found.w_mm == pytest.approx([6.0, 9.0, 12.0])
    # 6 voxels of 2 mm by 5 of 1 mm; each of four corners loses a triangle with legs of half a voxel: 4 * 0.25 mm2.
    assert found.areas_mm2 == pytest.approx([60.0 - 1.0] * 3, abs=EXACT_MM)


def test_the_mask_reaches_half_a_step_beyond_the_lattice() -> None:
    mask = np.ones((2, 3, 4), dtype=bool)
    points = np.concatenate([c.points_mm for c in drawn(mask, even((2, 3, 4))).contours])
    assert points.min(axis=0) == pytest.approx([-1.0, -0.5, 0.0], abs=EXACT_MM)
    assert points.max(axis=0) == pytest.approx([7.0, 2.5, 3.0], abs=EXACT_MM)


def test_edges_lie_half_way_on_uneven_ticks() -> None:
    lattice = lattice_of([0, 1, 3, 7], [0, 2, 3, 8], [0, 2, 7])
    mask = np.zeros((3, 4, 4), dtype=bool)
    mask[1:, 1:3, 1:3] = True
    structure = drawn(mask, lattice)
    points = np.concatenate([c.points_mm for c in structure.contours])
    assert points.min(axis=0) == pytest.approx([0.5, 1.0, 2.0], abs=EXACT_MM)
    assert points.max(axis=0) == pytest.approx([5.0, 5.5, 7.0], abs=EXACT_MM)


@pytest.mark.parametrize("mirrored", [False, True])
def test_any_orientation_gives_the_same_solid(mirrored: bool) -> None:
    mask = np.zeros((8, 10, 12), dtype=bool)
    mask[2:6, 3:8, 4:10] = True
    mask[3:5, 5, 6] = False
    straight = even()
    oblique = lattice_of(straight.i_mm, straight.j_mm, straight.k_mm, turned(0.4, mirrored))
    first, second = region(mask, straight), region(mask, oblique)
    assert second.areas_mm2 == pytest.approx(first.areas_mm2[:: -1 if mirrored else 1], abs=EXACT_MM)
    centre = oblique.to_lps(np.array([[13.0, 5.0, 10.5]]))
    points = np.concatenate([c.points_mm for c in drawn(mask, oblique).contours])
    # The outlines are 12 x 5 mm, from -4.5 to 4.5 mm; a cut corner lies half a voxel (0.5 mm) along y from the corner.
    assert np.linalg.norm(points - centre, axis=1).max() == pytest.approx(np.linalg.norm([6.0, 2.0, 4.5]), abs=EXACT_MM)


def test_a_hole_is_left_out_and_voxels_that_touch_at_a_corner_are_apart() -> None:
    mask = np.zeros((2, 10, 10), dtype=bool)
    mask[:, 2:7, 2:7] = True
    mask[:, 4, 4] = False
    mask[:, 7, 7] = True
    found = region(mask, even((2, 10, 10), (1.0, 1.0, 1.0)))
    # 25 less four corners of 1/8; the hole and the lone voxel are diamonds of area 1/2.
    assert found.areas_mm2 == pytest.approx([25.0 - 0.5 - 0.5 + 0.5] * 2, abs=EXACT_MM)
    assert found.crossing == 0
    assert len(parts(found)) == 2


@settings(max_examples=15, deadline=None)
@given(radius=st.floats(12.0, 25.0), step=st.floats(1.0, 3.0), shift=st.floats(0.0, 1.0))
def test_a_ball_has_its_volume_and_its_surface_lies_within_the_edge_error(
    radius: float, step: float, shift: float
) -> None:
    ticks = step * (np.arange(2 * int(radius / step + 3)) + shift)
    lattice = lattice_of(ticks, ticks, ticks)
    middle = float(ticks.mean())
    k, j, i = np.meshgrid(ticks - middle, ticks - middle, ticks - middle, indexing="ij")
    structure = drawn(i**2 + j**2 + k**2 <= radius**2, lattice)
    points = np.concatenate([c.points_mm for c in structure.contours])
    off = np.abs(np.linalg.norm(points - middle, axis=1) - radius)
    assert off.max() <= edge_error_mm(lattice) + EXACT_MM
    # Voxels counted by their centre: far less than a shell of a fifth of a voxel.
    measured = volume(region_of(structure)).value
    assert measured == pytest.approx(4.0 / 3.0 * np.pi * radius**3 / 1000.0, rel=3 * 0.2 * step / radius)


def test_points_on_straight_edges_are_dropped() -> None:
    mask = np.ones((1, 50, 50), dtype=bool)
    (contour,) = drawn(mask, lattice_of(np.arange(50), np.arange(50), [0.0])).contours
    assert len(contour.points_mm) == 8  # four edges and four cut corners


def test_half_the_voxel_diagonal_of_the_widest_steps() -> None:
    assert edge_error_mm(lattice_of([0, 3, 6], [0, 4], [0, 6, 18])) == pytest.approx(6.5)  # half of (3, 4, 12)


def test_what_has_no_answer() -> None:
    with pytest.raises(NotComputable, match="empty"):
        drawn(np.zeros((8, 10, 12), dtype=bool), even())
    with pytest.raises(NotComputable, match="one row or column"):
        drawn(np.ones((8, 1, 12), dtype=bool), even((8, 1, 12)))
    with pytest.raises(NotComputable, match="single voxel"):
        edge_error_mm(even((1, 10, 12)))
    with pytest.raises(ValueError, match="shape"):
        drawn(np.ones((8, 12, 10), dtype=bool), even())


def test_components_of_slices_and_what_does_not_touch_the_border() -> None:
    mask = np.zeros((3, 6, 6), dtype=bool)
    mask[0, 2:4, 2:4] = True  # inside
    mask[1, 2:4, 0:3] = True  # at the border, and touching the one above
    mask[2, 1, 1] = mask[2, 2, 2] = True  # apart: corners only
    labels, count = slice_labels(mask)
    assert count == 4
    assert sorted(component_sizes(labels, count)[1:].tolist()) == [1, 1, 4, 6]
    assert component_sizes(labels, count)[0] == 0
    inner = mask.copy()
    inner[1] = False
    assert np.array_equal(enclosed(mask), inner)
