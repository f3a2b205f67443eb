"""The planning system's own DVH beside ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import FloatArray, Structure, TpsDvh
from sbrtcheck.results import Interval, Notice

T = TypeVar("T")

# The very ends of a DVH hang on single voxels and on each program's way of cutting them, so they are left out.
_SHARES = np.linspace(0.02, 0.98, 97)
_SAME_MEAN_PERCENT = 0.5  # mean doses of two programs that differ by no more than this are called the same
# Beyond this share a difference is warned about, where our own error does not explain it (docs/decisions/0021).
_APART_PERCENT = 2.0


@dataclass(frozen=True, slots=True)
class Beside:
    """Our numbers of one structure for those that the planning system stored, and what sets the two apart.

    Attributes
    ----------
    volume_cm3, minimum_gy, mean_gy, maximum_gy : Interval or None
        Ours; None where not computable.
    difference_gy : float or None
        Largest horizontal distance between the two cumulative curves, Gy.
    remark : str
        How far the mean doses are apart, and whether our error explains it.
    apart : tuple of str
        Every difference beyond 2 % that our own error does not explain.
    """

    volume_cm3: Interval | None
    minimum_gy: Interval | None = None
    mean_gy: Interval | None = None
    maximum_gy: Interval | None = None
    difference_gy: float | None = None
    remark: str = ""
    apart: tuple[str, ...] = ()


def beside(
    stored: TpsDvh,
    volume: Callable[[Structure], Interval],
    dvh: Callable[[Structure], DvhCurves],
    structure: Structure,
) -> Beside:
    """Compare a stored DVH with ours.

    Parameters
    ----------
    stored : TpsDvh
    volume, dvh : callable
        Our volume and DVH of a structure; where these raise NotComputable, nothing is compared.
    structure : Structure

    Notes
    -----
    A difference is named in ``apart`` when it is beyond 2 % and theirs lies outside our interval: of their value for
    volume and mean dose, of the highest dose of the structure for the rest. Programs that sample voxel centres miss the
    very coldest and hottest points of an outline, so a minimum or maximum is only named where it lies on the far side:
    a dose that we find nowhere in the structure.
    """
    volume_cm3, curves = _or_none(volume, structure), _or_none(dvh, structure)
    apart = [_volume_apart(stored, volume_cm3, curves)]
    if curves is None or curves.best.total_cm3 <= 0.0:
        return Beside(volume_cm3, apart=tuple(text for text in apart if text))
    low, mean, high = (
        curves.interval(quantity) for quantity in (lambda d: d.minimum_gy, lambda d: d.mean_gy, lambda d: d.maximum_gy)
    )
    apart += [_mean_apart(stored, mean), *_ends_apart(stored, low, high)]
    differences, outside = _curve_differences(curves, stored)
    # Within one of its bins a stored curve says nothing.
    difference_gy, step_gy = float(differences.max()), max(_of_highest(stored), float(np.diff(stored.dose_gy).max()))
    if (differences[outside] > step_gy).any():
        apart.append(f"the curves are up to {float(differences[outside].max()):.4g} Gy apart")
    remark = _mean_doses_compared(stored, mean)
    return Beside(volume_cm3, low, mean, high, difference_gy, remark, tuple(text for text in apart if text))


def differs(roi_number: int, found: Beside) -> Notice:
    """Return the warning for a structure of which ``found.apart`` names something."""
    return Notice(
        code="tps-differs",
        message=f"ROI {roi_number} differs from the planning system's own DVH by more than {_APART_PERCENT:g} % and "
        f"more than our error explains: {'; '.join(found.apart)}; look at the structure and the dose in both programs",
        where=f"ROI {roi_number}",
    )


def _or_none(compute: Callable[[Structure], T], structure: Structure) -> T | None:
    try:
        return compute(structure)
    except NotComputable:
        return None


def _of_highest(stored: TpsDvh) -> float:
    """Return two percent of the highest dose that was stored, Gy."""
    highest = stored.maximum_gy
    if highest is None:
        reached = stored.dose_gy[stored.volume_cm3 > 0.0]
        highest = float(reached[-1]) if len(reached) else 0.0
    return _APART_PERCENT / 100.0 * highest


def _told(what: str, ours: Interval, theirs: float, unit: str) -> str:
    return f"{what} {ours.value:.4g} [{ours.low:.4g} to {ours.high:.4g}] {unit} here, {theirs:.4g} {unit} there"


def _outside(ours: Interval, theirs: float, step: float) -> bool:
    return abs(ours.value - theirs) > step and not ours.low <= theirs <= ours.high


def _volume_apart(stored: TpsDvh, ours: Interval | None, curves: DvhCurves | None) -> str:
    theirs = float(stored.volume_cm3[0])
    if ours is not None and curves is not None and curves.outside_fraction > 0.0:
        # Some programs count the whole structure, some the part inside the dose grid.
        ours = Interval(ours.value, min(ours.low, ours.low * (1.0 - curves.outside_fraction)), ours.high)
    if ours is None or not _outside(ours, theirs, _APART_PERCENT / 100.0 * theirs):
        return ""
    return _told("volume", ours, theirs, "cm3")


def _mean_apart(stored: TpsDvh, ours: Interval) -> str:
    if stored.mean_gy is None or not _outside(ours, stored.mean_gy, _APART_PERCENT / 100.0 * stored.mean_gy):
        return ""
    return _told("mean dose", ours, stored.mean_gy, "Gy")


def _ends_apart(stored: TpsDvh, low: Interval, high: Interval) -> list[str]:
    found, step_gy = [], _of_highest(stored)
    if stored.minimum_gy is not None and stored.minimum_gy < min(low.low, low.value - step_gy):
        found.append(_told("minimum dose", low, stored.minimum_gy, "Gy"))
    if stored.maximum_gy is not None and stored.maximum_gy > max(high.high, high.value + step_gy):
        found.append(_told("maximum dose", high, stored.maximum_gy, "Gy"))
    return found


def _curve_differences(
    curves: DvhCurves, stored: TpsDvh
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the dose between the curves at each share of their volume, Gy, and where theirs leaves our bounds.

    Both curves are read at the same shares of their own volume, 2 % to 98 %, so that a difference in volume (end caps,
    voxels) does not appear as a difference in dose.
    """
    falling = np.maximum.accumulate(stored.volume_cm3[::-1])  # rising volume, from the hot end
    their_gy = np.interp(_SHARES, falling / falling[-1], stored.dose_gy[::-1])
    ours = np.array([_read(dvh) for dvh in (curves.best, *curves.variants)])
    outside = (their_gy < ours.min(axis=0)) | (their_gy > ours.max(axis=0))
    return np.abs(ours[0] - their_gy), outside


def _read(dvh: Dvh) -> FloatArray:
    return np.array([dose_to_hottest(dvh, share * dvh.total_cm3) for share in _SHARES])


def _mean_doses_compared(stored: TpsDvh, ours: Interval) -> str:
    if stored.mean_gy is None or stored.mean_gy <= 0:
        return ""
    percent = 100.0 * (ours.value / stored.mean_gy - 1.0)
    if abs(percent) <= _SAME_MEAN_PERCENT:
        return f"mean doses agree within {_SAME_MEAN_PERCENT:g} %"
    apart = f"our mean dose is {abs(percent):.1f} % {'higher' if percent > 0 else 'lower'}"
    if ours.low <= stored.mean_gy <= ours.high:
        return (
            f"{apart}; theirs lies inside our interval: ends and the space between planes can be closed in either way"
        )
    return f"{apart}, and theirs lies outside our interval: look at the structure in both programs"
