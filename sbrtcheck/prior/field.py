"""Values on even cells, and what many points that move as one find in them: quick, for the search over positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sbrtcheck.compiled import compiled
from sbrtcheck.model import FloatArray

# Bins of dose; the curve is straight within each.
_BINS: Final = 1024
# Rows of a found position before those that are asked for: mean, maximum, minimum, known volume.
STATISTICS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Values at even points of a lattice.

    Attributes
    ----------
    values : (W, V, U) float
        NaN where nothing is known.
    to_index : (4, 4) float
        From LPS, mm, to fractional indices (u, v, w).
    beyond : float
        What lies outside the lattice: 0 for a structure, NaN for a dose.
    """

    values: FloatArray
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
        0 for points of the surface, which count for the extremes of dose alone.
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
    (P, 4 + H + L, 2) float
        Mean, maximum and minimum, Gy; known volume, mm3, twice; dose to each hottest part, Gy; volume at each level,
        mm3. The first of each two takes what is unknown as receiving nothing, the second as receiving more than any
        dose.
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
def _values(values: FloatArray, beyond: float, matrix: FloatArray, points: FloatArray) -> FloatArray:
    found, flat = np.empty(len(points)), values.ravel()
    for n in range(len(points)):
        found[n] = _at(flat, values.shape, beyond, matrix, points[n])
    return found


@compiled
def _sums(
    values: FloatArray, beyond: float, matrices: FloatArray, points: FloatArray, volume: FloatArray
) -> FloatArray:
    found, flat = np.zeros((len(matrices), 2)), values.ravel()
    for p in range(len(matrices)):
        for n in range(len(points)):
            value = _at(flat, values.shape, beyond, matrices[p], points[n])
            if np.isnan(value):
                found[p, 1] += volume[n]
            else:
                found[p, 0] += volume[n] * value
                found[p, 1] += volume[n] * value
    return found


@compiled
def _statistics(
    values: FloatArray,
    beyond: float,
    matrices: FloatArray,
    points: FloatArray,
    volume: FloatArray,
    top: float,
    hottest: FloatArray,
    levels: FloatArray,
) -> FloatArray:
    found = np.empty((len(matrices), STATISTICS + len(hottest) + len(levels), 2))
    held, flat, per_gy = np.empty(_BINS + 1), values.ravel(), _BINS / top
    whole = volume.sum()
    for p in range(len(matrices)):
        held[:] = 0.0
        total, known, least, most = 0.0, 0.0, np.inf, 0.0
        complete = True
        for n in range(len(points)):
            value = _at(flat, values.shape, beyond, matrices[p], points[n])
            if np.isnan(value):
                complete = False
                continue
            value = max(value, 0.0)
            known += volume[n]
            total += volume[n] * value
            least, most = min(least, value), max(most, value)
            held[min(int(value * per_gy), _BINS - 1)] += volume[n]
        for b in range(_BINS - 1, -1, -1):  # from now on the volume at or above the lower end of each bin
            held[b] += held[b + 1]
        unknown = 0.0 if complete else whole - known
        row = found[p]
        row[0, 0], row[1, 0], row[2, 0], row[3, 0] = total / whole, most, least if complete else 0.0, known
        row[0, 1], row[1, 1], row[2, 1], row[3, 1] = total / whole, most, least, known
        if not complete:
            row[1, 1] = np.inf
            if unknown > 0.0:
                row[0, 1] = np.inf
        at = STATISTICS
        for h in range(len(hottest)):
            row[at + h, 0] = _hottest(held, hottest[h]) / per_gy
            row[at + h, 1] = np.inf if unknown >= hottest[h] else _hottest(held, hottest[h] - unknown) / per_gy
        at += len(hottest)
        for k in range(len(levels)):
            volume_mm3 = _at_least(held, levels[k] * per_gy)
            row[at + k, 0], row[at + k, 1] = volume_mm3, volume_mm3 + unknown
    return found


@compiled
def _hottest(held: FloatArray, volume: float) -> float:
    """Return the place, in bins, down to which the hottest part reaches; 0 where all bins hold less."""
    if held[0] < volume * (1.0 - 1e-9):  # more than rounding
        return 0.0
    volume = min(volume, held[0])
    low, high = 0, _BINS  # held[low] >= volume > held[high]
    while high - low > 1:
        middle = (low + high) // 2
        if held[middle] >= volume:
            low = middle
        else:
            high = middle
    return float(low + (held[low] - volume) / (held[low] - held[high]))


@compiled
def _at_least(held: FloatArray, place: float) -> float:
    """Return the volume at or above a place, in bins."""
    if place >= _BINS:
        return 0.0
    b = int(place)
    return float(held[b] + (held[b + 1] - held[b]) * (place - b))


@compiled
def _at(flat: FloatArray, shape: tuple[int, int, int], beyond: float, m: FloatArray, point: FloatArray) -> float:
    """Return the trilinear value at one point; NaN where one of its eight corners is unknown."""
    x, y, z = point[0], point[1], point[2]
    u = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    v = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    w = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
    depth, rows, columns = shape
    if not (u >= 0.0 and v >= 0.0 and w >= 0.0 and u <= columns - 1.0 and v <= rows - 1.0 and w <= depth - 1.0):
        return beyond
    i, j, k = min(int(u), columns - 2), min(int(v), rows - 2), min(int(w), depth - 2)
    a, b, c = u - i, v - j, w - k
    # Unsigned, so that no index counts from the end: twice as quick.
    one, row = np.uint64(1), np.uint64(columns)
    p = np.uint64((k * rows + j) * columns + i)
    q = p + np.uint64(rows * columns)
    near_low = flat[p] + (flat[p + one] - flat[p]) * a
    near_high = flat[p + row] + (flat[p + row + one] - flat[p + row]) * a
    far_low = flat[q] + (flat[q + one] - flat[q]) * a
    far_high = flat[q + row] + (flat[q + row + one] - flat[q + row]) * a
    near, far = near_low + (near_high - near_low) * b, far_low + (far_high - far_low) * b
    return float(near + (far - near) * c)
