"""Near-maximum dose of ICRU 91: Dnearmax[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.dose_at_percent import DoseAtPercent
from sbrtcheck.metrics.dose_at_volume import DoseAtVolume
from sbrtcheck.metrics.near import SMALL_CM3, switched
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class NearMaximum:
    """D2% of a structure of at least 2 cm3, D35mm3 (D0.035cc) of a smaller one; Gy or percent of the prescription.

    References
    ----------
    .. [1] ICRU Report 91 (2014), near-maximum dose.
    """

    id: ClassVar[str] = "near-maximum"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"Dnearmax\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("Dnearmax[Gy]", "Dnearmax[%]")

    unit: str = "Gy"

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""
        large, small = DoseAtPercent(2.0, self.unit), DoseAtVolume(SMALL_CM3, self.unit)
        return switched(structure, derived, large, small)


METRIC = NearMaximum
