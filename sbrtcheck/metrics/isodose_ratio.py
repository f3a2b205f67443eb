"""Isodose volumes over the volume of the target: R50, R100."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.metrics.bounds import quotient
from sbrtcheck.metrics.whole_body import alone, shared
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class IsodoseRatio:
    """Volume of all tissue at or above ``percent`` of the prescription, over the volume of the structure.

    Notes
    -----
    The isodose is counted over the whole dose grid: dose around another target inflates it, so that with one
    in half the prescription isodose it is an upper bound. That bound is infinite when the isodose reaches the border of
    the grid.

    References
    ----------
    .. [1] RTOG 0813 and 0915, Table 1: R100 and R50.
    """

    id: ClassVar[str] = "isodose-ratio"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"R(?P<percent>50|100)")
    examples: ClassVar[tuple[str, ...]] = ("R50", "R100")
    unit: ClassVar[str] = ""

    percent: float

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the ratio; raises NotComputable."""
        level_gy = self.percent / 100.0 * derived.prescribed_gy(structure)
        isodose_cm3 = derived.isodose_volume(structure, level_gy)
        ratio = quotient(
            isodose_cm3, derived.volume(structure), what="the volume of the structure", where=structure.where
        )
        return alone(ratio, structure, derived)

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived)


METRIC = IsodoseRatio
