"""The DVH of a structure in an earlier dose, over every position that the registration leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.dose.sampling import sample
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.plates import shaped_plates
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import centroid, volume
from sbrtcheck.model import Dose, FloatArray
from sbrtcheck.prior.carried import CarriedDose, carried, curves_at, field_of
from sbrtcheck.prior.distance import Ranged
from sbrtcheck.prior.field import Points, statistics
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.occupied import occupied, scattered
from sbrtcheck.prior.search import Uncertainty, extremes, motions
from sbrtcheck.remembered import remembered

# Points that stand for a structure in the search: of its volume and, for the extremes of dose, of its surface; and
# those that tell how much of it a resampled dose does not reach.
_POINTS_SEARCH, _POINTS_SURFACE, _POINTS_RESAMPLED = 800, 300, 30_000
# The exact engine is not asked again for what the search says to be this close to a position that it knows: share of
# the highest dose that the search found, and of the structure's volume. What is left is added to the bounds.
_CLOSE_SHARE = 0.01
# Where a dose reaches a smaller share of a structure than this, nothing is told of it.
HARDLY = 0.01
# Hottest part of a structure whose least dose is reported, cm3: TG-263 writes D0.03cc.
HOTTEST_CM3 = 0.03
_MM3_PER_CM3 = 1000.0
# A target is looked for in one course after another.
_KEPT = 8
# Names of what the search finds first, in the order of the module ``field``.
_KNOWN = "known"
_STATISTICS = ("Mean[Gy]", "Max[Gy]", "Min[Gy]", _KNOWN)
_KNOWN_ROW = _STATISTICS.index(_KNOWN)


@dataclass(frozen=True, slots=True, eq=False)
class DisplacedDose:
    """DVH of a structure in an earlier dose, over the positions that the registration leaves open.

    Attributes
    ----------
    nominal : DvhCurves
        As registered.
    everywhere : DvhCurves
        The same best estimate, with the curves of every position that the exact engine was asked for as variants.
    left : dict
        By name of a statistic and by level (Gy): how much lower and higher the search saw it in other positions, Gy
        and mm3.
    searched : dict
        In the same way, least and greatest value that the search saw.
    unknown_share : Ranged
        Share of the structure that the dose does not reach, percent.
    text : str
        How the dose was carried.
    """

    nominal: DvhCurves
    everywhere: DvhCurves
    left: dict[str | float, tuple[float, float]]
    searched: dict[str | float, tuple[float, float]]
    unknown_share: Ranged
    text: str


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
        If the dose hardly reaches the structure as registered, or the structure's thickness is unknown.
    """
    if reached_share(region, dose, mapping) < HARDLY:
        raise NotComputable("the earlier dose hardly reaches any of the structure", where=region.where)
    centre = centroid(region)
    search = _search_points(region)
    reach = uncertainty.moves_mm(float(np.linalg.norm(search.points_mm - centre, axis=1).max()))
    here = carried(dose, mapping, region, reach)
    fine = search if here.known is None else _cells(region, _POINTS_RESAMPLED)
    nominal = curves_at(here, region, np.eye(4), fine)
    outside = 100.0 * nominal.outside_fraction
    if uncertainty.shift_mm <= 0.0 and uncertainty.rotation_deg <= 0.0:
        return DisplacedDose(nominal, nominal, {}, {}, Ranged.of(outside, outside, outside), here.text)
    wanted = _Wanted(here, search, reach, tuple(sorted(set(levels_gy))))
    told = _telling(wanted, centre, uncertainty)
    found = [
        _curves_or_unknown(here, region, motion, fine, nominal) if reached else _any_dose(nominal)
        for motion, reached in zip(motions(told.positions, centre, uncertainty), told.reached, strict=True)
    ]
    variants = tuple(dvh for curves in found for dvh in (curves.best, *curves.variants))
    most = max([told.unknown[1], nominal.outside_fraction, *(curves.outside_fraction for curves in found)])
    everywhere = replace(nominal, variants=(*nominal.variants, *variants), outside_fraction=most)
    unknown = Ranged.of(outside, 100.0 * told.unknown[0], 100.0 * most)
    return DisplacedDose(nominal, everywhere, told.left, told.searched, unknown, here.text)


def reached_share(region: Region, dose: Dose, mapping: Mapping) -> float:
    """Return about which share of a structure a dose reaches as registered, 0 to 1.

    Raises
    ------
    NotComputable
        If the structure's thickness is unknown, or the dose is not a volume.
    """
    points = _search_points(region)
    places = mapping.through(points.points_mm)
    mapped: NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=1))
    inside = mapped & sample(dose, np.where(mapped[:, None], places, 0.0)).inside
    return float(points.volume_mm3[inside].sum() / points.volume_mm3.sum())


