"""Continuous dose functions of patient coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sbrtcheck.model import FloatArray


@dataclass(frozen=True, eq=False)
class LinearDose:
    """``base_gy`` at ``centre_mm``, rising along ``gradient`` (Gy/mm); not below 0, which is far from any solid."""

    name: str
    base_gy: float
    gradient: FloatArray
    centre_mm: FloatArray

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at points ``(..., 3)``, Gy."""
        return np.maximum(self.base_gy + (points_mm - self.centre_mm) @ self.gradient, 0.0)


@dataclass(frozen=True, eq=False)
class RadialDose:
    """A dose that falls with the distance from ``centre_mm``.

    Attributes
    ----------
    profile : callable
        Dose, Gy, over distance, mm.
    """

    name: str
    centre_mm: FloatArray
    profile: Callable[[FloatArray], FloatArray]

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Return the dose at points ``(..., 3)``, Gy."""
        return self.profile(np.sqrt(np.sum((points_mm - self.centre_mm) ** 2, axis=-1)))


def gaussian(name: str, centre_mm: FloatArray, peak_gy: float, sigma_mm: float) -> RadialDose:
    """Return a Gaussian dose."""
    return RadialDose(name, centre_mm, lambda far: peak_gy * np.exp(-(far**2) / (2 * sigma_mm**2)))


def falloff(name: str, centre_mm: FloatArray, plateau_gy: float, half_mm: float, penumbra_mm: float) -> RadialDose:
    """Return a plateau with a smooth fall: half the plateau at ``half_mm``, from 80 % to 20 % over ``penumbra_mm``.

    A logistic function of the squared distance, so that the dose is smooth at the centre too. With q = ln 4 times the
    width of the logistic, the 80 % and 20 % radii are the square roots of half^2 -+ q, and their difference is the
    penumbra when q^2 = half^2 penumbra^2 - penumbra^4 / 4.
    """
    quarter = math.sqrt(half_mm**2 * penumbra_mm**2 - penumbra_mm**4 / 4)
    width = quarter / math.log(4)
    return RadialDose(
        name, centre_mm, lambda far: plateau_gy / (1 + np.exp(np.minimum((far**2 - half_mm**2) / width, 700.0)))
    )
