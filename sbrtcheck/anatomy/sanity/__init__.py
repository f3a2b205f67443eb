"""Sanity of contours: what makes them doubtful before anything is measured on them.

Sides, tumours that reach out of their PTV, missing planes, stray pieces, targets past the images or the dose grid, and
organs that the scan cuts. A finding names the checks that it undermines and the structures that it concerns. Structures
of which nothing closed can be built are left to the checks that need them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sbrtcheck.anatomy.bones import long_bone_of
from sbrtcheck.anatomy.lesions import Target
from sbrtcheck.anatomy.sanity.finding import DOSE, LOCATION, SIZE, ContourFinding
from sbrtcheck.anatomy.sanity.scan import ends_of, organ_and_images, target_and_dose, target_and_images
from sbrtcheck.anatomy.sanity.sides import NameOf, side_findings
from sbrtcheck.anatomy.sanity.targets import gaps_near_targets, odd_outlines, outside_ptv, stray_fragments
from sbrtcheck.anatomy.shapes import Shapes
from sbrtcheck.anatomy.ultracentral import tables
from sbrtcheck.model import Case, Dose, Image, Structure

__all__ = ["ContourFinding", "contour_findings"]

_Layer = TypeVar("_Layer", Image, Dose)


def contour_findings(
    case: Case, targets: Sequence[Target], tg263_of: NameOf, shapes: Shapes
) -> tuple[ContourFinding, ...]:
    """Return everything that is odd about the contours of a case.

    Parameters
    ----------
    case : Case
        Without structure set nothing is found; images and dose are looked at where they are given and do not name
        another frame of reference.
    targets : sequence of Target
        All targets, drawn or not.
    tg263_of : callable
        The TG-263 name that a structure is taken for, None for an unknown one.
    shapes : Shapes
        Geometry of the structures.

    Returns
    -------
    tuple of ContourFinding
        In the order of what is looked at, then of ROI numbers; the same for the same case.
    """
    if case.structure_set is None:
        return ()
    drawn = tuple(t for t in targets if t.structure.is_closed)
    found: list[ContourFinding] = []
    frames = dict.fromkeys(s.frame_of_reference_uid for s in case.structure_set.structures)
    for frame in frames:
        structures = [s for s in case.structure_set.structures if s.frame_of_reference_uid == frame]
        own = [t for t in drawn if t.structure.frame_of_reference_uid == frame]
        found += side_findings(structures, own, tg263_of, _in_frame(case.image, frame))
        found += outside_ptv(own, shapes)
        found += odd_outlines(own, shapes)
        for target in own:
            found += stray_fragments(target.structure, target.role.role, SIZE | LOCATION | DOSE | _COUNT, shapes)
        found += _of_organs(structures, own, tg263_of, shapes)
        found += _of_ends(case, frame, structures, own, tg263_of, shapes)
    return tuple(found)


_COUNT = frozenset({"lesion-count"})


def _of_organs(
    structures: Sequence[Structure], targets: Sequence[Target], tg263_of: NameOf, shapes: Shapes
) -> Iterator[ContourFinding]:
    """Yield what is odd about the organs whose distance from a target is asked for."""
    numbers, near = {t.structure.roi_number for t in targets}, [t.structure for t in targets]
    for structure in structures:
        tg263 = tg263_of(structure) if structure.is_closed and structure.roi_number not in numbers else None
        undermines = _distance_checks(tg263) if tg263 else frozenset()
        if tg263 and undermines and near:
            yield from gaps_near_targets(structure, undermines, targets, shapes)
            yield from stray_fragments(structure, tg263, undermines | {"dose-metric"}, shapes, near)


def _of_ends(
    case: Case,
    frame: str,
    structures: Sequence[Structure],
    targets: Sequence[Target],
    tg263_of: NameOf,
    shapes: Shapes,
) -> Iterator[ContourFinding]:
    image, dose = _in_frame(case.image, frame), _in_frame(case.dose, frame)
    ends = ends_of(image, case.structure_set) if case.structure_set is not None else None
    for target in targets:
        if ends is not None:
            yield from target_and_images(target, ends, shapes)
        if dose is not None:
            yield from target_and_dose(target, dose, shapes)
    numbers = {t.structure.roi_number for t in targets}
    for structure in structures if ends is not None else ():
        tg263 = tg263_of(structure) if structure.is_closed and structure.roi_number not in numbers else None
        if tg263 and ends is not None:
            yield from organ_and_images(structure, tg263, _distance_checks(tg263), targets, ends)


def _distance_checks(tg263: str) -> frozenset[str]:
    """Return the checks that ask how far a target is from a structure of this name."""
    central = {
        name
        for group in tables().groups.values()
        for names in (*group.complete, group.parts, *group.within)
        for name in names
    }
    found = {"ultra-central"} if tg263 in central else set()
    return frozenset(found | ({"long-bone"} if long_bone_of(tg263) else set()))


def _in_frame(layer: _Layer | None, frame: str) -> _Layer | None:
    """Return images or a dose, unless they name another frame of reference."""
    if layer is None or (frame and layer.frame_of_reference_uid and frame != layer.frame_of_reference_uid):
        return None
    return layer
