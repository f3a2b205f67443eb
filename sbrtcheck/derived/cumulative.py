"""The quantities of a case as metrics see them in the sum of this plan and all earlier courses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

if TYPE_CHECKING:
    from sbrtcheck.derived.treated import Treated


@dataclass(frozen=True, slots=True)
class Cumulative:
    """A case whose dose is the sum of all courses.

    What follows from the DVH of a structure in Gy has a value there; what asks for the prescription, or for dose
    outside the structure, belongs to one plan and has none.
    """

    case: Treated

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        return self.case.volume(structure)

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the DVH of the sum of physical dose."""
        return self.case.cumulative_dvh(structure)

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        """Return the DVH of the sum of effects, each course with its own fractions."""
        return self.case.cumulative_dvh(structure, effect)

    def fractions(self, structure: Structure) -> int:
        """Return the number of fractions of this plan."""
        return self.case.fractions(structure)

    def prescribed_gy(self, structure: Structure) -> float:
        """Raise NotComputable: several courses have several prescriptions."""
        self._of_one_plan(structure)

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        """Raise NotComputable: isodoses of a sum outside structures are not bounded."""
        self._of_one_plan(structure)

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        """Raise NotComputable: dose of a sum outside structures is not bounded."""
        self._of_one_plan(structure)

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        """Raise NotComputable, as ``isodose_volume`` does."""
        self._of_one_plan(structure)

    def _of_one_plan(self, structure: Structure) -> NoReturn:
        raise NotComputable(
            "this metric belongs to one plan; a sum of courses has no such value", where=structure.where
        )
