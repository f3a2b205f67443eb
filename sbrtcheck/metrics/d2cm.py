"""Highest dose two centimetres away from the target: D2cm[%], D2cm[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.derived import Derived
from sbrtcheck.dose.isodose import maximum_beyond
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

_DISTANCE_MM = 20.0


@dataclass(frozen=True, slots=True)
class DoseAt2Cm:
    """Highest dose at least 2 cm outside the surface of a structure, percent of the prescription or Gy.

    Notes
    -----
    The upper bound is infinite when the dose grid ends less than 2 cm away from the structure.

    References
    ----------
    .. [1] RTOG 0813 and 0915, Table 1: D2cm.
    """

    id: ClassVar[str] = "dose-at-2cm"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"D2cm\[(?P<unit>%|Gy)\]")
    examples: ClassVar[tuple[str, ...]] = ("D2cm[%]", "D2cm[Gy]")

    unit: str = "%"

    def compute(self, structure: Structure, derived: Derived) -> Interval:
        """Return the dose; raises NotComputable."""
        derived.dvh(structure)  # refuses a dose in another frame of reference
        dose_gy = maximum_beyond(derived.dose, derived.region(structure), _DISTANCE_MM, derived.method.dose)
        return in_unit(dose_gy, self.unit, structure, derived)


METRIC = DoseAt2Cm
