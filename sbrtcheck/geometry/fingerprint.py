"""Whether two structures are drawn alike, told from a few bytes."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import Structure

# Contours are written with one to six digits after the point: to a hundredth of a millimetre, two ways of writing one
# point agree. The shift moves the borders of rounding away from values that people and programs like (0.005, 0.125).
_STEP_MM: Final = 0.01
_SHIFT_MM: Final = 0.00137

_Words = NDArray[np.uint64]


def fingerprint(structure: Structure) -> str:
    """Return a hash of the outlines of a structure.

    It is that of a set of edges, each between two vertices (LPS, rounded to 0.01 mm), with the type of its contour. So
    it depends neither on the order of the contours nor on where a contour begins, which way round it runs, or whether
    its first point is repeated; and neither on name nor on number.

    Returns
    -------
    str
        32 hexadecimal digits; those of an empty structure are its own.
    """
    sums = np.zeros(2, dtype=np.uint64)
    for kind in sorted({c.geometric_type for c in structure.contours}):
        points = [c.points_mm for c in structure.contours if c.geometric_type == kind and len(c.points_mm)]
        if points:
            sums += _edges(points, is_closed=kind.startswith("CLOSED")) * np.uint64(2 * len(kind) + 1)
    return hashlib.sha256(sums.tobytes()).hexdigest()[:32]


def _edges(contours: list[NDArray[np.float64]], *, is_closed: bool) -> _Words:
    """Return two sums over all edges; the sum of a set knows no order."""
    points = np.floor((np.concatenate(contours) + _SHIFT_MM) / _STEP_MM + 0.5).astype(np.int64)
    ends = np.cumsum([len(c) for c in contours])
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = ends - [len(c) for c in contours]  # the last point of each goes on to its first
    edge = (points != points[following]).any(axis=1) | (following == np.arange(len(points)))
    if not is_closed:
        edge[ends - 1] = [len(c) == 1 for c in contours]
    return np.array([_summed(points, following, edge, seed) for seed in (1, 2)], dtype=np.uint64)


def _summed(points: NDArray[np.int64], following: NDArray[np.intp], edge: NDArray[np.bool_], seed: int) -> np.uint64:
    mixed = np.full(len(points), seed, dtype=np.uint64)
    for axis in range(3):
        mixed = _mix(mixed ^ points[:, axis].astype(np.uint64))
    return np.uint64(_mix(mixed + mixed[following])[edge].sum(dtype=np.uint64))


def _mix(words: _Words) -> _Words:
    """Return words of which every bit depends on every bit (finaliser of SplitMix64; Steele, Lea and Flood 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
