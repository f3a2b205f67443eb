"""Slice pictures as data: orientation, greys, contours and isodose lines, against closed forms."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.picture import MARGIN_MM, Outlined, Subject, picture_sets
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
ACROSS = np.array([[-15.0, 0.0, 0.0], [15.0, 0.0, 0.0]])  # the longest axial diameter of the target, from its centre


def _subject(region: Region = TARGET, points: FloatArray | None = None, **more: object) -> Subject:
    fields: dict[str, object] = {"others": (), "points_mm": CENTRE + ACROSS if points is None else points} | more
    return Subject("1", "lesion 1", "t", Outlined("GTV_1", "GTV", region), **fields)  # type: ignore[arg-type]


def _three(subject: Subject, image: Image | None = None, dose: Dose | None = None) -> tuple[Picture, Picture, Picture]:
    axial, coronal, sagittal = picture_sets([subject], image, dose)
    return axial, coronal, sagittal


def _other(label: str, region: Region, advisory: bool = False) -> Outlined:
    return Outlined(label, "", region, advisory)


def _uv(picture: Picture, point: FloatArray) -> FloatArray:
    """Return where a patient point lies in a picture, from what the picture itself says of its plane."""
    arm = np.asarray(point) - np.array(picture.corner_mm)
    return np.array([arm @ np.array(picture.right), arm @ np.array(picture.down)])


def test_the_three_views_are_as_radiologists_look_at_them() -> None:
    left = _other("left", _stack([2.0] * 3, CENTRE + np.array([25.0, 0.0, 0.0])))  # towards the patient's left
    behind = _other("behind", _stack([2.0] * 3, CENTRE + np.array([0.0, 25.0, 0.0])))  # posterior
    above = _other("above", _stack([2.0] * 3, CENTRE + np.array([0.0, 0.0, 25.0])))  # towards the head
    axial, coronal, sagittal = _three(_subject(others=(left, behind, above)))
    assert [p.edges for p in (axial, coronal, sagittal)] == [
        ("R", "L", "A", "P"),
        ("R", "L", "H", "F"),
        ("A", "P", "H", "F"),
    ]
    assert [p.plane for p in (axial, coronal, sagittal)] == [
        "axial at z = 10.0 mm",
        "coronal at y = -20.0 mm",
        "sagittal at x = 30.0 mm",
    ]
    half = 15.0 + MARGIN_MM
    expected = {
        "axial": {"GTV_1": (half, half), "left": (half + 25, half), "behind": (half, half + 25)},
        "coronal": {"GTV_1": (half, half), "left": (half + 25, half), "above": (half, half - 25)},
        "sagittal": {"GTV_1": (half, half), "behind": (half + 25, half), "above": (half, half - 25)},
    }
    for picture in (axial, coronal, sagittal):
        found = {o.label: _middle(o) for o in _only(picture, "structure")}
        assert list(found) == list(expected[picture.view])
        # Coordinates are written to 0.01 mm and outlines thinned to 0.05 mm.
        assert np.array([*found.values()]) == pytest.approx(np.array([*expected[picture.view].values()]), abs=0.1)


def _middle(outline: PictureContour) -> FloatArray:
    points = np.concatenate([np.array(ring) for ring in outline.rings_mm])
    return np.asarray(0.5 * (points.min(axis=0) + points.max(axis=0)))


def test_the_crop_is_the_target_and_the_line_with_a_margin_at_one_scale() -> None:
    pictures = _three(_subject())
    for picture in pictures:
        # The polygon of 720 points reaches the circle on both axes.
        assert picture.width_mm == picture.height_mm == pytest.approx(30.0 + 2 * MARGIN_MM, abs=0.01)  # written so
    ring = np.array(_only(pictures[0], "structure")[0].rings_mm[0])
    radii = np.linalg.norm(ring - pictures[0].width_mm / 2, axis=1)
    assert radii == pytest.approx(15.0, abs=0.06)  # thinned to 0.05 mm, written to 0.01 mm
    away = _three(_subject(points=CENTRE + np.array([[15.0, 0.0, 0.0], [80.0, 0.0, 0.0]])))
    assert [p.width_mm for p in away] == pytest.approx([95.0 + 2 * MARGIN_MM] * 3, abs=0.01)


def test_planes_and_pictures_agree_on_where_a_point_is() -> None:
    axial, coronal, sagittal = _three(_subject())
    for picture in (axial, coronal, sagittal):
        assert _uv(picture, CENTRE) == pytest.approx(picture.width_mm / 2, abs=0.02)  # two numbers written to 0.01 mm
        assert picture.crossing_mm == pytest.approx((picture.width_mm / 2,) * 2, abs=0.01)
        normal = np.cross(picture.right, picture.down)
        assert normal @ (CENTRE - np.array(picture.corner_mm)) == pytest.approx(0.0, abs=0.02)  # the same


@pytest.mark.parametrize(("axis", "own"), [(0, "sagittal at x = 30.0 mm"), (1, "coronal at y = -20.0 mm")])
def test_contours_in_other_planes_give_the_same_three_views(axis: int, own: str) -> None:
    region = _stack([10.0, 15.0, 10.0], axis=axis)
    pictures = _three(_subject(region, CENTRE[None]))
    assert [p.view for p in pictures] == ["axial", "coronal", "sagittal"]
    assert [p.edges for p in pictures] == [p.edges for p in _three(_subject())]
    assert own in [p.plane for p in pictures]
    assert all(_only(p, "structure") for p in pictures)


def _tilted(degrees: float) -> FloatArray:
    """A turn about the axis from right to left: the drawn planes lean to the back."""
    slant = np.radians(degrees)
    return np.array([[1, 0, 0], [0, np.cos(slant), -np.sin(slant)], [0, np.sin(slant), np.cos(slant)]])


def test_oblique_planes_name_both_directions() -> None:
    turn = _tilted(30.0)
    rings = [Contour(frozen(_ring(np.array([0.0, 0.0, h]), 10.0, 2).points_mm @ turn.T), "CLOSED_PLANAR") for h in
             (-2.0, 0.0, 2.0)]  # fmt: skip
    region = region_of(Structure(1, "", "", tuple(rings)))
    axial, coronal, sagittal = _three(_subject(region, np.zeros((1, 3))))
    assert [p.plane for p in (axial, coronal, sagittal)] == [
        "oblique, 30.0° from axial",
        "oblique, 30.0° from coronal",
        "sagittal at x = 0.0 mm",
    ]
    assert axial.edges == ("R", "L", "AF", "PH")
    assert coronal.edges == ("R", "L", "HA", "FP")
    assert sagittal.edges == ("AF", "PH", "HA", "FP")


def test_the_planes_go_through_the_line() -> None:
    ends = CENTRE + np.array([[-12.0, 3.0, -2.0], [12.0, 3.0, -2.0]])
    axial, coronal, sagittal = _three(_subject(points=ends))
    assert (axial.plane, coronal.plane) == ("axial at z = 8.0 mm", "coronal at y = -17.0 mm")
    for picture in (axial, coronal):
        (line,) = _only(picture, "line")
        assert (line.label, line.projected) == ("24.0 mm", False)
        # Written to 0.01 mm, as is the corner.
        assert np.array(line.rings_mm[0]) == pytest.approx(np.array([_uv(picture, end) for end in ends]), abs=0.02)
        assert [o.projected for o in _only(picture, "point")] == [False]
        assert picture.caption == ""
    assert not _only(sagittal, "line")  # seen end on
    assert [len(o.rings_mm) for o in _only(sagittal, "point") if o.projected] == [2]
    assert sagittal.caption == "first end 12.0 mm right of the plane; second end 12.0 mm left of the plane"
    assert axial.ends_mm == tuple(tuple(end) for end in ends.tolist())


def test_a_distance_is_seen_from_the_target_and_what_is_off_the_plane_is_said() -> None:
    organ = _stack([4.0] * 5, CENTRE + np.array([60.0, 0.0, 40.0]))
    ends = CENTRE + np.array([[15.0, 0.0, 0.0], [56.0, 0.0, 36.0]])
    subject = _subject(points=ends, others=(_other("Organ", organ),), ends_on=("GTV_1", "Organ"))
    axial, coronal, sagittal = _three(subject)
    solid, dashed = _only(axial, "line")
    assert (solid.projected, dashed.projected) == (False, True)
    # The line rises 36 mm over 41 mm; within half a step of 2 mm and 0.1 mm of rounding it is in the plane.
    share = 1.1 / 36.0
    first, last = np.array(solid.rings_mm[0])
    assert last[0] - first[0] == pytest.approx(41.0 * share, abs=0.02)  # two numbers written to 0.01 mm
    assert axial.caption == "end on Organ 36.0 mm cranial to the plane; Organ is not cut by the plane"
    (whole,) = _only(coronal, "line")
    assert (whole.projected, coronal.caption) == (False, "")
    # A plane through the very surface would show next to nothing of the target: 35 % of 30 mm from the centre instead.
    assert sagittal.plane == "sagittal at x = 40.5 mm"
    assert _only(sagittal, "structure")[0].label == "GTV_1"
    assert sagittal.caption.startswith("end on GTV_1 4.5 mm left of the plane; end on Organ 45.5 mm left of the plane")


def test_contact_is_one_point() -> None:
    organ = _stack([4.0] * 5, CENTRE + np.array([16.0, 0.0, 0.0]))
    touch = CENTRE + np.array([[13.0, 0.0, 0.0]] * 2)
    subject = _subject(points=touch, others=(_other("Organ", organ),), ends_on=("GTV_1", "Organ"))
    axial, _, sagittal = _three(subject)
    assert not _only(axial, "line")
    assert axial.caption == ""
    assert sagittal.caption == "point of contact 2.5 mm left of the plane; Organ is not cut by the plane"


@given(
    first=st.tuples(*[st.floats(-14.0, 14.0)] * 3),
    last=st.tuples(*[st.floats(-40.0, 40.0)] * 3),
)
@settings(deadline=None, max_examples=25)
def test_pieces_and_ends_of_any_line_land_where_they_are(first: tuple[float, ...], last: tuple[float, ...]) -> None:
    ends = CENTRE + np.array([first, last])
    for picture in picture_sets([_subject(points=ends)], None, None):
        where = np.array([_uv(picture, end) for end in ends])
        dots = [np.array(ring[0]) for o in _only(picture, "point") for ring in o.rings_mm]
        assert len(dots) == 2
        # Both are written to 0.01 mm, as is the corner.
        assert min(np.abs(np.array(d) - where).max() for d in (dots, dots[::-1])) <= 0.021
        pieces = [np.array(ring) for o in _only(picture, "line") for ring in o.rings_mm]
        length = sum(float(np.linalg.norm(piece[1] - piece[0])) for piece in pieces)
        assert length == pytest.approx(np.linalg.norm(where[1] - where[0]), abs=0.1)  # at most three pieces, as above
        off = [float(np.cross(picture.right, picture.down) @ (e - np.array(picture.corner_mm))) for e in ends]
        solid = [o for o in _only(picture, "line") if not o.projected]
        if max(map(abs, off)) < 1.0 and np.linalg.norm(where[1] - where[0]) > 0.1:
            assert len(solid) == 1
            assert not [o for o in _only(picture, "line") if o.projected]


def test_outlines_that_nobody_drew_are_marked() -> None:
    near = _other("AirWay_Prox (from masks)", _stack([3.0] * 3, CENTRE + np.array([20.0, 0.0, 0.0])), advisory=True)
    axial = _three(_subject(others=(near,)))[0]
    assert [(o.label, o.advisory) for o in _only(axial, "structure")] == [
        ("GTV_1", False),
        ("AirWay_Prox (from masks)", True),
    ]


def test_others_are_drawn_only_where_they_cross_the_picture() -> None:
    above = _stack([5.0, 5.0], CENTRE + np.array([0.0, 0.0, 20.0]))
    far = _stack([5.0], CENTRE + np.array([200.0, 0.0, 0.0]))
    axial = _three(_subject(others=(_other("above", above), _other("far", far))))[0]
    assert [outline.label for outline in axial.outlines if outline.kind == "structure"] == ["GTV_1"]


def test_a_hole_is_a_ring_of_its_own() -> None:
    region = region_of(Structure(1, "", "", (_ring(CENTRE, 15.0, 2), _ring(CENTRE, 5.0, 2))), 2.0)
    axial, coronal, _ = _three(_subject(region))
    assert len(_only(axial, "structure")[0].rings_mm) == 2
    assert len(_only(coronal, "structure")[0].rings_mm) == 2  # cut through the hole: two boxes


@given(percent=st.sampled_from([100.0, 80.0, 50.0]))
@settings(deadline=None, max_examples=3)
def test_isodose_lines_of_a_cone_are_circles(percent: float) -> None:
    # 60 Gy falling by 1 Gy a mm: 50 Gy x percent lies at radius 60 - 0.5 percent.
    dose = _dose(lambda points: 60.0 - _radius_from(CENTRE)(points))
    axial = _three(_subject(with_dose=True, prescribed_gy=50.0), None, dose)[0]
    line = next(o for o in _only(axial, "isodose") if o.role == f"{percent:g}")
    assert line.label == f"{percent:g} % ({percent / 2:g} Gy)"
    radii = np.linalg.norm(np.array(line.rings_mm[0]) - axial.width_mm / 2, axis=1)
    # Trilinear dose on 2 mm cells lies under a cone by at most h^2 / (4 r) (both axes), 0.1 mm at r = 10 mm; the same
    # again, a quarter as large, for the lines drawn on points 1 mm apart.
    assert radii == pytest.approx(60.0 - percent / 2, abs=0.13)


def test_isodose_lines_of_the_other_views_are_where_the_dose_is() -> None:
    # A dose that falls towards the head alone: its lines are level in both upright views.
    dose = _dose(lambda points: 50.0 - (points[:, 2] - CENTRE[2]))
    _, *upright = _three(_subject(with_dose=True, prescribed_gy=50.0), None, dose)
    for picture in upright:
        (line,) = [o for o in _only(picture, "isodose") if o.role == "100"]
        assert np.array(line.rings_mm[0])[:, 1] == pytest.approx(picture.height_mm / 2, abs=0.02)  # float32, 0.01 mm


def test_without_a_prescription_isodose_lines_are_shares_of_the_maximum() -> None:
    dose = _dose(lambda points: 60.0 - _radius_from(CENTRE)(points))
    axial = _three(_subject(with_dose=True), None, dose)[0]
    assert [o.label for o in _only(axial, "isodose")] == [
        "90 % of the maximum (54 Gy)",
        "50 % of the maximum (30 Gy)",
    ]


def test_isodose_lines_end_where_the_dose_grid_ends() -> None:
    # A dose that falls with x alone and a grid that ends at the middle of the target.
    dose = _dose(lambda points: 50.0 - (points[:, 0] - CENTRE[0]) / 2.0, high=np.array([120.0, CENTRE[1], 20.0]))
    axial = _three(_subject(with_dose=True, prescribed_gy=50.0), None, dose)[0]
    (line,) = [o for o in _only(axial, "isodose") if o.role == "100"]
    points = np.array(line.rings_mm[0])
    half = axial.width_mm / 2
    assert points[:, 0] == pytest.approx(half, abs=0.02)  # float32 dose and 0.01 mm
    assert points[:, 1].max() <= half + 0.01


def test_dose_that_does_not_reach_the_plane_is_flat_or_unwanted_is_left_out() -> None:
    def field(points: FloatArray) -> FloatArray:
        return 60.0 - _radius_from(CENTRE)(points)

    beyond = _dose(field, low=LOW + BEYOND, high=HIGH + BEYOND)
    flat = _dose(field, low=np.array([-60.0, -110.0, 10.0]), high=np.array([120.0, 70.0, 10.0]))
    nothing = _dose(lambda points: 0.0 * points[:, 0])
    for dose in (beyond, flat, nothing):
        assert not _only(_three(_subject(with_dose=True), None, dose)[0], "isodose")
    assert not _only(_three(_subject(), None, _dose(field))[0], "isodose")


def _ramp(points: FloatArray) -> FloatArray:
    # HU that tells where a point is: soft tissue, rising to the left, to the back and to the head.
    return np.asarray((points - CENTRE) @ np.array([0.8, 0.4, 1.2]) + 40.0)


TALL = np.array([-60.0, -110.0, -80.0]), np.array([120.0, 70.0, 100.0])


def _expected(picture: Picture) -> FloatArray:
    """Grey levels of the ramp in the soft tissue window, from what the picture says of its plane."""
    at = (np.arange(picture.columns) + 0.5) * picture.width_mm / picture.columns
    u, v = np.meshgrid(at, at)
    points = (
        np.array(picture.corner_mm) + u[..., None] * np.array(picture.right) + v[..., None] * np.array(picture.down)
    )
    hu = _ramp(points.reshape(-1, 3)).reshape(u.shape)
    return np.asarray(np.clip((hu + 160.0) / 400.0, 0.0, 1.0) * 255.0)


TURNS = {
    "head first, supine": np.eye(3),
    "prone": np.diag([-1.0, -1.0, 1.0]),
    "feet first": np.diag([-1.0, 1.0, -1.0]),
    "feet first, prone": np.diag([1.0, -1.0, -1.0]),
    "on the side": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "slices mirrored": np.diag([1.0, 1.0, -1.0]),
    "sagittal slices": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "oblique slices": _tilted(20.0),
}


@pytest.mark.parametrize("turn", list(TURNS.values()), ids=list(TURNS))
def test_the_greys_are_those_of_the_place_however_the_ct_is_stored(turn: FloatArray) -> None:
    for picture in _three(_subject(), _image(_ramp, turn, *TALL)):
        reached = _grey(picture) > 0
        assert picture.window.startswith("soft tissue window, 40 ± 200 HU")
        assert reached.mean() > 0.75  # an oblique CT leaves corners free
        # Linear HU are interpolated without error in all three directions: half a grey level of rounding; corner and
        # directions are written to 0.01 mm and 1e-6, 0.03 HU. The end slices of the oblique CT, which lie in the
        # pictures, hold for half a step: 1 mm of 1.5 HU, another grey level.
        tolerance = 0.53 if (np.abs(turn) > 0.999).sum() == 3 else 1.5
        assert np.abs(_grey(picture) - _expected(picture))[reached].max() <= tolerance


def test_voxels_that_are_no_cubes_are_shown_at_true_scale() -> None:
    # A ball of 12 mm in voxels of 1 x 1 x 2 mm is as high as it is wide, within a pixel and the blur of a voxel.
    ball = _image(lambda points: np.where(_radius_from(CENTRE)(points) < 12.0, 240.0, -160.0), None, *TALL)
    for picture in _three(_subject(organ="liver"), ball):
        grey = _grey(picture) > 127
        size = picture.width_mm / picture.columns
        across, along = grey.sum(axis=1).max() * size, grey.sum(axis=0).max() * size
        assert (across, along) == pytest.approx((24.0, 24.0), abs=2.0)


@pytest.mark.parametrize(
    ("inside_hu", "around_hu", "window"),
    [
        (40.0, -800.0, "lung window, -600 ± 750 HU"),
        (40.0, 20.0, "soft tissue window, 40 ± 200 HU"),
        (300.0, 20.0, "bone window, 400 ± 900 HU"),
        (300.0, -800.0, "bone window, 400 ± 900 HU"),
    ],
)
def test_where_no_organ_is_known_the_window_follows_what_is_there(
    inside_hu: float, around_hu: float, window: str
) -> None:
    image = _image(lambda points: np.where(_radius_from(CENTRE)(points) < 15.0, inside_hu, around_hu), None, *TALL)
    assert {p.window for p in _three(_subject(), image)} == {window}


@pytest.mark.parametrize(
    ("organ", "window"), [("lung", "lung"), ("bone", "bone"), ("brain", "brain"), ("liver", "soft tissue")]
)
def test_the_organ_chooses_the_window(organ: str, window: str) -> None:
    for picture in _three(_subject(organ=organ), _image(_ramp)):
        assert picture.window.startswith(f"{window} window, ")


def test_ct_that_does_not_reach_the_planes_is_left_out() -> None:
    beyond = _image(_ramp, low=LOW + 5 * BEYOND, high=HIGH + 5 * BEYOND)
    for picture in _three(_subject(), beyond):
        assert (picture.rows, picture.columns, picture.pixels, picture.window) == (0, 0, "", "")
    assert _three(_subject(with_ct=False), _image(_ramp))[0].pixels == ""


def test_where_the_ct_ends_the_picture_is_black_and_says_so() -> None:
    half = _image(_ramp, high=np.array([CENTRE[0], 70.0, 20.0]))
    axial = _three(_subject(), half)[0]
    assert axial.window.endswith("; black beyond the CT")
    assert not _grey(axial)[:, axial.columns // 2 + 1 :].any()
    # Slices from 0 to 20 mm hold for half a step of 2 mm: 22 of 90 mm, in pixels of 1 mm.
    coronal = _grey(_three(_subject(), _image(_ramp))[1])
    assert coronal.any(axis=1).sum() == 22


def test_nothing_is_made_up_where_slices_are_missing() -> None:
    whole = _image(_ramp, None, *TALL)
    k_mm = whole.lattice.k_mm
    kept = np.flatnonzero((k_mm < 20.0) | (k_mm > 40.0))  # 18 and 42 mm are left: 24 mm without a slice
    lattice = Lattice(whole.lattice.i_mm, whole.lattice.j_mm, frozen(k_mm[kept]), whole.lattice.to_patient)
    holed = Image("1.2", "1.3", "HFS", lattice, lambda k: whole.read_slice(int(kept[k])))
    coronal = _three(_subject(), holed)[1]
    rows = np.flatnonzero(~_grey(coronal).any(axis=1))
    z_mm = coronal.corner_mm[2] - (rows + 0.5) * coronal.height_mm / coronal.rows
    # Each of the two slices holds for half a step of 2 mm and 0.1 mm of rounding.
    assert z_mm.min() > 19.0
    assert z_mm.max() < 41.0
    assert len(rows) == pytest.approx(22, abs=1)  # of 1 mm
    assert coronal.window.endswith("; black beyond the CT")


def test_one_slice_is_enough_for_an_axial_picture() -> None:
    whole = _image(_ramp)
    lattice = Lattice(whole.lattice.i_mm, whole.lattice.j_mm, frozen(CENTRE[2:]), whole.lattice.to_patient)
    axial, coronal, _ = _three(_subject(), Image("1.2", "1.3", "HFS", lattice, lambda k: whole.read_slice(5)))
    assert axial.pixels
    assert not coronal.pixels or _grey(coronal).any(axis=1).sum() <= 1


def test_a_slice_that_cannot_be_read_is_left_out_and_said() -> None:
    def damaged(k: int) -> FloatArray:
        if k == 5:  # z = 10 mm, that of the axial picture
            raise UnreadableFile("the pixel data end early", where=f"slice {k}")
        return image.read_slice(k)

    image = _image(_ramp)
    axial, coronal, _ = _three(_subject(), Image("1.2", "1.3", "HFS", image.lattice, damaged))
    assert (axial.pixels, axial.window) == ("", "a CT slice could not be read")
    assert axial.outlines
    assert coronal.window.endswith("; a CT slice could not be read")
    # Nothing between the neighbours of the lost slice, at 8 and 12 mm: 18 of 22 rows are left.
    assert _grey(coronal).any(axis=1).sum() == 18


def test_a_large_target_has_no_more_pixels_than_a_small_one_may() -> None:
    pictures = _three(_subject(_stack([90.0] * 2)), _image(_ramp))
    assert {(p.rows, p.columns) for p in pictures} == {(200, 200)}


def test_each_slice_is_decoded_once_for_all_pictures_of_a_report() -> None:
    read: list[int] = []
    image = _image(_ramp, None, *TALL)

    def counted(k: int) -> FloatArray:
        read.append(k)
        return image.read_slice(k)

    picture_sets([_subject(), _subject(points=CENTRE[None] + 3.0)], Image("", "", "", image.lattice, counted), None)
    assert len(read) == len(set(read))
    # 90 mm of pictures in slices 2 mm apart, of the 91 that there are.
    assert 45 <= len(read) <= 48
