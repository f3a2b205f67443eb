"""Points on the drawn outlines whose dose may be the least or the highest of a structure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.rings import Rings
from sbrtcheck.model import Dose, FloatArray

# No interpolation leaves the range of the eight voxels around a point by more than this share of it.
_OVERSHOOT: Final = 0.5


def telling_points(
    part: Region, rings: Rings, dose: Dose, spacing_mm: float, within_gy: tuple[float, float]
) -> FloatArray:
    """Return points on the outlines whose dose may lie outside a range.

    Parameters
    ----------
    part : Region
    rings : Rings
        Of the part.
    dose : Dose
    spacing_mm : float
        How far apart points are at most; vertices closer than half of it are passed over.
    within_gy : (float, float)

    Returns
    -------
    (N, 3) float
        LPS, mm; inside the dose grid.
    """
    lattice = dose.lattice
    to_grid = np.linalg.inv(lattice.to_patient) @ part.to_patient
    heights = np.repeat(part.w_mm, np.diff(rings.plane_start))
    ticks = lattice.i_mm, lattice.j_mm, lattice.k_mm
    low, high = within_gy[0] + dose.quantisation_gy, within_gy[1] - dose.quantisation_gy
    return part.to_lps(_telling(rings.uv_mm, rings.start, heights, spacing_mm, to_grid, ticks, dose.dose_gy, low, high))


@compiled
def _telling(
    uv_mm: FloatArray,
    start: NDArray[np.int64],
    heights_mm: FloatArray,
    spacing_mm: float,
    to_grid: FloatArray,
    ticks: tuple[FloatArray, FloatArray, FloatArray],
    values: NDArray[np.float32],
    low_gy: float,
    high_gy: float,
) -> FloatArray:
    step_mm = np.empty(len(uv_mm) - 1)
    whole_mm = 0.0
    for n in range(len(step_mm)):
        step_mm[n] = np.hypot(uv_mm[n + 1, 0] - uv_mm[n, 0], uv_mm[n + 1, 1] - uv_mm[n, 1])
        whole_mm += step_mm[n]
    found = np.empty((len(uv_mm) + int(whole_mm / spacing_mm) + 1, 3))
    number = 0
    for ring in range(len(start) - 1):
        passed = spacing_mm
        for n in range(start[ring], start[ring + 1] - 1):
            pieces = int(step_mm[n] / spacing_mm) + 1
            if passed >= 0.5 * spacing_mm or pieces > 1:
                for piece in range(pieces):
                    t = piece / pieces
                    u = uv_mm[n, 0] + t * (uv_mm[n + 1, 0] - uv_mm[n, 0])
                    v = uv_mm[n, 1] + t * (uv_mm[n + 1, 1] - uv_mm[n, 1])
                    if _may_leave(u, v, heights_mm[ring], to_grid, ticks, values, low_gy, high_gy):
                        found[number, 0], found[number, 1], found[number, 2] = u, v, heights_mm[ring]
                        number += 1
                passed = 0.0
            passed += step_mm[n] / pieces
    return found[:number]


@compiled
def _may_leave(
    u: float,
    v: float,
    w: float,
    to_grid: FloatArray,
    ticks: tuple[FloatArray, FloatArray, FloatArray],
    values: NDArray[np.float32],
    low_gy: float,
    high_gy: float,
) -> bool:
    """Return whether the dose at a point of the grid may lie outside a range."""
    i = _cell(ticks[0], to_grid[0, 0] * u + to_grid[0, 1] * v + to_grid[0, 2] * w + to_grid[0, 3])
    j = _cell(ticks[1], to_grid[1, 0] * u + to_grid[1, 1] * v + to_grid[1, 2] * w + to_grid[1, 3])
    k = _cell(ticks[2], to_grid[2, 0] * u + to_grid[2, 1] * v + to_grid[2, 2] * w + to_grid[2, 3])
    if i < 0 or j < 0 or k < 0:
        return False
    least = most = values[k, j, i]
    for c in range(1, 8):
        value = values[k + (c >> 2), j + ((c >> 1) & 1), i + (c & 1)]
        least, most = min(least, value), max(most, value)
    more = _OVERSHOOT * (most - least)
    return bool(least - more < low_gy or most + more > high_gy)


@compiled
def _cell(ticks_mm: FloatArray, position_mm: float) -> int:
    """Return the last tick at or below a position, -1 outside all ticks."""
    last = len(ticks_mm) - 1
    if not ticks_mm[0] <= position_mm <= ticks_mm[last]:
        return -1
    k = int((position_mm - ticks_mm[0]) / (ticks_mm[last] - ticks_mm[0]) * last)
    while k > 0 and ticks_mm[k] > position_mm:
        k -= 1
    while k < last - 1 and ticks_mm[k + 1] <= position_mm:
        k += 1
    return min(k, last - 1)
