"""From solids to what a scanner, a planner and a dose engine deliver: CT values, contours and dose on grids."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from shapely import union_all
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from sbrtcheck.model import Contour, FloatArray, Lattice, frozen
from sbrtcheck.phantom.anatomy import Body
from sbrtcheck.phantom.solids import Solid
from sbrtcheck.phantom.spec import Course, Scan, Target

SLICE_MM: Final = 2.0  # between slices, on which contours are drawn; target centres lie on slices
PIXEL_MM: Final = 3.0
PRIOR_DOSE_MM: Final = 3.0
STEP_GY: Final = 1e-5  # in which dose is stored

_OUTSIDE_HU: Final = -1000.0
_SOFT_HU: Final = 40.0
_TUMOUR_HU: Final = 60.0
_AIRWAYS: Final = frozenset({"Trachea", "AirWay_Prox"})


def slice_heights(body: Body) -> FloatArray:
    """Return the heights of the slices in the upright phantom, mm."""
    low, high = body.z_mm
    return np.asarray(low + SLICE_MM * np.arange(round((high - low) / SLICE_MM) + 1), dtype=np.float64)


def image_lattice(body: Body, scan: Scan) -> Lattice:
    """Return the voxel centres of the CT."""
    low, high = _extent(body, scan)
    return _lattice(scan, low, high, (PIXEL_MM, PIXEL_MM, SLICE_MM))


def dose_lattice(body: Body, scan: Scan, step_mm: float) -> Lattice:
    """Return the voxel centres of the dose: all of the body with its end slices, off the grid of the CT."""
    low, high = _extent(body, scan)
    # A shift by no round part of a voxel, so that no target centre meets a voxel centre by luck.
    return _lattice(scan, low - (0.7, 1.1, 1.7), high + step_mm, (step_mm, step_mm, step_mm))


def _extent(body: Body, scan: Scan) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest corner of the scanned body along the axes of the scan, mm."""
    (x, y), (a, b) = body.skin.centre_mm, body.skin.semi_mm
    ends = ((x - a, x + a), (y - b, y + b), body.z_mm)
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    along = (corners @ scan.to_patient[:3, :3].T + scan.to_patient[:3, 3]) @ scan.axes
    return along.min(axis=0), along.max(axis=0)


def _lattice(scan: Scan, low_mm: FloatArray, high_mm: FloatArray, step_mm: tuple[float, float, float]) -> Lattice:
    counts = [math.ceil((h - s - 1e-9) / d) + 1 for s, h, d in zip(low_mm, high_mm, step_mm, strict=True)]
    i, j, k = (frozen(s + d * np.arange(n)) for s, d, n in zip(low_mm, step_mm, counts, strict=True))
    to_patient = np.eye(4)
    to_patient[:3, :3] = scan.axes
    return Lattice(i, j, k, frozen(to_patient))


def upright(lattice: Lattice, scan: Scan) -> FloatArray:
    """Return the voxel centres of a lattice in the upright phantom, ``(K * J * I, 3)``, mm."""
    k, j, i = np.meshgrid(lattice.k_mm, lattice.j_mm, lattice.i_mm, indexing="ij")
    grid = np.column_stack([i.ravel(), j.ravel(), k.ravel()])
    back = np.linalg.inv(scan.to_patient) @ lattice.to_patient
    return np.asfortranarray(grid @ back[:3, :3].T + back[:3, 3])  # column by column: solids ask for one axis at a time


def ct_numbers(body: Body, targets: tuple[Target, ...], lattice: Lattice, scan: Scan) -> FloatArray:
    """Return Hounsfield units ``(K, J, I)``: each voxel holds the tissue at its centre."""
    points = upright(lattice, scan)
    hu = np.full(len(points), _OUTSIDE_HU)
    _paint(hu, points, body.skin, _SOFT_HU)
    tissues = [organ for organ in body.organs if organ.name not in _AIRWAYS]
    airways = [organ for organ in body.organs if organ.name in _AIRWAYS]
    for organ in tissues:
        for solid in organ.solids:
            _paint(hu, points, solid, organ.hu)
    for target in targets:
        _paint(hu, points, target.tumour, _TUMOUR_HU)
    for organ in airways:
        for solid in organ.solids:
            _paint(hu, points, solid, organ.hu)
    return hu.reshape(lattice.shape)


def _paint(hu: FloatArray, points_mm: FloatArray, solid: Solid, value: float) -> None:
    low, high = solid.bounds()
    near = np.ones(len(points_mm), dtype=bool)
    for axis in range(3):
        near &= (points_mm[:, axis] >= low[axis]) & (points_mm[:, axis] <= high[axis])
    index = np.flatnonzero(near)
    hu[index[solid.contains(points_mm[index])]] = value


def dose_on(course: Course, lattice: Lattice, scan: Scan) -> FloatArray:
    """Return the true dose at the voxel centres, ``(K, J, I)``, Gy."""
    return course.dose_gy(upright(lattice, scan)).reshape(lattice.shape)


def contours(solids: tuple[Solid, ...], heights_mm: FloatArray, scan: Scan) -> tuple[Contour, ...]:
    """Return the outlines of a union of solids on planes of the upright phantom, in patient coordinates.

    Holes, where a union leaves any, are outlines of their own inside the outer one.
    """
    found = []
    for height in heights_mm.tolist():
        sections = [s for solid in solids if (s := solid.section(height)) is not None]
        for ring in sections if len(sections) < 2 else _united(sections):
            points = np.column_stack([ring, np.full(len(ring), height)])
            placed = points @ scan.to_patient[:3, :3].T + scan.to_patient[:3, 3]
            found.append(Contour(frozen(placed), "CLOSED_PLANAR"))
    return tuple(found)


def _united(sections: list[FloatArray]) -> list[FloatArray]:
    shape: BaseGeometry = union_all([Polygon(section) for section in sections]).normalize()
    polygons = [p for p in getattr(shape, "geoms", [shape]) if isinstance(p, Polygon)]
    rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return [np.asarray(ring.coords)[:-1] for ring in rings]  # the last point repeats the first
