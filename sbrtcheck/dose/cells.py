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
_CELL_SHARE = 0.6
# ... and never more than this many in all.
_CELLS_MOST = 600_000
# A small part of a structure gets no fewer than this share of the cells of a small structure.
_LEAST_SHARE = 0.05
# What a cell's single dose leaves unknown: this share of the change of dose across the cell.
_CELL_ERROR_SHARE = 0.08
# Multiples of the golden section fill an interval evenly.
_GOLDEN = 0.6180339887498949


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
    volumes, doses = [], []
    coldest_gy, hottest_gy = np.inf, -np.inf
    for group in covered(part, layers, raster):
        if len(group.cells) == 0:  # beyond a cap, say
            continue
        some = group.volume_mm3.any(axis=0).ravel()
        volumes.append(group.volume_mm3.reshape(3, -1)[:, some])
        samples, corner_gy = _cell_doses(dose, part, raster, group)
        doses.append(samples.picked(some))
        held = some & samples.inside
        coldest_gy = min(coldest_gy, (samples.low_gy - corner_gy).min(where=held, initial=np.inf))
        hottest_gy = max(hottest_gy, (samples.high_gy + corner_gy).max(where=held, initial=-np.inf))
    caps = cap_plates(part)
    on_caps = _on_outlines(dose, part, caps.outlines, caps.low_mm, cell_mm)
    doses.append(_on_outlines(dose, part, np.array(part.outlines), part.w_mm, cell_mm))
    volumes.append(np.zeros((3, len(doses[-1].dose_gy))))
    return Filled(
        volume_mm3=np.concatenate(volumes, axis=1),
        samples=joined(doses),
        caps_gy=on_caps.dose_gy[on_caps.inside],
        coldest_gy=max(float(coldest_gy), 0.0),
        hottest_gy=float(hottest_gy),
    )


def _on_outlines(
    dose: Dose, part: Region, outlines: NDArray[Any], heights_mm: FloatArray, spacing_mm: float
) -> Samples:
    """Return the dose at points along outlines in planes of a part."""
    dense = shapely.segmentize(outlines, spacing_mm)
    points, plane = shapely.get_coordinates(dense, return_index=True)
    return sample(dose, part.to_lps(np.column_stack([points, heights_mm[plane]])))


def _cell_doses(dose: Dose, part: Region, raster: Raster, group: Covered) -> tuple[Samples, FloatArray]:
    """Return the dose of the covered part of each cell of a group of layers, and by how much its corners differ, Gy.

    Both ``(S * N,)``.
    """
    found = sample_raster(dose, part.to_patient, raster.u_mm, raster.v_mm, group.w_mm)

    def of_cells(values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape(len(group.w_mm), -1)[:, group.cells]

    # Change of dose across a cell along u, v and w, Gy.
    across = [of_cells(np.asarray(np.gradient(found.dose_gy, axis=axis))) for axis in (2, 1, 0)]
    change = (across[0] * group.offset_mm[0] + across[1] * group.offset_mm[1]) / raster.cell_mm
    dose_gy = of_cells(found.dose_gy) + change
    # The cells of one layer share one height: spread over its thickness, they make no step in the histogram. No cell
    # becomes hotter or colder than all others are in their middles.
    spread = across[2] * (np.arange(change.size) * _GOLDEN % 1.0 - 0.5).reshape(change.shape)
    best = group.volume_mm3[0] > 0.0
    coldest_gy, hottest_gy = dose_gy.min(where=best, initial=np.inf), dose_gy.max(where=best, initial=-np.inf)
    change += np.where(best, np.clip(dose_gy + spread, coldest_gy, hottest_gy) - dose_gy, spread)
    unsure = _CELL_ERROR_SHARE * np.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
    samples = Samples(
        dose_gy=(of_cells(found.dose_gy) + change).ravel(),
        low_gy=np.maximum(of_cells(found.low_gy) + change - unsure, 0.0).ravel(),
        high_gy=(of_cells(found.high_gy) + change + unsure).ravel(),
        inside=of_cells(found.inside).ravel(),
    )
    return samples, 0.5 * (np.abs(across[0]) + np.abs(across[1]) + np.abs(across[2])).ravel()


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
