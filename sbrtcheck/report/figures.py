"""DVH plot as SVG, drawn by matplotlib from the result document alone.

No text from a file enters a drawing: names stand in the tables and legends beside it, keyed by colour and dashes. So no
name can break an SVG, be taken for mathematics, or lack a glyph.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sbrtcheck.report.rounding import exactly
from sbrtcheck.results import DvhCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe colours without their green, which this report keeps for the verdict "pass".
_COLOURS = ("#0072b2", "#d55e00", "#8c5a9e", "#000000", "#56b4e9", "#b8860b", "#cc79a7")
_DASHES = ("", "6 2.5", "1.5 2", "7 2 1.5 2")

_SETTINGS: Any = {
    "svg.hashsalt": "sbrtcheck-dvh",
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


def swatch(stroke: Stroke, ground: str = "", width: float = 2.0) -> Markup:
    """Return a short piece of a stroke for a legend, on ``ground`` if the drawing has one, so wide."""
    rect = Markup('<rect width="26" height="10" fill="{}"/>').format(ground) if ground else Markup()
    line = Markup('<line x1="1" x2="25" y1="5" y2="5" stroke="{}" stroke-width="{:g}" stroke-dasharray="{}"/>')
    return Markup('<svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">{}{}</svg>').format(
        rect, line.format(stroke.colour, width, stroke.dashes or "none")
    )


def dvh_plot(
    curves: Sequence[DvhCurve], prescribed_gy: Sequence[float], strokes: Sequence[Stroke] | None = None
) -> Markup:
    """Return cumulative DVHs with their bounds as bands, and the prescriptions as vertical lines.

    Parameters
    ----------
    curves : sequence of DvhCurve
        Drawn in order, with ``curve_strokes``.
    prescribed_gy : sequence of float
        Prescribed doses, Gy.
    strokes : sequence of Stroke, optional
        One a curve; ``curve_strokes`` where none are given.
    """
    from matplotlib.figure import Figure

    with _settings():
        figure = Figure(figsize=(7.2, 2.5), layout="constrained")
        axes = figure.add_subplot()
        top_gy = max([1.0, *prescribed_gy, *(max(curve.dose_gy, default=0.0) for curve in curves)])
        for curve, stroke in zip(curves, strokes or curve_strokes(curves), strict=True):
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


def _drawn(stroke: Stroke) -> dict[str, Any]:
    # The dashes of SVG are lengths; matplotlib's are multiples of the line width.
    lengths = [float(length) / stroke.width for length in stroke.dashes.split()]
    return {
        "color": stroke.colour,
        "linewidth": stroke.width,
        "linestyle": (0, lengths) if lengths else "-",
        "dash_capstyle": "butt",
    }


@contextmanager
def _settings() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever a user's matplotlibrc says; all is put back afterwards."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
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
