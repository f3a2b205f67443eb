"""Volume that receives at least a dose: V20Gy[%], V20Gy[cc], V100%[%], V100%[cc]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.dose.dvh import Dvh
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class VolumeAtDose:
    """Volume of a structure at or above a dose in Gy or in percent of the prescription; percent or cubic centimetres.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature.
    """

    id: ClassVar[str] = "volume-at-dose"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"V(?P<level>\d+(?:\.\d+)?)(?P<level_unit>Gy|%)\[(?P<unit>%|cc)\]")
    examples: ClassVar[tuple[str, ...]] = ("V20Gy[%]", "V20Gy[cc]", "V100%[%]", "V100%[cc]")

    level: float
    level_unit: str = "Gy"
    unit: str = "%"

    def __post_init__(self) -> None:
        if not self.level > 0.0:
            raise ValueError("the dose must be above 0; the whole volume is Volume[cc]")

    @property
    def in_gy(self) -> bool:
        """Whether the dose is in Gy."""
        return self.level_unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the volume; raises NotComputable."""
        level_gy = self.level
        if self.level_unit == "%":
            level_gy = self.level / 100.0 * derived.prescribed_gy(structure)

        def volume(dvh: Dvh) -> float:
            volume_cm3 = dvh.volume_at_least(level_gy)
            return 100.0 * volume_cm3 / dvh.total_cm3 if self.unit == "%" else volume_cm3

        return derived.dvh(structure).interval(volume)


METRIC = VolumeAtDose
