"""A structure as even cells, each with the share of it that lies inside: points to move about, and a target to hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.raster import Fields, levels_of, raster_of
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.rings import rings_of
from sbrtcheck.geometry.slices import layers_of
from sbrtcheck.model import FloatArray

# Steps of a sequence that fills a cube evenly: powers of the inverse of the root of x**4 = x + 1.
_SCATTER = 1.2207440846057596 ** -np.array([1.0, 2.0, 3.0])


@dataclass(frozen=True, slots=True, eq=False)
class Occupied:
    """Cubic cells in the frame of a region.

    Attributes
    ----------
    shares : (3, W, V, U) float32
        Share of each cell that lies inside: best estimate, least, most. A rim of empty cells goes all around.
    first_mm : (3,) float
        Centre of the first cell, (u, v, w).
    cell_mm : float
    to_patient : (4, 4) float
        From (u, v, w) to LPS, mm.
    """

    shares: NDArray[np.float32]
    first_mm: FloatArray
    cell_mm: float
    to_patient: FloatArray

    @property
    def to_index(self) -> FloatArray:
        """Transform ``(4, 4)`` from LPS, mm, to fractional cells (u, v, w)."""
        scaled = np.diag([*[1.0 / self.cell_mm] * 3, 1.0])
        scaled[:3, 3] = -self.first_mm / self.cell_mm
        return np.asarray(scaled @ np.linalg.inv(self.to_patient))

    def normals(self) -> FloatArray:
        """Return the direction into the body at each of `cells`, ``(N, 3)``, LPS; 0 where there is no border."""
        slopes = np.stack(np.gradient(self.shares[0].astype(np.float64))[::-1], axis=-1)
        at = slopes[self.shares.max(axis=0) > 0.0] @ self.to_patient[:3, :3].T
        length = np.linalg.norm(at, axis=1, keepdims=True)
        return np.asarray(at / np.maximum(length, 1e-12))

    def cells(self) -> tuple[FloatArray, FloatArray]:
        """Return the cells that may hold anything.

        Returns
        -------
        points_mm : (N, 3) float
            Their centres, LPS.
        volume_mm3 : (3, N) float
            What of each lies inside: best estimate, least, most.
        """
        w, v, u = np.nonzero(self.shares.max(axis=0) > 0.0)
        local = self.first_mm + self.cell_mm * np.column_stack([u, v, w])
        points = local @ self.to_patient[:3, :3].T + self.to_patient[:3, 3]
        return points, self.shares[:, w, v, u].astype(np.float64) * self.cell_mm**3


def occupied(region: Region, cell_mm: float) -> Occupied:
    """Return the cells that a structure occupies; their volumes add up to that of its layers.

    Parameters
    ----------
    region : Region
    cell_mm : float

    Raises
    ------
    NotComputable
        If a thickness is unknown.
    """
    found = [_of_part(part, cell_mm) for part in parts(region)]
    first = np.min([corner for corner, _ in found], axis=0)
    last = np.max([corner + shares.shape[:0:-1] for corner, shares in found], axis=0)
    whole = np.zeros((3, *(last - first)[::-1] + 2), dtype=np.float32)
    for corner, shares in found:
        u, v, w = corner - first + 1
        whole[:, w : w + shares.shape[1], v : v + shares.shape[2], u : u + shares.shape[3]] += shares
    return Occupied(np.minimum(whole, 1.0), (first - 1.0) * cell_mm, cell_mm, region.to_patient)


def scattered(region: Region, cell_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return points inside a structure, one for each cell of it, and the volume that each stands for.

    Parameters
    ----------
    region : Region
    cell_mm : float

    Returns
    -------
    points_mm : (N, 3) float
        LPS.
    volume_mm3 : (N,) float
        All alike.

    Raises
    ------
    NotComputable
        If a thickness is unknown.

    Notes
    -----
    Points in the middles of cells lie on planes, and what is counted of them changes in steps where a plane meets a
    border. So points are scattered, each within what its cell holds.
    """
    cells = occupied(region, cell_mm)
    middles, volumes = cells.cells()
    share = volumes[0] / cell_mm**3
    steps = np.modf(np.arange(1, len(share) + 1)[:, None] * _SCATTER)[0] - 0.5
    # The border of a cell that is half full leads through its middle; of a fuller one there is more room beside it.
    room = cell_mm * np.clip(2.0 * share - 1.0, 0.0, 1.0)
    moved = middles + room[:, None] * steps @ cells.to_patient[:3, :3].T
    # Of a structure smaller than a cell no cell is half full.
    inside = share >= min(0.5, float(share.max()))
    return moved[inside], np.full(int(inside.sum()), float(volumes[0].sum()) / int(inside.sum()))


def _of_part(part: Region, cell_mm: float) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the first cell (u, v, w) of a part, counted from the origin of its frame, and its shares."""
    rings, layers = rings_of(part), layers_of(part, cell_mm)
    raster = raster_of(rings, layers, cell_mm, (0.0, 0.0))
    fields = Fields(rings, layers, raster).of_layers(0, len(layers.low_mm))
    levels = levels_of(fields, cell_mm, np.ascontiguousarray(layers.area_mm2))
    shares = np.clip(0.5 + (fields[None] - levels.T[:, :, None, None]) / cell_mm, 0.0, 1.0)
    # Layers are laid into even cells along w by what they share with each.
    first, last = (int(np.floor(w / cell_mm + 0.5)) for w in (layers.low_mm.min(), layers.high_mm.max()))
    low = (np.arange(first, last + 1) - 0.5) * cell_mm
    shared = np.minimum(low[:, None] + cell_mm, layers.high_mm) - np.maximum(low[:, None], layers.low_mm)
    even = np.einsum("ks,nsvu->nkvu", np.maximum(shared, 0.0) / cell_mm, shares)
    corner = np.array([np.rint(raster.u_mm[0] / cell_mm), np.rint(raster.v_mm[0] / cell_mm), first], dtype=np.intp)
    return corner, even
