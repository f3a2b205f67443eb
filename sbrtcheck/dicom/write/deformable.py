"""Deformable Spatial Registration: one vector grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import DeformableSpatialRegistrationStorage

from sbrtcheck.dicom.write.common import Header, dataset, decimals, save, stamp
from sbrtcheck.model import DeformableRegistration, FloatArray, Lattice


def write_deformable(path: Path, header: Header, registration: DeformableRegistration) -> None:
    """Write a Deformable Spatial Registration (PS3.3 A.39.2) of one item.

    The item maps points of the frame of reference of the object itself into ``registration.to_frame_uid`` (PS3.3
    C.20.3.1.1): the other way round than a Spatial Registration.

    Parameters
    ----------
    path : Path
    header : Header
        Its frame of reference is that of the object, in which the vector grid lies.
    registration : DeformableRegistration
        Both matrices are written as RIGID where they are, else as AFFINE.

    Raises
    ------
    ValueError
        If the registration does not start from the frame of reference of the header, or its grid is not one that the
        object can hold.
    """
    if registration.from_frame_uid != header.frame_of_reference_uid:
        raise ValueError("the object's own frame of reference is the one that a deformable registration starts from")
    ds = dataset(header, DeformableSpatialRegistrationStorage, registration.sop_instance_uid, "REG")
    stamp(ds, "Content", header)
    # Of the enhanced general equipment module, PS3.3 C.7.5.2.
    ds.DeviceSerialNumber = "1"
    ds.SoftwareVersions = "1"
    ds.InstanceNumber = 1
    ds.ContentLabel = "DEFORMATION"
    ds.ContentDescription = ""
    ds.ContentCreatorName = ""
    item = Dataset()
    item.SourceFrameOfReferenceUID = registration.to_frame_uid
    item.RegistrationTypeCodeSequence = []
    item.PreDeformationMatrixRegistrationSequence = [_matrix(registration.pre)]
    item.PostDeformationMatrixRegistrationSequence = [_matrix(registration.post)]
    item.DeformableRegistrationGridSequence = [_grid(registration)]
    ds.DeformableRegistrationSequence = [item]
    save(ds, path)


def _matrix(matrix: FloatArray) -> Dataset:
    turned = matrix[:3, :3]
    # Decimal strings keep thirteen digits; products of rotations are off by a few parts in 1e15.
    is_rigid = np.allclose(turned @ turned.T, np.eye(3), rtol=0.0, atol=1e-9)
    item = Dataset()
    item.FrameOfReferenceTransformationMatrixType = "RIGID" if is_rigid else "AFFINE"
    item.FrameOfReferenceTransformationMatrix = decimals(matrix)
    return item


def _grid(registration: DeformableRegistration) -> Dataset:
    lattice = registration.lattice
    if registration.vectors_mm.shape != (*lattice.shape, 3):
        raise ValueError("a vector grid holds one vector a voxel")
    corner = np.array([[lattice.i_mm[0], lattice.j_mm[0], lattice.k_mm[0]]])
    grid = Dataset()
    grid.ImagePositionPatient = decimals(lattice.to_lps(corner))
    grid.ImageOrientationPatient = decimals(lattice.to_patient[:3, :2].T)
    grid.GridDimensions = list(lattice.shape[::-1])
    grid.GridResolution = _resolution(lattice)
    grid.VectorGridData = registration.vectors_mm.astype("<f4").tobytes()
    return grid


def _resolution(lattice: Lattice) -> list[float]:
    steps = [np.diff(ticks) for ticks in (lattice.i_mm, lattice.j_mm, lattice.k_mm)]
    is_even = all(len(step) and np.ptp(step) <= 1e-9 for step in steps)  # float rounding over a few hundred steps
    if not is_even or np.linalg.det(lattice.to_patient[:3, :3]) < 0:
        raise ValueError("a vector grid has even spacing, two planes or more and a right-handed frame")
    return [float(step[0]) for step in steps]
