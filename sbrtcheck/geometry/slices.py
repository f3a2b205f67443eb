"""The model of a structure's shape: thin layers between and beyond the drawn planes, each with its area.

Volume, dose-volume histogram and distance all read the same layers, so they belong to one solid. Two models are
named: ``shape`` follows the contours smoothly from plane to plane (module ``area``), ``slab`` extrudes each outline
half way to its neighbours, as many planning systems do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.area import SAMPLES_A_STEP, Areas
from sbrtcheck.geometry.region import GAP_STEPS, Region
from sbrtcheck.geometry.rings import rings_of
from sbrtcheck.model import FloatArray, ShapeModel
from sbrtcheck.remembered import remembered

# Beyond an end the shape follows the way from the last but one outline to the last no farther than this.
_FARTHEST_BLEND = 2.0

# Volume, dose and distances of one part all begin with its layers.
_KEPT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """Layers of one connected part, rising along w.

    Attributes
    ----------
    below, above : (S,) int
        Planes whose outlines are blended; the same plane twice where one outline alone gives the shape.
    blend : (S,) float
        How far from plane ``below`` (0) to plane ``above`` (1) the shape has come; beyond an end the way from the last
        but one plane to the last goes on, below 0 or above 1.
    low_mm, high_mm : (S,) float
        Borders of each layer along w.
    area_mm2 : (3, S) float
        Mean area of each layer: best estimate, lower bound, upper bound.
    """

    below: NDArray[np.intp]
    above: NDArray[np.intp]
    blend: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray
    area_mm2: FloatArray

    @property
    def middle_mm(self) -> FloatArray:
        """Middles of the layers along w, ``(S,)``."""
        return 0.5 * (self.low_mm + self.high_mm)

    @property
    def thickness_mm(self) -> FloatArray:
        """Thickness of each layer, mm, ``(S,)``."""
        return self.high_mm - self.low_mm

    @property
    def volume_mm3(self) -> FloatArray:
        """Best estimate, lower and upper bound of the volume of all layers, mm3, ``(3,)``."""
        return np.asarray(self.area_mm2 @ self.thickness_mm)

    def grown_from(self, of_plane: FloatArray) -> FloatArray:
        """Return, for each layer, the value ``(P,)`` of the plane that it grows from: the larger, or the last one."""
        low, high = of_plane[self.below], of_plane[self.above]
        return np.where(self.blend < 0.0, low, np.where(self.blend > 1.0, high, np.maximum(low, high)))

    def where(self, kept: NDArray[np.bool_] | slice) -> Layers:
        """Return some of the layers."""
        return Layers(
            self.below[kept],
            self.above[kept],
            self.blend[kept],
            self.low_mm[kept],
            self.high_mm[kept],
            self.area_mm2[:, kept],
        )


@remembered(_KEPT)
def layers_of(part: Region, thickness_mm: float = np.inf, model: ShapeModel = "shape") -> Layers:
    """Cut one connected part into layers.

    Parameters
    ----------
    part : Region
        A connected part, as ``parts`` returns it.
    thickness_mm : float, optional
        No layer is thicker.
    model : {'shape', 'slab'}

    Returns
    -------
    Layers

    Raises
    ------
    NotComputable
        If the part lies on one plane and the spacing of planes is unknown.
    """
    areas = areas_of(part)
    if model == "slab":
        return _slabs(part, areas, thickness_mm)
    finer = rings_of(part).arcs_mm2
    last = len(part.w_mm) - 1
    upward = _cap(areas, thickness_mm, finer[-1], (max(last - 1, 0), last))
    # The lower end is the upper end of the part turned over.
    turned = _cap(areas.turned, thickness_mm, finer[0], (min(1, last), 0)).where(slice(None, None, -1))
    downward = Layers(turned.above, turned.below, 1.0 - turned.blend, -turned.high_mm, -turned.low_mm, turned.area_mm2)
    return _piled([downward, _inner(part, areas, thickness_mm, finer), upward])


def areas_of(part: Region) -> Areas:
    """Return the area profile of one connected part; NotComputable for one plane of unknown thickness."""
    if part.step_mm is None:
        raise NotComputable(
            "the structure is drawn on a single plane and its thickness is unknown",
            remedy="Export the planning images with the plan, so that their slice spacing is known",
            where=part.where,
        )
    return Areas(part.w_mm, part.areas_mm2, part.step_mm)


def _piled(piles: list[Layers]) -> Layers:
    return Layers(
        np.concatenate([p.below for p in piles]),
        np.concatenate([p.above for p in piles]),
        np.concatenate([p.blend for p in piles]),
        np.concatenate([p.low_mm for p in piles]),
        np.concatenate([p.high_mm for p in piles]),
        np.concatenate([p.area_mm2 for p in piles], axis=1),
    )


def _inner(part: Region, areas: Areas, thickness_mm: float, finer: FloatArray) -> Layers:
    """Return the layers between the planes."""
    cut = _Cut(part.w_mm[:-1], part.w_mm[1:], thickness_mm)
    area = cut.means(areas.between(cut.samples_mm)) if len(part.w_mm) > 1 else np.zeros((3, 0))
    if part.step_mm is not None:
        # Planes are missing here: perhaps so is the structure.
        area[1, np.diff(part.w_mm)[cut.room] > GAP_STEPS * part.step_mm] = 0.0
    more = np.where(np.abs(finer[:-1]) >= np.abs(finer[1:]), finer[:-1], finer[1:])
    top = np.zeros(len(part.w_mm) - 1)
    np.maximum.at(top, cut.room, area[0])
    widened = _widened(area, more[cut.room], top[cut.room])
    t = (0.5 * (cut.low_mm + cut.high_mm) - part.w_mm[:-1][cut.room]) / np.diff(part.w_mm)[cut.room]
    return Layers(cut.room, cut.room + 1, t, cut.low_mm, cut.high_mm, widened)


def _cap(areas: Areas, thickness_mm: float, finer: float, planes: tuple[int, int]) -> Layers:
    """Return the layers beyond the last plane; ``planes`` are the last but one and the last."""
    # The best estimate ends with a layer: half a layer's area would not be half a layer's height.
    ends = np.unique([0.0, areas.cap_mm, areas.last_step_mm])
    cut = _Cut(areas.w_mm[-1] + ends[:-1], areas.w_mm[-1] + ends[1:], thickness_mm)
    area = cut.means(areas.beyond(cut.samples_mm - areas.w_mm[-1]))
    before, end = (np.full(len(cut.room), plane) for plane in planes)
    widened = _widened(area, finer, area[0].max())
    if len(areas.w_mm) == 1:
        return Layers(end, end, np.zeros(len(cut.room)), cut.low_mm, cut.high_mm, widened)
    beyond = (0.5 * (cut.low_mm + cut.high_mm) - areas.w_mm[-1]) / (areas.w_mm[-1] - areas.w_mm[-2])
    return Layers(before, end, np.minimum(1.0 + beyond, _FARTHEST_BLEND), cut.low_mm, cut.high_mm, widened)


def _slabs(part: Region, areas: Areas, thickness_mm: float) -> Layers:
    half = 0.5 * np.diff(part.w_mm)
    half = np.where(2.0 * half <= GAP_STEPS * areas.step_mm, half, 0.5 * areas.step_mm)
    end = [0.5 * areas.step_mm]
    cut = _Cut(part.w_mm - np.concatenate([end, half]), part.w_mm + np.concatenate([half, end]), thickness_mm)
    area = np.broadcast_to(areas.area_mm2[cut.room], (3, len(cut.room)))
    return Layers(cut.room, cut.room, np.zeros(len(cut.room)), cut.low_mm, cut.high_mm, area)


class _Cut:
    """Rooms along w (between planes, beyond an end) cut into layers, each with positions for its mean area.

    Parameters
    ----------
    low_mm, high_mm : (R,) float
    thickness_mm : float
    """

    def __init__(self, low_mm: FloatArray, high_mm: FloatArray, thickness_mm: float) -> None:
        height = high_mm - low_mm
        layers = np.maximum(1, np.ceil(height / thickness_mm - 1e-9)).astype(np.intp)
        samples = 2 * np.ceil(SAMPLES_A_STEP / (2 * layers)).astype(np.intp)
        self.room = np.repeat(np.arange(len(height)), layers)
        number = np.arange(len(self.room)) - np.repeat(np.cumsum(layers) - layers, layers)
        each = (height / layers)[self.room]
        self.low_mm = low_mm[self.room] + number * each
        self.high_mm = np.where(number + 1 == layers[self.room], high_mm[self.room], self.low_mm + each)
        self._samples = samples[self.room]
        layer = np.repeat(np.arange(len(self.room)), self._samples)
        self._first = np.cumsum(self._samples) - self._samples
        t = (np.arange(len(layer)) - self._first[layer] + 0.5) / self._samples[layer]
        self.samples_mm = self.low_mm[layer] + t * each[layer]

    def means(self, values: FloatArray) -> FloatArray:
        """Return the mean over each layer of values ``(3, N)`` at the positions."""
        return np.asarray(np.add.reduceat(values, self._first, axis=1) / self._samples)


def _widened(area: FloatArray, finer: FloatArray | float, top: FloatArray | float) -> FloatArray:
    """Add what a finer drawn outline would hold to the bounds, in proportion where the layer is smaller."""
    share = finer * np.minimum(area[0] / np.where(np.asarray(top) > 0.0, top, np.inf), 1.0)
    lower = np.clip(area[1] + np.minimum(share, 0.0), 0.0, None)
    return np.array([area[0], np.minimum(lower, area[0]), area[2] + np.maximum(share, 0.0)])
