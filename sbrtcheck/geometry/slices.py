"""The model of a structure's shape: thin layers between and beyond the drawn planes, each with its area.

Volume, dose-volume histogram and distance all read the same layers, so they belong to one solid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.area import SAMPLES_A_STEP, Areas
from sbrtcheck.geometry.region import GAP_STEPS, Region
from sbrtcheck.model import FloatArray

# A vertex where the outline turns by more than this is a corner; a lesser turn is a sample of a smooth curve.
CORNER_DEGREES = 30.0
# The area between a chord and its arc, L^3 kappa / 12, is short by at most this factor for turns up to a corner.
_ARC_FACTOR = 1.05

# Volume, dose and distances of one part all begin with its layers.
_KEPT = 64


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Layers of equal thickness between two neighbouring planes, or beyond an end plane.

    Attributes
    ----------
    below, above : int
        Planes whose outlines are blended; the same plane twice beyond an end.
    edges_mm : (S + 1,) float
        Rising borders of the layers along w.
    area_mm2 : (3, S) float
        Mean area of each layer: best estimate, lower bound, upper bound.
    """

    below: int
    above: int
    edges_mm: FloatArray
    area_mm2: FloatArray

    @property
    def middle_mm(self) -> FloatArray:
        """Middles of the layers along w, ``(S,)``."""
        return 0.5 * (self.edges_mm[1:] + self.edges_mm[:-1])

    @property
    def thickness_mm(self) -> float:
        """Thickness of one layer, mm."""
        return float(self.edges_mm[1] - self.edges_mm[0])

    def blend(self, w_mm: FloatArray) -> FloatArray:
        """Return how far from plane ``below`` (0) to plane ``above`` (1) each layer lies, ``(S,)``; 0 beyond an end."""
        if self.below == self.above:
            return np.zeros(len(self.edges_mm) - 1)
        return np.asarray((self.middle_mm - w_mm[self.below]) / (w_mm[self.above] - w_mm[self.below]))

    @property
    def volume_mm3(self) -> FloatArray:
        """Best estimate, lower and upper bound of the volume of all layers, mm3, ``(3,)``."""
        return np.asarray(self.area_mm2 @ np.diff(self.edges_mm))


@lru_cache(maxsize=_KEPT)
def layers_of(part: Region, thickness_mm: float = np.inf) -> tuple[Layers, ...]:
    """Cut one connected part into layers.

    Parameters
    ----------
    part : Region
        A connected part, as ``parts`` returns it.
    thickness_mm : float, optional
        No layer is thicker.

    Returns
    -------
    tuple of Layers
        Rising along w.

    Raises
    ------
    NotComputable
        If the part lies on one plane and the spacing of planes is unknown.
    """
    areas = areas_of(part)
    finer = _finer_areas(part)
    upward = _cap(areas, thickness_mm, finer[-1], len(part.w_mm) - 1)
    turned = _cap(areas.turned, thickness_mm, finer[0], 0)
    downward = Layers(0, 0, -turned.edges_mm[::-1], turned.area_mm2[:, ::-1])
    inner = [_gap(part, areas, k, thickness_mm, finer) for k in range(len(part.w_mm) - 1)]
    return downward, *inner, upward


def areas_of(part: Region) -> Areas:
    """Return the area profile of one connected part; NotComputable for one plane of unknown thickness."""
    if part.step_mm is None:
        raise NotComputable(
            "the structure is drawn on a single plane and its thickness is unknown",
            remedy="Export the planning images with the plan, so that their slice spacing is known",
            where=part.where,
        )
    return Areas(part.w_mm, part.areas_mm2, part.step_mm)


def _gap(part: Region, areas: Areas, below: int, thickness_mm: float, finer: FloatArray) -> Layers:
    low, high = part.w_mm[below], part.w_mm[below + 1]
    edges, samples = _subdivide(low, high, thickness_mm)
    area = _layer_means(areas.between(samples), len(edges) - 1)
    if part.step_mm is not None and high - low > GAP_STEPS * part.step_mm:
        area[1] = 0.0  # planes are missing here: perhaps so is the structure
    return Layers(below, below + 1, edges, _widened(area, max(finer[below], finer[below + 1], key=abs)))


