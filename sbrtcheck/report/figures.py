"""DVH plot and slice pictures as SVG, drawn by matplotlib from the result document alone.

No text from a file enters a drawing: names stand in the tables and legends beside it, keyed by colour and dashes. So no
name can break an SVG, be taken for mathematics, or lack a glyph.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from sbrtcheck.report.rounding import exactly
from sbrtcheck.results import DvhCurve, Picture, PictureContour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe colours without their green, which this report keeps for the verdict "pass".
_COLOURS = ("#0072b2", "#d55e00", "#8c5a9e", "#000000", "#56b4e9", "#b8860b", "#cc79a7")
_DASHES = ("", "6 2.5", "1.5 2", "7 2 1.5 2")

_ROLE_COLOURS = {"GTV": "#f0e442", "ITV": "#ffb347", "CTV": "#e69f00", "PTV": "#ff6a3d"}
_OTHER_COLOURS = ("#56b4e9", "#c9b6ff", "#d9d9d9", "#9fd8ff")
_ISODOSE_COLOUR = "#ff66dd"
_LINE_COLOUR = "#00e5ff"
_GROUND = "#2b2b2b"  # where there is no CT

_EDGE_LETTERS = frozenset("RLAPHF")
_SCALE_BAR_MM = 20.0
_PICTURE_INCHES = 2.4

_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # the browser's own letters: small files, text that can be searched
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 8.0,
    "text.parse_math": False,
    "path.simplify": False,
    "axes.unicode_minus": False,
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a curve or an outline is drawn, for the drawing and its legend alike."""

    colour: str
    dashes: str = ""  # as in SVG's stroke-dasharray; empty for a solid line
    width: float = 1.5


def curve_strokes(curves: Sequence[DvhCurve]) -> tuple[Stroke, ...]:
    """Return a stroke a curve, told apart by dashes where the colours run out or are not printed."""
    return tuple(Stroke(_COLOURS[place % len(_COLOURS)], _DASHES[place % len(_DASHES)]) for place in range(len(curves)))


def outline_strokes(outlines: Sequence[PictureContour]) -> tuple[Stroke, ...]:
    """Return a stroke an outline: targets by role, others in turn, isodose lines by dashes, the measured line cyan."""
    strokes = []
    others = isodoses = 0
    for outline in outlines:
        if outline.kind == "isodose":
            strokes.append(Stroke(_ISODOSE_COLOUR, _DASHES[isodoses % len(_DASHES)], 1.0))
            isodoses += 1
        elif outline.kind in {"line", "point"}:
            strokes.append(Stroke(_LINE_COLOUR, "", 1.6))
        elif outline.role in _ROLE_COLOURS:
            strokes.append(Stroke(_ROLE_COLOURS[outline.role], "", 1.8))
        else:
            strokes.append(Stroke(_OTHER_COLOURS[others % len(_OTHER_COLOURS)], "", 1.1))
            others += 1
    return tuple(strokes)


def swatch(stroke: Stroke, ground: str = "") -> Markup:
    """Return a short piece of a stroke for a legend, on ``ground`` if the drawing has one."""
    rect = Markup('<rect width="26" height="10" fill="{}"/>').format(ground) if ground else Markup()
    line = Markup('<line x1="1" x2="25" y1="5" y2="5" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>')
    return Markup('<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">{}{}</svg>').format(
        rect, line.format(stroke.colour, stroke.dashes or "none")
    )


def outline_swatch(stroke: Stroke) -> Markup:
    """Return the legend of an outline, on the dark ground of a picture."""
    return swatch(stroke, _GROUND)


def dvh_plot(curves: Sequence[DvhCurve], prescribed_gy: Sequence[float]) -> Markup:
    """Return cumulative DVHs with their bounds as bands, and the prescriptions as vertical lines.

    Parameters
    ----------
    curves : sequence of DvhCurve
        Drawn in order, with ``curve_strokes``.
    prescribed_gy : sequence of float
        Prescribed doses, Gy.
    """
    from matplotlib.figure import Figure

    with _settings("dvh"):
        figure = Figure(figsize=(7.2, 2.5), layout="constrained")
        axes = figure.add_subplot()
        top_gy = max([1.0, *prescribed_gy, *(max(curve.dose_gy, default=0.0) for curve in curves)])
        for curve, stroke in zip(curves, curve_strokes(curves), strict=True):
            axes.fill_between(
                curve.dose_gy,
                curve.volume_percent_low,
                curve.volume_percent_high,
                color=stroke.colour,
                alpha=0.18,
                linewidth=0,
            )
            axes.plot(curve.dose_gy, curve.volume_percent, **_drawn(stroke))
        for dose_gy in sorted(set(prescribed_gy)):
            axes.axvline(dose_gy, color="#555555", linewidth=0.8, linestyle=(0, (2, 2)))
            text = f"{exactly(round(dose_gy, 3))} Gy prescribed"
            axes.text(dose_gy, 3.0, text, rotation=90, ha="right", va="bottom", fontsize=7)
        axes.set(xlim=(0.0, 1.02 * top_gy), ylim=(0.0, 101.0), xlabel="dose [Gy]", ylabel="volume [%]")
        axes.grid(color="#dddddd", linewidth=0.5)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        return _svg(figure, "Cumulative dose-volume histograms; shaded bands are their numerical bounds")


