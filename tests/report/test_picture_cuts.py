"""What a plane across the drawn planes shows of a structure, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.picture_outlines import Outlined, structure
from sbrtcheck.anatomy.picture_planes import Sheet, anatomical_axes, three_sheets
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, FloatArray, Structure, frozen

ANGLES = np.linspace(0.0, 2.0 * np.pi, 360, endpoint=False)
SIDE_MM = 80.0
RADIUS_MM = 15.0


def _circle(centre: tuple[float, float, float], radius_mm: float) -> FloatArray:
    x, y, z = centre
    return np.column_stack([x + radius_mm * np.cos(ANGLES), y + radius_mm * np.sin(ANGLES), np.full(len(ANGLES), z)])


def _region(loops: list[FloatArray], turn: FloatArray | None = None, spacing_mm: float | None = None) -> Region:
    turn = np.eye(3) if turn is None else turn
    contours = tuple(Contour(frozen(loop @ turn.T), "CLOSED_PLANAR") for loop in loops)
    return region_of(Structure(1, "", "", contours), spacing_mm)


def _ball(step_mm: float, turn: FloatArray | None = None, shift_mm: float = 0.0) -> Region:
    heights = shift_mm + step_mm * np.arange(-20, 21)
    return _region(
        [_circle((0.0, 0.0, h), float(np.sqrt(RADIUS_MM**2 - h**2))) for h in heights if abs(h) < RADIUS_MM], turn
    )


def _sheets(focus: tuple[float, float, float], normal: FloatArray | None = None) -> tuple[Sheet, ...]:
    axes = anatomical_axes(np.array([0.0, 0.0, 1.0]) if normal is None else normal)
    return three_sheets(axes, axes @ np.array(focus), np.zeros(3), SIDE_MM)


def _shape(region: Region, sheet: Sheet) -> shapely.geometry.base.BaseGeometry:
    """Return the outlines of a region in a plane, even-odd, their middle at the middle of the picture."""
    rings = structure(Outlined("", "", region), sheet).rings_mm
    shape = shapely.Polygon()
    for ring in rings:
        shape = shapely.symmetric_difference(shape, shapely.polygons(np.array(ring) - 0.5 * SIDE_MM))
    return shape


def _turned(degrees: float, axis: int) -> FloatArray:
    angle = np.radians(degrees)
    one, other = (n for n in range(3) if n != axis)
    turn = np.eye(3)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn


@given(
    step_mm=st.sampled_from([1.0, 2.0, 3.0, 5.0]),
    off_mm=st.floats(-10.0, 10.0),
    shift_mm=st.floats(0.0, 1.0),
    view=st.sampled_from([1, 2]),
)
@settings(deadline=None, max_examples=40)
def test_a_ball_cut_across_is_a_circle(step_mm: float, off_mm: float, shift_mm: float, view: int) -> None:
    focus = (0.0, off_mm, 0.0) if view == 1 else (off_mm, 0.0, 0.0)
    shape = _shape(_ball(step_mm, shift_mm=shift_mm * step_mm), _sheets(focus)[view])
    radius_mm = float(np.sqrt(RADIUS_MM**2 - off_mm**2))
    radii = np.linalg.norm(shapely.get_coordinates(shape), axis=1)
    # Pieces on drawn planes end on the circle, and each holds for half a step; 0.1 mm of thinning and polygons.
    assert radii.max() <= radius_mm + 0.5 * step_mm + 0.1
    # On its own planes the circle is met: nowhere is the outline further inside than the planes are apart.
    assert radii.min() >= radius_mm - 1.0 * step_mm - 0.1
    low_u, low_v, high_u, high_v = shape.bounds
    # The widest drawn plane lies within half a step of the equator: its sagitta.
    sagitta = radius_mm - np.sqrt(max(radius_mm**2 - (0.5 * step_mm) ** 2, 0.0))
    assert high_u - low_u == pytest.approx(2.0 * radius_mm, abs=2.0 * sagitta + 0.1)
    # Half a step at either end, as in the volume of the model "slab".
    assert high_v - low_v == pytest.approx(2.0 * radius_mm, abs=step_mm + 0.1)


@pytest.mark.parametrize("degrees", [10.0, 25.0, 45.0, 80.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_planes_that_lean_on_the_drawn_ones_cut_the_same_ball(degrees: float, axis: int) -> None:
    ball = _ball(2.0, _turned(degrees, axis))
    for sheet in _sheets((0.0, 0.0, 0.0)):
        shape = _shape(ball, sheet)
        radii = np.linalg.norm(shapely.get_coordinates(shape), axis=1)
        # Each outline holds for half a step of 2 mm; 0.1 mm of thinning and polygons.
        assert radii.max() <= RADIUS_MM + 1.0 + 0.1
        # Slabs stand out and fall short in turn: an outline 0.15 mm off all round would change the area by 2 %.
        assert shape.area == pytest.approx(np.pi * RADIUS_MM**2, rel=0.02)


def test_the_sheets_of_oblique_planes_are_at_right_angles_and_right_handed() -> None:
    for axis in range(3):
        for degrees in (-40.0, 0.0, 30.0):
            for own in np.eye(3):
                axes = anatomical_axes(_turned(degrees, axis) @ own)
                assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)  # rounding
                assert np.linalg.det(axes) == pytest.approx(1.0, abs=1e-12)
                assert (np.diag(axes) > 0.7).all()  # cosine of 45 degrees


def test_off_centre_structures_keep_their_side() -> None:
    # 10 mm to the left, 5 mm towards the head.
    region = _region([_circle((10.0, 0.0, h), 4.0) for h in (3.0, 5.0, 7.0)])
    _, coronal, sagittal = _sheets((10.0, 0.0, 5.0))
    # u from the middle towards the left, v down: 3 planes of 2 mm and half a step at either end make 6 mm.
    assert _shape(region, coronal).bounds == pytest.approx((6.0, -8.0, 14.0, -2.0), abs=0.06)
    assert _shape(region, sagittal).bounds == pytest.approx((-4.0, -8.0, 4.0, -2.0), abs=0.06)


def test_where_a_structure_divides_each_plane_holds_for_half_a_step() -> None:
    one = [_circle((0.0, 0.0, h), 10.0) for h in (0.0, 2.0)]
    two = [_circle((x, 0.0, h), 3.0) for h in (4.0, 6.0) for x in (-6.0, 6.0)]
    shape = _shape(_region([*one, *two]), _sheets((0.0, 0.0, 0.0))[1])
    # One piece, no border inside it: 20 mm from -1 to 3 mm, twice 6 mm from 3 to 7 mm.
    assert shape.geom_type == "Polygon"
    assert shape.area == pytest.approx(20.0 * 4.0 + 2 * 6.0 * 4.0, abs=0.5)  # chords of polygons, thinned to 0.05 mm
    assert not shape.interiors


def test_a_hole_stays_a_hole() -> None:
    heights = (0.0, 2.0, 4.0, 6.0, 8.0)
    walls = [_circle((0.0, 0.0, h), 10.0) for h in heights]
    holes = [_circle((0.0, 0.0, h), 4.0) for h in heights[1:-1]]
    shape = _shape(_region([*walls, *holes]), _sheets((0.0, 0.0, 0.0))[1])
    assert len(shape.interiors) == 1
    # Three planes of 2 mm, 8 mm wide; 20 mm times five planes around it.
    assert shape.area == pytest.approx(20.0 * 10.0 - 8.0 * 6.0, abs=0.5)  # as above


def test_missing_planes_are_bridged_as_far_as_the_shape_is_and_no_further() -> None:
    bridged = _region([_circle((0.0, 0.0, h), 5.0) for h in (0.0, 2.0, 4.0, 10.0, 12.0)])  # two planes missing
    apart = _region([_circle((0.0, 0.0, h), 5.0) for h in (0.0, 2.0, 4.0, 14.0, 16.0)])  # four planes missing
    coronal = _sheets((0.0, 0.0, 0.0))[1]
    assert _shape(bridged, coronal).geom_type == "Polygon"
    assert _shape(bridged, coronal).area == pytest.approx(10.0 * 14.0, abs=0.3)  # as above
    assert _shape(apart, coronal).geom_type == "MultiPolygon"
    assert _shape(apart, coronal).area == pytest.approx(10.0 * 6.0 + 10.0 * 4.0, abs=0.3)


def test_one_plane_of_unknown_thickness_is_a_line_from_the_side() -> None:
    flat = _region([_circle((0.0, 0.0, 0.0), 10.0)])
    (ring,) = structure(Outlined("", "", flat), _sheets((0.0, 0.0, 0.0))[1]).rings_mm
    assert np.array(sorted(ring)) == pytest.approx(np.array([(30.0, 40.0), (50.0, 40.0)]), abs=0.01)  # written so


def test_a_plane_beside_a_structure_does_not_cut_it() -> None:
    ball = _ball(2.0)
    for focus in ((0.0, 16.0, 0.0), (16.0, 0.0, 0.0), (0.0, 0.0, 17.0)):
        cut = [bool(structure(Outlined("", "", ball), sheet).rings_mm) for sheet in _sheets(focus)]
        assert cut.count(False) == 1


def test_a_structure_that_fills_the_picture_leaves_no_edge_in_it() -> None:
    body = _region([_circle((0.0, 0.0, h), 200.0) for h in np.arange(-60.0, 62.0, 5.0)])
    for sheet in _sheets((0.0, 0.0, 0.0)):
        (ring,) = structure(Outlined("", "", body), sheet).rings_mm
        points = np.array(ring)
        # All of its corners lie outside the picture, and not far.
        outside = (points < 0.0).any(axis=1) | (points > SIDE_MM).any(axis=1)
        assert outside.all()
        assert np.abs(points - 0.5 * SIDE_MM).max() <= 0.5 * SIDE_MM + 4.01  # 5 % of 80 mm
