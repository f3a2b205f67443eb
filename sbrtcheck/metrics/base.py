"""What a metric is, what it may ask for, and what it may say beside its value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


class Quantities(Protocol):
    """What metrics ask of the derived quantities of a case; every method raises NotComputable."""

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        ...

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the dose-volume histogram."""
        ...

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        """Return the dose-volume histogram of a biologically effective dose."""
        ...

    def fractions(self, structure: Structure) -> int:
        """Return the number of fractions in which the dose is given."""
        ...

    def prescribed_gy(self, structure: Structure) -> float:
        """Return the prescribed dose, Gy."""
        ...

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        """Return the volume of all tissue at or above a dose, cm3."""
        ...

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        """Return the highest dose at least so far outside the surface, Gy."""
        ...

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        """Return the targets of other lesions that may receive a dose."""
        ...


class Metric(Protocol):
    """A number of one structure, with its unit."""

    @property
    def unit(self) -> str:
        """Unit of the value: ``Gy``, ``%``, ``cc`` or empty."""
        ...

    def compute(self, structure: Structure, derived: Quantities) -> Interval:
        """Return the metric of one structure; raises NotComputable."""
        ...


@runtime_checkable
class Notated(Metric, Protocol):
    """What every metric module's ``METRIC`` class offers.

    Its fields are the named groups of ``notation``; a field annotated ``float`` receives a number, any other the text.
    """

    id: ClassVar[str]
    notation: ClassVar[re.Pattern[str]]
    examples: ClassVar[tuple[str, ...]]


@runtime_checkable
class OfDoseInGy(Protocol):
    """A metric that may be taken of a biologically effective dose: it follows from the DVH in Gy alone.

    ``in_gy`` is False where its own text asks for percent of the prescription, which is a physical dose.
    """

    @property
    def in_gy(self) -> bool:
        """Whether neither limit nor value is in percent of the prescription."""
        ...


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader must know to understand a value, and what would decide where a limit lies inside its bounds."""

    text: str
    would_decide: str = ""


@runtime_checkable
class Remarked(Protocol):
    """A metric that has something to say beside its value."""

    def remarks(self, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
        """Return what the reader must know of the value of one structure; raises NotComputable as ``compute`` does."""
        ...


def remarks(metric: object, structure: Structure, derived: Quantities) -> tuple[Remark, ...]:
    """Return what a metric has to say beside its value, nothing for most."""
    return metric.remarks(structure, derived) if isinstance(metric, Remarked) else ()
