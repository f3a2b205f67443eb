"""What an earlier course gave to a target of this plan, as far as its registration and our own error tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose
from sbrtcheck.prior.displaced import HARDLY, HOTTEST_CM3, DisplacedDose, displaced_dose, reached_share
from sbrtcheck.prior.distance import Ranged, TargetFinding
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.search import MISSED, Uncertainty

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
    targets: tuple[TargetFinding, ...] = (),
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
    targets : tuple of TargetFinding
        Of the earlier course; they may lie in another frame of reference than its dose, so they are found for
        themselves.
    uncertainty : Uncertainty
    levels : IsodoseLevels

    Notes
    -----
    Nothing is raised for a dose that does not reach the target or a structure that cannot be measured: each quantity
    says for itself why it is missing.
    """
    named = _named(levels, prescribed_gy)
    text, nominal, everywhere, unknown = mapping.text, None, None, None
    if dose is None:
        quantities = tuple(PriorQuantity(q.name, q.unit, None, "the course has no dose") for q in named)
    else:
        try:
            displaced = displaced_dose(region, dose, mapping, uncertainty, [q.level_gy for q in named if q.level_gy])
        except NotComputable as reason:
            quantities = tuple(PriorQuantity(q.name, q.unit, None, reason.message) for q in named)
            unknown = _hardly_reached(region, dose, mapping)
        else:
            quantities = tuple(_row(q, displaced) for q in named)
            nominal, everywhere, unknown = displaced.nominal, displaced.everywhere, displaced.unknown_share
            text = f"{text}; {displaced.text}"
    return PriorFindings(
        region.roi_number, course, text, uncertainty, prescribed_gy, quantities, unknown, nominal, everywhere, targets
    )


def _hardly_reached(region: Region, dose: Dose, mapping: Mapping) -> Ranged | None:
    """Return the unknown share where a dose hardly reaches a structure, percent; other positions are left open."""
    try:
        share = reached_share(region, dose, mapping)
    except NotComputable:
        return None
    return Ranged.of(100.0 * (1.0 - share), 0.0, 100.0) if share < HARDLY else None


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
    if dvh.total_cm3 < HOTTEST_CM3:
        raise NotComputable(f"the structure holds {dvh.total_cm3:.3f} cm3, less than {HOTTEST_CM3} cm3")
    return dose_to_hottest(dvh, HOTTEST_CM3)


def _row(named: _Named, displaced: DisplacedDose) -> PriorQuantity:
    try:
        numerical, bounds = displaced.nominal.interval(named.of), displaced.everywhere.interval(named.of)
    except NotComputable as reason:
        return PriorQuantity(named.name, named.unit, None, reason.message)
    lower, higher = displaced.left.get(named.level_gy or named.name, (0.0, 0.0))
    scale, most = 1.0, np.inf
    if named.level_gy:
        # The best curve is that of the part inside the grid.
        total_cm3 = displaced.nominal.best.total_cm3 / (1.0 - displaced.nominal.outside_fraction)
        scale, most = (1.0 / _MM3_PER_CM3, np.inf) if named.unit == "cc" else (0.1 / total_cm3, 100.0)
    low, high = bounds.low - scale * lower, bounds.high + scale * higher
    if named.level_gy and displaced.unknown_share.registered.high > 0.0:
        # At the end of a grid the exact engine tells whole cells apart, of which the border may take a half.
        ends = displaced.searched.get(named.level_gy, (np.inf, -np.inf))
        low, high = min(low, scale * ends[0]), max(high, scale * ends[1])
    low = min(max(low - MISSED * (numerical.low - low), 0.0), numerical.low)
    if np.isfinite(high):
        high = max(min(high + MISSED * (high - numerical.high), most), numerical.high)
    return PriorQuantity(named.name, named.unit, Ranged(numerical, replace(numerical, low=low, high=high)))
