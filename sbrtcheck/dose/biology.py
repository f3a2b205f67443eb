"""Biologically effective dose of the linear-quadratic model: EQD2 and BED, dose by dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.model import FloatArray
from sbrtcheck.results import Assumption

_FORMULA = {
    "BED": "BED = D (1 + (D/n) / (a/b))",
    "EQD2": "EQD2 = BED / (1 + 2 Gy / (a/b)), BED = D (1 + (D/n) / (a/b))",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a dose is turned into, for one alpha/beta.

    Notes
    -----
    ``BED = D (1 + (D / n) / (a/b))`` and ``EQD2 = BED / (1 + 2 Gy / (a/b))`` for a total dose ``D`` in ``n`` equal
    fractions, without a term for time. The model is disputed at the high doses per fraction of SBRT.

    References
    ----------
    .. [1] Fowler, Br J Radiol 62 (1989) 679-694: BED.
    .. [2] Bentzen et al., Radiother Oncol 105 (2012) 266-268 (ICRU committee): EQD2 and its notation.

    Examples
    --------
    >>> float(Effect("BED", 10.0).of(50.0, 5)), float(Effect("EQD2", 10.0).of(60.0, 30))
    (100.0, 60.0)
    """

    quantity: Literal["EQD2", "BED"]
    alpha_beta_gy: float

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha_beta_gy < np.inf:
            raise ValueError("alpha/beta must be above 0 Gy")

    def __str__(self) -> str:
        return f"{self.quantity}(a/b={self.alpha_beta_gy:g})"

    @property
    def formula(self) -> str:
        """The formula with its alpha/beta, as a reader sees it."""
        return f"{_FORMULA[self.quantity]}, a/b = {self.alpha_beta_gy:g} Gy"

    def of(self, dose_gy: ArrayLike, fractions: int) -> FloatArray:
        """Return the effect of total doses, Gy, each given in equal fractions; infinite stays infinite."""
        dose = np.asarray(dose_gy, dtype=np.float64)
        bed = dose * (1.0 + dose / (fractions * self.alpha_beta_gy))
        return np.asarray(bed if self.quantity == "BED" else bed / (1.0 + 2.0 / self.alpha_beta_gy))


def effective_curves(curves: DvhCurves, effect: Effect, fractions: int) -> DvhCurves:
    """Return the dose-volume histogram of an effect, with its bounds.

    Parameters
    ----------
    curves : DvhCurves
        Of physical dose, Gy.
    effect : Effect
    fractions : int
        In which each dose is given, 1 at least.

    Returns
    -------
    DvhCurves
        The effect rises with dose, so each knot keeps its volume and its place. Between knots, a few thousandths of the
        dose range apart, the curve is straight as before.
    """

    def turned(dvh: Dvh) -> Dvh:
        return Dvh(effect.of(dvh.dose_gy, fractions), dvh.volume_cm3)

    return replace(curves, best=turned(curves.best), variants=tuple(turned(dvh) for dvh in curves.variants))


def effect_assumptions(turned: Sequence[tuple[Effect, int, int]]) -> tuple[Assumption, ...]:
    """Return what the reader is told of the doses that were turned into effects.

    Parameters
    ----------
    turned : sequence of (Effect, int, int)
        Effect, number of fractions and ROI number of each histogram.
    """
    rois: dict[tuple[Effect, int], list[str]] = {}
    for effect, fractions, number in sorted(turned, key=lambda t: (t[0].quantity, t[0].alpha_beta_gy, t[1], t[2])):
        rois.setdefault((effect, fractions), []).append(f"ROI {number}")
    return tuple(
        Assumption(
            topic="effective dose",
            text=f"{effect} of {', '.join(listed)}: {effect.formula}, n = {fractions} fractions for every dose D "
            "(linear-quadratic model, disputed at high doses per fraction; alpha/beta is that of the expression)",
            overrule="[prescriptions]",
        )
        for (effect, fractions), listed in rois.items()
    )
