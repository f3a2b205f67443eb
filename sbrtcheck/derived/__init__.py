"""Quantities shared by metrics and checks, each computed once per case.

One class in five steps, each in its module: ``memo`` (what was computed is kept), ``shaped`` (geometry), ``located``
(names, lesions, organs), ``dosed`` (dose) and ``treated`` (earlier courses); here, what the reader is told of it.
"""

from __future__ import annotations

from sbrtcheck.anatomy.neighbours import shared_isodoses
from sbrtcheck.anatomy.told import claimed_twice, empty_target, odd_outline, places_of_nobody, taken_as
from sbrtcheck.derived.treated import Treated
from sbrtcheck.dose.biology import effect_assumptions
from sbrtcheck.dose.tps import Beside, differs
from sbrtcheck.geometry.region import Region
from sbrtcheck.results import Assumption, Notice

__all__ = ["Derived"]


class Derived(Treated):
    """Everything computed from one case and kept; what cannot be computed raises NotComputable each time."""

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What every structure was taken for, how the reader overrules it, and what doses were turned into so far."""
        if self.case.structure_set is None:
            return ()
        found = [a for s in self.structures for a in taken_as(s, self._role(s), self.match(s))]
        remarks = (Assumption(topic="lesion", text=remark) for remark in self.grouping.remarks)
        return (*found, *remarks, *effect_assumptions([key[1:] for key in self._memo if key[0] == "effect"]))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is odd about the names, the targets, and all that was measured so far."""
        if self.case.structure_set is None:
            return ()
        claimed = [(structure, self.match(structure).tg263) for structure in self.structures]
        return (
            *claimed_twice(claimed),
            *(empty_target(target) for target in self.grouping.undrawn),
            *places_of_nobody(self.places, self.targets),
            *self._odd_outlines(),
            *self._of_doses(),
        )

    def _odd_outlines(self) -> tuple[Notice, ...]:
        """Say what was put right or left open in the outlines of the structures that anything was taken from."""
        return tuple(
            notice
            for structure in self.structures
            if isinstance(region := self._memo.get(("region", structure.roi_number)), Region)
            for notice in odd_outline(structure, region)
        )

    def _of_doses(self) -> tuple[Notice, ...]:
        """Say what is odd about the doses that anything was taken from."""
        shared = ((k[1], k[2], v) for k, v in self._memo.items() if k[0] == "others" and isinstance(v, tuple))
        apart = (k[1] for k, v in self._memo.items() if isinstance(v, Beside) and v.apart)
        return (*shared_isodoses(shared), *(differs(n, self._memo["tps", n]) for n in sorted(apart)))
