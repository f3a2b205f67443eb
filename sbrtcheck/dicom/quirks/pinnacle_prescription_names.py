"""Pinnacle writes no dose references: its prescriptions stand in the names of POINT ROIs.

``rx 1: H&N PTV1 50 Gy:  200 cGy x 25 to 96%: pt: Calc Point`` is prescription 1, of fraction group 1: 25 fractions of
200 cGy, to the isodose of 96 % of the dose at the point.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.quirks import Quirk, StatedPrescription
from sbrtcheck.model import Prescription, Structure, StructureSet

_NAME: Final = re.compile(
    r"rx (?P<group>\d{1,3}): (?P<target>.*?): *(?P<cgy>\d{1,5}(?:\.\d{1,4})?) cGy x (?P<fractions>\d{1,3})"
    r" to (?P<percent>\d{1,3}(?:\.\d{1,4})?)%"
)


def is_pinnacle(document: Document) -> bool:
    """Whether Pinnacle wrote the object: its maker was ADAC, then Philips."""
    maker = f"{document.root.text('Manufacturer')} {document.root.text('ManufacturerModelName')}".upper()
    return "ADAC" in maker or "PINNACLE" in maker


class PinnaclePrescriptionNames(Quirk):
    """Each stated dose is checked against the beam doses of its fraction group by the caller."""

    id: ClassVar[str] = "pinnacle-prescription-names"
    says: ClassVar[str] = "The prescriptions were read from the names of POINT ROIs, where Pinnacle writes them"
    source: ClassVar[str] = "Pinnacle 9.10 head-and-neck set in the DVH Analytics test files"

    def prescriptions(self, plan: Document, structures: StructureSet | None) -> tuple[StatedPrescription, ...]:
        """Return the prescriptions in ROI names, by fraction group; () if any group is stated twice."""
        if structures is None or not is_pinnacle(plan):
            return ()
        stated = [found for s in structures.structures if (found := _stated(s)) is not None]
        stated.sort(key=lambda one: one.fraction_group)
        groups = [one.fraction_group for one in stated]
        return tuple(stated) if len(set(groups)) == len(groups) else ()


def _stated(structure: Structure) -> StatedPrescription | None:
    match = _NAME.match(structure.name)
    if match is None or [c.geometric_type for c in structure.contours] != ["POINT"]:
        return None
    fractions = int(match["fractions"])
    dose_gy = float(match["cgy"]) * fractions / 100.0
    percent = float(match["percent"])
    if dose_gy <= 0 or percent <= 0:
        return None
    prescription = Prescription(dose_gy, fractions, None, match["target"].strip(), "roi-name")
    return StatedPrescription(prescription, int(match["group"]), percent, structure.roi_number)


QUIRK = PinnaclePrescriptionNames()
