"""Solids with closed forms: what is inside, what a plane cuts out, how large, how far.

Coordinates are those of an upright phantom: x to the left, y to the back, z to the head, mm. For a phantom that is not
tilted these are DICOM patient coordinates (LPS).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.model import FloatArray

BoolArray = NDArray[np.bool_]

_SAGITTA_MM: Final = 0.02  # farthest that a chord of an outline leaves its curve
_STEPS_PER_MM: Final = 1e4  # outlines are written with four decimals
_SMALLEST_MM: Final = 1.0  # a section of less than this half-width is a point to any planning system and is not drawn


class Solid(Protocol):
    """A convex solid."""

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """Return which of the points ``(N, 3)``, mm, lie inside."""
        ...

    def section(self, z_mm: float) -> FloatArray | None:
        """Return the outline ``(N, 2)``, mm, that the plane at ``z_mm`` cuts out; None where it cuts too little."""
        ...

    def bounds(self) -> FloatArray:
        """Return the lowest and the highest corner ``(2, 3)``, mm, infinite where the solid has no end."""
        ...


def ellipse(centre_mm: tuple[float, float], semi_mm: tuple[float, float]) -> FloatArray:
    """Return an ellipse as a polygon ``(N, 2)``, mm, that lies inside it and reaches it where it is widest.

    The number of vertices is a multiple of four, so that both ends of both axes are vertices. Offsets from the centre
    are cut towards it at 0.0001 mm: no two vertices are farther apart than the longer axis, and the ends of the axes,
    where they have four decimals at most, are exact.

    Examples
    --------
    >>> float(np.ptp(ellipse((10.0, 0.0), (20.0, 20.0))[:, 0]))
    40.0
    """
    longest = max(semi_mm)
    quarter = math.ceil(math.pi / math.acos(1 - min(_SAGITTA_MM / longest, 0.5)) / 4)
    angle = 2 * np.pi * np.arange(4 * max(quarter, 8)) / (4 * max(quarter, 8))
    offsets = np.column_stack([semi_mm[0] * np.cos(angle), semi_mm[1] * np.sin(angle)]) * _STEPS_PER_MM
    # 1e-6 of a step keeps the cut from taking a whole step off a value that float rounding left just short of it.
    return np.asarray(centre_mm) + np.trunc(offsets + np.copysign(1e-6, offsets)) / _STEPS_PER_MM


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid with its axes along x, y and z."""

    centre_mm: tuple[float, float, float]
    semi_mm: tuple[float, float, float]

    @property
    def volume_cm3(self) -> float:
        """Four thirds pi a b c, cm3."""
        return 4 / 3 * math.pi * math.prod(self.semi_mm) / 1000

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """Return which points lie inside."""
        scaled = (points_mm - self.centre_mm) / self.semi_mm
        return np.asarray(np.einsum("ij,ij->i", scaled, scaled) <= 1)

    def section(self, z_mm: float) -> FloatArray | None:
        """Return the ellipse at one height."""
        rest = 1 - ((z_mm - self.centre_mm[2]) / self.semi_mm[2]) ** 2
        a, b = (math.sqrt(max(rest, 0.0)) * s for s in self.semi_mm[:2])
        return ellipse(self.centre_mm[:2], (a, b)) if min(a, b) >= _SMALLEST_MM else None

    def bounds(self) -> FloatArray:
        """Return the corners of the box around it."""
        return np.array([np.subtract(self.centre_mm, self.semi_mm), np.add(self.centre_mm, self.semi_mm)])


def sphere(centre_mm: tuple[float, float, float], radius_mm: float) -> Ellipsoid:
    """Return the ellipsoid of three equal axes."""
    return Ellipsoid(centre_mm, (radius_mm, radius_mm, radius_mm))


