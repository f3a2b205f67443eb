"""Dose-volume histograms with the variants that bound their error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sbrtcheck.dose.cells import fill
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Method, frozen
from sbrtcheck.results import Interval

# A dose this close below a level, relative to it, counts as at the level: rounding of 32-bit doses.
_AT_LEVEL = 1e-6
_MM3_PER_CM3 = 1000.0

_METHOD = Method()


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Dvh:
    """A cumulative curve, hottest first, straight between its knots.

    Attributes
    ----------
    dose_gy, volume_cm3 : (N,) float
        Knots, given in any order, and the volume that receives a dose from each knot up to the next hotter one; that
        of the hottest knot receives just its dose. Dose may be infinite in an upper bound: unknown.
    cumulated_cm3 : (N,) float
        Volume of each knot and all hotter ones.
    """

    dose_gy: FloatArray
    volume_cm3: FloatArray
    cumulated_cm3: FloatArray

    def __init__(self, dose_gy: ArrayLike, volume_cm3: ArrayLike) -> None:
        dose, share = np.asarray(dose_gy, dtype=np.float64), np.asarray(volume_cm3, dtype=np.float64)
        if np.any(dose[1:] > dose[:-1]):
            order = np.argsort(-dose, kind="stable")
            dose, share = dose[order], share[order]
        object.__setattr__(self, "dose_gy", frozen(dose))
        object.__setattr__(self, "volume_cm3", frozen(share))
        object.__setattr__(self, "cumulated_cm3", frozen(np.cumsum(self.volume_cm3)))

    @property
    def total_cm3(self) -> float:
        """Volume of the whole curve, cm3."""
        return float(self.cumulated_cm3[-1]) if len(self.cumulated_cm3) else 0.0

    @property
    def maximum_gy(self) -> float:
        """Dose of the hottest knot, Gy."""
        return float(self.dose_gy[0])

    @property
    def minimum_gy(self) -> float:
        """Dose of the coldest knot, Gy."""
        return float(self.dose_gy[-1])

    @property
    def mean_gy(self) -> float:
        """Mean dose, Gy."""
        some = self.volume_cm3 > 0.0
        return float(np.sum(self.middle_gy[some] * self.volume_cm3[some]) / self.total_cm3)

    @property
    def middle_gy(self) -> FloatArray:
        """Mean dose of each knot's volume, Gy, ``(N,)``: half way to the next hotter knot."""
        return np.asarray(0.5 * (self.dose_gy + np.concatenate([self.dose_gy[:1], self.dose_gy[:-1]])))

    def volume_at_least(self, dose_gy: float) -> float:
        """Return the volume that receives at least a dose, cm3; linear between knots."""
        return float(self.volumes_at_least(np.array([dose_gy]))[0])

    def volumes_at_least(self, doses_gy: FloatArray) -> FloatArray:
        """Return the volumes ``(D,)`` that receive at least each of the doses ``(D,)``, cm3; linear between knots."""
        knots = len(self.dose_gy)
        if not knots:
            return np.zeros(len(doses_gy))
        level_gy = doses_gy * (1.0 - _AT_LEVEL)
        above = np.searchsorted(-self.dose_gy, -level_gy, side="right")
        whole_cm3 = np.where(above > 0, self.cumulated_cm3[above - 1], 0.0)
        colder = np.minimum(above, knots - 1)
        hotter = np.maximum(above - 1, 0)
        partly = (above > 0) & (above < knots) & np.isfinite(self.dose_gy[hotter])
        hot, cold = self.dose_gy[hotter[partly]], self.dose_gy[colder[partly]]
        whole_cm3[partly] += self.volume_cm3[colder[partly]] * (hot - level_gy[partly]) / (hot - cold)
        return whole_cm3


def dose_to_hottest(dvh: Dvh, volume_cm3: float) -> float:
    """Return the least dose within the hottest part of a structure.

    Parameters
    ----------
    dvh : Dvh
        Histogram of the whole structure.
    volume_cm3 : float
        Size of the hottest part, cm3, in [0, total]; 0 is the maximum, the total the minimum.

    Returns
    -------
    float
        Dose, Gy, unrounded, linear between knots.

    Raises
    ------
    ValueError
        If ``volume_cm3`` is outside [0, total].

    Examples
    --------
    >>> dose_to_hottest(Dvh(dose_gy=[30.0, 10.0, 20.0], volume_cm3=[1.0, 1.0, 1.0]), 2.0)
    20.0
    """
    total_cm3 = dvh.total_cm3
    if not 0.0 <= volume_cm3 <= total_cm3 * (1.0 + 1e-12):
        raise ValueError(f"{volume_cm3} cm3 is outside [0, {total_cm3}]")
    cumulated = dvh.cumulated_cm3
    if volume_cm3 >= total_cm3:
        return dvh.minimum_gy
    k = int(np.searchsorted(cumulated, volume_cm3, side="left"))
    hot, cold = float(dvh.dose_gy[max(k - 1, 0)]), float(dvh.dose_gy[k])
    before_cm3 = float(cumulated[k - 1]) if k else 0.0
    step_cm3 = float(cumulated[k]) - before_cm3
    if step_cm3 <= 0.0 or not np.isfinite(hot):
        return cold if volume_cm3 > before_cm3 or k == 0 else hot
    return hot + (cold - hot) * (volume_cm3 - before_cm3) / step_cm3


