"""Doses of several courses added voxel by voxel, each turned into its effect before it is added, with bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest, dvh_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, DoseArray, FloatArray, Lattice, Method, frozen
from sbrtcheck.results import Interval

BoolArray = NDArray[np.bool_]
# Where a course ends, its dose drops to nothing from one voxel to the next, and a cubic beside such a step overshoots
# by 2/27 of it, of which the error of the dose between voxels holds a half. A choice of this program: so much less of
# the least dose on the first, second, third and fourth voxel from the end, which leaves less than 0.1 % of the step.
_LESS_AT_THE_END: Final = (0.1, 0.1, 0.01, 0.01)
_INSIDE: Final = 0.5  # half way up a rise from 0 to 1

_METHOD = Method()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one course gives at the voxel centres of a lattice: physical dose, Gy, with its bounds.

    Attributes
    ----------
    name : str
        How the course is called in results.
    best_gy, low_gy, high_gy : (K, J, I) float
        Where the course is not reached only what may stand in for it: never a dose.
    reached : (K, J, I) bool
        Where the dose is known, wherever within its uncertainty the voxel may lie.
    fractions : int or None
        In which the dose was given; None where it is not known.
    recovery : float
        Share of the effect that is taken as recovered, 0 to 1.
    uids : tuple of str
        SOP instance UIDs of the dose.
    """

    name: str
    best_gy: FloatArray | DoseArray
    low_gy: FloatArray | DoseArray
    high_gy: FloatArray | DoseArray
    reached: BoolArray
    fractions: int | None
    uids: tuple[str, ...]
    recovery: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.recovery <= 1.0:
            raise ValueError(f"a recovery of {self.recovery} is not a share of the effect")


@dataclass(frozen=True, slots=True, eq=False)
class Accumulated:
    """The sum of all courses on the lattice of the current plan, or on a part of it.

    Attributes
    ----------
    best : Dose
        The sum of what is known: a course counts nothing where it is not reached.
    low, high : Dose
        Its bounds at the voxel centres. Of a course that is not reached the least dose is 0; what ``high`` holds there
        is no bound, see ``unreached``.
    courses : tuple of str
        Names of the courses, the current plan first.
    text : str
        What was added and how.
    unreached : tuple of (K, J, I) bool or None
        For each course where its dose is not known; None where it is known everywhere.
    """

    best: Dose
    low: Dose
    high: Dose
    courses: tuple[str, ...]
    text: str
    unreached: tuple[BoolArray | None, ...]

    @property
    def unreached_percent(self) -> float:
        """Percent of the voxels at which the dose of some course is not known."""
        masks = [mask for mask in self.unreached if mask is not None]
        return 100.0 * float(np.logical_or.reduce(masks).mean()) if masks else 0.0


def accumulated(plan: Dose, parts: Sequence[Part], effect: Effect | None) -> Accumulated:
    """Add up courses voxel by voxel.

    Parameters
    ----------
    plan : Dose
        Of the current plan: its lattice and frame of reference are those of the sum.
    parts : sequence of Part
        Every course, the current plan first, each on that lattice.
    effect : Effect or None
        What each course is turned into, with its own number of fractions, before it is added; None adds physical dose.

    Returns
    -------
    Accumulated
        ``EFFECTIVE`` dose for an effect, else ``PHYSICAL``. The step in which doses were stored is part of the bounds,
        so the doses of the sum have none of their own.

    Raises
    ------
    NotComputable
        If the number of fractions of a course is not known and an effect is asked.

    Notes
    -----
    The effect is not linear in dose, so turning the sum of two courses into an effect gives another, wrong number.
    Recovery lessens the effect of a course, never a physical dose. The parts are added in the order of their UIDs, so
    the order of the courses changes no digit.
    """
    totals = np.zeros((3, *plan.lattice.shape))
    for part in sorted(parts, key=lambda p: p.uids):
        ended = None if part.reached.all() else ~part.reached
        best, low, high = part.best_gy, part.low_gy, part.high_gy
        if ended is not None:
            best, low = np.where(ended, 0.0, best), np.where(ended, 0.0, _tapered(low, ended))
        totals += [_effect_of(values, part, effect) for values in (best, low, high)]
    uids = tuple(uid for part in parts for uid in part.uids)
    best_gy, low_gy, high_gy = (
        replace(
            plan,
            dose_gy=frozen(total, np.float32),
            kind="EFFECTIVE" if effect else "PHYSICAL",
            quantisation_gy=0.0,
            sop_instance_uids=uids,
            tps_dvhs=(),
        )
        for total in totals
    )
    return Accumulated(
        best=best_gy,
        low=low_gy,
        high=high_gy,
        courses=tuple(part.name for part in parts),
        text=_told(parts, effect),
        unreached=tuple(None if part.reached.all() else ~part.reached for part in parts),
    )


