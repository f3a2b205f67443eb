"""Extremes over every position that a registration leaves open, found by search.

A position is a shift of at most so many millimetres in any direction, and a rotation of at most so many degrees about
any axis through a structure's centre: six numbers, of which each three lie in a unit ball. Shifts on shells of that
ball are tried first, and with the best of them rotations about many axes. From there each extreme is followed: along
the slope to the border of the balls, and step by step along the six numbers, with steps that are halved. Nothing is
drawn at random: the same input gives the same positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.model import FloatArray

# First shifts lie this far apart, mm: about half a voxel of a dose grid, which holds nothing finer. With more shells
# than this they would be too many; then they lie farther apart.
_SHELL_MM, _MOST_SHELLS = 1.5, 8
# Steps of the search that follows, as shares of the uncertainty, and how often each may be taken at most.
_STEPS, _MOST_ROUNDS = (0.5, 0.25, 0.125), 3
# An extreme that moved by less than this share of the whole range in one round waits for the next smaller step.
_GAIN = 0.002
# How far along the way to where the slope leads.
_LEAPS = np.array([1.0, 0.5, 0.25])
# Share of the way from the registered value to an extreme that the search may leave out, and that is added. A direction
# is known to less than the last step, 0.125: of what changes evenly, half its square is missed, 0.8 percent. Twice that
# is added, because dose seldom changes evenly; against thousands of random positions in random doses it was enough.
MISSED = 0.02
# Rotations all the way about the 26 directions to the neighbours of a cube, and none.
_SIGNS = np.array(list(product((-1.0, 0.0, 1.0), repeat=3)))
_TURNS = np.column_stack([np.zeros_like(_SIGNS), _SIGNS / np.maximum(np.linalg.norm(_SIGNS, axis=1), 1.0)[:, None]])
# Directions of even density on a sphere: each turned from the one before by the golden angle.
_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How far an earlier dose may lie from where its registration puts it: choices of this program by default.

    For comparison: rigid registrations of phantoms were off by up to 1.3 mm and 1 degree [1]_; a search over 3 mm
    raised a spinal cord maximum from 72 to 127 Gy EQD2 [2]_.

    References
    ----------
    .. [1] Latifi 2018, JACMP 19(4):125, TG-132 framework (abstract), https://pmc.ncbi.nlm.nih.gov/articles/PMC6036411
    .. [2] Mechalakos 2024, RADAR dose accumulation with uncertainty (abstract),
       https://pmc.ncbi.nlm.nih.gov/articles/PMC12928241
    """

    shift_mm: float = 3.0
    rotation_deg: float = 1.0

    def __str__(self) -> str:
        return f"{self.shift_mm:g} mm and {self.rotation_deg:g} degrees"

    def moves_mm(self, distance_mm: float) -> float:
        """Return how far a point can move that lies so far from the centre of rotation, mm: no position moves it more.

        Examples
        --------
        >>> Uncertainty(3.0, 0.0).moves_mm(50.0)
        3.0
        """
        return self.shift_mm + 2.0 * distance_mm * float(np.sin(np.deg2rad(min(self.rotation_deg, 180.0)) / 2.0))


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """Least and greatest values of some quantities over all positions.

    Attributes
    ----------
    values : (Q, 2) float
        Least and greatest of each quantity.
    positions : (Q, 2, 6) float
        Where: shift and rotation vector as shares of the uncertainty.
    """

    values: FloatArray
    positions: FloatArray


def extremes(evaluate: Callable[[FloatArray], FloatArray], quantities: int, uncertainty: Uncertainty) -> Extremes:
    """Search the positions for the extremes of some quantities.

    Parameters
    ----------
    evaluate : callable
        From positions ``(P, 6)`` to values ``(P, Q, 2)``: lower and upper bound of each quantity; infinite where
        nothing is known.
    quantities : int
        Q.
    uncertainty : Uncertainty

    Returns
    -------
    Extremes
        Least of the lower and greatest of the upper bounds.

    Notes
    -----
    What lies between the first positions and rises from none of them is not found: a peak narrower than their distance
    that no slope leads to.
    """
    free = np.repeat([uncertainty.shift_mm > 0.0, uncertainty.rotation_deg > 0.0], 3)
    found = _Found(quantities)
    starts = _shifts(uncertainty) if free[0] else np.zeros((1, 6))
    found.add(starts, evaluate(starts))
    if free[-1]:
        turned = found.positions.reshape(-1, 1, 6) + _TURNS
        turned = np.unique(turned.reshape(-1, 6), axis=0)
        found.add(turned, evaluate(turned))
    moves = np.diag(free.astype(np.float64))[free]
    for step in _STEPS:
        active = found.open
        for _ in range(_MOST_ROUNDS):
            if not active.any() or not len(moves):
                break
            active = _round(found, evaluate, active, step * moves)
    return found.result


