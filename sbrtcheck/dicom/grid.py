"""Where planes of pixels lie: orientation, position, spacing, frame offsets (PS3.3 C.7.6.2, C.8.8.3.2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from sbrtcheck.dicom.node import Node
from sbrtcheck.errors import InputError, UnreadableFile
from sbrtcheck.model import FloatArray, Lattice, frozen

# Direction cosines come with six or seven digits; 1e-4 moves the end of a 500 mm row by 0.05 mm.
ORTHONORMAL_TOLERANCE: Final = 1e-4
# Decimal strings of positions come with three or more decimals.
POSITION_TOLERANCE_MM: Final = 0.01
# No patient coordinate is ten metres from the origin; damaged digits soon are.
FARTHEST_MM: Final = 10_000.0


def axes_of(root: Node) -> FloatArray:
    """Return the directions of rows, columns and normal as the columns of a rotation ``(3, 3)``.

    Raises
    ------
    UnreadableFile
        If Image Orientation (Patient) is missing, or is not two perpendicular unit vectors within 1e-4.
    """
    cosines = root.numbers("ImageOrientationPatient")
    if cosines is None or len(cosines) != 6:
        raise UnreadableFile("Image Orientation (Patient) does not hold six numbers")
    along_row, along_column = cosines[:3], cosines[3:]
    lengths = np.linalg.norm(cosines.reshape(2, 3), axis=1)
    off = max(float(np.abs(lengths - 1.0).max()), abs(float(along_row @ along_column)))
    if off > ORTHONORMAL_TOLERANCE:
        raise UnreadableFile("Image Orientation (Patient) is not two perpendicular unit vectors")
    along_row = along_row / np.linalg.norm(along_row)
    along_column = along_column - (along_column @ along_row) * along_row
    along_column = along_column / np.linalg.norm(along_column)
    return np.column_stack([along_row, along_column, np.cross(along_row, along_column)])


def position_of(root: Node) -> FloatArray:
    """Return Image Position (Patient), ``(3,)``, LPS, mm.

    Raises
    ------
    UnreadableFile
        If it does not hold three numbers within ten metres of the origin.
    """
    position = root.numbers("ImagePositionPatient")
    if position is None or len(position) != 3 or np.abs(position).max() > FARTHEST_MM:
        raise UnreadableFile("Image Position (Patient) does not hold three numbers within ten metres")
    return position


def spacing_of(root: Node) -> tuple[float, float]:
    """Return the distance between columns (along a row) and between rows (down a column), mm.

    Pixel Spacing stores them the other way round: row spacing first.

    Raises
    ------
    UnreadableFile
        If it does not hold two positive numbers of sensible size.
    """
    spacing = root.numbers("PixelSpacing")
    if spacing is None or len(spacing) != 2 or spacing.min() < POSITION_TOLERANCE_MM or spacing.max() > FARTHEST_MM:
        raise UnreadableFile("Pixel Spacing does not hold two positive numbers of sensible size")
    return float(spacing[1]), float(spacing[0])


def lattice_of(
    axes: FloatArray, origin: FloatArray, spacing_mm: tuple[float, float], rows: int, columns: int, k_mm: FloatArray
) -> Lattice:
    """Return the lattice of a stack of planes whose offsets along the normal are ``k_mm``, rising."""
    to_patient = np.eye(4)
    to_patient[:3, :3] = axes
    to_patient[:3, 3] = origin
    return Lattice(
        i_mm=frozen(spacing_mm[0] * np.arange(columns)),
        j_mm=frozen(spacing_mm[1] * np.arange(rows)),
        k_mm=frozen(k_mm),
        to_patient=frozen(to_patient),
    )


def frame_offsets(root: Node, axes: FloatArray, origin: FloatArray, frames: int, error: type[InputError]) -> FloatArray:
    """Return the offsets of dose planes from the first one along the normal, ``(K,)``, mm, rising or falling.

    Parameters
    ----------
    error : type
        What to raise.

    Notes
    -----
    PS3.3 C.8.8.3.2: (a) a vector that starts at zero is relative to Image Position, along the normal; (b) one that
    starts at the z of Image Position holds patient z coordinates, defined for Image Orientation 1,0,0,0,1,0. Wherever
    the normal points to +z the z coordinate grows along it, so (b) is accepted there (prone grids); else it is refused.

    """
    offsets = root.numbers("GridFrameOffsetVector")
    if offsets is None or len(offsets) != frames:
        held = 0 if offsets is None else len(offsets)
        raise error(f"Grid Frame Offset Vector holds {held} values for {frames} frames")
    steps = np.diff(offsets)
    if not ((steps > POSITION_TOLERANCE_MM).all() or (steps < -POSITION_TOLERANCE_MM).all()):
        raise error("Grid Frame Offset Vector neither rises nor falls throughout")
    if abs(offsets[0]) <= POSITION_TOLERANCE_MM:
        return offsets
    if abs(offsets[0] - origin[2]) > POSITION_TOLERANCE_MM:
        raise error("Grid Frame Offset Vector starts neither at zero nor at the z of Image Position (Patient)")
    if axes[2, 2] < 1 - ORTHONORMAL_TOLERANCE:
        raise error("Grid Frame Offset Vector holds z coordinates, but the planes are not stacked along +z")
    return np.asarray(offsets - origin[2])
