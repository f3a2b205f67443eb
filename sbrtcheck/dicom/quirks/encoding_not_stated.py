"""The file does not say how it is encoded: no meta information, no transfer syntax, or a wrong one."""

from __future__ import annotations

from typing import ClassVar

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.quirks import Quirk


class EncodingNotStated(Quirk):
    """Seen in Monaco exports and in files of old toolkits; the encoding that fits every byte is used."""

    id: ClassVar[str] = "encoding-not-stated"
    says: ClassVar[str] = "The file does not state its transfer syntax rightly; the one that fits all of it was used"
    source: ClassVar[str] = "Monaco structure sets and plans in the pymedphys test data; OnkoDICOM spatial_reg.dcm"

    def in_document(self, document: Document) -> bool:
        """Whether the encoding had to be found by trial."""
        return bool(document.parsed.guessed)


QUIRK = EncodingNotStated()
