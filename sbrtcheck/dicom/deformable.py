"""Deformable Spatial Registration: vector grids that bend one frame of reference into another (PS3.3 C.20.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.grid import FARTHEST_MM, POSITION_TOLERANCE_MM, axes_of, lattice_of, position_of
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.registration import TOLERANCE, MatrixKind, one_matrix, source_frame, widest
from sbrtcheck.errors import UnusableRegistration
from sbrtcheck.model import AnyRegistration, DeformableRegistration, FloatArray, Lattice, Registration, frozen

# No tissue moves by a metre between two scans of a patient; damaged or misread numbers soon do. A choice.
LONGEST_MM: Final = 1000.0
_BYTES: Final = 12  # of a vector: three single precision numbers, PS3.3 C.20.3.1.3


def read_deformable(document: Document, frame_of_image: Mapping[str, str]) -> tuple[AnyRegistration, ...]:
    """Return the registrations of one object, from the frame of the object into the frame of each item.

    Parameters
    ----------
    frame_of_image : mapping
        Frame of reference UID by SOP instance UID of the images at hand, for items that name images only.

    Raises
    ------
    UnusableRegistration
        If it does not say which frames it joins, bends a frame onto itself, or a matrix or a vector grid is not one.
    UnreadableFile
        If a value is malformed.

    Notes
    -----
    PS3.3 C.20.3.1.1: points of the Registered RCS, the frame of reference of the object, are carried into the Source
    RCS of the item by the pre deformation matrix, the vectors and the post deformation matrix. An item without a vector
    grid is the product of its matrices.
    """
    own = document.root.uid("FrameOfReferenceUID")
    items = document.root.items("DeformableRegistrationSequence")
    if not own or not items:
        raise UnusableRegistration(
            "the registration does not say which frame of reference it registers to", remedy="Export it again with both"
        )
    found = [one for item in items if (one := _registration(document, item, own, frame_of_image)) is not None]
    if len({r.to_frame_uid for r in found}) < len(found):
        raise UnusableRegistration("the registration holds two transforms for one frame of reference")
    return tuple(sorted(found, key=lambda r: r.to_frame_uid))


def _registration(
    document: Document, item: Node, own: str, frame_of_image: Mapping[str, str]
) -> AnyRegistration | None:
    """Return what one item says, None where it leaves the frame of the object as it is."""
    source = source_frame(item, "SourceFrameOfReferenceUID", frame_of_image)
    pre, before = _matrix(item, "PreDeformationMatrixRegistrationSequence")
    post, after = _matrix(item, "PostDeformationMatrixRegistrationSequence")
    grids = item.items("DeformableRegistrationGridSequence")
    if len(grids) > 1:
        raise UnusableRegistration("an item of the registration holds several vector grids")
    if not grids:
        product = post @ pre
        if source != own:
            return Registration(document.uid, own, source, frozen(product), widest([before, after]))
        if not np.allclose(product, np.eye(4), rtol=0.0, atol=TOLERANCE):
            raise UnusableRegistration("the registration moves a frame of reference onto itself")
        return None
    if source == own:
        raise UnusableRegistration(
            "the registration bends a frame of reference onto itself, so it is not known which points it is for",
            remedy="Give the two scans frames of reference of their own",
        )
    lattice = _lattice(grids[0])
    vectors = _vectors(grids[0], lattice, little=document.parsed.little)
    return DeformableRegistration(document.uid, own, source, frozen(pre), lattice, vectors, frozen(post))


def _matrix(item: Node, keyword: str) -> tuple[FloatArray, MatrixKind]:
    """Return a matrix and its kind, the identity where there is none."""
    matrices = item.items(keyword)
    if len(matrices) > 1:
        raise UnusableRegistration("an item of the registration holds several matrices before or after its vector grid")
    return one_matrix(matrices[0]) if matrices else (np.eye(4), "RIGID")


def _lattice(grid: Node) -> Lattice:
    dimensions = grid.numbers("GridDimensions")
    if dimensions is None or len(dimensions) != 3 or dimensions.min() < 2 or (dimensions % 1).any():
        raise UnusableRegistration("Grid Dimensions does not hold three numbers of two or more")
    spacing = grid.numbers("GridResolution")
    if spacing is None or len(spacing) != 3 or spacing.min() < POSITION_TOLERANCE_MM or spacing.max() > FARTHEST_MM:
        raise UnusableRegistration("Grid Resolution does not hold three positive numbers of sensible size")
    columns, rows, planes = (int(n) for n in dimensions)
    if columns * rows * planes * _BYTES != len(grid.raw("VectorGridData") or b""):  # before any array is made of them
        raise UnusableRegistration("Vector Grid Data does not hold three numbers for each point of the grid")
    k_mm = spacing[2] * np.arange(planes)
    return lattice_of(axes_of(grid), position_of(grid), (float(spacing[0]), float(spacing[1])), rows, columns, k_mm)


def _vectors(grid: Node, lattice: Lattice, *, little: bool) -> NDArray[np.float32]:
    """Return the vectors ``(K, J, I, 3)``, mm: along a row first, then down the rows, then plane by plane."""
    stored = np.frombuffer(grid.raw("VectorGridData") or b"", dtype="<f4" if little else ">f4")
    vectors = stored.reshape(*lattice.shape, 3)
    missing = np.isnan(vectors)
    undefined = missing.all(axis=-1)
    if (missing.any(axis=-1) != undefined).any():
        raise UnusableRegistration("a vector of the grid is defined in part")
    if undefined.all():
        raise UnusableRegistration("no vector of the grid is defined")
    if not (np.abs(vectors[~undefined]) <= LONGEST_MM).all():
        raise UnusableRegistration(f"a vector of the grid is longer than {LONGEST_MM:g} mm")
    return np.asarray(frozen(vectors, np.float32))
