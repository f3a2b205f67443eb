"""Spatial Registration: matrices that carry one frame of reference into another (PS3.3 C.20.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.node import Node
from sbrtcheck.errors import UnusableRegistration
from sbrtcheck.model import FloatArray, Registration, frozen

# Matrices come as decimal strings of seven or more digits; 1e-4 over 500 mm is 0.05 mm.
TOLERANCE: Final = 1e-4
_Kind = Literal["RIGID", "RIGID_SCALE", "AFFINE"]


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
        source = _source_frame(item, frame_of_image)
        matrix, kind = _matrix(item)
        if source == target:
            if not np.allclose(matrix, np.eye(4), rtol=0.0, atol=TOLERANCE):
                raise UnusableRegistration("the registration moves a frame of reference onto itself")
            continue
        found.append(Registration(document.uid, source, target, frozen(matrix), kind))
    if len({r.from_frame_uid for r in found}) < len(found):
        raise UnusableRegistration("the registration holds two matrices for one frame of reference")
    return tuple(sorted(found, key=lambda r: r.from_frame_uid))


def _source_frame(item: Node, frame_of_image: Mapping[str, str]) -> str:
    stated = item.uid("FrameOfReferenceUID")
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


def _matrix(item: Node) -> tuple[FloatArray, _Kind]:
    """Return the product of the matrices of an item.

    The order of several is refused unless it makes no difference: implementations multiply them either way.
    """
    registrations = item.items("MatrixRegistrationSequence")
    matrices = [_one_matrix(m) for r in registrations for m in r.items("MatrixSequence")]
    if len(registrations) != 1 or not matrices:
        raise UnusableRegistration("an item of the registration does not hold exactly one matrix registration")
    forward, backward = np.eye(4), np.eye(4)
    for matrix, _ in matrices:
        forward = matrix @ forward
        backward = backward @ matrix
    if not np.allclose(forward, backward, rtol=0.0, atol=TOLERANCE):
        raise UnusableRegistration("an item of the registration holds several matrices whose order matters")
    kinds = {kind for _, kind in matrices}
    widest: _Kind = "AFFINE" if "AFFINE" in kinds else "RIGID_SCALE" if "RIGID_SCALE" in kinds else "RIGID"
    return forward, widest


def _one_matrix(item: Node) -> tuple[FloatArray, _Kind]:
    values = item.numbers("FrameOfReferenceTransformationMatrix")
    if values is None or len(values) != 16:
        raise UnusableRegistration("a registration matrix does not hold sixteen numbers")
    matrix = values.reshape(4, 4)
    if not np.allclose(matrix[3], (0, 0, 0, 1), rtol=0.0, atol=TOLERANCE):
        raise UnusableRegistration("the last row of a registration matrix is not 0, 0, 0, 1")
    kind = item.code("FrameOfReferenceTransformationMatrixType")
    linear = matrix[:3, :3]
    gram = linear.T @ linear
    determinant = float(np.linalg.det(linear))
    # Scaling may come before or after the rotation.
    products = (gram, linear @ linear.T)
    orthogonal = any(np.allclose(p, np.diag(np.diag(p)), rtol=0.0, atol=TOLERANCE) for p in products)
    if determinant <= 0 or not np.isfinite(determinant):
        raise UnusableRegistration("a registration matrix mirrors or flattens the patient")
    if kind == "RIGID" and np.allclose(gram, np.eye(3), rtol=0.0, atol=TOLERANCE):
        return matrix, "RIGID"
    if kind == "RIGID_SCALE" and orthogonal:
        return matrix, "RIGID_SCALE"
    if kind == "AFFINE":
        return matrix, "AFFINE"
    raise UnusableRegistration(f"a registration matrix is not of its stated type {kind or '(none)'}")
