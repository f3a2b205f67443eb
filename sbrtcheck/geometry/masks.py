"""A mask of voxels as a structure, so that what was segmented is measured like what was drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Contour, FloatArray, Lattice, Structure, frozen

# A vertex whose neighbours span less than this much area with it lies on the line between them.
_NO_AREA_MM2 = 1e-9


def structure_of_mask(
    mask: NDArray[np.bool_], lattice: Lattice, roi_number: int, name: str, frame_of_reference_uid: str
) -> Structure:
    """Return the outlines of a mask on every slice of its lattice.

    Parameters
    ----------
    mask : (K, J, I) bool
        Voxels inside.
    lattice : Lattice
        Where the voxels lie; any orientation, evenly spaced or not.
    roi_number : int
        Number of the structure returned.
    name : str
        Its name.
    frame_of_reference_uid : str
        The frame of the lattice.

    Returns
    -------
    Structure
        Closed planar contours, LPS, mm, half way between voxel centres inside and outside; voxels at the end of the
        lattice are taken to reach half a step beyond their centre. Voxels that touch at a corner only are apart, and a
        hole is a contour of its own. The true edge is known to `edge_error_mm` only.

    Raises
    ------
    NotComputable
        If the mask is empty, or a slice has only one row or column, so that the size of its voxels is unknown.
    ValueError
        If the mask does not have the shape of the lattice.
    """
    if mask.shape != lattice.shape:
        raise ValueError(f"the mask has shape {mask.shape}, its lattice {lattice.shape}")
    where = f"ROI {roi_number}"
    if not mask.any():
        raise NotComputable("the mask is empty", where=where)
    if min(mask.shape[1:]) < 2:
        raise NotComputable("a slice of one row or column does not tell the size of its voxels", where=where)
    kept = np.flatnonzero(mask.any(axis=(1, 2)))
    i_window, j_window = (_window(np.asarray(mask.any(axis=axes))) for axes in ((0, 1), (0, 2)))
    x, y = _padded(lattice.i_mm, i_window), _padded(lattice.j_mm, j_window)
    contours = tuple(
        Contour(frozen(lattice.to_lps(np.column_stack([loop, np.full(len(loop), lattice.k_mm[k])]))), "CLOSED_PLANAR")
        for k in kept.tolist()
        for loop in _loops(np.pad(mask[k, j_window, i_window], 1), x, y)
    )
    return Structure(roi_number, name, "", contours, frame_of_reference_uid)


def edge_error_mm(lattice: Lattice) -> float:
    """Return how far the true edge may lie from that of a mask: half the diagonal of the largest voxel, mm.

    Raises
    ------
    NotComputable
        If an axis of the lattice has one voxel only, whose size is unknown.
    """
    if min(lattice.shape) < 2:
        raise NotComputable("the size of the voxels is unknown: the lattice has a single voxel along an axis")
    return 0.5 * float(np.linalg.norm(lattice.spacing_mm))


def slice_labels(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Return the connected components of each slice ``(K, J, I)`` by number, from 1, and how many there are.

    Voxels that touch at a corner only are apart.
    """
    from scipy import ndimage

    within = np.zeros((3, 3, 3), dtype=bool)
    within[1] = ndimage.generate_binary_structure(2, 1)
    labels = np.empty(mask.shape, dtype=np.int32)
    count = ndimage.label(mask, structure=within, output=labels)
    return labels, int(count)


def component_sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return the voxels of each component ``(count + 1,)``; those of the background, number 0, count as none."""
    sizes = np.zeros(count + 1, dtype=np.int64)
    for one in labels:  # slice by slice: counting all at once would copy a large volume
        cells = np.bincount(one.ravel())
        sizes[: len(cells)] += cells
    sizes[0] = 0
    return sizes


def enclosed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the components of each slice ``(K, J, I)`` that do not touch the border of the slice."""
    labels, count = slice_labels(mask)
    return np.asarray(off_the_border(labels, count)[labels])


def off_the_border(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return which components ``(count + 1,)`` of `slice_labels` do not touch the border of their slice."""
    kept = np.ones(count + 1, dtype=bool)
    kept[0] = False
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        kept[border] = False
    return kept


def _window(used: NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(used)
    return slice(int(at[0]), int(at[-1]) + 1)


def _padded(ticks_mm: FloatArray, window: slice) -> FloatArray:
    """Return the ticks of a window and one more on either side: the neighbour, or as far off as the last step."""
    before, after = 2.0 * ticks_mm[0] - ticks_mm[1], 2.0 * ticks_mm[-1] - ticks_mm[-2]
    return np.concatenate([[before], ticks_mm, [after]])[window.start : window.stop + 2]


def _loops(inside: NDArray[np.bool_], x_mm: FloatArray, y_mm: FloatArray) -> list[FloatArray]:
    """Return closed outlines ``(N, 2)`` of a padded slice, without the points that lie on straight lines."""
    from contourpy import LineType, contour_generator  # only where a mask is used

    generator = contour_generator(x_mm, y_mm, inside.astype(float), line_type=LineType.Separate)
    return [_corners(np.asarray(line)[:-1]) for line in generator.lines(0.5)]


def _corners(loop: FloatArray) -> FloatArray:
    before, after = loop - np.roll(loop, 1, axis=0), np.roll(loop, -1, axis=0) - loop
    return loop[np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > _NO_AREA_MM2]
