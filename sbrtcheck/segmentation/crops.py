"""Masks cut to what they hold, their union, and their outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.geometry.masks import edge_error_mm, structure_of_mask
from sbrtcheck.model import Lattice, Structure

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The part of a mask that is not empty.

    Attributes
    ----------
    inside : (k, j, i) bool
        Voxels inside.
    box : tuple of slice
        Where they lie in the volume, along K, J and I.
    lattice : Lattice
        Of the whole volume.
    """

    inside: NDArray[np.bool_]
    box: Box
    lattice: Lattice


def box_of(mask: NDArray[Any]) -> Box | None:
    """Return the smallest box that holds all of a mask ``(K, J, I)`` that is not zero, None where nothing is."""
    box: list[slice] = []
    for axes in ((1, 2), (0, 2), (0, 1)):
        at = np.flatnonzero(mask[tuple(box)].any(axis=axes))
        if not len(at):
            return None
        box.append(slice(int(at[0]), int(at[-1]) + 1))
    return box[0], box[1], box[2]


def boxes_of(labels: NDArray[Any]) -> dict[int, Box]:
    """Return the smallest box of each label above 0 of a volume ``(K, J, I)``."""
    from scipy.ndimage import find_objects  # only where a mask is read

    around = box_of(labels)
    if around is None:
        return {}
    found = dict(enumerate(find_objects(labels[around]), start=1))
    return {label: _moved(box, around) for label, box in found.items() if box is not None}


def _moved(box: tuple[slice, ...], around: Box) -> Box:
    k, j, i = (slice(s.start + a.start, s.stop + a.start) for s, a in zip(box, around, strict=True))
    return k, j, i


def union(crops: Sequence[Crop]) -> Crop:
    """Return the union of masks on one lattice.

    Raises
    ------
    ValueError
        If they lie on different lattices.
    """
    lattice = crops[0].lattice
    if any(crop.lattice is not lattice for crop in crops):
        raise ValueError("masks on different lattices have no union without resampling")
    low = [min(crop.box[axis].start for crop in crops) for axis in range(3)]
    high = [max(crop.box[axis].stop for crop in crops) for axis in range(3)]
    inside = np.zeros([h - l for l, h in zip(low, high, strict=True)], dtype=np.bool_)
    for crop in crops:
        k, j, i = (slice(s.start - l, s.stop - l) for s, l in zip(crop.box, low, strict=True))
        inside[k, j, i] |= crop.inside
    k, j, i = (slice(l, h) for l, h in zip(low, high, strict=True))
    return Crop(inside, (k, j, i), lattice)


def outline(crop: Crop, name: str, frame_of_reference_uid: str) -> Structure:
    """Return the structure of a mask, without a number (0).

    Raises
    ------
    NotComputable
        If the lattice has a single row or column.
    """
    pads, spans = [], []
    for span, size in zip(crop.box, crop.lattice.shape, strict=True):
        # The neighbour of an outer voxel, where there is one, says how far its side of the outline is.
        wide = slice(max(span.start - 1, 0), min(span.stop + 1, size))
        pads.append((span.start - wide.start, wide.stop - span.stop))
        spans.append(wide)
    k, j, i = spans
    whole = crop.lattice
    part = Lattice(whole.i_mm[i], whole.j_mm[j], whole.k_mm[k], whole.to_patient)
    outlined = structure_of_mask(np.pad(crop.inside, pads), part, 0, name, frame_of_reference_uid)
    return replace(outlined, edge_error_mm=edge_error_mm(whole))
