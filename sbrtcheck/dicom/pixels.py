"""Stored pixel values as an array: uncompressed ones straight from the bytes, compressed ones through the codecs."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.stream import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, MAX_BYTES
from sbrtcheck.errors import UnreadableFile

_UNCOMPRESSED: Final = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED))
# Transfer syntaxes that always lose information (PS3.5 A.4); the two others say so in Lossy Image Compression.
_LOSSY: Final = frozenset(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"))


def shape_of(root: Node) -> tuple[int, int]:
    """Return rows and columns.

    Raises
    ------
    UnreadableFile
        If either is missing or not positive.
    """
    rows, columns = root.integer("Rows"), root.integer("Columns")
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise UnreadableFile("Rows or Columns is missing")
    return rows, columns


def is_lossy(document: Document) -> bool:
    """Whether the stored values are not the ones that were computed."""
    return document.parsed.transfer_syntax in _LOSSY or document.root.code("LossyImageCompression") == "01"


def stored_values(document: Document, frames: int) -> NDArray[Any]:
    """Return stored values as ``(frames, rows, columns)`` integers of the stored width and sign.

    Raises
    ------
    UnreadableFile
        If there are no pixel data, too few or too many of them, or no codec that reads them.
    """
    root = document.root
    rows, columns = shape_of(root)
    allocated = root.integer("BitsAllocated")
    if allocated not in {8, 16, 32} or root.integer("SamplesPerPixel") not in {None, 1}:
        raise UnreadableFile("pixels are not single values of 8, 16 or 32 bits")
    signed = root.integer("PixelRepresentation") == 1
    expected = frames * rows * columns * (allocated // 8)
    if expected > MAX_BYTES:
        raise UnreadableFile("pixel data would fill more than 1 GiB")
    raw = root.raw("PixelData")
    if raw is None or not len(raw):
        raise UnreadableFile("there are no pixel data")
    if document.parsed.transfer_syntax in _UNCOMPRESSED:
        if len(raw) not in {expected, expected + expected % 2}:
            raise UnreadableFile(f"pixel data hold {len(raw)} bytes instead of {expected}")
        order = "<" if document.parsed.little else ">"
        values = np.frombuffer(raw[:expected], dtype=f"{order}{'i' if signed else 'u'}{allocated // 8}")
    else:
        values = _decoded(document, frames * rows * columns)
    return _within_bits(values.reshape(frames, rows, columns), root.integer("BitsStored"), allocated)


def _decoded(document: Document, count: int) -> NDArray[Any]:
    import pydicom

    syntax = document.parsed.transfer_syntax
    with warnings.catch_warnings():
        # pydicom warns of what the strict walk has already judged.
        warnings.simplefilter("ignore")
        try:
            values = np.asarray(pydicom.dcmread(io.BytesIO(document.data), force=True).pixel_array)
        except (RuntimeError, NotImplementedError, ImportError):
            raise UnreadableFile(
                f"pixel data are compressed ({syntax}) and no codec for them is installed, or they are damaged",
                remedy="Install sbrtcheck[codecs], or export without compression",
            ) from None
        except Exception:  # codecs raise whatever they like on damaged streams
            raise UnreadableFile(f"compressed pixel data ({syntax}) are damaged") from None
    if values.size != count:
        raise UnreadableFile(f"compressed pixel data hold {values.size} pixels instead of {count}")
    return values


def _within_bits(values: NDArray[Any], stored: int | None, allocated: int) -> NDArray[Any]:
    """Drop bits above Bits Stored (old overlays live there), and let the sign fill them."""
    unused = allocated - (stored or allocated)
    if unused < 0 or unused >= allocated:
        raise UnreadableFile("Bits Stored is larger than Bits Allocated")
    if unused == 0:
        return values
    native = values.astype(values.dtype.newbyteorder("="))
    shifted: NDArray[Any] = np.right_shift(np.left_shift(native, unused), unused)
    return shifted
