"""Dose of an earlier course at the voxel centres of the current plan, with what its registration leaves unsure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.dose.accumulation import BoolArray
from sbrtcheck.dose.sampling import DoseLayers, Samples, require_volume, sample, samples_of
from sbrtcheck.model import Dose, DoseArray, FloatArray, Lattice, frozen

Window = tuple[slice, slice, slice]  # of voxels, along k, j and i
_BRICK: Final = 16  # voxels along each side of the blocks that are sampled in one go and kept
_BOUNDED: Final = 16  # voxels along each side of the blocks that are bounded in one go, each for the error in it
_PARALLEL: Final = 1e-6  # axes turned by less run along one another, as in the sampling of doses
# Corners around the ball of displacements lie this share of a voxel apart. Between four of them a bent dose rises by at
# most half of what it rises between eight voxels, which is where each of them lies: one and a half of its bend in all.
_APART: Final = 0.7
_BENDS: Final = 1.5
_FARTHEST_CORNER: Final = 1.13  # no polytope reaches further beyond its ball: 1.1281 for that of 26 corners
_FAR_MM: Final = 1e7  # in place of points that a mapping does not reach: outside every grid


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Dose at voxel centres, Gy, ``(K, J, I)``; ``reached`` tells where all of it is known."""

    best_gy: DoseArray
    low_gy: DoseArray
    high_gy: DoseArray
    reached: BoolArray


