"""A tree of files: what lies in each folder, looked at once and known again by names, sizes and times."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sbrtcheck.batch.store import FILE
from sbrtcheck.dicom.peek import DAMAGED, INSIDE, Peek, is_ct, is_zip, peek, peek_zip
from sbrtcheck.dicom.sources import leads_elsewhere

PRIORS: Final = ("prior", "priors")  # folders of earlier courses
# Made by macOS in archives, Windows on disks, Linux on disks, and Synology on shares.
_SYSTEM: Final = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", "@eaDir"})
ARCHIVE: Final = "zip"  # kind of an archive among the objects of a folder


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder.

    Attributes
    ----------
    place : str
        Below the root, with ``/``; "" is the root itself.
    stamp : str
        Hash of names, sizes and times of its files.
    objects : tuple of (str, Peek)
        DICOM objects by file name. Of CT slices that look alike only the first is looked into; the others have no UIDs.
        Those in an archive are named ``archive.zip!/member``.
    """

    place: str
    stamp: str
    objects: tuple[tuple[str, Peek], ...]

    @property
    def is_prior(self) -> bool:
        """Whether it holds earlier courses."""
        return not set(PRIORS).isdisjoint(self.place.lower().split("/"))


Known = Mapping[str, tuple[str, str]]  # place -> stamp and objects as JSON
Progress = Callable[[int], None]  # folders looked at


def look(root: Path, out: Path, known: Known, progress: Progress = lambda done: None) -> Iterator[Folder]:
    """Yield every folder below a root that holds files or nothing at all, in order of names.

    Parameters
    ----------
    root, out : Path
        What is to be looked at, and what is not: the results. Nor are those of other runs.
    known : mapping
        What was seen of each folder before; a folder whose stamp stays is not read again.
    """
    for number, (place, names, stamp) in enumerate(_walk(root, out.resolve()), start=1):
        before = known.get(place)
        if before is not None and before[0] == stamp:
            objects = _unpacked(before[1])
        else:
            objects = tuple(_objects(root / place, names))
        yield Folder(place, stamp, objects)
        progress(number)


def packed(folder: Folder) -> str:
    """Return the objects of a folder as they are kept."""
    return json.dumps([[n, p.kind, p.uid, p.refers_to, p.belongs_to] for n, p in folder.objects], ensure_ascii=False)


def _unpacked(text: str) -> tuple[tuple[str, Peek], ...]:
    return tuple(
        (name, Peek(kind, uid, tuple(refers_to), tuple(belongs_to)))
        for name, kind, uid, refers_to, belongs_to in json.loads(text)
    )


def _walk(root: Path, out: Path) -> Iterator[tuple[str, list[str], str]]:
    """Yield folders with the names of their files and the stamp of both."""
    waiting, reached = [(str(root), "")], [root.resolve()]
    while waiting:
        path, place = waiting.pop()
        try:
            files, folders, links = _listed(path)
        except OSError:  # the check of what it belongs to says so
            files, folders, links = [], [], []
        folders += [name for name in sorted(links) if leads_elsewhere(Path(path, name), reached)]
        if any(name == FILE for name, _, _ in files):
            continue
        if files or not folders:
            files.sort()
            yield place, [name for name, _, _ in files], hashlib.sha256(repr(files).encode()).hexdigest()
        inner = [(name, f"{place}/{name}".lstrip("/")) for name in folders if not _is_of_system(name)]
        # The last one goes first: names rise.
        waiting += [(f"{path}{os.sep}{n}", p) for n, p in sorted(inner, reverse=True) if not _same(path, n, out)]


def _is_of_system(name: str) -> bool:
    """Whether a folder is hidden, or one that a system makes for itself; nobody sent it."""
    return name.startswith(".") or name in _SYSTEM


def _listed(path: str) -> tuple[list[tuple[str, int, int]], list[str], list[str]]:
    """Return names, sizes and times of the files of a folder, the names of its folders, and of links to folders."""
    files, folders, links = [], [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_dir():
                links.append(entry.name)
            elif entry.is_file():
                found = entry.stat()
                files.append((entry.name, found.st_size, found.st_mtime_ns))
    return files, folders, links


def _same(path: str, name: str, out: Path) -> bool:
    """Whether a folder is the one of the results; most are told apart by their names."""
    return name == out.name and Path(path, name).resolve() == out


def _objects(folder: Path, names: list[str]) -> Iterator[tuple[str, Peek]]:
    slice_seen = False
    for name in names:
        path = folder / name
        if is_zip(path):
            yield from _archived(path, name)
        elif slice_seen and is_ct(path):
            yield name, Peek("CT Image", "")
        elif (found := peek(path)) is not None:
            slice_seen = slice_seen or found.kind == "CT Image"
            yield name, found


def _archived(path: Path, name: str) -> Iterator[tuple[str, Peek]]:
    """Yield an archive itself, and every object in it and in the archives that it holds."""
    yield name, Peek(ARCHIVE, "")
    for member, found in peek_zip(path):
        yield f"{name}{INSIDE}{member}", found or Peek(ARCHIVE, "")


def slices_of(root: Path, folder: Folder) -> Folder:
    """Return a folder in which every CT slice was looked into: needed where plans of several patients lie in one."""
    looked = (
        (name, (peek(root / folder.place / name) or DAMAGED) if one.kind == "CT Image" and not one.uid else one)
        for name, one in folder.objects
    )
    return Folder(folder.place, folder.stamp, tuple(looked))
