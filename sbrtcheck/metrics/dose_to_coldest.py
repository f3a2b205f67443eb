"""Dose to the coldest part of a structure: DC1500cc[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.dose.dvh import Dvh, dose_to_hottest
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.bounds import in_unit
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class DoseToColdest:
    """Highest dose in the coldest ``volume_cm3`` of a structure, Gy or percent of the prescription.

    Notes
    -----
    Not computable when the structure is, or may be, smaller than ``volume_cm3``.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature: DC, dose to the complementary (cold) volume.
    """

    id: ClassVar[str] = "dose-to-coldest"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"DC(?P<volume_cm3>\d+(?:\.\d+)?)cc\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("DC1500cc[Gy]", "DC1000cc[Gy]")

    volume_cm3: float
    unit: str = "Gy"

    def __post_init__(self) -> None:
        if not self.volume_cm3 > 0.0:
            raise ValueError("the volume must be above 0; the dose to the coldest point is Min[Gy]")

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""

        def dose(dvh: Dvh) -> float:
            if dvh.total_cm3 < self.volume_cm3:
                raise NotComputable(
                    f"structure holds {dvh.total_cm3:.3f} cm3, less than {self.volume_cm3} cm3", where=structure.where
                )
            return dose_to_hottest(dvh, dvh.total_cm3 - self.volume_cm3)

        return in_unit(derived.dvh(structure).interval(dose), self.unit, structure, derived)


METRIC = DoseToColdest
