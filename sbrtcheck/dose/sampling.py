"""Dose between voxel centres, cubic or trilinear, with bounds from their difference; outside the grid it is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled, inlined
from sbrtcheck.dose.axis import Axis, Weights
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, FloatArray, Interpolation, Lattice
from sbrtcheck.remembered import remembered

# What the better of two interpolations may still miss, as a share of their difference. The share grows with that
# difference in relation to the dose: where the two part by a tenth, the grid does not resolve the dose.
_UNSURE_SHARE = 0.35
_UNRESOLVED = 2.0
_LEAST_GY = 1e-12  # keeps 0 / 0 out
# Axes turned by less than this are parallel: over 0.5 m they part by less than a micrometre.
_PARALLEL = 1e-6
# A position this close to a tick, as a share of a step, lies on it.
_ON_TICK_SHARE = 1e-9
# Voxels beyond a window that a cubic at its border needs.
_BESIDE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Dose at points, Gy; arrays of one shape.

    Attributes
    ----------
    dose_gy
        Outside the grid the dose of the nearest border, to be used with ``inside`` only.
    low_gy, high_gy
        Bounds from the difference between the trilinear and the cubic interpolation, and from the stored dose step.
    inside
        Whether the point lies within the outermost voxel centres.
    """

    dose_gy: FloatArray
    low_gy: FloatArray
    high_gy: FloatArray
    inside: NDArray[np.bool_]


def sample(dose: Dose, points_mm: FloatArray, interpolation: Interpolation = "cubic") -> Samples:
    """Sample a dose at patient points.

    Parameters
    ----------
    dose : Dose
    points_mm : (N, 3) float
        LPS, mm.
    interpolation : {'cubic', 'trilinear'}

    Returns
    -------
    Samples
        Arrays ``(N,)``.

    Raises
    ------
    NotComputable
        If the dose is not a volume: fewer than two voxels along an axis.
    """
    both, inside = _at_points(dose, points_mm)
    return samples_of(both[0], both[1], inside, dose.quantisation_gy, interpolation)


