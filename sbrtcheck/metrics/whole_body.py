"""Indices that count dose wherever it lies: what becomes of them where another target lies in the same dose."""

from __future__ import annotations

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

_HALF = 50.0
_UPPER_BOUND = "it is an upper bound of what this one alone gives"
_WOULD_DECIDE = "the dose of a plan for this target alone would decide"


def alone(
    measured: Interval,
    structure: Structure,
    derived: Quantities,
    *,
    low: float = 0.0,
    high: float | None = None,
    percent: float = _HALF,
) -> Interval:
    """Return what is known of an index of one target alone.

    Parameters
    ----------
    measured : Interval
        The index with all dose counted.
    low, high : float
        Between which the index of this target alone then lies; ``high`` is that of ``measured`` where it is None.
    percent : float
        Of the prescription, the lowest isodose that the index counts; half of it at most is looked at.

    Returns
    -------
    Interval
        ``measured`` where no other target lies in that isodose, else with the wider bounds. The other targets' part of
        the dose is not subtracted: it would be an invention (docs/decisions/0012, 0020).
    """
    if not _others(structure, derived, percent):
        return measured
    most = measured.high if high is None else high
    return Interval(measured.value, min(low, measured.value), max(most, measured.value))


def shared(
    structure: Structure, derived: Quantities, meaning: str = _UPPER_BOUND, percent: float = _HALF
) -> tuple[Remark, ...]:
    """Return what the reader must know where another target lies in the isodose; nothing elsewhere."""
    others = _others(structure, derived, percent)
    if not others:
        return ()
    listed = ", ".join(other.where for other in others)
    text = f"other targets lie in the same dose ({listed}), so {meaning}"
    return (Remark(text, f"the limit lies within that bound; {_WOULD_DECIDE}"),)


def _others(structure: Structure, derived: Quantities, percent: float) -> tuple[Structure, ...]:
    level_gy = min(percent, _HALF) / 100.0 * derived.prescribed_gy(structure)
    return derived.others_in_isodose(structure, level_gy)
