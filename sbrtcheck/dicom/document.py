"""One DICOM object of a submission: what it is, whose it is, and its data set."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sbrtcheck.dicom.ledger import FileId
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.stream import Parsed


class Kind(StrEnum):
    """What an object is, by its SOP class."""

    PLAN = "RT Plan"
    ION_PLAN = "RT Ion Plan"
    DOSE = "RT Dose"
    STRUCTURES = "RT Structure Set"
    CT = "CT Image"
    REGISTRATION = "Spatial Registration"
    DEFORMABLE = "Deformable Spatial Registration"
    OTHER = "other"

    @property
    def modality(self) -> str:
        """The Modality that objects of this kind should state, "" where it varies."""
        return _MODALITY.get(self, "")


_MODALITY: Final = {
    Kind.PLAN: "RTPLAN",
    Kind.ION_PLAN: "RTPLAN",
    Kind.DOSE: "RTDOSE",
    Kind.STRUCTURES: "RTSTRUCT",
    Kind.CT: "CT",
    Kind.REGISTRATION: "REG",
    Kind.DEFORMABLE: "REG",
}
# PS3.4 table B.5-1
_SOP_CLASSES: Final = {
    "1.2.840.10008.5.1.4.1.1.481.5": Kind.PLAN,
    "1.2.840.10008.5.1.4.1.1.481.8": Kind.ION_PLAN,
    "1.2.840.10008.5.1.4.1.1.481.2": Kind.DOSE,
    "1.2.840.10008.5.1.4.1.1.481.3": Kind.STRUCTURES,
    "1.2.840.10008.5.1.4.1.1.2": Kind.CT,
    "1.2.840.10008.5.1.4.1.1.66.1": Kind.REGISTRATION,
    "1.2.840.10008.5.1.4.1.1.66.3": Kind.DEFORMABLE,
}
_BY_MODALITY: Final = {"RTDOSE": Kind.DOSE, "RTSTRUCT": Kind.STRUCTURES, "CT": Kind.CT}
_MODALITY_CODE: Final = re.compile(r"[A-Z0-9_ ]{1,16}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose an object is, as hashes that can be compared and not read; "" where the file does not say."""

    patient_id: str
    name: str
    birth_date: str

    def contradicts(self, other: Identity) -> bool:
        """Whether the two certainly belong to different patients."""
        pairs = [(self.patient_id, other.patient_id), (self.birth_date, other.birth_date)]
        if not (self.patient_id and other.patient_id):
            pairs.append((self.name, other.name))
        return any(a and b and a != b for a, b in pairs)

    def differs_in_name(self, other: Identity) -> bool:
        """Whether the names differ, as they do after a change of name and between systems that spell differently."""
        return bool(self.name and other.name and self.name != other.name)

    @property
    def is_empty(self) -> bool:
        """Whether the object does not say whose it is."""
        return not (self.patient_id or self.name)


def identity_of(root: Node) -> Identity:
    """Return the hashed identity of a data set."""
    name = re.sub(r"[\s^]+", " ", root.text("PatientName").split("=")[0])
    return Identity(_hidden(root.text("PatientID")), _hidden(name), _hidden(root.text("PatientBirthDate")))


def _hidden(text: str) -> str:
    plain = text.strip().casefold()
    return hashlib.sha256(plain.encode()).hexdigest() if plain else ""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One object, parsed.

    Attributes
    ----------
    data : bytes
        The whole file, for the codecs of compressed pixel data.
    """

    file: FileId
    kind: Kind
    identity: Identity
    parsed: Parsed
    data: bytes

    @property
    def root(self) -> Node:
        """The data set."""
        return self.parsed.root

    @property
    def uid(self) -> str:
        """SOP instance UID."""
        return self.file.sop_instance_uid

    @property
    def label(self) -> str:
        """The label that the planning system gave it, for lists to choose from."""
        keyword = {Kind.STRUCTURES: "StructureSetLabel", Kind.DOSE: "DoseSummationType"}.get(self.kind, "RTPlanLabel")
        return self.root.text(keyword)


def kind_of(root: Node) -> Kind:
    """Return what a data set is: by SOP class or, only where it states none, by Modality."""
    sop_class = root.uid("SOPClassUID")
    if sop_class:
        return _SOP_CLASSES.get(sop_class, Kind.OTHER)
    modality = root.code("Modality")
    if modality == "RTPLAN":
        return Kind.ION_PLAN if "IonBeamSequence" in root else Kind.PLAN
    return _BY_MODALITY.get(modality, Kind.OTHER)


def modality_of_class(sop_class: str) -> str:
    """Return the modality of a SOP class, "" where it is not read."""
    return _SOP_CLASSES.get(sop_class, Kind.OTHER).modality


def modality_of(root: Node, kind: Kind) -> str:
    """Return the modality to show: of the SOP class, else as stated where it is a proper code."""
    stated = root.code("Modality")
    return kind.modality or (stated if _MODALITY_CODE.fullmatch(stated) else "")


def make_document(number: int, data: bytes, sha256: str, parsed: Parsed, *, is_prior: bool) -> Document:
    """Return the document of a parsed file.

    Raises
    ------
    UnreadableFile
        If one of its UIDs is not a UID.
    """
    root = parsed.root
    kind = kind_of(root)
    file = FileId(number, root.uid("SOPInstanceUID"), modality_of(root, kind), sha256, is_prior)
    return Document(file, kind, identity_of(root), parsed, data)