def plan_part(plan: Dose, name: str, fractions: int | None) -> Part:
    """Return the current plan as a part of a sum on its own lattice.

    Raises
    ------
    NotComputable
        If its dose is stored as an effective one.
    """
    require_physical(plan, name)
    dose, step = plan.dose_gy, np.float32(plan.quantisation_gy)
    reached = np.ones(dose.shape, dtype=bool)
    return Part(name, dose, np.maximum(dose - step, 0.0), dose + step, reached, fractions, plan.sop_instance_uids)


def require_physical(dose: Dose, name: str) -> None:
    """Raise NotComputable where a dose is stored as an effective one: it can neither be converted nor added."""
    if dose.kind != "PHYSICAL":
        raise NotComputable(
            f"the dose of {name} is stored as an effective dose, which cannot be added to others",
            remedy="Export the physical dose",
            where=" ".join(dose.sop_instance_uids),
        )


def accumulated_curves(region: Region, total: Accumulated, method: Method = _METHOD) -> DvhCurves:
    """Return the dose-volume histogram of a structure in a sum of courses, with its bounds.

    Parameters
    ----------
    region : Region
    total : Accumulated
    method : Method

    Returns
    -------
    DvhCurves
        Best: of the best sum. Variants: every curve of all three sums, so that the interval of any quantity holds the
        error of the mapping and the error between voxels. ``outside_fraction`` is the share that lies outside the grid
        of the plan or that some course does not reach.

    Raises
    ------
    NotComputable
        If the whole structure lies outside the grid of the plan, or its thickness is unknown.

    Notes
    -----
    The part that a course does not reach has a least dose, that of the other courses, and no highest one: in the hot
    curves as much volume as may lie there receives an infinite dose, and the coldest volume is left out for it. As the
    known part receives no more than the whole structure, this curve is nowhere too low.
    """
    best, low, high = (dvh_curves(region, dose, method) for dose in (total.best, total.low, total.high))
    hot = [high.best, *high.variants]
    share = unreached_share(region, total, None, method)
    if share.high > 0.0:
        hot = [_unbounded(dvh, share.high) for dvh in hot]
    return replace(
        best,
        variants=(*best.variants, low.best, *low.variants, *hot),
        outside_fraction=min(best.outside_fraction + (1.0 - best.outside_fraction) * share.value, 1.0),
    )


def unreached_share(region: Region, total: Accumulated, course: int | None, method: Method = _METHOD) -> Interval:
    """Return which share of a structure a course does not reach, of the part inside the grid of the plan, 0 to 1.

    Parameters
    ----------
    region : Region
    total : Accumulated
    course : int or None
        Place in ``total.courses``; None for what at least one course does not reach.

    Raises
    ------
    NotComputable
        As ``accumulated_curves`` does.

    Notes
    -----
    Known is a point whose voxel cell has all eight corners reached. The upper bound counts every cell with a corner
    that is not, and the lower one the cells with eight such corners.
    """
    chosen = total.unreached if course is None else (total.unreached[course],)
    masks = [mask for mask in chosen if mask is not None]
    if not masks:
        return Interval.exact(0.0)
    lost = np.logical_or.reduce(masks)
    if not lost.any():
        return Interval.exact(0.0)
    # A field that rises by 1 where the wider mask begins, where the mask does and where the narrower one does: half way
    # up each rise it holds no less than the wider mask, and no more than the narrower one.
    rises = _grown(lost).astype(np.float32) + lost + ~_grown(~lost)
    field = replace(total.best, dose_gy=frozen(rises, np.float32))
    curves = dvh_curves(region, field, replace(method, dose="trilinear"))
    high, value, low = (curves.interval(partial(_share_at_least, level=n + _INSIDE)) for n in range(3))
    return Interval(value.value, min(low.low, value.value), max(high.high, value.value))


