"""A metric of a biologically effective dose: the suffixes @EQD2(a/b=3) and @BED(a/b=10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Metric, Quantities, Remark
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

_DISPUTED: Final = "linear-quadratic model, disputed at high doses per fraction"


@dataclass(frozen=True, slots=True)
class Biological:
    """Another metric, with every dose in it turned into an effect: thresholds too are in Gy of that effect.

    References
    ----------
    .. [1] ``sbrtcheck.dose.biology``.
    """

    base: Metric
    effect: Effect

    @property
    def unit(self) -> str:
        """Unit of the value, that of the metric itself."""
        return self.base.unit

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the metric; raises NotComputable."""
        return self.base.compute(structure, _InEffect(derived, self.effect))

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return alpha/beta, the number of fractions and the formula; raises NotComputable."""
        fractions = derived.fractions(structure)
        return (Remark(f"{self.effect.formula}, n = {fractions} fractions ({_DISPUTED})"),)


@dataclass(frozen=True, slots=True)
class _InEffect:
    """The quantities of a case as a metric of an effect sees them."""

    physical: Quantities
    effect: Effect

    def volume(self, structure: Structure) -> Interval:
        return self.physical.volume(structure)

    def dvh(self, structure: Structure) -> DvhCurves:
        return self.physical.effective_dvh(structure, self.effect)

    def fractions(self, structure: Structure) -> int:
        return self.physical.fractions(structure)

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        self._physical_only(structure)

    def prescribed_gy(self, structure: Structure) -> float:
        self._physical_only(structure)

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        self._physical_only(structure)

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        self._physical_only(structure)

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        self._physical_only(structure)

    def _physical_only(self, structure: Structure) -> NoReturn:
        raise NotComputable(f"only a DVH in Gy has a value in {self.effect}", where=structure.where)
