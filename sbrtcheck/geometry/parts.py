"""Separate connected parts of a structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import MultiPolygon

from sbrtcheck.geometry.region import BRIDGE_STEPS, Region
from sbrtcheck.model import frozen


def parts(region: Region) -> tuple[Region, ...]:
    """Return the connected parts of a region, largest first.

    Pieces on neighbouring planes are connected when they overlap seen along the normal and no more than two planes are
    missing between them.

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


def _labels(region: Region, pieces: np.ndarray, plane: np.ndarray) -> tuple[int, np.ndarray]:
    bridge = np.inf if region.step_mm is None else BRIDGE_STEPS * region.step_mm
    near = np.diff(region.w_mm) <= bridge
    starts = np.searchsorted(plane, np.arange(len(region.w_mm) + 1))
    lower, upper = [], []
    for k in np.flatnonzero(near):
        below, above = np.arange(starts[k], starts[k + 1]), np.arange(starts[k + 1], starts[k + 2])
        lower.append(np.repeat(below, len(above)))
        upper.append(np.tile(above, len(below)))
    if not lower:
        return len(pieces), np.arange(len(pieces))
    a, b = np.concatenate(lower), np.concatenate(upper)
    touch = shapely.intersects(pieces[a], pieces[b])
    links = coo_array((np.ones(touch.sum()), (a[touch], b[touch])), shape=(len(pieces), len(pieces)))
    return connected_components(links, directed=False)


def _part(region: Region, pieces: np.ndarray, plane: np.ndarray) -> Region:
    planes = np.unique(plane)
    outlines = tuple(MultiPolygon(list(pieces[plane == k])) for k in planes)
    return replace(region, w_mm=frozen(region.w_mm[planes]), outlines=outlines)
