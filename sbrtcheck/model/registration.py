"""A spatial registration between two frames of reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sbrtcheck.model.arrays import FloatArray


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
