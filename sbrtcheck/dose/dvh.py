"""Dose-volume histograms, unbinned, with the variants that bound their error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sbrtcheck.dose.cells import fill, joined
from sbrtcheck.dose.sampling import Samples
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Dose, FloatArray, frozen
from sbrtcheck.results import Interval

# A curve is kept with this many steps at most; its hottest and coldest samples stay single.
_STEPS_MOST = 20_000
_TAIL = 2_000
# A dose this close below a level, relative to it, counts as at the level: rounding of 32-bit doses.
_AT_LEVEL = 1e-6
_MM3_PER_CM3 = 1000.0

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Dvh:
    """Samples of a dose in a structure, hottest first.

    Samples of no volume are points on the outline: they belong to the extremes, not to the mean.

    Attributes
    ----------
    dose_gy, volume_cm3 : (N,) float
        Given in any order. Dose may be infinite in an upper bound: unknown.
    cumulated_cm3 : (N,) float
        Volume of each sample and all hotter ones.
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
        """Volume of all samples, cm3."""
        return float(self.cumulated_cm3[-1]) if len(self.cumulated_cm3) else 0.0

    @property
    def maximum_gy(self) -> float:
        """Dose of the hottest sample, Gy."""
        return float(self.dose_gy[0])

    @property
    def minimum_gy(self) -> float:
        """Dose of the coldest sample, Gy."""
        return float(self.dose_gy[-1])

    @property
    def mean_gy(self) -> float:
        """Mean dose, Gy."""
        some = self.volume_cm3 > 0.0
        return float(np.sum(self.dose_gy[some] * self.volume_cm3[some]) / self.total_cm3)

    def volume_at_least(self, dose_gy: float) -> float:
        """Return the volume that receives at least a dose, cm3; linear between samples."""
        dose_gy *= 1.0 - _AT_LEVEL
        above = int(np.searchsorted(-self.dose_gy, -dose_gy, side="right"))
        if above == 0:
            return 0.0
        volume_cm3 = float(self.cumulated_cm3[above - 1])
        if above < len(self.dose_gy):
            hot, cold = self.dose_gy[above - 1], self.dose_gy[above]
            if np.isfinite(hot):
                volume_cm3 += float(self.volume_cm3[above] * (hot - dose_gy) / (hot - cold))
        return volume_cm3


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
        Dose, Gy, unrounded, linear between samples.

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
        rows = np.array([[100.0 * c.volume_at_least(float(d)) / c.total_cm3 for d in doses_gy] for c in curves])
        return np.array([rows[0], rows.min(axis=0), rows.max(axis=0)])


def dvh_curves(region: Region, dose: Dose) -> DvhCurves:
    """Return the dose-volume histogram of a structure with its bounds.

    Small cells fill the layers of the structure's shape (package ``geometry``), each with the exact volume that the
    layer holds there, and take the trilinear dose at their centres.

    Parameters
    ----------
    region : Region
    dose : Dose

    Returns
    -------
    DvhCurves
        The bounds combine the least and most volume of the shape with the coldest and hottest dose between voxels.

    Raises
    ------
    NotComputable
        If the whole structure lies outside the dose grid, its thickness is unknown, or the dose is not a volume.
    """
    total_mm3 = volume(region).value * _MM3_PER_CM3
    filled = [fill(part, dose, total_mm3) for part in parts(region)]
    volumes = np.concatenate([f.volume_mm3 for f in filled], axis=1) / _MM3_PER_CM3
    samples = joined([f.samples for f in filled])
    best_cm3 = np.where(samples.inside, volumes[0], 0.0)
    if not best_cm3.any():
        raise NotComputable("the structure lies outside the dose grid", where=region.where)
    outline = np.logical_not(volumes.any(axis=0))
    caps_gy = np.concatenate([f.caps_gy for f in filled])
    best = _condensed(
        np.concatenate([samples.dose_gy, caps_gy]),
        np.concatenate([best_cm3, np.zeros(len(caps_gy))]),
        np.concatenate([outline & samples.inside, np.ones(len(caps_gy), dtype=bool)]),
    )
    extremes_gy = min(f.coldest_gy for f in filled), max(f.hottest_gy for f in filled)
    cold, hot = _bounds(volumes, samples, outline, extremes_gy)
    return DvhCurves(
        best=best,
        variants=(*cold, *hot),
        outside_fraction=0.0 if samples.inside.all() else float(1.0 - best_cm3.sum() / volumes[0].sum()),
        roi_number=region.roi_number,
    )


def _bounds(
    volumes: FloatArray, samples: Samples, outline: BoolArray, extremes_gy: tuple[float, float]
) -> tuple[list[Dvh], list[Dvh]]:
    """Return the curves of least, most and most unfavourable volume, with the coldest and with the hottest dose."""
    least, most = volumes[1], volumes[2]
    middle_gy = np.median(samples.dose_gy)
    low = np.where(samples.inside, samples.low_gy, 0.0)
    high = np.where(samples.inside, samples.high_gy, np.inf)
    # The shape may hold more where it is cold and less where it is hot, or the other way round.
    cold = np.where(low < middle_gy, most, least)
    hot = np.where(high < middle_gy, least, most)
    curves = []
    for doses, worst, extreme_gy in ((low, cold, extremes_gy[0]), (high, hot, extremes_gy[1])):
        order = np.argsort(-doses, kind="stable")  # once for three curves
        curves.append(
            [_condensed(doses[order], share[order], outline[order], extreme_gy) for share in (least, most, worst)]
        )
    return curves[0], curves[1]


def _condensed(dose_gy: FloatArray, volume_cm3: FloatArray, outline: BoolArray, extreme_gy: float | None = None) -> Dvh:
    """Return the curve of all cells that hold something and of the points on the outline, in a bounded number of steps.

    In the middle of a long curve neighbouring samples are joined at their mean dose.
    """
    kept = (volume_cm3 > 0.0) | outline
    dvh = Dvh(dose_gy[kept], volume_cm3[kept])
    if extreme_gy is not None:
        dvh = Dvh(np.append(dvh.dose_gy, extreme_gy), np.append(dvh.volume_cm3, 0.0))
    surplus = len(dvh.dose_gy) - 2 * _TAIL
    if surplus <= _STEPS_MOST - 2 * _TAIL:
        return dvh
    middle = _TAIL + np.linspace(0, surplus, _STEPS_MOST - 2 * _TAIL, endpoint=False).astype(np.intp)
    starts = np.concatenate([np.arange(_TAIL), middle, np.arange(_TAIL) + _TAIL + surplus])
    joined = np.add.reduceat(dvh.volume_cm3, starts)
    energy = np.add.reduceat(dvh.dose_gy * np.where(np.isinf(dvh.dose_gy), 1.0, dvh.volume_cm3), starts)
    mean = np.divide(energy, joined, out=dvh.dose_gy[starts].copy(), where=(joined > 0.0) & np.isfinite(energy))
    return Dvh(mean, joined)