def _round(
    found: _Found,
    evaluate: Callable[[FloatArray], FloatArray],
    active: NDArray[np.bool_],
    moves: FloatArray,
) -> NDArray[np.bool_]:
    """Look around the positions of active extremes, and where the slopes lead; return which gained."""
    before = found.values.copy()
    own, which = np.unique(found.positions[active], axis=0, return_inverse=True)
    polled = _held(own[:, None, None, :] + np.array([1.0, -1.0])[:, None, None] * moves)  # (C, 2, F, 6)
    values = evaluate(polled.reshape(-1, 6))
    found.add(polled.reshape(-1, 6), values)
    values = values.reshape(*polled.shape[:3], *values.shape[1:])
    quantity, side = np.nonzero(active)
    with np.errstate(invalid="ignore"):  # infinite where nothing is known
        slopes = np.nan_to_num((values[:, 0] - values[:, 1])[which, :, quantity, side], posinf=0.0, neginf=0.0)
    # What changes evenly is most extreme where both, shift and rotation, go all the way along their slopes.
    ways = ((slopes * np.where(side == 0, -1.0, 1.0)[:, None]) @ moves).reshape(-1, 2, 3)
    length = np.linalg.norm(ways, axis=2, keepdims=True)
    here = own[which]
    ends = np.where(length > 0.0, ways / np.where(length > 0.0, length, 1.0), here.reshape(-1, 2, 3)).reshape(-1, 6)
    leapt = np.unique((here[:, None] + _LEAPS[:, None] * (ends - here)[:, None]).reshape(-1, 6), axis=0)
    found.add(leapt, evaluate(leapt))
    return found.gained(before) & active


class _Found:
    """The best positions so far."""

    def __init__(self, quantities: int) -> None:
        self.values = np.tile([np.inf, -np.inf], (quantities, 1))
        self.positions = np.zeros((quantities, 2, 6))

    @property
    def result(self) -> Extremes:
        return Extremes(self.values, self.positions)

    @property
    def open(self) -> NDArray[np.bool_]:
        """From which extremes something may still be gained, ``(Q, 2)``."""
        return np.asarray(np.isfinite(self.values) & (self.values[:, :1] < self.values[:, 1:]))

    def add(self, positions: FloatArray, values: FloatArray) -> None:
        """Take positions ``(P, 6)`` with their values ``(P, Q, 2)``."""
        for side, sign in ((0, 1.0), (1, -1.0)):
            best = np.argmin(sign * values[:, :, side], axis=0)
            reached = values[best, np.arange(len(best)), side]
            moved = sign * reached < sign * self.values[:, side]
            self.values[moved, side] = reached[moved]
            self.positions[moved, side] = positions[best[moved]]

    def gained(self, before: FloatArray) -> NDArray[np.bool_]:
        """Return which extremes have moved enough since ``before`` to go on with them, ``(Q, 2)``."""
        with np.errstate(invalid="ignore"):  # infinite where nothing is known
            whole = np.nan_to_num(self.values[:, 1:] - self.values[:, :1], posinf=0.0)
            return np.asarray(np.abs(self.values - before) > _GAIN * whole)


def _shifts(uncertainty: Uncertainty) -> FloatArray:
    """Return the first positions ``(P, 6)``: nominal, and shifts on shells."""
    shells = min(max(1, int(np.ceil(uncertainty.shift_mm / _SHELL_MM))), _MOST_SHELLS)
    shifts = [_even_directions(13 * n * n) * (n / shells) for n in range(1, shells + 1)]
    found = np.zeros((1 + sum(len(s) for s in shifts), 6))
    found[1:, :3] = np.concatenate(shifts)
    return found


def _even_directions(number: int) -> FloatArray:
    """Return unit vectors ``(N, 3)`` spread evenly; 13 on a sphere of one step lie about one step apart."""
    z = 1.0 - (2.0 * np.arange(number) + 1.0) / number
    around = _GOLDEN * np.arange(number)
    across = np.sqrt(1.0 - z * z)
    return np.column_stack([across * np.cos(around), across * np.sin(around), z])


def _held(positions: FloatArray) -> FloatArray:
    """Return positions ``(..., 6)`` with shift and rotation drawn back into their unit balls."""
    halves = positions.reshape(*positions.shape[:-1], 2, 3)
    length = np.linalg.norm(halves, axis=-1, keepdims=True)
    return np.asarray((halves / np.maximum(length, 1.0)).reshape(positions.shape))


def motions(positions: FloatArray, centre_mm: FloatArray, uncertainty: Uncertainty) -> FloatArray:
    """Return the rigid motions ``(P, 4, 4)`` of positions ``(P, 6)``: a rotation about the centre, then a shift."""
    return np.asarray(
        _motions(positions, centre_mm, uncertainty.shift_mm, float(np.deg2rad(min(uncertainty.rotation_deg, 180.0))))
    )


@compiled
def _motions(positions: FloatArray, centre: FloatArray, shift_mm: float, angle: float) -> FloatArray:
    """Rotation vectors become matrices by Rodrigues' formula."""
    found = np.zeros((len(positions), 4, 4))
    for n in range(len(positions)):
        x, y, z = angle * positions[n, 3], angle * positions[n, 4], angle * positions[n, 5]
        size = np.sqrt(x * x + y * y + z * z)
        # sin a / a and (1 - cos a) / a2 at a = 0.
        one, two = 1.0, 0.5
        if size > 0.0:
            one, two = np.sin(size) / size, 2.0 * (np.sin(0.5 * size) / size) ** 2
        m = found[n]
        m[0, 0], m[0, 1], m[0, 2] = 1.0 - two * (y * y + z * z), two * x * y - one * z, two * x * z + one * y
        m[1, 0], m[1, 1], m[1, 2] = two * x * y + one * z, 1.0 - two * (x * x + z * z), two * y * z - one * x
        m[2, 0], m[2, 1], m[2, 2] = two * x * z - one * y, two * y * z + one * x, 1.0 - two * (x * x + y * y)
        m[3, 3] = 1.0
        for d in range(3):
            turned = m[d, 0] * centre[0] + m[d, 1] * centre[1] + m[d, 2] * centre[2]
            m[d, 3] = centre[d] - turned + shift_mm * positions[n, d]
    return found