@dataclass(frozen=True, slots=True, eq=False)
class DvhCurves:
    """The dose-volume histogram of one structure, and the curves that bound it.

    Attributes
    ----------
    best : Dvh
        Best estimate: of the part inside the dose grid.
    variants : tuple of Dvh
        Least and most volume, coldest and hottest dose. What lies outside the grid has no dose in the cold ones and an
        infinite dose in the hot ones.
    outside_fraction : float
        Share of the structure's volume that lies outside the dose grid, 0 to 1.
    roi_number : int
    """

    best: Dvh
    variants: tuple[Dvh, ...] = ()
    outside_fraction: float = 0.0
    roi_number: int = 0

    def interval(self, quantity: Callable[[Dvh], float]) -> Interval:
        """Return a quantity of the best curve with its extremes over all curves.

        Parameters
        ----------
        quantity : callable
            From a curve to a number that rises with dose; raises NotComputable where it does not exist.

        Raises
        ------
        NotComputable
            If the quantity does not exist for one of the curves.
        """
        value = quantity(self.best)
        others = [quantity(dvh) for dvh in self.variants]
        if np.isnan(others).any():
            return Interval(value, -np.inf, np.inf)
        return Interval(value, min([value, *others]), max([value, *others]))

    def cumulative(self, doses_gy: FloatArray) -> FloatArray:
        """Return the volume receiving at least each dose, percent, ``(3, N)``: best estimate, lowest, highest."""
        curves = (self.best, *self.variants)
        rows = np.array([100.0 * c.volumes_at_least(doses_gy) / c.total_cm3 for c in curves])
        return np.array([rows[0], rows.min(axis=0), rows.max(axis=0)])


def dvh_curves(region: Region, dose: Dose, method: Method = _METHOD) -> DvhCurves:
    """Return the dose-volume histogram of a structure with its bounds.

    Small cells fill the layers of the structure's shape (package ``geometry``), each with the exact volume that the
    layer holds there, and with the range of dose across the cell.

    Parameters
    ----------
    region : Region
    dose : Dose
    method : Method
        What lies between and beyond the drawn planes, and the dose between voxel centres.

    Returns
    -------
    DvhCurves
        The bounds combine the least and most volume of the shape with the coldest and hottest dose between voxels.

    Raises
    ------
    NotComputable
        If the whole structure lies outside the dose grid, its thickness is unknown, or the dose is not a volume.
    """
    filled = fill(parts(region), dose, method)
    knots, (at_best, at_least, at_most) = filled.boxes.knots_gy, filled.at_least_mm3
    ends, outside = filled.extremes_gy, filled.outside_mm3
    if at_best[-1] <= 0.0 or not np.isfinite(filled.extremes_gy[:2]).all():
        raise NotComputable("the structure lies outside the dose grid", where=region.where)
    best = _curve(knots, at_best, (ends[0], ends[1]))
    # The shape may hold more where it is cold and less where it is hot, or the other way round.
    # In an even dose the middle may be rounded to just below the last knot.
    middle = min(int(np.searchsorted(-knots, -0.5 * (ends[0] + ends[1]))), len(knots) - 1)
    hotter = np.arange(len(knots)) < middle
    at_coldest = np.where(hotter, at_least, at_least[middle] + at_most - at_most[middle])
    at_hottest = np.where(hotter, at_most, at_most[middle] + at_least - at_least[middle])
    error = filled.boxes.unsure_gy
    colder = np.maximum(np.minimum.accumulate(knots - error), 0.0)
    warmer = np.minimum.accumulate((knots + error)[::-1] * -1.0)[::-1] * -1.0
    cold = [
        _curve(colder, volumes, (ends[4], ends[3]), cold_mm3=lost)
        for volumes, lost in ((at_least, outside[1]), (at_most, outside[2]), (at_coldest, outside[2]))
    ]
    hot = [
        _curve(warmer, volumes, (ends[2], ends[5]), hot_mm3=lost)
        for volumes, lost in ((at_least, outside[1]), (at_most, outside[2]), (at_hottest, outside[1]))
    ]
    return DvhCurves(
        best=best,
        variants=(*cold, *hot),
        outside_fraction=float(outside[0] / (outside[0] + at_best[-1])),
        roi_number=region.roi_number,
    )


def _curve(
    knots_gy: FloatArray,
    at_least_mm3: FloatArray,
    ends_gy: tuple[float, float],
    cold_mm3: float = 0.0,
    hot_mm3: float = 0.0,
) -> Dvh:
    """Return the curve within its least and highest dose.

    ``cold_mm3`` and ``hot_mm3`` lie outside the dose grid: of them no dose is known, so they receive 0 or infinity.
    """
    low_gy, high_gy = ends_gy
    total = at_least_mm3[-1]
    held = (knots_gy > low_gy) & (knots_gy < high_gy)
    # What the boxes spread beyond the ends belongs to the ends.
    dose = np.concatenate([[high_gy], knots_gy[held], [low_gy, low_gy]])
    at_low = np.interp(-low_gy, -knots_gy, at_least_mm3)
    at_high = np.interp(-high_gy, -knots_gy, at_least_mm3)
    cumulated = np.concatenate([[at_high], at_least_mm3[held], [at_low, total]])
    volume = np.diff(cumulated, prepend=0.0)
    if hot_mm3 > 0.0:
        dose, volume = np.append(np.inf, dose), np.append(hot_mm3, volume)
    if cold_mm3 > 0.0:
        dose, volume = np.append(dose, [0.0, 0.0]), np.append(volume, [0.0, cold_mm3])
    return Dvh(dose, volume / _MM3_PER_CM3)
