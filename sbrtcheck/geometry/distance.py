"""Distance between the surfaces of two structures, and the volume that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import aligned, intersection
from sbrtcheck.geometry.plates import Plates, certain_plates, full_plates, shaped_plates
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import FloatArray
from sbrtcheck.results import Interval

# Points on outlines that are not parallel to one another.
_POINT_SPACING_MM = 0.5
_MM3_PER_CM3 = 1000.0
# Pairs of plates looked at in one call at most: the next call profits from the least distance found so far.
_MOST_PAIRS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """The shortest way from one structure to another.

    Attributes
    ----------
    distance : Interval
        mm; 0 when they touch or overlap.
    ends_mm : (2, 3) float
        Where it starts and ends, LPS, mm; the same point twice where they touch.
    """

    distance: Interval
    ends_mm: FloatArray


def separation(a: Region, b: Region) -> Separation:
    """Return the distance between the surfaces of two structures.

    Parameters
    ----------
    a, b : Region

    Returns
    -------
    Separation
        Value: between the shapes that follow the contours. Upper bound: between what certainly is inside (the drawn
        outlines, and between planes what both neighbours hold). Lower bound: between outlines that reach to the
        neighbouring planes and bulge as far as they may. Structures whose planes are not parallel are measured between
        points on their outlines, and the lower bound lets both reach a whole step out of their planes.

    Raises
    ------
    NotComputable
        If a structure lies on one plane and the spacing of planes is unknown.
    """
    turned = aligned(a, b)
    if turned is None:
        return _oblique(a, b)
    return _parallel(a, turned)


def overlap(a: Region, b: Region) -> Interval:
    """Return the volume that two structures share.

    Parameters
    ----------
    a, b : Region
        Parallel planes; they need not be the same planes.

    Returns
    -------
    Interval
        cm3. The upper bound of structures that share no plane holds what their outlines share when each reaches to its
        neighbouring planes.

    Raises
    ------
    NotComputable
        If the planes are not parallel, or a thickness is unknown.
    """
    turned = aligned(a, b)
    if turned is None:
        raise NotComputable("the planes of the two structures are not parallel", where=f"{a.where}, {b.where}")
    try:
        shared = volume(intersection(a, turned))
    except NotComputable:
        return Interval(0.0, 0.0, _shared_mm3(full_plates(a), full_plates(turned)) / _MM3_PER_CM3)
    return Interval(shared.value, 0.0 if shared.low < 0.0 else shared.low, shared.high)


def _shared_mm3(a: Plates, b: Plates) -> float:
    """Return the volume that two piles of plates share; plates of one pile that overlap count twice, a safe bound."""
    thick = np.minimum(a.high_mm[:, None], b.high_mm) - np.maximum(a.low_mm[:, None], b.low_mm)
    i, j = np.nonzero(thick > 0.0)
    grown_a = shapely.buffer(a.outlines, a.bulge_mm) if a.bulge_mm > 0.0 else a.outlines
    grown_b = shapely.buffer(b.outlines, b.bulge_mm) if b.bulge_mm > 0.0 else b.outlines
    return float(np.sum(shapely.area(shapely.intersection(grown_a[i], grown_b[j])) * thick[i, j]))


def _parallel(a: Region, b: Region) -> Separation:
    certain = _nearest(certain_plates(a), certain_plates(b), np.inf)
    full_a, full_b = full_plates(a), full_plates(b)
    full = _nearest(full_a, full_b, certain[0])
    high = certain[0]
    low = min(max(0.0, full[0] - full_a.bulge_mm - full_b.bulge_mm), high)
    if low >= high:
        value, ends = high, certain[1]
    else:
        shaped = _nearest(shaped_plates(a), shaped_plates(b), high + 1e-6)
        value, ends = shaped if low <= shaped[0] <= high else (min(max(shaped[0], low), high), certain[1])
    return Separation(Interval(value, low, high), a.to_lps(ends))


def _nearest(a: Plates, b: Plates, beyond_mm: float) -> tuple[float, FloatArray]:
    """Return the least distance between plates and its ends ``(2, 3)`` in (u, v, w).

    Pairs farther apart than ``beyond_mm`` need not be looked at; infinity when there is no nearer one.
    """
    along = _interval_gap(a.low_mm[:, None], a.high_mm[:, None], b.low_mm, b.high_mm)
    box_a, box_b = shapely.bounds(a.outlines)[:, None, :], shapely.bounds(b.outlines)
    across_u = _interval_gap(box_a[..., 0], box_a[..., 2], box_b[:, 0], box_b[:, 2])
    across_v = _interval_gap(box_a[..., 1], box_a[..., 3], box_b[:, 1], box_b[:, 3])
    least = np.sqrt(along**2 + across_u**2 + across_v**2).ravel()
    near = np.flatnonzero(least < beyond_mm + 1e-9)
    near = near[np.argsort(least[near], kind="stable")]
    best, pair = np.inf, (0, 0)
    shapely.prepare(b.outlines)
    begin, number = 0, 1
    while begin < len(near) and least[near[begin]] < best:
        i, j = np.divmod(near[begin : begin + number], len(b.outlines))
        begin, number = begin + number, min(2 * number, _MOST_PAIRS)
        apart = along[i, j]
        if best < np.inf:
            # Whether a pair is within reach is told much quicker than how far it is.
            reach = np.sqrt(np.maximum(best**2 - apart**2, 0.0))
            # One distance a pair: shapely takes arrays, its types do not say so.
            within = (apart < best) & shapely.dwithin(b.outlines[j], a.outlines[i], reach)  # type: ignore[call-overload]
            i, j, apart = i[within], j[within], apart[within]
        if len(i):
            distances = np.hypot(shapely.distance(a.outlines[i], b.outlines[j]), apart)
            first = int(np.argmin(distances))
            if distances[first] < best:
                best, pair = float(distances[first]), (int(i[first]), int(j[first]))
    return best, _ends(a, b, *pair)


def _interval_gap(low_a: FloatArray, high_a: FloatArray, low_b: FloatArray, high_b: FloatArray) -> FloatArray:
    return np.maximum(0.0, np.maximum(low_b - high_a, low_a - high_b))


def _ends(a: Plates, b: Plates, i: int, j: int) -> FloatArray:
    line = shapely.get_coordinates(shapely.shortest_line(a.outlines[i], b.outlines[j]))
    low, high = max(a.low_mm[i], b.low_mm[j]), min(a.high_mm[i], b.high_mm[j])
    if low <= high:  # at one height
        heights = [0.5 * (low + high)] * 2
    elif a.high_mm[i] < b.low_mm[j]:
        heights = [a.high_mm[i], b.low_mm[j]]
    else:
        heights = [a.low_mm[i], b.high_mm[j]]
    return np.column_stack([line, heights])


def _oblique(a: Region, b: Region) -> Separation:
    points_a, points_b = _points_on(a, certain_plates(a)), _points_on(b, certain_plates(b))
    for region, points in ((a, points_b), (b, points_a)):
        shared = _inside(region, certain_plates(region), points)
        if len(shared):
            return Separation(Interval.exact(0.0), shared[[0, 0]])
    ends = _nearest_points(points_a, points_b)
    high = float(np.linalg.norm(ends[1] - ends[0]))
    unknown = _POINT_SPACING_MM
    for region in (a, b):
        plates = full_plates(region)
        reach = np.maximum(plates.high_mm - plates.low_mm, 0.0).max()
        unknown += plates.bulge_mm + 0.5 * float(reach)
    may_meet = any(len(_inside(r, full_plates(r), points)) for r, points in ((a, points_b), (b, points_a)))
    low = 0.0 if may_meet else max(0.0, high - unknown)
    shaped = _nearest_points(_points_on(a, shaped_plates(a)), _points_on(b, shaped_plates(b)))
    value = float(np.linalg.norm(shaped[1] - shaped[0]))
    return Separation(Interval(min(max(value, low), high), low, high), shaped if low <= value <= high else ends)


def _nearest_points(points_a: FloatArray, points_b: FloatArray) -> FloatArray:
    """Return the two points ``(2, 3)``, one of each, that are nearest to one another."""
    from scipy.spatial import cKDTree  # half a second to import, and seldom needed

    distance, nearest = (np.asarray(found) for found in cKDTree(points_a).query(points_b))
    k = int(np.argmin(distance))
    return np.array([points_a[nearest[k]], points_b[k]])


def _points_on(region: Region, plates: Plates) -> FloatArray:
    """Return points on the outlines of plates, at both of their faces, LPS, mm."""
    dense = shapely.segmentize(plates.outlines, _POINT_SPACING_MM)
    points, plate = shapely.get_coordinates(dense, return_index=True)
    faces = [np.column_stack([points, heights[plate]]) for heights in (plates.low_mm, plates.high_mm)]
    return region.to_lps(np.concatenate(faces))


def _inside(region: Region, plates: Plates, points_mm: FloatArray) -> FloatArray:
    """Return those of the points (LPS, mm) that lie inside a plate."""
    local = region.to_local(points_mm)
    found = np.zeros(len(local), dtype=bool)
    for outline, low, high in zip(plates.outlines, plates.low_mm, plates.high_mm, strict=True):
        at = np.flatnonzero((local[:, 2] >= low) & (local[:, 2] <= high))
        if len(at):
            shapely.prepare(outline)
            found[at] |= shapely.contains_xy(outline, local[at, 0], local[at, 1])
    return points_mm[found]
