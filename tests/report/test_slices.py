"""Drawings of slice pictures: what is drawn stands where the record says, and is told apart."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.image import imread

from sbrtcheck.report.slices import legend, slice_drawing, strokes_of
from sbrtcheck.results import Picture, PictureContour, PlanReport

PIXELS_A_MM = 240.0 / 90.0  # a drawing is 240 units wide, the pictures of the reports here 90 mm


def _drawing(picture: Picture) -> str:
    return slice_drawing(picture, strokes_of([picture]))


def _path(drawing: str, colour: str, number: int = 0) -> np.ndarray:
    """Return the points of the n-th path stroked in a colour, in units of the drawing."""
    paths = re.findall(rf'<path d="M([^"hv]*)" stroke="{colour}"', drawing)
    return np.array([point.split() for point in paths[number].rstrip("Z").split("L")], dtype=float)


def _outline(kind: str = "structure", **more: object) -> PictureContour:
    fields = {"label": "", "kind": kind, "rings_mm": (((1.0, 1.0), (2.0, 1.0), (2.0, 2.0)),)} | more
    return PictureContour(**fields)  # type: ignore[arg-type]


def _with(*outlines: PictureContour, width_mm: float = 90.0) -> Picture:
    return Picture(subject="", title="", plane="", width_mm=width_mm, height_mm=width_mm, outlines=outlines)


def test_an_outline_stands_where_the_picture_says(passing: PlanReport) -> None:
    gtv = _path(_drawing(passing.pictures[0]), "#f0e442")
    square = np.array([(30, 30), (60, 30), (60, 60), (30, 60)])
    assert gtv == pytest.approx(PIXELS_A_MM * square, abs=0.05)  # written to 0.1


def test_a_structure_is_closed_and_a_line_is_not(passing: PlanReport) -> None:
    drawing = _drawing(passing.pictures[0])
    assert re.search(r'<path d="M[^"]*Z" stroke="#f0e442"', drawing)
    line = _path(drawing, "#ffffff")
    assert line == pytest.approx(PIXELS_A_MM * np.array([(30.0, 45.0), (73.1, 45.0)]), abs=0.05)  # written to 0.1


def test_ends_in_the_plane_are_filled_and_others_hollow() -> None:
    end = (((45.0, 45.0),),)
    for projected, fill in ((False, "#ffffff"), (True, "none")):
        drawing = _drawing(_with(_outline("point", rings_mm=end, projected=projected)))
        assert re.findall(r'<circle cx="120.0" cy="120.0" r="3.1" fill="([^"]*)"', drawing) == [fill] * 2


def test_what_is_off_the_plane_is_dashed() -> None:
    near, far = _outline("line"), _outline("line", projected=True)
    strokes = strokes_of([_with(near, far)])
    assert [stroke.dashes == "" for stroke in strokes.values()] == [True, False]
    assert [label for label, _ in legend(strokes)] == ["", ", off the plane"]


@pytest.mark.parametrize(("width_mm", "bar_mm"), [(70.0, 10), (150.0, 10), (200.0, 50), (400.0, 50)])
def test_the_scale_bar_has_its_length(width_mm: float, bar_mm: int) -> None:
    drawing = _drawing(_with(width_mm=width_mm))
    (length,) = set(re.findall(r"h([\d.]+)m0-3v6", drawing))
    assert float(length) == pytest.approx(bar_mm * 240.0 / width_mm, abs=0.01)  # written so
    assert f">{bar_mm} mm</text>" in drawing


def test_the_edges_carry_their_letters(passing: PlanReport) -> None:
    picture = passing.pictures[0]
    assert re.findall(r"<text[^>]*>([^<]*)</text>", _drawing(picture))[-4:] == ["R", "L", "A", "P"]
    odd = picture.model_copy(update={"edges": ("<b>", "X", "", "RLA")})
    assert re.findall(r"<text[^>]*>([^<]*)</text>", _drawing(odd))[1:] == ["RLA"]


def test_the_other_planes_are_marked_where_they_cross(passing: PlanReport) -> None:
    crossed = passing.pictures[0].model_copy(update={"crossing_mm": (45.0, 30.0)})
    assert "M120.0 0v6.0M120.0 240.0v-6.0M0 80.0h6.0M240 80.0h-6.0" in _drawing(crossed)


def test_the_grey_levels_are_those_of_the_record(passing: PlanReport) -> None:
    png = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", _drawing(passing.pictures[0])).group(1)  # type: ignore[union-attr]
    pixels = np.rint(imread(io.BytesIO(base64.b64decode(png)), format="png") * 255).astype(int)
    assert (pixels == np.arange(81).reshape(9, 9)).all()


def test_noise_comes_back_too() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (13, 7), dtype=np.uint8)
    pixels = base64.b64encode(noise.tobytes()).decode()
    picture = _with().model_copy(update={"rows": 13, "columns": 7, "pixels": pixels})
    png = re.search(r"base64,([A-Za-z0-9+/=]+)", _drawing(picture)).group(1)  # type: ignore[union-attr]
    assert (np.rint(imread(io.BytesIO(base64.b64decode(png)), format="png") * 255) == noise).all()


def test_without_ct_there_is_no_image(failing: PlanReport) -> None:
    assert "<image" not in _drawing(failing.pictures[0])


def test_a_picture_of_nothing_is_drawn() -> None:
    assert "</svg>" in _drawing(_with())


def test_a_thing_looks_the_same_in_all_pictures_of_a_set() -> None:
    organs = [_outline(label=name, roi_number=n) for n, name in enumerate("abc")]
    strokes = strokes_of([_with(*organs), _with(*organs[::-1])])
    assert len(strokes) == 3
    assert [label for label, _ in legend(strokes)] == ["a", "b", "c"]


def test_whatever_is_drawn_is_told_apart_without_colour() -> None:
    targets = [_outline(role=role, label=role) for role in ("GTV", "ITV", "CTV", "PTV")]
    organs = [_outline(label=f"organ {n}") for n in range(9)]
    advisory = [_outline(label="mask", advisory=True)]
    lines = [_outline("line"), _outline("line", projected=True)]
    doses = [_outline("isodose", label=f"{n}") for n in range(3)]
    strokes = strokes_of([_with(*targets, *organs, *advisory, *lines, *doses)])
    assert len(set(strokes.values())) == len(strokes)
    mask = next(stroke for key, stroke in strokes.items() if key.advisory)
    assert all(stroke.dashes != mask.dashes for key, stroke in strokes.items() if not key.advisory)
    # Two that share their dashes differ in how bright they are, or in width: a printer without colours shows that.
    for dashes in {stroke.dashes for stroke in strokes.values()}:
        alike = [stroke for stroke in strokes.values() if stroke.dashes == dashes]
        assert len({(_brightness(stroke.colour), stroke.width) for stroke in alike}) == len(alike)


def _brightness(colour: str) -> int:
    """Return the relative luminance of a colour (sRGB weights) in steps of a fiftieth."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255.0 for n in (1, 3, 5))
    return round(50 * (0.2126 * red + 0.7152 * green + 0.0722 * blue))
