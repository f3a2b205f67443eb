"""A structure as a stack of even-odd outlines on parallel planes of any orientation and spacing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon

from sbrtcheck.compiled import compiled
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.outline import combine, even_odd
from sbrtcheck.model import FloatArray, Structure, frozen

# Vertices closer than this are one vertex: far below the 0.01 mm in which contours are stored.
_SAME_POINT_MM = 1e-6
# A contour may leave its plane, and contours of one plane may differ, by this much: rounding of stored coordinates.
_PLANE_TOLERANCE_MM = 0.1
# An enclosed area below this is none: a square of 0.01 mm, the resolution of stored coordinates.
_LEAST_AREA_MM2 = 1e-4
# A normal this close to an axis is that axis (rounding of direction cosines), so that dose sampling stays separable.
_AXIS_TOLERANCE = 1e-4
# Neighbouring planes further apart than this many usual steps have planes missing between them.
GAP_STEPS = 1.5
# The structure is taken to continue across missing planes up to this many steps: two planes missing.
BRIDGE_STEPS = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What a structure set says is inside one structure.

    Attributes
    ----------
    to_patient : (4, 4) float
        Rigid transform from the structure's own frame (u, v in its planes, w along their normal) to patient
        coordinates (LPS, mm).
    w_mm : (P,) float
        Rising positions of the drawn planes.
    outlines : tuple of MultiPolygon
        What is inside on each plane, in (u, v), mm; none is empty.
    step_mm : float or None
        Usual distance between neighbouring planes; None for a single plane in images of unknown spacing.
    ignored : int
        Contours that enclose nothing: fewer than three distinct points or no area.
    repeated : int
        Contours stored twice; one of each was kept.
    crossing : int
        Pairs of contours on one plane that cut each other; what both hold was read as outside (even-odd).
    """

    roi_number: int
    to_patient: FloatArray
    w_mm: FloatArray
    outlines: tuple[MultiPolygon, ...]
    step_mm: float | None
    ignored: int = 0
    repeated: int = 0
    crossing: int = 0

    @property
    def where(self) -> str:
        """How messages name this region."""
        return f"ROI {self.roi_number}"

    @property
    def areas_mm2(self) -> FloatArray:
        """Area inside on each plane, mm2."""
        return np.asarray(shapely.area(np.array(self.outlines)))

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """Neighbouring planes (w, w) between which planes seem to be missing, mm."""
        if self.step_mm is None:
            return ()
        wide = np.flatnonzero(np.diff(self.w_mm) > GAP_STEPS * self.step_mm)
        return tuple((float(self.w_mm[i]), float(self.w_mm[i + 1])) for i in wide)

    def to_lps(self, local_mm: FloatArray) -> FloatArray:
        """Map points (u, v, w) ``(N, 3)`` to patient coordinates, mm."""
        return np.asarray(local_mm @ self.to_patient[:3, :3].T + self.to_patient[:3, 3])

    def to_local(self, points_mm: FloatArray) -> FloatArray:
        """Map patient points ``(N, 3)`` to (u, v, w), mm."""
        return np.asarray((points_mm - self.to_patient[:3, 3]) @ self.to_patient[:3, :3])


