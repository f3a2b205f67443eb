"""The dose-volume histogram of a structure of which only an inner and an outer bound are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.model import FloatArray

# A choice: a step is then no wider than a thousandth of the knots.
_MOST_DOSES: Final = 1000
# More than the closeness (1e-6) at which a dose counts as at a level, and far below what is measured.
_BESIDE: Final = 1e-5


def nested_curves(inner: DvhCurves, best: DvhCurves, outer: DvhCurves) -> DvhCurves:
    """Return the curves of a structure that holds ``inner`` and lies within ``outer``.

    Parameters
    ----------
    inner, best, outer : DvhCurves

    Returns
    -------
    DvhCurves
        The best estimate of ``best``. Its variants are the curves of all three, which bound volumes in cm3 and doses to
        volumes in cm3, and two more for shares of the structure: between the bounds it may hold what is cold and lack
        what is hot, or the other way round. With ``V(d)`` the volume at or above a dose and ``C(d)`` that below it, its
        share at or above ``d`` is at least ``V_inner / (V_inner + C_outer)`` and at most
        ``V_outer / (V_outer + C_inner)``.
    """
    held, may = (inner.best, *inner.variants), (outer.best, *outer.variants)
    doses = _some(np.unique(np.concatenate([dvh.dose_gy for dvh in (*held, *may)])))
    hot_held, cold_held = _ends(held, doses)
    hot_may, cold_may = _ends(may, doses)
    total_held, total_may = min(d.total_cm3 for d in held), max(d.total_cm3 for d in may)
    # Curves with these totals leave volumes in cm3 between those of the bounds.
    least = _stepped(doses, total_may * _share(hot_held[0], cold_may[1]), total_may, falling_late=False)
    most = _stepped(doses, total_held * _share(hot_may[1], cold_held[0]), total_held, falling_late=True)
    return DvhCurves(
        best=best.best,
        variants=(*held, *best.variants, *may, least, most),
        outside_fraction=max(inner.outside_fraction, best.outside_fraction, outer.outside_fraction),
        roi_number=best.roi_number,
    )


def _some(doses_gy: FloatArray) -> FloatArray:
    """Return no more doses than needed, the ends among them: steps between any doses bound what lies between."""
    finite = doses_gy[np.isfinite(doses_gy)]
    chosen = finite[np.unique(np.linspace(0, len(finite) - 1, min(len(finite), _MOST_DOSES)).astype(np.intp))]
    beside = chosen + np.maximum(_BESIDE * chosen, _BESIDE)  # so that what has just this dose stays there
    return np.concatenate([np.union1d(chosen, beside), doses_gy[len(finite) :]])


def _ends(curves: Sequence[Dvh], doses_gy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return least and most volume, cm3, ``(2, N)``, at or above each dose, and below it."""
    hot = np.array([dvh.volumes_at_least(doses_gy) for dvh in curves])
    cold = np.array([dvh.total_cm3 for dvh in curves])[:, None] - hot
    return np.array([hot.min(axis=0), hot.max(axis=0)]), np.maximum([cold.min(axis=0), cold.max(axis=0)], 0.0)


def _share(hot_cm3: FloatArray, cold_cm3: FloatArray) -> FloatArray:
    return np.asarray(hot_cm3 / np.maximum(hot_cm3 + cold_cm3, np.finfo(float).tiny))


def _stepped(doses_gy: FloatArray, at_least_cm3: FloatArray, total_cm3: float, *, falling_late: bool) -> Dvh:
    """Return a curve with steps at doses that rise: between two, the volume of the upper or, if late, of the lower."""
    volumes = np.minimum(np.maximum.accumulate(at_least_cm3[::-1]), total_cm3)
    doses = doses_gy[::-1]
    # Dvh draws straight lines between knots, so that a step is two knots of one dose.
    step = np.diff(volumes, prepend=0.0)
    if falling_late:
        # What is unknown (infinite) stays so; what is known is no hotter than the next hotter dose.
        unknown = int(np.isinf(doses[0]))
        doses = np.concatenate([doses[: unknown + 1], doses[unknown:-1]])
    knots = np.repeat(doses, 2)
    shares = np.zeros(2 * len(doses))
    shares[1::2] = step
    rest = max(total_cm3 - float(volumes[-1]), 0.0)
    return Dvh(np.append(knots, [doses_gy[0]] * 2), np.append(shares, [0.0, rest]))
