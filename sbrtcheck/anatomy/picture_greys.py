"""The CT behind pictures: HU in their planes, and the window that makes them grey."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.anatomy.picture_planes import Sheet
from sbrtcheck.errors import UnreadableFile
from sbrtcheck.model import FloatArray, Image

_MOST_PIXELS = 200  # along a side of a picture
_EDGE_MM = 0.1  # rounding of positions
_MISSING = 1.5  # slices further apart than so many usual steps have slices missing between them
_ON_SLICE = 1e-9  # a point this near to a slice, as a share of the step, needs no other

# Usual display settings of CT (centre and half width, HU): a choice of this program, as on any viewing station. They
# decide nothing but the greys.
_WINDOWS = {
    "lung": (-600.0, 750.0),
    "soft tissue": (40.0, 200.0),
    "bone": (400.0, 900.0),
    "brain": (40.0, 40.0),
}
# The rule that picks one where the organ is not known.
_BONE_ABOVE_HU, _BONE_SHARE = 200.0, 0.15  # of the pixels inside the target
_LUNG_HU, _LUNG_SHARE = (-950.0, -400.0), 0.25  # of the pixels around the target


@dataclass(frozen=True, slots=True, eq=False)
class Greys:
    """Pixels of a picture.

    Attributes
    ----------
    count : int
        Pixels along a side; 0 where there is no CT.
    hu : (count, count) float
        NaN where there is no CT.
    unread : bool
        Whether a slice that it needs could not be read.
    """

    count: int
    hu: FloatArray
    unread: bool = False


_NO_CT = Greys(0, np.zeros((0, 0)))


def hu_in(image: Image | None, sheets: Sequence[Sheet]) -> list[Greys]:
    """Return HU in the planes of all pictures of a report; each slice is decoded once.

    Parameters
    ----------
    image : Image, optional
    sheets : sequence of Sheet

    Returns
    -------
    list of Greys
        Linear between the voxels of a slice and between neighbouring slices. Beyond the first and the last slice, and
        where slices are missing, a slice holds for half a step; further away there is no CT.
    """
    if image is None or not sheets:
        return [_NO_CT] * len(sheets)
    counts = [_count(image, sheet) for sheet in sheets]
    points = (sheet.to_lps(sheet.grid(count)[1]) for sheet, count in zip(sheets, counts, strict=True))
    at = [image.lattice.to_grid(some) for some in points]
    starts = np.cumsum([0, *(len(some) for some in at)])
    hu, unread = _sampled(image, np.concatenate(at))
    found = []
    for count, first, last in zip(counts, starts, starts[1:], strict=False):
        values = hu[first:last].reshape(count, count)
        some = bool(unread[first:last].any())
        found.append(Greys(count, values, some) if np.isfinite(values).any() else Greys(0, values, some))
    return found


def grey_bytes(greys: Greys, window: str) -> tuple[str, str]:
    """Return the windowed pixels as base64, and the window in words; what there is no CT for is black."""
    remark = "a CT slice could not be read" if greys.unread else ""
    if not greys.count:
        return "", remark
    centre, half = _WINDOWS[window]
    reached = np.isfinite(greys.hu)
    grey = np.where(reached, np.clip((greys.hu - (centre - half)) / (2.0 * half), 0.0, 1.0), 0.0)
    beyond = "" if reached.all() else remark or "black beyond the CT"
    text = "; ".join(part for part in (f"{window} window, {centre:g} ± {half:g} HU", beyond) if part)
    return base64.b64encode(np.rint(grey * 255.0).astype(np.uint8).tobytes()).decode("ascii"), text


def window_of(organ: str | None, greys: Greys, inside: NDArray[np.bool_]) -> str:
    """Return the window of an organ; by the pixels in and around the target (``inside``, (count, count)) if unknown."""
    if organ is not None:
        return organ if organ in _WINDOWS else "soft tissue"
    reached = np.isfinite(greys.hu)
    inside_hu, around_hu = greys.hu[inside & reached], greys.hu[~inside & reached]
    if inside_hu.size and np.mean(inside_hu > _BONE_ABOVE_HU) >= _BONE_SHARE:
        return "bone"
    low, high = _LUNG_HU
    if around_hu.size and np.mean((around_hu > low) & (around_hu < high)) >= _LUNG_SHARE:
        return "lung"
    return "soft tissue"


def _count(image: Image, sheet: Sheet) -> int:
    """Return pixels along a side: as fine as the finest voxel, and no more than a small picture can show."""
    finest_mm = min((step for step in image.lattice.spacing_mm if step > 0.0), default=0.0)
    return int(min(_MOST_PIXELS, max(2, np.ceil(sheet.side_mm / finest_mm)))) if finest_mm > 0.0 else _MOST_PIXELS


def _sampled(image: Image, at_mm: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return HU ``(N,)`` at grid coordinates ``(N, 3)``, NaN where there is none, and where a slice was unreadable."""
    low, share, reached = _between(image.lattice.k_mm, at_mm[:, 2])
    hu = np.where(reached, 0.0, np.nan)
    unread = np.zeros(len(at_mm), dtype=bool)
    by_slice = _by_value(low[reached], np.flatnonzero(reached))
    nothing = np.empty(0, dtype=np.intp)
    for k in range(len(image.lattice.k_mm)):
        upper, lower = by_slice.get(k - 1, nothing), by_slice.get(k, nothing)
        upper, lower = upper[share[upper] > _ON_SLICE], lower[share[lower] < 1.0 - _ON_SLICE]
        here, weight = np.concatenate([upper, lower]), np.concatenate([share[upper], 1.0 - share[lower]])
        if not len(here):
            continue
        try:
            pixels = image.read_slice(k)
        except UnreadableFile:
            hu[here], unread[here] = np.nan, True
        else:
            hu[here] += weight * _bilinear(pixels, image.lattice.i_mm, image.lattice.j_mm, at_mm[here])
    return hu, unread


