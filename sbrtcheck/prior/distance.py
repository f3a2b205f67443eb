"""Targets of this plan and of earlier courses: what they share, and how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import shapely

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.distance import separation
from sbrtcheck.geometry.plates import full_plates
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import centroid, volume
from sbrtcheck.model import FloatArray, Structure, frozen
from sbrtcheck.prior.field import Field, Points, means, values_at
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.occupied import Occupied, occupied, scattered
from sbrtcheck.prior.search import MISSED, Uncertainty, extremes, motions
from sbrtcheck.results import Interval

# Cells of the smaller of two targets, and cells of the larger one at most.
_CELLS, _CELLS_MOST = 15_000, 120_000
# Points for the search, which only asks where the volume is least and most: one for so many cells.
_CELLS_A_POINT = 4.0
# Rounding of a sum over cells that a border crosses, as a share of a cell for each: they err at random, so together by
# the root of their number. Three times what one cell errs by, evenly spread over a quarter of a cell.
_BORDER_SHARE = 3.0 * 0.25 / np.sqrt(12.0)
# Over the width of a cell across a border that runs the same way the interpolated share changes by half or more.
_SLOPE = 0.5
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True)
class Ranged:
    """A quantity as registered, and over all positions that the registration leaves open.

    Attributes
    ----------
    numerical : Interval
        Bounds of our own numerical error.
    registered : Interval
        The same value, with the bounds of the numerical error and of the registration.
    """

    numerical: Interval
    registered: Interval

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Self:
        """Return the range of a number known without numerical error."""
        return cls(Interval.exact(value), Interval(value, min(low, value), max(high, value)))


@dataclass(frozen=True, slots=True)
class TargetFinding:
    """Overlap with and distance to one target of an earlier course.

    Attributes
    ----------
    roi_number : int
        Of the earlier target, in its own structure set.
    overlap_cm3, overlap_percent : Ranged or None
        Volume of the target of this plan that lies in the earlier one, and its share of it.
    distance_mm : Ranged or None
        Shortest distance between both surfaces; 0 where they touch or overlap. Its bounds over the registration are no
        search but proof: no point moves farther than the shift and the way of its rotation together.
    reason : str
        Why one of them is None.
    """

    roi_number: int
    overlap_cm3: Ranged | None
    overlap_percent: Ranged | None
    distance_mm: Ranged | None
    reason: str = ""


def target_finding(region: Region, earlier: Region, mapping: Mapping, uncertainty: Uncertainty) -> TargetFinding:
    """Return overlap and distance of a target of this plan and one of an earlier course.

    Parameters
    ----------
    region : Region
        Of this plan.
    earlier : Region
        Of the earlier course, as ``earlier_region`` returns it.
    mapping : Mapping
        From the frame of this plan to that of the earlier structure.
    uncertainty : Uncertainty

    Notes
    -----
    Nothing is raised: what cannot be measured is None, with the reason.
    """
    reasons = []
    distance = shared = share = None
    try:
        distance = target_distance(region, earlier, mapping, uncertainty)
    except NotComputable as reason:
        reasons.append(reason.message)
    try:
        apart = distance is not None and distance.registered.low > 0.0
        shared = Ranged.of(0.0, 0.0, 0.0) if apart else target_overlap(region, earlier, mapping, uncertainty)
        share = _percent(shared, volume(region))
    except NotComputable as reason:
        reasons.append(reason.message)
    if distance is not None and shared is not None and shared.registered.low > 0.0:
        distance = replace(distance, registered=replace(distance.registered, high=distance.numerical.value))
    return TargetFinding(earlier.roi_number, shared, share, distance, "; ".join(dict.fromkeys(reasons)))


def earlier_region(earlier: Structure, mapping: Mapping) -> Region:
    """Return an earlier structure in the frame of this plan; in its own frame where a deformable mapping joins both.

    Raises
    ------
    NotComputable
        If nothing closed is drawn.
    """
    if mapping.matrix is None:
        return region_of(earlier)
    back = np.linalg.inv(mapping.matrix)
    moved = (replace(c, points_mm=frozen(c.points_mm @ back[:3, :3].T + back[:3, 3])) for c in earlier.contours)
    # A matrix keeps planes plane and parallel.
    return region_of(replace(earlier, contours=tuple(moved)))


def target_distance(region: Region, earlier: Region, mapping: Mapping, uncertainty: Uncertainty) -> Ranged:
    """Return the shortest distance between two targets, mm.

    Parameters
    ----------
    region, earlier : Region
        In the frame of this plan.
    mapping : Mapping
    uncertainty : Uncertainty
        Of the place of ``region`` in the earlier course.

    Raises
    ------
    NotComputable
        If a deformable mapping joins both frames, or a thickness is unknown.
    """
    if mapping.matrix is None:
        raise NotComputable("no distance is measured through a deformable registration", where=region.where)
    found = separation(region, earlier)
    near = float(np.linalg.norm(found.ends_mm[0] - centroid(region)))
    low = max(found.distance.low - uncertainty.moves_mm(_radius_mm(region)), 0.0)
    # The ends of the value lie apart by it; what is sure reaches up to the upper bound from somewhere on the surface.
    high = found.distance.high + uncertainty.moves_mm(
        near if found.distance.high == found.distance.value else _radius_mm(region)
    )
    return Ranged(found.distance, Interval(found.distance.value, low, high))


def target_overlap(region: Region, earlier: Region, mapping: Mapping, uncertainty: Uncertainty) -> Ranged:
    """Return the volume of a target of this plan that lies in an earlier one, cm3.

    Parameters
    ----------
    region : Region
        Of this plan.
    earlier : Region
        In the frame of this plan; in its own where the mapping is deformable.
    mapping : Mapping
    uncertainty : Uncertainty
        Of the place of ``region`` in the earlier course.

    Raises
    ------
    NotComputable
        If a thickness is unknown.

    Notes
    -----
    Sum over the cells of one target of the share of each that lies in the other, both from the exact areas of their
    layers. The bounds join the least and most volume of both shapes, and the rounding of the cells on borders. What a
    deformable mapping does not reach counts as outside below and as inside above.
    """
    cell = _cell_mm(region, earlier)
    points = Points(*scattered(region, cell * float(np.cbrt(_CELLS_A_POINT))))
    shared = _Shared(occupied(region, cell), occupied(earlier, cell), mapping)
    centre = centroid(region)
    nominal = shared.bounds(np.eye(4))
    found = extremes(lambda p: shared.quick(points, motions(p, centre, uncertainty)), 1, uncertainty)
    least, most = (shared.bounds(m) for m in motions(found.positions[0], centre, uncertainty))
    low, high = min(nominal.low, least.low), max(nominal.high, most.high)
    # What the search may have missed, see there.
    low = max(low - MISSED * (nominal.low - low), 0.0)
    high += MISSED * (high - nominal.high)
    return Ranged(nominal, Interval(nominal.value, low, high))


class _Shared:
    """The volume that the cells of a target share with those of another."""

    def __init__(self, ours: Occupied, theirs: Occupied, mapping: Mapping) -> None:
        points, volumes = ours.cells()
        self._cell_mm, self._cell_mm3 = ours.cell_mm, ours.cell_mm**3
        self._normals = ours.normals()
        self._points_mm, self._shares = points, volumes / self._cell_mm3
        self._fields = [
            Field(np.ascontiguousarray(share, dtype=np.float64), theirs.to_index, 0.0) for share in theirs.shares
        ]
        self._mapping = mapping

    def quick(self, points: Points, moves: FloatArray) -> FloatArray:
        """Return what of points lies in the other target after motions ``(P, 4, 4)``, ``(P, 1, 2)``, mm3."""
        if self._mapping.matrix is not None:
            return means(self._fields[0], points, moves)[:, None, :]
        found = []
        for move in moves:
            theirs = self._theirs(0, points.points_mm, move)
            sums = (float(points.volume_mm3 @ np.nan_to_num(theirs, nan=unknown)) for unknown in (0.0, 1.0))
            found.append([tuple(sums)])
        return np.array(found)

    def bounds(self, move: FloatArray) -> Interval:
        """Return the volume after one motion, cm3."""
        best, least, most = ((own, self._theirs(n, self._points_mm, move)) for n, own in enumerate(self._shares))
        value = float(np.sum(self._in_both(best[0], np.nan_to_num(best[1], nan=0.0), move)))
        # Two shares of one cell have at least and at most so much in common.
        low = float(np.sum(np.maximum(least[0] + np.nan_to_num(least[1], nan=0.0) - 1.0, 0.0)))
        high = float(np.sum(np.minimum(most[0], np.nan_to_num(most[1], nan=1.0))))
        crossed = np.count_nonzero((best[0] > 0.0) & (best[1] > 0.0) & (best[1] < 1.0))
        rounding = _BORDER_SHARE * np.sqrt(crossed)
        ends = value, min(max(low - rounding, 0.0), value), max(high + rounding, value)
        return Interval(*(end * self._cell_mm3 / _MM3_PER_CM3 for end in ends))

    def _in_both(self, own: FloatArray, other: FloatArray, move: FloatArray) -> FloatArray:
        """Return the share of each cell that lies in both.

        Where both borders cross a cell it depends on how they lie: as much as the smaller share where both bodies lie
        on one side, as little as can be where they lie on opposite sides, the product where one is at right angles to
        the other; in between by how much the other share changes along the normal of our border.
        """
        found = own * other
        at = np.flatnonzero((own > 0.0) & (own < 1.0) & (other > 0.0) & (other < 1.0))
        steps = 0.5 * self._cell_mm * self._normals[at]
        ends = [np.nan_to_num(self._theirs(0, self._points_mm[at] + s * steps, move)) for s in (-1.0, 1.0)]
        side = np.clip((ends[1] - ends[0]) / _SLOPE, -1.0, 1.0)
        alike, apart = np.minimum(own[at], other[at]), np.maximum(own[at] + other[at] - 1.0, 0.0)
        found[at] += np.where(side > 0.0, side * (alike - found[at]), -side * (apart - found[at]))
        return found

    def _theirs(self, which: int, points_mm: FloatArray, move: FloatArray) -> FloatArray:
        """Return the share of the other target at moved points; NaN where the mapping does not reach."""
        places = points_mm @ move[:3, :3].T + move[:3, 3]
        if self._mapping.matrix is None:
            places = self._mapping.through(places)
        found = values_at(self._fields[which], np.nan_to_num(places))
        return np.where(np.isfinite(places).all(axis=1), found, np.nan)


def _cell_mm(a: Region, b: Region) -> float:
    """Return the side of cells that tell both targets apart from their borders, and are not too many."""
    small, large = sorted(volume(r).value * _MM3_PER_CM3 for r in (a, b))
    return float(np.cbrt(max(small / _CELLS, large / _CELLS_MOST)))


def _radius_mm(region: Region) -> float:
    """Return how far the structure may reach from its centre, mm."""
    plates = full_plates(region)
    centre = region.to_local(centroid(region)[None])[0]
    corners, plate = shapely.get_coordinates(plates.outlines, return_index=True)
    across = np.hypot(corners[:, 0] - centre[0], corners[:, 1] - centre[1]) + plates.bulge_mm
    along = np.maximum(np.abs(plates.low_mm - centre[2]), np.abs(plates.high_mm - centre[2]))[plate]
    return float(np.hypot(across, along).max())


def _percent(shared: Ranged, whole: Interval) -> Ranged:
    """Return a part of a volume in percent of it."""

    def of(part: Interval) -> Interval:
        value = min(100.0 * part.value / whole.value, 100.0)
        low, high = 100.0 * part.low / whole.high, 100.0 * part.high / max(whole.low, 1e-9)
        return Interval(value, min(low, value), max(min(high, 100.0), value))

    return Ranged(of(shared.numerical), of(shared.registered))
