"""From what the user names to what a batch runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sbrtcheck.batch.finding import find_submissions
from sbrtcheck.batch.remote import find_remote, is_url
from sbrtcheck.batch.store import Store
from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.task import Setup
from sbrtcheck.batch.tree import look, packed
from sbrtcheck.errors import UsageError
from sbrtcheck.naming.site import load_site
from sbrtcheck.protocol.declared_csv import read_declared_csv
from sbrtcheck.protocol.loading import library, load_protocol, load_protocols


def gather(
    root: str | Path,
    out: Path,
    protocols: Sequence[str],
    *,
    site: Path | None = None,
    declared: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[tuple[Submission, ...], Setup]:
    """Return the submissions below a root, and what they are all checked with.

    Parameters
    ----------
    root : str or Path
        Folder, or the URL of one.
    out : Path
        Folder of the results; what was seen of the root before is kept there.
    protocols : sequence of str
        Library ids or TOML files.
    site, declared : Path, optional
        Site file; CSV of declared facts.
    progress : callable
        Called with the number of folders looked at.

    Raises
    ------
    SbrtcheckError
        If a protocol or a file cannot be used, or the root is no folder or holds nothing.
    """
    remote = isinstance(root, str) and is_url(root)
    if not remote and not Path(root).is_dir():
        raise UsageError("the root is no folder", remedy="Name the folder that holds the submissions")
    for name in protocols:
        load_protocol(name)  # what is wrong with it is told before anything is checked
    if site is not None:
        load_site(site)
    shipped = tuple(
        (name, None) if name in library() else (Path(name).name, Path(name).read_bytes()) for name in protocols
    )
    setup = Setup(shipped, None if site is None else site.read_bytes())
    facts = read_declared_csv(declared.read_bytes(), load_protocols(protocols)) if declared is not None else {}
    found = find_remote(str(root), facts) if remote else _below(Path(root), out, facts, progress)
    if not found:  # as where a disk is not mounted: what was checked before must not be taken for gone
        raise UsageError(
            "there is no submission below the root: no folder, no DICOM file and no zip archive",
            remedy="Name the folder that holds the submissions",
        )
    return found, setup


def _below(root: Path, out: Path, facts: Mapping[str, str], progress: Callable[[int], None]) -> tuple[Submission, ...]:
    store = Store(out)
    try:
        folders = list(look(root, out, store.seen(), progress))
        store.remember_seen({f.place: (f.stamp, packed(f)) for f in folders})
    finally:
        store.close()
    return find_submissions(root, folders, facts)