class DoseLayers:
    """Dose on layers of regular points in a rigid frame.

    Parameters
    ----------
    dose : Dose
    to_patient : (4, 4) float
        From (u, v, w) to LPS, mm.
    u_mm, v_mm, w_mm : (U,), (V,), (W,) float
        Rising.

    Raises
    ------
    NotComputable
        If the dose is not a volume: fewer than two voxels along an axis.
    """

    def __init__(
        self, dose: Dose, to_patient: FloatArray, u_mm: FloatArray, v_mm: FloatArray, w_mm: FloatArray
    ) -> None:
        require_volume(dose)
        self._dose, self._to_patient = dose, to_patient
        self._along = (u_mm, v_mm, w_mm)
        turn = dose.lattice.to_patient[:3, :3].T @ to_patient[:3, :3]  # (u, v, w) to (i, j, k)
        self._block: NDArray[np.float32] | None = None
        if np.abs(turn - np.rint(turn)).max() <= _PARALLEL:
            self._align(np.rint(turn), dose.lattice.to_grid(to_patient[None, :3, 3])[0])

    def _align(self, turn: FloatArray, shift_mm: FloatArray) -> None:
        """Turn the grid into the frame: its axes then run along u, v and w."""
        ticks = (self._dose.lattice.i_mm, self._dose.lattice.j_mm, self._dose.lattice.k_mm)
        axes = np.argmax(np.abs(turn), axis=0)  # the grid axis along u, along v and along w
        values = self._dose.dose_gy.transpose([2 - int(n) for n in reversed(axes)])  # (k, j, i) to (w, v, u)
        windows, weights = [], []
        for local, n in enumerate(axes):
            sign = turn[n, local]
            own = sign * (ticks[n] - shift_mm[n])
            backwards = slice(None, None, -1 if sign < 0.0 else 1)
            own, values = own[backwards], np.flip(values, axis=2 - local) if sign < 0.0 else values
            window = _window(own, self._along[local])
            windows.append(window)
            weights.append(Axis(own[window]).weights(self._along[local], whole=(own[0], own[-1])))
        self._block = np.ascontiguousarray(values[windows[2], windows[1], windows[0]])
        self._weights = weights
        self._shift = _on_ticks(weights[0])

    def both(self, first: int, last: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the dose on the layers from ``first`` up to ``last``, which is left out.

        Returns
        -------
        dose_gy : (N, 2, V, U) float
            Trilinear and cubic.
        inside : (N, V, U) bool
            What lies inside the grid.
        """
        u_mm, v_mm, w_mm = self._along[0], self._along[1], self._along[2][first:last]
        if self._block is None:
            w, v, u = (a.ravel() for a in np.meshgrid(w_mm, v_mm, u_mm, indexing="ij"))
            local = np.column_stack([u, v, w])
            both, inside = _at_points(self._dose, local @ self._to_patient[:3, :3].T + self._to_patient[:3, 3])
            shape = len(w_mm), len(v_mm), len(u_mm)
            return np.ascontiguousarray(both.reshape(2, *shape).swapaxes(0, 1)), inside.reshape(shape)
        u_, v_, w_ = self._weights
        along_u, along_v = (u_.first, u_.linear, u_.cubic), (v_.first, v_.linear, v_.cubic)
        along_w = w_.first[first:last], w_.linear[first:last], w_.cubic[first:last]
        return _layers(self._block, along_w, along_v, along_u, self._shift), (
            w_.inside[first:last, None, None] & v_.inside[:, None] & u_.inside[None, :]
        )


def sample_cells(dose: Dose, cells: NDArray[np.intp], side: int, interpolation: Interpolation = "cubic") -> Samples:
    """Sample a dose at regular points inside voxel cells, the boxes between neighbouring voxel centres.

    Parameters
    ----------
    dose : Dose
    cells : (C, 3) int
        Lowest corner (i, j, k) of each cell.
    side : int
        Points along each side, in the middles of as many equal boxes.
    interpolation : {'cubic', 'trilinear'}

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
    require_volume(dose)
    axes = _axes(dose.lattice)
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
    return samples_of(both[0], both[1], np.ones(both[0].shape, dtype=bool), dose.quantisation_gy, interpolation)


def require_volume(dose: Dose) -> None:
    """Raise NotComputable where the dose has fewer than two voxels along an axis."""
    if min(dose.lattice.shape) < 2:
        raise NotComputable(
            "the dose is a plane, not a volume", remedy="Export a 3-D dose", where=" ".join(dose.sop_instance_uids)
        )


@inlined
def unsure_gy(linear: Any, cubic: Any) -> Any:
    """Return what interpolation may miss, Gy, from its two kinds; numbers or arrays of one shape."""
    apart = np.abs(cubic - linear)
    return apart * np.minimum(_UNSURE_SHARE + _UNRESOLVED * apart / np.maximum(cubic, _LEAST_GY), 1.0)


def samples_of(
    linear: FloatArray, cubic: FloatArray, inside: NDArray[np.bool_], step_gy: float, interpolation: Interpolation
) -> Samples:
    """Return the samples that two interpolations of one shape make; ``step_gy`` is half of the stored dose step."""
    # There is no dose below 0, whatever the cubic says beside a steep edge.
    value = np.maximum(cubic if interpolation == "cubic" else linear, 0.0)
    unsure = unsure_gy(linear, cubic) + step_gy
    if interpolation == "cubic":
        return Samples(value, np.maximum(value - unsure, 0.0), value + unsure, inside)
    low, high = np.minimum(linear, cubic) - unsure, np.maximum(linear, cubic) + unsure
    return Samples(value, np.maximum(low, 0.0), high, inside)


def _on_ticks(weights: Weights) -> int:
    """Return the tick of the first position where positions and ticks coincide one by one, -1 elsewhere."""
    at = np.argmax(weights.linear, axis=1)
    tick = weights.first + at
    alone = np.take_along_axis(weights.linear, at[:, None], axis=1) > 1.0 - _ON_TICK_SHARE
    return int(tick[0]) if alone.all() and (np.diff(tick) == 1).all() else -1


@remembered(4)
def _axes(lattice: Lattice) -> tuple[Axis, Axis, Axis]:
    return Axis(lattice.i_mm), Axis(lattice.j_mm), Axis(lattice.k_mm)


def _window(ticks_mm: FloatArray, along_mm: FloatArray) -> slice:
    """Return the ticks that positions need, two at least."""
    first = int(np.searchsorted(ticks_mm, along_mm[0], side="right")) - 1 - _BESIDE
    last = int(np.searchsorted(ticks_mm, along_mm[-1])) + 1 + _BESIDE
    first = min(max(first, 0), len(ticks_mm) - 2)
    return slice(first, max(min(last, len(ticks_mm)), first + 2))


def _at_points(dose: Dose, points_mm: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return trilinear and cubic dose ``(2, N)`` at patient points, and which lie inside the grid."""
    require_volume(dose)
    grid = dose.lattice.to_grid(points_mm)
    i, j, k = (axis.weights(grid[:, n]) for n, axis in enumerate(_axes(dose.lattice)))
    found = _gathered(dose.dose_gy, k.first, k.linear, k.cubic, j.first, j.linear, j.cubic, i.first, i.linear, i.cubic)
    return found, i.inside & j.inside & k.inside


@compiled
def _gathered(
    values: NDArray[np.float32],
    first_k: NDArray[np.int64],
    linear_k: FloatArray,
    cubic_k: FloatArray,
    first_j: NDArray[np.int64],
    linear_j: FloatArray,
    cubic_j: FloatArray,
    first_i: NDArray[np.int64],
    linear_i: FloatArray,
    cubic_i: FloatArray,
) -> FloatArray:
    """Return trilinear and cubic dose at scattered points ``(2, N)``: a weighted sum over each window of voxels."""
    found = np.zeros((2, len(first_k)))
    for n in range(len(first_k)):
        linear, cubic = 0.0, 0.0
        for k in range(linear_k.shape[1]):
            for j in range(linear_j.shape[1]):
                row = values[first_k[n] + k, first_j[n] + j]
                straight, curved = 0.0, 0.0
                for i in range(linear_i.shape[1]):
                    value = row[first_i[n] + i]
                    straight += linear_i[n, i] * value
                    curved += cubic_i[n, i] * value
                linear += linear_k[n, k] * linear_j[n, j] * straight
                cubic += cubic_k[n, k] * cubic_j[n, j] * curved
        found[0, n], found[1, n] = linear, cubic
    return found


@compiled
def _layers(
    block: NDArray[np.float32],
    along_w: tuple[NDArray[np.int64], FloatArray, FloatArray],
    along_v: tuple[NDArray[np.int64], FloatArray, FloatArray],
    along_u: tuple[NDArray[np.int64], FloatArray, FloatArray],
    shift: int,
) -> FloatArray:
    """Return trilinear and cubic dose on layers ``(N, 2, V, U)``; ``along`` an axis are first ticks and weights."""
    first, linear, cubic = along_w
    found = np.empty((len(first), 2, len(along_v[0]), len(along_u[0])))
    for n in range(len(first)):
        _layer(block[first[n] : first[n] + linear.shape[1]], linear[n], cubic[n], along_v, along_u, shift, found[n])
    return found


@compiled
def _layer(
    slab: NDArray[np.float32],
    linear_w: FloatArray,
    cubic_w: FloatArray,
    along_v: tuple[NDArray[np.int64], FloatArray, FloatArray],
    along_u: tuple[NDArray[np.int64], FloatArray, FloatArray],
    shift: int,
    found: FloatArray,
) -> None:
    """Fill one layer ``(2, V, U)`` from the voxels around it, one axis after the other.

    Points along u lie on the ticks from ``shift`` on where that is not negative.
    """
    first_v, linear_v, cubic_v = along_v
    first_u, linear_u, cubic_u = along_u
    across = np.zeros((2, slab.shape[1], slab.shape[2]))
    for w in range(slab.shape[0]):
        for v in range(slab.shape[1]):
            _add(across[0, v], linear_w[w], slab[w, v])
            _add(across[1, v], cubic_w[w], slab[w, v])
    rows = np.empty((2, slab.shape[2]))
    for v in range(len(first_v)):
        for u in range(slab.shape[2]):
            rows[0, u], rows[1, u] = 0.0, 0.0
        for n in range(linear_v.shape[1]):
            _add(rows[0], linear_v[v, n], across[0, first_v[v] + n])
            _add(rows[1], cubic_v[v, n], across[1, first_v[v] + n])
        if shift >= 0:
            for u in range(len(first_u)):
                found[0, v, u], found[1, v, u] = rows[0, shift + u], rows[1, shift + u]
        else:
            _along_row(rows[0], first_u, linear_u, found[0, v])
            _along_row(rows[1], first_u, cubic_u, found[1, v])


@compiled
def _add(to: FloatArray, weight: float, row: FloatArray) -> None:
    if weight != 0.0:
        for u in range(len(to)):
            to[u] += weight * row[u]


@compiled
def _along_row(row: FloatArray, first: NDArray[np.int64], weights: FloatArray, found: FloatArray) -> None:
    for u in range(len(first)):
        total = 0.0
        for n in range(weights.shape[1]):
            total += weights[u, n] * row[first[u] + n]
        found[u] = total
