"""Slender things in a volume: round cross sections that go on from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.geometry import masks
from sbrtcheck.geometry.masks import component_sizes, slice_labels
from sbrtcheck.model import FloatArray

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """Cross sections that touch from slice to slice.

    Attributes
    ----------
    box : tuple of slice
        Its place in the volume (k, j, i).
    inside : bool array
        Its voxels in that box.
    length_mm : float
        From its first slice to its last, both counted.
    """

    box: Box
    inside: NDArray[np.bool_]
    length_mm: float

    def centres_mm(self, steps_mm: tuple[float, float, float]) -> FloatArray:
        """Return the centre of each slice ``(K, 3)`` as (k, j, i) times the voxel size, mm."""
        count = self.inside.sum(axis=(1, 2))
        rows, columns = (np.arange(n) for n in self.inside.shape[1:])
        j = (self.inside.sum(axis=2) @ rows) / count + self.box[1].start
        i = (self.inside.sum(axis=1) @ columns) / count + self.box[2].start
        k = np.arange(len(count)) + self.box[0].start
        return np.asarray(np.column_stack([k, j, i]) * np.array(steps_mm))


def tubes(
    mask: NDArray[np.bool_],
    steps_mm: tuple[float, float, float],
    diameter_mm: tuple[float, float],
    most_aspect: float,
    least_length_mm: float,
    *,
    off_the_border: bool = False,
) -> tuple[Tube, ...]:
    """Return what is slender along the first axis of a volume, longest first.

    Parameters
    ----------
    mask : (K, J, I) bool
    steps_mm : tuple of float
        Voxel size along k, j, i, mm.
    diameter_mm : tuple of float
        Least and largest diameter of a disc with the area of a cross section, mm.
    most_aspect : float
        Longest to shortest side of the box round a cross section.
    least_length_mm : float
    off_the_border : bool
        Only of cross sections that do not touch the border of their slice.

    Returns
    -------
    tuple of Tube
    """
    from scipy import ndimage

    sections = round_sections(mask, steps_mm, diameter_mm, most_aspect, off_the_border=off_the_border)
    used = [np.flatnonzero(sections.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not len(used[0]):
        return ()
    # Labels are looked for where sections are: a trachea fills little of a scan.
    at = [int(u[0]) for u in used]
    stacks, _ = ndimage.label(sections[tuple(slice(int(u[0]), int(u[-1]) + 1) for u in used)])
    found = []
    for number, box in enumerate(ndimage.find_objects(stacks), start=1):
        length = (box[0].stop - box[0].start) * steps_mm[0]
        if length >= least_length_mm:
            k, j, i = (slice(s.start + first, s.stop + first) for s, first in zip(box, at, strict=True))
            found.append(Tube((k, j, i), stacks[box] == number, length))
    return tuple(sorted(found, key=lambda t: (-t.length_mm, tuple(s.start for s in t.box))))


def round_sections(
    mask: NDArray[np.bool_],
    steps_mm: tuple[float, float, float],
    diameter_mm: tuple[float, float],
    most_aspect: float,
    *,
    off_the_border: bool = False,
) -> NDArray[np.bool_]:
    """Return the components of each slice that are round and of the right size; arguments as in `tubes`."""
    from scipy import ndimage

    labels, count = slice_labels(mask)
    cells = component_sizes(labels, count)
    least, most = (0.25 * np.pi * d**2 / (steps_mm[1] * steps_mm[2]) for d in diameter_mm)
    kept = (cells > 0) & (cells >= least) & (cells <= most)
    if off_the_border:
        kept &= masks.off_the_border(labels, count)
    if not kept.any():
        return np.zeros(mask.shape, dtype=bool)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if kept[number]:
            sides = [(s.stop - s.start) * step for s, step in zip(box[1:], steps_mm[1:], strict=True)]
            kept[number] = max(sides) <= most_aspect * min(sides)
    return np.asarray(kept[labels])
