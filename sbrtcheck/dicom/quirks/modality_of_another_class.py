"""The Modality is not that of the SOP class: a structure set that calls itself RTDOSE."""

from __future__ import annotations

from typing import ClassVar, Literal

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.quirks import Quirk


class ModalityOfAnotherClass(Quirk):
    """Seen in RT Structure Sets written by OpenTPS; the SOP class decides."""

    id: ClassVar[str] = "modality-of-another-class"
    says: ClassVar[str] = "The Modality stated is not that of the SOP class; the SOP class was followed"
    source: ClassVar[str] = "OpenTPS test data, SimpleFantomWithStruct"
    severity: ClassVar[Literal["info", "warning", "blocking"]] = "warning"

    def in_document(self, document: Document) -> bool:
        """Whether both are stated and disagree."""
        stated = document.root.code("Modality")
        return bool(stated and document.kind.modality and stated != document.kind.modality)


QUIRK = ModalityOfAnotherClass()
