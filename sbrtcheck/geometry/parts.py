"""Separate connected parts of a structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon

from sbrtcheck.geometry.region import BRIDGE_STEPS, Region
from sbrtcheck.model import FloatArray, frozen
from sbrtcheck.remembered import remembered

# Steps that differ by less are even: rounding of stored coordinates.
_EVEN_MM = 0.02

Pieces = NDArray[np.object_]

# Volume, dose and distances of one structure all begin with its parts, and find what is known of each by its identity.
_KEPT = 16


@remembered(_KEPT)
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
    ends_above, ends_below = np.ones(len(pieces), dtype=bool), np.ones(len(pieces), dtype=bool)
    label = np.arange(len(pieces))
    for apart in range(1, len(region.w_mm)):
        near = region.w_mm[apart:] - region.w_mm[:-apart] <= bridge_mm
        if not near.any():
            break
        # A piece that goes on to a nearer plane is not looked for on a farther one.
        below, above = _pairs(plane, near, apart, ends_above, ends_below)
        touch = shapely.intersects(pieces[below], pieces[above])
        below, above = below[touch], above[touch]
        ends_above[below] = False
        ends_below[above] = False
        _join(label, below, above)
    found, label = np.unique([_root(label, k) for k in range(len(label))], return_inverse=True)
    return len(found), label


def _pairs(
    plane: NDArray[np.intp],
    near: NDArray[np.bool_],
    apart: int,
    ends_above: NDArray[np.bool_],
    ends_below: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all pairs of pieces of planes ``apart``, where the lower has nothing above it yet or the upper below."""
    wanted = ends_above & np.append(near, np.zeros(apart, dtype=bool))[plane]
    low, high = np.flatnonzero(wanted), np.flatnonzero(ends_below)
    first = np.searchsorted(plane[high], plane[low] + apart)
    partners = np.searchsorted(plane[high], plane[low] + apart, side="right") - first
    # The partners of one piece follow one another.
    nth = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
    return np.repeat(low, partners), high[np.repeat(first, partners) + nth]


def _join(label: NDArray[np.intp], below: NDArray[np.intp], above: NDArray[np.intp]) -> None:
    """Put touching pieces into one set: each label is another piece of the set, or the piece itself for its root."""
    for a, b in zip(below.tolist(), above.tolist(), strict=True):
        first, second = sorted((_root(label, a), _root(label, b)))
        label[second] = first


def _root(label: NDArray[np.intp], piece: int) -> int:
    while label[piece] != piece:
        label[piece] = label[label[piece]]
        piece = int(label[piece])
    return piece


def _part(region: Region, pieces: Pieces, plane: NDArray[np.intp]) -> Region:
    planes = np.unique(plane)
    outlines = tuple(MultiPolygon(list(pieces[plane == k])) for k in planes)
    w_mm = region.w_mm[planes]
    return replace(region, w_mm=frozen(w_mm), outlines=outlines, step_mm=_own_step_mm(w_mm, region.step_mm))


def _own_step_mm(w_mm: FloatArray, region_mm: float | None) -> float | None:
    """Return the step of an evenly drawn part, which may differ from that of the whole structure."""
    steps = np.diff(w_mm)
    return float(steps[0]) if len(steps) > 1 and np.ptp(steps) < _EVEN_MM else region_mm