def region_of(structure: Structure, plane_spacing_mm: float | None = None) -> Region:
    """Return the outlines of a structure on its own planes.

    Parameters
    ----------
    structure : Structure
    plane_spacing_mm : float, optional
        Slice spacing of the planning images. Needed for a structure drawn on one plane, whose thickness the contours
        do not tell, or on planes so far apart that they cannot be neighbours.

    Returns
    -------
    Region

    Raises
    ------
    NotComputable
        If nothing closed is drawn, or the contours do not lie in parallel planes.
    """
    loops, ignored = _distinct_loops(structure)
    if not len(loops.count):
        raise NotComputable(
            f"no closed contour encloses an area ({ignored} ignored)" if ignored else "no closed contour is drawn",
            where=structure.where,
        )
    rotation = _frame(_normal(loops))
    local = loops.points_mm @ rotation
    _require_planes(np.ascontiguousarray(local[:, 2]), loops.start, structure.where)
    shapes = even_odd(local[:, :2], loops.count)
    drawn = np.flatnonzero(shapely.area(shapes) > _LEAST_AREA_MM2)
    ignored += len(shapes) - len(drawn)
    if not len(drawn):
        raise NotComputable(f"no closed contour encloses an area ({ignored} ignored)", where=structure.where)
    heights = np.add.reduceat(local[:, 2], loops.start) / loops.count
    w_mm, members = _planes(heights[drawn])
    outlines = [combine(list(shapes[drawn[group]])) for group in members]
    kept = np.flatnonzero(shapely.area([outline.inside for outline in outlines]) > _LEAST_AREA_MM2)
    to_patient = np.eye(4)
    to_patient[:3, :3] = rotation
    return Region(
        roi_number=structure.roi_number,
        to_patient=frozen(to_patient),
        w_mm=frozen(w_mm[kept]),
        outlines=tuple(outlines[k].inside for k in kept),
        step_mm=_usual_step(w_mm[kept], plane_spacing_mm),
        ignored=ignored,
        repeated=sum(o.repeated for o in outlines),
        crossing=sum(o.crossing for o in outlines),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Loops:
    """Closed contours, one after the other: points ``(N, 3)``, and for each where it starts and its number of points.

    ``area_mm2`` ``(L, 3)`` holds their vector areas.
    """

    points_mm: FloatArray
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    area_mm2: FloatArray

    def of(self, k: int) -> FloatArray:
        return self.points_mm[self.start[k] : self.start[k] + self.count[k]]


def _distinct_loops(structure: Structure) -> tuple[_Loops, int]:
    """Return the closed contours without repeated points, and how many enclose nothing."""
    closed = [c.points_mm for c in structure.contours if c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}]
    count = np.array([len(points) for points in closed], dtype=np.int64)
    points = np.concatenate(closed) if closed else np.empty((0, 3))
    area_mm2 = np.zeros((len(closed), 3))
    points = points[: _drop_repeats(points, count, area_mm2)]
    start = np.cumsum(count) - count
    # A figure of eight has no signed area either, and does enclose something.
    flat = np.flatnonzero((count > 0) & (np.linalg.norm(area_mm2, axis=1) <= _LEAST_AREA_MM2))
    lines = [k for k in flat if _is_line(points[start[k] : start[k] + count[k]])]
    if lines:
        on_line = np.zeros(len(count), dtype=bool)
        on_line[lines] = True
        points = points[~np.repeat(on_line, count)]
        count[lines] = 0
    held = count > 0
    loops = _Loops(points, (np.cumsum(count) - count)[held], count[held], area_mm2[held])
    return loops, len(closed) - len(loops.count)


@compiled
def _drop_repeats(points: FloatArray, count: NDArray[np.int64], area: FloatArray) -> int:
    """Move the points of contours that differ from the ones before them to the front; return how many they are.

    ``count`` (given: points of each contour) becomes the number that is left: none where fewer than three are, or one
    is not finite. ``area`` ``(L, 3)`` is filled with vector areas, mm2 (Newell's method).
    """
    begin = filled = 0
    for c in range(len(count)):
        end, first = begin + count[c], filled
        finite = end > begin
        if not finite:
            continue
        # Compared with the last point as stored, which may be overwritten before the loop comes to it.
        px, py, pz = points[end - 1, 0], points[end - 1, 1], points[end - 1, 2]
        for n in range(begin, end):
            x, y, z = points[n, 0], points[n, 1], points[n, 2]
            finite = finite and np.isfinite(x + y + z)
            if max(abs(x - px), abs(y - py), abs(z - pz)) > _SAME_POINT_MM:
                points[filled, 0], points[filled, 1], points[filled, 2] = x, y, z
                filled += 1
            px, py, pz = x, y, z
        begin = end
        if not finite or filled - first < 3:
            filled = first
        count[c] = filled - first
        for n in range(first, filled - 1):
            for d in range(3):
                e, f = (d + 1) % 3, (d + 2) % 3
                ae, af = points[n, e] - points[first, e], points[n, f] - points[first, f]
                be, bf = points[n + 1, e] - points[first, e], points[n + 1, f] - points[first, f]
                area[c, d] += 0.5 * (ae * bf - af * be)
    return filled


