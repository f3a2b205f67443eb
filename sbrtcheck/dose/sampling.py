"""Dose between voxel centres: trilinear, with bounds from the cubic; nothing is known outside the grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dose.axis import Axis, Weights
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, FloatArray, Lattice

# The cubic removes most of the error of the trilinear dose, but not all: this share of their difference may remain.
_CUBIC_SHARE = 0.35
# Axes turned by less than this are parallel: over 0.5 m they part by less than a micrometre.
_PARALLEL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Dose at points, Gy; arrays of one shape.

    Attributes
    ----------
    dose_gy
        Trilinear. Outside the grid the dose of the nearest border, to be used with ``inside`` only.
    low_gy, high_gy
        Bounds from the difference between the trilinear and a cubic interpolation, and from the stored dose step.
    inside
        Whether the point lies within the outermost voxel centres.
    """

    dose_gy: FloatArray
    low_gy: FloatArray
    high_gy: FloatArray
    inside: NDArray[np.bool_]

    def shifted(self, change_gy: FloatArray) -> Samples:
        """Return the samples with another dose, and bounds as far from it as before."""
        low = np.maximum(self.low_gy + change_gy, 0.0)
        return Samples(self.dose_gy + change_gy, low, self.high_gy + change_gy, self.inside)


def sample(dose: Dose, points_mm: FloatArray) -> Samples:
    """Sample a dose at patient points.

    Parameters
    ----------
    dose : Dose
    points_mm : (N, 3) float
        LPS, mm.

    Returns
    -------
    Samples
        Arrays ``(N,)``.

    Raises
    ------
    NotComputable
        If the dose is not a volume: fewer than two voxels along an axis.
    """
    grid = dose.lattice.to_grid(points_mm)
    weights = [axis.weights(grid[:, n]) for n, axis in enumerate(_axes(dose))]
    return _samples(dose, *_gathered(dose, weights), np.all([w.inside for w in weights], axis=0))


def sample_raster(dose: Dose, to_patient: FloatArray, u_mm: FloatArray, v_mm: FloatArray, w_mm: FloatArray) -> Samples:
    """Sample a dose on a regular grid of points in a rigid frame.

    Parameters
    ----------
    dose : Dose
    to_patient : (4, 4) float
        From (u, v, w) to LPS, mm.
    u_mm, v_mm, w_mm : (U,), (V,), (W,) float

    Returns
    -------
    Samples
        Arrays ``(W, V, U)``.

    Raises
    ------
    NotComputable
        If the dose is not a volume: fewer than two voxels along an axis.
    """
    axes = _axes(dose)
    turn = dose.lattice.to_patient[:3, :3].T @ to_patient[:3, :3]  # (u, v, w) to (i, j, k)
    if np.abs(turn - np.rint(turn)).max() > _PARALLEL:
        shape = (len(w_mm), len(v_mm), len(u_mm))
        w, v, u = (a.ravel() for a in np.meshgrid(w_mm, v_mm, u_mm, indexing="ij"))
        local = np.column_stack([u, v, w])
        found = sample(dose, local @ to_patient[:3, :3].T + to_patient[:3, 3])
        return Samples(
            found.dose_gy.reshape(shape),
            found.low_gy.reshape(shape),
            found.high_gy.reshape(shape),
            found.inside.reshape(shape),
        )
    shift = dose.lattice.to_grid(to_patient[None, :3, 3])[0]
    along = (u_mm, v_mm, w_mm)
    source = np.argmax(np.abs(turn), axis=1)  # the local axis along each grid axis
    weights = [axis.weights(shift[n] + np.sign(turn[n, source[n]]) * along[source[n]]) for n, axis in enumerate(axes)]
    return _samples(dose, *_separable(dose, weights, source))


