"""True volumes and dose metrics of a solid in a continuous dose: closed forms, and one dimension of quadrature.

The part of a solid that receives at least a dose is its intersection with a ball around the dose centre (radial dose)
or with a half space (linear dose). In the solid's own frame every section across its axis is a disc, or a disc with a
hole; a disc meets a disc in a lens and a half plane in a circular segment, both in closed form. So the volume above a
dose is one integral over position along the axis, done by Gauss-Legendre in panels, and a dose metric is found by
bisection. The mean over a radial dose is a product rule in axial position, radius and angle. Least and greatest dose
follow from the least and greatest distance (or height) on the outline. ``truth_of`` runs everything with two numbers of
panels; the difference is the evidence of convergence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fields import LinearDose, RadialDose
from solids import Solid

from sbrtcheck.model import FloatArray

Field = LinearDose | RadialDose
METRICS = ("D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D98%[Gy]", "D0.03cc[Gy]", "Mean[Gy]", "Min[Gy]", "Max[Gy]")
_SHARES = {"D95%[Gy]": 0.95, "D50%[Gy]": 0.50, "D2%[Gy]": 0.02, "D98%[Gy]": 0.98}
_HOT_MM3 = 30.0  # D0.03cc
_PANELS = 240
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class Truth:
    """True metrics, Gy (None where the solid is smaller than the volume asked for), and their convergence.

    Attributes
    ----------
    change : float
        Largest relative change of any metric when the number of panels is halved.
    """

    volume_cm3: float
    metrics: dict[str, float | None]
    change: float


def truth_of(solid: Solid, field: Field) -> Truth:
    """Return volume and dose metrics of a solid in a dose."""
    ends = extremes(solid, field)
    fine, coarse = (_metrics(solid, field, ends, panels) for panels in (_PANELS, _PANELS // 2))
    change = max(abs(fine[m] / coarse[m] - 1.0) for m in METRICS if fine[m] is not None)
    return Truth(solid.volume_mm3 / 1000.0, fine, change)


def _metrics(solid: Solid, field: Field, ends: tuple[float, float], panels: int) -> dict[str, float | None]:
    above = volume_above(solid, field, panels)
    low, high = ends
    total = solid.volume_mm3
    found: dict[str, float | None] = {m: _dose_to(above, s * total, low, high) for m, s in _SHARES.items()}
    found["D0.03cc[Gy]"] = _dose_to(above, _HOT_MM3, low, high) if total > _HOT_MM3 else None
    found |= {"Mean[Gy]": mean_dose(solid, field, panels // 4), "Min[Gy]": low, "Max[Gy]": high}
    return {m: found[m] for m in METRICS}


def _dose_to(above: Callable[[float], float], hottest_mm3: float, low: float, high: float) -> float:
    for _ in range(36):  # halves a range of some 60 Gy down to 1e-9 Gy
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > hottest_mm3 else (low, middle)
    return (low + high) / 2


def along_axis(solid: Solid, panels: int) -> tuple[FloatArray, FloatArray]:
    """Return positions along the axis and their weights, mm.

    The substitution w = half sin(angle) takes the square-root ends out of spheres, spheroids and tori.
    """
    edges = np.linspace(-np.pi / 2, np.pi / 2, panels + 1)
    middles, half = (edges[1:] + edges[:-1]) / 2, (edges[1] - edges[0]) / 2
    angle = (middles[:, None] + half * _NODES).ravel()
    weight = np.tile(_WEIGHTS * half, panels)
    return solid.half_mm * np.sin(angle), solid.half_mm * np.cos(angle) * weight


def volume_above(solid: Solid, field: Field, panels: int = _PANELS) -> Callable[[float], float]:
    """Return a function from dose, Gy, to the volume of the solid that receives at least that, mm3."""
    w, weight = along_axis(solid, panels)
    outer, inner = solid.outer(w), solid.inner(w)
    if isinstance(field, LinearDose):
        slope = solid.rotation.T @ field.gradient
        across, middle = math.hypot(slope[0], slope[1]), _base(solid, field)

        def above_linear(dose_gy: float) -> float:
            # Beyond this distance from the axis, along the gradient, the dose is high enough.
            distance = (dose_gy - middle - slope[2] * w) / across
            return float(np.sum(weight * (segment(outer, distance) - segment(inner, distance))))

        return above_linear
    aside, height = _dose_centre(solid, field)

    def above_radial(dose_gy: float) -> float:
        reach = _radius_of(field, dose_gy, 4 * (solid.bound_mm + aside + abs(height)))
        radius = np.sqrt(np.maximum(reach**2 - (w - height) ** 2, 0))
        return float(np.sum(weight * (lens(outer, radius, aside) - lens(inner, radius, aside))))

    return above_radial


def segment(radius: FloatArray, distance: FloatArray) -> FloatArray:
    """Return the area of discs beyond a chord at a signed distance from their centres."""
    s = np.clip(distance, -radius, radius)
    turn = np.arccos(np.divide(s, radius, out=np.zeros_like(radius), where=radius > 0))
    return radius**2 * turn - s * np.sqrt(np.maximum(radius**2 - s**2, 0))


def lens(a: FloatArray, b: FloatArray, apart: float) -> FloatArray:
    """Return the area common to discs of radii ``a`` and ``b`` whose centres are ``apart``."""
    small = np.minimum(a, b)
    meet = (apart < a + b) & (apart > np.abs(a - b))
    far = max(apart, 1e-300)
    # Signed distances of the common chord from both centres.
    to_a = np.where(meet, (far**2 + a**2 - b**2) / (2 * far), 0.0)
    both = segment(a, to_a) + segment(b, far - to_a)
    return np.where(meet, both, np.where(apart >= a + b, 0.0, np.pi * small**2))


def mean_dose(solid: Solid, field: Field, panels: int = 60) -> float:
    """Return the mean dose, Gy."""
    w, weight = along_axis(solid, panels)
    outer, inner = solid.outer(w)[:, None], solid.inner(w)[:, None]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    radius = inner + (outer - inner) * (nodes + 1) / 2
    share = weight[:, None] * weights * (outer - inner) / 2 * radius
    if isinstance(field, LinearDose):
        slope = solid.rotation.T @ field.gradient  # what is across the axis cancels
        return float(_base(solid, field) + slope[2] * np.sum(share * w[:, None]) / np.sum(share))
    aside, height = _dose_centre(solid, field)
    turn = np.pi * (np.arange(48) + 0.5) / 48  # by symmetry half a turn; equal steps are exact to rounding
    square = (radius**2 + aside**2 + (w[:, None] - height) ** 2)[..., None] - 2 * aside * radius[..., None] * np.cos(
        turn
    )
    dose = field.profile(np.sqrt(np.maximum(square, 0))).mean(axis=-1)
    return float(np.sum(share * dose) / np.sum(share))


def extremes(solid: Solid, field: Field) -> tuple[float, float]:
    """Return least and greatest dose, Gy."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 100_001)  # 3e-5 of the half length apart: 1e-9 off at a smooth extreme
    w = solid.half_mm * np.sin(turn)
    w[[0, -1]] = -solid.half_mm, solid.half_mm
    outer, inner = solid.outer(w), solid.inner(w)
    if isinstance(field, LinearDose):
        slope = solid.rotation.T @ field.gradient
        across, middle = math.hypot(slope[0], slope[1]), _base(solid, field)
        high = float(np.max(slope[2] * w + across * outer))
        low = float(np.min(slope[2] * w - across * outer))
        return middle + low, middle + high
    aside, height = _dose_centre(solid, field)
    up = (w - height) ** 2
    farthest = math.sqrt(float(np.max(up + (aside + outer) ** 2)))
    # The nearest point of a section is on its outline, on the edge of its hole, or right there.
    gap = np.maximum(np.maximum(aside - outer, inner - aside), 0)
    nearest = math.sqrt(float(np.min(up + gap**2)))
    if abs(height) < solid.half_mm and _holds(solid, aside, height):
        nearest = 0.0
    ends = field.profile(np.array([farthest, nearest]))
    return float(ends[0]), float(ends[1])


def _holds(solid: Solid, aside: float, height: float) -> bool:
    w = np.array([height])
    return bool(solid.inner(w)[0] <= aside <= solid.outer(w)[0])


def _base(solid: Solid, field: LinearDose) -> float:
    return field.base_gy + float((solid.centre_mm - field.centre_mm) @ field.gradient)


def _dose_centre(solid: Solid, field: RadialDose) -> tuple[float, float]:
    """Return where the dose centre lies in the solid's own frame: distance from the axis and position along it."""
    x, y, z = solid.rotation.T @ (field.centre_mm - solid.centre_mm)
    return math.hypot(x, y), float(z)


def _radius_of(field: RadialDose, dose_gy: float, most_mm: float) -> float:
    low, high = 0.0, most_mm
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if float(field.profile(np.array(middle))) >= dose_gy else (low, middle)
    return (low + high) / 2
