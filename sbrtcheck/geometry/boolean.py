"""Union, difference and intersection of structures, plane by plane.

Two structures drawn on the same planes are combined exactly. Where one has a plane and the other has not, the other's
outline there is taken on the way between its neighbouring planes (``plates.between``); beyond its end planes the last
outline holds for half a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.plates import as_multipolygon, between, connected_steps
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import frozen

# Planes this close are one plane, and an area below this is none: as for the contours of one structure.
_SAME_PLANE_MM = 0.1
_LEAST_AREA_MM2 = 1e-4
# Normals that part by less than this (radians) are parallel: 0.1 mm over 100 mm.
_PARALLEL = 1e-3


def union(a: Region, b: Region) -> Region:
    """Return what either structure holds.

    Parameters
    ----------
    a, b : Region
        The result carries the ROI number and the frame of ``a``.

    Raises
    ------
    NotComputable
        If the planes are not parallel.
    """
    return _combined(a, b, shapely.union, max)


def difference(a: Region, b: Region) -> Region:
    """Return what ``a`` holds and ``b`` does not; see ``union``. NotComputable when nothing is left."""
    return _combined(a, b, shapely.difference, lambda steps: steps[0])


def intersection(a: Region, b: Region) -> Region:
    """Return what both structures hold; see ``union``. NotComputable when that is nothing."""
    return _combined(a, b, shapely.intersection, min)


def aligned(a: Region, b: Region) -> Region | None:
    """Return ``b`` in the frame of ``a``, or None where their planes are not parallel."""
    turn = a.to_patient[:3, :3].T @ b.to_patient[:3, :3]
    shift = (b.to_patient[:3, 3] - a.to_patient[:3, 3]) @ a.to_patient[:3, :3]
    if np.hypot(turn[0, 2], turn[1, 2]) > _PARALLEL:
        return None
    if np.array_equal(turn, np.eye(3)) and not shift.any():
        return b
    matrix = [turn[0, 0], turn[0, 1], turn[1, 0], turn[1, 1], shift[0], shift[1]]
    moved = [_affine(outline, matrix) for outline in b.outlines]
    upright = turn[2, 2] > 0.0
    w_mm = (b.w_mm if upright else -b.w_mm[::-1]) + shift[2]
    return replace(b, to_patient=a.to_patient, w_mm=frozen(w_mm), outlines=tuple(moved if upright else moved[::-1]))


def _affine(outline: MultiPolygon, matrix: list[float]) -> MultiPolygon:
    m = np.array(matrix[:4]).reshape(2, 2)
    moved: MultiPolygon = shapely.transform(outline, lambda points: points @ m.T + matrix[4:])
    return moved


def _combined(
    a: Region,
    b: Region,
    operation: Callable[[BaseGeometry, BaseGeometry], BaseGeometry],
    step_of: Callable[[list[float]], float],
) -> Region:
    other = aligned(a, b)
    if other is None:
        raise NotComputable("the planes of the two structures are not parallel", where=f"{a.where}, {b.where}")
    w_mm = _merged(np.concatenate([a.w_mm, other.w_mm]))
    outlines = [as_multipolygon(operation(_at(a, w), _at(other, w))) for w in w_mm]
    kept = [k for k, outline in enumerate(outlines) if outline.area > _LEAST_AREA_MM2]
    if not kept:
        raise NotComputable("nothing is left of the two structures", where=f"{a.where}, {b.where}")
    steps = [step for step in (a.step_mm, other.step_mm) if step is not None]
    return replace(
        a,
        w_mm=frozen(w_mm[kept]),
        outlines=tuple(outlines[k] for k in kept),
        step_mm=step_of(steps) if steps else None,
        ignored=0,
        repeated=0,
        crossing=0,
    )


def _merged(w_mm: np.ndarray) -> np.ndarray:
    rising = np.sort(w_mm)
    return rising[np.diff(rising, prepend=-np.inf) > _SAME_PLANE_MM]


def _at(region: Region, w_mm: float) -> BaseGeometry:
    """Return the outline of a region at a height; empty where it does not reach."""
    nearest = int(np.argmin(np.abs(region.w_mm - w_mm)))
    if abs(region.w_mm[nearest] - w_mm) <= _SAME_PLANE_MM:
        return region.outlines[nearest]
    above = int(np.searchsorted(region.w_mm, w_mm))
    if 0 < above < len(region.w_mm) and connected_steps(region)[above - 1]:
        low, high = region.w_mm[above - 1], region.w_mm[above]
        return between(region.outlines[above - 1], region.outlines[above], float((w_mm - low) / (high - low)))
    within = abs(region.w_mm[nearest] - w_mm) <= 0.5 * (region.step_mm or 0.0)
    return region.outlines[nearest] if within else MultiPolygon()
