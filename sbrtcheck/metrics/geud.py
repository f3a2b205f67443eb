"""Generalised equivalent uniform dose: gEUD(a=8)[Gy]."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sbrtcheck.dose.dvh import Dvh
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.results import Interval

_NO_DOSE_GY = 1e-9  # far below the last digit of any dose grid


@dataclass(frozen=True, slots=True)
class EquivalentUniformDose:
    """Power mean of the dose, ``(mean of D^a)^(1/a)``; Gy or percent of the prescription.

    Notes
    -----
    1 is the mean dose; large ``a`` looks at the hot end, negative ``a`` at the cold end. A part without dose
    makes it 0 for any negative ``a``, and so does dose that falls evenly to 0 for ``a`` of -1 or below: its limits.

    References
    ----------
    .. [1] Niemierko, Med Phys 26 (1999) 1100: a generalized concept of equivalent uniform dose.
    """

    id: ClassVar[str] = "generalised-eud"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"gEUD\(a=(?P<a>-?\d+(?:\.\d+)?)\)\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("gEUD(a=8)[Gy]", "gEUD(a=-10)[Gy]", "gEUD(a=1)[Gy]")

    a: float
    unit: str = "Gy"

    def __post_init__(self) -> None:
        if self.a == 0.0:
            raise ValueError("a must not be 0; the mean dose is Mean[Gy]")

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""
        dose_gy = derived.dvh(structure).interval(lambda dvh: power_mean_gy(dvh, self.a))
        return in_unit(dose_gy, self.unit, structure, derived)


def power_mean_gy(dvh: Dvh, a: float) -> float:
    """Return the power mean of the dose of a curve, Gy.

    Parameters
    ----------
    dvh : Dvh
        Straight between knots: the volume of each knot is spread evenly over the doses up to the next hotter one.
    a : float
        Not 0.

    Examples
    --------
    >>> power_mean_gy(Dvh([40.0, 40.0], [1.0, 3.0]), -10.0)
    40.0
    """
    some = dvh.volume_cm3 > 0.0
    dose = np.where(dvh.dose_gy < _NO_DOSE_GY, 0.0, dvh.dose_gy)
    cold, share = dose[some], dvh.volume_cm3[some] / dvh.total_cm3
    hot = np.concatenate([dose[:1], dose[:-1]])[some]
    if a > 0.0 and np.isinf(hot).any():
        return math.inf  # in an upper bound: unknown
    # Powers of doses relative to the largest of them neither overflow nor lose the sum.
    scale = float(hot.max()) if a > 0.0 else float(cold.min())
    if scale <= 0.0:
        if a > 0.0 or a <= -1.0 or (hot <= 0.0).any():
            return 0.0
        scale = float(hot[np.isfinite(hot)].max(initial=0.0)) or 1.0
    means = _mean_of_powers(cold / scale, hot / scale, a)
    total = float(np.sum(share * means))
    return scale * total ** (1.0 / a) if total > 0.0 else math.inf


def _mean_of_powers(cold: FloatArray, hot: FloatArray, a: float) -> FloatArray:
    """Return the mean of ``x^a`` over each range of ``x``; unknown (infinite) ends give the limit for negative ``a``.

    The integral of ``x^a`` from the ratio of the ends, in a form that holds for ``a = -1`` and for ranges of no width.
    """
    found = np.zeros_like(cold)
    known = np.isfinite(hot)
    from_0 = known & (cold <= 0.0)
    found[from_0] = np.where(hot[from_0] > 0.0, hot[from_0] ** a / (a + 1.0), 0.0)
    inner = known & (cold > 0.0)
    c, h = cold[inner], hot[inner]
    width = np.log1p((h - c) / c)
    sign, end = (-1.0, h) if a > -1.0 else (1.0, c)
    found[inner] = end**a * _rise(sign * (a + 1.0) * width) / _rise(sign * width)
    return found


def _rise(x: FloatArray) -> FloatArray:
    """Return ``(exp(x) - 1) / x``, 1 at 0."""
    return np.asarray(np.divide(np.expm1(x), x, out=np.ones_like(x), where=np.abs(x) > 1e-12))


METRIC = EquivalentUniformDose
