"""Where the highest dose lies: in a target."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict

from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, no_lesions, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray
from sbrtcheck.results import Evidence, Outcome, Verdict


class Parameters(BaseModel):
    """No parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MaximumInTarget:
    """Look whether the voxel with the highest dose lies within the outermost target of a lesion.

    Notes
    -----
    The true maximum lies anywhere near that voxel, so within half of its diagonal of a target the answer is open; so is
    it where several voxels share the maximum and not all of them lie in a target.
    """

    id: ClassVar[str] = "maximum-in-target"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        if no_lesions(derived):
            return no_lesions(derived)
        dose = derived.dose
        points, apart = _hottest(dose), list[FloatArray]()
        for lesion in derived.lesions:
            if other_frame(lesion.outermost.frame_of_reference_uid, dose.frame_of_reference_uid):
                return (not_evaluated("dose and targets lie in different frames of reference"),)
            apart.append(_outside_mm(points, derived.region(lesion.outermost)))
        nearest_mm = np.min(apart, axis=0)
        x, y, z = points[int(np.argmax(nearest_mm))]
        at = f"the maximum of {float(dose.dose_gy.max()):.2f} Gy at x {x:.0f}, y {y:.0f}, z {z:.0f} mm"
        shown = Evidence(kind="point", text=at, points_mm=((float(x), float(y), float(z)),))
        verdict, reason = _said(nearest_mm, 0.5 * float(np.linalg.norm(dose.lattice.spacing_mm)), at)
        return (Outcome(PATIENT, verdict=verdict, reason=reason, evidence=(shown,)),)


def _said(outside_mm: FloatArray, near_mm: float, at: str) -> tuple[Verdict, str]:
    farthest = float(outside_mm.max())
    if farthest == 0.0:
        return Verdict.PASS, f"{at} lies in a target"
    reason = f"{at} lies {farthest:.1f} mm outside the nearest target"
    if float(outside_mm.min()) <= near_mm:
        return Verdict.INDETERMINATE, f"{reason}, within the resolution of the dose grid or as one of several voxels"
    return Verdict.FAIL, reason


def _hottest(dose: Dose) -> FloatArray:
    """Return the voxels that share the highest stored dose, ``(N, 3)``, LPS mm."""
    k, j, i = np.nonzero(dose.dose_gy == dose.dose_gy.max())
    lattice = dose.lattice
    return lattice.to_lps(np.column_stack([lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k]]))


def _outside_mm(points: FloatArray, region: Region) -> FloatArray:
    """Return how far points lie outside the outline of their nearest plane, ``(N,)``, mm; 0 inside.

    A plane stands for what lies within half of the usual step of it.
    """
    local = region.to_local(points)
    off = np.abs(local[:, 2:] - region.w_mm)
    plane = np.argmin(off, axis=1)
    beyond = np.maximum(off[np.arange(len(plane)), plane] - 0.5 * (region.step_mm or 0.0), 0.0)
    across = np.empty(len(local))
    for k in np.unique(plane):
        across[plane == k] = shapely.distance(region.outlines[k], shapely.points(local[plane == k, :2]))
    return np.asarray(np.hypot(across, beyond))


CHECK = MaximumInTarget()
