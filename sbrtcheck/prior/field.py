"""Values on even cells, and what many points that move as one find in them: quick, for the search over positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.compiled import compiled
from sbrtcheck.model import FloatArray

# Bins of dose; the curve is straight within each.
_BINS: Final = 1024
# Rows of a found position before the volumes at dose levels: mean, maximum, minimum; then the doses to hottest volumes.
STATISTICS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Values at even points of a lattice.

    Attributes
    ----------
    values : (W, V, U) float32
        NaN where nothing is known.
    to_index : (4, 4) float
        From LPS, mm, to fractional indices (u, v, w).
    beyond : float
        What lies outside the lattice: 0 for a structure, NaN for a dose.
    """

    values: NDArray[np.float32]
    to_index: FloatArray
    beyond: float


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points with the volume that each stands for.

    Attributes
    ----------
    points_mm : (N, 3) float
        LPS.
    volume_mm3 : (N,) float
    """

    points_mm: FloatArray
    volume_mm3: FloatArray


def values_at(field: Field, points_mm: FloatArray) -> FloatArray:
    """Return the trilinear value at points ``(N, 3)``, LPS, mm."""
    return np.asarray(_values(field.values, field.beyond, field.to_index, points_mm))


def means(field: Field, points: Points, motions: FloatArray) -> FloatArray:
    """Return the sum of volume times value of moved points, ``(P, 2)``: what is unknown counts 0, and 1.

    Parameters
    ----------
    field : Field
        Shares of cells, 0 to 1.
    points : Points
    motions : (P, 4, 4) float
        LPS to LPS.
    """
    return np.asarray(_sums(field.values, field.beyond, field.to_index @ motions, points.points_mm, points.volume_mm3))


def statistics(
    field: Field, points: Points, motions: FloatArray, hottest_mm3: FloatArray, levels_gy: FloatArray
) -> FloatArray:
    """Return dose statistics of moved points.

    Parameters
    ----------
    field : Field
        Dose, Gy.
    points : Points
    motions : (P, 4, 4) float
        LPS to LPS.
    hottest_mm3 : (H,) float
        Sizes of the hottest parts whose least dose is wanted.
    levels_gy : (L,) float
        Doses at or above which the volume is wanted.

    Returns
    -------
    (P, 3 + H + L, 2) float
        Mean, maximum and minimum, Gy; dose to each hottest part, Gy; volume at each level, mm3. The first of each two
        takes what is unknown as receiving nothing, the second as receiving more than any dose.
    """
    top = float(np.nanmax(field.values, initial=0.0)) * (1.0 + 1e-6) or 1.0
    return np.asarray(
        _statistics(
            field.values,
            field.beyond,
            field.to_index @ motions,
            points.points_mm,
            points.volume_mm3,
            top,
            hottest_mm3,
            levels_gy,
        )
    )


@compiled
def _values(values: NDArray[np.float32], beyond: float, matrix: FloatArray, points: FloatArray) -> FloatArray:
    found = np.empty(len(points))
    for n in range(len(points)):
        found[n] = _at(values, beyond, matrix, points[n])
    return found


@compiled
def _sums(
    values: NDArray[np.float32], beyond: float, matrices: FloatArray, points: FloatArray, volume: FloatArray
) -> FloatArray:
    found = np.zeros((len(matrices), 2))
    for p in range(len(matrices)):
        for n in range(len(points)):
            value = _at(values, beyond, matrices[p], points[n])
            if np.isnan(value):
                found[p, 1] += volume[n]
            else:
                found[p, 0] += volume[n] * value
                found[p, 1] += volume[n] * value
    return found


@compiled
def _statistics(
    values: NDArray[np.float32],
    beyond: float,
    matrices: FloatArray,
    points: FloatArray,
    volume: FloatArray,
    top: float,
    hottest: FloatArray,
    levels: FloatArray,
) -> FloatArray:
    found = np.empty((len(matrices), STATISTICS + len(hottest) + len(levels), 2))
    bins = np.empty(_BINS)
    whole = volume.sum()
    for p in range(len(matrices)):
        bins[:] = 0.0
        unknown, total, least, most = 0.0, 0.0, np.inf, 0.0
        for n in range(len(points)):
            value = _at(values, beyond, matrices[p], points[n])
            if np.isnan(value):
                unknown += volume[n]
                continue
            value = max(value, 0.0)
            total += volume[n] * value
            least, most = min(least, value), max(most, value)
            bins[min(int(value / top * _BINS), _BINS - 1)] += volume[n]
        row = found[p]
        row[0, 0], row[1, 0], row[2, 0] = total / whole, most, least if unknown == 0.0 else 0.0
        row[0, 1], row[1, 1], row[2, 1] = total / whole, most, least
        if unknown > 0.0:
            row[0, 1], row[1, 1] = np.inf, np.inf
        at = STATISTICS
        for h in range(len(hottest)):
            row[at + h, 0] = _hottest(bins, top, hottest[h])
            row[at + h, 1] = np.inf if unknown >= hottest[h] else _hottest(bins, top, hottest[h] - unknown)
        at += len(hottest)
        for k in range(len(levels)):
            held = _at_least(bins, top, levels[k])
            row[at + k, 0], row[at + k, 1] = held, held + unknown
    return found


@compiled
def _hottest(bins: FloatArray, top: float, volume: float) -> float:
    """Return the least dose in the hottest part; 0 where the bins hold less."""
    left = volume
    for b in range(_BINS - 1, -1, -1):
        if bins[b] > 0.0 and bins[b] >= left:
            return float((b + 1.0 - left / bins[b]) * top / _BINS)
        left -= bins[b]
    return 0.0


@compiled
def _at_least(bins: FloatArray, top: float, level: float) -> float:
    place = level / top * _BINS
    if place >= _BINS:
        return 0.0
    b = int(place)
    held = bins[b] * (b + 1.0 - place)
    for k in range(b + 1, _BINS):
        held += bins[k]
    return float(held)


@compiled
def _at(values: NDArray[np.float32], beyond: float, m: FloatArray, point: FloatArray) -> float:
    """Return the trilinear value at one point; NaN where one of its eight corners is unknown."""
    x, y, z = point[0], point[1], point[2]
    u = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    v = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    w = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
    depth, rows, columns = values.shape
    if not (u >= 0.0 and v >= 0.0 and w >= 0.0 and u <= columns - 1.0 and v <= rows - 1.0 and w <= depth - 1.0):
        return beyond
    i, j, k = min(int(u), columns - 2), min(int(v), rows - 2), min(int(w), depth - 2)
    a, b, c = u - i, v - j, w - k
    low = (values[k, j, i] * (1.0 - a) + values[k, j, i + 1] * a) * (1.0 - b) + (
        values[k, j + 1, i] * (1.0 - a) + values[k, j + 1, i + 1] * a
    ) * b
    high = (values[k + 1, j, i] * (1.0 - a) + values[k + 1, j, i + 1] * a) * (1.0 - b) + (
        values[k + 1, j + 1, i] * (1.0 - a) + values[k + 1, j + 1, i + 1] * a
    ) * b
    return float(low * (1.0 - c) + high * c)
