"""Near-minimum dose of ICRU 91: Dnearmin[Gy]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities
from sbrtcheck.metrics.dose_at_percent import DoseAtPercent
from sbrtcheck.metrics.dose_to_coldest import DoseToColdest
from sbrtcheck.metrics.near import SMALL_CM3, switched
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class NearMinimum:
    """D98% of a structure of at least 2 cm3, dose to all but the coldest 35 mm3 of a smaller one; Gy or percent.

    Notes
    -----
    The form for small structures mirrors the near-maximum dose: secondary sources name the switch for the near-minimum
    too, the wording of the report itself was not seen.

    References
    ----------
    .. [1] ICRU Report 91 (2014), near-minimum dose, as cited in the SBRT course book of ESTRO (2017).
    """

    id: ClassVar[str] = "near-minimum"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"Dnearmin\[(?P<unit>Gy|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("Dnearmin[Gy]", "Dnearmin[%]")

    unit: str = "Gy"

    @property
    def in_gy(self) -> bool:
        """Whether the value is in Gy."""
        return self.unit == "Gy"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the dose; raises NotComputable."""
        large, small = DoseAtPercent(98.0, self.unit), DoseToColdest(SMALL_CM3, self.unit)
        return switched(structure, derived, large, small)


METRIC = NearMinimum
