"""Slice pictures as data: orientation, greys, contours and isodose lines, against closed forms."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.picture import MARGIN_MM, slice_picture
from sbrtcheck.errors import UnreadableFile
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Dose, FloatArray, Image, Lattice, Structure, frozen
from sbrtcheck.results import Picture, PictureContour

ANGLES = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
CENTRE = np.array([30.0, -20.0, 10.0])
Field = Callable[[FloatArray], FloatArray]  # patient points (N, 3) to values (N,)


def _ring(centre: FloatArray, radius_mm: float, axis: int) -> Contour:
    points = np.tile(centre, (len(ANGLES), 1))
    one, other = (n for n in range(3) if n != axis)
    points[:, one] += radius_mm * np.cos(ANGLES)
    points[:, other] += radius_mm * np.sin(ANGLES)
    return Contour(frozen(points), "CLOSED_PLANAR")


def _stack(radii_mm: list[float], centre: FloatArray = CENTRE, axis: int = 2, step_mm: float = 2.0) -> Region:
    """Circles of these radii on planes ``step_mm`` apart, the middle one through the centre."""
    middle = len(radii_mm) // 2
    shift = np.eye(3)[axis]
    rings = [_ring(centre + (n - middle) * step_mm * shift, r, axis) for n, r in enumerate(radii_mm)]
    return region_of(Structure(1, "GTV", "GTV", tuple(rings)))


def _lattice(low: FloatArray, high: FloatArray, step: FloatArray, turn: FloatArray | None = None) -> Lattice:
    to_patient = np.eye(4)
    to_patient[:3, :3] = np.eye(3) if turn is None else turn
    corners = np.stack([low, high]) @ to_patient[:3, :3]
    start, end = corners.min(axis=0), corners.max(axis=0)
    ticks = [frozen(a + s * np.arange(round((b - a) / s) + 1)) for a, b, s in zip(start, end, step, strict=True)]
    return Lattice(*ticks, frozen(to_patient))


def _field_on(lattice: Lattice, field: Field) -> FloatArray:
    k, j, i = np.meshgrid(lattice.k_mm, lattice.j_mm, lattice.i_mm, indexing="ij")
    grid = np.column_stack([i.ravel(), j.ravel(), k.ravel()])
    return field(lattice.to_lps(grid)).reshape(lattice.shape)


LOW, HIGH = np.array([-60.0, -110.0, 0.0]), np.array([120.0, 70.0, 20.0])

BEYOND = np.array([0.0, 0.0, 100.0])


def _image(field: Field, turn: FloatArray | None = None, low: FloatArray = LOW, high: FloatArray = HIGH) -> Image:
    lattice = _lattice(low, high, np.array([1.0, 1.0, 2.0]), turn)
    volume = _field_on(lattice, field)
    return Image("1.2", "1.3", "HFS", lattice, lambda k: volume[k])


def _dose(field: Field, low: FloatArray = LOW, high: FloatArray = HIGH) -> Dose:
    lattice = _lattice(low, high, np.array([2.0, 2.0, 2.0]))
    return Dose(frozen(_field_on(lattice, field), np.float32), lattice, "PHYSICAL", "1.3", 0.0, ("1.4",))


def _radius_from(centre: FloatArray) -> Field:
    return lambda points: np.asarray(np.linalg.norm(points - centre, axis=1))


def _grey(picture: Picture) -> np.ndarray:
    return np.frombuffer(base64.b64decode(picture.pixels), np.uint8).reshape(picture.rows, picture.columns).astype(int)


def _only(picture: Picture, kind: str) -> list[PictureContour]:
    return [outline for outline in picture.outlines if outline.kind == kind]


TARGET = _stack([8.0, 12.0, 15.0, 12.0, 8.0])


def test_axial_picture_is_as_radiologists_look_at_it() -> None:
    left = _stack([2.0], CENTRE + np.array([25.0, 0.0, 0.0]))  # towards the patient's left
    behind = _stack([2.0], CENTRE + np.array([0.0, 25.0, 0.0]))  # posterior
    others = (("left", "", left), ("behind", "", behind))
    picture = slice_picture("lesion 1", "t", ("GTV_1", "GTV", TARGET), others, None, None, None)
    assert picture.edges == ("R", "L", "A", "P")
    assert picture.plane == "axial at z = 10.0 mm"
    assert [(o.label, o.role) for o in picture.outlines] == [("GTV_1", "GTV"), ("left", ""), ("behind", "")]
    middles = [np.mean(o.rings_mm[0], axis=0) for o in picture.outlines]
    half = 15.0 + MARGIN_MM
    # Coordinates are written to 0.01 mm and circles thinned to 0.05 mm.
    assert np.array(middles) == pytest.approx(np.array([(half, half), (half + 25, half), (half, half + 25)]), abs=0.1)


def test_the_crop_is_the_target_and_its_margin() -> None:
    picture = slice_picture("lesion 1", "t", ("GTV_1", "GTV", TARGET), (), None, None, None)
    # The polygon of 720 points reaches the circle on both axes.
    assert picture.width_mm == picture.height_mm == pytest.approx(30.0 + 2 * MARGIN_MM, abs=0.01)  # written so
    ring = np.array(_only(picture, "structure")[0].rings_mm[0])
    radii = np.linalg.norm(ring - picture.width_mm / 2, axis=1)
    assert radii == pytest.approx(15.0, abs=0.06)  # thinned to 0.05 mm, written to 0.01 mm


@pytest.mark.parametrize(
    ("axis", "edges", "plane"),
    [
        (0, ("A", "P", "H", "F"), "sagittal at x = 30.0 mm"),
        (1, ("R", "L", "H", "F"), "coronal at y = -20.0 mm"),
        (2, ("R", "L", "A", "P"), "axial at z = 10.0 mm"),
    ],
)
def test_edges_for_contours_in_other_planes(axis: int, edges: tuple[str, ...], plane: str) -> None:
    region = _stack([10.0, 15.0, 10.0], axis=axis)
    picture = slice_picture("lesion 1", "t", ("GTV_1", "GTV", region), (), None, None, None)
    assert (picture.edges, picture.plane) == (edges, plane)


def test_an_oblique_plane_names_both_directions() -> None:
    slant = np.radians(30.0)
    turn = np.array([[1, 0, 0], [0, np.cos(slant), -np.sin(slant)], [0, np.sin(slant), np.cos(slant)]])
    flat = _ring(np.zeros(3), 10.0, 2).points_mm
    region = region_of(Structure(1, "", "", (Contour(frozen(flat @ turn.T), "CLOSED_PLANAR"),)), 2.0)
    picture = slice_picture("lesion 1", "t", ("GTV_1", "GTV", region), (), None, None, None)
    assert picture.plane == "oblique, near axial"
    assert picture.edges == ("R", "L", "AF", "PH")


def test_the_largest_plane_is_drawn_or_that_of_the_line() -> None:
    largest = slice_picture("", "", ("", "GTV", TARGET), (), None, None, None)
    ends = CENTRE + np.array([[-12.0, 0.0, -2.0], [12.0, 0.0, -2.0]])
    measured = slice_picture("", "", ("", "GTV", TARGET), (), None, None, None, ends)
    assert (largest.plane, measured.plane) == ("axial at z = 10.0 mm", "axial at z = 8.0 mm")
    (line,) = _only(measured, "line")
    half = 12.0 + MARGIN_MM
    assert line.label == "24.0 mm"
    assert np.array(line.rings_mm[0]) == pytest.approx(np.array([(half - 12, half), (half + 12, half)]), abs=0.01)


def test_a_line_that_leaves_the_plane_is_not_drawn() -> None:
    ends = CENTRE + np.array([[-12.0, 0.0, -2.0], [12.0, 0.0, 2.0]])
    picture = slice_picture("", "", ("", "GTV", TARGET), (), None, None, None, ends)
    assert picture.plane == "axial at z = 10.0 mm"
    assert not _only(picture, "line")


def test_others_are_drawn_only_where_they_cross_the_plane() -> None:
    above = _stack([5.0, 5.0], CENTRE + np.array([0.0, 0.0, 20.0]))
    far = _stack([5.0], CENTRE + np.array([200.0, 0.0, 0.0]))
    tilted = _stack([20.0, 20.0], axis=0)
    others = tuple((name, "", region) for name, region in (("above", above), ("far", far), ("tilted", tilted)))
    picture = slice_picture("", "", ("GTV_1", "GTV", TARGET), others, None, None, None)
    assert [outline.label for outline in picture.outlines] == ["GTV_1"]


def test_a_hole_is_a_ring_of_its_own() -> None:
    ring = (_ring(CENTRE, 15.0, 2), _ring(CENTRE, 5.0, 2))
    region = region_of(Structure(1, "", "", ring), 2.0)
    picture = slice_picture("", "", ("", "GTV", region), (), None, None, None)
    assert len(picture.outlines[0].rings_mm) == 2


@given(percent=st.sampled_from([100.0, 80.0, 50.0]))
@settings(deadline=None, max_examples=3)
def test_isodose_lines_of_a_cone_are_circles(percent: float) -> None:
    # 60 Gy falling by 1 Gy a mm: 50 Gy x percent lies at radius 60 - 0.5 percent.
    dose = _dose(lambda points: 60.0 - _radius_from(CENTRE)(points))
    picture = slice_picture("", "", ("", "GTV", TARGET), (), None, dose, 50.0)
    line = next(o for o in _only(picture, "isodose") if o.role == f"{percent:g}")
    assert line.label == f"{percent:g} % ({percent / 2:g} Gy)"
    radii = np.linalg.norm(np.array(line.rings_mm[0]) - picture.width_mm / 2, axis=1)
    # Trilinear dose on 2 mm cells lies under a cone by at most h^2 / (4 r) (both axes), 0.1 mm at r = 10 mm; the same
    # again, a quarter as large, for the lines drawn on points 1 mm apart.
    assert radii == pytest.approx(60.0 - percent / 2, abs=0.13)


def test_without_a_prescription_isodose_lines_are_shares_of_the_maximum() -> None:
    dose = _dose(lambda points: 60.0 - _radius_from(CENTRE)(points))
    picture = slice_picture("", "", ("", "GTV", TARGET), (), None, dose, None)
    assert [o.label for o in _only(picture, "isodose")] == [
        "90 % of the maximum (54 Gy)",
        "50 % of the maximum (30 Gy)",
    ]


def test_isodose_lines_end_where_the_dose_grid_ends() -> None:
    # A dose that falls with x alone and a grid that ends at the middle of the target.
    dose = _dose(lambda points: 50.0 - (points[:, 0] - CENTRE[0]) / 2.0, high=np.array([120.0, CENTRE[1], 20.0]))
    picture = slice_picture("", "", ("", "GTV", TARGET), (), None, dose, 50.0)
    (line,) = [o for o in _only(picture, "isodose") if o.role == "100"]
    points = np.array(line.rings_mm[0])
    half = picture.width_mm / 2
    assert points[:, 0] == pytest.approx(half, abs=0.02)  # float32 dose and 0.01 mm
    assert points[:, 1].max() <= half + 0.01


def test_dose_that_does_not_reach_the_plane_or_is_flat_is_left_out() -> None:
    def field(points: FloatArray) -> FloatArray:
        return 60.0 - _radius_from(CENTRE)(points)

    beyond = _dose(field, low=LOW + BEYOND, high=HIGH + BEYOND)
    flat = _dose(field, low=np.array([-60.0, -110.0, 10.0]), high=np.array([120.0, 70.0, 10.0]))
    nothing = _dose(lambda points: 0.0 * points[:, 0])
    for dose in (beyond, flat, nothing):
        assert not _only(slice_picture("", "", ("", "GTV", TARGET), (), None, dose, None), "isodose")


def _ramp(points: FloatArray) -> FloatArray:
    # HU that tells where a point is: soft tissue, rising to the left and to the back.
    return np.asarray(0.8 * (points[:, 0] - CENTRE[0]) + 0.4 * (points[:, 1] - CENTRE[1]) + 40.0)


def test_the_greys_are_those_of_the_place() -> None:
    picture = slice_picture("", "", ("", "GTV", TARGET), (), _image(_ramp), None, None)
    assert picture.window == "soft tissue window, 40 ± 200 HU"
    at = (np.arange(picture.columns) + 0.5) * picture.width_mm / picture.columns - picture.width_mm / 2
    hu = 0.8 * at[None, :] + 0.4 * at[:, None] + 40.0
    expected = (hu + 160.0) / 400.0 * 255.0
    # Linear HU are interpolated without error: half a grey level of rounding, and 0.01 mm.
    assert np.abs(_grey(picture) - expected).max() <= 0.52


TURNS = {
    "prone": np.diag([-1.0, -1.0, 1.0]),
    "feet first": np.diag([-1.0, 1.0, -1.0]),
    "on the side": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "slices mirrored": np.diag([1.0, 1.0, -1.0]),
    "sagittal slices": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}


@pytest.mark.parametrize("turn", list(TURNS.values()), ids=list(TURNS))
def test_the_picture_does_not_depend_on_how_the_ct_is_stored(turn: FloatArray) -> None:
    usual = slice_picture("", "", ("", "GTV", TARGET), (), _image(_ramp), None, None)
    turned = slice_picture("", "", ("", "GTV", TARGET), (), _image(_ramp, turn), None, None)
    # Sagittal slices 2 mm apart are not interpolated across: up to 1 mm off, 0.8 HU, half a grey level, and rounding.
    assert np.abs(_grey(turned) - _grey(usual)).max() <= 2
    assert (turned.edges, turned.window) == (usual.edges, usual.window)


@pytest.mark.parametrize(
    ("inside_hu", "around_hu", "window"),
    [
        (40.0, -800.0, "lung window, -600 ± 750 HU"),
        (40.0, 20.0, "soft tissue window, 40 ± 200 HU"),
        (300.0, 20.0, "bone window, 400 ± 900 HU"),
        (300.0, -800.0, "bone window, 400 ± 900 HU"),
    ],
)
def test_the_window_follows_what_is_there(inside_hu: float, around_hu: float, window: str) -> None:
    image = _image(lambda points: np.where(_radius_from(CENTRE)(points) < 15.0, inside_hu, around_hu))
    assert slice_picture("", "", ("", "GTV", TARGET), (), image, None, None).window == window


def test_ct_that_does_not_reach_the_plane_is_left_out() -> None:
    beyond = _image(_ramp, low=LOW + BEYOND, high=HIGH + BEYOND)
    picture = slice_picture("", "", ("", "GTV", TARGET), (), beyond, None, None)
    assert (picture.rows, picture.columns, picture.pixels, picture.window) == (0, 0, "", "")


def test_where_the_ct_ends_the_picture_is_black_and_says_so() -> None:
    half = _image(_ramp, high=np.array([CENTRE[0], 70.0, 20.0]))
    picture = slice_picture("", "", ("", "GTV", TARGET), (), half, None, None)
    assert picture.window.endswith("; black beyond the CT")
    assert not _grey(picture)[:, picture.columns // 2 + 1 :].any()


def test_a_slice_that_cannot_be_read_is_left_out_and_said() -> None:
    def damaged(k: int) -> FloatArray:
        raise UnreadableFile("the pixel data end early", where=f"slice {k}")

    image = _image(_ramp)
    broken = Image("1.2", "1.3", "HFS", image.lattice, damaged)
    picture = slice_picture("", "", ("", "GTV", TARGET), (), broken, None, None)
    assert (picture.pixels, picture.window) == ("", "the CT slice could not be read")
    assert picture.outlines


def test_a_large_target_has_no_more_pixels_than_a_small_one_may() -> None:
    picture = slice_picture("", "", ("", "GTV", _stack([90.0], step_mm=2.0)), (), _image(_ramp), None, None)
    assert picture.rows == picture.columns == 200
