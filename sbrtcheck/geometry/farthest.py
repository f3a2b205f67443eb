"""The two points of a set that lie farthest apart, without a look at every pair."""

from __future__ import annotations

import numpy as np

from sbrtcheck.compiled import compiled
from sbrtcheck.model import FloatArray

# Points that follow one another lie together: so many share a box, and most pairs of boxes are too close to matter.
_BLOCK = 8
# Of the squared length found by a first sweep; the pair itself is found again, the first in order among equals.
_SWEEP_SHARE = 1.0 - 1e-12


def farthest(points: FloatArray) -> tuple[int, int]:
    """Return the indices of the two points that lie farthest apart, the lower one first.

    Parameters
    ----------
    points : (N, 2) or (N, 3) float
        At least one; neighbours in order should be neighbours in space, or it takes longer.

    Examples
    --------
    >>> farthest(np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 3.0]]))
    (0, 2)
    """
    columns = [np.ascontiguousarray(column, dtype=np.float64) for column in points.T]
    if len(columns) == 2:
        columns.append(np.zeros(len(points)))
    i, j = farthest_pair(columns[0], columns[1], columns[2], -1.0)
    return int(i), int(j)


@compiled
def farthest_pair(x: FloatArray, y: FloatArray, z: FloatArray, least: float) -> tuple[int, int]:
    """Return the indices of the farthest two points, or (-1, -1) where they are no farther apart than ``least``."""
    number = len(x)
    best = _sweep(x, y, z) * _SWEEP_SHARE
    if least >= 0.0:
        best = max(best, least * least)
    elif best <= 0.0:
        best = -1.0  # all points in one place: the first one, twice
    blocks = (number + _BLOCK - 1) // _BLOCK
    low, high = np.empty((3, blocks)), np.empty((3, blocks))
    for b in range(blocks):
        start, stop = b * _BLOCK, min((b + 1) * _BLOCK, number)
        low[0, b], high[0, b] = _range(x, start, stop)
        low[1, b], high[1, b] = _range(y, start, stop)
        low[2, b], high[2, b] = _range(z, start, stop)
    first, second = -1, -1
    for a in range(blocks):
        for b in range(a, blocks):
            reach = 0.0
            for d in range(3):
                side = max(high[d, b] - low[d, a], high[d, a] - low[d, b])
                reach += side * side
            if reach <= best:
                continue
            for i in range(a * _BLOCK, min((a + 1) * _BLOCK, number)):
                for j in range(max(i, b * _BLOCK), min((b + 1) * _BLOCK, number)):
                    dx, dy, dz = x[i] - x[j], y[i] - y[j], z[i] - z[j]
                    squared = dx * dx + dy * dy + dz * dz
                    if squared > best:
                        best, first, second = squared, i, j
    return first, second


@compiled
def _range(values: FloatArray, start: int, stop: int) -> tuple[float, float]:
    low = high = values[start]
    for n in range(start + 1, stop):
        low = min(low, values[n])
        high = max(high, values[n])
    return low, high


@compiled
def _sweep(x: FloatArray, y: FloatArray, z: FloatArray) -> float:
    """Return the squared length of a long pair: from the first point to its farthest, and on from there."""
    start, best = 0, -1.0
    for _ in range(3):
        farther, most = start, 0.0
        for n in range(len(x)):
            dx, dy, dz = x[n] - x[start], y[n] - y[start], z[n] - z[start]
            squared = dx * dx + dy * dy + dz * dz
            if squared > most:
                farther, most = n, squared
        start, best = farther, max(best, most)
    return best
