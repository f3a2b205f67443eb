"""A cumulative histogram without steps: every cell is laid in as a box as wide as its own range of dose.

On the edges between bins the curve is exact for the sum of boxes. Cells of one dose alone (a plateau) are kept apart,
so that their step stays sharp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.model import FloatArray

_BINS: Final = 4096
# A box no wider than this share of its dose is a plateau; as many plateaus are kept apart.
_PLATEAU_SHARE: Final = 1e-6
_PLATEAUS: Final = 16
# No box is taken as narrower than this share of a bin: the sums would lose their last digits.
_LEAST_WIDTH: Final = 1e-2
# Within a bin the curve is straight, which moves it by no more than this share of the bin.
_BIN_SHARE = 0.25
# The error of the dose is a mean over this many neighbouring bins on either side.
_SMOOTH_BINS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of several curves over one range of dose.

    Attributes
    ----------
    low_gy, bin_gy : float
        Where the bins start, and their width.
    ramps : (C, B + 3) float
        Second differences of each cumulative curve, mm3.
    plateau_gy, plateau_mm3 : (C, P) float
        Plateaus of each curve; -1 Gy where there is none.
    unsure : (2, B + 1) float
        In each bin the volume of its cells, mm3, and that volume times the error of their dose, Gy mm3.
    """

    low_gy: float
    bin_gy: float
    ramps: FloatArray
    plateau_gy: FloatArray
    plateau_mm3: FloatArray
    unsure: FloatArray

    @classmethod
    def between(cls, low_gy: float, high_gy: float, curves: int) -> Boxes:
        """Return empty curves over a range of dose."""
        width = max(high_gy - low_gy, 1e-6 * max(abs(high_gy), 1.0)) / _BINS
        return cls(
            low_gy,
            width,
            np.zeros((curves, _BINS + 3)),
            np.full((curves, _PLATEAUS), -1.0),
            np.zeros((curves, _PLATEAUS)),
            np.zeros((2, _BINS + 1)),
        )

    @property
    def _edges_gy(self) -> FloatArray:
        return np.asarray(self.low_gy + self.bin_gy * np.arange(_BINS + 1))

    @property
    def knots_gy(self) -> FloatArray:
        """Falling doses between which every curve is straight, ``(N,)``; a plateau of any curve comes twice."""
        plateaus = np.unique(self.plateau_gy[self.plateau_mm3 > 0.0])
        return np.asarray(np.sort(np.concatenate([self._edges_gy, plateaus, plateaus]))[::-1])

    @property
    def unsure_gy(self) -> FloatArray:
        """Mean error of the dose of the cells around each knot, and of the bins themselves, Gy, ``(N,)``."""
        sums = np.pad(np.cumsum(self.unsure, axis=1), ((0, 0), (1, 0)))
        number = np.arange(_BINS + 1)
        first, last = np.maximum(number - _SMOOTH_BINS, 0), np.minimum(number + _SMOOTH_BINS, _BINS) + 1
        mm3, gy_mm3 = sums[:, last] - sums[:, first]
        # Differences of sums leave rounding where there is nothing.
        some = mm3 > 1e-9 * sums[0, -1]
        mean = np.interp(number, number[some], gy_mm3[some] / mm3[some])
        return np.asarray(np.interp(self.knots_gy, self._edges_gy, mean) + _BIN_SHARE * self.bin_gy)

    def at_least(self, *curves: int) -> FloatArray:
        """Return the volume at or above each knot in the sum of some curves, mm3, ``(N,)``.

        Of the two entries of a plateau the first is the volume above it.
        """
        chosen = list(curves)
        knots = self.knots_gy
        below = np.cumsum(np.cumsum(self.ramps[chosen].sum(axis=0)))[: _BINS + 1]
        above = below[-1] - np.interp(knots, self._edges_gy, below)
        first = np.append(knots[:-1] == knots[1:], False)
        for dose_gy, mm3 in zip(self.plateau_gy[chosen].ravel(), self.plateau_mm3[chosen].ravel(), strict=True):
            if mm3 > 0.0:
                above += mm3 * ((knots <= dose_gy) & ~(first & (knots == dose_gy)))
        return np.asarray(above)


@compiled
def lay_box(
    curves: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    curve: int,
    bins: tuple[float, float],
    dose_gy: float,
    half_gy: float,
    volume_mm3: float,
) -> None:
    """Lay a box of dose into one curve.

    Parameters
    ----------
    curves : tuple
        ``ramps``, ``plateau_gy`` and ``plateau_mm3`` of ``Boxes``.
    curve : int
    bins : tuple
        Where the bins start, Gy, and how many there are to a gray.
    dose_gy, half_gy : float
        Middle of the box, and half its width.
    volume_mm3 : float
    """
    if volume_mm3 <= 0.0:
        return
    if half_gy <= _PLATEAU_SHARE * dose_gy:
        plateau_gy, plateau_mm3 = curves[1][curve], curves[2][curve]
        for p in range(_PLATEAUS):
            if plateau_gy[p] < 0.0:
                plateau_gy[p] = dose_gy
            if abs(plateau_gy[p] - dose_gy) <= _PLATEAU_SHARE * dose_gy:
                plateau_mm3[p] += volume_mm3
                return
    middle, half = (dose_gy - bins[0]) * bins[1], half_gy * bins[1]
    start = min(max(middle - half, 0.0), _BINS - _LEAST_WIDTH)
    end = min(max(middle + half, start + _LEAST_WIDTH), float(_BINS))
    height = volume_mm3 / (end - start)
    ramps = curves[0]
    k, n = int(start), int(end)
    ramps[curve, k + 1] += height * (k + 1 - start)
    ramps[curve, k + 2] += height * (start - k)
    ramps[curve, n + 1] -= height * (n + 1 - end)
    ramps[curve, n + 2] -= height * (end - n)


@compiled
def lay_error(
    unsure: FloatArray, bins: tuple[float, float], dose_gy: float, error_gy: float, volume_mm3: float
) -> None:
    """Add the error of a dose to its bin."""
    k = int(min(max((dose_gy - bins[0]) * bins[1], 0.0), float(_BINS)))
    unsure[0, k] += volume_mm3
    unsure[1, k] += volume_mm3 * error_gy