def _is_line(loop: FloatArray) -> bool:
    """Return whether all points of a loop lie on one line."""
    spread = np.linalg.svd(loop - loop.mean(axis=0), compute_uv=False)
    return bool(spread[1] <= _SAME_POINT_MM * max(spread[0], 1.0))


def _normal(loops: _Loops) -> FloatArray:
    """Return the common unit normal, its largest component positive."""
    vectors = loops.area_mm2
    sizes = np.linalg.norm(vectors, axis=1)
    if sizes.max() <= _LEAST_AREA_MM2:
        # Only figures of eight: their signed areas cancel, but their points still span the plane.
        single = (loops.of(k) for k in range(len(loops.count)))
        largest = max(single, key=lambda loop: float(np.ptp(loop, axis=0).max()))
        total = np.linalg.svd(largest - largest.mean(axis=0))[2][2]
    else:
        largest_vector = vectors[np.argmax(sizes)]
        # Clockwise and anticlockwise loops add up.
        total = (vectors * np.where(vectors @ largest_vector < 0.0, -1.0, 1.0)[:, None]).sum(axis=0)
    normal = total / np.linalg.norm(total)
    axis = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[axis])
    nearest = np.eye(3)[axis]
    return np.asarray(nearest if np.abs(normal - nearest).max() < _AXIS_TOLERANCE else normal)


def _frame(normal: FloatArray) -> FloatArray:
    """Return a rotation ``(3, 3)`` whose columns are u, v and the normal; a permutation for a normal along an axis."""
    axis = int(np.argmax(normal))
    u = np.eye(3)[(axis + 1) % 3]
    u = u - (u @ normal) * normal
    u /= np.linalg.norm(u)
    return np.column_stack([u, np.cross(normal, u), normal])


def _require_planes(heights_mm: FloatArray, start: NDArray[np.int64], where: str) -> None:
    spread = np.maximum.reduceat(heights_mm, start) - np.minimum.reduceat(heights_mm, start)
    off_plane = float(spread.max()) / 2.0
    if off_plane > _PLANE_TOLERANCE_MM:
        raise NotComputable(
            f"contours are not planar and parallel: one leaves its plane by {off_plane:.2f} mm",
            remedy=f"Contours within {_PLANE_TOLERANCE_MM} mm of parallel planes can be measured",
            where=where,
        )


def _planes(heights: FloatArray) -> tuple[FloatArray, list[NDArray[np.intp]]]:
    """Group contours of one plane; return the plane positions and, for each, the contours on it."""
    order = np.argsort(heights, kind="stable")
    first = np.diff(heights[order], prepend=-np.inf) > _PLANE_TOLERANCE_MM
    groups = np.split(order, np.flatnonzero(first)[1:])
    return np.array([heights[group].mean() for group in groups]), groups


def _usual_step(w_mm: FloatArray, plane_spacing_mm: float | None) -> float | None:
    if len(w_mm) == 1:
        return plane_spacing_mm
    # The commonest step; rounding keeps 2.9999 and 3.0001 together, and the smallest of equals wins.
    counts = Counter(np.round(np.diff(w_mm), 2).tolist())
    common, number = max(counts.items(), key=lambda item: (item[1], -item[0]))
    step = common if 2 * number > len(w_mm) - 1 else float(np.median(np.diff(w_mm)))
    if plane_spacing_mm is not None and step > BRIDGE_STEPS * plane_spacing_mm:
        return plane_spacing_mm
    return step
