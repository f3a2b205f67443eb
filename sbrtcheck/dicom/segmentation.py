"""DICOM Segmentation (SEG): which voxels belong to each segment, in patient coordinates (PS3.3 A.51, C.8.20).

BINARY (one bit a voxel), FRACTIONAL (inside from half of the maximum on) and LABELMAP (the value of a voxel is the
number of its segment). Frames that hold nothing may be left out of a file: a segment is empty on planes without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.grid import POSITION_TOLERANCE_MM, axes_of, lattice_of, position_of, spacing_of
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.pixels import shape_of, stored_values
from sbrtcheck.dicom.stream import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from sbrtcheck.errors import UnreadableFile, UnusableMask
from sbrtcheck.model import Code, FloatArray, Lattice

# PS3.4 table B.5-1: Segmentation Storage, Label Map Segmentation Storage
_SOP_CLASSES: Final = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
# A voxel of a FRACTIONAL segmentation is inside from this part of the maximum on: half occupied, or as likely in
# as out. A choice of this program; the file states none.
FRACTION_INSIDE: Final = 0.5
# Of one segmentation; a CT of 512 x 512 x 1000 is half of it. A choice of this program, to bound memory.
MAX_VOXELS: Final = 2**29
_UNPACKED: Final = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED))


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its number, label, and codes of what it shows (Segmented Property Type, and its modifiers)."""

    number: int
    label: str
    types: tuple[Code, ...]
    modifiers: tuple[Code, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """One SEG object.

    Attributes
    ----------
    kind : str
        ``BINARY``, ``FRACTIONAL`` or ``LABELMAP``.
    lattice : Lattice
        Every plane that any segment has a frame on.
    mask : callable
        ``mask(number)`` returns ``(K, J, I)`` bool on that lattice; raises UnreadableFile.
    """

    uid: str
    frame_of_reference_uid: str
    kind: str
    segments: tuple[Segment, ...]
    lattice: Lattice
    mask: Callable[[int], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class _Frame:
    segment: int  # 0 in a label map: every segment
    k: int


def is_segmentation(document: Document) -> bool:
    """Whether an object is a segmentation of voxels."""
    return document.root.uid("SOPClassUID") in _SOP_CLASSES


def read_segmentation(document: Document) -> Segmentation:
    """Read one SEG object; masks are made when they are asked for.

    Raises
    ------
    UnreadableFile
        If something is missing or malformed, or frames and pixel data do not fit each other.
    UnusableMask
        If its frames do not make a stack of parallel planes, or are too many.
    """
    root = document.root
    kind = root.code("SegmentationType")
    if kind not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
        raise UnreadableFile("Segmentation Type is not BINARY, FRACTIONAL or LABELMAP")
    segments = _segments(root)
    groups = root.items("PerFrameFunctionalGroupsSequence")
    if not groups or root.integer("NumberOfFrames") != len(groups):
        raise UnreadableFile("Number of Frames is not the number of per-frame functional groups")
    lattice, planes = _stack(root, groups)
    numbers = {segment.number for segment in segments}
    shared = root.item("SharedFunctionalGroupsSequence")
    frames = [
        _Frame(0 if kind == "LABELMAP" else _segment_of(group, shared, numbers), k)
        for group, k in zip(groups, planes, strict=True)
    ]
    if len(set(frames)) < len(frames):
        raise UnreadableFile("a segment has two frames on one plane")
    inside = _reader(document, kind, len(frames))
    return Segmentation(
        uid=document.uid,
        frame_of_reference_uid=root.uid("FrameOfReferenceUID"),
        kind=kind,
        segments=segments,
        lattice=lattice,
        mask=lambda number: _mask(number, frames, lattice.shape, inside),
    )


def _segments(root: Node) -> tuple[Segment, ...]:
    found: dict[int, Segment] = {}
    for item in root.items("SegmentSequence"):
        number = item.integer("SegmentNumber")
        if number is None or number in found or (number < 1 and root.code("SegmentationType") != "LABELMAP"):
            raise UnreadableFile("a Segment Number is missing, not positive or used twice")
        types = item.items("SegmentedPropertyTypeCodeSequence")
        modifiers = [m for t in types for m in t.items("SegmentedPropertyTypeModifierCodeSequence")]
        found[number] = Segment(number, item.text("SegmentLabel"), _codes(types), _codes(modifiers))
    found.pop(0, None)  # the background of a label map
    if not found:
        raise UnreadableFile("there are no segments")
    return tuple(found[number] for number in sorted(found))


def _codes(items: Iterable[Node]) -> tuple[Code, ...]:
    return tuple(
        Code(
            item.text("CodeValue") or item.text("LongCodeValue"),
            item.text("CodingSchemeDesignator"),
            item.text("CodeMeaning"),
        )
        for item in items
    )


def _segment_of(group: Node, shared: Node, numbers: set[int]) -> int:
    number = _macro(group, shared, "SegmentIdentificationSequence").integer("ReferencedSegmentNumber")
    if number is None or number not in numbers:
        raise UnreadableFile("a frame belongs to no segment of the list")
    return number


def _macro(group: Node, shared: Node, keyword: str) -> Node:
    """Return a functional group of a frame: its own, else the one shared by all (PS3.3 C.7.6.16)."""
    return group.item(keyword) if keyword in group else shared.item(keyword)


def _stack(root: Node, groups: tuple[Node, ...]) -> tuple[Lattice, list[int]]:
    """Return where the voxels lie, and the plane of each frame."""
    shared = root.item("SharedFunctionalGroupsSequence")
    rows, columns = shape_of(root)
    orientations = [_macro(group, shared, "PlaneOrientationSequence") for group in groups]
    measures = [_macro(group, shared, "PixelMeasuresSequence") for group in groups]
    axes, spacing_mm = axes_of(orientations[0]), spacing_of(measures[0])
    if _differ(orientations, "ImageOrientationPatient", axes_of) or _differ(measures, "PixelSpacing", spacing_of):
        raise UnusableMask("the frames of the segmentation differ in orientation or pixel spacing")
    origins = np.array([position_of(_macro(group, shared, "PlanePositionSequence")) for group in groups])
    heights = origins @ axes[:, 2]
    corners = origins - heights[:, None] * axes[:, 2]
    order = np.argsort(heights, kind="stable")
    new = np.concatenate([[True], np.diff(heights[order]) > POSITION_TOLERANCE_MM])
    k_mm = heights[order][new]
    if np.abs(corners - corners[0]).max() > POSITION_TOLERANCE_MM * len(k_mm):
        raise UnusableMask("the frames of the segmentation are not stacked along their normal")
    if len(k_mm) * rows * columns > MAX_VOXELS:
        raise UnusableMask(f"the segmentation has more than {MAX_VOXELS} voxels")
    planes = np.empty(len(groups), dtype=np.intp)
    planes[order] = np.cumsum(new) - 1
    first = origins[order[0]]
    return lattice_of(axes, first, spacing_mm, rows, columns, k_mm - k_mm[0]), planes.tolist()


def _differ(items: list[Node], keyword: str, read: Callable[[Node], object]) -> bool:
    """Whether a value is not the same in all items, within 1e-4; equal bytes are read once."""
    distinct = {bytes(item.raw(keyword) or b""): item for item in items}
    values: list[FloatArray] = [np.asarray(read(item)) for item in distinct.values()]
    return any(np.abs(value - values[0]).max() > 1e-4 for value in values)


def _reader(document: Document, kind: str, frames: int) -> Callable[[int, int], NDArray[np.bool_]]:
    """Return a function of frame and segment that gives the voxels inside, ``(J, I)``."""
    root = document.root
    if kind == "BINARY" and root.integer("BitsAllocated") == 1:
        return _unpacker(document, frames)
    stored = stored_values(document, frames)
    if kind == "LABELMAP":
        return lambda frame, segment: np.asarray(stored[frame] == segment)
    if kind == "BINARY":
        return lambda frame, _: np.asarray(stored[frame] != 0)
    maximum = root.number("MaximumFractionalValue")
    if maximum is None or maximum < 1:
        raise UnreadableFile("Maximum Fractional Value is missing or not positive")
    least = FRACTION_INSIDE * maximum
    return lambda frame, _: np.asarray(stored[frame] >= least)


def _unpacker(document: Document, frames: int) -> Callable[[int, int], NDArray[np.bool_]]:
    """Return a function that unpacks one frame; frames follow each other without padding, the first voxel in bit 0."""
    rows, columns = shape_of(document.root)
    size = rows * columns
    held = -(-frames * size // 8)
    raw = document.root.raw("PixelData")
    if document.parsed.transfer_syntax not in _UNPACKED:
        raise UnreadableFile("pixels of one bit are compressed or big endian", remedy="Export without compression")
    if raw is None or len(raw) not in {held, held + held % 2}:
        raise UnreadableFile(f"pixel data hold {0 if raw is None else len(raw)} bytes instead of {held}")
    packed = np.frombuffer(raw, dtype=np.uint8)
    return lambda frame, _: _unpacked(packed, frame, rows, columns)


def _unpacked(packed: NDArray[np.uint8], frame: int, rows: int, columns: int) -> NDArray[np.bool_]:
    start = frame * rows * columns
    stop = start + rows * columns
    bits = np.unpackbits(packed[start // 8 : -(-stop // 8)], bitorder="little")
    return bits[start % 8 :][: rows * columns].reshape(rows, columns).astype(np.bool_)


def _mask(
    number: int,
    frames: list[_Frame],
    shape: tuple[int, int, int],
    inside: Callable[[int, int], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=np.bool_)
    for n, frame in enumerate(frames):
        if frame.segment in {0, number}:
            mask[frame.k] = inside(n, number)
    return mask