def slice_drawing(picture: Picture, place: int) -> Markup:
    """Return a slice picture: CT where there is one, outlines, a scale bar and the letters of the edges.

    Parameters
    ----------
    picture : Picture
    place : int
        Number of the picture in its report, so that no two drawings on a page share an id.
    """
    from matplotlib.figure import Figure

    with _settings(f"picture-{place}"):
        figure = Figure(figsize=(_PICTURE_INCHES, _PICTURE_INCHES * picture.height_mm / picture.width_mm))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(0.0, picture.width_mm), ylim=(picture.height_mm, 0.0))
        axes.set_axis_off()
        figure.patch.set_facecolor(_GROUND)
        if picture.pixels:
            grey = np.frombuffer(base64.b64decode(picture.pixels), dtype=np.uint8).reshape(
                picture.rows, picture.columns
            )
            axes.imshow(
                np.repeat(
                    grey[..., None], 3, axis=2
                ),  # as colours: a grey map of matplotlib is one level off in places
                extent=(0.0, picture.width_mm, picture.height_mm, 0.0),
                aspect="auto",
                interpolation="none",
            )
        for outline, stroke in zip(picture.outlines, outline_strokes(picture.outlines), strict=True):
            _outline(axes, outline, stroke)
        _marks(axes, picture)
        return _svg(figure, "Slice picture; its legend and plane are beside it")


def _drawn(stroke: Stroke) -> dict[str, Any]:
    # The dashes of SVG are lengths; matplotlib's are multiples of the line width.
    lengths = [float(length) / stroke.width for length in stroke.dashes.split()]
    return {
        "color": stroke.colour,
        "linewidth": stroke.width,
        "linestyle": (0, lengths) if lengths else "-",
        "dash_capstyle": "butt",
    }


def _outline(axes: Axes, outline: PictureContour, stroke: Stroke) -> None:
    for ring in outline.rings_mm:
        points = np.asarray(ring, dtype=float).reshape(-1, 2)
        if not len(points):
            continue
        if outline.kind == "point":
            axes.plot(points[:, 0], points[:, 1], "x", color=stroke.colour, markersize=6)
            continue
        if outline.kind == "structure":
            points = np.vstack([points, points[:1]])
        # A dark edge, so that a bright line is seen on bright tissue too.
        axes.plot(points[:, 0], points[:, 1], color="black", alpha=0.7, linewidth=stroke.width + 1.4)
        axes.plot(points[:, 0], points[:, 1], **_drawn(stroke))
        if outline.kind == "line":
            axes.plot(points[[0, -1], 0], points[[0, -1], 1], "o", color=stroke.colour, markersize=3)


def _marks(axes: Axes, picture: Picture) -> None:
    plate = {"facecolor": (0.0, 0.0, 0.0, 0.6), "edgecolor": "none", "pad": 1.2}
    places = (
        (0.025, 0.5, "left", "center"),
        (0.975, 0.5, "right", "center"),
        (0.5, 0.975, "center", "top"),
        (0.5, 0.025, "center", "bottom"),
    )
    for letters, (x, y, across, along) in zip(picture.edges, places, strict=True):
        if letters and set(letters) <= _EDGE_LETTERS:
            axes.text(
                x, y, letters, transform=axes.transAxes, ha=across, va=along, color="white", bbox=plate, fontsize=9
            )
    left, bottom = 0.05 * picture.width_mm, 0.94 * picture.height_mm
    for colour, width in (("black", 4.0), ("white", 2.0)):
        axes.plot([left, left + _SCALE_BAR_MM], [bottom, bottom], color=colour, linewidth=width, solid_capstyle="butt")
    axes.text(left, bottom - 0.02 * picture.height_mm, "20 mm", color="white", bbox=plate, fontsize=8, va="bottom")


@contextmanager
def _settings(salt: str) -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever a user's matplotlibrc says; all is put back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        ours: Any = {**_SETTINGS, "svg.hashsalt": f"sbrtcheck-{salt}"}
        mpl.rcParams.update(ours)
        yield


def _svg(figure: Figure, title: str) -> Markup:
    """Write a figure as an SVG element that can stand inside a page: same bytes each time, no ids of the page's own."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_svg(stream, metadata=nothing)  # type: ignore[no-untyped-call]
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    # A style sheet inside an inline drawing would apply to the whole page.
    svg = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'^<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg class="figure" role="img" viewBox="\1">', svg)
    head, body = svg.split(">", 1)
    # Everything in it is matplotlib's drawing of numbers and of texts written in this module.
    return Markup(f"{head}><title>{title}</title>{body}")  # noqa: S704
