"""A structure as a pile of plates: outlines with a lower and an upper face. The measure of distances and overlaps.

Three piles: ``certain`` holds no more than what is inside on all accounts, ``full`` lets each outline reach to both
neighbouring planes, and ``shaped`` holds sections through the shape model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon
from shapely.geometry.base import BaseGeometry

from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import BRIDGE_STEPS, GAP_STEPS, Region
from sbrtcheck.geometry.slices import areas_of, layers_of
from sbrtcheck.model import FloatArray
from sbrtcheck.remembered import remembered

# Where a cap is cut, as shares of its height; close to its tip, because a round cap closes fast.
_CAP_SECTIONS = (0.5, 0.9, 1.0)
_LEAST_AREA_MM2 = 1e-4
# Layers in which a bulge is looked for, as a share of the usual step.
_BULGE_SHARE = 0.2
# A bulge below this is rounding, and too little to grow a polygon by.
_NO_BULGE_MM = 1e-6
# An outline moved by trial: good to this share of its area.
_AREA_TOLERANCE = 0.005
_TRIALS = 6
# A target is measured against one organ after another; its own plates are the same each time.
_KEPT = 32


@dataclass(frozen=True, slots=True, eq=False)
class Plates:
    """Outlines with their faces along w, in the frame of their region.

    Attributes
    ----------
    outlines : (N,) object
        Shapely polygons in (u, v), mm.
    low_mm, high_mm : (N,) float
        Lower and upper face of each plate along w, mm.
    bulge_mm : float
        How far the structure may reach beyond the sides of the plates, mm.
    """

    outlines: np.ndarray
    low_mm: FloatArray
    high_mm: FloatArray
    bulge_mm: float = 0.0


@remembered(_KEPT)
def certain_plates(region: Region) -> Plates:
    """Return what is certainly inside: the drawn planes, and between two neighbouring planes what both hold."""
    near = np.zeros(0, dtype=bool)
    if region.step_mm is not None:
        near = np.diff(region.w_mm) <= GAP_STEPS * region.step_mm
    drawn, k = np.array(region.outlines), np.flatnonzero(near)
    both = shapely.intersection(drawn[k], drawn[k + 1])
    some = shapely.area(both) > 0.0
    return Plates(
        np.concatenate([drawn, both[some]]),
        np.concatenate([region.w_mm, region.w_mm[k[some]]]),
        np.concatenate([region.w_mm, region.w_mm[k[some] + 1]]),
    )


@remembered(_KEPT)
def full_plates(region: Region) -> Plates:
    """Return plates that reach from plane to plane and hold, with their bulge, everything that may be inside.

    Raises
    ------
    NotComputable
        If the structure lies on one plane and the spacing of planes is unknown.
    """
    outlines: list[BaseGeometry] = []
    low, high, bulge = [], [], 0.0
    for part in parts(region):
        areas = areas_of(part)
        steps = np.diff(part.w_mm)
        outlines.extend(part.outlines)
        low.append(part.w_mm - np.concatenate([[areas.turned.reach_mm], steps]))
        high.append(part.w_mm + np.concatenate([steps, [areas.reach_mm]]))
        bulge = max(bulge, _bulge_mm(part))
    return Plates(np.array(outlines), np.concatenate(low), np.concatenate(high), bulge)


@remembered(_KEPT)
def shaped_plates(region: Region) -> Plates:
    """Return sections through the best estimate of the shape: the drawn planes, one between each two, and the caps.

    Raises
    ------
    NotComputable
        If the structure lies on one plane and the spacing of planes is unknown.
    """
    outlines: list[BaseGeometry] = []
    heights: list[float] = []
    for part in parts(region):
        areas = areas_of(part)
        caps = cap_plates(part)
        middles = 0.5 * (part.w_mm[1:] + part.w_mm[:-1])
        inner = areas.between(middles)[0] if len(middles) else middles
        outlines.extend([*part.outlines, *caps.outlines])
        drawn = zip(part.outlines, part.outlines[1:], inner, strict=False)
        outlines.extend(between(below, above, 0.5, float(area)) for below, above, area in drawn)
        heights.extend([*part.w_mm, *caps.low_mm, *middles])
    return Plates(np.array(outlines), np.array(heights), np.array(heights))


def cap_plates(part: Region) -> Plates:
    """Return sections through the best estimate of both caps of a connected part, beyond its end planes.

    Raises
    ------
    NotComputable
        If the part lies on one plane and the spacing of planes is unknown.
    """
    areas = areas_of(part)
    outlines, heights = [], []
    for profile, end, sign in ((areas, -1, 1.0), (areas.turned, 0, -1.0)):
        for x_mm in profile.cap_mm * np.array(_CAP_SECTIONS):
            area = float(profile.beyond(np.array([x_mm * (1.0 - 1e-9)]))[0, 0])
            outlines.append(between(part.outlines[end], part.outlines[end], 0.0, max(area, _LEAST_AREA_MM2)))
            heights.append(float(part.w_mm[end] + sign * x_mm))
    return Plates(np.array(outlines), np.array(heights), np.array(heights))


def between(below: BaseGeometry, above: BaseGeometry, t: float, area_mm2: float | None = None) -> BaseGeometry:
    """Return the outline on the way from one outline (t = 0) to another (t = 1).

    What both hold is grown, or the last outline shrunk beyond an end, until it has the right area; it stays within what
    either holds as long as there is room.

    Parameters
    ----------
    below, above : MultiPolygon
    t : float
    area_mm2 : float, optional
        Area to reach; on a straight way from one area to the other if left out.
    """
    target = area_mm2 if area_mm2 is not None else (1.0 - t) * below.area + t * above.area
    both = shapely.intersection(below, above)
    if both.is_empty:
        return below if t < 0.5 else above
    either = shapely.union(below, above)
    room = either if target < either.area * (1.0 - _AREA_TOLERANCE) else None
    shape, offset, lower, upper = both, 0.0, -np.inf, np.inf
    for _ in range(_TRIALS):
        miss = target - shape.area
        if abs(miss) <= _AREA_TOLERANCE * target or shape.length == 0.0:
            break
        lower, upper = (offset, upper) if miss > 0.0 else (lower, offset)
        step = offset + miss / shape.length
        offset = step if lower < step < upper else 0.5 * (lower + upper)
        moved = shapely.buffer(both, offset, quad_segs=4)
        shape = moved if room is None or offset < 0.0 else shapely.intersection(moved, room)
        if shape.is_empty:  # shrunk too far
            upper_area = shapely.point_on_surface(both)
            return shapely.buffer(upper_area, float(np.sqrt(target / np.pi)))
    return shape


def as_multipolygon(shape: BaseGeometry) -> MultiPolygon:
    """Return the areas of a shape; lines and points are dropped."""
    pieces = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 0.0]
    return MultiPolygon(pieces)


def connected_steps(region: Region) -> FloatArray:
    """Return, for each pair of neighbouring planes, whether the structure is taken to go on between them."""
    bridge = np.inf if region.step_mm is None else BRIDGE_STEPS * region.step_mm
    return np.asarray(np.diff(region.w_mm) <= bridge)


def _bulge_mm(part: Region) -> float:
    """Return how far the part may reach sideways beyond its outlines, between planes or vertices, mm."""
    layers = layers_of(part, _BULGE_SHARE * areas_of(part).step_mm)
    area, length = part.areas_mm2, shapely.length(np.array(part.outlines))
    beyond = np.maximum(layers.area_mm2[2] - layers.grown_from(area), 0.0) / layers.grown_from(length)
    # A surface rises between planes by no more than half their distance: a half circle.
    room = part.w_mm[layers.above] - part.w_mm[layers.below]
    inner = (layers.above > layers.below) & (layers.blend >= 0.0) & (layers.blend <= 1.0)
    room = np.where(inner, room, areas_of(part).last_step_mm)
    widest = float(np.minimum(beyond, 0.5 * room).max())
    return widest if widest > _NO_BULGE_MM else 0.0
