"""Dose-volume histograms, unbinned, with the variants that bound their error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from sbrtcheck.dose.sampling import Samples, sample, sample_raster
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.raster import Covered, Raster, covered, raster_of
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.slices import layers_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Dose, FloatArray, frozen
from sbrtcheck.results import Interval

# Sample cells: this many in a small structure ...
_CELLS_SMALL = 40_000
# ... no wider than this share of the dose grid in a large one ...
_CELL_SHARE = 0.6
# ... and never more than this many in all.
_CELLS_MOST = 600_000
# A curve is kept with this many steps at most; its hottest and coldest samples stay single.
_STEPS_MOST = 40_000
_TAIL = 4_000
# What a cell's single dose leaves unknown: this share of the change of dose across the cell.
_CELL_ERROR_SHARE = 0.05
# Multiples of powers of the inverse of the real root of x^4 = x + 1 fill a cube evenly.
_EVEN_RATIOS = (0.8191725133961644, 0.6710436067037893, 0.5497004779019703)
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
        """Return the volume that receives at least a dose, cm3."""
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
    filled = [_fill(part, dose, total_mm3) for part in parts(region)]
    volumes = np.concatenate([f.volume_mm3 for f in filled], axis=1) / _MM3_PER_CM3
    samples = _joined([f.samples for f in filled])
    best = np.where(samples.inside, volumes[0], 0.0)
    if not best.any():
        raise NotComputable("the structure lies outside the dose grid", where=region.where)
    outline = np.logical_not(volumes.any(axis=0))
    extremes_gy = min(f.coldest_gy for f in filled), max(f.hottest_gy for f in filled)
    cold, hot = _bounds(volumes, samples, outline, extremes_gy)
    return DvhCurves(
        best=_condensed(samples.dose_gy, best, outline & samples.inside),
        variants=(*cold, *hot),
        outside_fraction=float(1.0 - best.sum() / volumes[0].sum()) if not samples.inside.all() else 0.0,
        roi_number=region.roi_number,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Filled:
    """Cells of one part and points on its outlines.

    ``volume_mm3`` is ``(3, N)``: best estimate, lower and upper bound. ``coldest_gy`` and ``hottest_gy`` bound the dose
    in the corners of cells that the structure may reach.
    """

    volume_mm3: FloatArray
    samples: Samples
    coldest_gy: float
    hottest_gy: float


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


def _fill(part: Region, dose: Dose, total_mm3: float) -> _Filled:
    cell_mm = _cell_mm(part, dose, total_mm3)
    # Two layers at least between planes: the change of dose across them is needed too.
    layers = layers_of(part, min(cell_mm, 0.5 * _least_step_mm(part)))
    raster = raster_of(part, layers, cell_mm)
    volumes, doses = [], []
    coldest_gy, hottest_gy = np.inf, -np.inf
    for group in covered(part, layers, raster):
        some = group.volume_mm3.any(axis=0).ravel()
        volumes.append(group.volume_mm3.reshape(3, -1)[:, some])
        samples, corner_gy = _cell_doses(dose, part, raster, group)
        doses.append(samples.picked(some))
        held = some & samples.inside
        coldest_gy = min(coldest_gy, (samples.low_gy - corner_gy).min(where=held, initial=np.inf))
        hottest_gy = max(hottest_gy, (samples.high_gy + corner_gy).max(where=held, initial=-np.inf))
    coordinates, plane = shapely.get_coordinates(
        shapely.segmentize(np.array(part.outlines), cell_mm), return_index=True
    )
    doses.append(sample(dose, part.to_lps(np.column_stack([coordinates, part.w_mm[plane]]))))
    volumes.append(np.zeros((3, len(coordinates))))
    return _Filled(np.concatenate(volumes, axis=1), _joined(doses), max(float(coldest_gy), 0.0), float(hottest_gy))


def _cell_doses(dose: Dose, part: Region, raster: Raster, group: Covered) -> tuple[Samples, FloatArray]:
    """Return the dose of the covered part of each cell of a group of layers, and by how much its corners differ, Gy.

    Both ``(S * N,)``.
    """
    found = sample_raster(dose, part.to_patient, raster.u_mm, raster.v_mm, group.w_mm)

    def of_cells(values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(len(group.w_mm), -1)[:, group.cells]

    # Change of dose across a cell along u, v and w, Gy.
    across = [of_cells(np.asarray(np.gradient(found.dose_gy, axis=axis))) for axis in (2, 1, 0)]
    change = (across[0] * group.offset_mm[0] + across[1] * group.offset_mm[1]) / raster.cell_mm
    # Each cell stands for a box of doses: spread evenly over it, the histogram has no steps.
    full = np.minimum(group.volume_mm3[0] / (raster.cell_mm**2 * group.thickness_mm), 1.0)
    spread = _spread_evenly(change.shape)
    change += spread[2] * across[2] + full * (spread[0] * across[0] + spread[1] * across[1])
    unsure = _CELL_ERROR_SHARE * np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
    samples = Samples(
        dose_gy=(of_cells(found.dose_gy) + change).ravel(),
        low_gy=(of_cells(found.low_gy) + change - unsure).ravel(),
        high_gy=(of_cells(found.high_gy) + change + unsure).ravel(),
        inside=of_cells(found.inside).ravel(),
    )
    return samples, 0.5 * (np.abs(across[0]) + np.abs(across[1]) + np.abs(across[2])).ravel()


def _spread_evenly(shape: tuple[int, ...]) -> FloatArray:
    """Return three numbers in (-0.5, 0.5) for each cell that fill the cube evenly: an additive recurrence."""
    n = np.arange(int(np.prod(shape)), dtype=np.float64)
    return np.array([((n * ratio) % 1.0 - 0.5).reshape(shape) for ratio in _EVEN_RATIOS])


def _least_step_mm(part: Region) -> float:
    """Return the least distance between neighbouring planes, or the usual step where it is smaller, mm."""
    return min([*np.diff(part.w_mm), np.inf if part.step_mm is None else part.step_mm])


def _cell_mm(part: Region, dose: Dose, total_mm3: float) -> float:
    part_mm3 = float(sum(layers.volume_mm3[0] for layers in layers_of(part)))
    share = part_mm3 / total_mm3
    small = (part_mm3 / max(_CELLS_SMALL * share, 0.05 * _CELLS_SMALL)) ** (1.0 / 3.0)
    large = (total_mm3 / _CELLS_MOST) ** (1.0 / 3.0)
    return float(max(min(small, _CELL_SHARE * min(dose.lattice.spacing_mm)), large))


def _joined(found: list[Samples]) -> Samples:
    return Samples(
        dose_gy=np.concatenate([s.dose_gy for s in found]),
        low_gy=np.concatenate([s.low_gy for s in found]),
        high_gy=np.concatenate([s.high_gy for s in found]),
        inside=np.concatenate([s.inside for s in found]),
    )


def _condensed(
    dose_gy: FloatArray, volume_cm3: FloatArray, outline: BoolArray, extreme_gy: float | None = None
) -> Dvh:
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
