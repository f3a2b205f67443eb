"""How a structure's layers lie over small square cells.

Each drawn outline becomes a field: the distance of every cell centre to the outline, positive inside. Between planes
the two fields are blended, beyond an end the last one goes on; then a level of the field is sought that encloses
exactly the area of the layer. So the shape changes smoothly from plane to plane, and its volume is that of the layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.geometry.rings import Rings
from sbrtcheck.geometry.slices import Layers
from sbrtcheck.model import FloatArray

# Cells around the outlines: a layer may grow into them, and slopes need a neighbour.
_MARGIN_CELLS = 3
# Farther than any structure reaches, squared, in cells.
_FAR = 1e12
# Fields reach this far from their outline at first, in cells, and by this factor farther where two outlines part more.
_REACH_CELLS, _REACH_FACTOR = 4.0, 4.0
# Steps to the four neighbours of a cell.
_DOWN, _RIGHT = (-1, 1, 0, 0), (0, 0, -1, 1)
# Levels are first sought this close to 0, in cells.
_NEAR_CELLS = 1.5
# Improvements of the level of a layer: each at least halves what is left, near the end it squares it.
_TRIALS = 40
# A layer's area is met to this share of a cell.
_AREA_SHARE = 1e-6


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


def raster_of(rings: Rings, layers: Layers, cell_mm: float, anchor_mm: tuple[float, float]) -> Raster:
    """Lay cells of ``cell_mm`` over everything that the layers may cover; one would have its centre on the anchor."""
    margin_mm = _MARGIN_CELLS * cell_mm + _bulge_mm(rings, layers)
    axes = []
    for (low, high), anchor in zip(rings.bounds_mm, anchor_mm, strict=True):
        first = int(np.floor((low - margin_mm - anchor) / cell_mm))
        last = int(np.ceil((high + margin_mm - anchor) / cell_mm))
        axes.append(np.asarray(anchor + cell_mm * np.arange(first, last + 1), dtype=np.float64))
    return Raster(axes[0], axes[1], cell_mm)


def _bulge_mm(rings: Rings, layers: Layers) -> float:
    """Return how far any layer may reach beyond the outlines that it blends, mm."""
    edges = np.hypot(*np.diff(rings.uv_mm, axis=0).T)
    edges[rings.start[1:-1] - 1] = 0.0  # from the end of one ring to the start of the next
    plane_first = rings.start[rings.plane_start[:-1]]
    length = np.add.reduceat(edges, plane_first)
    u, v = rings.uv_mm.T
    cross = np.concatenate([u[:-1] * v[1:] - u[1:] * v[:-1], [0.0]])
    cross[rings.start[1:-1] - 1] = 0.0
    ring_area = np.abs(np.add.reduceat(cross, rings.start[:-1])) / 2.0
    area = np.add.reduceat(np.where(rings.hole, -ring_area, ring_area), rings.plane_start[:-1])
    beyond = np.maximum(layers.area_mm2[2] - layers.grown_from(area), 0.0)
    return float(1.5 * np.max(beyond / layers.grown_from(length)))


class Fields:
    """The fields of one part's layers, asked for in rising order; each outline's is made once.

    Parameters
    ----------
    rings : Rings
    layers : Layers
    raster : Raster
    """

    def __init__(self, rings: Rings, layers: Layers, raster: Raster) -> None:
        self._rings, self._layers, self._raster = rings, layers, raster
        shape = len(raster.v_mm), len(raster.u_mm)
        # Two outlines at a time: which planes they are, how far their fields reach, and the fields.
        self._made = np.full(2, -1, dtype=np.int64), np.zeros(2), np.zeros((2, *shape))

    def of_layers(self, first: int, last: int) -> FloatArray:
        """Return the fields of the layers from ``first`` up to ``last``, which is left out, ``(N, V, U)``, mm."""
        some, cell_mm = slice(first, last), self._raster.cell_mm
        return np.asarray(
            _fields(
                (self._rings.uv_mm, self._rings.start, self._rings.plane_start),
                (self._layers.below[some], self._layers.above[some], self._layers.blend[some]),
                (self._raster.u_mm[0], self._raster.v_mm[0]),
                cell_mm,
                self._made,
            )
        )


@compiled
def _fields(
    rings: tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]],
    layers: tuple[NDArray[np.int64], NDArray[np.int64], FloatArray],
    origin: tuple[float, float],
    cell: float,
    made: tuple[NDArray[np.int64], FloatArray, FloatArray],
) -> FloatArray:
    below, above, blend = layers
    fields = np.empty((len(blend), *made[2].shape[1:]))
    for s in range(len(blend)):
        t = blend[s]
        # Beyond an end the outline shrinks, perhaps to a point deep inside.
        reach = _REACH_CELLS * cell if below[s] != above[s] and 0.0 <= t <= 1.0 else np.inf
        while True:
            a = _of_plane(rings, below[s], above[s], origin, cell, reach, made)
            b = _of_plane(rings, above[s], below[s], origin, cell, reach, made)
            if reach == np.inf or not _parts_more(made[2][a], made[2][b], reach):
                break
            reach *= _REACH_FACTOR
        for v in range(fields.shape[1]):
            for u in range(fields.shape[2]):
                fields[s, v, u] = (1.0 - t) * made[2][a, v, u] + t * made[2][b, v, u]
    return fields


@compiled
def _of_plane(
    rings: tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]],
    plane: int,
    other: int,
    origin: tuple[float, float],
    cell: float,
    reach: float,
    made: tuple[NDArray[np.int64], FloatArray, FloatArray],
) -> int:
    """Return where the field of a plane is kept; make it in the place that the ``other`` plane does not need."""
    planes, reaches, fields = made
    uv_mm, start, plane_start = rings
    place = 0 if planes[0] == plane or (planes[1] != plane and planes[0] != other) else 1
    if planes[place] != plane or reaches[place] < reach:
        own = start[plane_start[plane] : plane_start[plane + 1] + 1]
        _distance_field(uv_mm, own, origin, cell, reach / cell, fields[place])
        planes[place], reaches[place] = plane, reach
    return place


@compiled
def _parts_more(a: FloatArray, b: FloatArray, reach_mm: float) -> bool:
    """Return whether a cell that only one of two outlines holds lies farther than the reach from either."""
    farthest = 0.0
    for v in range(a.shape[0]):
        for u in range(a.shape[1]):
            if (a[v, u] > 0.0) != (b[v, u] > 0.0):
                farthest = max(farthest, abs(a[v, u]), abs(b[v, u]))
    return farthest >= reach_mm


def distance_field(uv_mm: FloatArray, start: NDArray[np.int64], raster: Raster, reach_mm: float) -> FloatArray:
    """Return the distance of each cell centre to the outline of one plane, positive inside, ``(V, U)``, mm.

    Parameters
    ----------
    uv_mm : (N, 2) float
        Vertices of closed rings, one ring after the other.
    start : (R + 1,) int
        First vertex of each ring, and N.
    raster : Raster
    reach_mm : float
        Cells farther away than this get this distance.

    Notes
    -----
    Exact to rounding in the cells beside the outline. Farther away the nearest point is handed on from cell to cell,
    which may miss it by a small part of a cell [1]_.

    References
    ----------
    .. [1] P.-E. Danielsson, Euclidean distance mapping, Computer Graphics and Image Processing 14 (1980) 227-248.
    """
    field = np.empty((len(raster.v_mm), len(raster.u_mm)))
    origin = raster.u_mm[0], raster.v_mm[0]
    _distance_field(uv_mm, start, origin, raster.cell_mm, reach_mm / raster.cell_mm, field)
    return field


@compiled
def _distance_field(
    uv_mm: FloatArray,
    start: NDArray[np.int64],
    origin: tuple[float, float],
    cell: float,
    reach: float,
    squared: FloatArray,
) -> None:
    """Fill the field; it works in cells, centres at whole numbers, and with squares first."""
    rows, columns = squared.shape
    for j in range(rows):
        for i in range(columns):
            squared[j, i] = _FAR
    foot = np.empty((rows, columns, 2))
    toggles = np.zeros((rows, columns + 1), dtype=np.uint8)
    changed = np.empty(rows * columns, dtype=np.int64)
    number = int(0)  # noqa: UP018, RUF046  (a literal would be a type of its own, and compiled apart)
    for r in range(len(start) - 1):
        for n in range(start[r], start[r + 1] - 1):
            au, av = (uv_mm[n, 0] - origin[0]) / cell, (uv_mm[n, 1] - origin[1]) / cell
            bu, bv = (uv_mm[n + 1, 0] - origin[0]) / cell, (uv_mm[n + 1, 1] - origin[1]) / cell
            _cross_rows(toggles, au, av, bu, bv)
            number = _seed(squared, foot, changed, number, au, av, bu, bv)
    _hand_on(squared, foot, changed, number, reach * reach)
    for j in range(rows):
        odd = 0
        for i in range(columns):
            odd ^= toggles[j, i]
            distance = cell * (reach if squared[j, i] == _FAR else np.sqrt(squared[j, i]))
            squared[j, i] = distance if odd else -distance


@compiled
def _cross_rows(toggles: NDArray[np.uint8], au: float, av: float, bu: float, bv: float) -> None:
    """Mark the first cell to the right of an edge in each row of centres that it crosses.

    Rows with low < v <= high: each vertex belongs to one of its two edges only.
    """
    if av == bv:
        return
    low, high = (av, bv) if av < bv else (bv, av)
    slope = (bu - au) / (bv - av)
    last = toggles.shape[1] - 1
    for j in range(max(int(np.floor(low)) + 1, 0), min(int(np.floor(high)), toggles.shape[0] - 1) + 1):
        column = int(np.ceil(au + (j - av) * slope))
        toggles[j, min(max(column, 0), last)] ^= 1


@compiled
def _seed(
    squared: FloatArray,
    foot: FloatArray,
    changed: NDArray[np.int64],
    number: int,
    au: float,
    av: float,
    bu: float,
    bv: float,
) -> int:
    """Give the cells around an edge their nearest point on it; list those that had none."""
    rows, columns = squared.shape
    du, dv = bu - au, bv - av
    length2 = du * du + dv * dv
    per_length2 = 1.0 / length2 if length2 > 0.0 else 0.0
    pieces = int(np.sqrt(length2)) + 1
    for piece in range(pieces):
        t = (piece + 0.5) / pieces
        i0, j0 = int(np.floor(au + t * du + 0.5)), int(np.floor(av + t * dv + 0.5))
        for j in range(max(j0 - 1, 0), min(j0 + 2, rows)):
            for i in range(max(i0 - 1, 0), min(i0 + 2, columns)):
                along = min(max(((i - au) * du + (j - av) * dv) * per_length2, 0.0), 1.0)
                u, v = au + along * du, av + along * dv
                distance2 = (u - i) ** 2 + (v - j) ** 2
                if distance2 < squared[j, i]:
                    if squared[j, i] == _FAR:
                        changed[number] = j * columns + i
                        number += 1
                    squared[j, i] = distance2
                    foot[j, i, 0], foot[j, i, 1] = u, v
    return number


@compiled
def _hand_on(squared: FloatArray, foot: FloatArray, changed: NDArray[np.int64], number: int, reach2: float) -> None:
    """Hand nearest points on from the cells that changed to their neighbours, as far as ``reach2`` (squared)."""
    rows, columns = squared.shape
    waiting = np.zeros((rows, columns), dtype=np.uint8)
    following = np.empty(rows * columns, dtype=np.int64)
    while number:
        count = 0
        for n in range(number):
            j0, i0 = changed[n] // columns, changed[n] % columns
            waiting[j0, i0] = 0
            u, v = foot[j0, i0, 0], foot[j0, i0, 1]
            for side in range(4):
                j, i = j0 + _DOWN[side], i0 + _RIGHT[side]
                if 0 <= j < rows and 0 <= i < columns:
                    distance2 = (u - i) ** 2 + (v - j) ** 2
                    if distance2 < squared[j, i] and distance2 < reach2:
                        squared[j, i] = distance2
                        foot[j, i, 0], foot[j, i, 1] = u, v
                        if not waiting[j, i]:
                            waiting[j, i] = 1
                            following[count] = j * columns + i
                            count += 1
        changed, following = following, changed
        number = count


@compiled
def levels_of(fields: FloatArray, cell: float, areas: FloatArray) -> FloatArray:
    """Return the levels of several fields ``(N, V, U)`` that enclose areas ``(M, N)``: ``(N, M)``; see ``levels``."""
    found = np.empty((len(fields), len(areas)))
    for n in range(len(fields)):
        _levels(fields[n], cell, areas[:, n], found[n])
    return found


def levels(field: FloatArray, cell: float, area: FloatArray) -> FloatArray:
    """Return the levels of a field that enclose given areas.

    A cell is covered from 0 to 1 as its value rises from half a cell below the level to half a cell above it.

    Parameters
    ----------
    field : (V, U) float
        mm.
    cell : float
        Side of a cell, mm.
    area : (M,) float
        mm2.

    Returns
    -------
    (M,) float
        mm; infinite where the area is 0.
    """
    found = np.empty(len(area))
    _levels(field, cell, area, found)
    return found


@compiled
def _levels(field: FloatArray, cell: float, area: FloatArray, found: FloatArray) -> None:
    near = np.empty(field.size)
    least, most, number, full = 0.0, 0.0, 0, -1
    for m in range(len(area)):
        wanted = area[m] / (cell * cell)
        if wanted <= 0.0:
            found[m] = np.inf
            continue
        if full < 0:
            # Most levels lie close to 0: the outline itself.
            least, most = -_NEAR_CELLS * cell, _NEAR_CELLS * cell
            number, full = _gather(field, least - 0.5 * cell, most + 0.5 * cell, near)
        if not _enclosed(near, number, full, most, cell) <= wanted <= _enclosed(near, number, full, least, cell):
            least, most = _range(field)
            least, most = least - cell, most + cell
            number, full = _gather(field, least, most, near)
        found[m] = _level(near, number, full, least, most, cell, wanted)


@compiled
def _range(field: FloatArray) -> tuple[float, float]:
    least = most = field[0, 0]
    for v in range(field.shape[0]):
        for u in range(field.shape[1]):
            least, most = min(least, field[v, u]), max(most, field[v, u])
    return least, most


@compiled
def _gather(field: FloatArray, low: float, high: float, near: FloatArray) -> tuple[int, int]:
    """List the values between two others; return how many they are, and how many lie above."""
    number, full = 0, 0
    for v in range(field.shape[0]):
        for u in range(field.shape[1]):
            value = field[v, u]
            if value >= high:
                full += 1
            elif value > low:
                near[number] = value
                number += 1
    return number, full


@compiled
def _enclosed(near: FloatArray, number: int, full: int, level: float, cell: float) -> float:
    """Return how many cells a level encloses."""
    inside = float(full)
    for n in range(number):
        inside += min(max(0.5 + (near[n] - level) / cell, 0.0), 1.0)
    return inside


@compiled
def _level(near: FloatArray, number: int, full: int, least: float, most: float, cell: float, wanted: float) -> float:
    """Return the level between two others that encloses so many cells: Newton's method, halving where it fails."""
    level = min(max(0.0, least), most)
    for _ in range(_TRIALS):
        inside, partial = float(full), 0
        for n in range(number):
            share = 0.5 + (near[n] - level) / cell
            if share >= 1.0:
                inside += 1.0
            elif share > 0.0:
                inside += share
                partial += 1
        miss = inside - wanted
        if abs(miss) <= _AREA_SHARE * min(wanted, 1.0):
            break
        least, most = (level, most) if miss > 0.0 else (least, level)
        level += miss * cell / partial if partial else 0.0
        if not least < level < most:
            level = 0.5 * (least + most)
    return level
