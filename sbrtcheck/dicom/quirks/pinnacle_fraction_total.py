"""Pinnacle writes the dose of the whole plan with Dose Summation Type FRACTION."""

from __future__ import annotations

from typing import ClassVar

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.quirks import Quirk
from sbrtcheck.dicom.quirks.pinnacle_prescription_names import is_pinnacle


class PinnacleFractionTotal(Quirk):
    """A lone FRACTION dose of Pinnacle is the plan total: multiplying it by the fractions would be wrong."""

    id: ClassVar[str] = "pinnacle-fraction-total"
    says: ClassVar[str] = (
        "A lone FRACTION dose written by Pinnacle holds the dose of the whole plan and was taken as such"
    )
    source: ClassVar[str] = "Issue list of this project: faults of other tools with Pinnacle exports"

    def holds_plan_total(self, document: Document) -> bool:
        """Whether Pinnacle wrote this FRACTION dose."""
        return is_pinnacle(document) and document.root.code("DoseSummationType") == "FRACTION"


QUIRK = PinnacleFractionTotal()