def sample_cells(dose: Dose, cells: NDArray[np.intp], side: int) -> Samples:
    """Sample a dose at regular points inside voxel cells, the boxes between neighbouring voxel centres.

    Parameters
    ----------
    dose : Dose
    cells : (C, 3) int
        Lowest corner (i, j, k) of each cell.
    side : int
        Points along each side, in the middles of as many equal boxes.

    Returns
    -------
    Samples
        Arrays ``(C, side, side, side)``, k first.

    Raises
    ------
    NotComputable
        If the dose is not a volume: fewer than two voxels along an axis.
    """
    t = (np.arange(side) + 0.5) / side
    axes = _axes(dose)
    weights, windows = [], []
    for axis, index in zip(axes, cells.T, strict=True):
        positions = axis.ticks_mm[index][:, None] + t * np.diff(axis.ticks_mm)[index][:, None]
        found = axis.weights(positions.ravel())
        shape = (len(cells), side, axis.width)
        weights.append((found.linear.reshape(shape), found.cubic.reshape(shape)))
        windows.append(found.first[::side][:, None] + np.arange(axis.width))
    i, j, k = windows
    block = dose.dose_gy[k[:, :, None, None], j[:, None, :, None], i[:, None, None, :]].astype(np.float64)
    both = []
    for kind in (0, 1):
        values = np.einsum("cxi,ckji->ckjx", weights[0][kind], block)
        values = np.einsum("cyj,ckjx->ckyx", weights[1][kind], values)
        both.append(np.einsum("czk,ckyx->czyx", weights[2][kind], values))
    return _samples(dose, both[0], both[1], np.ones(both[0].shape, dtype=bool))


def _axes(dose: Dose) -> tuple[Axis, Axis, Axis]:
    if min(dose.lattice.shape) < 2:
        raise NotComputable(
            "the dose is a plane, not a volume", remedy="Export a 3-D dose", where=" ".join(dose.sop_instance_uids)
        )
    return _lattice_axes(dose.lattice)


@lru_cache(maxsize=4)
def _lattice_axes(lattice: Lattice) -> tuple[Axis, Axis, Axis]:
    return Axis(lattice.i_mm), Axis(lattice.j_mm), Axis(lattice.k_mm)


def _samples(dose: Dose, linear: FloatArray, cubic: FloatArray, inside: NDArray[np.bool_]) -> Samples:
    unsure = _CUBIC_SHARE * np.abs(cubic - linear) + dose.quantisation_gy
    # There is no dose below 0, whatever the cubic says beside a steep edge.
    low = np.clip(np.minimum(linear, cubic) - unsure, 0.0, None)
    return Samples(linear, np.minimum(low, linear), np.maximum(linear, cubic) + unsure, inside)


def _gathered(dose: Dose, weights: list[Weights]) -> tuple[FloatArray, FloatArray]:
    """Return trilinear and cubic dose at scattered points: a weighted sum over each point's window of voxels."""
    wi, wj, wk = weights
    _, rows, columns = dose.lattice.shape
    values = dose.dose_gy.ravel()
    linear, cubic = np.zeros(len(wi.first)), np.zeros(len(wi.first))
    for k in range(wk.linear.shape[1]):
        for j in range(wj.linear.shape[1]):
            corner = ((wk.first + k) * rows + wj.first + j) * columns + wi.first
            jk_linear, jk_cubic = wk.linear[:, k] * wj.linear[:, j], wk.cubic[:, k] * wj.cubic[:, j]
            for i in range(wi.linear.shape[1]):
                value = values[corner + i]
                linear += jk_linear * wi.linear[:, i] * value
                cubic += jk_cubic * wi.cubic[:, i] * value
    return linear, cubic


def _separable(
    dose: Dose, weights: list[Weights], source: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return trilinear and cubic dose and what is inside, ``(W, V, U)``, one axis of the grid after the other."""
    windows = [slice(int(w.first.min()), int(w.first.max()) + w.linear.shape[1]) for w in weights]
    block = dose.dose_gy[windows[2], windows[1], windows[0]].astype(np.float64)
    found = []
    for cubic in (False, True):
        values = block  # (K, J, I)
        for n, axis in ((2, 0), (1, 1), (0, 2)):
            matrix = weights[n].matrix(cubic=cubic)[:, windows[n]]
            values = _along(matrix, values, axis)
        # (k, j, i) now run along these local axes; put them in the order w, v, u.
        order = [int(source[2]), int(source[1]), int(source[0])]
        found.append(np.transpose(values, [order.index(2), order.index(1), order.index(0)]))
    inside = [np.zeros(0, dtype=bool)] * 3
    for n in range(3):
        inside[int(source[n])] = weights[n].inside
    held = inside[2][:, None, None] & inside[1][None, :, None] & inside[0][None, None, :]
    return found[0], found[1], held


def _along(matrix: object, values: FloatArray, axis: int) -> FloatArray:
    """Apply a sparse ``(N, M)`` matrix along one axis of a 3-D array."""
    moved = np.moveaxis(values, axis, 0)
    flat = matrix @ moved.reshape(moved.shape[0], -1)  # type: ignore[operator]
    return np.moveaxis(np.asarray(flat).reshape(-1, *moved.shape[1:]), 0, axis)
