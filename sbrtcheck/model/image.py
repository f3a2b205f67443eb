"""A stack of CT slices, decoded only where somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sbrtcheck.model.arrays import FloatArray
from sbrtcheck.model.lattice import Lattice


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One CT series.

    Attributes
    ----------
    read_slice : callable
        ``read_slice(k)`` returns slice ``k`` as ``(J, I)`` float Hounsfield units; raises UnreadableFile.
    """

    series_instance_uid: str
    frame_of_reference_uid: str
    patient_position: str
    lattice: Lattice
    read_slice: Callable[[int], FloatArray]
    sop_instance_uids: tuple[str, ...] = ()  # in the order of k

    def volume_hu(self) -> FloatArray:
        """Return all slices as ``(K, J, I)``, HU."""
        return np.stack([self.read_slice(k) for k in range(self.lattice.shape[0])])
