"""What was found in the files of a folder of masks, and what becomes of it: one structure an organ, numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sbrtcheck.dicom.ledger import FileId, Ledger
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.segmentation.classes import AnatomyClass, parts_of
from sbrtcheck.segmentation.crops import Crop, outline, union

FIRST_NUMBER = -1001  # and downwards, so that they are no ROI numbers of a structure set


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One organ in one file (or, for a whole of parts, in several): a mask, or the ROI of a structure set."""

    shows: AnatomyClass
    files: tuple[FileId, ...]
    shape: Crop | Structure
    frame_of_reference_uid: str


@dataclass(slots=True)
class Findings:
    """Collects while files are read.

    Attributes
    ----------
    empty : set of str
        Classes of which a file holds nothing.
    unused : set of str
        Classes that location does not use.
    files : list of FileId
        Every file that was read as masks.
    """

    found: list[Found] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)
    unused: set[str] = field(default_factory=set)
    files: list[FileId] = field(default_factory=list)

    def add(self, shows: AnatomyClass, file: FileId, shape: Crop | Structure | None, frame: str) -> None:
        """Keep an organ; None is one of which the file holds nothing."""
        if shape is None:
            self.empty.add(shows.name)
        else:
            self.found.append(Found(shows, (file,), shape, frame))


# Half the diagonal of voxels of 1.5 x 1.5 x 5 mm, a choice: CT slices of 5 mm are thick, most are thinner.
_UNKNOWN_EDGE_MM = 2.7


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """One structure, and where it comes from."""

    structure: Structure
    shows: AnatomyClass
    files: tuple[FileId, ...]


def settle(findings: Findings, ledger: Ledger) -> tuple[Settled, ...]:
    """Return one structure an organ, by TG-263 name, with negative numbers.

    An organ that two masks claim is used from neither, with a blocking notice. Parts become their whole where all of
    them are there on one lattice, and stay parts otherwise.
    """
    single = _without_rivals(_merged(_without_rivals(findings.found, ledger)), ledger)
    settled: list[Settled] = []
    for one in sorted(single, key=lambda f: f.shows.tg263):
        try:
            structure = _structure(one)
        except NotComputable as problem:
            message = f"The mask of {one.shows.name} cannot be used: {problem.message}"
            ledger.notice("unusable-mask", message, _where(one), "blocking")
            continue
        structure = replace(structure, roi_number=FIRST_NUMBER - len(settled), origin="masks")
        settled.append(Settled(structure, one.shows, one.files))
    return tuple(settled)


def _structure(one: Found) -> Structure:
    if isinstance(one.shape, Crop):
        return outline(one.shape, one.shows.tg263, one.frame_of_reference_uid)
    # Outlines drawn round voxels, whose size they do not tell.
    return replace(one.shape, edge_error_mm=_UNKNOWN_EDGE_MM)


def _without_rivals(found: Sequence[Found], ledger: Ledger) -> list[Found]:
    """Return what is claimed once; which of two masks of one organ is right cannot be known."""
    by_name: dict[str, list[Found]] = {}
    for one in found:
        by_name.setdefault(one.shows.tg263, []).append(one)
    for name, claims in sorted(by_name.items()):
        if len(claims) > 1:
            message = f"{len(claims)} masks claim to be {name}; none of them is used. Leave one in the folder"
            where = ", ".join(sorted({_where(one) for one in claims}))
            ledger.notice("anatomy-claimed-twice", message, where, "blocking")
    return [one for one in found if len(by_name[one.shows.tg263]) == 1]


def _where(one: Found) -> str:
    return ", ".join(sorted({file.where for file in one.files}))


def _merged(found: Sequence[Found]) -> list[Found]:
    """Return what was found, with parts put together where they make a whole."""
    wholes = sorted({one.shows.whole for one in found if one.shows.whole})
    kept = list(found)
    for whole in wholes:
        parts = sorted((one for one in found if one.shows.whole == whole), key=lambda f: f.shows.tg263)
        crops = [one.shape for one in parts if isinstance(one.shape, Crop)]
        complete = {one.shows.tg263 for one in parts} == parts_of(whole) and len(crops) == len(parts)
        if not complete or len({id(crop.lattice) for crop in crops}) > 1:
            continue
        kept = [one for one in kept if one.shows.whole != whole]
        shows = AnatomyClass(" + ".join(one.shows.name for one in parts), whole)
        files = tuple({file.number: file for one in parts for file in one.files}.values())
        kept.append(Found(shows, files, union(crops), parts[0].frame_of_reference_uid))
    return kept
