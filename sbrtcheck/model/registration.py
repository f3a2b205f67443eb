"""A spatial registration between two frames of reference: a matrix, or a field that bends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model.arrays import FloatArray
from sbrtcheck.model.lattice import Lattice


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """One matrix of a Spatial Registration object.

    Attributes
    ----------
    matrix : (4, 4) float
        Maps points of ``from_frame_uid`` into ``to_frame_uid`` (PS3.3 C.20.2.1.1), mm.
    """

    sop_instance_uid: str
    from_frame_uid: str
    to_frame_uid: str
    matrix: FloatArray
    kind: Literal["RIGID", "RIGID_SCALE", "AFFINE"]


@dataclass(frozen=True, slots=True, eq=False)
class DeformableRegistration:
    """One vector grid of a Deformable Spatial Registration object, with the matrices before and after it.

    Attributes
    ----------
    from_frame_uid : str
        Registered RCS: the frame of reference of the object itself, in which the vector grid lies.
    to_frame_uid : str
        Source RCS: the frame of reference of the item.
    pre, post : (4, 4) float
        Pre and post deformation matrix.
    lattice : Lattice
        Where the vectors stand, evenly spaced, in ``from_frame_uid``.
    vectors_mm : (K, J, I, 3) float32
        Displacements along x, y and z of the patient, not of the grid, mm; NaN where none is defined.

    Notes
    -----
    PS3.3 C.20.3.1.1: a point of the Registered RCS is carried by the pre deformation matrix, displaced by its vector
    and carried by the post deformation matrix; the result is a point of the Source RCS. The matrices of a Spatial
    Registration lead the other way. Equation C.20.3-1 takes the vector from the place in the Registered RCS, where the
    grid lies, and not from the place that the pre deformation matrix leads to:
    ``source = post (pre point + vector(point))``.
    """

    sop_instance_uid: str
    from_frame_uid: str
    to_frame_uid: str
    pre: FloatArray
    lattice: Lattice
    vectors_mm: NDArray[np.float32]
    post: FloatArray


AnyRegistration: TypeAlias = Registration | DeformableRegistration
