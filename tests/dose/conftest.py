"""Builders of doses and structures with known dose-volume histograms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Dose, FloatArray, Lattice, Structure, frozen

Field = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


class Make:
    """Makes doses from functions of patient coordinates, and simple regions."""

    def lattice(
        self,
        spacing: ArrayLike = (2.0, 2.0, 2.0),
        half: float = 40.0,
        to_patient: FloatArray | None = None,
        shift: ArrayLike = (0.0, 0.0, 0.0),
    ) -> Lattice:
        steps = np.broadcast_to(np.asarray(spacing, dtype=float), (3,))
        ticks = [s * np.arange(-int(half / s), int(half / s) + 1) for s in steps]
        matrix = np.eye(4) if to_patient is None else to_patient.copy()
        matrix[:3, 3] += shift
        return Lattice(*(frozen(t) for t in ticks), frozen(matrix))

    def dose(self, field: Field, lattice: Lattice | None = None, quantisation_gy: float = 0.0) -> Dose:
        grid = lattice or self.lattice()
        k, j, i = np.meshgrid(grid.k_mm, grid.j_mm, grid.i_mm, indexing="ij")
        points = grid.to_lps(np.column_stack([i.ravel(), j.ravel(), k.ravel()]))
        values = np.broadcast_to(field(*points.T), points.shape[:1]).reshape(grid.shape)
        return Dose(frozen(values, np.float32), grid, "PHYSICAL", "1.2", quantisation_gy, ("1.2.3",))

    def box(self, width: float, height: float, heights: ArrayLike, centre: ArrayLike = (0.0, 0.0)) -> Region:
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2.0 + np.asarray(centre)
        return self.region([np.column_stack([corners, np.full(4, z)]) for z in np.atleast_1d(heights)])

    def sphere(self, radius: float, step: float = 2.0, offset: float = 0.5, centre: ArrayLike = (0, 0, 0)) -> Region:
        angle = 2.0 * np.pi * np.arange(160) / 160
        circle = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(160)])
        heights = -radius + (offset + np.arange(int(2.0 * radius / step) + 1)) * step
        loops = [
            circle * np.sqrt(radius**2 - z**2) + [0.0, 0.0, z] + np.asarray(centre) for z in heights if abs(z) < radius
        ]
        return self.region(loops, step)

    def region(self, loops: list[FloatArray], step: float | None = 3.0) -> Region:
        contours = tuple(Contour(frozen(loop), "CLOSED_PLANAR") for loop in loops)
        return region_of(Structure(roi_number=7, name="made", interpreted_type="", contours=contours), step)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
