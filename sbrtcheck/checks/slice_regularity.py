"""Slices of the planning CT: none missing, evenly spaced, and contours drawn on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from sbrtcheck.anatomy.sanity.targets import points_of
from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.geometry.region import GAP_STEPS
from sbrtcheck.model import FloatArray, Image
from sbrtcheck.results import Outcome, Verdict

# Positions of slices are stored to 0.01 mm: steps that differ by more than the rounding of both ends are uneven.
_EVEN_MM = 0.021
# Stored contours leave the plane that they belong to by no more than this (``geometry.region``).
_ON_SLICE_MM = 0.1


class Parameters(BaseModel):
    """No parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SliceRegularity:
    """Look for slices that are missing, for uneven steps, and for contours between the slices.

    Notes
    -----
    A slice that the structures refer to and that is not there, or a step half again as wide as the usual one, fails.
    Uneven steps, and contours off the slices, can be meant (a scan in two thicknesses, interpolated contours): an
    acceptable deviation that somebody should look at.
    """

    id: ClassVar[str] = "slice-regularity"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the slices, and one for each structure with contours off the slices."""
        image = derived.case.image
        if image is None:
            return (not_evaluated("no usable planning CT was found; export it with the plan"),)
        if image.lattice.shape[0] < 2:
            return (not_evaluated("the planning CT holds a single slice"),)
        return (_of_slices(image, derived), *_off_slices(image, derived))


def _of_slices(image: Image, derived: Derived) -> Outcome:
    structures = derived.case.structure_set
    wanted = set(structures.referenced_image_uids) if structures is not None else set()
    missing = len(wanted - set(image.sop_instance_uids))
    if missing:
        reason = f"{missing} of {len(wanted)} slices that the structures refer to are not in the input"
        return Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason)
    steps = np.diff(image.lattice.k_mm)
    usual = float(np.median(steps))
    gaps = int((steps > GAP_STEPS * usual).sum())
    shown = f"{len(steps) + 1} slices, {usual:.2f} mm apart"
    if gaps:
        reason = f"{shown}; {gaps} step{'s' * (gaps > 1)} of up to {steps.max():.2f} mm: slices seem to be missing"
        return Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason)
    if float(np.ptp(steps)) > _EVEN_MM:
        reason = f"{shown}, unevenly: {steps.min():.2f} to {steps.max():.2f} mm"
        return Outcome(PATIENT, verdict=Verdict.VARIATION, reason=reason)
    return Outcome(PATIENT, verdict=Verdict.PASS, reason=shown)


def _off_slices(image: Image, derived: Derived) -> Iterator[Outcome]:
    for structure in derived.structures if derived.case.structure_set is not None else ():
        points = points_of(structure)
        if points is None or other_frame(structure.frame_of_reference_uid, image.frame_of_reference_uid):
            continue
        off = _distance_to_slice(image.lattice.to_grid(points)[:, 2], image.lattice.k_mm)
        if off.max() > _ON_SLICE_MM:
            share = 100.0 * float((off > _ON_SLICE_MM).mean())
            reason = f"{share:.0f} % of its points lie between or beyond the slices, up to {off.max():.2f} mm off"
            yield Outcome(structure.name, structure.roi_number, verdict=Verdict.VARIATION, reason=reason)


def _distance_to_slice(along_mm: FloatArray, k_mm: FloatArray) -> FloatArray:
    above = np.clip(np.searchsorted(k_mm, along_mm), 1, len(k_mm) - 1)
    return np.asarray(np.minimum(np.abs(along_mm - k_mm[above - 1]), np.abs(along_mm - k_mm[above])))


CHECK = SliceRegularity()
