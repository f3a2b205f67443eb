"""NIfTI masks: read whole or refused, and laid onto the planning CT voxel by voxel.

A NIfTI file names no frame of reference. It is accepted only where its voxels are those of the planning CT, in whatever
order and direction; nothing is resampled or registered. NIfTI coordinates are RAS, those of DICOM are LPS.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import UnreadableFile, UnusableMask, UsageError
from sbrtcheck.model import FloatArray, Lattice
from sbrtcheck.segmentation.labels import MAX_LABEL, names_of_xml

# How far a voxel may lie from that of the CT. A choice of this program: a tenth of the smallest CT voxel in use, and a
# thousand times what single precision, in which NIfTI stores positions, loses over half a metre.
POSITION_TOLERANCE_MM = 0.1
# Cosine between two axes. A choice of this program: 1e-4 moves the end of a 500 mm row by 0.05 mm.
SHEAR_TOLERANCE = 1e-4
# Between sform and qform. A choice of this program: the quaternion in single precision loses up to 3e-4 (0.3 mm over a
# metre), an orientation that is another one is apart by the whole volume.
_SAME_ORIENTATION_MM = 1.0
_MAX_HEADER = 2**24  # bytes of header and extensions
_SIZES = {b"n+1\x00": 348, b"n+2\x00": 540}
_MILLIMETRE, _UNSTATED = 2, 0  # NIFTI_UNITS_MM, NIFTI_UNITS_UNKNOWN (nifti1.h)
_LARGEST_VALUE = 8  # bytes a voxel
Labels = NDArray[np.uint8] | NDArray[np.uint16]
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class NiftiHeader:
    """What a NIfTI file says before its voxels.

    Attributes
    ----------
    shape : tuple of int
        Voxels along the three axes of the file.
    affine : (4, 4) float
        From indices of the file to patient coordinates, LPS, mm.
    names : dict or None
        Names by label where the file holds them.
    """

    shape: tuple[int, int, int]
    affine: FloatArray
    dtype: np.dtype[Any]
    offset: int
    names: dict[int, str] | None


def read_header(data: bytes) -> NiftiHeader:
    """Read header and label table of a NIfTI-1 or NIfTI-2 file (``.nii`` or ``.nii.gz``).

    Parameters
    ----------
    data : bytes
        The whole file as stored; of a packed one no more than header and extensions are unpacked.

    Raises
    ------
    UsageError
        If nibabel is not installed.
    UnreadableFile
        If it is damaged or no NIfTI file.
    UnusableMask
        If it is no volume of whole numbers in a stated, rectangular grid in mm.
    """
    nibabel = _nibabel()
    start = _unpacked(data, _SIZES[b"n+2\x00"])
    kinds = {b"n+1\x00": nibabel.Nifti1Header, b"n+2\x00": nibabel.Nifti2Header}
    magic = next((m for m in kinds if start[_magic_at(m) : _magic_at(m) + 4] == m), None)
    if magic is None:
        raise UnreadableFile("not a NIfTI file of one part (.nii or .nii.gz)", remedy="Write the masks again")
    header = _parsed(kinds[magic], data, start[: _SIZES[magic]])
    extensions = [bytes(e.get_content()) for e in header.extensions if e.get_code() == 0]
    tables = [names for e in extensions if (names := names_of_xml(e)) is not None]
    if len(tables) > 1:
        raise UnusableMask("the NIfTI header holds more than one label table")
    return NiftiHeader(
        _shape(header), _affine(header), _dtype(header), int(header.get_data_offset()), tables[0] if tables else None
    )


def _parsed(kind: Any, data: bytes, start: bytes) -> Any:
    try:
        offset = int(kind(start, check=False).get_data_offset())
        if len(start) <= offset <= _MAX_HEADER:
            return kind.from_fileobj(io.BytesIO(_unpacked(data, offset)))
    except UnreadableFile:
        raise
    except Exception:  # noqa: S110  (nibabel raises many kinds of errors on damaged headers; all end below)
        pass
    raise UnreadableFile("the NIfTI header is damaged", remedy="Write the masks again")


def _nibabel() -> Any:
    try:
        import nibabel  # only where a NIfTI mask is read
    except ImportError:
        raise UsageError(
            "NIfTI masks need the package nibabel, which is not installed",
            remedy="Run: pip install 'sbrtcheck[masks]', or give the masks as DICOM SEG or RT Structure Set",
        ) from None
    return nibabel


def _magic_at(magic: bytes) -> int:
    return 344 if magic == b"n+1\x00" else 4


def _unpacked(data: bytes, size: int) -> bytes:
    """Return the first bytes of a file, unpacked where it is packed; fewer where it holds no more."""
    if not data.startswith(b"\x1f\x8b"):
        return data[:size]
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return stream.read(size)  # checks length and checksum where it reaches the end
    except (OSError, EOFError, zlib.error):
        raise UnreadableFile("the packed file is damaged or cut short", remedy="Write the masks again") from None


def _shape(header: Any) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in header.get_data_shape())
    if len(shape) != 3:
        raise UnusableMask(f"the NIfTI file has {len(shape)} dimensions, a mask has 3")
    if min(shape) < 1:
        raise UnreadableFile("the NIfTI header is damaged: a dimension is not positive")
    return shape


def _dtype(header: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = header.get_data_dtype()
    if dtype.kind not in "uif" or dtype.itemsize > _LARGEST_VALUE:
        raise UnusableMask("the voxels of the NIfTI file are no single numbers")
    slope, inter = header.get_slope_inter()
    if slope not in {None, 1.0} or inter not in {None, 0.0}:
        raise UnusableMask("the values of the NIfTI file are scaled: a mask holds whole numbers as they are")
    return dtype


def _affine(header: Any) -> FloatArray:
    """Return the affine to LPS; where the header has two, they must agree."""
    units = int(header["xyzt_units"]) & 0x07
    # The positions themselves are compared with the CT afterwards, so a unit may be left unstated, but not be another.
    if units not in {_MILLIMETRE, _UNSTATED}:
        raise UnusableMask("the NIfTI file states another unit than millimetres")
    try:
        found = [a for a in (header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]) if a is not None]
    except Exception:  # a quaternion of impossible length
        raise UnreadableFile("the orientation in the NIfTI header is damaged") from None
    if not found:
        raise UnusableMask("the NIfTI file does not say where it lies in the patient (sform and qform are unset)")
    affine = np.asarray(found[0], dtype=np.float64)
    if not np.isfinite(affine).all():
        raise UnreadableFile("the orientation in the NIfTI header is damaged")
    corner = np.array([*header.get_data_shape()[:3], 1.0])
    if any(np.abs((other - affine) * corner).sum(axis=1).max() > _SAME_ORIENTATION_MM for other in found[1:]):
        raise UnusableMask("the two orientations in the NIfTI header (sform, qform) contradict each other")
    lps = np.eye(4)
    lps[:3] = _RAS_TO_LPS @ affine[:3]
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    if not (steps > 0).all():
        raise UnreadableFile("the orientation in the NIfTI header is damaged: an axis has no length")
    axes = lps[:3, :3] / steps
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise UnusableMask("the axes of the NIfTI file are not perpendicular (shear), so it is not the grid of a CT")
    return lps


def read_labels(data: bytes, header: NiftiHeader, lattice: Lattice) -> Labels:
    """Return the labels in the order of the planning CT.

    Parameters
    ----------
    data : bytes
        The whole file as stored.
    lattice : Lattice
        Of the planning CT.

    Returns
    -------
    (K, J, I) uint8 or uint16
        One label a voxel of the CT, 0 for none.

    Raises
    ------
    UnusableMask
        If the voxels are not those of the CT within `POSITION_TOLERANCE_MM`, or hold anything but whole numbers from 0
        to 65535. Nothing is unpacked before the grid has been accepted, so memory is bounded by the CT.
    UnreadableFile
        If the voxels are damaged or too few.
    """
    order, flips = order_on(header, lattice)
    count = int(np.prod(header.shape))
    limit = header.offset + count * header.dtype.itemsize
    content = _unpacked(data, limit + _MAX_HEADER)  # reads on past the voxels, to the checksum
    if len(content) < limit:
        raise UnreadableFile("the NIfTI file holds fewer voxels than its header says", remedy="Write the masks again")
    if len(content) == limit + _MAX_HEADER:
        raise UnreadableFile("the NIfTI file goes on long after its last voxel")
    stored = np.frombuffer(content, header.dtype, count, header.offset).reshape(header.shape, order="F")
    laid = stored.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    if stored.dtype == np.uint8:  # every value is a label, and nothing need be copied
        return np.ascontiguousarray(laid, dtype=np.uint8)
    labels: Labels = np.empty(laid.shape, dtype=np.uint16)
    for k, plane in enumerate(laid):
        if not ((plane >= 0) & (plane <= MAX_LABEL)).all() or (plane.dtype.kind == "f" and (plane % 1 != 0).any()):
            raise UnusableMask(
                "the voxels of the NIfTI file are not whole numbers from 0 to 65535 (probabilities are no masks)"
            )
        labels[k] = plane
    return labels


def order_on(header: NiftiHeader, lattice: Lattice) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Return which axis of the file runs along K, J and I of a lattice, and whether each runs backwards.

    Raises
    ------
    UnusableMask
        If the voxels of the two are not the same within `POSITION_TOLERANCE_MM`.
    """
    along = lattice.to_patient[:3, :3].T @ header.affine[:3, :3]  # step of each axis of the file along i, j, k
    nearest = np.abs(along / np.linalg.norm(along, axis=0)).argmax(axis=1)
    order = (int(nearest[2]), int(nearest[1]), int(nearest[0]))
    shape = tuple(header.shape[axis] for axis in order)
    if sorted(order) != [0, 1, 2] or shape != lattice.shape:
        raise UnusableMask(
            f"the grid of the mask ({' x '.join(map(str, header.shape))} voxels) is not that of the planning CT "
            f"({' x '.join(map(str, lattice.shape[::-1]))})",
            remedy="Segment the planning CT itself; masks are never resampled or registered",
        )
    flips = (bool(along[2, order[0]] < 0), bool(along[1, order[1]] < 0), bool(along[0, order[2]] < 0))
    off_mm = _farthest(header, lattice, order, flips, along)
    if off_mm > POSITION_TOLERANCE_MM:
        raise UnusableMask(
            f"the voxels of the mask lie up to {off_mm:.2f} mm from those of the planning CT "
            f"(allowed {POSITION_TOLERANCE_MM:g} mm)",
            remedy="Segment the planning CT itself; masks are never resampled or registered",
        )
    return order, flips


def _farthest(
    header: NiftiHeader,
    lattice: Lattice,
    order: tuple[int, int, int],
    flips: tuple[bool, bool, bool],
    along: FloatArray,
) -> float:
    """Return how far a voxel of the file may lie from the one of the lattice that it is taken for, mm.

    The offset of a voxel is a sum of three terms, each of one index, so its extremes are the sums of their extremes.
    """
    low = lattice.to_grid(header.affine[None, :3, 3])[0]
    high = low.copy()
    for row, (axis, flip) in enumerate(zip(order, flips, strict=True)):
        ticks = (lattice.k_mm, lattice.j_mm, lattice.i_mm)[row]
        number = np.arange(header.shape[axis])[:: -1 if flip else 1]
        term = number[:, None] * along[:, axis]
        term[:, 2 - row] -= ticks
        low, high = low + term.min(axis=0), high + term.max(axis=0)
    return float(np.linalg.norm(np.maximum(np.abs(low), np.abs(high))))
