"""RT Dose: one object to dose in Gy on a lattice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.grid import axes_of, frame_offsets, lattice_of, position_of, spacing_of
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.pixels import is_lossy, shape_of, stored_values
from sbrtcheck.errors import UnusableDose
from sbrtcheck.model import Dose, DoseArray, Lattice, frozen

GREATEST_GY: Final = 1e5  # a choice of this program: far beyond any course, so only damage or a wrong unit
# PS3.3 C.8.8.3, Dose Summation Type: each of these is the entire delivery of what it names.
SUMMABLE: Final = ("PLAN", "FRACTION", "BEAM")


@dataclass(frozen=True, slots=True)
class DoseHeader:
    """What an RT Dose says of itself besides its grid.

    Attributes
    ----------
    plan_uids, structure_set_uids : tuple of str
        What it refers to.
    fraction_groups, beams : tuple of int
        Numbers of the fraction groups and beams whose delivery it holds; () where it does not say.
    """

    document: Document
    summation: str
    kind: str
    frame_of_reference_uid: str
    plan_uids: tuple[str, ...]
    structure_set_uids: tuple[str, ...]
    fraction_groups: tuple[int, ...]
    beams: tuple[int, ...]


def read_header(document: Document) -> DoseHeader:
    """Return what a dose object says of itself.

    Raises
    ------
    UnreadableFile
        If a reference is malformed.
    """
    root = document.root
    plans = root.items("ReferencedRTPlanSequence")
    groups = [g for plan in plans for g in plan.items("ReferencedFractionGroupSequence")]
    beams = [b for group in groups for b in group.items("ReferencedBeamSequence")]
    return DoseHeader(
        document,
        summation=root.code("DoseSummationType"),
        kind=root.code("DoseType"),
        frame_of_reference_uid=root.uid("FrameOfReferenceUID"),
        plan_uids=_uids(plans),
        structure_set_uids=_uids(root.items("ReferencedStructureSetSequence")),
        fraction_groups=_numbers(groups, "ReferencedFractionGroupNumber"),
        beams=_numbers(beams, "ReferencedBeamNumber"),
    )


def _uids(items: tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(uid for item in items if (uid := item.uid("ReferencedSOPInstanceUID")))


def _numbers(items: list[Node], keyword: str) -> tuple[int, ...]:
    return tuple(number for item in items if (number := item.integer(keyword)) is not None)


def read_dose(header: DoseHeader) -> Dose:
    """Read one RT Dose object.

    Raises
    ------
    UnusableDose
        If it is not dose in Gy in a volume.
    UnreadableFile
        If its pixel data or geometry cannot be read.
    """
    root = header.document.root
    kind = _check_meaning(header)
    scaling = root.number("DoseGridScaling")
    if scaling is None or scaling <= 0:
        raise UnusableDose("Dose Grid Scaling is missing or not positive", remedy="Export the dose again")
    lattice, falling = _lattice(root)
    dose_gy = _dose_gy(header.document, lattice, scaling)
    return Dose(
        dose_gy=frozen(dose_gy[::-1] if falling else dose_gy, np.float32),
        lattice=lattice,
        kind=kind,
        frame_of_reference_uid=header.frame_of_reference_uid,
        quantisation_gy=scaling / 2,
        sop_instance_uids=(header.document.uid,),
        referenced_plan_uids=header.plan_uids,
    )


def _check_meaning(header: DoseHeader) -> Literal["PHYSICAL", "EFFECTIVE"]:
    root = header.document.root
    units = root.code("DoseUnits")
    if units != "GY":
        stated = f"are {units}" if units else "are missing"
        raise UnusableDose(f"Dose Units {stated}, so no dose in Gy is known", remedy="Export absolute dose in Gy")
    if header.kind not in {"PHYSICAL", "EFFECTIVE"}:
        stated = f"is {header.kind}" if header.kind else "is missing"
        raise UnusableDose(f"Dose Type {stated} instead of PHYSICAL or EFFECTIVE")
    if header.summation not in SUMMABLE:
        stated = f"is {header.summation}" if header.summation else "is missing"
        raise UnusableDose(
            f"Dose Summation Type {stated}, so it is not known to be the whole of a plan, fraction group or beam",
            remedy="Export the dose of the plan",
        )
    return "PHYSICAL" if header.kind == "PHYSICAL" else "EFFECTIVE"


def _lattice(root: Node) -> tuple[Lattice, bool]:
    """Return the lattice with rising k, and whether the frames are stored in falling order."""
    rows, columns = shape_of(root)
    frames = root.integer("NumberOfFrames")
    if frames is None or min(frames, rows, columns) < 2:
        raise UnusableDose("it is a single plane of dose: no volume can be computed", remedy="Export the 3-D dose")
    axes, origin = axes_of(root), position_of(root)
    offsets = frame_offsets(root, axes, origin, frames, UnusableDose)
    falling = bool(offsets[0] > offsets[-1])
    rising = offsets[::-1] if falling else offsets
    return lattice_of(axes, origin, spacing_of(root), rows, columns, rising), falling


def _dose_gy(document: Document, lattice: Lattice, scaling: float) -> DoseArray:
    if is_lossy(document):
        raise UnusableDose("dose was compressed with loss", remedy="Export without compression")
    values = stored_values(document, frames=lattice.shape[0])
    if scaling * float(values.max()) > GREATEST_GY:
        raise UnusableDose(f"dose exceeds {GREATEST_GY:g} Gy", remedy="Export the dose in Gy")
    dose_gy = np.empty(values.shape, dtype=np.float32)
    # Scaled in double precision, kept in single: the rounding is a few parts in 1e8, far below any stored step.
    np.multiply(values, scaling, out=dose_gy, casting="same_kind", dtype=np.float64)
    if float(values.min()) < 0:
        raise UnusableDose("dose is negative somewhere", remedy="Export the dose again")
    if float(dose_gy.max()) == 0:
        raise UnusableDose("dose is zero everywhere", remedy="Export the dose again")
    dose_gy.setflags(write=False)  # so that it need not be copied to be frozen
    return dose_gy
