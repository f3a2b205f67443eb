"""A measurement against its limit as a small drawing: whisker, limit lines, and the side that passes."""

from __future__ import annotations

import math
from collections.abc import Callable

from markupsafe import Markup

from sbrtcheck.report.rounding import thresholds_of
from sbrtcheck.results import Interval, Limit, Verdict

_WIDTH, _HEIGHT = 200.0, 30.0
_PAD = 10.0  # px at either side, for the arrow of an unbounded end
_MIDDLE, _CAP, _DOT = 17.0, 5.0, 3.2
_ROOM = 0.35  # of the span is left free beside the outermost number

_Scale = Callable[[float], float]


def interval_bar(measured: Interval, limit: Limit, verdict: Verdict, title: str) -> Markup:
    """Return an inline SVG drawing; ``title`` (escaped here) is its text for those who do not see it.

    The shaded part is the side of the limit that passes; an end without a known bound is an arrow.
    """
    low, high = _domain(measured, limit)

    def at(value: float) -> float:
        clipped = min(max(value, low), high)
        return round(_PAD + (clipped - low) / (high - low) * (_WIDTH - 2 * _PAD), 2)

    parts = [_good_side(limit, at), f'<line class="axis" x1="0" x2="{_WIDTH:g}" y1="{_MIDDLE:g}" y2="{_MIDDLE:g}"/>']
    for kind, threshold in zip(("limit", "limit second"), thresholds_of(limit), strict=False):
        x = at(threshold)
        parts.append(f'<line class="{kind}" x1="{x:g}" x2="{x:g}" y1="2" y2="{_HEIGHT - 2:g}"/>')
    parts.append(f'<g class="whisker v-{verdict.value}">{_whisker(measured, at)}</g>')
    return Markup(  # noqa: S704  (numbers of this module, and a title that is escaped in the next line)
        f'<svg class="bar" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img">'
    ) + Markup("<title>{}</title>{}</svg>").format(title, Markup("".join(parts)))  # noqa: S704


def _domain(measured: Interval, limit: Limit) -> tuple[float, float]:
    shown = [v for v in (measured.low, measured.value, measured.high, *thresholds_of(limit)) if math.isfinite(v)]
    low, high = min(shown), max(shown)
    span = (high - low) or abs(high) or 1.0
    return low - _ROOM * span, high + _ROOM * span


def _good_side(limit: Limit, at: _Scale) -> str:
    x = at(limit.per_protocol)
    left, width = (0.0, x) if limit.op.startswith("<") else (x, _WIDTH - x)
    return f'<rect class="good" x="{left:g}" y="6" width="{round(width, 2):g}" height="{_HEIGHT - 8:g}"/>'


def _whisker(measured: Interval, at: _Scale) -> str:
    ends = []
    drawn = []
    for bound, edge, back in ((measured.low, 1.0, 6.0), (measured.high, _WIDTH - 1.0, _WIDTH - 6.0)):
        if math.isfinite(bound):
            x = at(bound)
            drawn.append(f'<line x1="{x:g}" x2="{x:g}" y1="{_MIDDLE - _CAP:g}" y2="{_MIDDLE + _CAP:g}"/>')
        else:
            x = edge
            points = f"{back:g},{_MIDDLE - _CAP:g} {edge:g},{_MIDDLE:g} {back:g},{_MIDDLE + _CAP:g}"
            drawn.append(f'<polyline points="{points}"/>')
        ends.append(x)
    drawn.append(f'<line x1="{ends[0]:g}" x2="{ends[1]:g}" y1="{_MIDDLE:g}" y2="{_MIDDLE:g}"/>')
    drawn.append(f'<circle cx="{at(measured.value):g}" cy="{_MIDDLE:g}" r="{_DOT:g}"/>')
    return "".join(drawn)
