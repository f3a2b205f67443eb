"""The DVH plot: what is drawn stands where the record says."""

import itertools
import re

import numpy as np
import pytest

from sbrtcheck.report.figures import curve_strokes, dvh_plot
from sbrtcheck.results import DvhCurve, PlanReport


def _path(drawing: str, colour: str, number: int = 0) -> np.ndarray:
    """Return the points of the n-th path stroked in a colour, in units of the drawing."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {colour}', drawing)
    return np.array(re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", paths[number]), dtype=float)


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
