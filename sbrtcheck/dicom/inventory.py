"""What is in the input: every file read once, identified by its content, and accounted for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sbrtcheck.dicom.document import Document, Kind, make_document, modality_of_class
from sbrtcheck.dicom.image import CtSlice, read_slice
from sbrtcheck.dicom.ledger import FileId, Ledger
from sbrtcheck.dicom.quirks import all_quirks
from sbrtcheck.dicom.sources import ZIP_MAGIC, SourceFile
from sbrtcheck.dicom.stream import MAX_BYTES, NotDicom, parse, stated_uids
from sbrtcheck.errors import DuplicateInstance, MixedPatients, UnreadableFile

Progress = Callable[[int, int], None]  # files read, files in all

_RT: Final = (Kind.PLAN, Kind.ION_PLAN, Kind.DOSE, Kind.STRUCTURES)
# First bytes of files that often lie beside DICOM and are certainly something else.
_KNOWN: Final = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x01Bud1", "a folder setting"),
    (b"\x00\x05\x16\x07", "a folder setting"),
    (b"\xd0\xcf\x11\xe0", "an office document or picture cache"),
)
_ARCHIVES: Final = (*ZIP_MAGIC, b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
_OFFICE: Final = b"[Content_Types].xml"  # the first member of zipped office documents
_RT_MODALITIES: Final = frozenset(("RTPLAN", "RTDOSE", "RTSTRUCT"))


@dataclass(slots=True)
class Stock:
    """The objects of a submission (or of its earlier courses), each instance once, by UID."""

    documents: list[Document] = field(default_factory=list)
    slices: list[CtSlice] = field(default_factory=list)
    dicom_files: int = 0

    def of(self, *kinds: Kind) -> list[Document]:
        """Return the documents of some kinds."""
        return [d for d in self.documents if d.kind in kinds]


def take_stock(files: Sequence[tuple[int, SourceFile]], ledger: Ledger, progress: Callable[[int], None]) -> Stock:
    """Read and identify files.

    Parameters
    ----------
    files : sequence of (int, SourceFile)
        Each with a number that is unique within the reading.
    progress : callable
        Told the number of files read so far.

    Raises
    ------
    DuplicateInstance
        If two files with different content carry one SOP instance UID.
    """
    stock = Stock()
    for done, (number, source) in enumerate(files, start=1):
        _read_one(source, number, stock, ledger)
        progress(done)
    _drop_copies(stock, ledger)
    stock.documents.sort(key=lambda d: d.uid)
    stock.slices.sort(key=lambda s: s.file.sop_instance_uid)
    for document in stock.documents:
        for quirk in all_quirks():
            if quirk.in_document(document):
                ledger.notice(quirk.id, quirk.says, document.uid, quirk.severity)
    return stock


def _read_one(source: SourceFile, number: int, stock: Stock, ledger: Ledger) -> None:
    anonymous = FileId(number, "", "", "", source.is_prior)
    if source.size > MAX_BYTES:
        anonymous = FileId(number, "", "", source.sha256(), source.is_prior)
        ledger.refuse(anonymous, UnreadableFile("the file is larger than 1 GiB"))
        return
    try:
        data = source.read()
    except UnreadableFile as problem:
        ledger.refuse(anonymous, problem)
        return
    sha256 = hashlib.sha256(data).hexdigest()
    anonymous = FileId(number, "", "", sha256, source.is_prior)
    try:
        document = make_document(number, data, sha256, parse(data), is_prior=source.is_prior)
    except NotDicom:
        _account_for_other(anonymous, data, ledger)
        return
    except UnreadableFile as problem:
        sop_class, uid = stated_uids(data)
        ledger.refuse(FileId(number, uid, modality_of_class(sop_class), sha256, source.is_prior), problem)
        return
    stock.dicom_files += 1
    _shelve(document, source, stock, ledger)


def _shelve(document: Document, source: SourceFile, stock: Stock, ledger: Ledger) -> None:
    if document.kind is Kind.OTHER:
        if document.file.modality in _RT_MODALITIES:
            ledger.refuse(document.file, UnreadableFile("its SOP class is unknown and does not fit its modality"))
        elif "DirectoryRecordSequence" in document.root:
            ledger.ignore(document.file, "a media directory is not used")
        else:
            ledger.ignore(document.file, f"objects of modality {document.file.modality or '(none)'} are not used")
        return
    if not document.uid:
        ledger.refuse(document.file, UnreadableFile("there is no SOP Instance UID", remedy="Export the object again"))
        return
    if document.kind is not Kind.CT:
        stock.documents.append(document)
        return
    try:
        stock.slices.append(read_slice(document, source))
    except UnreadableFile as problem:
        ledger.refuse(document.file, problem)


def _account_for_other(file: FileId, data: bytes, ledger: Ledger) -> None:
    known = next((what for magic, what in _KNOWN if data.startswith(magic)), "")
    if data.startswith(_ARCHIVES) and _OFFICE not in data[:100]:
        ledger.ignore(file, "an archive inside the input is not opened")
        message = "An archive inside the input is not opened. Unpack it, or give it by name if it is a zip"
        ledger.notice("nested-archive", message, file.where, "blocking")
    elif known or data.startswith(ZIP_MAGIC):
        known = known or "an office document"
        ledger.ignore(file, f"{known}, not DICOM")
    elif data and _is_text(data):
        ledger.ignore(file, "text, not DICOM")
    else:
        ledger.refuse(file, UnreadableFile("neither DICOM nor text: empty, damaged or of an unknown kind"))


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(ord(c) < 32 and c not in "\t\n\r\f" for c in text)


def _drop_copies(stock: Stock, ledger: Ledger) -> None:
    """Keep one file of each instance; which of two identical copies makes no difference."""
    kept: dict[str, FileId] = {}
    clashing: set[str] = set()
    copies: set[int] = set()
    for file in [d.file for d in stock.documents] + [s.file for s in stock.slices]:
        first = kept.setdefault(file.sop_instance_uid, file)
        if first is file:
            continue
        if first.sha256 != file.sha256:
            clashing.add(file.sop_instance_uid)
        copies.add(file.number)
        ledger.ignore(file, "an identical copy of another file")
    if clashing:
        one = len(clashing) == 1
        raise DuplicateInstance(
            f"{len(clashing)} SOP instance UID{' stands' if one else 's stand'} on files with different content",
            remedy="Leave only one of each in the input",
            where=", ".join(sorted(clashing)[:5]),
        )
    stock.documents = [d for d in stock.documents if d.file.number not in copies]
    stock.slices = [s for s in stock.slices if s.file.number not in copies]


def check_one_patient(stock: Stock, ledger: Ledger, others: Sequence[Document] = ()) -> None:
    """Refuse RT objects of more than one patient; tell where an object does not say whose it is.

    Parameters
    ----------
    others : sequence of Document
        Objects of the plan itself, when ``stock`` holds earlier courses.

    Raises
    ------
    MixedPatients
        If two RT objects certainly belong to different patients.
    """
    own = stock.of(*_RT)
    everything = [*own, *others]
    for document in own:
        if document.identity.is_empty:
            ledger.notice("patient-unknown", "The object does not say whose it is", document.uid)
        for other in everything:
            if document.identity.contradicts(other.identity):
                raise MixedPatients(
                    "the plans, structures and doses belong to more than one patient",
                    remedy="Give the files of one patient only",
                    where=", ".join(sorted((document.uid, other.uid))),
                )
            if document.identity.differs_in_name(other.identity):
                ledger.notice("patient-name-differs", "One patient ID stands beside two names", severity="blocking")


def rt_documents(stock: Stock) -> list[Document]:
    """Return plans, doses and structure sets."""
    return stock.of(*_RT)


def drop_strangers(stock: Stock, patient: Sequence[Document], ledger: Ledger) -> None:
    """Take images and registrations of another patient than the RT objects out of the stock, with a blocking notice."""
    reason = "it belongs to another patient than the plans, structures and doses"
    strange = {s.file for s in stock.slices if any(s.identity.contradicts(d.identity) for d in patient)}
    strange |= {
        d.file
        for d in stock.of(Kind.REGISTRATION, Kind.DEFORMABLE)
        if any(d.identity.contradicts(other.identity) for other in patient)
    }
    for file in strange:
        ledger.ignore(file, reason)
    for series in {s.series_uid for s in stock.slices if s.file in strange}:
        ledger.notice("image-of-another-patient", f"The CT series is not used: {reason}", series, "blocking")
    for document in stock.documents:
        if document.file in strange:
            ledger.notice("registration-of-another-patient", f"Not used: {reason}", document.uid, "blocking")
    stock.slices = [s for s in stock.slices if s.file not in strange]
    stock.documents = [d for d in stock.documents if d.file not in strange]
