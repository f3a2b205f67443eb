"""How much of each small cell a structure's layers cover.

Each drawn outline becomes a field: the distance of every cell centre to the outline, positive inside. Between planes
the two fields are blended, beyond an end the last one goes on; then the zero level is moved until exactly the area of
the layer is inside. So the shape changes smoothly from plane to plane, and the volume is that of the layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import MultiPolygon

from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.slices import Layers
from sbrtcheck.model import FloatArray

# Points on the outline per cell side, when the distance to it is sought.
_POINTS_A_CELL = 3.0
# Halvings of one cell when the border of a layer is sought: to 1e-4 of a cell.
_BISECTIONS = 14
# Cells beyond the outlines that a layer may grow into.
_MARGIN_CELLS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Square cells over the planes of one connected part.

    Attributes
    ----------
    u_mm, v_mm : (U,), (V,) float
        Cell centres, evenly spaced by ``cell_mm``.
    """

    u_mm: FloatArray
    v_mm: FloatArray
    cell_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """Cells of some layers that a structure covers at least in part.

    Attributes
    ----------
    w_mm : (S,) float
        Middles of the layers.
    cells : (N,) int
        Flat indices into the ``(V, U)`` raster.
    volume_mm3 : (3, S, N) float
        Volume of the structure in each cell of each layer: best estimate, lower bound, upper bound.
    share : (S, N) float
        Best estimate of the covered share of each cell, 0 to 1.
    offset_mm : (2, S, N) float
        From the centre of each cell to the centre of its covered part, along u and v.
    """

    w_mm: FloatArray
    cells: NDArray[np.intp]
    volume_mm3: FloatArray
    share: FloatArray
    offset_mm: FloatArray


def raster_of(part: Region, layers: tuple[Layers, ...], cell_mm: float) -> Raster:
    """Lay cells of ``cell_mm`` over everything that the layers may cover."""
    bounds = shapely.total_bounds(np.array(part.outlines))
    margin_mm = _MARGIN_CELLS * cell_mm + max(_bulge_mm(part, each) for each in layers)
    axes = []
    for low, high in ((bounds[0], bounds[2]), (bounds[1], bounds[3])):
        number = int(np.ceil((high - low + 2.0 * margin_mm) / cell_mm))
        first = 0.5 * (low + high) - 0.5 * (number - 1) * cell_mm
        axes.append(first + cell_mm * np.arange(number))
    return Raster(axes[0], axes[1], cell_mm)


def covered(part: Region, layers: tuple[Layers, ...], raster: Raster) -> Iterator[Covered]:
    """Yield the covered cells, one group of layers after the other.

    Parameters
    ----------
    part : Region
        A connected part.
    layers : tuple of Layers
        Its layers, rising.
    raster : Raster
    """
    fields: dict[int, FloatArray] = {}
    for group in layers:
        needed = {group.below, group.above}
        fields = {k: fields[k] if k in fields else _field_and_slopes(part.outlines[k], raster) for k in needed}
        below, above = fields[group.below], fields[group.above]
        reach_mm = _MARGIN_CELLS * raster.cell_mm + _bulge_mm(part, group)
        cells = np.flatnonzero(np.maximum(below[0], above[0]) > -reach_mm)
        t = group.blend(part.w_mm)[:, None]
        field, *slopes = ((1.0 - t) * b[cells] + t * a[cells] for b, a in zip(below, above, strict=True))
        shares = _filled(field, group.area_mm2, raster.cell_mm)
        # A border across a cell leaves the covered part off centre, towards the inside.
        steep = np.maximum(np.hypot(*slopes), 1e-9)
        best = np.minimum(shares[0], 1.0)
        inward = 0.5 * (1.0 - best) * raster.cell_mm / steep
        used = shares.any(axis=(0, 1))
        yield Covered(
            w_mm=group.middle_mm,
            cells=cells[used],
            volume_mm3=shares[:, :, used] * raster.cell_mm**2 * group.thickness_mm,
            share=best[:, used],
            offset_mm=np.array([(slope * inward)[:, used] for slope in slopes]),
        )


def _field_and_slopes(outline: MultiPolygon, raster: Raster) -> FloatArray:
    """Return the distance field of an outline and its slopes along u and v, ``(3, V * U)``."""
    field = distance_field(outline, raster)
    along_v, along_u = np.gradient(field, raster.cell_mm)
    return np.stack([field, along_u, along_v]).reshape(3, -1)


def _bulge_mm(part: Region, layers: Layers) -> float:
    """Return how far a layer may reach beyond the outlines that it blends, mm."""
    drawn = max(part.outlines[k].area for k in (layers.below, layers.above))
    length = max(part.outlines[k].length for k in (layers.below, layers.above))
    return 1.5 * max(float(layers.area_mm2[2].max()) - drawn, 0.0) / length


