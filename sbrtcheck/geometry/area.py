"""How the area of a structure runs between its drawn planes and beyond the last ones, and within what bounds.

Planes are samples of a smooth profile. Between planes the area, or its square, follows a cubic through the planes with
the slopes of the parabola through each plane and its neighbours. Area is the right law for what is round in its planes
(a sphere, an ellipsoid, a cone have an exactly parabolic area), squared area for what is long or hollow in its planes
(a lying cylinder, a ring). The law whose third differences are smaller is used; the other one, and straight profiles,
widen the bounds, the less the better the law fits in comparison.

Beyond an end plane the profile goes on along the parabola of the last three planes until its area is 0. Where that
happens before the next plane, which was not drawn, the end is round and its cap is known well. Where the trend would
have reached the next plane, the end is open (flat): the structure ends somewhere before it, half a step on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from sbrtcheck.model import FloatArray

Law = Literal[1, 2]  # the power of the area that follows parabolas

# Samples of the profile between two neighbouring planes; even, so that half a step ends between samples.
SAMPLES_A_STEP = 48
# Bounds of the curvature at a round end, relative to the parabola of the last three planes.
_CURVATURE_FACTORS = (0.7, 1.4)
# However well a law fits, this share of the difference to the other models remains.
_LEAST_DOUBT = 0.2
# Share of the difference between a cubic and a straight profile that remains uncertain between planes.
_CUBIC_SHARE = 0.15
# A profile that grows towards its end is not trusted to grow by more than half of the last area.
_GROWTH_LIMIT = 1.5
# A last step up to this many usual steps tells where the next plane would have been drawn.
_LONGEST_LAST_STEP = 2.5
# A drawn plane has some thickness: no less than this share of the best estimate, where nothing else bounds it.
_LEAST_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Areas:
    """Area of one connected part on its planes, in one direction of travel: its end is always the last plane.

    Attributes
    ----------
    w_mm, area_mm2 : (P,) float
        Rising plane positions and the areas drawn on them.
    step_mm : float
        Usual distance between neighbouring planes.
    """

    w_mm: FloatArray
    area_mm2: FloatArray
    step_mm: float

    @cached_property
    def turned(self) -> Areas:
        """The same part seen from the other end."""
        return Areas(-self.w_mm[::-1], self.area_mm2[::-1], self.step_mm)

    @cached_property
    def law(self) -> Law:
        """The power of the area whose third differences are smaller."""
        if len(self.w_mm) < 4:
            return 1
        linear, squared = self._roughness
        return 1 if linear <= squared * (1.0 + 1e-9) else 2

    @cached_property
    def doubt(self) -> float:
        """How far the other models are to be believed: 1 where neither law fits better than the other."""
        if len(self.w_mm) < 4:
            return 1.0
        rough, other = sorted(self._roughness)
        return max(rough / other, _LEAST_DOUBT) if other > 0.0 else 1.0

    @cached_property
    def last_step_mm(self) -> float:
        """How far beyond the last plane the next one would have been drawn, mm."""
        last = self.w_mm[-1] - self.w_mm[-2] if len(self.w_mm) > 1 else self.step_mm
        return float(last) if self.step_mm < last <= _LONGEST_LAST_STEP * self.step_mm else self.step_mm

    def between(self, w_mm: FloatArray) -> FloatArray:
        """Return best estimate, lower and upper bound of the area at positions between the end planes.

        Parameters
        ----------
        w_mm : (N,) float

        Returns
        -------
        (3, N) float
            mm2.
        """
        law = self.law
        best, other = self._cubic(w_mm, law), self._cubic(w_mm, 2 if law == 1 else 1)
        straight = np.interp(w_mm, self.w_mm, self.area_mm2)
        if len(self.w_mm) == 2:
            # Two planes do not tell a curvature: from a straight profile to twice the bulge of a round one.
            return np.array([best, np.minimum(straight, best), np.maximum(2.0 * best - straight, other)])
        spread = self.doubt * (np.abs(best - other) + _CUBIC_SHARE * np.abs(best - straight))
        return np.array([best, np.maximum(best - spread, 0.0), best + spread])

    def beyond(self, x_mm: FloatArray) -> FloatArray:
        """Return best estimate, lower and upper bound of the area at distances beyond the last plane.

        Parameters
        ----------
        x_mm : (N,) float
            Between 0 and ``last_step_mm``.

        Returns
        -------
        (3, N) float
            mm2.
        """
        law, room_mm = self.law, self.last_step_mm
        trend, closes_mm = self._trend(x_mm, law, 1.0)
        # Beyond the cap there is nothing, as far as the best estimate goes.
        best = np.where(x_mm <= self.cap_mm, trend, 0.0)
        if len(self.w_mm) < 3:
            # Too few planes for a trend: anything from nothing to a flat end just before the next plane.
            least = _LEAST_SHARE * best if len(self.w_mm) == 1 else np.zeros_like(best)
            return np.array([best, least, np.maximum(best, self.area_mm2[-1])])
        models = [best, self._straight(x_mm)]
        laws: tuple[Law, Law] = (1, 2)
        models += [self._trend(x_mm, each, factor)[0] for each in laws for factor in (1.0, *_CURVATURE_FACTORS)]
        # A trend that closes knows its cap as well as it fits; an open end may lie anywhere before the next plane.
        doubt = self.doubt if closes_mm <= room_mm else 1.0
        least = best + doubt * (np.min(models, axis=0) - best) if closes_mm <= room_mm else np.zeros_like(best)
        return np.array([best, least, best + doubt * (np.max(models, axis=0) - best)])

    @cached_property
    def closes_mm(self) -> float:
        """How far beyond the last plane the trend of the area reaches 0, mm; infinite where it does not."""
        return self._trend(np.zeros(1), self.law, 1.0)[1]

    @property
    def reach_mm(self) -> float:
        """Upper bound of how far the structure reaches beyond its last plane, mm."""
        x_mm = self.last_step_mm * (np.arange(SAMPLES_A_STEP) + 1.0) / SAMPLES_A_STEP
        holds = np.flatnonzero(self.beyond(x_mm * (1.0 - 1e-9))[2] > 0.0)
        return float(x_mm[holds[-1]]) if len(holds) else 0.0

    @property
    def cap_mm(self) -> float:
        """Best estimate of how far the structure reaches beyond its last plane, mm."""
        room_mm, closes_mm = self.last_step_mm, self.closes_mm
        if closes_mm <= room_mm:
            return closes_mm
        # From a round end that just fits, gradually to half a step for a flat one.
        return room_mm * (1.0 - 0.5 * min((closes_mm - room_mm) / room_mm, 1.0))

    @cached_property
    def _roughness(self) -> tuple[float, float]:
        """The third differences of the area under either law, in units of area."""
        mean = np.lib.stride_tricks.sliding_window_view(self.area_mm2, 4).mean(axis=1)
        found = []
        for law in (1, 2):
            differences = self.area_mm2**law
            for order in (1, 2, 3):
                differences = np.diff(differences) / (self.w_mm[order:] - self.w_mm[:-order])
            found.append(float(np.sum(np.abs(differences) / (law * mean ** (law - 1)))))
        return found[0], found[1]

    def _parabolas(self, law: Law) -> tuple[FloatArray, float]:
        """Return the slopes of ``area ** law`` on the planes and its curvature at the end."""
        # Fewer than three planes: a body as thick as it is wide has an area of curvature -2 pi.
        prior = -2.0 * np.pi if law == 1 else -4.0 * np.pi * float(self.area_mm2[-1])
        if len(self.w_mm) == 1:
            return np.zeros(1), prior
        h = np.diff(self.w_mm)
        rise = np.diff(self.area_mm2**law) / h
        if len(h) == 1:
            return np.array([rise[0] - prior * h[0] / 2.0, rise[0] + prior * h[0] / 2.0]), prior
        inner = (rise[:-1] * h[1:] + rise[1:] * h[:-1]) / (h[:-1] + h[1:])
        first = rise[0] - (rise[1] - rise[0]) / (h[0] + h[1]) * h[0]
        curvature = 2.0 * (rise[-1] - rise[-2]) / (h[-1] + h[-2])
        return np.concatenate([[first], inner, [rise[-1] + curvature * h[-1] / 2.0]]), float(curvature)

    def _cubic(self, w_mm: FloatArray, law: Law) -> FloatArray:
        k = np.clip(np.searchsorted(self.w_mm, w_mm, side="right") - 1, 0, len(self.w_mm) - 2)
        slope, _ = self._parabolas(law)
        power = self.area_mm2**law
        h = self.w_mm[k + 1] - self.w_mm[k]
        t = (w_mm - self.w_mm[k]) / h
        s = 1.0 - t
        value = s * s * ((1.0 + 2.0 * t) * power[k] + t * h * slope[k])
        value += t * t * ((3.0 - 2.0 * t) * power[k + 1] - s * h * slope[k + 1])
        return np.asarray(np.clip(value, 0.0, None) ** (1.0 / law))

    def _trend(self, x_mm: FloatArray, law: Law, factor: float) -> tuple[FloatArray, float]:
        """Return the area beyond the end with ``factor`` times its curvature, and where it becomes 0 (inf: nowhere)."""
        slopes, curvature = self._parabolas(law)
        last = float(self.area_mm2[-1])
        back = self.w_mm[-1] - self.w_mm[-2] if len(self.w_mm) > 1 else 0.0
        slope = float(slopes[-1]) + (factor - 1.0) * curvature * back / 2.0
        return _falling(x_mm, last, law, slope, factor * curvature)

    def _straight(self, x_mm: FloatArray) -> FloatArray:
        rise = (self.area_mm2[-1] - self.area_mm2[-2]) / (self.w_mm[-1] - self.w_mm[-2])
        return _falling(x_mm, float(self.area_mm2[-1]), 1, float(rise), 0.0)[0]


def _falling(x_mm: FloatArray, last: float, law: Law, slope: float, curvature: float) -> tuple[FloatArray, float]:
    power = last**law
    closes_mm = _first_root(power, slope, curvature)
    value = np.clip(power + slope * x_mm + curvature * x_mm**2 / 2.0, 0.0, None) ** (1.0 / law)
    return np.where(x_mm < closes_mm, np.minimum(value, _GROWTH_LIMIT * last), 0.0), closes_mm


def _first_root(start: float, slope: float, curvature: float) -> float:
    """Return the first positive root of ``start + slope x + curvature x^2 / 2``, with ``start`` > 0; inf if none."""
    inner = slope * slope - 2.0 * curvature * start
    if inner < 0.0:
        return float("inf")
    # The form that does not cancel, and that also holds for a curvature of 0.
    below = -slope + np.sqrt(inner)
    return float(2.0 * start / below) if below > 0.0 else float("inf")
