"""The cells that fill a structure, each with its volume and its dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.dose.sampling import Samples, sample, sample_raster
from sbrtcheck.geometry.plates import cap_plates
from sbrtcheck.geometry.raster import Covered, Raster, covered, raster_of
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.slices import layers_of
from sbrtcheck.model import Dose, FloatArray

# This many cells in a small structure ...
_CELLS_SMALL = 40_000
# ... no wider than this share of the dose grid in a large one ...
_CELL_SHARE = 0.9
# ... and never more than this many in all.
_CELLS_MOST = 600_000
# A small part of a structure gets no fewer than this share of the cells of a small structure.
_LEAST_SHARE = 0.05
# What a cell's single dose leaves unknown: this share of the change of dose across the cell.
_CELL_ERROR_SHARE = 0.08
# Multiples of the inverse first and second power of the real root of x^3 = x + 1 fill a square evenly.
_EVEN_RATIOS = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """Cells of one connected part, and points on its outlines.

    Attributes
    ----------
    volume_mm3 : (3, N) float
        Volume of the structure in each cell: best estimate, lower and upper bound; 0 for points on a drawn outline.
    samples : Samples
        Dose of the cells and points.
    caps_gy : (C,) float
        Doses on the best estimate of the caps, as far as they lie in the grid.
    coldest_gy, hottest_gy : float
        Bounds of the dose in the corners of all cells that the structure may reach.
    """

    volume_mm3: FloatArray
    samples: Samples
    caps_gy: FloatArray
    coldest_gy: float
    hottest_gy: float


def fill(part: Region, dose: Dose, total_mm3: float) -> Filled:
    """Fill one connected part with cells.

    Parameters
    ----------
    part : Region
    dose : Dose
    total_mm3 : float
        Volume of the whole structure, to share the number of cells among its parts.

    Raises
    ------
    NotComputable
        If the thickness of the part is unknown, or the dose is not a volume.
    """
    cell_mm = _cell_mm(part, dose, total_mm3)
    # Two layers at least between planes: the change of dose across them is needed too.
    layers = layers_of(part, min(cell_mm, 0.5 * _least_step_mm(part)))
    raster = raster_of(part, layers, cell_mm)
    # Groups beyond a cap hold no cells.
    groups = [_cells(dose, part, raster, group) for group in covered(part, layers, raster) if len(group.cells)]
    volume_mm3 = np.concatenate([g.volume_mm3 for g in groups], axis=1)
    cells = joined([g.samples for g in groups])
    corner_gy = np.concatenate([g.corner_gy for g in groups])
    caps = cap_plates(part)
    on_caps = _on_outlines(dose, part, caps.outlines, caps.low_mm, cell_mm)
    drawn = _on_outlines(dose, part, np.array(part.outlines), part.w_mm, cell_mm)
    caps_gy = on_caps.dose_gy[on_caps.inside]
    # Spread over the cell, no dose leaves the range of what is known to be inside.
    held = cells.inside & (volume_mm3[0] > 0.0)
    known_gy = np.concatenate([cells.dose_gy[held], drawn.dose_gy[drawn.inside], caps_gy])
    shift = np.concatenate([g.spread_gy for g in groups])
    if len(known_gy):
        within = np.clip(cells.dose_gy + shift, known_gy.min(), known_gy.max()) - cells.dose_gy
        shift = np.where(held, within, shift)
    return Filled(
        volume_mm3=np.concatenate([volume_mm3, np.zeros((3, len(drawn.dose_gy)))], axis=1),
        samples=joined([cells.shifted(shift), drawn]),
        caps_gy=caps_gy,
        coldest_gy=max(float((cells.low_gy - corner_gy).min(where=cells.inside, initial=np.inf)), 0.0),
        hottest_gy=float((cells.high_gy + corner_gy).max(where=cells.inside, initial=-np.inf)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Cells of a group of layers, with the dose in the middle of what is covered of each.

    ``spread_gy`` takes that dose to another place in the cell, evenly over all cells; ``corner_gy`` is how far the
    corners differ; both ``(N,)``.
    """

    volume_mm3: FloatArray
    samples: Samples
    spread_gy: FloatArray
    corner_gy: FloatArray


