"""From the closed contours of one plane to one even-odd outline: holes, keyholes, islands, crossings, repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from sbrtcheck.model import FloatArray

# Two loops that differ by less than this share of their area are one loop stored twice.
_SAME_SHARE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What is inside on one plane, and what was odd about the loops that drew it."""

    inside: MultiPolygon
    repeated: int = 0  # loops stored twice; one of each is kept
    crossing: int = 0  # pairs of loops that cut each other; read even-odd


def even_odd(points: FloatArray, count: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the even-odd interior of each loop by itself.

    Parameters
    ----------
    points : (N, 2) float
        Vertices of all loops, one after the other, mm, without repeated first points.
    count : (L,) int
        Vertices of each loop, at least three.

    Returns
    -------
    (L,) array of MultiPolygon
        A keyhole (an edge walked both ways) leaves a hole; a figure of eight leaves two lobes; empty where no area is
        enclosed.
    """
    rings = np.array(shapely.linearrings(points, indices=np.repeat(np.arange(len(count)), count)))
    polygons = np.array(shapely.polygons(rings))
    shapes: NDArray[np.object_] = np.array(shapely.multipolygons(polygons, indices=np.arange(len(count))))
    for index in np.flatnonzero(~shapely.is_valid(polygons)):
        shapes[index] = _odd_faces(rings[index])
    return shapes


def combine(shapes: list[MultiPolygon]) -> Outline:
    """Combine the loops of one plane: a point is inside when an odd number of loops hold it.

    Nested loops so become holes, and islands in holes are kept. A loop stored twice would cancel itself: one copy is
    kept and counted.
    """
    if len(shapes) == 1:
        return Outline(shapes[0])
    # Largest first, then by position: the result must not depend on the order in the file.
    ordered = sorted(shapes, key=lambda s: (-s.area, s.bounds))
    kept: list[MultiPolygon] = []
    repeated = crossing = 0
    for shape in ordered:
        touching = [other for other in kept if shapely.intersects(other, shape)]
        if any(_same(other, shape) for other in touching):
            repeated += 1
            continue
        crossing += sum(bool(shapely.overlaps(other, shape)) for other in touching)
        kept.append(shape)
    inside = kept[0]
    for shape in kept[1:]:
        inside = _as_multipolygon(shapely.symmetric_difference(inside, shape))
    return Outline(inside, repeated=repeated, crossing=crossing)


def _same(a: MultiPolygon, b: MultiPolygon) -> bool:
    if not abs(a.area - b.area) <= _SAME_SHARE * a.area:
        return False
    return bool(shapely.symmetric_difference(a, b).area <= _SAME_SHARE * a.area)


def _odd_faces(ring: shapely.LinearRing) -> MultiPolygon:
    """Return the faces of a self-touching or self-crossing ring that it encloses an odd number of times."""
    noded = shapely.unary_union(shapely.LineString(ring.coords))
    faces = shapely.get_parts(shapely.polygonize([noded]))
    if len(faces) == 0:
        return MultiPolygon()
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    vertices = shapely.get_coordinates(ring)
    odd = _crossings(vertices, inner) % 2 == 1
    return _as_multipolygon(shapely.union_all(faces[odd]))


def _crossings(ring: FloatArray, points: FloatArray) -> FloatArray:
    """Count how often a ray from each point towards +u crosses a closed ring ``(N, 2)``."""
    (u0, v0), (u1, v1) = ring[:-1].T, ring[1:].T
    u, v = points[:, :1], points[:, 1:]
    straddles = (v0 > v) != (v1 > v)
    rise = np.where(v1 == v0, 1.0, v1 - v0)
    return np.asarray((straddles & (u < u0 + (v - v0) * (u1 - u0) / rise)).sum(axis=1))


def _as_multipolygon(shape: shapely.Geometry) -> MultiPolygon:
    if isinstance(shape, MultiPolygon):
        return shape
    pieces = [p for p in shapely.get_parts(shape) if isinstance(p, Polygon) and p.area > 0.0]
    return MultiPolygon(pieces)
