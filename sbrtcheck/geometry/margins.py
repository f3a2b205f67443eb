"""Margins: what lies within a distance of a structure, or that deep inside it, in three dimensions.

A structure is taken as a pile of slabs, each with one outline. What lies within ``r`` of a slab is, at a height ``h``
above it, its outline grown by ``sqrt(r^2 - h^2)``: exact but for the arcs, which polygons follow to 0.12 % of ``r``.
Three piles (``plates``) give three structures: slabs of what certainly is inside and of everything that may be inside
give the bounds, thin sections through the shape that follows the contours the best estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.bounded import Bounded
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.plates import Plates, as_multipolygon, certain_plates, full_plates, shaped_plates
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import FloatArray, frozen

_QUAD_SEGS = 16
# Corners of polygons that follow an arc lie on it, the middles of their edges this much inside: 90/16/2 degrees.
_INSCRIBED = float(np.cos(np.pi / (4.0 * _QUAD_SEGS)))
_LEAST_AREA_MM2 = 1e-4
# New planes are no farther apart than this share of the margin, so that its round shape is followed.
_PLANES_SHARE = 0.5
_LEAST_STEP_MM = 0.5
_SAME_PLANE_MM = 1e-6


def moved(region: Bounded, margin_mm: float) -> Bounded:
    """Return what lies within a margin of a structure, or that deep inside it.

    Parameters
    ----------
    region : Bounded
    margin_mm : float
        Above 0 outwards, below 0 inwards.

    Raises
    ------
    NotComputable
        If the thickness of a structure on one plane is unknown, or nothing (or perhaps nothing) of it is that deep.
    """
    step_mm = _step_mm(region.best, margin_mm)
    best = _moved([_sections(part) for part in parts(region.best)], margin_mm, step_mm, region.best)
    outer = _moved([_full(region.outer)], margin_mm, step_mm, region.best, widened=True)
    if best is None or outer is None:
        raise NotComputable(f"nothing is left {-margin_mm:g} mm inside the structure", where=region.best.where)
    certain = [] if region.inner is None else [_flat(certain_plates(region.inner))]
    return Bounded(best, _moved(certain, margin_mm, step_mm, region.best), outer)


@dataclass(frozen=True, slots=True, eq=False)
class _Pile:
    """Slabs along w, or thin sections through one connected part, whose outlines hold between them as well.

    ``outlines[k]`` holds from ``low_mm[k]`` to ``high_mm[k]``, rising.
    """

    outlines: np.ndarray
    low_mm: FloatArray
    high_mm: FloatArray
    is_sections: bool = False

    def grown(self, w: float, margin_mm: float) -> BaseGeometry:
        """Return the section at ``w`` through everything within a margin."""
        near, reach = self._near(w, margin_mm)
        return shapely.union_all(shapely.buffer(self.outlines[near], reach, quad_segs=_QUAD_SEGS))

    def shrunk(self, w: float, margin_mm: float) -> BaseGeometry:
        """Return the section at ``w`` through everything whose surroundings, as far as the margin, are inside."""
        if not self._covered(w - margin_mm, w + margin_mm):
            return Polygon()
        near, reach = self._near(w, margin_mm)
        return shapely.intersection_all(shapely.buffer(self.outlines[near], -reach, quad_segs=_QUAD_SEGS))

    def _near(self, w: float, margin_mm: float) -> tuple[np.ndarray, FloatArray]:
        gap = np.maximum(0.0, np.maximum(self.low_mm - w, w - self.high_mm))
        near = gap < margin_mm
        return near, np.sqrt(margin_mm**2 - gap[near] ** 2)

    def _covered(self, low: float, high: float) -> bool:
        """Whether something is inside at every height."""
        if self.is_sections:
            return bool(self.low_mm[0] <= low and high <= self.high_mm[-1])
        at = low
        for begin, end in zip(self.low_mm, self.high_mm, strict=True):
            if begin > at + _SAME_PLANE_MM:
                return False
            at = max(at, end)
            if at >= high - _SAME_PLANE_MM:
                return True
        return False


def _moved(
    piles: Sequence[_Pile], margin_mm: float, step_mm: float, like: Region, *, widened: bool = False
) -> Region | None:
    """Return what piles hold together, with a margin; None for nothing.

    Polygons inscribed in arcs hold too little outwards and leave too much inwards; ``widened`` makes up for the first
    and allows the second.
    """
    if not piles:
        return None
    low = min(float(pile.low_mm.min()) for pile in piles) - margin_mm
    high = max(float(pile.high_mm.max()) for pile in piles) + margin_mm
    number = max(int(np.ceil((high - low) / step_mm)), 1) if high > low else 0
    reach_mm = abs(margin_mm) * (1.0 if (margin_mm < 0.0) == widened else 1.0 / _INSCRIBED)
    found = []
    for w in low + (high - low) * (np.arange(number) + 0.5) / max(number, 1):
        sections = [(p.grown if margin_mm > 0.0 else p.shrunk)(float(w), reach_mm) for p in piles]
        found.append((float(w), shapely.union_all(sections)))
    return _region(like, found, step_mm)


def _region(like: Region, sections: list[tuple[float, BaseGeometry]], step_mm: float) -> Region | None:
    kept = [(w, outline) for w, shape in sections if (outline := as_multipolygon(shape)).area > _LEAST_AREA_MM2]
    if not kept:
        return None
    w_mm = np.array([w for w, _ in kept])
    step = float(np.diff(w_mm).min()) if len(w_mm) > 1 else step_mm
    outlines = tuple(outline for _, outline in kept)
    return replace(like, w_mm=frozen(w_mm), outlines=outlines, step_mm=step, ignored=0, repeated=0, crossing=0)


def _step_mm(region: Region, margin_mm: float) -> float:
    own = region.step_mm if region.step_mm is not None else np.inf
    return max(min(own, _PLANES_SHARE * abs(margin_mm)), _LEAST_STEP_MM)


def _full(region: Region) -> _Pile:
    plates = full_plates(region)
    if plates.bulge_mm > 0.0:
        grown = shapely.buffer(plates.outlines, plates.bulge_mm / _INSCRIBED, quad_segs=_QUAD_SEGS)
        plates = replace(plates, outlines=grown)
    return _flat(plates)


def _sections(part: Region) -> _Pile:
    plates = shaped_plates(part)
    order = np.argsort(plates.low_mm, kind="stable")
    return _Pile(plates.outlines[order], plates.low_mm[order], plates.high_mm[order], is_sections=True)


def _flat(plates: Plates) -> _Pile:
    """Return plates that may overlap as slabs that do not; those without thickness stay what they are."""
    borders = np.unique(np.concatenate([plates.low_mm, plates.high_mm]))
    lows, highs, outlines = [], [], []
    for low, high in [*((w, w) for w in borders), *pairwise(borders)]:
        held = (plates.low_mm <= low) & (plates.high_mm >= high)
        if held.any():
            lows.append(low)
            highs.append(high)
            outlines.append(shapely.union_all(plates.outlines[held]))
    order = np.lexsort((highs, lows))
    return _Pile(np.array(outlines)[order], np.array(lows)[order], np.array(highs)[order])
