"""Where the voxels of a dose or an image lie: three rising tick lists in a rigid frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbrtcheck.model.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Rectilinear voxel centres, in any orientation, evenly spaced or not.

    Attributes
    ----------
    i_mm, j_mm, k_mm : (I,), (J,), (K,) float
        Strictly rising positions of voxel centres along the three axes of the grid, mm: i along a row (column index),
        j down the rows, k from frame to frame. Voxel ``volume[k, j, i]`` lies at ``(i_mm[i], j_mm[j], k_mm[k])``.
    to_patient : (4, 4) float
        Rigid transform from those grid coordinates to DICOM patient coordinates (LPS, mm). Left-handed frames are
        legal: a frame order that runs against the normal is kept as a mirrored k axis.
    """

    i_mm: FloatArray
    j_mm: FloatArray
    k_mm: FloatArray
    to_patient: FloatArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels as ``(K, J, I)``, the order of the volume array."""
        return len(self.k_mm), len(self.j_mm), len(self.i_mm)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Widest step along i, j and k, mm; 0 for an axis of one voxel."""
        i, j, k = (float(np.max(np.diff(t))) if len(t) > 1 else 0.0 for t in (self.i_mm, self.j_mm, self.k_mm))
        return i, j, k

    def to_grid(self, points_mm: FloatArray) -> FloatArray:
        """Map patient points ``(N, 3)`` to grid coordinates ``(N, 3)``, mm."""
        rotation, shift = self.to_patient[:3, :3], self.to_patient[:3, 3]
        # The inverse of an orthonormal rotation is its transpose.
        return np.asarray((points_mm - shift) @ rotation)

    def to_lps(self, grid_mm: FloatArray) -> FloatArray:
        """Map grid coordinates ``(N, 3)`` to patient points ``(N, 3)``, mm."""
        return np.asarray(grid_mm @ self.to_patient[:3, :3].T + self.to_patient[:3, 3])
