"""Highest dose two centimetres away from the target: D2cm[%], D2cm[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.metrics.whole_body import alone, shared
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

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""
        dose_gy = in_unit(derived.maximum_beyond(structure, _DISTANCE_MM), self.unit, structure, derived)
        return alone(dose_gy, structure, derived)

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived)


METRIC = DoseAt2Cm
