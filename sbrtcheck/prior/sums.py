"""Cumulative dose: earlier courses carried onto the grid of the current plan and added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import shapely

from sbrtcheck.dose.accumulation import (
    Accumulated,
    BoolArray,
    Part,
    accumulated,
    accumulated_curves,
    cropped,
    missing,
    plan_part,
    require_physical,
)
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, DoseArray, FloatArray, Lattice, Method, PriorCourse, frozen
from sbrtcheck.prior.resampling import Resampled, Resampling, Window
from sbrtcheck.results import Interval

if TYPE_CHECKING:
    from sbrtcheck.prior.mapping import Mapping

# Voxels around a structure: what a cubic looks at beside its own cell, and what the dose of a cell's neighbours needs.
_BESIDE: Final = 4
_MM3_PER_CM3: Final = 1000.0
_STATE_FRACTIONS: Final = "Give the plan of the course, or state its number of fractions"

_METHOD = Method()
T = TypeVar("T", DoseArray, BoolArray)


@dataclass(frozen=True, slots=True, eq=False)
class AddedCourse:
    """An earlier course as it is added.

    Attributes
    ----------
    name : str
        How it is called in results.
    mapping : Mapping
        From the frame of the current plan to that of the earlier dose.
    fractions : int or None
        None where it is not known: then only physical dose can be added.
    recovery : float
        Share of its effect that is taken as recovered since, 0 to 1: BED or EQD2 times (1 - recovery).
    shift_mm, rotation_deg : float
        The registration error as stated: any shift and any rotation up to these.
    pivot_mm : (float, float, float)
        Point of the current plan that the rotation is about, LPS, mm: where the registration was made to fit.
    """

    name: str
    dose: Dose
    mapping: Mapping
    fractions: int | None
    recovery: float = 0.0
    shift_mm: float = 0.0
    rotation_deg: float = 0.0
    pivot_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def displacement_mm(self, lattice: Lattice, window: Window) -> float:
        """Return how far any point of a window may lie from where the mapping puts it, mm."""
        lever_mm = np.linalg.norm(_box_mm(lattice, window) - np.array(self.pivot_mm), axis=1).max()
        return self.shift_mm + 2.0 * float(np.sin(np.radians(min(self.rotation_deg, 180.0)) / 2.0) * lever_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """The sum of all courses in one structure.

    Attributes
    ----------
    curves : DvhCurves
    text : str
        What was added and how.
    missing : tuple of str
        Which part lacks the dose of which course, a sentence each.
    """

    curves: DvhCurves
    text: str
    missing: tuple[str, ...]


class Sums:
    """Sums of the current plan and all earlier courses.

    An earlier dose is carried over voxel by voxel where a structure needs it, once for all structures and effects.

    Parameters
    ----------
    plan : Dose
        Of the current plan; every sum lies on its grid.
    name : str
        How the current plan is called in results.
    courses : sequence of AddedCourse

    Raises
    ------
    NotComputable
        If a dose is stored as an effective one, or is not a volume.
    """

    def __init__(self, plan: Dose, name: str, courses: Sequence[AddedCourse]) -> None:
        require_physical(plan, name)
        for course in courses:
            require_physical(course.dose, course.name)
        self.plan, self.name, self.courses = plan, name, tuple(courses)
        self._resampled = tuple(
            Resampling(
                course.dose,
                course.mapping.through,
                plan.lattice,
                matrix=course.mapping.matrix,
                farthest_mm=course.displacement_mm(plan.lattice, _whole(plan.lattice)),
            )
            for course in courses
        )

    def accumulated(self, effect: Effect | None, fractions: int | None, region: Region) -> Accumulated:
        """Return the sum on the part of the plan's grid that a structure rests on.

        Parameters
        ----------
        effect : Effect or None
            None adds physical dose.
        fractions : int or None
            In which the dose of the current plan is given; needed for an effect.
        region : Region

        Raises
        ------
        NotComputable
            If a number of fractions is not known, or the structure lies outside the grid of the plan.
        """
        window = window_around(region, self.plan.lattice)
        parts = [_part(course, self._within(n, window)) for n, course in enumerate(self.courses)]
        return self._added(window, parts, effect, fractions)

    def as_mapped(self, effect: Effect | None, fractions: int | None) -> Accumulated:
        """Return the sum on the whole grid of the plan, with registrations taken as exact: to be shown, not judged."""
        window = _whole(self.plan.lattice)
        parts = [_part(c, found.within(window)) for c, found in zip(self.courses, self._resampled, strict=True)]
        return self._added(window, parts, effect, fractions)

    def _added(self, window: Window, parts: list[Part], effect: Effect | None, fractions: int | None) -> Accumulated:
        plan = cropped(self.plan, window)
        return accumulated(plan, [plan_part(plan, self.name, fractions), *parts], effect)

    def _within(self, number: int, window: Window) -> Resampled:
        return self._resampled[number].bounded(window, partial(self.courses[number].displacement_mm, self.plan.lattice))

    def summed(self, region: Region, effect: Effect | None, fractions: int | None, method: Method = _METHOD) -> Summed:
        """Return the cumulative DVH of a structure and what is told of it; raises as ``accumulated`` does."""
        total = self.accumulated(effect, fractions, region)
        return Summed(accumulated_curves(region, total, method), total.text, missing(region, total, method))

    def highest_gy(self, number: int, region: Region, method: Method | None = None) -> float:
        """Return the highest physical dose that an earlier course, counted from 0, gave to a structure, as mapped.

        Parameters
        ----------
        number : int
        region : Region
        method : Method, optional
            Without it, the highest dose in the box around the structure: quick, and hardly ever less.

        Raises
        ------
        NotComputable
            If the structure lies outside the grid of the plan.
        """
        window = window_around(region, self.plan.lattice)
        found = self._resampled[number].within(window)
        dose_gy = _known(found.best_gy, found, 0.0)
        if method is None:
            return float(dose_gy.max())
        field = replace(cropped(self.plan, window), dose_gy=frozen(dose_gy, np.float32))
        return dvh_curves(region, field, method).best.maximum_gy

    def course_as_mapped(self, number: int) -> Accumulated:
        """Return the physical dose of one earlier course, counted from 0, on the grid of the plan: to be shown."""
        whole = self._resampled[number].within(_whole(self.plan.lattice))
        return accumulated(self.plan, [_part(self.courses[number], whole)], None)

    def irradiated_in_both(self, number: int, now_gy: float, then_gy: float) -> Interval:
        """Return the volume that the current plan and one earlier course both irradiate.

        Parameters
        ----------
        number : int
            Of the earlier course, counted from 0.
        now_gy, then_gy : float
            Dose from which tissue counts as irradiated by the current plan and by the earlier course, physical, Gy.

        Returns
        -------
        Interval
            cm3. The lower bound counts voxels that lie wholly inside both isodoses, the upper one those that may touch
            both. What the earlier course does not reach may be in it. Where the isodose of the current plan may leave
            its grid there is no upper bound.

        Raises
        ------
        NotComputable
            If a level is not above 0, or a dose nowhere reaches it: then its irradiated volume is not known.
        """
        for level_gy, dose, name in (
            (now_gy, self.plan, self.name),
            (then_gy, self.courses[number].dose, self.courses[number].name),
        ):
            if not 0.0 < level_gy <= float(dose.dose_gy.max()):
                raise NotComputable(f"the dose of {name} nowhere reaches {level_gy:g} Gy, its irradiated volume")
        lattice, step = self.plan.lattice, np.float32(self.plan.quantisation_gy)
        possible = _highest_beside(self.plan.dose_gy + step) >= now_gy
        window = _window_of(possible)
        open_ended = any(w.start == 0 or w.stop == n for w, n in zip(window, lattice.shape, strict=True))
        if not open_ended:
            window = _window_of(_highest_beside(possible))
        now, then = self.plan.dose_gy[window], self._within(number, window)
        cells_cm3 = _cells_cm3(lattice)[window]
        surely_now, surely_then = -_highest_beside(step - now), -_highest_beside(-_known(then.low_gy, then, 0.0))
        sure = (surely_now >= now_gy) & (surely_then >= then_gy)
        best = (now >= now_gy) & (_known(then.best_gy, then, 0.0) >= then_gy)
        most = possible[window] & (_highest_beside(_known(then.high_gy, then, np.inf)) >= then_gy)
        low, value, high = (float(cells_cm3[mask].sum()) for mask in (sure, best, most))
        return Interval(value, min(low, value), np.inf if open_ended else max(high, value))


def fractions_of_course(course: PriorCourse, name: str) -> int:
    """Return the number of fractions of an earlier course, by its plan.

    Raises
    ------
    NotComputable
        If its plan is missing or states none, if its fraction groups or prescriptions differ, or if its dose is of
        several plans: a dose given in parts of different fractions cannot be converted as one.
    """
    plan = course.plan
    if course.dose is not None and len(set(course.dose.referenced_plan_uids)) > 1:
        raise NotComputable(f"the dose of {name} is a sum over several plans", remedy=_STATE_FRACTIONS)
    if plan is None:
        raise NotComputable(f"{name} has no plan, so its number of fractions is not known", remedy=_STATE_FRACTIONS)
    if len(plan.fraction_groups) > 1:
        raise NotComputable(
            f"{name} has several fraction groups, whose doses cannot be told apart",
            remedy=_STATE_FRACTIONS,
            where=plan.sop_instance_uid,
        )
    stated = {group.fractions for group in plan.fraction_groups} | {p.fractions for p in plan.prescriptions}
    numbers = stated - {None}
    only = numbers.pop() if len(numbers) == 1 else None
    if only is None or only < 1:
        what = f"the plan of {name} states no number of fractions, or several that differ"
        raise NotComputable(what, remedy=_STATE_FRACTIONS, where=plan.sop_instance_uid)
    return only


def window_around(region: Region, lattice: Lattice) -> Window:
    """Return the voxels (k, j, i) that the dose in a structure rests on.

    Raises
    ------
    NotComputable
        If the structure lies outside the lattice.
    """
    low_u, low_v, high_u, high_v = shapely.total_bounds(np.array(region.outlines))
    step = region.step_mm or 0.0
    w_mm = region.w_mm[[0, -1]] + np.array([-step, step])
    corners = np.stack(np.meshgrid([low_u, high_u], [low_v, high_v], w_mm), axis=-1).reshape(-1, 3)
    grid = lattice.to_grid(region.to_lps(corners))
    found = []
    for axis, ticks in ((2, lattice.k_mm), (1, lattice.j_mm), (0, lattice.i_mm)):
        low, high = grid[:, axis].min(), grid[:, axis].max()
        if high < ticks[0] or low > ticks[-1]:
            raise NotComputable("the structure lies outside the dose grid", where=region.where)
        first = max(int(np.searchsorted(ticks, low)) - 1 - _BESIDE, 0)
        last = min(int(np.searchsorted(ticks, high, side="right")) + 1 + _BESIDE, len(ticks))
        found.append(slice(first, last))
    return found[0], found[1], found[2]


def _part(course: AddedCourse, found: Resampled) -> Part:
    return Part(
        name=course.name,
        best_gy=found.best_gy,
        low_gy=found.low_gy,
        high_gy=found.high_gy,
        reached=found.reached,
        fractions=course.fractions,
        uids=course.dose.sop_instance_uids,
        recovery=course.recovery,
    )


def _known(dose_gy: DoseArray, found: Resampled, elsewhere: float) -> DoseArray:
    return np.where(found.reached, dose_gy, np.float32(elsewhere))


def _highest_beside(values: T) -> T:
    """Return the highest value of each voxel and all its neighbours."""
    for axis in range(3):
        v, found = np.swapaxes(values, 0, axis), np.swapaxes(values.copy(), 0, axis)
        np.maximum(found[1:], v[:-1], out=found[1:])
        np.maximum(found[:-1], v[1:], out=found[:-1])
        values = np.swapaxes(found, 0, axis)
    return values


def _box_mm(lattice: Lattice, window: Window) -> FloatArray:
    """Return the corners of a window, LPS, mm, ``(8, 3)``."""
    k, j, i = (t[w][[0, -1]] for t, w in zip((lattice.k_mm, lattice.j_mm, lattice.i_mm), window, strict=True))
    return lattice.to_lps(np.stack(np.meshgrid(i, j, k), axis=-1).reshape(-1, 3))


def _whole(lattice: Lattice) -> Window:
    k, j, i = lattice.shape
    return slice(0, k), slice(0, j), slice(0, i)


def _window_of(mask: BoolArray) -> Window:
    """Return the smallest window that holds a mask."""
    spans = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    k, j, i = (slice(int(s[0]), int(s[-1]) + 1) for s in spans)
    return k, j, i


def _cells_cm3(lattice: Lattice) -> FloatArray:
    """Return the volume nearest to each voxel centre, cm3, ``(K, J, I)``."""
    k, j, i = (np.gradient(t) for t in (lattice.k_mm, lattice.j_mm, lattice.i_mm))
    return np.asarray(k[:, None, None] * j[:, None] * i / _MM3_PER_CM3)
