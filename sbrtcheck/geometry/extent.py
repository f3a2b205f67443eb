"""Diameters: the longest in a plane, across it, and in space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from sbrtcheck.compiled import compiled
from sbrtcheck.geometry.area import Areas
from sbrtcheck.geometry.between_planes import widest_between
from sbrtcheck.geometry.farthest import farthest, farthest_pair
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.rings import CORNER_DEGREES, fill_curvature, ring_curvature, rings_of
from sbrtcheck.geometry.slices import areas_of
from sbrtcheck.model import FloatArray
from sbrtcheck.results import Interval

# A gain below this is rounding: stored coordinates are never finer.
_NO_GAIN_MM = 1e-6
# Sections through a cap, and between two planes, whose points may be the farthest.
_CAP_SECTIONS = 8
_INNER_SECTIONS = 4
# An arc through three vertices reaches beyond the middle one by less than this share of the longer edge there.
_MOST_GAIN = float(np.deg2rad(CORNER_DEGREES))
# Twice the area of three vertices on one line: rounding of double precision.
_STRAIGHT_MM2 = 1e-12


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
        The upper bound adds how far the circle through each end and its neighbours reaches beyond the polygon (nothing
        at a corner), and holds what the widest section has by the trend of the diameters where it lies between planes
        (module ``between_planes``).

    References
    ----------
    .. [1] RECIST 1.1, Eur J Cancer 45 (2009) 228-247: longest diameter in the plane of measurement.
    """
    piece, plane, ends = _longest_piece(region)
    length = float(np.linalg.norm(ends[1] - ends[0]))
    local = np.column_stack([ends, np.full(2, region.w_mm[plane])])
    high = max(length + piece, *(widest_between(part, _diameters(part)) for part in parts(region)))
    return Extent(Interval(length, length, high), region.to_lps(local))


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
    order = np.argsort(-diagonal, kind="stable")
    uv_mm, ring = shapely.get_coordinates(shapely.get_exterior_ring(pieces), return_index=True)
    start = np.searchsorted(ring, np.arange(len(pieces) + 1))
    k, a, b, longest, most = _longest_ring(uv_mm, start, order, diagonal)
    gain = most - longest
    ends = uv_mm[[start[k] + a, start[k] + b]]
    return (gain if gain > _NO_GAIN_MM else 0.0), int(planes[k]), ends


def _diameters(part: Region) -> FloatArray:
    """Return the longest diameter of a part on each of its planes, with what finer outlines may add, mm."""
    rings, found = rings_of(part), []
    for plane in range(len(part.w_mm)):
        uv_mm, start = rings.of_plane(plane)
        number = len(start) - 1
        found.append(_longest_ring(uv_mm, start, np.arange(number), np.full(number, np.inf))[4])
    return np.array(found)


@compiled
def _longest_ring(
    uv_mm: FloatArray, start: NDArray[np.intp], order: NDArray[np.intp], diagonal: FloatArray
) -> tuple[int, int, int, float, float]:
    """Return the closed ring with the longest diameter, its two vertices, their distance, and the most with arcs."""
    best, first, second, longest, most = 0, 0, 0, -1.0, 0.0
    for k in order:
        if diagonal[k] < longest:
            break
        ring = uv_mm[start[k] : start[k + 1]]
        number = len(ring) - 1
        edge = 0.0
        for n in range(number):
            edge = max(edge, np.hypot(ring[n + 1, 0] - ring[n, 0], ring[n + 1, 1] - ring[n, 1]))
        # Shorter pairs than this can neither be the longest nor reach the farthest with their arcs.
        least = min(longest, most - 2.0 * _MOST_GAIN * edge)
        i, j = farthest_pair(ring[:-1, 0].copy(), ring[:-1, 1].copy(), np.zeros(number), least)
        if i < 0:
            continue
        length = np.hypot(ring[j, 0] - ring[i, 0], ring[j, 1] - ring[i, 1])
        edges, curvature = np.zeros(number), np.zeros(number)
        fill_curvature(ring, edges, curvature)
        reach = length + _arc_gain(ring, edges, curvature, i, j) + _arc_gain(ring, edges, curvature, j, i)
        most = max(most, reach)
        if length > longest:
            best, first, second, longest = k, i, j, length
    return best, first, second, longest, most


