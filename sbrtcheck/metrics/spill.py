"""Dose spilled outside a target: Spill100%[cc], Spill105%[%]."""

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
class Spill:
    """Volume outside a structure at or above ``percent`` of the prescription: cm3 or percent of the structure.

    Notes
    -----
    Counted over the whole dose grid, as the isodose volume without the structure's own part of it; the errors of the
    two are added. The upper bound is infinite when the isodose reaches the border of the grid.

    References
    ----------
    .. [1] RTOG 0813 and 0915: high dose spillage, volume outside the PTV above 105 % of the prescription.
    """

    id: ClassVar[str] = "spill"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"Spill(?P<percent>\d+(?:\.\d+)?)%\[(?P<unit>cc|%)\]")
    examples: ClassVar[tuple[str, ...]] = ("Spill100%[cc]", "Spill50%[cc]", "Spill105%[%]")

    percent: float
    unit: str = "cc"

    def __post_init__(self) -> None:
        if not self.percent > 0.0:
            raise ValueError("the percentage must be above 0")

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the volume; raises NotComputable."""
        level_gy = self.percent / 100.0 * derived.prescribed_gy(structure)
        inside = derived.dvh(structure).interval(lambda dvh: dvh.volume_at_least(level_gy))
        isodose = derived.isodose_volume(structure, level_gy)
        outside = Interval(
            max(isodose.value - inside.value, 0.0),
            max(isodose.low - inside.high, 0.0),
            max(isodose.high - inside.low, 0.0),
        )
        if self.unit == "%":
            whole = derived.volume(structure)
            outside = quotient(outside, whole, what="the volume of the structure", where=structure.where).scaled(100.0)
        return alone(outside, structure, derived, percent=self.percent)

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived, percent=self.percent)


METRIC = Spill
