"""Conformity index of Paddick: CI_Paddick."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.metrics.bounds import quotient
from sbrtcheck.metrics.whole_body import alone, shared
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class ConformityPaddick:
    """Covered share of the target times the share of the prescription isodose that lies in it: 1 is ideal.

    ``TV_PIV^2 / (TV PIV)`` with TV the target's volume, PIV the volume of the prescription isodose, and TV_PIV what
    they share.

    References
    ----------
    .. [1] Paddick, J Neurosurg 93 (2000) 219-222.
    """

    id: ClassVar[str] = "conformity-paddick"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"CI_Paddick")
    examples: ClassVar[tuple[str, ...]] = ("CI_Paddick",)
    unit: ClassVar[str] = ""

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the index; raises NotComputable."""
        level_gy = derived.prescribed_gy(structure)
        curves = derived.dvh(structure)
        coverage = curves.interval(lambda dvh: dvh.volume_at_least(level_gy) / dvh.total_cm3)
        covered_cm3 = curves.interval(lambda dvh: dvh.volume_at_least(level_gy))
        isodose_cm3 = derived.isodose_volume(structure, level_gy)
        selectivity = quotient(
            covered_cm3, isodose_cm3, what="the volume of the prescription isodose", where=structure.where
        )
        value = coverage.value * min(selectivity.value, 1.0)
        # Neither share can exceed 1.
        high = min(coverage.high, 1.0) * min(selectivity.high, 1.0)
        index = Interval(value, min(coverage.low * selectivity.low, value), max(high, value))
        # Without other targets the isodose is smaller: all of it may lie in this one.
        return alone(index, structure, derived, high=min(coverage.high, 1.0))

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived, "only its coverage bounds the index of this one alone")


METRIC = ConformityPaddick
