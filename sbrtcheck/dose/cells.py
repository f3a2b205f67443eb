"""The cells that fill a structure, each laid with its volume and its range of dose into the histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.dose.histogram import Boxes, lay_box, lay_error
from sbrtcheck.dose.outlines import telling_points
from sbrtcheck.dose.sampling import DoseLayers, sample, unsure_gy
from sbrtcheck.geometry.raster import Fields, levels_of, raster_of
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.rings import Rings, rings_of
from sbrtcheck.geometry.slices import Layers, layers_of
from sbrtcheck.model import Dose, FloatArray, Interpolation, Method
from sbrtcheck.remembered import remembered

# This many cells in a small structure ...
_CELLS_SMALL = 40_000
# ... no wider than this share of the dose grid in a large one ...
_CELL_SHARE = 1.0
# ... and never more than this many in all.
_CELLS_MOST = 600_000
# Cells laid in one go: enough to make each call worth it, few enough to stay in the processor's cache.
_CELLS_AT_ONCE = 60_000
# The cells of a large structure may be thicker than wide by this factor: one layer of 2 mm between planes 3 mm apart.
_FLATNESS = 1.5
# A small part of a structure gets no fewer than this share of the cells of a small structure.
_LEAST_SHARE = 0.05
# What the single box of a cell at the border leaves unknown: this share of the change of dose across the cell.
_BORDER_SHARE: Final = 0.04
# The same for a cell inside, whose box has the right spread but not the right shape.
_INNER_SHARE: Final = 0.02
# Where a border was moved from the drawn outlines, to give its layer the right area, this share of the way is unsure.
_MOVED_SHARE: Final = 0.2
# Voxels along each side of the blocks in which that range is sought.
_BLOCK = 8
# No dose grid lies outside this range by interpolation, as a share of the range of its voxels.
_OVERSHOOT = 0.3

# Curves that the cells are laid into: those that are full in the least and in the most volume are laid once.
_FULL: Final = 0
_BEST: Final = 1
_LEAST: Final = 2
_MOST: Final = 3
_CURVES: Final = 4

# What is noted of the doses, one row each: the least and the highest dose of the best estimate, of what is certainly
# inside (the low end of its highest, the high end of its least), and of what is possibly inside.
_COLDEST: Final = 0
_HOTTEST: Final = 1
_CERTAIN_LEAST: Final = 2
_CERTAIN_HIGHEST: Final = 3
_POSSIBLE_LEAST: Final = 4
_POSSIBLE_HIGHEST: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """Everything that the cells of a structure have told.

    Attributes
    ----------
    boxes : Boxes
        Curves in mm3.
    extremes_gy : (6,) float
        Least and highest dose: best estimate, bounds from what is certainly and from what is possibly inside.
    outside_mm3 : (3,) float
        Volume outside the dose grid: best estimate, least, most.
    """

    boxes: Boxes
    extremes_gy: FloatArray
    outside_mm3: FloatArray

    @property
    def at_least_mm3(self) -> FloatArray:
        """Volume at or above each knot of the boxes: best estimate, least, most; ``(3, N)``."""
        return np.array([self.boxes.at_least(_FULL, curve) for curve in range(_BEST, _MOST + 1)])


def fill(parts: tuple[Region, ...], dose: Dose, method: Method) -> Filled:
    """Fill the connected parts of a structure with cells.

    Parameters
    ----------
    parts : tuple of Region
    dose : Dose
    method : Method

    Raises
    ------
    NotComputable
        If the thickness of a part is unknown, or the dose is not a volume.
    """
    volumes = [float(layers_of(part, model=method.shape).volume_mm3[0]) for part in parts]
    filling = _Filling(dose, _dose_range(parts, dose), method.dose)
    for part, volume_mm3 in zip(parts, volumes, strict=True):
        cell_mm = _cell_mm(volume_mm3, sum(volumes), dose)
        thickness_mm = cell_mm if cell_mm < _CELL_SHARE * min(dose.lattice.spacing_mm) else _FLATNESS * cell_mm
        filling.add(part, layers_of(part, thickness_mm, method.shape), cell_mm)
    return Filled(filling.boxes, filling.extremes_gy, filling.outside_mm3)


class _Filling:
    """The curves of one structure while its parts are laid in."""

    def __init__(self, dose: Dose, range_gy: tuple[float, float], interpolation: Interpolation) -> None:
        self.dose, self.interpolation = dose, interpolation
        self.boxes = Boxes.between(*range_gy, _CURVES)
        self.extremes_gy = np.array([np.inf, -np.inf] * 3)
        self.outside_mm3 = np.zeros(3)

    def add(self, part: Region, layers: Layers, cell_mm: float) -> None:
        layers = layers.where(_held(layers))
        rings = rings_of(part)
        # Cells that are as wide as the voxels of a parallel grid lie on them: no dose is needed between.
        voxel_mm = part.to_local(self.dose.lattice.to_lps(_first_voxel_mm(self.dose)))[0]
        raster = raster_of(rings, layers, cell_mm, (voxel_mm[0], voxel_mm[1]))
        middle_mm = layers.middle_mm
        dose = DoseLayers(self.dose, part.to_patient, raster.u_mm, raster.v_mm, middle_mm)
        fields = Fields(rings, layers, raster)
        number = len(middle_mm)
        # Each layer needs the dose of its neighbours; the first and the last are their own.
        images, inside = dose.both(0, 1)
        images = np.concatenate([images, images])
        heights_mm = np.concatenate([middle_mm[:1], middle_mm, middle_mm[-1:]])
        at_once = 1 + _CELLS_AT_ONCE // (len(raster.u_mm) * len(raster.v_mm))
        for first in range(0, number, at_once):
            last = min(first + at_once, number)
            more, inside_more = dose.both(first + 1, last + 1)
            images, inside = np.concatenate([images[-2:], more]), np.concatenate([inside[-1:], inside_more])
            if last == number:
                images = np.concatenate([images, images[-1:]])
            some, made = slice(first, last), fields.of_layers(first, last)
            _lay_layers(
                (self.boxes.ramps, self.boxes.plateau_gy, self.boxes.plateau_mm3),
                self.boxes.unsure,
                (self.boxes.low_gy, 1.0 / self.boxes.bin_gy),
                (self.extremes_gy, self.outside_mm3),
                made,
                levels_of(made, cell_mm, np.ascontiguousarray(layers.area_mm2[:, some])),
                images,
                inside,
                heights_mm[first : last + 2],
                (cell_mm, layers.thickness_mm[some]),
                self.dose.quantisation_gy,
                1 if self.interpolation == "cubic" else 0,
            )
        self._note_outlines(part, rings, cell_mm)

    def _note_outlines(self, part: Region, rings: Rings, spacing_mm: float) -> None:
        """Note the doses on the drawn outlines: the ends of the best estimate.

        They bound nothing from inside: the vertices of a coarse outline lie a little outside the curve that was meant.
        """
        e = self.extremes_gy
        # Between these no dose changes what is known already.
        within = e[_COLDEST], e[_HOTTEST]
        found = sample(self.dose, telling_points(part, rings, self.dose, spacing_mm, within), self.interpolation)
        if len(found.dose_gy):
            e[_COLDEST] = min(e[_COLDEST], found.dose_gy.min())
            e[_HOTTEST] = max(e[_HOTTEST], found.dose_gy.max())
            e[_POSSIBLE_LEAST] = min(e[_POSSIBLE_LEAST], found.low_gy.min())
            e[_POSSIBLE_HIGHEST] = max(e[_POSSIBLE_HIGHEST], found.high_gy.max())


@compiled
def _lay_layers(
    curves: tuple[FloatArray, FloatArray, FloatArray],
    unsure: FloatArray,
    bins: tuple[float, float],
    notes: tuple[FloatArray, FloatArray],
    fields: FloatArray,
    levels: FloatArray,
    images: FloatArray,
    inside: NDArray[np.bool_],
    heights_mm: FloatArray,
    sizes_mm: tuple[float, FloatArray],
    step_gy: float,
    kind: int,
) -> None:
    """Lay some layers; ``images`` and ``heights_mm`` have one layer more at either end."""
    for s in range(len(fields)):
        _lay(
            curves,
            unsure,
            bins,
            notes,
            fields[s],
            levels[s],
            (images[s], images[s + 1], images[s + 2]),
            inside[s],
            (heights_mm[s], heights_mm[s + 1], heights_mm[s + 2]),
            (sizes_mm[0], sizes_mm[1][s]),
            step_gy,
            kind,
        )


@compiled
def _lay(
    curves: tuple[FloatArray, FloatArray, FloatArray],
    unsure: FloatArray,
    bins: tuple[float, float],
    notes: tuple[FloatArray, FloatArray],
    field: FloatArray,
    level: FloatArray,
    images: tuple[FloatArray, FloatArray, FloatArray],
    inside: NDArray[np.bool_],
    heights_mm: tuple[float, float, float],
    size_mm: tuple[float, float],
    step_gy: float,
    kind: int,
) -> None:
    """Lay one layer of cells into the curves.

    ``images`` are the trilinear and cubic dose ``(2, V, U)`` at the heights of the layer below, this one, and the one
    above, ``kind`` the one that is wanted; ``field`` encloses the best, least and most area of the layer above the
    three ``level``.
    """
    cell, thickness = size_mm
    cell_mm3 = cell * cell * thickness
    least_level, most_level = min(level[0], level[1], level[2]), max(level[0], level[1], level[2])
    along_w = _along_w(heights_mm, thickness)
    dose = images[0][kind], images[1][kind], images[2][kind]
    extremes, outside_mm3 = notes
    seen = extremes[0], extremes[1], extremes[2], extremes[3], extremes[4], extremes[5]
    for v in range(1, field.shape[0] - 1):
        for u in range(1, field.shape[1] - 1):
            value = field[v, u]
            if value <= least_level - 0.5 * cell:
                continue
            best = least = most = 1.0
            full = value >= most_level + 0.5 * cell
            if not full:
                best, least, most = (
                    _share(value, level[0], cell),
                    _share(value, level[1], cell),
                    _share(value, level[2], cell),
                )
            if not inside[v, u]:
                outside_mm3[0] += best * cell_mm3
                outside_mm3[1] += least * cell_mm3
                outside_mm3[2] += most * cell_mm3
                continue
            centre, mean, across_u, across_v, across_w = _dose_of_cell(dose, v, u, along_w)
            spread = np.sqrt(across_u * across_u + across_v * across_v + across_w * across_w)
            corner = 0.5 * (abs(across_u) + abs(across_v) + abs(across_w))
            error = unsure_gy(images[1][0, v, u], images[1][1, v, u]) + step_gy
            if full:
                error += _INNER_SHARE * spread
                lay_box(curves, int(_FULL), bins, mean, 0.5 * spread, cell_mm3)
            else:
                moved = (abs(level[0]) if best > 0.0 else 0.0) / cell * np.sqrt(across_u**2 + across_v**2)
                error += _BORDER_SHARE * spread + _MOVED_SHARE * moved
                corner += moved
                # A border across a cell leaves the covered part off centre, towards the inside, and narrower.
                slope_u, slope_v = field[v, u + 1] - field[v, u - 1], field[v + 1, u] - field[v - 1, u]
                steep = np.sqrt(slope_u * slope_u + slope_v * slope_v)
                inward = (slope_u * across_u + slope_v * across_v) / steep if steep > 0.0 else 0.0
                held = best if best > 0.0 else most
                mean = max(mean + 0.5 * (1.0 - held) * inward, 0.0)
                half = 0.5 * np.sqrt(max(spread * spread - (1.0 - held * held) * inward * inward, 0.0))
                lay_box(curves, int(_BEST), bins, mean, half, best * cell_mm3)
                lay_box(curves, int(_LEAST), bins, mean, half, least * cell_mm3)
                lay_box(curves, int(_MOST), bins, mean, half, most * cell_mm3)
            lay_error(unsure, bins, mean, error, max(best, most) * cell_mm3)
            seen = _noted(seen, best, least, centre, mean, error, corner)
    for n in range(6):
        extremes[n] = seen[n]


@compiled
def _share(value: float, level: float, cell: float) -> float:
    return min(max(0.5 + (value - level) / cell, 0.0), 1.0)


@compiled
def _along_w(heights_mm: tuple[float, float, float], thickness_mm: float) -> tuple[float, float, float]:
    """Return the weights of (above - below), (above - centre) and (centre - below) that make slope and bend along w."""
    below_mm, above_mm = heights_mm[1] - heights_mm[0], heights_mm[2] - heights_mm[1]
    if below_mm + above_mm <= 0.0:
        return 0.0, 0.0, 0.0
    per_mm = thickness_mm / (below_mm + above_mm)
    if below_mm == 0.0 or above_mm == 0.0:
        return per_mm, 0.0, 0.0
    return per_mm, 2.0 * thickness_mm * per_mm / above_mm, 2.0 * thickness_mm * per_mm / below_mm


@compiled
def _dose_of_cell(
    dose: tuple[FloatArray, FloatArray, FloatArray], v: int, u: int, along_w: tuple[float, float, float]
) -> tuple[float, float, float, float, float]:
    """Return the dose at the centre of a cell, its mean, and its change across the cell along u, v and w, Gy."""
    before, here, after = dose
    centre = here[v, u]
    left, right, front, back = here[v, u - 1], here[v, u + 1], here[v - 1, u], here[v + 1, u]
    below, above = before[v, u], after[v, u]
    bend = left + right + front + back - 4.0 * centre + along_w[1] * (above - centre) - along_w[2] * (centre - below)
    # The mean of a parabola over the cell.
    mean = max(centre + bend / 24.0, 0.0)
    return max(centre, 0.0), mean, 0.5 * (right - left), 0.5 * (back - front), along_w[0] * (above - below)


@compiled
def _noted(
    seen: tuple[float, float, float, float, float, float],
    best_share: float,
    least_share: float,
    centre_gy: float,
    mean_gy: float,
    error_gy: float,
    corner_gy: float,
) -> tuple[float, float, float, float, float, float]:
    """Return the extremes after one more cell."""
    low, high = max(mean_gy - error_gy, 0.0), mean_gy + error_gy
    centred, certain = best_share >= 0.5, least_share > 0.0
    return (
        min(seen[0], centre_gy) if centred else seen[0],
        max(seen[1], centre_gy) if centred else seen[1],
        # Only some corner of a cell at the border is certainly inside.
        min(seen[2], high + (corner_gy if least_share < 1.0 else 0.0)) if certain else seen[2],
        max(seen[3], low - (corner_gy if least_share < 1.0 else 0.0)) if certain else seen[3],
        min(seen[4], max(low - corner_gy, 0.0)),
        max(seen[5], high + corner_gy),
    )


def _held(layers: Layers) -> NDArray[np.bool_]:
    """Return which layers lie between the first and the last that may hold anything."""
    some = np.flatnonzero(layers.area_mm2[2] > 0.0)
    number = np.arange(len(layers.low_mm))
    return np.asarray((number >= some[0]) & (number <= some[-1]))


def _first_voxel_mm(dose: Dose) -> FloatArray:
    lattice = dose.lattice
    return np.array([[lattice.i_mm[0], lattice.j_mm[0], lattice.k_mm[0]]])


def _dose_range(parts: tuple[Region, ...], dose: Dose) -> tuple[float, float]:
    """Return a range that holds every dose in a structure, Gy."""
    corners = np.concatenate([_corners(part) for part in parts])
    grid = dose.lattice.to_grid(corners)
    ticks = (dose.lattice.i_mm, dose.lattice.j_mm, dose.lattice.k_mm)
    windows = [
        slice(max(int(np.searchsorted(t, g.min())) - 3, 0), max(int(np.searchsorted(t, g.max())) + 3, 1))
        for t, g in zip(ticks, grid.T, strict=True)
    ]
    lowest, highest = _blocks(dose)
    inner = tuple(slice(w.start // _BLOCK, -(-w.stop // _BLOCK)) for w in reversed(windows))
    if lowest[inner].size == 0:
        return 0.0, 1.0
    low, high = float(lowest[inner].min()), float(highest[inner].max())
    more = _OVERSHOOT * (high - low) + 2.0 * dose.quantisation_gy
    return max(low - more, 0.0), high + more


@remembered(2)
def _blocks(dose: Dose) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least and the highest dose in each block of voxels."""
    low = high = dose.dose_gy
    for axis in (2, 1, 0):
        first = np.arange(0, low.shape[axis], _BLOCK)
        low = np.minimum.reduceat(low, first, axis=axis)
        high = np.maximum.reduceat(high, first, axis=axis)
    return low, high


def _corners(part: Region) -> FloatArray:
    """Return the corners of a box around a part with a step to spare along w, LPS, mm."""
    step_mm = part.step_mm or 0.0
    u, v = rings_of(part).bounds_mm
    w = part.w_mm[[0, -1]] + np.array([-step_mm, step_mm])
    return part.to_lps(np.stack(np.meshgrid(u, v, w), axis=-1).reshape(-1, 3))


def _cell_mm(part_mm3: float, total_mm3: float, dose: Dose) -> float:
    share = part_mm3 / total_mm3
    small = (part_mm3 / max(_CELLS_SMALL * share, _LEAST_SHARE * _CELLS_SMALL)) ** (1.0 / 3.0)
    large = (total_mm3 / _CELLS_MOST) ** (1.0 / 3.0)
    return float(max(min(small, _CELL_SHARE * min(dose.lattice.spacing_mm)), large))
