"""The dose around one target: a function of the distance from its centre alone, with every answer in closed form.

The dose falls as a logistic curve of the squared distance, ``D(r) = P / (1 + exp((r^2 - m) / w))``: flat and smooth in
the middle, a shoulder, a steep flank, and a tail that falls faster than an exponential. ``m`` and ``w`` follow from
two radii that a planner would name: where the prescription isodose runs, and where half of the prescription runs. The
curve is inverted by a logarithm and a root, so the volume inside any isodose is that of a sphere of known radius, and
a DVH of a sphere around the same centre is known point by point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sbrtcheck.model import FloatArray

_PEAK: Final = 1.25  # P over the prescription; the dose in the centre is a little less


@dataclass(frozen=True, slots=True)
class RadialDose:
    """Dose around a spherical target.

    Attributes
    ----------
    prescribed_gy : float
        Total prescription, Gy.
    full_mm, half_mm : float
        Radii at which the dose is the prescription, and half of it, mm.
    """

    prescribed_gy: float
    full_mm: float
    half_mm: float

    @property
    def _peak_gy(self) -> float:
        return _PEAK * self.prescribed_gy

    @property
    def _width_mm2(self) -> float:
        return (self.half_mm**2 - self.full_mm**2) / math.log((2 * _PEAK - 1) / (_PEAK - 1))

    @property
    def _middle_mm2(self) -> float:
        return self.full_mm**2 - self._width_mm2 * math.log(_PEAK - 1)

    def at(self, radius_mm: FloatArray) -> FloatArray:
        """Return the dose at distances from the centre, Gy."""
        steep = (radius_mm**2 - self._middle_mm2) / self._width_mm2
        return np.asarray(self._peak_gy / (1 + np.exp(np.minimum(steep, 700))))  # exp(700) is near the largest float

    def radius_of(self, dose_gy: float) -> float:
        """Return the radius of an isodose, mm; 0 where the dose is not reached.

        Examples
        --------
        >>> dose = RadialDose(48.0, full_mm=15.4, half_mm=23.4)
        >>> round(dose.radius_of(48.0), 9), round(dose.radius_of(24.0), 9), dose.radius_of(60.0)
        (15.4, 23.4, 0.0)
        """
        if dose_gy >= self._peak_gy:
            return 0.0
        square = self._middle_mm2 + self._width_mm2 * math.log(self._peak_gy / dose_gy - 1)
        return math.sqrt(max(square, 0.0))

    def isodose_cm3(self, dose_gy: float) -> float:
        """Return the volume of all tissue that receives at least ``dose_gy``, cm3."""
        return sphere_cm3(self.radius_of(dose_gy))

    def conformity(self, target_mm: float) -> Conformity:
        """Return the conformity measures for a spherical PTV of radius ``target_mm`` around the same centre."""
        target_cm3 = sphere_cm3(target_mm)
        return Conformity(
            ptv_cm3=target_cm3,
            r100=self.isodose_cm3(self.prescribed_gy) / target_cm3,
            r50=self.isodose_cm3(self.prescribed_gy / 2) / target_cm3,
            d2cm_percent=100 * float(self.at(np.array(target_mm + 20))) / self.prescribed_gy,
        )

    def hottest_gy(self, share: float, radius_mm: float) -> float:
        """Return the least dose in the hottest ``share`` of a concentric sphere, Gy: D95% for 0.95.

        The hottest part of a sphere whose dose falls with distance is the sphere around the same centre of that share
        of the volume.
        """
        return float(self.at(np.array(radius_mm * share ** (1 / 3))))

    def share_at(self, dose_gy: float, radius_mm: float) -> float:
        """Return the share of a concentric sphere that receives at least ``dose_gy``: V100% for the prescription."""
        return min((self.radius_of(dose_gy) / radius_mm) ** 3, 1.0)

    def mean_gy(self, radius_mm: float) -> float:
        """Return the mean dose of a concentric sphere, Gy, by quadrature over shells."""
        from scipy.integrate import quad  # a quarter of a second to import, and only the truth of a mean needs it

        total, _ = quad(lambda r: r * r * float(self.at(np.array(r))), 0, radius_mm, epsabs=1e-9, epsrel=1e-12)
        return 3 * float(total) / radius_mm**3


@dataclass(frozen=True, slots=True)
class Conformity:
    """The measures of the RTOG 0813 and 0915 conformity table, true values.

    Attributes
    ----------
    r100, r50 : float
        Volume inside the prescription isodose, and inside half of it, over the PTV volume.
    d2cm_percent : float
        Highest dose 2 cm or more from the PTV, percent of the prescription.
    """

    ptv_cm3: float
    r100: float
    r50: float
    d2cm_percent: float


def sphere_cm3(radius_mm: float) -> float:
    """Return the volume of a sphere, cm3.

    Examples
    --------
    >>> round(sphere_cm3(20.0), 2)
    33.51
    """
    return 4 / 3 * math.pi * radius_mm**3 / 1000
