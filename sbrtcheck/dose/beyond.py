"""The highest dose at a distance from a structure."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sbrtcheck.dose.sampling import require_volume, sample_cells
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.plates import Plates, certain_plates, full_plates, shaped_plates
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Interpolation
from sbrtcheck.results import Interval

# Points that stand for the surface of a structure lie this far apart ...
_SURFACE_SPACING_MM = 1.0
# ... or, in a large structure, by this share of its widest side.
_SURFACE_SHARE = 0.01
# Points along each side of a voxel cell that the border at the distance crosses.
_SIDE = 6
# Cells whose corners come this close to the maximum are searched too: the cubic may be higher there.
_NEAR_MAXIMUM = 0.97
_CELLS_AT_ONCE = 1_000


def maximum_beyond(dose: Dose, region: Region, distance_mm: float, interpolation: Interpolation = "cubic") -> Interval:
    """Return the highest dose at least so far outside the surface of a structure.

    Parameters
    ----------
    dose : Dose
    region : Region
    distance_mm : float
        Above 0.
    interpolation : {'cubic', 'trilinear'}

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
    require_volume(dose)
    spacing_mm = _spacing_mm(region)
    shapes = shaped_plates(region), full_plates(region), certain_plates(region)
    clouds = [region.to_lps(_surface_points(shape, spacing_mm)) for shape in shapes]
    # What is this far from the possible surface is surely far enough; what is as far from the certain one, possibly.
    rounding_mm = spacing_mm**2 / (4.0 * distance_mm)  # between the points of a cloud
    limits = (distance_mm, distance_mm + shapes[1].bulge_mm + rounding_mm, distance_mm - rounding_mm)
    found = [_hottest_beyond(dose, cloud, limit, interpolation) for cloud, limit in zip(clouds, limits, strict=True)]
    if not np.isfinite(found[0][0]):
        raise NotComputable(f"the dose grid holds no point {distance_mm} mm outside the structure", where=region.where)
    value = found[0][0]
    low, high = max(min(found[1][1], value), 0.0), max(found[2][2], value)
    if not _grid_reaches(dose, clouds[1], distance_mm):
        high = np.inf
    return Interval(value, low, high)


def _hottest_beyond(
    dose: Dose, cloud: FloatArray, limit_mm: float, interpolation: Interpolation
) -> tuple[float, float, float]:
    """Return the maximum (best, lowest, highest) of the dose so far from all points, Gy; -inf for none."""
    corners = _corner_maximum(dose)
    cells = np.argwhere(corners > _NEAR_MAXIMUM * max(_outside_maximum(dose, cloud, limit_mm), 0.0))
    distance = _corner_distances(dose, cells, cloud)
    some = distance.max(axis=(1, 2, 3)) >= limit_mm
    cells, distance = cells[some], distance[some]
    nodes = _corners(cells)
    at_nodes = np.where(distance >= limit_mm, dose.dose_gy[nodes[0], nodes[1], nodes[2]], -np.inf)
    # A voxel centre is a point of the grid too.
    best = float(at_nodes.max(initial=-np.inf)) + dose.quantisation_gy * np.array([0.0, -1.0, 1.0])
    hot = corners[tuple(cells.T)]
    order = np.argsort(-hot, kind="stable")
    for start in range(0, len(order), _CELLS_AT_ONCE):
        chunk = order[start : start + _CELLS_AT_ONCE]
        if hot[chunk[0]] < _NEAR_MAXIMUM * best[0]:
            break
        beyond = _between_corners(distance[chunk], _SIDE) >= limit_mm
        found = sample_cells(dose, cells[chunk][:, ::-1], _SIDE, interpolation)
        for n, values in enumerate((found.dose_gy, found.low_gy, found.high_gy)):
            best[n] = max(best[n], values.max(where=beyond, initial=-np.inf))
    return float(best[0]), float(best[1]), float(best[2])


