"""Interpolation weights along one axis of a lattice, evenly spaced or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import FloatArray

# Positions this far beyond the last voxel centre still lie on it: rounding of stored coordinates.
_ON_TICK_MM = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """How the values at the ticks make the values at N positions.

    Attributes
    ----------
    first : (N,) int
        First tick of each position's window.
    linear, cubic : (N, C) float
        Weights of the C ticks of the window.
    inside : (N,) bool
        Whether the position lies between the first and the last tick.
    """

    first: NDArray[np.intp]
    linear: FloatArray
    cubic: FloatArray
    inside: NDArray[np.bool_]


class Axis:
    """Linear and cubic interpolation between rising ticks.

    The cubic has, on each tick, the slope of the parabola through the tick and its neighbours: local, and exact for
    parabolas at any spacing. With two ticks it is linear.

    Parameters
    ----------
    ticks_mm : (T,) float
        At least two.
    """

    def __init__(self, ticks_mm: FloatArray) -> None:
        self.ticks_mm = ticks_mm
        self.width = min(4, len(ticks_mm))

    def weights(self, positions_mm: FloatArray, whole: tuple[float, float] | None = None) -> Weights:
        """Return the weights at positions ``(N,)``; those outside get the weights of the nearest tick.

        Parameters
        ----------
        positions_mm : (N,) float
        whole : (float, float), optional
            First and last tick of the axis of which these ticks are a window.
        """
        ticks = self.ticks_mm
        least, most = whole or (ticks[0], ticks[-1])
        inside = (positions_mm >= least - _ON_TICK_MM) & (positions_mm <= most + _ON_TICK_MM)
        held = np.clip(positions_mm, ticks[0], ticks[-1])
        k = np.clip(np.searchsorted(ticks, held, side="right") - 1, 0, len(ticks) - 2)
        t = (held - ticks[k]) / (ticks[k + 1] - ticks[k])
        s = 1.0 - t
        straight = np.stack([s, np.zeros_like(t), t, np.zeros_like(t)], axis=1)
        smooth = np.stack([s * s * (1 + 2 * t), s * s * t, t * t * (3 - 2 * t), -t * t * s], axis=1)
        basis = self._basis[k]
        return Weights(
            first=self._first[k],
            linear=np.einsum("nb,nbc->nc", straight, basis),
            cubic=np.einsum("nb,nbc->nc", smooth, basis),
            inside=inside,
        )

    @cached_property
    def _first(self) -> NDArray[np.intp]:
        return np.clip(np.arange(len(self.ticks_mm) - 1) - 1, 0, len(self.ticks_mm) - self.width)

    @cached_property
    def _basis(self) -> FloatArray:
        """For each step, the rows (value, slope x step, next value, next slope x step) from its window of ticks."""
        number, step = len(self.ticks_mm), np.diff(self.ticks_mm)
        slopes = _slopes(self.ticks_mm)
        identity = np.eye(number)
        k = np.arange(number - 1)
        rows = np.stack(
            [identity[k], slopes[k] * step[:, None], identity[k + 1], slopes[k + 1] * step[:, None]], axis=1
        )
        window = self._first[:, None] + np.arange(self.width)
        return np.asarray(np.take_along_axis(rows, window[:, None, :], axis=2))


def _slopes(ticks_mm: FloatArray) -> FloatArray:
    """Return the matrix that makes slopes on ticks from values on ticks."""
    number, h = len(ticks_mm), np.diff(ticks_mm)
    rise = (np.eye(number)[1:] - np.eye(number)[:-1]) / h[:, None]
    if number == 2:
        return np.vstack([rise, rise])
    share = (h[1:] / (h[:-1] + h[1:]))[:, None]
    inner = share * rise[:-1] + (1.0 - share) * rise[1:]
    return np.vstack([2.0 * rise[0] - inner[0], inner, 2.0 * rise[-1] - inner[-1]])
