"""Volume that receives less than a dose: CV12.5Gy[cc], the volume spared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.dose.dvh import Dvh
from sbrtcheck.metrics.base import Quantities
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class VolumeBelowDose:
    """Volume of a structure below ``level_gy``, cubic centimetres or percent.

    Notes
    -----
    "At least 1500 cm3 below 12.5 Gy" is a lower limit on this metric, not an upper limit on V12.5Gy.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature: CV, complementary volume.
    """

    id: ClassVar[str] = "volume-below-dose"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"CV(?P<level_gy>\d+(?:\.\d+)?)Gy\[(?P<unit>%|cc)\]")
    examples: ClassVar[tuple[str, ...]] = ("CV12.5Gy[cc]", "CV12.5Gy[%]")
    in_gy: ClassVar[bool] = True

    level_gy: float
    unit: str = "cc"

    def __post_init__(self) -> None:
        if not self.level_gy > 0.0:
            raise ValueError("the dose must be above 0")

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the volume; raises NotComputable."""

        def volume(dvh: Dvh) -> float:
            volume_cm3 = max(dvh.total_cm3 - dvh.volume_at_least(self.level_gy), 0.0)
            return 100.0 * volume_cm3 / dvh.total_cm3 if self.unit == "%" else volume_cm3

        return derived.dvh(structure).interval(volume)


METRIC = VolumeBelowDose
