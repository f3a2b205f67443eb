"""Structures that a protocol makes of others, with what metrics ask of them.

Where a margin leaves open what belongs to the structure, every quantity is bounded by those of its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.derived.cumulative import Cumulative
from sbrtcheck.derived.treated import Treated
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.dose.nested import nested_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.bounded import Bounded, combined, exact
from sbrtcheck.geometry.margins import moved
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Structure
from sbrtcheck.naming.expression import Combined, Expression, Margin, Name, Ring
from sbrtcheck.results import Interval

# What is built is numbered downwards from here, below masks and what is found in the CT.
_FIRST = -10_001


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A structure made of others.

    Attributes
    ----------
    best : Structure
        Best estimate; its ROI number is that of no ROI.
    inner : Structure or None
        What it holds on all accounts; None where that may be nothing.
    outer : Structure
        All that it may hold.
    parents : tuple of Structure
        What it is made of, by ROI number.
    """

    best: Structure
    inner: Structure | None
    outer: Structure
    parents: tuple[Structure, ...]

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left open between the bounds."""
        return self.inner is self.best and self.outer is self.best


def build(name: str, expression: Expression, leaves: Mapping[str, Sequence[Structure]], case: Treated) -> Built:
    """Return the structure that an expression describes; it is kept with the case.

    Parameters
    ----------
    name : str
        What it is called in messages.
    expression : Expression
    leaves : mapping
        What each name in the expression stands for, at least one structure; of several, all together.
    case : Treated

    Raises
    ------
    NotComputable
        If the structures lie in different frames of reference or in planes that are not parallel, if one of them cannot
        be measured, or if nothing is left.
    """
    parents = {s.roi_number: s for found in leaves.values() for s in found}
    ordered = tuple(parents[number] for number in sorted(parents))
    if any(other_frame(ordered[0].frame_of_reference_uid, s.frame_of_reference_uid) for s in ordered):
        listed = ", ".join(s.where for s in ordered)
        raise NotComputable(f"what {name} is made of lies in different frames of reference", where=listed)
    key = ("built", str(expression), tuple(sorted((n, tuple(s.roi_number for s in f)) for n, f in leaves.items())))
    return case._remember(key, lambda: _built(name, _evaluated(expression, leaves, case), ordered, case))


def _built(name: str, regions: Bounded, parents: tuple[Structure, ...], case: Treated) -> Built:
    taken = sum(key[0] == "region" and key[1] <= _FIRST for key in case._memo)

    def kept(region: Region, place: int) -> Structure:
        structure = Structure(_FIRST - taken - place, name, "", (), parents[0].frame_of_reference_uid)
        case._memo["region", structure.roi_number] = replace(region, roi_number=structure.roi_number)
        return structure

    best = kept(regions.best, 0)
    if regions.is_exact:
        return Built(best, best, best, parents)
    inner = kept(regions.inner, 2) if regions.inner is not None else None
    return Built(best, inner, kept(regions.outer, 1), parents)


def _evaluated(expression: Expression, leaves: Mapping[str, Sequence[Structure]], case: Treated) -> Bounded:
    match expression:
        case Name():
            found = [exact(case.region(structure)) for structure in leaves[expression.name]]
            return reduce(lambda a, b: combined("|", a, b), found)
        case Combined():
            parts = [_evaluated(part, leaves, case) for part in expression.parts]
            return reduce(lambda a, b: combined(expression.sign, a, b), parts)
        case Margin():
            return moved(_evaluated(expression.part, leaves, case), expression.margin_mm)
        case Ring():
            part = _evaluated(expression.part, leaves, case)
            hole = moved(part, expression.inner_mm) if expression.inner_mm > 0.0 else part
            return combined("-", moved(part, expression.outer_mm), hole)


@dataclass(frozen=True, slots=True)
class OfBuilt:
    """The quantities of a case as a metric of a built structure sees them: ``built.best``, bounded.

    Attributes
    ----------
    built : Built
    case : Treated or Cumulative
        With the dose of this plan, or the sum of all courses.
    """

    built: Built
    case: Treated | Cumulative

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        if self.built.is_exact:
            return self.case.volume(structure)
        inner, best, outer = self.built.inner, self.case.volume(self.built.best), self.case.volume(self.built.outer)
        low = self.case.volume(inner).low if inner is not None else 0.0
        return Interval(best.value, min(low, best.low), max(best.high, outer.high))

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the dose-volume histogram; NotComputable where the structure may be empty."""
        if self.built.is_exact:
            return self.case.dvh(structure)
        return nested_curves(*(self.case.dvh(bound) for bound in self._bounds()))

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        """Return the dose-volume histogram of a biologically effective dose, as ``dvh``."""
        if self.built.is_exact:
            return self.case.effective_dvh(structure, effect)
        return nested_curves(*(self.case.effective_dvh(bound, effect) for bound in self._bounds()))

    def fractions(self, structure: Structure) -> int:
        """Return the number of fractions in which the dose is given."""
        return self.case.fractions(structure)

    def prescribed_gy(self, structure: Structure) -> float:
        """Return the prescribed dose, Gy."""
        return self.case.prescribed_gy(structure)

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        """Return the volume of all tissue at or above a dose, cm3."""
        return self.case.isodose_volume(structure, level_gy)

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        """Return the highest dose at least so far outside the surface, Gy."""
        found = [self.case.maximum_beyond(bound, distance_mm) for bound in self._bounds()]
        return Interval(found[1].value, min(f.low for f in found), max(f.high for f in found))

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        """Return the targets of other lesions that may receive a dose."""
        return self.case.others_in_isodose(structure, level_gy)

    def _bounds(self) -> tuple[Structure, Structure, Structure]:
        if self.built.inner is None:
            raise NotComputable(
                f"{self.built.best.name} may hold nothing: its margin is within the error of its planes"
            )
        return self.built.inner, self.built.best, self.built.outer


def overlap(a: Built | Structure, b: Built | Structure, case: Treated) -> Interval:
    """Return the volume common to two structures, cm3."""
    (inner_a, best_a, outer_a), (inner_b, best_b, outer_b) = _bounds_of(a), _bounds_of(b)
    best = case.overlap(best_a, best_b)
    low = case.overlap(inner_a, inner_b).low if inner_a is not None and inner_b is not None else 0.0
    return Interval(best.value, min(low, best.low), max(best.high, case.overlap(outer_a, outer_b).high))


def distance(a: Built | Structure, b: Built | Structure, case: Treated) -> Interval:
    """Return the shortest distance between two structures, mm."""
    (inner_a, best_a, outer_a), (inner_b, best_b, outer_b) = _bounds_of(a), _bounds_of(b)
    best = case.separation(best_a, best_b).distance
    low = case.separation(outer_a, outer_b).distance.low
    known = inner_a is not None and inner_b is not None
    high = case.separation(inner_a, inner_b).distance.high if known else float("inf")  # type: ignore[arg-type]
    return Interval(best.value, min(low, best.low), max(best.high, high))


def _bounds_of(structure: Built | Structure) -> tuple[Structure | None, Structure, Structure]:
    if isinstance(structure, Structure):
        return structure, structure, structure
    return structure.inner, structure.best, structure.outer
