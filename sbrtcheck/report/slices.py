"""Slice pictures as SVG, from the result document alone.

No text from a file enters a drawing (decision 14): names stand in the captions and legends beside it, keyed by colour
and dashes.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sbrtcheck.report.figures import Stroke, swatch
from sbrtcheck.results import EARLIER, Picture, PictureContour

# On the grey of a CT: light colours of the Okabe-Ito family, told apart by brightness, width and dashes as well.
_ROLES = {
    "GTV": Stroke("#f0e442", "", 2.0),
    "ITV": Stroke("#ffb347", "8 2 1.5 2", 1.5),
    "CTV": Stroke("#ffb347", "6 2.5", 1.5),
    "PTV": Stroke("#ff6a3d", "", 1.4),
}
_OTHER_COLOURS = ("#56b4e9", "#dcdcdc", "#b9a6ff")
_OTHER_DASHES = ("", "1.5 2.5", "8 2 1.5 2")
_OTHER_WIDTHS = (1.7, 1.2)  # of the first other structure, which the line may lead to, and of the rest
_ADVISORY_DASHES = "4 3"
_ISODOSE_COLOUR, _ISODOSE_DASHES = "#ff66dd", ("6 2.5", "3 2", "1 2")
# What belongs to an earlier course has one colour of its own: isodose lines drawn through, the higher the thicker, on a
# tinted ground; targets dotted.
_EARLIER_COLOUR, _EARLIER_WIDTHS, _EARLIER_TINT = "#35f0dc", (2.0, 1.3, 0.8), 0.09
_SWATCH, _WIDER = 2.0, 1.7  # in legends
_EARLIER_TARGET = Stroke(_EARLIER_COLOUR, "1.5 2.5", 1.8)
_LINE, _PROJECTED = Stroke("#ffffff", "", 2.0), Stroke("#ffffff", "3 2.5", 1.4)
_EDGE, _LINE_EDGE = (1.2, 0.6), (2.6, 1.0)  # how much wider the dark edge of a stroke is, and its opacity
_GROUND = "#2b2b2b"  # where there is no CT

_LAYERS = ("isodose", "structure", "line", "point")  # from the back; of structures, the first lies on top

_UNITS = 240.0  # width of a drawing
_EDGE_LETTERS = frozenset("RLAPHF")
_LETTER_INSET, _MARK = 5.0, 6.0
# A bar of 10 mm, or of 50 mm where that would be too short to compare with.
_BARS_MM, _LEAST_BAR_SHARE = (10.0, 50.0), 0.06


class _Key(NamedTuple):
    """What makes two outlines of one set the same thing."""

    kind: str
    label: str
    role: str
    roi_number: int | None
    advisory: bool
    projected: bool


Strokes = dict[_Key, Stroke]


def strokes_of(pictures: Iterable[Picture]) -> Strokes:
    """Return a stroke for each thing that is drawn in a set of pictures: the same one in all of them.

    Targets by role; others in turn, dashed where nobody drew them; isodose lines by dashes, those of an earlier course
    by width; measured lines white, dashed where they lie off the plane.
    """
    found: Strokes = {}
    others = isodoses = earlier = 0
    for key in (_key(outline) for picture in pictures for outline in picture.outlines):
        if key in found:
            continue
        if key.kind == "isodose" and _is_earlier(key):
            found[key] = Stroke(_EARLIER_COLOUR, "", _EARLIER_WIDTHS[min(earlier, len(_EARLIER_WIDTHS) - 1)])
            earlier += 1
        elif _is_earlier(key):
            found[key] = _EARLIER_TARGET
        elif key.kind == "isodose":
            found[key] = Stroke(_ISODOSE_COLOUR, _ISODOSE_DASHES[isodoses % len(_ISODOSE_DASHES)], 0.9)
            isodoses += 1
        elif key.kind in {"line", "point"}:
            found[key] = _PROJECTED if key.projected else _LINE
        elif key.role in _ROLES:
            found[key] = _ROLES[key.role]
        else:
            turn, colour = divmod(others, len(_OTHER_COLOURS))
            dashes = _ADVISORY_DASHES if key.advisory else _OTHER_DASHES[turn % len(_OTHER_DASHES)]
            found[key] = Stroke(_OTHER_COLOURS[colour], dashes, _OTHER_WIDTHS[min(others, 1)])
            others += 1
    return found


def legend(strokes: Strokes) -> Iterator[tuple[str, Markup]]:
    """Return label and swatch of everything drawn in a set but the ends of lines: structures, lines, isodose lines."""
    order = ("structure", "line", "isodose")
    drawn = [key for key in strokes if key.kind in order]
    for key in sorted(drawn, key=lambda key: (order.index(key.kind), key.projected)):
        off = ", off the plane" if key.projected else ""
        # Isodose lines of an earlier course are told apart by width alone.
        width = _WIDER * strokes[key].width if key.kind == "isodose" and _is_earlier(key) else _SWATCH
        yield f"{key.label}{off}", swatch(strokes[key], _GROUND, width)


def slice_drawing(picture: Picture, strokes: Strokes) -> Markup:
    """Return a slice picture: CT where there is one, outlines, a scale bar, the letters of the edges.

    Parameters
    ----------
    picture : Picture
    strokes : dict
        Of its set, from ``strokes_of``.
    """
    scale = _UNITS / picture.width_mm
    height = scale * picture.height_mm
    parts = [f'<rect width="{_UNITS:g}" height="{height:.1f}" fill="{_GROUND}"/>']
    if picture.pixels:
        png = base64.b64encode(_png(picture)).decode("ascii")
        parts.append(
            f'<image width="{_UNITS:g}" height="{height:.1f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{png}"/>'
        )
    drawn = (outline for kind in _LAYERS for outline in reversed(picture.outlines) if outline.kind == kind)
    parts += [_outline(outline, strokes[_key(outline)], scale) for outline in drawn]
    parts += [*_crossing(picture, scale, height), _bar(picture, scale, height), *_letters(picture, height)]
    # Numbers, and texts written in this module.
    return Markup(  # noqa: S704
        f'<svg class="slice" role="img" viewBox="0 0 {_UNITS:g} {height:.1f}">'
        f"<title>Slice picture; its plane and legend are beside it</title>{''.join(parts)}</svg>"
    )


def _key(outline: PictureContour) -> _Key:
    return _Key(outline.kind, outline.label, outline.role, outline.roi_number, outline.advisory, outline.projected)


def _is_earlier(outline: _Key | PictureContour) -> bool:
    return outline.role.split(" ")[0] == EARLIER


def _outline(outline: PictureContour, stroke: Stroke, scale: float) -> str:
    rings = [scale * np.asarray(ring, dtype=float).reshape(-1, 2) for ring in outline.rings_mm if ring]
    if outline.kind == "point":
        fill = "none" if outline.projected else stroke.colour
        return "".join(
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3.1" fill="{fill}" stroke="{colour}" stroke-width="{width}"/>'
            for u, v in (ring[0] for ring in rings)
            for colour, width in (("#000", 2.4), (stroke.colour, 1.2))
        )
    close = "Z" if outline.kind == "structure" else ""
    path = "".join("M" + "L".join(f"{u:.1f} {v:.1f}" for u, v in ring) + close for ring in rings)
    dashes = f' stroke-dasharray="{stroke.dashes}"' if stroke.dashes else ""
    # A dark edge, so that a bright line is seen on bright tissue too.
    edge = _LINE_EDGE if outline.kind == "line" else _EDGE
    tint = ""
    if outline.kind == "isodose" and _is_earlier(outline):
        # Lines that end at the border of a dose grid enclose nothing.
        closed = [ring for ring in rings if len(ring) > 2 and np.array_equal(ring[0], ring[-1])]
        inside = "".join("M" + "L".join(f"{u:.1f} {v:.1f}" for u, v in ring) + "Z" for ring in closed)
        tint = f'<path d="{inside}" fill="{stroke.colour}" fill-opacity="{_EARLIER_TINT}" fill-rule="evenodd"/>'
    return (
        f'<g fill="none" stroke-linejoin="round">{tint}<path d="{path}" stroke="#000" stroke-opacity="{edge[1]:g}" '
        f'stroke-width="{stroke.width + edge[0]:.1f}"/>'
        f'<path d="{path}" stroke="{stroke.colour}" stroke-width="{stroke.width:g}"{dashes}/></g>'
    )


def _crossing(picture: Picture, scale: float, height: float) -> Iterator[str]:
    """Return marks at the edges where the two other planes of the set cross this one."""
    if picture.crossing_mm is None:
        return
    u, v = (scale * at for at in picture.crossing_mm)
    path = f"M{u:.1f} 0v{_MARK}M{u:.1f} {height:.1f}v-{_MARK}M0 {v:.1f}h{_MARK}M{_UNITS:g} {v:.1f}h-{_MARK}"
    for colour, width in (("#000", 3), ("#fff", 1.2)):
        yield f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>'


def _bar(picture: Picture, scale: float, height: float) -> str:
    length_mm = next((b for b in _BARS_MM if b >= _LEAST_BAR_SHARE * picture.width_mm), _BARS_MM[-1])
    left, bottom = 12.0, height - 12.0
    path = f"M{left} {bottom - 3:.1f}v6m0-3h{scale * length_mm:.2f}m0-3v6"
    strokes = "".join(
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        for colour, width in (("#000", 4), ("#fff", 1.6))
    )
    return f'{strokes}<text x="{left}" y="{bottom - 6:.1f}" text-anchor="start" class="scale">{length_mm:g} mm</text>'


def _letters(picture: Picture, height: float) -> Iterator[str]:
    middle = 0.5 * _UNITS
    places = (
        (_LETTER_INSET + 4, 0.5 * height + 5, "start"),
        (_UNITS - _LETTER_INSET - 4, 0.5 * height + 5, "end"),
        (middle, _LETTER_INSET + 16, "middle"),
        (middle, height - _LETTER_INSET - 5, "middle"),
    )
    for letters, (x, y, anchor) in zip(picture.edges, places, strict=True):
        if letters and set(letters) <= _EDGE_LETTERS:
            yield f'<text x="{x:g}" y="{y:.1f}" text-anchor="{anchor}">{letters}</text>'


def _png(picture: Picture) -> bytes:
    """Return the grey levels as a PNG of 8 bits (ISO/IEC 15948), each row stored as its difference from the last."""
    grey: NDArray[np.uint8] = np.frombuffer(base64.b64decode(picture.pixels), dtype=np.uint8)
    rows = grey.reshape(picture.rows, picture.columns)
    up = rows - np.vstack([np.zeros_like(rows[:1]), rows[:-1]])  # modulo 256, as the filter "Up" wants it
    stored = np.column_stack([np.full(len(rows), 2, dtype=np.uint8), up]).tobytes()
    head = struct.pack(">IIBBBBB", picture.columns, picture.rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(stored, 9)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
