"""Builders of structures with known geometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from sbrtcheck.model import Contour, FloatArray, Structure, frozen


class Draw:
    """Draws contours on axial planes, and turns and shifts them."""

    def structure(self, contours: list[Contour], roi_number: int = 1) -> Structure:
        return Structure(roi_number=roi_number, name="drawn", interpreted_type="PTV", contours=tuple(contours))

    def loop(self, corners: ArrayLike, z: float, kind: str = "CLOSED_PLANAR") -> Contour:
        uv = np.asarray(corners, dtype=np.float64)
        return Contour(frozen(np.column_stack([uv, np.full(len(uv), z)])), kind)

    def rectangle(self, width: float, height: float, z: float, centre: ArrayLike = (0.0, 0.0)) -> Contour:
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2.0
        return self.loop(half + np.asarray(centre), z)

    def circle(self, radius: float, z: float, n: int = 120, centre: ArrayLike = (0.0, 0.0)) -> Contour:
        angle = 2.0 * np.pi * np.arange(n) / n
        return self.loop(radius * np.column_stack([np.cos(angle), np.sin(angle)]) + np.asarray(centre), z)

    def box(self, width: float, height: float, heights: ArrayLike, roi_number: int = 1) -> Structure:
        return self.structure([self.rectangle(width, height, z) for z in np.atleast_1d(heights)], roi_number)

    def solid(self, radius_at: Callable[[float], float], heights: ArrayLike, n: int = 120) -> Structure:
        """A body of revolution: a circle wherever its radius is above 0."""
        radii = [(radius_at(float(z)), float(z)) for z in np.atleast_1d(heights)]
        return self.structure([self.circle(r, z, n) for r, z in radii if r > 1e-6])

    def sphere(self, radius: float, step: float, offset: float = 0.5, n: int = 120) -> Structure:
        heights = -radius + (offset + np.arange(int(2.0 * radius / step) + 2)) * step
        return self.solid(lambda z: float(np.sqrt(max(radius**2 - z**2, 0.0))), heights, n)

    def moved(self, structure: Structure, rotation: FloatArray, shift: ArrayLike = (0.0, 0.0, 0.0)) -> Structure:
        contours = [Contour(frozen(c.points_mm @ rotation.T + shift), c.geometric_type) for c in structure.contours]
        return self.structure(contours, structure.roi_number)


@pytest.fixture(scope="session")
def draw() -> Draw:
    return Draw()