@compiled
def _arc_gain(ring: FloatArray, edges: FloatArray, curvature: FloatArray, k: int, other: int) -> float:
    """Return how far the circle through vertex ``k`` and its neighbours reaches beyond it, away from ``other``, mm."""
    if curvature[k] <= 0.0:
        return 0.0
    before = k - 1 if k > 0 else len(edges) - 1
    pu, pv = ring[before, 0] - ring[k, 0], ring[before, 1] - ring[k, 1]
    qu, qv = ring[k + 1, 0] - ring[k, 0], ring[k + 1, 1] - ring[k, 1]
    cross = 2.0 * (pu * qv - pv * qu)
    if abs(cross) < _STRAIGHT_MM2:
        return 0.0
    pp, qq = pu * pu + pv * pv, qu * qu + qv * qv
    # From the centre of the circle to the vertex.
    cu, cv = -(qv * pp - pv * qq) / cross, -(pu * qq - qu * pp) / cross
    du, dv = ring[k, 0] - ring[other, 0], ring[k, 1] - ring[other, 1]
    gain = np.hypot(cu, cv) - (cu * du + cv * dv) / np.hypot(du, dv)
    # The arc runs between the neighbours only.
    longer = max(edges[k], edges[before])
    return float(min(gain, longer * longer * curvature[k] / 2.0))


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


def _filled(part: Region) -> Region:
    """Return a part without its holes: they lie inside, and their area says nothing of how far the outline reaches."""
    if not any(polygon.interiors for outline in part.outlines for polygon in outline.geoms):
        return part
    filled = ([Polygon(polygon.exterior) for polygon in outline.geoms] for outline in part.outlines)
    outlines = (shapely.get_parts(shapely.union_all(polygons)) for polygons in filled)
    return replace(part, outlines=tuple(MultiPolygon(list(pieces)) for pieces in outlines))


def _longest_of_part(part: Region) -> Extent:
    part = _filled(part)
    areas = areas_of(part)
    drawn = [_plane_points(part, k) for k in range(len(part.w_mm))]
    across = shapely.get_coordinates(shapely.centroid(np.array(part.outlines)))
    middle = np.column_stack([across, part.w_mm])
    low, _ = _longest(np.concatenate(drawn))
    bounds = []
    for bound in (0, 2):
        up = _cap_points(drawn[-1], middle, areas, bound, 1.0)
        down = _cap_points(drawn[0], middle[::-1], areas.turned, bound, -1.0)
        bounds.append(_longest(np.concatenate([*drawn, *_inner_points(drawn, middle, areas, bound), up, down])))
    (value, ends), (reached, _) = bounds
    high = reached + _longest_piece(part)[0]
    if len(drawn) < 3:  # too few planes for the areas between them to tell a curvature
        diameters = _diameters(part)
        high += widest_between(part, diameters) - float(diameters.max())
    return Extent(Interval(value, min(low, value), max(high, value)), part.to_lps(ends))


def _longest(points: FloatArray) -> tuple[float, FloatArray]:
    """Return the greatest distance between two points, and the two ``(2, 3)``."""
    ends = points[list(farthest(points))]
    return float(np.linalg.norm(ends[1] - ends[0])), ends


def _plane_points(part: Region, plane: int) -> FloatArray:
    corners = shapely.get_coordinates(shapely.convex_hull(part.outlines[plane]))[:-1]
    return np.column_stack([corners, np.full(len(corners), part.w_mm[plane])])


def _inner_points(drawn: list[FloatArray], middle: FloatArray, areas: Areas, bound: int) -> list[FloatArray]:
    """Return points on sections between the planes: the larger outline of the two, brought to the area there.

    A sliver is never blown up: its length says nothing of a wider section. Middles lie on the straight way from plane
    to plane, as those of an ellipsoid do, however it is tilted.
    """
    found = []
    for n in range(1, _INNER_SECTIONS if len(drawn) > 1 else 0):
        at = middle[:-1] + n / _INNER_SECTIONS * np.diff(middle, axis=0)
        area = areas.between(at[:, 2])[bound]
        for k in range(len(at)):
            i = k if areas.area_mm2[k] >= areas.area_mm2[k + 1] else k + 1
            found.append(at[k] + np.sqrt(area[k] / areas.area_mm2[i]) * (drawn[i] - middle[i]))
    return found


def _cap_points(last: FloatArray, middle: FloatArray, profile: Areas, bound: int, sign: float) -> FloatArray:
    """Return points on the cap beyond an end plane: its outline, drawn in as the area falls, its middle moving on."""
    top = profile.cap_mm if bound == 0 else profile.reach_mm
    x_mm = top * (1.0 - 1e-9) * np.arange(1, _CAP_SECTIONS + 1) / _CAP_SECTIONS
    shrink = np.sqrt(profile.beyond(x_mm)[bound] / profile.area_mm2[-1])
    step = middle[-1] - middle[-2] if len(middle) > 1 else np.array([0.0, 0.0, sign])
    at = middle[-1] + x_mm[:, None] * step / abs(step[2])
    return np.asarray((at[:, None, :] + shrink[:, None, None] * (last - middle[-1])).reshape(-1, 3))
