"""One plan among many: where its files are, and by what they are known again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Submission:
    """One plan of a tree of submissions.

    Attributes
    ----------
    name : str
        Its place below the root, with ``/``; where one folder holds several plans, ``#`` and a part of the hash of the
        plan's UID follow. Unique within a batch.
    sources : tuple of str
        Folder, zip archive or files, or their fsspec URLs.
    plan_uid : str or None
        SOP instance UID of the plan, which is to be taken where the sources hold several; None where there is none.
    stamp : str
        Hash of the names, sizes and times of the files: while it stays, the content is taken to stay.
    prior : tuple of str
        Folders of earlier courses that lie beside the sources.
    declared : str
        Content of the file of declared facts, TOML; "" where there is none.
    centre : str
        Who sent it; "" where that is not known.
    problem : str
        Why nothing can be checked (no plan in a folder of DICOM files, for example); "" otherwise.
    """

    name: str
    sources: tuple[str, ...]
    plan_uid: str | None
    stamp: str
    prior: tuple[str, ...] = ()
    declared: str = ""
    centre: str = ""
    problem: str = ""

    @property
    def id(self) -> str:
        """Name of its folder among the results: the same for the same place, and free of whatever a name may hold."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]
