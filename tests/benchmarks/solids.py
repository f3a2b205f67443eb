"""Analytic solids: bodies of revolution in any pose, their volumes, and the contours that a planner would draw.

Each solid is given in its own frame by the radius of its outline, and of its hole, along its axis. That is all that the
truth needs (module ``truth``). Sections through the axial planes of the patient have closed forms for the poses used:
upright solids, cylinders lying in the plane, and spheroids tilted anyhow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sbrtcheck.model import FloatArray

DENSE = 720  # points on a dense outline: the polygon lacks (2 pi / 720)^2 / 6 = 1.3e-5 of a circle's area
_LEAST_AREA_MM2 = 0.01  # what is drawn: more than a square of 0.1 mm


@dataclass(frozen=True, eq=False)
class Solid:
    """A body of revolution about the third axis of its own frame.

    Attributes
    ----------
    family : str
        ``sphere``, ``cylinder``, ``lying cylinder``, ``cone``, ``ring``, ``torus`` or ``spheroid``.
    size : tuple of float
        The numbers that define it, mm, in the order of the constructor.
    half_mm : float
        It reaches from ``-half_mm`` to ``half_mm`` along its axis.
    outer, inner : callable
        Radius of outline and hole over position along the axis, mm.
    bound_mm : float
        Radius of the smallest sphere around its own origin that holds it.
    volume_mm3 : float
        Closed form.
    rotation : (3, 3) float
        Columns are its own axes in patient coordinates.
    """

    family: str
    size: tuple[float, ...]
    half_mm: float
    outer: Callable[[FloatArray], FloatArray]
    inner: Callable[[FloatArray], FloatArray]
    bound_mm: float
    volume_mm3: float
    rotation: FloatArray
    centre_mm: FloatArray

    @property
    def label(self) -> str:
        """Family and size in words."""
        return f"{self.family} {' x '.join(f'{s:g}' for s in self.size)}"

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume, mm: what "size" means in breakdowns."""
        return (3 * self.volume_mm3 / (4 * math.pi)) ** (1 / 3)

    def placed(self, rotation: FloatArray, centre_mm: FloatArray) -> Solid:
        """Return the solid in another pose."""
        return replace(self, rotation=rotation, centre_mm=centre_mm)


def _none(w: FloatArray) -> FloatArray:
    return np.zeros_like(w)


def _solid(family: str, size: tuple[float, ...], half: float, bound: float, volume: float, outer, inner=_none) -> Solid:
    return Solid(family, size, half, outer, inner, bound, volume, np.eye(3), np.zeros(3))


def sphere(r: float) -> Solid:
    """Sphere of radius ``r``."""
    volume = 4 / 3 * math.pi * r**3
    return _solid("sphere", (r,), r, r, volume, lambda w: np.sqrt(np.maximum(r * r - w * w, 0)))


def cylinder(r: float, length: float) -> Solid:
    """Cylinder; ``lying_cylinder`` is the same on its side."""
    half = length / 2
    return _solid(
        "cylinder",
        (r, length),
        half,
        math.hypot(r, half),
        math.pi * r * r * length,
        lambda w: np.where(np.abs(w) <= half, r, 0.0),
    )


def lying_cylinder(r: float, length: float) -> Solid:
    """Cylinder that a pose must lay into the plane."""
    return replace(cylinder(r, length), family="lying cylinder")


def cone(r: float, height: float) -> Solid:
    """Cone with its base at the lower end of its axis."""
    half = height / 2
    return _solid(
        "cone",
        (r, height),
        half,
        math.hypot(r, half),
        math.pi * r * r * height / 3,
        lambda w: np.where(np.abs(w) <= half, r * (half - w) / height, 0.0),
    )


def ring(outer: float, inner: float, length: float) -> Solid:
    """Hollow cylinder."""
    half = length / 2
    return _solid(
        "ring",
        (outer, inner, length),
        half,
        math.hypot(outer, half),
        math.pi * (outer**2 - inner**2) * length,
        lambda w: np.where(np.abs(w) <= half, outer, 0.0),
        lambda w: np.where(np.abs(w) <= half, inner, 0.0),
    )


def torus(middle: float, tube: float) -> Solid:
    """Torus of a tube of radius ``tube`` around a circle of radius ``middle``."""

    def reach(w: FloatArray) -> FloatArray:
        return np.sqrt(np.maximum(tube * tube - w * w, 0))

    volume = 2 * math.pi**2 * middle * tube**2
    size = (middle, tube)
    return _solid("torus", size, tube, middle + tube, volume, lambda w: middle + reach(w), lambda w: middle - reach(w))


def spheroid(equatorial: float, polar: float) -> Solid:
    """Ellipsoid with two equal half axes, any pose."""
    return _solid(
        "spheroid",
        (equatorial, polar),
        polar,
        max(equatorial, polar),
        4 / 3 * math.pi * equatorial**2 * polar,
        lambda w: equatorial * np.sqrt(np.maximum(1 - (w / polar) ** 2, 0)),
    )


def section_area_mm2(solid: Solid, z_mm: float) -> float:
    """Return the area that the axial plane at a height cuts out of a solid, mm2; closed form."""
    shapes = _section(solid, z_mm)
    return shapes[0].area_mm2 - sum(hole.area_mm2 for hole in shapes[1:]) if shapes else 0.0


def longest_section_mm(solid: Solid, low_mm: float, high_mm: float) -> float:
    """Return the longest diameter of all axial sections between two heights, mm, on heights 0.01 mm apart or less."""
    heights = np.linspace(low_mm, high_mm, max(2, math.ceil((high_mm - low_mm) / 0.01)))
    return max((shapes[0].longest_mm for z in heights if (shapes := _section(solid, float(z)))), default=0.0)


