"""Arithmetic on intervals and units that several metrics share."""

from __future__ import annotations

import math

from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


def quotient(a: Interval, b: Interval, *, what: str, where: str) -> Interval:
    """Return ``a / b`` of two quantities that are not negative and whose errors may add up.

    Parameters
    ----------
    a, b : Interval
    what, where : str
        What ``b`` is and whose, for the error.

    Raises
    ------
    NotComputable
        If ``b`` is 0.
    """
    if b.value <= 0.0:
        raise NotComputable(f"{what} is 0", where=where)
    low = a.low / b.high if math.isfinite(b.high) else 0.0
    high = a.high / b.low if b.low > 0.0 else math.inf
    return Interval(a.value / b.value, low, high)


def in_unit(dose_gy: Interval, unit: str, structure: Structure, derived: Quantities) -> Interval:
    """Return a dose in ``Gy``, or in percent of the prescribed dose for the unit ``%``.

    Raises
    ------
    NotComputable
        If percent are asked for and no dose is prescribed.
    """
    return dose_gy if unit == "Gy" else dose_gy.scaled(100.0 / derived.prescribed_gy(structure))