def _outside_maximum(dose: Dose, cloud: FloatArray, limit_mm: float) -> float:
    """Return the highest dose outside a box around all points that is surely far enough; -inf for none, Gy."""
    lattice = dose.lattice
    grid = lattice.to_grid(cloud)
    low, high = grid.min(axis=0) - limit_mm, grid.max(axis=0) + limit_mm
    ticks = (lattice.k_mm, lattice.j_mm, lattice.i_mm)
    k, j, i = ((t > low[n]) & (t < high[n]) for t, n in zip(ticks, (2, 1, 0), strict=True))
    outside = ~(k[:, None, None] & j[None, :, None] & i[None, None, :])
    return float(dose.dose_gy.max(where=outside, initial=-np.inf))


def _corner_maximum(dose: Dose) -> NDArray[np.float32]:
    d = np.maximum(dose.dose_gy[1:], dose.dose_gy[:-1])
    d = np.maximum(d[:, 1:], d[:, :-1])
    return np.asarray(np.maximum(d[:, :, 1:], d[:, :, :-1]))


def _corners(cells: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the indices (k, j, i) of the eight corners of cells ``(C, 3)``, each ``(C, 2, 2, 2)``."""
    steps = np.indices((2, 2, 2))
    return [cells[:, n, None, None, None] + steps[n] for n in range(3)]


def _corner_distances(dose: Dose, cells: NDArray[np.intp], cloud: FloatArray) -> FloatArray:
    """Return the distance of the corners of cells (k, j, i) to the nearest point, ``(C, 2, 2, 2)``, mm."""
    from scipy.spatial import cKDTree  # half a second, and seldom needed

    lattice = dose.lattice
    nodes = np.ravel_multi_index(_corners(cells), lattice.shape)
    unique, inverse = np.unique(nodes, return_inverse=True)
    k, j, i = np.unravel_index(unique, lattice.shape)
    points = lattice.to_lps(np.column_stack([lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k]]))
    distance = np.asarray(cKDTree(cloud).query(points)[0])
    return np.asarray(distance[inverse].reshape(nodes.shape))


def _between_corners(corners: FloatArray, side: int) -> FloatArray:
    """Return values inside cells from their corners ``(C, 2, 2, 2)``, linear along each side, ``(C, s, s, s)``."""
    t = (np.arange(side) + 0.5) / side
    weights = np.stack([1.0 - t, t])
    return np.asarray(np.einsum("ckji,kz,jy,ix->czyx", corners, weights, weights, weights, optimize=True))


def _grid_reaches(dose: Dose, cloud: FloatArray, distance_mm: float) -> bool:
    grid = dose.lattice.to_grid(cloud)
    ticks = (dose.lattice.i_mm, dose.lattice.j_mm, dose.lattice.k_mm)
    return all(
        t[0] <= g.min() - distance_mm and g.max() + distance_mm <= t[-1] for t, g in zip(ticks, grid.T, strict=True)
    )


def _spacing_mm(region: Region) -> float:
    low_u, low_v, high_u, high_v = shapely.total_bounds(np.array(region.outlines))
    return max(_SURFACE_SPACING_MM, _SURFACE_SHARE * float(max(high_u - low_u, high_v - low_v)))


def _surface_points(plates: Plates, spacing_mm: float) -> FloatArray:
    """Return points on the sides and faces of plates, (u, v, w), mm."""
    found = []
    for outline, low, high in zip(plates.outlines, plates.low_mm, plates.high_mm, strict=True):
        sides = shapely.get_coordinates(shapely.segmentize(outline, spacing_mm))
        levels = np.linspace(low, high, 1 + int(np.ceil((high - low) / spacing_mm)))
        found.append(np.column_stack([np.tile(sides, (len(levels), 1)), np.repeat(levels, len(sides))]))
        face = _face_points(outline, spacing_mm)
        found.extend(np.column_stack([face, np.full(len(face), level)]) for level in sorted({low, high}))
    return np.concatenate(found)


def _face_points(outline: BaseGeometry, spacing_mm: float) -> FloatArray:
    low_u, low_v, high_u, high_v = outline.bounds
    u = low_u + spacing_mm * np.arange(int((high_u - low_u) / spacing_mm) + 1)
    v = low_v + spacing_mm * np.arange(int((high_v - low_v) / spacing_mm) + 1)
    grid_u, grid_v = (a.ravel() for a in np.meshgrid(u, v))
    shapely.prepare(outline)
    inside = shapely.contains_xy(outline, grid_u, grid_v)
    return np.column_stack([grid_u[inside], grid_v[inside]])
