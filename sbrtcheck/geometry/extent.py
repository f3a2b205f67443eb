"""Diameters: the longest in a plane, across it, and in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist
from shapely import Polygon

from sbrtcheck.geometry.area import Areas
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.rings import ring_curvature
from sbrtcheck.geometry.slices import areas_of
from sbrtcheck.model import FloatArray
from sbrtcheck.results import Interval

# A gain below this is rounding: stored coordinates are never finer.
_NO_GAIN_MM = 1e-6
# Sections through a cap whose points may be the farthest.
_CAP_SECTIONS = 8
# More points than this are first reduced to their convex hull in space.
_POINTS_AT_ONCE = 400


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """A diameter.

    Attributes
    ----------
    length : Interval
        mm.
    ends_mm : (2, 3) float
        Its ends, LPS, mm.
    """

    length: Interval
    ends_mm: FloatArray


def longest_axial_diameter(region: Region) -> Extent:
    """Return the longest diameter within one drawn plane.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Extent
        The largest distance between two points of one connected piece of an outline, as drawn: value and lower bound.
        The upper bound adds how far the circle through each end and its neighbours reaches beyond the polygon; nothing
        at a corner. What lies between planes is not in any plane, and so is not covered.

    References
    ----------
    .. [1] RECIST 1.1, Eur J Cancer 45 (2009) 228-247: longest diameter in the plane of measurement.
    """
    piece, plane, ends = _longest_piece(region)
    length = float(np.linalg.norm(ends[1] - ends[0]))
    local = np.column_stack([ends, np.full(2, region.w_mm[plane])])
    return Extent(Interval(length, length, length + piece), region.to_lps(local))


def short_axis(region: Region) -> Extent:
    """Return the longest diameter across the longest axial diameter, in its plane.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Extent
        The longest chord at right angles to the longest axial diameter within the same piece, as drawn, with holes
        filled. The upper bound adds the sagitta of the edges that it ends on.

    References
    ----------
    .. [1] RECIST 1.1, Eur J Cancer 45 (2009) 228-247: short axis of lymph nodes.
    """
    _, plane, ends = _longest_piece(region)
    pieces = shapely.get_parts(region.outlines[plane])
    holding = shapely.distance(shapely.points(ends.mean(axis=0)), pieces) if len(pieces) > 1 else np.zeros(1)
    on_ends = [shapely.distance(shapely.points(ends), p).max() for p in pieces]
    piece = pieces[int(np.lexsort((holding, np.round(on_ends, 6)))[0])]
    chord = _longest_chord(Polygon(piece.exterior), ends)
    length = float(np.linalg.norm(chord[1] - chord[0]))
    gain = sum(_sagitta(shapely.get_coordinates(piece.exterior)[:-1], end) for end in chord)
    local = np.column_stack([chord, np.full(2, region.w_mm[plane])])
    return Extent(Interval(length, length, length + gain), region.to_lps(local))


def longest_3d_diameter(region: Region) -> Extent:
    """Return the largest distance between two points of one connected part of a structure.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Extent
        The lower bound holds the drawn planes only. The value lets each end reach as far beyond its last plane as its
        trend says, the upper bound as far as it can.

    Raises
    ------
    NotComputable
        If the structure lies on one plane and the spacing of planes is unknown.
    """
    found = [_longest_of_part(part) for part in parts(region)]
    best = max(found, key=lambda extent: extent.length.value)
    low = max(extent.length.low for extent in found)
    high = max(extent.length.high for extent in found)
    return Extent(Interval(best.length.value, low, high), best.ends_mm)


def _longest_piece(region: Region) -> tuple[float, int, FloatArray]:
    """Return what the finer outline may add (mm), the plane, and the ends ``(2, 2)`` of the longest axial diameter."""
    pieces, planes = shapely.get_parts(np.array(region.outlines), return_index=True)
    bounds = shapely.bounds(pieces)
    diagonal = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    longest, plane, ends, most = -1.0, 0, np.zeros((2, 2)), 0.0
    for k in np.argsort(-diagonal, kind="stable"):
        if diagonal[k] < longest:
            break
        ring = shapely.get_coordinates(pieces[k].exterior)[:-1]
        a, b = _farthest(ring[_hull(ring)])
        length = float(np.linalg.norm(b - a))
        most = max(most, length + _arc_gain(ring, a, b) + _arc_gain(ring, b, a))
        if length > longest:
            longest, plane, ends = length, int(planes[k]), np.array([a, b])
    gain = most - longest
    return (gain if gain > _NO_GAIN_MM else 0.0), plane, ends


def _hull(points: FloatArray) -> NDArray[np.intp]:
    """Return indices of the convex hull, in rising order; of all points where they span no area or volume."""
    try:
        return np.sort(ConvexHull(points).vertices).astype(np.intp)
    except QhullError:
        return np.arange(len(points))


def _farthest(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the two points that lie farthest apart."""
    if len(points) > _POINTS_AT_ONCE:
        points = points[_hull(points)]
    k = int(np.argmax(pdist(points)))
    # pdist lists the pairs (0, 1), (0, 2), ... (1, 2), ...: row i starts after the rows before it.
    number = len(points)
    rows = np.arange(number)
    starts = rows * (2 * number - rows - 1) // 2
    i = int(np.searchsorted(starts, k, side="right")) - 1
    return points[i], points[k - int(starts[i]) + i + 1]


