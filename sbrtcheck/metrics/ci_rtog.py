"""Conformity index of the RTOG: CI_RTOG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.metrics.isodose_ratio import IsodoseRatio
from sbrtcheck.metrics.whole_body import shared
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class ConformityRtog:
    """Volume of the prescription isodose over the volume of the target: the same number as R100.

    References
    ----------
    .. [1] Shaw et al., Int J Radiat Oncol Biol Phys 27 (1993) 1231-1239: PITV.
    """

    id: ClassVar[str] = "conformity-rtog"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"CI_RTOG")
    examples: ClassVar[tuple[str, ...]] = ("CI_RTOG",)
    unit: ClassVar[str] = ""

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the index; raises NotComputable."""
        return IsodoseRatio(percent=100.0).compute(structure, derived)

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived)


METRIC = ConformityRtog
