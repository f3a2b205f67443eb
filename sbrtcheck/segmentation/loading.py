"""A folder of masks to structures that stand beside those of the plan: advisory anatomy.

What cannot be told apart from an error is refused with a blocking notice: whoever gives masks expects them to count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.model import Image, Structure
from sbrtcheck.results import Assumption, InputRecord, Notice
from sbrtcheck.segmentation.findings import Findings, Settled, settle
from sbrtcheck.segmentation.folder import mask_files
from sbrtcheck.segmentation.nifti import POSITION_TOLERANCE_MM
from sbrtcheck.segmentation.reading import Reader


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """Anatomy segmented by a program, and the account of how it was read.

    Attributes
    ----------
    structures : tuple of Structure
        By TG-263 name, which is their name; ROI numbers are -1001, -1002 and so on.
    inputs : tuple of InputRecord
        Every file, exactly once.
    """

    structures: tuple[Structure, ...]
    inputs: tuple[InputRecord, ...]
    assumptions: tuple[Assumption, ...]
    notices: tuple[Notice, ...]


def load_anatomy(path: Path, image: Image | None, frame_of_reference_uids: Collection[str] = ()) -> Anatomy:
    """Read the masks of a folder: NIfTI files, DICOM SEG, RT Structure Sets.

    Parameters
    ----------
    path : Path
        Folder of any layout; links are not followed.
    image : Image or None
        The planning CT. Without it NIfTI masks are refused: nothing else says where they lie.
    frame_of_reference_uids : collection of str
        Frames of the plan's structures. DICOM masks must be in one of them or in that of the CT.

    Returns
    -------
    Anatomy
        Neither the order of the files nor the names of DICOM files change anything in it.

    Raises
    ------
    UsageError
        If the folder does not exist or holds too many files, or a NIfTI mask is there and nibabel is not installed.
    """
    ledger, findings = Ledger(), Findings()
    frames = frozenset(frame_of_reference_uids) | ({image.frame_of_reference_uid} if image is not None else set())
    Reader(image, frames - {""}, ledger, findings).read(mask_files(path, ledger))
    settled = settle(findings, ledger)
    _account(settled, findings, ledger)
    _tell(settled, findings, image, ledger)
    return Anatomy(tuple(one.structure for one in settled), ledger.inputs, ledger.assumptions, ledger.notices)


def _account(settled: Sequence[Settled], findings: Findings, ledger: Ledger) -> None:
    for file in findings.files:
        names = [one.shows.name for one in settled if any(f.number == file.number for f in one.files)]
        if names:
            ledger.use(file, f"anatomy: {names[0] if len(names) == 1 else f'{len(names)} structures'}")
        ledger.ignore(file, "nothing in it is used")


def _tell(settled: Sequence[Settled], findings: Findings, image: Image | None, ledger: Ledger) -> None:
    if not settled:
        message = "No mask of the folder given as anatomy can be used"
        ledger.notice("no-anatomy", message, severity="blocking")
    else:
        taken = "; ".join(f"{s.structure.name} ({s.structure.roi_number}): {s.shows.name}" for s in settled)
        text = f"Masks are taken for organs by the name of their class, each edge known to half a voxel: {taken}"
        ledger.assume("anatomy", text, "Take the mask out of the folder")
    if findings.empty:
        ledger.notice("anatomy-empty", f"Nothing is segmented in: {', '.join(sorted(findings.empty))}", severity="info")
    if findings.unused:
        names = ", ".join(sorted(findings.unused))
        ledger.notice("anatomy-not-used", f"Classes that location does not use: {names}", severity="info")
    cut = [s.structure for s in settled if image is not None and _reaches_end(s.structure, image)]
    if cut:
        names = ", ".join(f"{structure.name} ({structure.roi_number})" for structure in cut)
        message = f"These reach the end of the planning CT, and may go on beyond it: {names}"
        ledger.notice("anatomy-cut", message, severity="info")


def _reaches_end(structure: Structure, image: Image) -> bool:
    """Whether a structure reaches the first or last row, column or slice of the CT."""
    lattice = image.lattice
    points = lattice.to_grid(np.concatenate([contour.points_mm for contour in structure.contours]))
    ticks = (lattice.i_mm, lattice.j_mm, lattice.k_mm)
    # Outlines go half a step beyond the centres of outer voxels; along K they lie on the centres.
    low = np.array([t[0] for t in ticks]) + POSITION_TOLERANCE_MM
    high = np.array([t[-1] for t in ticks]) - POSITION_TOLERANCE_MM
    return bool((points.min(axis=0) <= low).any() or (points.max(axis=0) >= high).any())
