"""Drawings: what is drawn stands where the record says."""

import base64
import io
import itertools
import re

import numpy as np
import pytest
from matplotlib.image import imread

from sbrtcheck.report.figures import curve_strokes, dvh_plot, outline_strokes, slice_drawing
from sbrtcheck.results import DvhCurve, Picture, PictureContour, PlanReport


def _path(drawing: str, colour: str, number: int = 0) -> np.ndarray:
    """Return the points of the n-th path stroked in a colour, in units of the drawing."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {colour}', drawing)
    return np.array(re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", paths[number]), dtype=float)


def test_an_outline_stands_where_the_picture_says(passing: PlanReport) -> None:
    picture = passing.pictures[0]
    gtv = _path(slice_drawing(picture, 0), "#f0e442")
    # 90 mm fill 2.4 inches of 72 units: 1.92 units a mm, y downwards. A structure closes by itself: five points.
    assert gtv == pytest.approx(1.92 * np.array([(30, 30), (60, 30), (60, 60), (30, 60), (30, 30)]), abs=1e-4)


def test_a_line_has_two_ends_and_is_not_closed(passing: PlanReport) -> None:
    assert len(_path(slice_drawing(passing.pictures[0], 0), "#00e5ff")) == 2


def test_the_scale_bar_is_twenty_millimetres(passing: PlanReport) -> None:
    drawing = slice_drawing(passing.pictures[0], 0)
    bar = _path(drawing, "#ffffff")
    assert bar[1, 0] - bar[0, 0] == pytest.approx(20 * 1.92, abs=1e-4)  # written to 1e-6
    assert ">20 mm<" in drawing


def test_the_edges_carry_their_letters(passing: PlanReport) -> None:
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", slice_drawing(passing.pictures[0], 0))
    assert texts[:4] == ["R", "L", "A", "P"]


def test_the_grey_levels_are_those_of_the_record(passing: PlanReport) -> None:
    picture = passing.pictures[0]
    drawing = slice_drawing(picture, 0)
    png = re.search(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", drawing).group(1)  # type: ignore[union-attr]
    pixels = np.rint(imread(io.BytesIO(base64.b64decode(png)), format="png") * 255).astype(int)
    assert (pixels[..., 0] == np.arange(81).reshape(9, 9)).all()


def test_without_ct_there_is_no_image(failing: PlanReport) -> None:
    assert "<image" not in slice_drawing(failing.pictures[0], 0)


def test_a_curve_stands_on_its_axes() -> None:
    curve = DvhCurve(
        roi_number=1,
        name="ramp",
        total_cc=1.0,
        dose_gy=(0.0, 50.0, 100.0),
        volume_percent=(100.0, 50.0, 0.0),
        volume_percent_low=(100.0, 40.0, 0.0),
        volume_percent_high=(100.0, 60.0, 0.0),
    )
    points = _path(dvh_plot([curve], [50.0]), curve_strokes([curve])[0].colour)
    assert points[1] == pytest.approx((points[0] + points[2]) / 2, abs=1e-4)  # a straight ramp stays straight
    assert points[2, 0] > points[0, 0]
    assert points[2, 1] > points[0, 1]  # down the page


@pytest.mark.parametrize("curves", [0, 1])
def test_a_plot_of_little_is_still_a_plot(curves: int) -> None:
    nothing: tuple[float, ...] = ()
    none = {"volume_percent": nothing, "volume_percent_low": nothing, "volume_percent_high": nothing}
    empty = DvhCurve(roi_number=1, name="", total_cc=0.0, dose_gy=nothing, **none)
    assert "</svg>" in dvh_plot([empty] * curves, [])


def test_neighbouring_strokes_differ_without_colour(passing: PlanReport) -> None:
    strokes = curve_strokes([passing.dvhs[0]] * 28)
    assert len(set(strokes)) == 28
    assert all(a.dashes != b.dashes for a, b in itertools.pairwise(strokes))


def test_strokes_of_outlines_follow_kind_and_role() -> None:
    def outline(kind: str, role: str) -> PictureContour:
        return PictureContour(label="", kind=kind, role=role, rings_mm=())  # type: ignore[arg-type]

    roles = [("structure", "GTV"), ("structure", "PTV"), ("structure", ""), ("isodose", "100"), ("isodose", "50")]
    strokes = outline_strokes([outline(*each) for each in (*roles, ("line", ""))])
    assert len({stroke.colour for stroke in strokes}) == 5  # the two isodose lines share theirs
    assert strokes[3].dashes != strokes[4].dashes


def test_a_picture_of_nothing_is_drawn() -> None:
    assert "</svg>" in slice_drawing(Picture(subject="", title="", plane="", width_mm=70.0, height_mm=70.0), 3)
