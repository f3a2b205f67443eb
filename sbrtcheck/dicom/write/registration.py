"""Spatial Registration: one matrix, rigid or affine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SpatialRegistrationStorage

from sbrtcheck.dicom.write.common import Header, dataset, decimals, save, stamp
from sbrtcheck.model import FloatArray, Registration


def write_registration(path: Path, header: Header, registration: Registration) -> None:
    """Write a Spatial Registration (PS3.3 A.39.1) of two items.

    The matrix of an item maps points of that item's frame of reference into the frame of reference of the object itself
    (PS3.3 C.20.2.1.1): identity for the object's own frame, ``registration.matrix`` for the other.

    Raises
    ------
    ValueError
        If the registration does not lead into the frame of reference of the header.
    """
    if registration.to_frame_uid != header.frame_of_reference_uid:
        raise ValueError("the object's own frame of reference is the one that a registration leads into")
    ds = dataset(header, SpatialRegistrationStorage, registration.sop_instance_uid, "REG")
    stamp(ds, "Content", header)
    ds.InstanceNumber = 1
    ds.ContentLabel = "REGISTRATION"
    ds.ContentDescription = ""
    ds.ContentCreatorName = ""
    ds.RegistrationSequence = [
        _item(registration.to_frame_uid, np.eye(4), "RIGID"),
        _item(registration.from_frame_uid, registration.matrix, registration.kind),
    ]
    save(ds, path)


def _item(frame_uid: str, matrix: FloatArray, kind: str) -> Dataset:
    transform = Dataset()
    transform.FrameOfReferenceTransformationMatrixType = kind
    transform.FrameOfReferenceTransformationMatrix = decimals(matrix)
    registration = Dataset()
    registration.RegistrationTypeCodeSequence = []
    registration.MatrixSequence = [transform]
    item = Dataset()
    item.FrameOfReferenceUID = frame_uid
    item.MatrixRegistrationSequence = [registration]
    return item
