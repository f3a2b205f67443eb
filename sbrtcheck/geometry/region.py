"""A structure as a stack of even-odd outlines on parallel planes of any orientation and spacing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon

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
    if not loops:
        raise NotComputable(
            f"no closed contour encloses an area ({ignored} ignored)" if ignored else "no closed contour is drawn",
            where=structure.where,
        )
    rotation = _frame(_normal(loops))
    local = [loop @ rotation for loop in loops]
    _require_planes(local, structure.where)
    shapes = even_odd([loop[:, :2] for loop in local])
    drawn = [k for k, shape in enumerate(shapes) if shape.area > _LEAST_AREA_MM2]
    ignored += len(shapes) - len(drawn)
    if not drawn:
        raise NotComputable(f"no closed contour encloses an area ({ignored} ignored)", where=structure.where)
    heights = np.array([local[k][:, 2].mean() for k in drawn])
    w_mm, members = _planes(heights)
    outlines = [combine([shapes[drawn[m]] for m in group]) for group in members]
    kept = [k for k, outline in enumerate(outlines) if outline.inside.area > _LEAST_AREA_MM2]
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


def _distinct_loops(structure: Structure) -> tuple[list[FloatArray], int]:
    """Return the closed contours without repeated points, and how many enclose nothing."""
    closed = [c.points_mm for c in structure.contours if c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}]
    loops = []
    for points in closed:
        if len(points) < 3 or not np.isfinite(points).all():
            continue
        apart = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1) > _SAME_POINT_MM
        loop = points if apart.all() else points[apart]
        if len(loop) >= 3 and _spreads(loop):
            loops.append(loop)
    return loops, len(closed) - len(loops)


def _spreads(loop: FloatArray) -> bool:
    """Return whether the points of a loop do not all lie on one line."""
    if np.linalg.norm(_area_vector(loop)) > _LEAST_AREA_MM2:
        return True
    # A figure of eight has no signed area either, and does enclose something.
    spread = np.linalg.svd(loop - loop.mean(axis=0), compute_uv=False)
    return bool(spread[1] > _SAME_POINT_MM * max(spread[0], 1.0))


def _area_vector(loop: FloatArray) -> FloatArray:
    """Return the vector area of a loop, mm2 (Newell's method)."""
    x, y, z = (loop - loop[0]).T
    x1, y1, z1 = np.roll(x, -1), np.roll(y, -1), np.roll(z, -1)
    return 0.5 * np.array([(y * z1 - z * y1).sum(), (z * x1 - x * z1).sum(), (x * y1 - y * x1).sum()])


def _normal(loops: list[FloatArray]) -> FloatArray:
    """Return the common unit normal, its largest component positive."""
    vectors = np.array([_area_vector(loop) for loop in loops])
    sizes = np.linalg.norm(vectors, axis=1)
    if sizes.max() <= _LEAST_AREA_MM2:
        # Only figures of eight: their signed areas cancel, but their points still span the plane.
        largest = max(loops, key=lambda loop: float(np.ptp(loop, axis=0).max()))
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


def _require_planes(local: list[FloatArray], where: str) -> None:
    off_plane = max(float(np.ptp(loop[:, 2])) for loop in local) / 2.0
    if off_plane > _PLANE_TOLERANCE_MM:
        raise NotComputable(
            f"contours are not planar and parallel: one leaves its plane by {off_plane:.2f} mm",
            remedy=f"Contours within {_PLANE_TOLERANCE_MM} mm of parallel planes can be measured",
            where=where,
        )


def _planes(heights: FloatArray) -> tuple[FloatArray, list[list[int]]]:
    """Group contours of one plane; return the plane positions and, for each, the contours on it."""
    order = np.argsort(heights, kind="stable")
    first = np.diff(heights[order], prepend=-np.inf) > _PLANE_TOLERANCE_MM
    groups = np.split(order, np.flatnonzero(first)[1:])
    return np.array([heights[group].mean() for group in groups]), [group.tolist() for group in groups]


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