class Resampling:
    """An earlier dose on the lattice of the current plan, sampled where somebody asks, and kept.

    Parameters
    ----------
    dose : Dose
        Of the earlier course.
    through : callable
        Carries points ``(N, 3)`` of the current plan, LPS, mm, to points of the earlier dose; NaN where it does not
        reach.
    lattice : Lattice
        Of the current plan.
    matrix : (4, 4) float or None
        The same as a matrix, where it is one.
    farthest_mm : float
        The greatest displacement that will be asked for.

    Raises
    ------
    NotComputable
        If the earlier dose is not a volume.
    """

    def __init__(
        self,
        dose: Dose,
        through: Callable[[FloatArray], FloatArray],
        lattice: Lattice,
        *,
        matrix: FloatArray | None = None,
        farthest_mm: float = 0.0,
    ) -> None:
        require_volume(dose)
        if not 0.0 <= farthest_mm < np.inf:
            raise ValueError("a displacement is a distance")
        self._dose, self._through = dose, through
        self._matrix = matrix if matrix is not None and _runs_along(dose.lattice, lattice, matrix) else None
        self._steps, self._farthest_mm = _least_steps(lattice), farthest_mm
        self._margin = _margin(farthest_mm, self._steps)
        self._lattice = _wider(lattice, self._margin)
        shape = self._lattice.shape
        self._kept = np.empty((3, *shape), dtype=np.float32)
        self._inside = np.zeros(shape, dtype=bool)
        # Where the axes of both lattices run along one another, all of it takes no longer than a few bricks would.
        self._brick = _BRICK if self._matrix is None else max(shape)
        self._done = np.zeros([-(-n // self._brick) for n in shape], dtype=bool)
        self._shape = lattice.shape
        self._bounds = np.empty((2, *self._shape), dtype=np.float32)
        self._reached = np.zeros(self._shape, dtype=bool)
        self._bounded = np.zeros([-(-n // _BOUNDED) for n in self._shape], dtype=bool)

    def bounded(self, window: Window, displacement_mm: Callable[[Window], float]) -> Resampled:
        """Return the dose at the voxels of a window, each bounded for the displacement of its surroundings, and kept.

        Parameters
        ----------
        window : tuple of slice
        displacement_mm : callable
            How far any point of a window may lie from where the mapping puts it: the same function each time.
        """
        blocks = tuple(slice(w.start // _BOUNDED, -(-w.stop // _BOUNDED)) for w in window)
        first = np.array([b.start for b in blocks])
        for block in np.argwhere(~self._bounded[blocks]) + first:
            k, j, i = (
                slice(int(n) * _BOUNDED, min((int(n) + 1) * _BOUNDED, most))
                for n, most in zip(block, self._shape, strict=True)
            )
            found = self.within((k, j, i), displacement_mm((k, j, i)))
            self._bounds[:, k, j, i] = found.low_gy, found.high_gy
            self._reached[k, j, i] = found.reached
            self._bounded[tuple(block)] = True
        low, high = self._bounds[:, *window]
        return Resampled(self.within(window).best_gy, low, high, self._reached[window])

    def within(self, window: Window, displacement_mm: float = 0.0) -> Resampled:
        """Return the dose at the voxels of a window of the plan's lattice.

        Parameters
        ----------
        window : tuple of slice
        displacement_mm : float
            How far any of its points may lie from where the mapping puts it, in the frame of the current plan.

        Notes
        -----
        The bounds are the least and the highest dose within that distance, voxel by voxel: neighbouring voxels may be
        displaced in opposite ways, which no registration error does, so the bounds of a sum are wider than a search
        over displacements would find.
        """
        if not 0.0 <= displacement_mm <= self._farthest_mm:
            raise ValueError(f"a displacement of {displacement_mm} mm is beyond {self._farthest_mm} mm")
        more = _margin(displacement_mm, self._steps)
        wide: Window = (
            _widened(window[0], self._margin[0], more[0]),
            _widened(window[1], self._margin[1], more[1]),
            _widened(window[2], self._margin[2], more[2]),
        )
        self._sample(wide)
        best, low, high = self._kept[:, *wide]
        inside = self._inside[wide]
        if displacement_mm == 0.0:
            return Resampled(best, low, high, inside)
        ball = _ball(self._steps, displacement_mm)
        inner = tuple(slice(m, -m) for m in more)
        bend = _BENDS * _bend(best)
        shape = best[inner].shape
        reached = inside[inner]
        if not inside.all():
            reached = ball.highest((~inside).astype(np.float32), more, shape) <= 0.0
        return Resampled(
            best_gy=best[inner],
            low_gy=np.maximum(-ball.highest(bend - low, more, shape), 0.0),
            high_gy=ball.highest(high + bend, more, shape),
            reached=reached,
        )

    def _sample(self, window: Window) -> None:
        """Sample the bricks of a window that are not sampled yet."""
        bricks = tuple(slice(w.start // self._brick, -(-w.stop // self._brick)) for w in window)
        first = np.array([b.start for b in bricks])
        for brick in np.argwhere(~self._done[bricks]) + first:
            k, j, i = (slice(self._brick * n, self._brick * (n + 1)) for n in brick)
            grid = self._lattice
            found = self._sampled(grid.i_mm[i], grid.j_mm[j], grid.k_mm[k])
            self._kept[:, k, j, i] = found.dose_gy, found.low_gy, found.high_gy
            self._inside[k, j, i] = found.inside
            self._done[tuple(brick)] = True

    def _sampled(self, u_mm: FloatArray, v_mm: FloatArray, w_mm: FloatArray) -> Samples:
        """Return the dose at all positions along the axes of the lattice, ``(W, V, U)``."""
        if self._matrix is not None:
            layers = DoseLayers(self._dose, self._matrix @ self._lattice.to_patient, u_mm, v_mm, w_mm)
            both, inside = layers.both(0, len(w_mm))
            return samples_of(both[:, 0], both[:, 1], inside, self._dose.quantisation_gy, "cubic")
        w, v, u = np.meshgrid(w_mm, v_mm, u_mm, indexing="ij")
        points = self._through(self._lattice.to_lps(np.column_stack([u.ravel(), v.ravel(), w.ravel()])))
        found = sample(self._dose, np.where(np.isnan(points), _FAR_MM, points))
        low, high, inside = found.low_gy.reshape(w.shape), found.high_gy.reshape(w.shape), found.inside.reshape(w.shape)
        return Samples(found.dose_gy.reshape(w.shape), low, high, inside)


@dataclass(frozen=True, slots=True, eq=False)
class _Ball:
    """Points that enclose a ball around a voxel, in voxels (k, j, i) from it.

    Attributes
    ----------
    whole : (M, 3) int
        Points on voxels.
    between : (P, 8, 3) int
        The voxels around each other point.
    weights : (P, 8) float32
        Of each of them.
    """

    whole: NDArray[np.int64]
    between: NDArray[np.int64]
    weights: DoseArray

    def highest(self, values: DoseArray, margin: tuple[int, ...], shape: tuple[int, ...]) -> DoseArray:
        """Return the highest value at these points around each voxel of the inner part of an array."""
        found = np.empty(shape, dtype=np.float32)
        steps = np.array([values.shape[1] * values.shape[2], values.shape[2], 1])
        whole, between = ((offsets + np.array(margin)) @ steps for offsets in (self.whole, self.between))
        _highest(np.ascontiguousarray(values, dtype=np.float32), whole, between, self.weights, found)
        return found


def _runs_along(theirs: Lattice, ours: Lattice, matrix: FloatArray) -> bool:
    """Return whether a matrix, from our frame to theirs, lays the axes of our lattice along those of theirs."""
    turn = theirs.to_patient[:3, :3].T @ matrix[:3, :3] @ ours.to_patient[:3, :3]
    near = np.clip(np.rint(turn), -1.0, 1.0)
    return bool(np.abs(turn - near).max() <= _PARALLEL)


def _least_steps(lattice: Lattice) -> FloatArray:
    """Return the shortest step of each axis (k, j, i), mm."""
    return np.array([float(np.diff(t).min()) for t in (lattice.k_mm, lattice.j_mm, lattice.i_mm)])


def _margin(radius_mm: float, steps_mm: FloatArray) -> tuple[int, ...]:
    """Return how many voxels (k, j, i) around a window a ball rests on: one more, for the bend of the dose."""
    if radius_mm == 0.0:
        return 0, 0, 0
    return tuple(int(n) + 2 for n in np.floor(_FARTHEST_CORNER * radius_mm / steps_mm))


def _widened(along: slice, margin: int, more: int) -> slice:
    """Return a window along one axis of the plan's lattice, wider by some voxels, on the lattice with its margin."""
    return slice(along.start + margin - more, along.stop + margin + more)


def _corners(radius_mm: float, steps_mm: FloatArray) -> FloatArray:
    """Return the corners of a polytope around the unit ball, so many that they lie closer together than voxels."""
    return polytope(max(2, int(np.ceil(np.pi / 2.0 * radius_mm / (_APART * steps_mm.min())))))


def _ball(steps_mm: FloatArray, radius_mm: float) -> _Ball:
    """Return the corners of a polytope around a ball, and the voxels inside the ball.

    The highest value of a linear dose within the polytope lies at one of its corners. Steps are the shortest of each
    axis, so that on an uneven lattice the points lie further out, never closer.
    """
    reach = np.floor(radius_mm / steps_mm).astype(int)
    inner = np.array(list(product(*(range(-n, n + 1) for n in reach))))
    inner = inner[np.linalg.norm(inner * steps_mm, axis=1) <= radius_mm]
    points = radius_mm * _corners(radius_mm, steps_mm) / steps_mm
    base = np.floor(points).astype(np.int64)[:, None, :]
    upper = np.array(list(product((0, 1), repeat=3)))
    weights = np.where(upper, points[:, None, :] - base, 1.0 - (points[:, None, :] - base)).prod(axis=2)
    # A voxel without weight may lie beyond the margin; the one with the most stands in for it.
    around, most = base + upper, weights.argmax(axis=1)
    around = np.where(weights[:, :, None] > 0.0, around, around[np.arange(len(around)), most][:, None, :])
    return _Ball(inner, around, weights.astype(np.float32))


@cache
def polytope(number: int) -> FloatArray:
    """Return the corners of a polytope that encloses the unit ball, ``(6 number**2 + 2, 3)``.

    Their directions are those of a square net over the faces of a cube, ``number`` meshes, even in angle, along each
    edge.
    """
    from scipy.spatial import ConvexHull  # half a second, and seldom needed

    angles = np.tan(np.linspace(-np.pi / 4.0, np.pi / 4.0, number + 1)).round(12)
    net = np.array([d for d in product(angles, repeat=3) if 1.0 in np.abs(d)])
    directions = net / np.linalg.norm(net, axis=1)[:, None]
    nearest = float(np.abs(ConvexHull(directions).equations[:, 3]).min())
    return frozen(directions / nearest)


def _bend(values: DoseArray) -> DoseArray:
    """Return how far a linear dose between neighbouring voxels may be wrong: an eighth of its second differences."""
    bend = np.zeros_like(values)
    for axis in range(3):
        v, found = np.swapaxes(values, 0, axis), np.swapaxes(bend, 0, axis)
        found[1:-1] += np.abs(v[2:] - 2.0 * v[1:-1] + v[:-2]) / 8.0
    return bend


def _wider(lattice: Lattice, margin: tuple[int, ...]) -> Lattice:
    """Return a lattice with more voxels at either end of its axes (k, j, i), as far apart as the last ones there."""

    def longer(ticks: FloatArray, more: int) -> FloatArray:
        steps = np.arange(1, more + 1)
        before = ticks[0] - (ticks[1] - ticks[0]) * steps[::-1]
        return frozen(np.concatenate([before, ticks, ticks[-1] + (ticks[-1] - ticks[-2]) * steps]))

    k, j, i = margin
    return Lattice(longer(lattice.i_mm, i), longer(lattice.j_mm, j), longer(lattice.k_mm, k), lattice.to_patient)


@compiled
def _highest(
    values: DoseArray,
    whole: NDArray[np.int64],
    between: NDArray[np.int64],
    weights: DoseArray,
    found: DoseArray,
) -> None:
    """Fill ``found`` with the highest of single values and of weighted sums of eight.

    Places ``(M,)`` and ``(P, 8)`` count along the flat array from its first voxel. A layer is worked on as one
    row with the voxels of the margin in it, which are left out at the end: long loops run fast.
    """
    flat, width = values.ravel(), values.shape[2]
    length = (found.shape[1] - 1) * width + found.shape[2]
    top = np.empty(length, dtype=np.float32)
    for k in range(found.shape[0]):
        layer = flat[k * values.shape[1] * width :]
        top[:] = -np.inf
        for n in whole:
            one = layer[n : n + length]
            for i in range(length):
                top[i] = one[i] if one[i] > top[i] else top[i]
        for p in range(len(between)):
            at, w = between[p], weights[p]
            a, b, c, d = layer[at[0] :], layer[at[1] :], layer[at[2] :], layer[at[3] :]
            e, f, g, h = layer[at[4] :], layer[at[5] :], layer[at[6] :], layer[at[7] :]
            for i in range(length):
                total = w[0] * a[i] + w[1] * b[i] + w[2] * c[i] + w[3] * d[i]
                total += w[4] * e[i] + w[5] * f[i] + w[6] * g[i] + w[7] * h[i]
                top[i] = total if total > top[i] else top[i]
        for j in range(found.shape[1]):
            found[k, j] = top[j * width : j * width + found.shape[2]]
