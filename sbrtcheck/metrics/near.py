"""The switch of ICRU 91 between a share of a structure and a fixed small volume."""

from __future__ import annotations

from sbrtcheck.metrics.base import Metric, Quantities
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

SMALL_CM3 = 0.035
_SWITCH_CM3 = 2.0


def switched(structure: Structure, derived: Quantities, large: Metric, small: Metric) -> Interval:
    """Return ``large`` for a structure of at least 2 cm3, ``small`` for a smaller one.

    Where the volume cannot be told from 2 cm3 the bounds hold both.

    Raises
    ------
    NotComputable
        If one of those that may count is not computable.
    """
    volume_cm3 = derived.volume(structure)
    if volume_cm3.low >= _SWITCH_CM3:
        return large.compute(structure, derived)
    if volume_cm3.high < _SWITCH_CM3:
        return small.compute(structure, derived)
    both = [large.compute(structure, derived), small.compute(structure, derived)]
    value = both[0 if volume_cm3.value >= _SWITCH_CM3 else 1].value
    return Interval(value, min(b.low for b in both), max(b.high for b in both))