def longest_mm(solid: Solid) -> float:
    """Return the largest distance between two points of a solid, mm; closed form."""
    across, along = 2 * solid.size[0], 2 * solid.half_mm
    match solid.family:
        case "sphere":
            return across
        case "spheroid":
            return max(across, along)
        case "torus":
            return 2 * (solid.size[0] + solid.size[1])
        case "cone":
            return max(across, math.hypot(solid.size[0], along))
        case _:  # cylinders and rings
            return math.hypot(across, along)


def section_loops(solid: Solid, z_mm: float, rng: np.random.Generator, chord_mm: float | None) -> list[FloatArray]:
    """Return the outlines ``(N, 3)`` drawn on the axial plane at a height; none where next to nothing is cut.

    Parameters
    ----------
    chord_mm : float or None
        None: dense points on the true outline. Else the distance between points, as contours traced on CT pixels have
        it; each polygon is then scaled about its middle to the true area, since a person or a tracing program draws as
        much too far out as too far in, and is rounded to 0.01 mm.
    """
    shapes = _section(solid, z_mm)
    if not shapes or shapes[0].area_mm2 - sum(s.area_mm2 for s in shapes[1:]) < _LEAST_AREA_MM2:
        return []
    loops = []
    for shape in shapes:
        if shape.area_mm2 < _LEAST_AREA_MM2:
            continue
        uv = shape.outline(rng, chord_mm)
        if chord_mm is not None:
            middle = np.asarray(shape.centre)
            uv = np.round(middle + (uv - middle) * math.sqrt(shape.area_mm2 / _area(uv)), 2)
        loops.append(np.column_stack([uv, np.full(len(uv), z_mm)]))
    return loops


@dataclass(frozen=True)
class _Ellipse:
    """Image of the unit circle under a matrix, shifted."""

    matrix: FloatArray
    centre: FloatArray

    @property
    def area_mm2(self) -> float:
        return math.pi * abs(float(np.linalg.det(self.matrix)))

    @property
    def longest_mm(self) -> float:
        return 2 * float(np.linalg.svd(self.matrix, compute_uv=False)[0])

    def outline(self, rng: np.random.Generator, chord_mm: float | None) -> FloatArray:
        axes = np.linalg.svd(self.matrix, compute_uv=False)
        # Ramanujan's first form of the circumference; only the number of points depends on it.
        around = math.pi * (3 * axes.sum() - math.sqrt((3 * axes[0] + axes[1]) * (axes[0] + 3 * axes[1])))
        number = DENSE if chord_mm is None else max(round(around / chord_mm), 5)
        angle = 2 * np.pi * (np.arange(number) + rng.random()) / number
        return np.column_stack([np.cos(angle), np.sin(angle)]) @ self.matrix.T + self.centre


@dataclass(frozen=True)
class _Rectangle:
    """Sides along and across a direction in the plane."""

    along: FloatArray
    half_length: float
    half_width: float
    centre: FloatArray

    @property
    def area_mm2(self) -> float:
        return 4 * self.half_length * self.half_width

    @property
    def longest_mm(self) -> float:
        return 2 * math.hypot(self.half_length, self.half_width)

    def outline(self, rng: np.random.Generator, chord_mm: float | None) -> FloatArray:
        del rng
        a, b, step = self.half_length, self.half_width, chord_mm or 0.5
        m, n = max(math.ceil(2 * a / step), 1), max(math.ceil(2 * b / step), 1)
        top, side = np.linspace(-a, a, m, endpoint=False), np.linspace(-b, b, n, endpoint=False)
        edges = [(top, np.full(m, -b)), (np.full(n, a), side), (-top, np.full(m, b)), (np.full(n, -a), -side)]
        points = np.concatenate([np.column_stack(edge) for edge in edges])
        across = np.array([-self.along[1], self.along[0]])
        return points @ np.array([self.along, across]) + self.centre


def _section(solid: Solid, z_mm: float) -> list[_Ellipse | _Rectangle]:
    depth = z_mm - solid.centre_mm[2]
    axis = solid.rotation[:, 2]
    middle = solid.centre_mm[:2]
    if solid.family == "spheroid":
        return _spheroid_section(solid, depth)
    if solid.family == "lying cylinder":
        radius = solid.size[0]
        if abs(depth) >= radius:
            return []
        return [_Rectangle(axis[:2], solid.half_mm, math.sqrt(radius**2 - depth**2), middle)]
    w = np.array([depth * axis[2]])  # upright, or standing on its head
    if abs(w[0]) >= solid.half_mm:
        return []
    radii = [float(solid.outer(w)[0]), float(solid.inner(w)[0])]
    return [_Ellipse(np.eye(2) * radius, middle) for radius in radii if radius > 0]


def _spheroid_section(solid: Solid, depth: float) -> list[_Ellipse | _Rectangle]:
    equatorial, polar = solid.size
    # The spheroid is x' M^-1 x <= 1; a plane cuts the Schur complement out of M.
    matrix = solid.rotation @ np.diag([equatorial**2, equatorial**2, polar**2]) @ solid.rotation.T
    left = 1 - depth**2 / matrix[2, 2]
    if left <= 0:
        return []
    flat = (matrix[:2, :2] - np.outer(matrix[:2, 2], matrix[:2, 2]) / matrix[2, 2]) * left
    return [_Ellipse(np.linalg.cholesky(flat), solid.centre_mm[:2] + matrix[:2, 2] * depth / matrix[2, 2])]


def _area(uv: FloatArray) -> float:
    u, v = (uv - uv.mean(axis=0)).T
    return 0.5 * abs(float(np.sum(u * np.roll(v, -1) - v * np.roll(u, -1))))
