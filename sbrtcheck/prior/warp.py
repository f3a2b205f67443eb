"""A deformable registration as a map of points, in both directions.

With ``source = post (pre point + vector(point))`` (PS3.3 equation C.20.3-1) the map is a displacement on the grid of
the vectors, followed by one matrix: ``source = matrix (point + displacement(point))``, where ``matrix = post pre`` and
the displacement is the vector turned back by the pre deformation matrix. Between the vectors it is trilinear.

What is not known is NaN, never a guess: points beyond the outermost vectors, points beside a vector that is not
defined, and points where the field may fold, so that one place comes from several. Backwards, a point whose
place cannot be found, or may not be the only one, is NaN as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled, inlined
from sbrtcheck.model import DeformableRegistration, FloatArray, Lattice
from sbrtcheck.remembered import remembered

# Backwards, the place that is found maps to within this distance of where it should, else there is none. A choice: far
# below the step of any dose grid and the error of any registration.
INVERSE_MM: Final = 0.01
# A field that moves neighbours by nine tenths of their distance converges from 100 mm to that in 90 steps.
_MOST_ITERATIONS: Final = 200
# Points of the outermost planes may come out beyond them by rounding; as a share of a step of the grid.
_EDGE: Final = 1e-6
# Where no edge of a cell is off by more than this share of its length, the Jacobian is the identity plus a matrix of
# norm below one (0.57 times the root of three): the cell cannot fold.
_HARMLESS: Final = 0.57


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """One deformable registration, ready to map points.

    Attributes
    ----------
    lattice : Lattice
        Of the vectors.
    steps_mm : (3,) float
        Between vectors along i, j and k.
    displacement : (K, J, I, 3) float32
        Along i, j and k, in steps of the grid; the nearest one where none is defined.
    matrix : (4, 4) float
        Applied after the displacement.
    unknown : (K - 1, J - 1, I - 1) bool
        Cells between eight vectors through which no point is mapped: beside an undefined vector, or folding.
    ambiguous : (K - 1, J - 1, I - 1) bool
        Cells in which points may come from a folding cell, so that no point is mapped backwards.
    folds : float
        Share of the cells between defined vectors that may fold.
    """

    lattice: Lattice
    steps_mm: FloatArray
    displacement: NDArray[np.float32]
    matrix: FloatArray
    unknown: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]
    folds: float

    def through(self, points_mm: FloatArray) -> FloatArray:
        """Map points ``(N, 3)`` from the frame of the vectors, LPS, mm; NaN where that is not known."""
        there = _displaced(self._indices(points_mm), self.displacement, self.unknown)
        return _applied(self.matrix, self._places(there))

    def back(self, points_mm: FloatArray) -> FloatArray:
        """Map points ``(N, 3)`` into the frame of the vectors, LPS, mm; NaN where that is not known."""
        before = _applied(np.linalg.inv(self.matrix).astype(np.float64), points_mm)
        largest = float(np.linalg.norm(self.matrix[:3, :3], 2))
        there = _returned(
            self._indices(before),
            self.displacement,
            self.unknown,
            self.ambiguous,
            self.steps_mm,
            INVERSE_MM / largest,
        )
        return self._places(there)

    def nodes(self, most: int) -> FloatArray:
        """Return places of vectors, at most ``most`` along an axis, evenly picked, ``(N, 3)``, LPS, mm."""
        grid = self.lattice
        picked = [
            t[np.unique(np.linspace(0, len(t) - 1, most).round().astype(int))]
            for t in (grid.i_mm, grid.j_mm, grid.k_mm)
        ]
        return grid.to_lps(np.stack([a.ravel() for a in np.meshgrid(*picked, indexing="ij")], axis=1))

    def _indices(self, points_mm: FloatArray) -> FloatArray:
        grid = self.lattice
        first = np.array([grid.i_mm[0], grid.j_mm[0], grid.k_mm[0]])
        return np.ascontiguousarray((grid.to_grid(points_mm) - first) / self.steps_mm)

    def _places(self, indices: FloatArray) -> FloatArray:
        grid = self.lattice
        first = np.array([grid.i_mm[0], grid.j_mm[0], grid.k_mm[0]])
        return grid.to_lps(indices * self.steps_mm + first)


@remembered(4)  # of a case; each may hold a hundred megabytes
def warp_of(registration: DeformableRegistration) -> Warp:
    """Return a deformable registration, ready to map points.

    Raises
    ------
    ValueError
        If its vectors are not evenly spaced.
    """
    grid = registration.lattice
    gaps = [np.diff(ticks) for ticks in (grid.i_mm, grid.j_mm, grid.k_mm)]
    # 1e-9 mm is float rounding over a few hundred steps.
    if any(np.ptp(gap) > 1e-9 for gap in gaps):
        raise ValueError("a vector grid is evenly spaced")
    steps_mm = np.array([gap[0] for gap in gaps])
    turned = grid.to_patient[:3, :3].T @ np.linalg.inv(registration.pre[:3, :3]) / steps_mm[:, None]
    missing = np.isnan(registration.vectors_mm[..., 0])
    vectors_mm = _filled(registration.vectors_mm, missing) if missing.any() else registration.vectors_mm
    displacement = np.ascontiguousarray(vectors_mm @ turned.T.astype(np.float32))
    undefined = _beside(missing)
    folding = _folding(displacement, undefined, steps_mm)
    return Warp(
        lattice=grid,
        steps_mm=steps_mm,
        displacement=displacement,
        matrix=registration.post @ registration.pre,
        unknown=undefined | folding,
        ambiguous=_reached(displacement, folding),
        folds=float(folding.sum() / max(1, (~undefined).sum())),
    )


def _filled(vectors_mm: NDArray[np.float32], missing: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the vectors with the nearest one in place of each that is missing, for the way to a place beside them."""
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(vectors_mm[tuple(nearest)])


