"""The files of a folder of masks: every one accounted for, none followed out of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sbrtcheck.dicom.ledger import FileId, Ledger
from sbrtcheck.dicom.sources import SourceFile, refuse_folder
from sbrtcheck.dicom.stream import MAX_BYTES
from sbrtcheck.errors import UnreadableFile, UsageError

# A choice of this program: the largest task has 117 classes, so more is not the folder that was meant.
MAX_FILES = 2000
_NIFTI = (".nii.gz", ".nii")
_TABLES = (".json", ".csv")


@dataclass(frozen=True, slots=True)
class MaskFile:
    """One regular file.

    Attributes
    ----------
    stem : str
        Its name without suffix, which names the class of a NIfTI mask. Never shown: it may hold the name of a patient.
    folder : str
        Folder that it lies in, below the one given.
    suffix : str
        ``.nii`` (packed or not), ``.json``, ``.csv`` or "".
    """

    number: int
    folder: str
    stem: str
    suffix: str
    source: SourceFile

    def read(self) -> tuple[FileId, bytes]:
        """Return the file's identity and content.

        Raises
        ------
        UnreadableFile
            If it cannot be opened, or has more than 1 GiB.
        """
        if self.source.size > MAX_BYTES:
            raise UnreadableFile("the file is larger than 1 GiB")
        data = self.source.read()
        return self.identity(hashlib.sha256(data).hexdigest()), data

    def identity(self, sha256: str) -> FileId:
        """Return how messages name the file."""
        return FileId(self.number, "", "NIFTI" if self.suffix == ".nii" else "", sha256)


def mask_files(path: Path, ledger: Ledger) -> list[MaskFile]:
    """Return the regular files below a folder, by folder and name; links are recorded as ignored.

    Raises
    ------
    UsageError
        If it is no folder, or holds too many files.
    """
    if not path.is_dir():
        raise UsageError("the folder of masks does not exist", remedy="Give the folder that TotalSegmentator wrote")
    found = []
    for number, (folder, name) in enumerate(_walk(path)):
        if number >= MAX_FILES:
            raise UsageError(f"the folder of masks holds more than {MAX_FILES} files", remedy="Give the masks only")
        place = path / folder / name
        if place.is_symlink() or not place.is_file():
            ledger.ignore(FileId(number, "", "", ""), "a link or special file is not followed")
            continue
        suffix = next((s for s in (*_NIFTI, *_TABLES) if name.lower().endswith(s)), "")
        stem = name[: len(name) - len(suffix)]
        source = SourceFile(place.stat().st_size, is_prior=False, open=_opener(place))
        found.append(MaskFile(number, folder, stem, ".nii" if suffix in _NIFTI else suffix, source))
    return found


def _opener(place: Path) -> Callable[[], IO[bytes]]:
    return lambda: place.open("rb")


def _walk(path: Path) -> Iterator[tuple[str, str]]:
    """Yield folder and name of each entry that is no folder; links to folders count as entries."""
    for folder, subfolders, names in os.walk(path, onerror=refuse_folder):
        here = str(Path(folder).relative_to(path))
        subfolders.sort()
        links = [name for name in subfolders if Path(folder, name).is_symlink()]  # not walked into
        for name in sorted(names + links):
            yield here, name
