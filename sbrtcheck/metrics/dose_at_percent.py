"""Dose to the hottest part of a structure, its size in percent: D95%[Gy], D2%[%]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.dose.dvh import dose_to_hottest
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class DoseAtPercent:
    """Least dose in the hottest ``percent`` of a structure's volume, Gy or percent of the prescription.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature.
    .. [2] ICRU Report 83 (2010), dose-volume specification.
    """

    id: ClassVar[str] = "dose-at-percent"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"D(?P<percent>\d+(?:\.\d+)?)%\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("D95%[Gy]", "D98%[Gy]", "D50%[Gy]", "D2%[Gy]", "D95%[%]")

    percent: float
    unit: str = "Gy"

    def __post_init__(self) -> None:
        if not 0.0 < self.percent < 100.0:
            raise ValueError("the percentage must lie between 0 and 100; the ends are Max[Gy] and Min[Gy]")

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""
        curves = derived.dvh(structure)
        share = self.percent / 100.0
        dose_gy = curves.interval(lambda dvh: dose_to_hottest(dvh, share * dvh.total_cm3))
        return in_unit(dose_gy, self.unit, structure, derived)


METRIC = DoseAtPercent
