"""What a file is and what it refers to, read as little as that needs: for finding plans among many files."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Final
from zipfile import BadZipFile, ZipFile

from sbrtcheck.dicom.document import Kind, kind_of
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.sources import ZIP_MAGIC, check_archive
from sbrtcheck.dicom.stream import NotDicom, parse, stated_uids
from sbrtcheck.errors import UnreadableFile, UnsafeArchive

_HEAD_BYTES: Final = 1024  # holds the file meta information, which states the class
INSIDE: Final = "!/"  # between an archive and what lies in it
_DEEPEST: Final = 2  # archives in archives; nobody packs more
_CT: Final = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True, slots=True)
class Peek:
    """One DICOM object among many.

    Attributes
    ----------
    kind : str
        Value of ``Kind``; "damaged" where it looks like DICOM and cannot be read.
    uid : str
        SOP instance UID.
    refers_to : tuple of str
        UIDs of objects and series that it names.
    belongs_to : tuple of str
        UIDs of its study, series and frames of reference: objects of one patient share them.
    """

    kind: str
    uid: str
    refers_to: tuple[str, ...] = ()
    belongs_to: tuple[str, ...] = ()


DAMAGED: Final = Peek("damaged", "")


def is_ct(path: Path) -> bool:
    """Return whether the first bytes of a file call it a CT slice: of these, not all need be looked at."""
    with suppress(OSError), path.open("rb") as stream:
        return stated_uids(stream.read(_HEAD_BYTES))[0] == _CT
    return False


def peek(path: Path) -> Peek | None:
    """Return what a file is; None where it is no DICOM."""
    try:
        return _of(path.read_bytes())
    except OSError:
        return DAMAGED


def is_zip(path: Path) -> bool:
    """Return whether a file is a zip archive, by its first bytes."""
    with suppress(OSError), path.open("rb") as stream:
        return stream.read(4) in ZIP_MAGIC
    return False


def peek_zip(path: Path | IO[bytes], within: str = "") -> Iterator[tuple[str, Peek | None]]:
    """Yield what lies in a zip archive and in the archives that it holds.

    Slices of CT are told by their first bytes and not unpacked.

    Parameters
    ----------
    path : Path or file
    within : str
        Name of the archive among those that hold it.

    Yields
    ------
    tuple
        Name (``inner.zip!/folder/member`` for what lies in an inner archive), and what it is; None for an archive.
    """
    try:
        with ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            check_archive(members)
            for member in sorted(members, key=lambda m: m.filename):
                name = f"{within}{member.filename}"
                with archive.open(member) as stream:
                    head = stream.read(_HEAD_BYTES)
                    if stated_uids(head)[0] == _CT:
                        yield name, Peek(Kind.CT, "")
                    elif head[:4] in ZIP_MAGIC and not within.count(INSIDE) > _DEEPEST:
                        yield name, None
                        yield from peek_zip(BytesIO(head + stream.read()), f"{name}{INSIDE}")
                    elif (found := _of(head + stream.read())) is not None:
                        yield name, found
    except (BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, UnsafeArchive, zlib.error):
        yield f"{within}?", DAMAGED


def unpack_inner(name: str, folder: Path) -> Path:
    """Unpack an archive that lies in another: ``outer.zip!/inner.zip``.

    Raises
    ------
    UnsafeArchive
        If one of them is damaged, encrypted or too large.
    """
    outer, *inner = name.split(INSIDE)
    here = Path(outer)
    for number, member in enumerate(inner):
        target = folder / f"{number}.zip"
        try:
            with ZipFile(here) as archive:
                check_archive([m for m in archive.infolist() if not m.is_dir()])
                with archive.open(member) as stream, target.open("wb") as file:
                    shutil.copyfileobj(stream, file)
        except (BadZipFile, OSError, ValueError, KeyError, RuntimeError, NotImplementedError, EOFError, zlib.error):
            raise UnsafeArchive("the zip archive is damaged", remedy="Pack or copy it again") from None
        here = target
    return here


def _of(data: bytes) -> Peek | None:
    try:
        root = parse(data).root
        return Peek(kind_of(root), root.uid("SOPInstanceUID"), tuple(_references(root)), tuple(_groups(root)))
    except NotDicom:
        return None
    except UnreadableFile:
        return DAMAGED


def _references(root: Node) -> list[str]:
    """Return the objects and series that an object refers to."""
    found = {
        item.uid("ReferencedSOPInstanceUID")
        for keyword in ("ReferencedStructureSetSequence", "ReferencedRTPlanSequence")
        for item in root.items(keyword)
    }
    for frame in root.items("ReferencedFrameOfReferenceSequence"):
        for study in frame.items("RTReferencedStudySequence"):
            found |= {series.uid("SeriesInstanceUID") for series in study.items("RTReferencedSeriesSequence")}
    return sorted(found - {""})


def _groups(root: Node) -> list[str]:
    found = {root.uid("StudyInstanceUID"), root.uid("SeriesInstanceUID"), root.uid("FrameOfReferenceUID")}
    for keyword in ("ReferencedFrameOfReferenceSequence", "RegistrationSequence", "DeformableRegistrationSequence"):
        found |= {item.uid("FrameOfReferenceUID") for item in root.items(keyword)}
    found |= {item.uid("SourceFrameOfReferenceUID") for item in root.items("DeformableRegistrationSequence")}
    return sorted(found - {""})
