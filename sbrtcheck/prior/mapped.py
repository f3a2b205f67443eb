"""What an earlier course gave to a target of this plan, as far as its registration and our own error tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import centroid, volume
from sbrtcheck.model import Dose, FloatArray, Structure
from sbrtcheck.prior.carried import CarriedDose, carried, curves_at, field_of
from sbrtcheck.prior.distance import Ranged, TargetFinding, target_finding
from sbrtcheck.prior.field import STATISTICS, Points, statistics
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.occupied import occupied
from sbrtcheck.prior.search import MISSED, Uncertainty, extremes, motions

# Points that stand for a structure in the search, and where a resampled dose does not reach all of it.
_POINTS_SEARCH, _POINTS_RESAMPLED = 1_000, 30_000
# The exact engine is not asked again for what the search says to be this close to a position that it knows: share of
# the highest dose around the structure, and of the structure's volume. What is left is added to the bounds.
_CLOSE_SHARE = 0.005
# Hottest part of a structure whose least dose is reported, cm3: TG-263 writes D0.03cc.
_HOTTEST_CM3 = 0.03
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True)
class IsodoseLevels:
    """Prior isodoses that are reported: choices of this program, no consensus names any.

    References
    ----------
    .. [1] Ann Palliat Med 2024, PMID 38859596, https://pubmed.ncbi.nlm.nih.gov/38859596/ (summary of the ESTRO-EORTC
       definitions of re-irradiation): overlap of irradiated volumes, without an isodose.
    """

    doses_gy: tuple[float, ...] = (5.0, 10.0, 20.0, 30.0, 50.0)
    percents: tuple[float, ...] = (5.0, 10.0, 50.0, 95.0)  # of the prior prescription


@dataclass(frozen=True, slots=True)
class PriorQuantity:
    """One row of the table of an earlier dose in a target.

    Attributes
    ----------
    name : str
        TG-263 notation; percent levels are of the prior prescription: ``"D0.03cc[Gy]"``, ``"V50%[cc]"``.
    unit : str
        ``"Gy"``, ``"cc"`` or ``"%"``.
    ranged : Ranged or None
        None where it cannot be computed; then ``reason`` says why.
    """

    name: str
    unit: str
    ranged: Ranged | None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PriorFindings:
    """What one earlier course gave to one target of this plan.

    Attributes
    ----------
    roi_number : int
        Of the target.
    course : str
        How the course is called.
    mapping : str
        How both frames of reference were joined, and how the dose was carried.
    uncertainty : Uncertainty
        Error of the registration over which the ranges were searched.
    prescribed_gy : float or None
        Prior prescription, Gy; None where there is none or several.
    quantities : tuple of PriorQuantity
    unknown_share : Ranged or None
        Share of the target that the earlier dose does not reach, percent; None where there is no dose.
    nominal, everywhere : DvhCurves or None
        DVH of the target in the earlier dose as registered, and with all positions that bound the ranges; None where
        it cannot be computed.
    targets : tuple of TargetFinding
        Overlap with and distance to each target of the earlier course.
    """

    roi_number: int
    course: str
    mapping: str
    uncertainty: Uncertainty
    prescribed_gy: float | None
    quantities: tuple[PriorQuantity, ...]
    unknown_share: Ranged | None
    nominal: DvhCurves | None
    everywhere: DvhCurves | None
    targets: tuple[TargetFinding, ...] = ()

    def quantity(self, name: str) -> Ranged:
        """Return a quantity by its name.

        Raises
        ------
        NotComputable
            If it cannot be computed.
        KeyError
            If there is none of that name.
        """
        found = {q.name: q for q in self.quantities}[name]
        if found.ranged is None:
            raise NotComputable(found.reason, where=f"ROI {self.roi_number}")
        return found.ranged


_UNCERTAINTY, _LEVELS = Uncertainty(), IsodoseLevels()


def prior_findings(
    region: Region,
    course: str,
    mapping: Mapping,
    dose: Dose | None,
    prescribed_gy: float | None,
    targets: Sequence[Structure] = (),
    uncertainty: Uncertainty = _UNCERTAINTY,
    levels: IsodoseLevels = _LEVELS,
) -> PriorFindings:
    """Return what an earlier course gave to a target of this plan.

    Parameters
    ----------
    region : Region
        Target of this plan.
    course : str
        How the course is called.
    mapping : Mapping
        From the frame of this plan to the frame of the earlier course.
    dose : Dose or None
        Of the earlier course.
    prescribed_gy : float or None
        Prior prescription; without it no level in percent is reported.
    targets : sequence of Structure
        Of the earlier course.
    uncertainty : Uncertainty
    levels : IsodoseLevels

    Notes
    -----
    Nothing is raised for a dose that does not reach the target or a structure that cannot be measured: each quantity
    says for itself why it is missing.
    """
    named = _named(levels, prescribed_gy)
    found = tuple(target_finding(region, earlier, mapping, uncertainty) for earlier in targets)
    text, nominal, everywhere, unknown = mapping.text, None, None, None
    if dose is None:
        quantities = tuple(PriorQuantity(q.name, q.unit, None, "the course has no dose") for q in named)
    else:
        try:
            displaced = displaced_dose(region, dose, mapping, uncertainty, [q.level_gy for q in named if q.level_gy])
        except NotComputable as reason:
            quantities = tuple(PriorQuantity(q.name, q.unit, None, reason.message) for q in named)
        else:
            quantities = tuple(_row(q, displaced) for q in named)
            nominal, everywhere, unknown = displaced.nominal, displaced.everywhere, displaced.unknown_share
            text = f"{text}; {displaced.text}"
    return PriorFindings(
        region.roi_number, course, text, uncertainty, prescribed_gy, quantities, unknown, nominal, everywhere, found
    )


@dataclass(frozen=True, slots=True, eq=False)
class DisplacedDose:
    """DVH of a structure in an earlier dose, over the positions that the registration leaves open.

    Attributes
    ----------
    nominal : DvhCurves
        As registered.
    everywhere : DvhCurves
        The same best estimate, with the curves of every position that the exact engine was asked for as variants.
    left_gy, left_mm3 : dict
        By name of a statistic and by level (Gy): how much lower and higher the search saw it in other positions.
    text : str
        How the dose was carried.
    """

    nominal: DvhCurves
    everywhere: DvhCurves
    left: dict[str | float, tuple[float, float]]
    text: str

    @property
    def unknown_share(self) -> Ranged:
        """Share of the structure that the dose does not reach, percent."""
        return Ranged.of(100.0 * self.nominal.outside_fraction, 0.0, 100.0 * self.everywhere.outside_fraction)


def displaced_dose(
    region: Region, dose: Dose, mapping: Mapping, uncertainty: Uncertainty, levels_gy: Sequence[float]
) -> DisplacedDose:
    """Return the DVH of a structure in an earlier dose, with its extremes over all positions.

    Parameters
    ----------
    region : Region
        In the frame of this plan.
    dose : Dose
        In its own frame.
    mapping : Mapping
        From the frame of this plan to that of the dose.
    uncertainty : Uncertainty
    levels_gy : sequence of float
        Doses at which the extremes of the volume are searched.

    Raises
    ------
    NotComputable
        If the dose reaches nothing of the structure as registered, or the structure's thickness is unknown.
    """
    centre = centroid(region)
    search = _points(region, _POINTS_SEARCH)
    reach = uncertainty.moves_mm(float(np.linalg.norm(search.points_mm - centre, axis=1).max()))
    dose_here = carried(dose, mapping, region, reach)
    fine = search if dose_here.known is None else _points(region, _POINTS_RESAMPLED)
    nominal = curves_at(dose_here, region, np.eye(4), fine)
    if uncertainty.shift_mm <= 0.0 and uncertainty.rotation_deg <= 0.0:
        return DisplacedDose(nominal, nominal, {}, dose_here.text)
    wanted = _Wanted(dose_here, search, reach, tuple(sorted({0.0, *levels_gy})))
    positions, left = _telling(wanted, centre, uncertainty)
    found = [
        _curves_or_unknown(dose_here, region, motion, fine, nominal)
        for motion in motions(positions, centre, uncertainty)
    ]
    variants = tuple(dvh for curves in found for dvh in (curves.best, *curves.variants))
    outside = max([nominal.outside_fraction, *(curves.outside_fraction for curves in found)])
    everywhere = replace(nominal, variants=(*nominal.variants, *variants), outside_fraction=outside)
    return DisplacedDose(nominal, everywhere, dict(zip(wanted.keys, left, strict=True)), dose_here.text)


class _Wanted:
    """The quantities whose extremes are searched, and their quick values."""

    def __init__(self, dose: CarriedDose, points: Points, reach_mm: float, levels_gy: tuple[float, ...]) -> None:
        total = float(points.volume_mm3.sum())
        self._field, self._points = field_of(dose, points, reach_mm), points
        self._hottest = np.array([0.5 * total, min(_HOTTEST_CM3 * _MM3_PER_CM3, total)])
        self._levels = np.array(levels_gy)
        self.keys: tuple[str | float, ...] = ("Mean[Gy]", "Max[Gy]", "Min[Gy]", "D50%[Gy]", "D0.03cc[Gy]", *levels_gy)
        doses = STATISTICS + len(self._hottest)
        top = float(np.nanmax(self._field.values, initial=0.0))
        self.close = _CLOSE_SHARE * np.array([max(top, 1e-6)] * doses + [total] * len(levels_gy))

    def __call__(self, moves: FloatArray) -> FloatArray:
        """Return the quantities after motions ``(P, 4, 4)``, ``(P, Q, 2)``."""
        return statistics(self._field, self._points, moves, self._hottest, self._levels)


def _telling(
    wanted: _Wanted, centre_mm: FloatArray, uncertainty: Uncertainty
) -> tuple[FloatArray, list[tuple[float, float]]]:
    """Return the positions ``(P, 6)`` that the exact engine is to be asked for, and what they leave of each extreme.

    One after the other, the position of the extreme that is farthest from all chosen ones is chosen; without its
    rotation where that does hardly less, because the engine is quicker then.
    """

    def quick(positions: FloatArray) -> FloatArray:
        return wanted(motions(positions, centre_mm, uncertainty))

    found = extremes(quick, len(wanted.keys), uncertainty)
    chosen, values = np.zeros((1, 6)), quick(np.zeros((1, 6)))
    while True:
        left = _left(found.values, values)
        worst = np.unravel_index(np.argmax(left / wanted.close[:, None]), left.shape)
        if left[worst] <= wanted.close[worst[0]]:
            return chosen[1:], [(float(low), float(high)) for low, high in left]
        turned = found.positions[worst]
        straight = turned * [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        both = np.array([straight, turned])
        at_both = quick(both)
        enough = _left(found.values, at_both[:1])[worst] <= wanted.close[worst[0]]
        take = slice(0, 1) if enough else slice(1, 2)
        chosen, values = np.concatenate([chosen, both[take]]), np.concatenate([values, at_both[take]])


def _left(extreme: FloatArray, values: FloatArray) -> FloatArray:
    """Return how far the extremes ``(Q, 2)`` lie beyond those of some positions ``(P, Q, 2)``."""
    reached = np.column_stack([values[:, :, 0].min(axis=0), values[:, :, 1].max(axis=0)])
    # Both may be infinite.
    far = np.where(extreme == reached, 0.0, np.abs(np.where(extreme == reached, 0.0, extreme) - reached))
    return np.asarray(far)


def _curves_or_unknown(
    dose: CarriedDose, region: Region, motion: FloatArray, points: Points, nominal: DvhCurves
) -> DvhCurves:
    """Return the DVH in a position; where the dose reaches nothing there, any dose is possible."""
    try:
        return curves_at(dose, region, motion, points)
    except NotComputable:
        totals = [dvh.total_cm3 for dvh in (nominal.best, *nominal.variants)]
        any_dose = tuple(Dvh([gy], [total]) for gy in (0.0, np.inf) for total in totals)
        return DvhCurves(any_dose[0], any_dose[1:], 1.0, region.roi_number)


def _points(region: Region, number: int) -> Points:
    cell = float(np.cbrt(volume(region).value * _MM3_PER_CM3 / number))
    places, volumes = occupied(region, cell).cells()
    held = volumes[0] > 0.0
    return Points(places[held], volumes[0][held])


@dataclass(frozen=True, slots=True)
class _Named:
    """A quantity by name, with its value of one curve; ``level_gy`` is 0 for statistics."""

    name: str
    unit: str
    of: Callable[[Dvh], float]
    level_gy: float = 0.0


def _named(levels: IsodoseLevels, prescribed_gy: float | None) -> tuple[_Named, ...]:
    found = [
        _Named("Max[Gy]", "Gy", lambda d: d.maximum_gy),
        _Named("D0.03cc[Gy]", "Gy", _near_maximum),
        _Named("Mean[Gy]", "Gy", lambda d: d.mean_gy),
        _Named("D50%[Gy]", "Gy", lambda d: dose_to_hottest(d, 0.5 * d.total_cm3)),
        _Named("Min[Gy]", "Gy", lambda d: d.minimum_gy),
    ]
    for gy in levels.doses_gy:
        found.extend(_at_level(f"{gy:g}Gy", gy))
    for percent in levels.percents if prescribed_gy else ():
        found.extend(_at_level(f"{percent:g}%", percent / 100.0 * (prescribed_gy or 0.0)))
    return tuple(found)


def _at_level(label: str, level_gy: float) -> tuple[_Named, _Named]:
    return (
        _Named(f"V{label}[cc]", "cc", lambda d: d.volume_at_least(level_gy), level_gy),
        _Named(f"V{label}[%]", "%", lambda d: 100.0 * d.volume_at_least(level_gy) / d.total_cm3, level_gy),
    )


def _near_maximum(dvh: Dvh) -> float:
    if dvh.total_cm3 < _HOTTEST_CM3:
        raise NotComputable(f"the structure holds {dvh.total_cm3:.3f} cm3, less than {_HOTTEST_CM3} cm3")
    return dose_to_hottest(dvh, _HOTTEST_CM3)


def _row(named: _Named, displaced: DisplacedDose) -> PriorQuantity:
    try:
        numerical, bounds = displaced.nominal.interval(named.of), displaced.everywhere.interval(named.of)
    except NotComputable as reason:
        return PriorQuantity(named.name, named.unit, None, reason.message)
    lower, higher = displaced.left.get(named.level_gy or named.name, (0.0, 0.0))
    total_cm3 = displaced.nominal.best.total_cm3
    scale, most = 1.0, np.inf
    if named.level_gy:
        scale, most = (1.0 / _MM3_PER_CM3, np.inf) if named.unit == "cc" else (0.1 / total_cm3, 100.0)
    low = bounds.low - scale * lower
    high = bounds.high + scale * higher
    # What the search may have missed, see there.
    low = min(max(low - MISSED * (numerical.low - low), 0.0), numerical.low)
    if np.isfinite(high):
        high = max(min(high + MISSED * (high - numerical.high), most), numerical.high)
    return PriorQuantity(named.name, named.unit, Ranged(numerical, replace(numerical, low=low, high=high)))