class _Wanted:
    """The quantities whose extremes are searched, and their quick values."""

    def __init__(self, dose: CarriedDose, points: Points, reach_mm: float, levels_gy: tuple[float, ...]) -> None:
        self.total_mm3 = float(points.volume_mm3.sum())
        self._field, self._points = field_of(dose, points, reach_mm), points
        self._hottest = np.array([0.5 * self.total_mm3, min(HOTTEST_CM3 * _MM3_PER_CM3, self.total_mm3)])
        self._levels = np.array(levels_gy)
        self.keys: tuple[str | float, ...] = (*_STATISTICS, "D50%[Gy]", "D0.03cc[Gy]", *levels_gy)

    def __call__(self, moves: FloatArray) -> FloatArray:
        """Return the quantities after motions ``(P, 4, 4)``, ``(P, Q, 2)``."""
        return statistics(self._field, self._points, moves, self._hottest, self._levels)

    def by_key(self, rows: FloatArray) -> dict[str | float, tuple[float, float]]:
        """Return rows ``(Q, 2)`` by the names and levels of the quantities."""
        return {key: (float(low), float(high)) for key, (low, high) in zip(self.keys, rows, strict=True)}

    def close(self, found: FloatArray) -> FloatArray:
        """Return what may be left of extremes ``(Q, 2)``, ``(Q, 1)``, Gy and mm3."""
        highest = found[self.keys.index("Max[Gy]")]
        top = max(float(highest.max(where=np.isfinite(highest), initial=0.0)), 1e-6)
        whole = [self.total_mm3 if isinstance(key, float) or key == _KNOWN else top for key in self.keys]
        return _CLOSE_SHARE * np.array(whole)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """Where the exact engine is to be asked, ``(P, 6)``, and whether the dose reaches enough of the structure there.

    And what that leaves of each extreme, the extremes themselves, and the least and most share that is unknown.
    """

    positions: FloatArray
    reached: NDArray[np.bool_]
    left: dict[str | float, tuple[float, float]]
    searched: dict[str | float, tuple[float, float]]
    unknown: tuple[float, float]


def _telling(wanted: _Wanted, centre_mm: FloatArray, uncertainty: Uncertainty) -> _Told:
    """Search the extremes, and choose the positions that tell them.

    One after the other, the position of the extreme that is farthest from all chosen ones is chosen; without its
    rotation where that does hardly less, because the engine is quicker then.
    """

    def quick(positions: FloatArray) -> FloatArray:
        return wanted(motions(positions, centre_mm, uncertainty))

    found = extremes(quick, len(wanted.keys), uncertainty)
    close = wanted.close(found.values)
    chosen, values = np.zeros((1, 6)), quick(np.zeros((1, 6)))
    while True:
        left = _left(found.values, values)
        worst = np.unravel_index(np.argmax(left / close), left.shape)
        if left[worst] <= close[worst[0], 0]:
            break
        turned = found.positions[worst]
        both = np.array([turned * [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], turned])
        at_both = quick(both)
        enough = _left(found.values, at_both[:1])[worst] <= close[worst[0], 0]
        take = slice(0, 1) if enough else slice(1, 2)
        chosen, values = np.concatenate([chosen, both[take]]), np.concatenate([values, at_both[take]])
    least, most = (min(max(1.0 - known / wanted.total_mm3, 0.0), 1.0) for known in found.values[_KNOWN_ROW, ::-1])
    reached = values[1:, _KNOWN_ROW, 0] >= HARDLY * wanted.total_mm3
    return _Told(chosen[1:], reached, wanted.by_key(left), wanted.by_key(found.values), (least, most))


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
        return _any_dose(nominal)


def _any_dose(nominal: DvhCurves) -> DvhCurves:
    totals = [dvh.total_cm3 for dvh in (nominal.best, *nominal.variants)]
    curves = tuple(Dvh([gy], [total]) for gy in (0.0, np.inf) for total in totals)
    return DvhCurves(curves[0], curves[1:], 1.0, nominal.roi_number)


def _cells(region: Region, number: int) -> Points:
    places, volumes = occupied(region, _cell_mm(region, number)).cells()
    held = volumes[0] > 0.0
    return Points(places[held], volumes[0][held])


def _cell_mm(region: Region, number: int) -> float:
    return float(np.cbrt(volume(region).value * _MM3_PER_CM3 / number))


@remembered(_KEPT)
def _search_points(region: Region) -> Points:
    """Return points inside, and of the surface: extremes of dose lie there more often than inside."""
    inside, volumes = scattered(region, _cell_mm(region, _POINTS_SEARCH))
    sections = shaped_plates(region)
    spacing = float(shapely.length(sections.outlines).sum()) / _POINTS_SURFACE
    around, section = shapely.get_coordinates(shapely.segmentize(sections.outlines, spacing), return_index=True)
    around = np.column_stack([around, sections.low_mm[section]])
    around = region.to_lps(around[:: max(1, len(around) // _POINTS_SURFACE)])
    return Points(np.concatenate([inside, around]), np.concatenate([volumes, np.zeros(len(around))]))
