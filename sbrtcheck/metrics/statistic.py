"""Least, mean and highest dose: Min[Gy], Mean[Gy], Max[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.dose.dvh import Dvh
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class Statistic:
    """Least, mean or highest dose in a structure and on its outline, Gy or percent of the prescription.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature.
    """

    id: ClassVar[str] = "statistic"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"(?P<kind>Min|Mean|Max)\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("Min[Gy]", "Mean[Gy]", "Max[Gy]", "Max[%]")

    kind: str
    unit: str = "Gy"

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""

        def dose(dvh: Dvh) -> float:
            return {"Min": dvh.minimum_gy, "Mean": dvh.mean_gy, "Max": dvh.maximum_gy}[self.kind]

        return in_unit(derived.dvh(structure).interval(dose), self.unit, structure, derived)


METRIC = Statistic
