"""Oddities of planning systems, one module each; every one that is met leaves a notice.

A module ends in ``QUIRK``, an object of a class derived from :class:`Quirk` that overrides what it concerns; nothing
else is edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from sbrtcheck.dicom.document import Document
from sbrtcheck.model import Prescription, StructureSet, TpsDvh


@dataclass(frozen=True, slots=True)
class StatedPrescription:
    """A prescription found where the standard does not put it.

    Attributes
    ----------
    fraction_group : int
        Number of the fraction group that it belongs to.
    percent : float
        Isodose, in percent of the dose at the beam dose points, to which it is prescribed.
    roi_number : int
        ROI whose name states it.
    """

    prescription: Prescription
    fraction_group: int
    percent: float
    roi_number: int


class Quirk:
    """What every quirk module's ``QUIRK`` offers; each method here does nothing.

    Attributes
    ----------
    id : str
        Code of the notice.
    says : str
        The notice, one sentence.
    source : str
        Files or documents in which the quirk was seen.
    """

    id: ClassVar[str]
    says: ClassVar[str]
    source: ClassVar[str]
    severity: ClassVar[Literal["info", "warning", "blocking"]] = "info"

    def in_document(self, document: Document) -> bool:
        """Whether one object shows the quirk, where telling the reader is all there is to do."""
        return False

    def holds_plan_total(self, document: Document) -> bool:
        """Whether a lone RT Dose that is not of type PLAN holds the dose of the whole plan."""
        return False

    def prescriptions(self, plan: Document, structures: StructureSet | None) -> tuple[StatedPrescription, ...]:
        """Return prescriptions of a plan without dose references, read from elsewhere."""
        return ()

    def gy_per_statistic(self, dvhs: Sequence[TpsDvh], prescribed_gy: Sequence[float]) -> float | None:
        """Return what turns stored DVH statistics into Gy where they contradict their own curves."""
        return None


@cache
def all_quirks() -> tuple[Quirk, ...]:
    """Return the ``QUIRK`` of every module beside this one, by name of the module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").QUIRK for name in names)