def _on_outlines(
    dose: Dose, part: Region, outlines: NDArray[Any], heights_mm: FloatArray, spacing_mm: float
) -> Samples:
    """Return the dose at points along outlines in planes of a part."""
    dense = shapely.segmentize(outlines, spacing_mm)
    points, plane = shapely.get_coordinates(dense, return_index=True)
    return sample(dose, part.to_lps(np.column_stack([points, heights_mm[plane]])))


def _cells(dose: Dose, part: Region, raster: Raster, group: Covered) -> _Cells:
    found = sample_raster(dose, part.to_patient, raster.u_mm, raster.v_mm, group.w_mm)
    some = group.volume_mm3.any(axis=0)

    def of_cells(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(values.reshape(len(group.w_mm), -1)[:, group.cells][some])

    # Change of dose across a cell along u, v and w, Gy.
    across = np.array([of_cells(np.asarray(np.gradient(found.dose_gy, axis=axis))) for axis in (2, 1, 0)])
    change = (across[:2] * group.offset_mm[:, some]).sum(axis=0) / raster.cell_mm
    unsure = _CELL_ERROR_SHARE * np.sqrt((across**2).sum(axis=0))
    # All cells of a column or a layer share a position: spread over the cell, they make no step in the histogram.
    full = group.share[some]
    places = _spread_evenly(len(group.w_mm), *np.divmod(group.cells, len(raster.u_mm)))[:, some]
    return _Cells(
        volume_mm3=group.volume_mm3[:, some],
        samples=Samples(
            dose_gy=of_cells(found.dose_gy) + change,
            low_gy=np.maximum(of_cells(found.low_gy) + change - unsure, 0.0),
            high_gy=of_cells(found.high_gy) + change + unsure,
            inside=of_cells(found.inside),
        ),
        spread_gy=full * (places[0] * across[0] + places[1] * across[1]) + places[2] * across[2],
        corner_gy=0.5 * np.abs(across).sum(axis=0),
    )


def _spread_evenly(layers: int, row: NDArray[np.intp], column: NDArray[np.intp]) -> FloatArray:
    """Return places along u, v and w in each cell of each layer, -0.5 to 0.5, ``(3, S, N)``.

    The places along an axis change from cell to cell across that axis, so that each column of cells is filled evenly.
    """
    a, b = _EVEN_RATIOS
    layer = np.arange(layers)[:, None]
    across_w = np.broadcast_to(a * row + b * column, (layers, len(row)))
    return np.array([a * row + b * layer, a * column + b * layer, across_w]) % 1.0 - 0.5


def _least_step_mm(part: Region) -> float:
    """Return the least distance between neighbouring planes, or the usual step where it is smaller, mm."""
    return float(min([*np.diff(part.w_mm), np.inf if part.step_mm is None else part.step_mm]))


def _cell_mm(part: Region, dose: Dose, total_mm3: float) -> float:
    part_mm3 = float(sum(layers.volume_mm3[0] for layers in layers_of(part)))
    share = part_mm3 / total_mm3
    small = (part_mm3 / max(_CELLS_SMALL * share, _LEAST_SHARE * _CELLS_SMALL)) ** (1.0 / 3.0)
    large = (total_mm3 / _CELLS_MOST) ** (1.0 / 3.0)
    return float(max(min(small, _CELL_SHARE * min(dose.lattice.spacing_mm)), large))


def joined(found: list[Samples]) -> Samples:
    """Return samples one after the other."""
    return Samples(
        dose_gy=np.concatenate([s.dose_gy for s in found]),
        low_gy=np.concatenate([s.low_gy for s in found]),
        high_gy=np.concatenate([s.high_gy for s in found]),
        inside=np.concatenate([s.inside for s in found]),
    )
