"""Spatial Registration: matrices that carry one frame of reference into another (PS3.3 C.20.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.node import Node
from sbrtcheck.errors import UnusableRegistration
from sbrtcheck.model import FloatArray, Registration, frozen

# Matrices come as decimal strings of seven or more digits; 1e-4 over 500 mm is 0.05 mm.
TOLERANCE: Final = 1e-4
# No part of a patient grows or shrinks tenfold between two scans; a choice, against wrong units and damaged digits.
LEAST_SCALE: Final = 0.1
MatrixKind = Literal["RIGID", "RIGID_SCALE", "AFFINE"]


def read_registrations(document: Document, frame_of_image: Mapping[str, str]) -> tuple[Registration, ...]:
    """Return the matrices of one object, from the frame of each item into the frame of the object.

    Parameters
    ----------
    frame_of_image : mapping
        Frame of reference UID by SOP instance UID of the images at hand, for items that name images only.

    Raises
    ------
    UnusableRegistration
        If it does not say which frames it joins, or a matrix is not what its type says.
    UnreadableFile
        If a value is malformed.

    Notes
    -----
    The matrix of an item transforms points of the item's frame into the Registered RCS, which is the frame of reference
    of the object itself.
    """
    target = document.root.uid("FrameOfReferenceUID")
    items = document.root.items("RegistrationSequence")
    if not target or not items:
        raise UnusableRegistration(
            "the registration does not say which frame of reference it registers to", remedy="Export it again with both"
        )
    found = []
    for item in items:
        source = source_frame(item, "FrameOfReferenceUID", frame_of_image)
        matrix, kind = _matrix(item)
        if source == target:
            if not np.allclose(matrix, np.eye(4), rtol=0.0, atol=TOLERANCE):
                raise UnusableRegistration("the registration moves a frame of reference onto itself")
            continue
        found.append(Registration(document.uid, source, target, frozen(matrix), kind))
    if len({r.from_frame_uid for r in found}) < len(found):
        raise UnusableRegistration("the registration holds two matrices for one frame of reference")
    return tuple(sorted(found, key=lambda r: r.from_frame_uid))


def source_frame(item: Node, keyword: str, frame_of_image: Mapping[str, str]) -> str:
    """Return the frame of reference of an item: as stated under ``keyword``, else that of its images.

    Raises
    ------
    UnusableRegistration
        If neither tells one, or they contradict each other.
    """
    stated = item.uid(keyword)
    images = [i.uid("ReferencedSOPInstanceUID") for i in item.items("ReferencedImageSequence")]
    frames = {frame for uid in images if (frame := frame_of_image.get(uid, ""))}
    if not stated and len(frames) == 1:
        return frames.pop()
    if not stated or (frames and frames != {stated}):
        raise UnusableRegistration(
            "the registration does not say which frame of reference it starts from, or contradicts its images",
            remedy="Export it again with both frames of reference",
        )
    return stated


def _matrix(item: Node) -> tuple[FloatArray, MatrixKind]:
    """Return the product of the matrices of an item.

    The first one is applied first, PS3.3 equation C.20.2-2. Some programs multiply them the other way round.
    """
    registrations = item.items("MatrixRegistrationSequence")
    matrices = [one_matrix(m) for r in registrations for m in r.items("MatrixSequence")]
    if len(registrations) != 1 or not matrices:
        raise UnusableRegistration("an item of the registration does not hold exactly one matrix registration")
    product = np.eye(4)
    for matrix, _ in matrices:
        product = matrix @ product
    return product, widest([kind for _, kind in matrices])


def widest(kinds: Sequence[MatrixKind]) -> MatrixKind:
    """Return the kind of a product of matrices: what is turned, scaled and turned again is sheared."""
    if set(kinds) == {"RIGID"}:
        return "RIGID"
    return kinds[0] if len(kinds) == 1 else "AFFINE"


def one_matrix(item: Node) -> tuple[FloatArray, MatrixKind]:
    """Return the matrix of an item and its stated kind.

    Raises
    ------
    UnusableRegistration
        If it is not a transform of that kind (PS3.3 C.20.2.1.2), or mirrors or flattens.
    """
    values = item.numbers("FrameOfReferenceTransformationMatrix")
    if values is None or len(values) != 16:
        raise UnusableRegistration("a registration matrix does not hold sixteen numbers")
    matrix = values.reshape(4, 4)
    if not np.allclose(matrix[3], (0, 0, 0, 1), rtol=0.0, atol=TOLERANCE):
        raise UnusableRegistration("the last row of a registration matrix is not 0, 0, 0, 1")
    matrix[3] = (0, 0, 0, 1)
    kind = item.code("FrameOfReferenceTransformationMatrixType")
    linear = matrix[:3, :3]
    gram = linear.T @ linear
    scales = np.linalg.svd(linear, compute_uv=False)
    # Scaling may come before or after the rotation.
    products = (gram, linear @ linear.T)
    orthogonal = any(np.allclose(p, np.diag(np.diag(p)), rtol=0.0, atol=TOLERANCE) for p in products)
    if np.linalg.det(linear) <= 0 or scales.min() < LEAST_SCALE or scales.max() > 1 / LEAST_SCALE:
        raise UnusableRegistration("a registration matrix mirrors, flattens or inflates the patient")
    if kind == "RIGID" and np.allclose(gram, np.eye(3), rtol=0.0, atol=TOLERANCE):
        return matrix, "RIGID"
    if kind == "RIGID_SCALE" and orthogonal:
        return matrix, "RIGID_SCALE"
    if kind == "AFFINE":
        return matrix, "AFFINE"
    raise UnusableRegistration(f"a registration matrix is not of its stated type {kind or '(none)'}")
