"""Volume inside an isodose, over the whole grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dose.beyond import maximum_beyond
from sbrtcheck.dose.sampling import require_volume, sample_cells
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, FloatArray, Interpolation
from sbrtcheck.results import Interval

__all__ = ["isodose_volume", "maximum_beyond"]

# Points in the voxel cells that an isodose crosses, in all ...
_POINTS_AIM = 400_000
# ... and between how many and how many along each side of a cell.
_POINTS_A_SIDE = (3, 16)
_MM3_PER_CM3 = 1000.0


def isodose_volume(dose: Dose, level_gy: float, interpolation: Interpolation = "cubic") -> Interval:
    """Return the volume of all tissue (and air) that receives at least a dose.

    Parameters
    ----------
    dose : Dose
    level_gy : float
        Gy, above 0.
    interpolation : {'cubic', 'trilinear'}

    Returns
    -------
    Interval
        cm3. Voxel cells (between neighbouring voxel centres) that the isodose crosses are filled with fine points. The
        bounds hold the difference between trilinear and cubic dose and the stored dose step. The upper bound is
        infinite when the isodose reaches the border of the grid: what lies beyond is unknown.

    Raises
    ------
    NotComputable
        If ``level_gy`` is not above 0 or the dose is not a volume.
    """
    if not level_gy > 0.0:
        raise NotComputable(f"an isodose of {level_gy} Gy has no volume")
    require_volume(dose)
    border_gy = _border_maximum(dose)
    dose = _cropped(dose, level_gy)
    low, high = _cell_range(dose)
    volumes = _cell_volumes(dose)
    full = volumes[low >= level_gy].sum()
    k, j, i = np.nonzero((low < level_gy) & (high >= level_gy))
    crossed = np.zeros(3)
    if len(k):
        side = int(np.clip(round((_POINTS_AIM / len(k)) ** (1.0 / 3.0)), *_POINTS_A_SIDE))
        for chunk in np.array_split(np.arange(len(k)), 1 + len(k) * side**3 // _POINTS_AIM):
            cells = np.column_stack([i[chunk], j[chunk], k[chunk]])
            crossed += (
                _filled_share(dose, cells, level_gy, side, interpolation).T @ volumes[k[chunk], j[chunk], i[chunk]]
            )
    value, least, most = (float(full + c) / _MM3_PER_CM3 for c in crossed)
    if border_gy + dose.quantisation_gy >= level_gy:
        most = np.inf
    return Interval(value, min(least, value), max(most, value))


def _cropped(dose: Dose, level_gy: float) -> Dose:
    """Return the part of the grid that the isodose can reach, with the voxels that a cubic there needs."""
    reached = dose.dose_gy >= 0.5 * level_gy  # no interpolation doubles a dose
    windows = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        at = np.flatnonzero(reached.any(axis=others))
        low, high = (int(at[0]), int(at[-1])) if len(at) else (0, 0)
        windows.append(slice(max(low - 2, 0), min(high + 3, dose.dose_gy.shape[axis])))
    k, j, i = windows
    lattice = dose.lattice
    held = replace(lattice, i_mm=lattice.i_mm[i], j_mm=lattice.j_mm[j], k_mm=lattice.k_mm[k])
    return replace(dose, dose_gy=dose.dose_gy[k, j, i], lattice=held)


def _cell_range(dose: Dose) -> tuple[FloatArray, FloatArray]:
    """Return lowest and highest dose that each voxel cell may hold, ``(K - 1, J - 1, I - 1)``, Gy."""
    low = high = dose.dose_gy.astype(np.float64)
    for axis in range(3):
        a, b = _neighbours(low, axis), _neighbours(high, axis)
        low, high = np.minimum(*a), np.maximum(*b)
    # The cubic may leave the range of the corners where the dose bends; a share of the neighbouring range is safe.
    spread = 0.25 * (high - low) + dose.quantisation_gy
    for axis in range(3):
        spread = _spread_to_neighbours(spread, axis)
    return low - spread, high + spread


def _neighbours(values: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    size = values.shape[axis]
    return values.take(range(size - 1), axis), values.take(range(1, size), axis)


def _spread_to_neighbours(values: FloatArray, axis: int) -> FloatArray:
    moved = np.moveaxis(values, axis, 0)
    widest = moved.copy()
    widest[1:] = np.maximum(widest[1:], moved[:-1])
    widest[:-1] = np.maximum(widest[:-1], moved[1:])
    return np.moveaxis(widest, 0, axis)


def _cell_volumes(dose: Dose) -> FloatArray:
    i, j, k = (np.diff(t) for t in (dose.lattice.i_mm, dose.lattice.j_mm, dose.lattice.k_mm))
    return np.asarray(k[:, None, None] * j[None, :, None] * i[None, None, :])


def _filled_share(
    dose: Dose, cells: NDArray[np.intp], level_gy: float, side: int, interpolation: Interpolation
) -> FloatArray:
    """Return the share of each voxel cell at or above a dose, ``(C, 3)``: best estimate, lowest, highest."""
    found = sample_cells(dose, cells, side, interpolation)
    shares = []
    for block in (found.dose_gy, found.low_gy, found.high_gy):
        # Each point stands for a small box of its own dose range, so that the volume has no steps.
        half = 0.5 * sum(np.abs(np.gradient(block, axis=axis)) for axis in (1, 2, 3))
        fraction = np.clip(0.5 + 0.5 * (block - level_gy) / np.maximum(half, 1e-9), 0.0, 1.0)
        shares.append(fraction.mean(axis=(1, 2, 3)))
    return np.stack(shares, axis=1)


def _border_maximum(dose: Dose) -> float:
    d = dose.dose_gy
    return float(max(face.max() for face in (d[0], d[-1], d[:, 0], d[:, -1], d[:, :, 0], d[:, :, -1])))