def _filled(field: FloatArray, area_mm2: FloatArray, cell_mm: float) -> FloatArray:
    """Return the covered share of each cell, ``(M, S, N)``, so that each layer ``(M, S)`` holds exactly its area.

    ``field`` is ``(S, N)``. The highest cells are filled first; those within half a cell of the border in part.
    """
    shares = np.zeros((*area_mm2.shape, field.shape[1]))
    for s, row in enumerate(field):
        cells = area_mm2[:, s] / cell_mm**2
        border = _border(row, cells, cell_mm)
        share = np.clip(0.5 + (row - border[:, None]) / cell_mm, 0.0, 1.0)
        # What remains is the last step of the bisection, or a layer too small for its cells.
        shares[:, s] = share * (cells / np.maximum(share.sum(axis=1), 1e-12))[:, None]
    return shares


def _border(field: FloatArray, cells: FloatArray, cell_mm: float) -> FloatArray:
    """Return the levels ``(M,)`` of a field ``(N,)`` that enclose so many cells, those at the border in part."""
    rising = np.sort(field)
    sums = np.concatenate([[0.0], np.cumsum(rising)])
    number = len(rising)
    # As many cells as wanted lie above this level; the wanted one is no farther away than half a cell.
    middle = np.interp(number - cells - 0.5, np.arange(number), rising)
    low, high = middle - 0.5 * cell_mm, middle + 0.5 * cell_mm
    for _ in range(_BISECTIONS):
        level = 0.5 * (low + high)
        first = np.searchsorted(rising, level - 0.5 * cell_mm)
        last = np.searchsorted(rising, level + 0.5 * cell_mm)
        enclosed = number - last + (last - first) * (0.5 - level / cell_mm) + (sums[last] - sums[first]) / cell_mm
        low, high = np.where(enclosed > cells, level, low), np.where(enclosed > cells, high, level)
    return np.asarray(0.5 * (low + high))


def distance_field(outline: MultiPolygon, raster: Raster) -> FloatArray:
    """Return the distance of each cell centre to the outline, positive inside, ``(V, U)``, mm."""
    points = _points_on(outline, raster.cell_mm / _POINTS_A_CELL)
    u0, v0 = raster.u_mm[0], raster.v_mm[0]
    shape = (len(raster.v_mm), len(raster.u_mm))
    column = np.clip(np.rint((points[:, 0] - u0) / raster.cell_mm).astype(np.intp), 0, shape[1] - 1)
    row = np.clip(np.rint((points[:, 1] - v0) / raster.cell_mm).astype(np.intp), 0, shape[0] - 1)
    off = np.hypot(points[:, 0] - raster.u_mm[column], points[:, 1] - raster.v_mm[row])
    flat = row * shape[1] + column
    # For each cell that the outline crosses, the point nearest to its centre.
    order = np.lexsort((off, flat))
    seeds, first = np.unique(flat[order], return_index=True)
    nearest = np.zeros(shape[0] * shape[1], dtype=np.intp)
    nearest[seeds] = order[first]
    empty = np.ones(shape, dtype=bool)
    empty.ravel()[seeds] = False
    near = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
    point = nearest[near[0] * shape[1] + near[1]]
    distance = _distance_to(points, point, raster)
    # The nearest point of the outline may lie in the cell next to the nearest crossed cell.
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        distance = np.minimum(distance, _distance_to(points, np.roll(point, shift, axis=axis), raster))
    return np.where(_inside(outline, raster), distance, -distance)


def _distance_to(points: FloatArray, index: NDArray[np.intp], raster: Raster) -> FloatArray:
    du = points[index, 0] - raster.u_mm[None, :]
    dv = points[index, 1] - raster.v_mm[:, None]
    return np.asarray(np.sqrt(du * du + dv * dv))


def _points_on(outline: MultiPolygon, spacing_mm: float) -> FloatArray:
    return np.asarray(shapely.get_coordinates(shapely.segmentize(outline, spacing_mm)))


def _inside(outline: MultiPolygon, raster: Raster) -> NDArray[np.bool_]:
    """Return which cell centres are inside: an odd number of edges to their left."""
    coordinates, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(outline)), return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = coordinates[:-1][same], coordinates[1:][same]
    rows = np.stack([start[:, 1], end[:, 1]])
    # Rows of centres with low < v <= high: each vertex belongs to one of its two edges only.
    scale, v0 = raster.cell_mm, raster.v_mm[0]
    low = np.floor((rows.min(axis=0) - v0) / scale).astype(np.intp) + 1
    number = np.floor((rows.max(axis=0) - v0) / scale).astype(np.intp) + 1 - low
    edge = np.repeat(np.arange(len(start)), number)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number) + low[edge]
    a, b = start[edge], end[edge]
    crossing = a[:, 0] + (v0 + row * scale - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
    column = np.ceil((crossing - raster.u_mm[0]) / scale).astype(np.intp)
    width = len(raster.u_mm)
    toggles = np.bincount(row * (width + 1) + np.clip(column, 0, width), minlength=len(raster.v_mm) * (width + 1))
    return np.asarray(np.cumsum(toggles.reshape(-1, width + 1), axis=1)[:, :width] % 2 == 1)