def _by_value(values: NDArray[np.intp], places: NDArray[np.intp]) -> dict[int, NDArray[np.intp]]:
    """Return the places of each value."""
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    return dict(zip(found.tolist(), np.split(places[order], starts[1:]), strict=False))


def _between(k_mm: FloatArray, at_mm: FloatArray) -> tuple[NDArray[np.intp], FloatArray, NDArray[np.bool_]]:
    """Return the slice below each height, the share of the way to the next (0 or 1: one slice alone), and its reach."""
    if len(k_mm) == 1:
        return np.zeros(len(at_mm), dtype=np.intp), np.zeros(len(at_mm)), np.abs(at_mm - k_mm[0]) <= _EDGE_MM
    steps = np.diff(k_mm)
    usual = float(np.median(steps))
    low = np.clip(np.searchsorted(k_mm, at_mm, side="right") - 1, 0, len(k_mm) - 2)
    share = (at_mm - k_mm[low]) / steps[low]
    alone = (share < 0.0) | (share > 1.0) | (steps[low] > _MISSING * usual)
    off_mm = np.minimum(np.abs(at_mm - k_mm[low]), np.abs(at_mm - k_mm[low + 1]))
    share = np.where(alone, np.rint(np.clip(share, 0.0, 1.0)), share)
    return low, share, ~alone | (off_mm <= 0.5 * usual + _EDGE_MM)


def _bilinear(pixels: FloatArray, i_mm: FloatArray, j_mm: FloatArray, at_mm: FloatArray) -> FloatArray:
    """Return values between the pixels ``(J, I)`` at grid coordinates ``(N, 2 or more)``, NaN beyond them."""
    corner, share, within = [], [], np.ones(len(at_mm), dtype=bool)
    for ticks, x in zip((i_mm, j_mm), at_mm.T, strict=False):
        if len(ticks) < 2:
            return np.full(len(at_mm), np.nan)
        low = np.clip(np.searchsorted(ticks, x) - 1, 0, len(ticks) - 2)
        corner.append(low)
        share.append((x - ticks[low]) / (ticks[low + 1] - ticks[low]))
        within &= (x >= ticks[0]) & (x <= ticks[-1])
    (i, j), (u, v) = corner, share
    upper = pixels[j, i] * (1.0 - u) + pixels[j, i + 1] * u
    lower = pixels[j + 1, i] * (1.0 - u) + pixels[j + 1, i + 1] * u
    return np.where(within, upper * (1.0 - v) + lower * v, np.nan)