def missing(region: Region, total: Accumulated, method: Method = _METHOD) -> tuple[str, ...]:
    """Return, as sentences, which part of a structure lacks the dose of which course; raises as ``unreached_share``."""
    found = []
    for number, name in enumerate(total.courses):
        share = unreached_share(region, total, number, method)
        if share.high > 0.0:
            found.append(
                f"the dose of {name} does not surely reach {100.0 * share.value:.1f} % of {region.where} "
                f"({100.0 * share.low:.1f} to {100.0 * share.high:.1f} %): unknown there, not zero"
            )
    return tuple(found)


def _share_at_least(dvh: Dvh, level: float) -> float:
    return dvh.volume_at_least(level) / dvh.total_cm3


def _unbounded(dvh: Dvh, share: float) -> Dvh:
    """Return a curve with a share of its volume at an infinite dose in place of the coldest."""
    volume_cm3 = min(share, 1.0) * dvh.total_cm3
    left_cm3 = dvh.total_cm3 - volume_cm3
    hotter = dvh.cumulated_cm3 < left_cm3
    dose, volume = dvh.dose_gy[hotter], dvh.volume_cm3[hotter]
    if left_cm3 > 0.0:
        # What is left ends within the step of a knot.
        dose = np.append(dose, dose_to_hottest(dvh, left_cm3))
        volume = np.append(volume, left_cm3 - volume.sum())
    return Dvh(np.append(np.inf, dose), np.append(volume_cm3, volume))


def _effect_of(dose_gy: FloatArray | DoseArray, part: Part, effect: Effect | None) -> FloatArray:
    if effect is None:
        return np.asarray(dose_gy, dtype=np.float64)
    if part.fractions is None:
        raise NotComputable(
            f"the number of fractions of {part.name} is not known, so its {effect.quantity} is not",
            remedy="Give the plan of the course, or state its number of fractions",
        )
    return effect.of(dose_gy, part.fractions) * (1.0 - part.recovery)


def _tapered(low_gy: FloatArray | DoseArray, ended: BoolArray) -> FloatArray:
    """Return the least dose with less of it beside the voxels where a course ends."""
    share = np.ones(low_gy.shape)
    beside = ended
    for less in _LESS_AT_THE_END:
        further = _grown(beside)
        share[further & ~beside] = 1.0 - less
        beside = further
    return share * low_gy


def _grown(mask: BoolArray) -> BoolArray:
    """Return a mask with all neighbours of its voxels, those across edges and corners too."""
    for axis in range(mask.ndim):
        before, grown = np.swapaxes(mask, 0, axis), np.swapaxes(mask.copy(), 0, axis)
        grown[1:] |= before[:-1]
        grown[:-1] |= before[1:]
        mask = np.swapaxes(grown, 0, axis)
    return mask


def _told(parts: Sequence[Part], effect: Effect | None) -> str:
    if effect is None:
        return "sum of physical dose: " + ", ".join(part.name for part in parts)
    listed = ", ".join(
        f"{part.name} (n = {part.fractions}" + (f", {100.0 * part.recovery:g} % recovered)" if part.recovery else ")")
        for part in parts
    )
    return (
        f"sum of {effect}: {listed}; {effect.formula}, each course voxel by voxel with its own n fractions "
        "(linear-quadratic model, disputed at high doses per fraction)"
    )


def cropped(dose: Dose, window: tuple[slice, slice, slice]) -> Dose:
    """Return the part of a dose within a window of voxels (k, j, i)."""
    k, j, i = window
    grid = dose.lattice
    lattice = Lattice(frozen(grid.i_mm[i]), frozen(grid.j_mm[j]), frozen(grid.k_mm[k]), grid.to_patient)
    return replace(dose, dose_gy=frozen(dose.dose_gy[window], np.float32), lattice=lattice)
