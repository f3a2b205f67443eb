"""Gradient index of Paddick and Lippitz: GI_Paddick."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities, Remark
from sbrtcheck.metrics.bounds import quotient
from sbrtcheck.metrics.whole_body import alone, shared
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class GradientPaddick:
    """Volume of half the prescription isodose over the volume of the prescription isodose.

    Notes
    -----
    Both are counted over the whole dose grid: with another target in half the prescription isodose the index of this
    one alone is not known.

    References
    ----------
    .. [1] Paddick and Lippitz, J Neurosurg 105 Suppl (2006) 194-201.
    .. [2] ICRU Report 91 (2014).
    """

    id: ClassVar[str] = "gradient-paddick"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"GI_Paddick")
    examples: ClassVar[tuple[str, ...]] = ("GI_Paddick",)
    unit: ClassVar[str] = ""

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the index; raises NotComputable."""
        prescribed_gy = derived.prescribed_gy(structure)
        half, whole = (derived.isodose_volume(structure, share * prescribed_gy) for share in (0.5, 1.0))
        index = quotient(half, whole, what="the volume of the prescription isodose", where=structure.where)
        # Other targets add to both volumes, in a proportion that nobody knows.
        return alone(index, structure, derived, low=1.0, high=math.inf)

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return whether another target lies in the isodose; raises NotComputable."""
        return shared(structure, derived, "the index of this one alone is not known")


METRIC = GradientPaddick