@dataclass(frozen=True, slots=True)
class Cylinder:
    """An upright elliptic cylinder, endless unless ``z_mm`` ends it."""

    centre_mm: tuple[float, float]
    semi_mm: tuple[float, float]
    z_mm: tuple[float, float] = (-math.inf, math.inf)

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """Return which points lie inside."""
        scaled = (points_mm[:, :2] - self.centre_mm) / self.semi_mm
        within = np.einsum("ij,ij->i", scaled, scaled) <= 1
        return np.asarray(within & (points_mm[:, 2] >= self.z_mm[0]) & (points_mm[:, 2] <= self.z_mm[1]))

    def section(self, z_mm: float) -> FloatArray | None:
        """Return the ellipse, the same at every height."""
        return ellipse(self.centre_mm, self.semi_mm) if self.z_mm[0] <= z_mm <= self.z_mm[1] else None

    def bounds(self) -> FloatArray:
        """Return the corners of the box around it."""
        (x, y), (a, b) = self.centre_mm, self.semi_mm
        return np.array([[x - a, y - b, self.z_mm[0]], [x + a, y + b, self.z_mm[1]]])


@dataclass(frozen=True, slots=True)
class Tube:
    """All points within ``radius_mm`` of a straight line from ``start_mm`` to ``end_mm``: a tube with round ends."""

    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]
    radius_mm: float

    def distance_mm(self, points_mm: FloatArray) -> FloatArray:
        """Return the distance ``(N,)`` of points ``(N, 3)`` from the surface, mm, negative inside."""
        start, axis = np.asarray(self.start_mm), np.subtract(self.end_mm, self.start_mm)
        along = np.clip((points_mm - start) @ axis / (axis @ axis), 0, 1)
        offsets = points_mm - start - along[:, None] * axis
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", offsets, offsets)) - self.radius_mm)

    def contains(self, points_mm: FloatArray) -> BoolArray:
        """Return which points lie inside."""
        return np.asarray(self.distance_mm(points_mm) <= 0)

    def section(self, z_mm: float) -> FloatArray | None:
        """Return the outline at one height: where 64 rays from inside leave the two balls and the tube between them."""
        start, axis = np.asarray(self.start_mm), np.subtract(self.end_mm, self.start_mm)
        length = float(np.linalg.norm(axis))
        axis = axis / length
        origin = start + axis * (np.clip((z_mm - start[2]) / axis[2], 0, length) if axis[2] else length / 2)
        if abs(z_mm - origin[2]) > self.radius_mm - _SMALLEST_MM:
            return None
        origin[2] = z_mm
        angle = 2 * np.pi * np.arange(64) / 64
        rays = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(64)])
        from_start, across = origin - start, rays - (rays @ axis)[:, None] * axis
        wall = _way_out(from_start - (from_start @ axis) * axis, across, self.radius_mm)
        along = from_start @ axis + wall * (rays @ axis)
        ways = [
            np.where((along >= 0) & (along <= length), wall, 0),
            _way_out(from_start, rays, self.radius_mm),
            _way_out(origin - self.end_mm, rays, self.radius_mm),
        ]
        return np.asarray(origin[:2] + np.max(ways, axis=0)[:, None] * rays[:, :2])

    def bounds(self) -> FloatArray:
        """Return the corners of the box around it."""
        ends = np.array([self.start_mm, self.end_mm])
        return np.array([ends.min(axis=0) - self.radius_mm, ends.max(axis=0) + self.radius_mm])


def _way_out(offset_mm: FloatArray, directions: FloatArray, radius_mm: float) -> FloatArray:
    """Return the larger ``t`` with ``|offset + t direction| = radius`` for each direction ``(N, 3)``; 0 where none."""
    square = np.maximum(np.einsum("ij,ij->i", directions, directions), 1e-12)  # 0 for a ray along the axis of a tube
    half = directions @ offset_mm
    rest = half**2 - square * (offset_mm @ offset_mm - radius_mm**2)
    return np.asarray(np.where(rest >= 0, (np.sqrt(np.maximum(rest, 0)) - half) / square, 0))
