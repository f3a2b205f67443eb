"""Where bytes come from: folders of any layout, zip archives (never unpacked to disk), single files."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from sbrtcheck.errors import UnreadableFile, UnsafeArchive, UsageError

MAX_MEMBERS: Final = 50_000
MAX_UNPACKED_BYTES: Final = 8 * 2**30
# Deflate cannot exceed 1032:1, and a noise-free CT comes close to it, so a ratio alone condemns nothing small.
MAX_RATIO: Final = 200
RATIO_COUNTS_ABOVE_BYTES: Final = 256 * 2**20
ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_PRIORS: Final = "priors"
_DRIVE: Final = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to be read; its name is never shown, and decides nothing but whether it lies below ``priors``.

    Attributes
    ----------
    size : int
        Bytes.
    is_prior : bool
        Whether it belongs to an earlier course.
    open : callable
        Opens it anew, for reading.
    """

    size: int
    is_prior: bool
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Return the content.

        Raises
        ------
        UnreadableFile
            If it cannot be opened, or a packed file is damaged.
        """
        try:
            with self.open() as stream:
                return stream.read()
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise UnreadableFile("cannot be opened or unpacked") from None

    def sha256(self) -> str:
        """Return the hash of the content without holding all of it, "" where it cannot be opened."""
        try:
            with self.open() as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            return ""


def find_files(paths: Sequence[Path], *, is_prior: bool = False, without: Sequence[Path] = ()) -> list[SourceFile]:
    """Return every file below the paths, each once.

    Parameters
    ----------
    paths : sequence of Path
        Folders, zip archives or files.
    is_prior : bool
        Whether all of them belong to earlier courses; files below a folder called ``priors`` always do.
    without : sequence of Path
        Paths to leave out, because they are given in another role.

    Raises
    ------
    UsageError
        If a path does not exist.
    UnreadableFile
        If a folder cannot be opened: what lies in it could be an earlier course, or a second plan.
    UnsafeArchive
        If a zip archive is damaged, encrypted, too large, or leaves its folder.
    """
    barred = {path.resolve() for path in without}
    seen: set[Path] = set()
    found: list[SourceFile] = []
    for number, path in enumerate(paths, start=1):
        if not path.exists():
            raise UsageError(f"input {number} does not exist", remedy="Give a folder, a zip archive or files")
        for file, parents in _walk(path):
            place = file.resolve()
            if place in seen or not barred.isdisjoint((place, *place.parents)):
                continue
            seen.add(place)
            prior = is_prior or _PRIORS in parents
            if file == path and _is_zip(file):
                found.extend(_members(file, is_prior=prior))
            else:
                found.append(SourceFile(file.stat().st_size, prior, _opener(file)))
    return found


def _walk(path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield regular files, and the names of the folders between them and ``path``, in lower case."""
    if not path.is_dir():
        yield path, ()
        return
    reached = [path.resolve()]
    for folder, subfolders, names in os.walk(path, onerror=refuse_folder, followlinks=True):
        places = [Path(folder, name) for name in sorted(subfolders)]
        subfolders[:] = [p.name for p in places if not p.is_symlink() or leads_elsewhere(p, reached)]
        parents = tuple(part.lower() for part in Path(folder).relative_to(path).parts)
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file():  # neither a pipe nor a broken link
                yield file, parents


def leads_elsewhere(link: Path, reached: list[Path]) -> bool:
    """Return whether a link leads to a folder that is not looked at anyway.

    Parameters
    ----------
    link : Path
    reached : list of Path
        Folders that are looked at, with all that lies in them. Where the link leads is added, so that each place is
        reached once and circles end.
    """
    target = link.resolve()
    if any(target == one or one in target.parents or target in one.parents for one in reached):
        return False
    reached.append(target)
    return True


def refuse_folder(problem: OSError) -> None:
    """Refuse a folder that cannot be opened, for ``os.walk``, which would leave it out in silence.

    Raises
    ------
    UnreadableFile
        Always.
    """
    why = problem.strerror or type(problem).__name__
    raise UnreadableFile(f"a folder of the input cannot be opened ({why})", remedy="Let this user read it") from None


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) in ZIP_MAGIC
    except OSError:
        return False


def _members(path: Path, *, is_prior: bool) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise UnsafeArchive("the zip archive is damaged", remedy="Pack or copy it again") from None
    check_archive(members)
    for member in members:
        parents = (part.lower() for part in PurePosixPath(member.filename).parts[:-1])
        yield SourceFile(member.file_size, is_prior or _PRIORS in parents, _member_opener(path, member))


def _member_opener(path: Path, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    def open_member() -> IO[bytes]:
        with zipfile.ZipFile(path) as archive:
            # The member keeps its own handle on the file after the archive is closed.
            return archive.open(member)

    return open_member


def check_archive(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive that is too large, leads out of its folder or is encrypted.

    Raises
    ------
    UnsafeArchive
        With the reason.
    """
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    names = [member.filename.replace("\\", "/") for member in members]
    problem = ""
    if len(members) > MAX_MEMBERS:
        problem = f"it holds more than {MAX_MEMBERS} files"
    elif unpacked > MAX_UNPACKED_BYTES:
        problem = f"it would unpack to more than {MAX_UNPACKED_BYTES >> 30} GiB"
    elif unpacked > RATIO_COUNTS_ABOVE_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        problem = f"it would unpack to more than {MAX_RATIO} times its size"
    elif any(name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/") for name in names):
        problem = "it holds a path that leads out of it"
    elif any(member.flag_bits & 0x1 for member in members):
        problem = "it is encrypted"
    if problem:
        raise UnsafeArchive(f"the zip archive is refused: {problem}", remedy="Unpack it yourself and give the folder")
