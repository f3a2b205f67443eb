"""Dose regardless of structures: volume inside an isodose, and the highest dose at a distance."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sbrtcheck.dose.sampling import sample, sample_raster
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.plates import Plates, certain_plates, full_plates, shaped_plates
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray
from sbrtcheck.results import Interval

# Points in the voxel cells that an isodose crosses, in all ...
_POINTS_AIM = 400_000
# ... and between how many and how many along each side of a cell.
_POINTS_A_SIDE = (3, 16)
# Points that stand for the surface of a structure, and how finely cells at its distance are searched.
_SURFACE_SPACING_MM = 1.0
_SEARCH_A_SIDE = 5
_SEARCH_CELLS = 2_000
_MM3_PER_CM3 = 1000.0


def isodose_volume(dose: Dose, level_gy: float) -> Interval:
    """Return the volume of all tissue (and air) that receives at least a dose.

    Parameters
    ----------
    dose : Dose
    level_gy : float
        Gy, above 0.

    Returns
    -------
    Interval
        cm3. Voxel cells (between neighbouring voxel centres) that the isodose crosses are filled with fine points. The
        bounds hold the difference between trilinear and cubic dose and the stored dose step. The upper bound is
        infinite when the isodose reaches the border of the grid: what lies beyond is unknown.

    Raises
    ------
    NotComputable
        If ``level_gy`` is not above 0 or the dose is not a volume.
    """
    if not level_gy > 0.0:
        raise NotComputable(f"an isodose of {level_gy} Gy has no volume")
    if min(dose.lattice.shape) < 2:
        raise NotComputable("the dose is a plane, not a volume", where=" ".join(dose.sop_instance_uids))
    low, high = _cell_range(dose)
    volumes = _cell_volumes(dose)
    full = volumes[low >= level_gy].sum()
    k, j, i = np.nonzero((low < level_gy) & (high >= level_gy))
    crossed = np.zeros(3)
    if len(k):
        side = int(np.clip(round((_POINTS_AIM / len(k)) ** (1.0 / 3.0)), *_POINTS_A_SIDE))
        for chunk in np.array_split(np.arange(len(k)), 1 + len(k) * side**3 // _POINTS_AIM):
            cells = np.column_stack([i[chunk], j[chunk], k[chunk]])
            crossed += _filled_share(dose, cells, level_gy, side).T @ volumes[k[chunk], j[chunk], i[chunk]]
    value, least, most = (float(full + c) / _MM3_PER_CM3 for c in crossed)
    if _border_maximum(dose) + dose.quantisation_gy >= level_gy:
        most = np.inf
    return Interval(value, min(least, value), max(most, value))


def maximum_beyond(dose: Dose, region: Region, distance_mm: float) -> Interval:
    """Return the highest dose at least so far outside the surface of a structure.

    Parameters
    ----------
    dose : Dose
    region : Region
    distance_mm : float
        Above 0.

    Returns
    -------
    Interval
        Gy. The distance is to the shape that follows the contours; the bounds measure it to what is certainly and to
        what is possibly inside, and hold the error of the dose between voxels. The upper bound is infinite when the
        grid ends less than ``distance_mm`` away from the structure: a higher dose may lie outside it.

    Raises
    ------
    NotComputable
        If no point of the grid is that far away, or the structure's thickness is unknown.

    References
    ----------
    .. [1] RTOG 0813 and 0915, Table 1: D2cm, maximum dose at least 2 cm from the PTV in any direction.
    """
    shapes = shaped_plates(region), full_plates(region), certain_plates(region)
    trees = [cKDTree(region.to_lps(_surface_points(shape))) for shape in shapes]
    # Whoever is this far from the possible surface is surely far enough, and from the certain one possibly.
    limits = (distance_mm, distance_mm + shapes[1].bulge_mm, distance_mm - _SURFACE_SPACING_MM**2 / (4 * distance_mm))
    found = [_hottest_beyond(dose, region, tree, limit) for tree, limit in zip(trees, limits, strict=True)]
    value = found[0][0]
    low, high = min(found[1][1], value), max(found[2][2], value)
    if not _grid_reaches(dose, region, distance_mm):
        high = np.inf
    return Interval(value, low, high)


def _cell_range(dose: Dose) -> tuple[FloatArray, FloatArray]:
    """Return lowest and highest dose that a voxel cell may hold, ``(K - 1, J - 1, I - 1)``, also between the corners."""
    low = high = dose.dose_gy.astype(np.float64)
    for axis in range(3):
        a, b = _neighbours(low, axis), _neighbours(high, axis)
        low, high = np.minimum(*a), np.maximum(*b)
    # The cubic may leave the range of the corners where the dose bends; a share of the neighbouring range is safe.
    spread = 0.25 * (high - low) + dose.quantisation_gy
    for axis in range(3):
        spread = _spread_to_neighbours(spread, axis)
    return low - spread, high + spread


def _neighbours(values: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    size = values.shape[axis]
    return values.take(range(size - 1), axis), values.take(range(1, size), axis)


def _spread_to_neighbours(values: FloatArray, axis: int) -> FloatArray:
    moved = np.moveaxis(values, axis, 0)
    widest = moved.copy()
    widest[1:] = np.maximum(widest[1:], moved[:-1])
    widest[:-1] = np.maximum(widest[:-1], moved[1:])
    return np.moveaxis(widest, 0, axis)


def _cell_volumes(dose: Dose) -> FloatArray:
    i, j, k = (np.diff(t) for t in (dose.lattice.i_mm, dose.lattice.j_mm, dose.lattice.k_mm))
    return np.asarray(k[:, None, None] * j[None, :, None] * i[None, None, :])


def _filled_share(dose: Dose, cells: NDArray[np.intp], level_gy: float, side: int) -> FloatArray:
    """Return the share of each voxel cell at or above a dose, ``(C, 3)``: best estimate, lowest, highest."""
    found = sample(dose, _points_in(dose, cells, side))
    shares = []
    for values in (found.dose_gy, found.low_gy, found.high_gy):
        block = values.reshape(-1, side, side, side)
        # Each point stands for a small box of its own dose range, so that the volume has no steps.
        half = 0.5 * sum(np.abs(np.gradient(block, axis=axis)) for axis in (1, 2, 3))
        fraction = np.clip(0.5 + 0.5 * (block - level_gy) / np.maximum(half, 1e-9), 0.0, 1.0)
        shares.append(fraction.mean(axis=(1, 2, 3)))
    return np.stack(shares, axis=1)


def _points_in(dose: Dose, cells: NDArray[np.intp], side: int) -> FloatArray:
    """Return ``side`` cubed points in each voxel cell (i, j, k), LPS, mm, cell after cell."""
    lattice = dose.lattice
    t = (np.arange(side) + 0.5) / side
    along = []
    for ticks, index in zip((lattice.i_mm, lattice.j_mm, lattice.k_mm), cells.T, strict=True):
        along.append(ticks[index][:, None] + t * np.diff(ticks)[index][:, None])
    shape = (len(cells), side, side, side)
    grid = [
        np.broadcast_to(along[0][:, None, None, :], shape),
        np.broadcast_to(along[1][:, None, :, None], shape),
        np.broadcast_to(along[2][:, :, None, None], shape),
    ]
    return lattice.to_lps(np.stack(grid, axis=-1).reshape(-1, 3))


def _border_maximum(dose: Dose) -> float:
    d = dose.dose_gy
    return float(max(face.max() for face in (d[0], d[-1], d[:, 0], d[:, -1], d[:, :, 0], d[:, :, -1])))


def _surface_points(plates: Plates) -> FloatArray:
    """Return points on the sides and faces of plates, (u, v, w), mm."""
    found = []
    for outline, low, high in zip(plates.outlines, plates.low_mm, plates.high_mm, strict=True):
        sides = shapely.get_coordinates(shapely.segmentize(outline, _SURFACE_SPACING_MM))
        levels = np.linspace(low, high, 1 + int(np.ceil((high - low) / _SURFACE_SPACING_MM)))
        found.append(np.column_stack([np.tile(sides, (len(levels), 1)), np.repeat(levels, len(sides))]))
        face = _face_points(outline)
        found.extend(np.column_stack([face, np.full(len(face), level)]) for level in {low, high})
    return np.concatenate(found)


def _face_points(outline: shapely.Geometry) -> FloatArray:
    low_u, low_v, high_u, high_v = outline.bounds
    u = low_u + _SURFACE_SPACING_MM * np.arange(int((high_u - low_u) / _SURFACE_SPACING_MM) + 1)
    v = low_v + _SURFACE_SPACING_MM * np.arange(int((high_v - low_v) / _SURFACE_SPACING_MM) + 1)
    grid_u, grid_v = (a.ravel() for a in np.meshgrid(u, v))
    shapely.prepare(outline)
    inside = shapely.contains_xy(outline, grid_u, grid_v)
    return np.column_stack([grid_u[inside], grid_v[inside]])
