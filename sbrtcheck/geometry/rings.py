"""The outlines of one connected part as flat arrays, as compiled loops want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import FloatArray
from sbrtcheck.remembered import remembered

# A vertex where the outline turns by more than this is a corner; a lesser turn is a sample of a smooth curve.
CORNER_DEGREES = 30.0
# The area between a chord and its arc, L^3 kappa / 12, is short by at most this factor for turns up to a corner.
_ARC_FACTOR = 1.05

_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Closed rings of all planes of a part, one after the other.

    Attributes
    ----------
    uv_mm : (N, 2) float
        Vertices, mm; the first vertex of each ring comes again as its last.
    start : (R + 1,) int
        First vertex of each ring, and N.
    plane_start : (P + 1,) int
        First ring of each plane, and R.
    hole : (R,) bool
        Whether the ring bounds a hole.
    """

    uv_mm: FloatArray
    start: NDArray[np.int64]
    plane_start: NDArray[np.int64]
    hole: NDArray[np.bool_]

    def of_plane(self, plane: int) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return the vertices of one plane, and where each of its rings starts among them, with the end."""
        start = self.start[self.plane_start[plane] : self.plane_start[plane + 1] + 1]
        return self.uv_mm[start[0] : start[-1]], start - start[0]

    @property
    def bounds_mm(self) -> FloatArray:
        """Least and greatest u and v of all vertices, ``(2, 2)``: one row for each axis, mm."""
        # One column at a time: numpy is slow along short rows.
        return np.array([[column.min(), column.max()] for column in self.uv_mm.T])

    @property
    def arcs_mm2(self) -> FloatArray:
        """For each plane, the area that the smooth curve through the vertices holds beyond the polygon, mm2, ``(P,)``.

        What holes gain is lost.
        """
        extra = _arc_areas(self.uv_mm, self.start)
        plane = np.repeat(np.arange(len(self.plane_start) - 1), np.diff(self.plane_start))
        signed = np.where(self.hole, -extra, extra)
        return np.asarray(np.bincount(plane, signed, minlength=len(self.plane_start) - 1), dtype=np.float64)


@remembered(_KEPT)
def rings_of(part: Region) -> Rings:
    """Return the rings of a part; no plane of a part is empty."""
    _, uv_mm, offsets = shapely.to_ragged_array(np.array(part.outlines), include_z=False)
    start, polygon, plane = (np.asarray(o, dtype=np.int64) for o in offsets)
    hole = np.ones(len(start) - 1, dtype=bool)
    hole[polygon[:-1]] = False
    return Rings(np.ascontiguousarray(uv_mm), start, polygon[plane], hole)


def ring_curvature(ring: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lengths of the edges that start at each vertex, and the curvature there (1/mm, convex positive).

    The curvature of a corner is 0: an outline that turns by more than 30 degrees was meant to.

    Parameters
    ----------
    ring : (N, 2) float
        Vertices without a repeated first point.
    """
    closed = np.ascontiguousarray(np.concatenate([ring, ring[:1]]), dtype=np.float64)
    length, curvature = np.zeros(len(ring)), np.zeros(len(ring))
    fill_curvature(closed, length, curvature)
    return length, curvature


@compiled
def fill_curvature(ring: FloatArray, length: FloatArray, curvature: FloatArray) -> None:
    """Fill edge lengths and curvatures of one closed ring ``(N + 1, 2)``."""
    number = len(ring) - 1
    for n in range(number):
        length[n] = np.hypot(ring[n + 1, 0] - ring[n, 0], ring[n + 1, 1] - ring[n, 1])
    turned = 0.0
    for n in range(number):
        m = n - 1 if n > 0 else number - 1
        au, av = ring[m + 1, 0] - ring[m, 0], ring[m + 1, 1] - ring[m, 1]
        bu, bv = ring[n + 1, 0] - ring[n, 0], ring[n + 1, 1] - ring[n, 1]
        curvature[n] = np.arctan2(au * bv - av * bu, au * bu + av * bv)
        turned += curvature[n]
    sign = -1.0 if turned < 0.0 else 1.0  # clockwise
    for n in range(number):
        m = n - 1 if n > 0 else number - 1
        if abs(curvature[n]) > CORNER_DEGREES * np.pi / 180.0:
            curvature[n] = 0.0
        else:
            curvature[n] *= 2.0 * sign / max(length[n] + length[m], 1e-12)


@compiled
def _arc_areas(uv_mm: FloatArray, start: NDArray[np.int64]) -> FloatArray:
    areas = np.zeros(len(start) - 1)
    for r in range(len(areas)):
        ring = uv_mm[start[r] : start[r + 1]]
        number = len(ring) - 1
        length, curvature = np.zeros(number), np.zeros(number)
        fill_curvature(ring, length, curvature)
        total = 0.0
        for n in range(number):
            m = n + 1 if n < number - 1 else 0
            total += 0.5 * (curvature[n] + curvature[m]) * length[n] ** 3
        areas[r] = _ARC_FACTOR * total / 12.0
    return areas
