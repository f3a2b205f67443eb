"""Structures made of others, between bounds.

Drawn on the same planes, two structures are combined exactly. Where only one of them has a plane, the other holds there
at least what both its neighbouring planes hold, and at most what either does; beyond its last plane at least nothing,
and at most the last outline for a whole step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import shapely
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import aligned, difference, intersection, union
from sbrtcheck.geometry.plates import as_multipolygon, connected_steps
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import FloatArray, frozen

Sign = Literal["|", "&", "-"]

# Planes this close are one plane, and an area below this is none: as for the contours of one structure.
_SAME_PLANE_MM: Final = 0.1
_LEAST_AREA_MM2: Final = 1e-4
_ON_REGIONS: Final = {"|": union, "&": intersection, "-": difference}
_ON_OUTLINES: Final[dict[str, Callable[[BaseGeometry, BaseGeometry], BaseGeometry]]] = {
    "|": shapely.union,
    "&": shapely.intersection,
    "-": shapely.difference,
}


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A structure that is known between bounds.

    Attributes
    ----------
    best : Region
    inner : Region or None
        What it holds on all accounts; None where that may be nothing.
    outer : Region
        All that it may hold.
    """

    best: Region
    inner: Region | None
    outer: Region

    @property
    def is_exact(self) -> bool:
        """Whether the three are one; what lies between its planes is bounded where it is measured."""
        return self.best is self.inner and self.best is self.outer


def exact(region: Region) -> Bounded:
    """Return a structure as it is drawn."""
    return Bounded(region, region, region)


def combined(sign: Sign, a: Bounded, b: Bounded) -> Bounded:
    """Return what either structure holds (``|``), what both hold (``&``), or what only the first one holds (``-``).

    Parameters
    ----------
    sign : {'|', '&', '-'}
    a, b : Bounded
        The result carries the ROI number and the frame of ``a``.

    Raises
    ------
    NotComputable
        If the planes are not parallel, or nothing is left.
    """
    turned = aligned(a.best, b.best)
    if turned is None:
        raise NotComputable(
            "the planes of the two structures are not parallel", where=f"{a.best.where}, {b.best.where}"
        )
    best = _ON_REGIONS[sign](a.best, b.best)
    if a.is_exact and b.is_exact and _on_the_same_planes(a.best, turned):
        return exact(best)
    low, high = (b.outer, b.inner) if sign == "-" else (b.inner, b.outer)
    outer = _bound(sign, a.outer, high, is_outer=True)
    if outer is None:
        raise NotComputable("nothing is left of the two structures", where=f"{a.best.where}, {b.best.where}")
    return Bounded(best, _bound(sign, a.inner, low, is_outer=False), outer)


def _on_the_same_planes(a: Region, b: Region) -> bool:
    """Whether each has all planes of the other that lie between its first and its last one, and near those."""
    for one, other in ((a, b), (b, a)):
        reach = one.step_mm or 0.0
        near = other.w_mm[(other.w_mm > one.w_mm[0] - reach) & (other.w_mm < one.w_mm[-1] + reach)]
        if len(near) and np.abs(near[:, None] - one.w_mm).min(axis=1).max() > _SAME_PLANE_MM:
            return False
    return True


def _bound(sign: Sign, a: Region | None, b: Region | None, *, is_outer: bool) -> Region | None:
    """Return the inner or the outer bound; None for nothing."""
    if a is None or b is None:
        if sign == "&" or (a is None and sign == "-"):
            return None
        return a if b is None else b
    other = aligned(a, b)
    if other is None:  # pragma: no cover (bounds lie in the planes of what they bound)
        raise NotComputable("the planes of the two structures are not parallel", where=f"{a.where}, {b.where}")
    planes = np.sort(np.concatenate([a.w_mm, other.w_mm]))
    w_mm = planes[np.diff(planes, prepend=-np.inf) > _SAME_PLANE_MM]
    second = is_outer != (sign == "-")  # what is taken away is as small as may be in an outer bound
    shapes = [
        _ON_OUTLINES[sign](_at(a, float(w), is_outer=is_outer), _at(other, float(w), is_outer=second)) for w in w_mm
    ]
    return _region(a, w_mm, [as_multipolygon(shape) for shape in shapes])


def _region(like: Region, w_mm: FloatArray, outlines: list[MultiPolygon]) -> Region | None:
    kept = [k for k, outline in enumerate(outlines) if outline.area > _LEAST_AREA_MM2]
    if not kept:
        return None
    inside = tuple(outlines[k] for k in kept)
    return replace(like, w_mm=frozen(w_mm[kept]), outlines=inside, ignored=0, repeated=0, crossing=0)


def _at(region: Region, w: float, *, is_outer: bool) -> BaseGeometry:
    """Return what a region holds at a height at most (``is_outer``) or at least."""
    nearest = int(np.argmin(np.abs(region.w_mm - w)))
    if abs(region.w_mm[nearest] - w) <= _SAME_PLANE_MM:
        return region.outlines[nearest]
    above = int(np.searchsorted(region.w_mm, w))
    if 0 < above < len(region.w_mm):
        if not connected_steps(region)[above - 1]:
            return MultiPolygon()
        low, high = region.outlines[above - 1], region.outlines[above]
        return shapely.union(low, high) if is_outer else shapely.intersection(low, high)
    within = abs(region.w_mm[nearest] - w) <= (region.step_mm or 0.0)
    return region.outlines[nearest] if is_outer and within else MultiPolygon()