def _arc_gain(ring: FloatArray, end: FloatArray, other: FloatArray) -> float:
    """Return how far the circle through a vertex and its neighbours reaches beyond it, away from ``other``, mm."""
    k = int(np.argmin(np.hypot(*(ring - end).T)))
    length, curvature = ring_curvature(ring)
    if curvature[k] <= 0.0:
        return 0.0
    before, after = ring[k - 1], ring[(k + 1) % len(ring)]
    centre = _circumcentre(before, end, after)
    if centre is None:
        return 0.0
    radius = float(np.linalg.norm(end - centre))
    away = (end - other) / np.linalg.norm(end - other)
    gain = radius - float((end - centre) @ away)
    # The arc runs between the neighbours only.
    longest = max(float(length[k]), float(length[k - 1]))
    return min(gain, longest * longest * float(curvature[k]) / 2.0)


def _circumcentre(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray | None:
    p, q = a - b, c - b
    cross = 2.0 * (p[0] * q[1] - p[1] * q[0])
    if abs(cross) < 1e-12:
        return None
    pp, qq = float(p @ p), float(q @ q)
    return np.asarray(b + np.array([q[1] * pp - p[1] * qq, p[0] * qq - q[0] * pp]) / cross)


def _longest_chord(piece: Polygon, ends: FloatArray) -> FloatArray:
    """Return the ends ``(2, 2)`` of the longest chord at right angles to ``ends``."""
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]])
    vertices = shapely.get_coordinates(piece.exterior)
    # The length of the chord changes linearly between vertices: it is longest beside one of them.
    at = np.unique(vertices @ along)
    gap = 1e-9 * max(float(np.ptp(at)), 1.0)
    at = np.concatenate([at[:-1] + gap, at[1:] - gap])
    reach = vertices @ across
    low, high = reach.min() - 1.0, reach.max() + 1.0
    lines = np.stack([at[:, None] * along + low * across, at[:, None] * along + high * across], axis=1)
    chords = shapely.get_parts(shapely.intersection(shapely.linestrings(lines), piece))
    chords = chords[shapely.get_type_id(chords) == shapely.GeometryType.LINESTRING]
    return np.asarray(shapely.get_coordinates(chords[int(np.argmax(shapely.length(chords)))])[[0, -1]])


def _sagitta(ring: FloatArray, point: FloatArray) -> float:
    """Return how far the arc over the edge nearest to ``point`` rises above it, mm; 0 where the outline is concave."""
    length, curvature = ring_curvature(ring)
    closed = np.vstack([ring, ring[:1]])
    edges = shapely.linestrings(np.stack([closed[:-1], closed[1:]], axis=1))
    k = int(np.argmin(shapely.distance(edges, shapely.points(point))))
    kappa = max(0.5 * (curvature[k] + curvature[(k + 1) % len(ring)]), 0.0)
    return float(kappa * length[k] ** 2 / 8.0)


def _longest_of_part(part: Region) -> Extent:
    areas = areas_of(part)
    drawn = _hull_points(part)
    a, b = _farthest(drawn)
    low = float(np.linalg.norm(b - a))
    tips, reaches = [drawn], [drawn]
    for plane, profile, sign in ((0, areas.turned, -1.0), (len(part.w_mm) - 1, areas, 1.0)):
        tips.append(_cap_points(part, plane, profile, 0, sign))
        reaches.append(_cap_points(part, plane, profile, 2, sign))
    a, b = _farthest(np.concatenate(tips))
    value = float(np.linalg.norm(b - a))
    far = _farthest(np.concatenate(reaches))
    high = float(np.linalg.norm(far[1] - far[0])) + _longest_piece(part)[0]
    return Extent(Interval(value, min(low, value), max(high, value)), part.to_lps(np.array([a, b])))


def _hull_points(part: Region) -> FloatArray:
    return np.concatenate([_plane_points(part, k) for k in range(len(part.w_mm))])


def _plane_points(part: Region, plane: int) -> FloatArray:
    corners = shapely.get_coordinates(shapely.convex_hull(part.outlines[plane]))[:-1]
    return np.column_stack([corners, np.full(len(corners), part.w_mm[plane])])


def _cap_points(part: Region, plane: int, profile: Areas, bound: int, sign: float) -> FloatArray:
    """Return points on the cap beyond an end plane: its outline, drawn in as the area falls."""
    top = profile.cap_mm if bound == 0 else profile.reach_mm
    x_mm = top * (1.0 - 1e-9) * np.arange(1, _CAP_SECTIONS + 1) / _CAP_SECTIONS
    shrink = np.sqrt(profile.beyond(x_mm)[bound] / profile.area_mm2[-1])
    points = _plane_points(part, plane)
    middle = np.append(shapely.get_coordinates(shapely.centroid(part.outlines[plane]))[0], part.w_mm[plane])
    rings = middle + shrink[:, None, None] * (points - middle)
    rings[..., 2] += sign * x_mm[:, None]
    return np.asarray(rings.reshape(-1, 3))
