"""Near-maximum dose of ICRU 91: Dnearmax[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.derived import Derived
from sbrtcheck.metrics.dose_at_percent import DoseAtPercent
from sbrtcheck.metrics.dose_at_volume import DoseAtVolume
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

_SWITCH_CM3 = 2.0
_SMALL_CM3 = 0.035


@dataclass(frozen=True, slots=True)
class NearMaximum:
    """D2% of a structure of at least 2 cm3, D35mm3 (D0.035cc) of a smaller one; Gy or percent of the prescription.

    Notes
    -----
    Where the volume cannot be told from 2 cm3 the bounds hold both.

    References
    ----------
    .. [1] ICRU Report 91 (2014), near-maximum dose.
    """

    id: ClassVar[str] = "near-maximum"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"Dnearmax\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("Dnearmax[Gy]", "Dnearmax[%]")

    unit: str = "Gy"

    def compute(self, structure: Structure, derived: Derived) -> Interval:
        """Return the dose; raises NotComputable."""
        volume_cm3 = derived.volume(structure)
        large, small = DoseAtPercent(2.0, self.unit), DoseAtVolume(_SMALL_CM3, self.unit)
        if volume_cm3.low >= _SWITCH_CM3:
            return large.compute(structure, derived)
        if volume_cm3.high < _SWITCH_CM3:
            return small.compute(structure, derived)
        both = [large.compute(structure, derived), small.compute(structure, derived)]
        value = both[0 if volume_cm3.value >= _SWITCH_CM3 else 1].value
        return Interval(value, min(b.low for b in both), max(b.high for b in both))


METRIC = NearMaximum