def _beside(nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells that have one of these nodes as a corner."""
    cells = nodes[1:] | nodes[:-1]
    cells = cells[:, 1:] | cells[:, :-1]
    return np.asarray(cells[:, :, 1:] | cells[:, :, :-1])


def _applied(matrix: FloatArray, points_mm: FloatArray) -> FloatArray:
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])


@inlined
def _displacement(
    x: float, y: float, z: float, field: NDArray[np.float32]
) -> tuple[float, float, float, int, int, int]:
    """Return the trilinear displacement at an index, clamped to the grid, and the cell it is in."""
    x = min(max(x, 0.0), field.shape[2] - 1.0)
    y = min(max(y, 0.0), field.shape[1] - 1.0)
    z = min(max(z, 0.0), field.shape[0] - 1.0)
    i, j, k = min(int(x), field.shape[2] - 2), min(int(y), field.shape[1] - 2), min(int(z), field.shape[0] - 2)
    x, y, z = x - i, y - j, z - k
    a = b = c = 0.0
    for dk in range(2):
        for dj in range(2):
            for di in range(2):
                share = (x if di else 1.0 - x) * (y if dj else 1.0 - y) * (z if dk else 1.0 - z)
                vector = field[k + dk, j + dj, i + di]
                a += share * vector[0]
                b += share * vector[1]
                c += share * vector[2]
    return a, b, c, i, j, k


@inlined
def _inside(x: float, y: float, z: float, field: NDArray[np.float32]) -> bool:
    return bool(
        -_EDGE <= x <= field.shape[2] - 1 + _EDGE
        and -_EDGE <= y <= field.shape[1] - 1 + _EDGE
        and -_EDGE <= z <= field.shape[0] - 1 + _EDGE
    )


@compiled
def _displaced(indices: FloatArray, field: NDArray[np.float32], unknown: NDArray[np.bool_]) -> FloatArray:
    """Return displaced indices ``(N, 3)``."""
    found = np.full(indices.shape, np.nan)
    for n in range(len(indices)):
        x, y, z = indices[n, 0], indices[n, 1], indices[n, 2]
        if not _inside(x, y, z, field):  # so is nan
            continue
        a, b, c, i, j, k = _displacement(x, y, z, field)
        if not unknown[k, j, i]:
            found[n, 0], found[n, 1], found[n, 2] = x + a, y + b, z + c
    return found


@compiled
def _returned(
    indices: FloatArray,
    field: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    ambiguous: NDArray[np.bool_],
    steps_mm: FloatArray,
    tolerance_mm: float,
) -> FloatArray:
    """Return the indices ``(N, 3)`` that are displaced to these, by fixed-point iteration.

    On the way the field goes on beyond the grid as at its edge, and through cells that are not known; a place that is
    found there is not known.
    """
    found = np.full(indices.shape, np.nan)
    for n in range(len(indices)):
        x, y, z = indices[n, 0], indices[n, 1], indices[n, 2]
        if not np.isfinite(x + y + z):
            continue
        _, _, _, i, j, k = _displacement(x, y, z, field)
        if ambiguous[k, j, i]:
            continue
        p, q, r = x, y, z
        for _ in range(_MOST_ITERATIONS):
            a, b, c, i, j, k = _displacement(p, q, r, field)
            u, v, w = p + a - x, q + b - y, r + c - z
            off = (u * steps_mm[0]) ** 2 + (v * steps_mm[1]) ** 2 + (w * steps_mm[2]) ** 2
            if off <= tolerance_mm**2:
                if _inside(p, q, r, field) and not unknown[k, j, i]:
                    found[n, 0], found[n, 1], found[n, 2] = p, q, r
                break
            p, q, r = p - u, q - v, r - w
    return found


@compiled
def _folding(field: NDArray[np.float32], undefined: NDArray[np.bool_], steps_mm: FloatArray) -> NDArray[np.bool_]:
    """Return the cells in which the Jacobian determinant may be 0 or negative.

    Each column of the Jacobian of a trilinear map lies between the four edges along that axis, so the determinant lies
    between those of the 64 choices of one edge an axis: if all are positive the cell does not fold.
    """
    found = np.zeros(undefined.shape, dtype=np.bool_)
    edges = np.empty((3, 4, 3))
    for k in range(undefined.shape[0]):
        for j in range(undefined.shape[1]):
            for i in range(undefined.shape[2]):
                if undefined[k, j, i]:
                    continue
                if _set_edges(field, k, j, i, steps_mm, edges) >= _HARMLESS:
                    found[k, j, i] = not _all_positive(edges)
    return found


@inlined
def _set_edges(field: NDArray[np.float32], k: int, j: int, i: int, steps_mm: FloatArray, edges: FloatArray) -> float:
    """Set the twelve displaced edges of a cell, each as a share of its own length, and return the largest deviation."""
    largest = 0.0
    for n in range(4):
        s, t = n & 1, n >> 1
        for axis in range(3):
            # The other two axes, in any order, number the four edges along this one.
            low = (k + t, j + s, i) if axis == 0 else (k + t, j, i + s) if axis == 1 else (k, j + t, i + s)
            high = (low[0] + (axis == 2), low[1] + (axis == 1), low[2] + (axis == 0))
            length = 0.0
            for c in range(3):
                change = (field[high][c] - field[low][c]) * steps_mm[c] / steps_mm[axis]
                edges[axis, n, c] = change + (1.0 if c == axis else 0.0)
                length += change * change
            largest = max(largest, np.sqrt(length))
    return largest


@inlined
def _all_positive(edges: FloatArray) -> bool:
    for a in range(4):
        for b in range(4):
            e, f = edges[0, a], edges[1, b]
            x, y, z = e[1] * f[2] - e[2] * f[1], e[2] * f[0] - e[0] * f[2], e[0] * f[1] - e[1] * f[0]
            for c in range(4):
                if x * edges[2, c, 0] + y * edges[2, c, 1] + z * edges[2, c, 2] <= 0.0:
                    return False
    return True


@compiled
def _reached(field: NDArray[np.float32], folding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells that the boxes around the displaced corners of folding cells meet.

    A trilinear map keeps a cell within the box of its corners. Beyond the grid a point counts to the nearest cell.
    """
    found = np.zeros(folding.shape, dtype=np.bool_)
    low, high = np.empty(3), np.empty(3)
    first, last = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for k in range(folding.shape[0]):
        for j in range(folding.shape[1]):
            for i in range(folding.shape[2]):
                if not folding[k, j, i]:
                    continue
                low[:], high[:] = np.inf, -np.inf
                for n in range(8):
                    di, dj, dk = n & 1, (n >> 1) & 1, n >> 2
                    vector = field[k + dk, j + dj, i + di]
                    for c, at in ((0, i + di), (1, j + dj), (2, k + dk)):
                        low[c], high[c] = min(low[c], at + vector[c]), max(high[c], at + vector[c])
                for c in range(3):
                    cells = folding.shape[2 - c]
                    first[c] = min(max(int(np.floor(low[c] - _EDGE)), 0), cells - 1)
                    last[c] = min(max(int(np.floor(high[c] + _EDGE)), 0), cells - 1)
                found[first[2] : last[2] + 1, first[1] : last[1] + 1, first[0] : last[0] + 1] = True
    return found
