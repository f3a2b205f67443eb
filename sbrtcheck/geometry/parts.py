"""Separate connected parts of a structure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import MultiPolygon

from sbrtcheck.geometry.region import BRIDGE_STEPS, Region
from sbrtcheck.model import FloatArray, frozen

# Steps that differ by less are even: rounding of stored coordinates.
_EVEN_MM = 0.02

Pieces = NDArray[np.object_]

# Volume, dose and distances of one structure all begin with its parts, and find what is known of each by its identity.
_KEPT = 64


@lru_cache(maxsize=_KEPT)
def parts(region: Region) -> tuple[Region, ...]:
    """Return the connected parts of a region, largest first.

    Pieces on two planes are connected when they overlap seen along the normal, no more than two planes are missing
    between them, and neither goes on to a nearer plane.

    Parameters
    ----------
    region : Region

    Returns
    -------
    tuple of Region
        At least one; together they hold every piece of every outline.
    """
    pieces, plane = shapely.get_parts(np.array(region.outlines), return_index=True)
    if len(pieces) == 1:
        return (region,)
    number, label = _labels(region, pieces, plane)
    if number == 1:
        return (region,)
    found = [_part(region, pieces[label == k], plane[label == k]) for k in range(number)]
    # By drawn area, then by position: never by the order in the file.
    return tuple(sorted(found, key=lambda p: (-float(p.areas_mm2.sum()), float(p.w_mm[0]), p.outlines[0].bounds)))


def _labels(region: Region, pieces: Pieces, plane: NDArray[np.intp]) -> tuple[int, NDArray[np.intp]]:
    """Return the number of connected parts and the part of each piece."""
    bridge_mm = np.inf if region.step_mm is None else BRIDGE_STEPS * region.step_mm
    starts = np.searchsorted(plane, np.arange(len(region.w_mm) + 1))
    ends_above, ends_below = np.ones(len(pieces), dtype=bool), np.ones(len(pieces), dtype=bool)
    lower: list[NDArray[np.intp]] = []
    upper: list[NDArray[np.intp]] = []
    for apart in range(1, len(region.w_mm)):
        near = np.flatnonzero(region.w_mm[apart:] - region.w_mm[:-apart] <= bridge_mm)
        if len(near) == 0:
            break
        # A piece that goes on to a nearer plane is not looked for on a farther one.
        pairs = [_pairs(starts, k, k + apart, ends_above, ends_below) for k in near.tolist()]
        below, above = (np.concatenate(side) for side in zip(*pairs, strict=True))
        touch = shapely.intersects(pieces[below], pieces[above])
        lower.append(below[touch])
        upper.append(above[touch])
        ends_above[lower[-1]] = False
        ends_below[upper[-1]] = False
    if not lower:
        return len(pieces), np.arange(len(pieces))
    a, b = np.concatenate(lower), np.concatenate(upper)
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(pieces), len(pieces)))
    number, label = connected_components(links, directed=False)
    return int(number), np.asarray(label, dtype=np.intp)


def _pairs(
    starts: NDArray[np.intp], below: int, above: int, ends_above: NDArray[np.bool_], ends_below: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all pairs of pieces of two planes, of which the lower has nothing above it yet, or the upper below."""
    low = np.arange(starts[below], starts[below + 1])
    high = np.arange(starts[above], starts[above + 1])
    low, high = low[ends_above[low]], high[ends_below[high]]
    return np.repeat(low, len(high)), np.tile(high, len(low))


def _part(region: Region, pieces: Pieces, plane: NDArray[np.intp]) -> Region:
    planes = np.unique(plane)
    outlines = tuple(MultiPolygon(list(pieces[plane == k])) for k in planes)
    w_mm = region.w_mm[planes]
    return replace(region, w_mm=frozen(w_mm), outlines=outlines, step_mm=_own_step_mm(w_mm, region.step_mm))


def _own_step_mm(w_mm: FloatArray, region_mm: float | None) -> float | None:
    """Return the step of an evenly drawn part, which may differ from that of the whole structure."""
    steps = np.diff(w_mm)
    return float(steps[0]) if len(steps) > 1 and np.ptp(steps) < _EVEN_MM else region_mm
