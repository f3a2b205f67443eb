"""Homogeneity index of ICRU 83: HI_ICRU83."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.dose_at_percent import DoseAtPercent
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class HomogeneityIcru83:
    """``(D2% - D98%) / D50%``: 0 for an even dose.

    References
    ----------
    .. [1] ICRU Report 83 (2010), homogeneity index.
    """

    id: ClassVar[str] = "homogeneity-icru83"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"HI_ICRU83")
    examples: ClassVar[tuple[str, ...]] = ("HI_ICRU83",)
    in_gy: ClassVar[bool] = True
    unit: ClassVar[str] = ""

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the index; raises NotComputable."""
        hot, cold, median = (DoseAtPercent(p).compute(structure, derived) for p in (2.0, 98.0, 50.0))
        if median.value <= 0.0:
            raise NotComputable("the median dose is 0", where=structure.where)
        # The three doses may err in different directions.
        low = max(hot.low - cold.high, 0.0) / median.high if math.isfinite(median.high) else 0.0
        high = (hot.high - cold.low) / median.low if median.low > 0.0 else math.inf
        return Interval((hot.value - cold.value) / median.value, low, high)


METRIC = HomogeneityIcru83
