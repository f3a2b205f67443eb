"""Volume of a structure: Volume[cc]."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sbrtcheck.metrics.base import Quantities
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class Volume:
    """Volume of a structure, cubic centimetres, with or without dose.

    References
    ----------
    .. [1] AAPM TG-263 (2018), DVH metric nomenclature.
    """

    id: ClassVar[str] = "volume"
    notation: ClassVar[re.Pattern[str]] = re.compile(r"Volume\[cc\]")
    examples: ClassVar[tuple[str, ...]] = ("Volume[cc]",)
    unit: ClassVar[str] = "cc"

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the volume; raises NotComputable."""
        return derived.volume(structure)


METRIC = Volume