def _cap(areas: Areas, thickness_mm: float, finer: float, plane: int) -> Layers:
    end = areas.w_mm[-1]
    edges, samples = _subdivide(end, end + areas.last_step_mm, thickness_mm)
    area = _layer_means(areas.beyond(samples - end), len(edges) - 1)
    return Layers(plane, plane, edges, _widened(area, finer))


def _subdivide(low: float, high: float, thickness_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return layer borders no further apart than ``thickness_mm``, and positions at which to take their mean area."""
    number = max(1, int(np.ceil((high - low) / thickness_mm - 1e-9)))
    a_layer = 2 * int(np.ceil(SAMPLES_A_STEP / (2 * number)))
    samples = low + (high - low) * (np.arange(number * a_layer) + 0.5) / (number * a_layer)
    return np.linspace(low, high, number + 1), samples


def _layer_means(area_mm2: FloatArray, number: int) -> FloatArray:
    return np.asarray(area_mm2.reshape(3, number, -1).mean(axis=2))


def _widened(area: FloatArray, finer: float) -> FloatArray:
    """Add what a finer drawn outline would hold to the bounds, in proportion where the layer is smaller."""
    top = area[0].max()
    share = finer * np.minimum(area[0] / top, 1.0) if top > 0.0 else 0.0 * area[0]
    lower = np.clip(area[1] + np.minimum(share, 0.0), 0.0, None)
    return np.array([area[0], np.minimum(lower, area[0]), area[2] + np.maximum(share, 0.0)])


def _finer_areas(part: Region) -> FloatArray:
    """Return, for each plane, the area that the smooth curve through the vertices holds beyond the polygon, mm2."""
    outlines = np.array(part.outlines)
    pieces, plane = shapely.get_parts(outlines, return_index=True)
    rings, piece = shapely.get_rings(pieces, return_index=True)
    extra = [arc_area(shapely.get_coordinates(ring)[:-1]) for ring in rings]
    outer = np.diff(piece, prepend=-1) > 0  # the first ring of each piece; what holes gain is lost
    signed = np.where(outer, extra, np.negative(extra))
    return np.asarray(np.bincount(plane[piece], signed, minlength=len(outlines)), dtype=np.float64)


def arc_area(ring: FloatArray) -> float:
    """Return the area between a ring's chords and the osculating arcs of its smooth vertices, mm2.

    Parameters
    ----------
    ring : (N, 2) float
        Vertices without a repeated first point.

    Returns
    -------
    float
        Positive where the ring is convex; 0 for a ring of corners.
    """
    length, curvature = ring_curvature(ring)
    kappa = 0.5 * (curvature + np.roll(curvature, -1))
    return float(_ARC_FACTOR * np.sum(kappa * length**3) / 12.0)


def ring_curvature(ring: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lengths of the edges that start at each vertex, and the curvature there (1/mm, convex positive).

    The curvature of a corner is 0: an outline that turns by more than 30 degrees was meant to.
    """
    edge = np.roll(ring, -1, axis=0) - ring
    length = np.hypot(edge[:, 0], edge[:, 1])
    before = np.roll(edge, 1, axis=0)
    turn = np.arctan2(
        before[:, 0] * edge[:, 1] - before[:, 1] * edge[:, 0],
        before[:, 0] * edge[:, 0] + before[:, 1] * edge[:, 1],
    )
    if turn.sum() < 0.0:  # clockwise
        turn = -turn
    smooth = np.abs(turn) <= np.radians(CORNER_DEGREES)
    span = np.maximum(length + np.roll(length, 1), 1e-12)
    return length, np.where(smooth, 2.0 * turn / span, 0.0)
