"""Size of each lesion, as RECIST measures it; limit in mm."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import BaseModel

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import line, no_lesions, not_evaluated, unseen
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import union
from sbrtcheck.geometry.extent import Extent, longest_3d_diameter, longest_axial_diameter
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval, Outcome

# A plane whose normal is this close to the patient's axis is axial (cosine of 10 degrees, a choice).
_AXIAL_COSINE = 0.985


class Parameters(InUnit):
    """Which diameter counts: within one axial slice, or between any two points."""

    limit_unit: ClassVar[str] = "mm"

    diameter: Literal["longest-axial", "longest-3d"] = "longest-axial"


class LesionSize:
    """Measure the gross tumour of each lesion.

    Notes
    -----
    The GTV is measured. Where there is none, the ITV, CTV or PTV encloses the tumour: its diameter is an upper bound,
    which can show that the tumour is small enough and never that it is too large. The same holds for the longest 3-D
    diameter where the contours are not axial.
    """

    id: ClassVar[str] = "lesion-size"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion."""
        nothing = no_lesions(derived)
        return nothing or (*(self._one(one, task, derived) for one in derived.lesions), *unseen(derived))

    def _one(self, lesion: Lesion, task: Task, derived: Derived) -> Outcome:
        axial = task.parameters.diameter == "longest-axial"
        tumour, role = lesion.measured, lesion.measured_role
        try:
            oblique = axial and not _is_axial(derived.region(tumour))
            three_d = oblique or not axial
            extent = derived.longest_3d_diameter(tumour) if three_d else derived.longest_axial_diameter(tumour)
            high = max(extent.length.high, _together(lesion, three_d, derived))
            thin = role == "GTV" and len(derived.region(tumour).w_mm) == 1
            high = max(high, _around(lesion, three_d, derived)) if thin else high
        except NotComputable as missing:
            return not_evaluated(str(missing), lesion.id, tumour)
        bound_only = role != "GTV" or oblique or lesion.measured_in_doubt
        low = 0.0 if bound_only else extent.length.low
        what = "longest 3-D diameter" if three_d else "longest axial diameter"
        reason = f"{what} of the {role} {tumour.where}"
        if oblique:
            reason += "; its contours are not axial, so this bounds the axial diameter from above"
        if role != "GTV":
            reason += "; no GTV is drawn, so this bounds the tumour from above: draw the GTV"
        if thin:
            reason += "; it is drawn on one plane only, so that the target around it bounds it from above"
        if lesion.measured_in_doubt:
            reason += f"; it is in doubt whether {tumour.where} is the tumour: say so in the site file"
        shown = line(f"{what} of {tumour.where}", extent.ends_mm, tumour.roi_number)
        measured = Interval(extent.length.value, min(low, extent.length.value), high)
        return Outcome(
            lesion.id,
            tumour.roi_number,
            measured,
            Parameters.limit_unit,
            task.rule.limit,
            reason=reason,
            evidence=(shown,),
            would_decide="the limit lies below that bound; what is named here would decide" if bound_only else "",
        )


def _is_axial(region: Region) -> bool:
    return bool(abs(region.to_patient[2, 2]) >= _AXIAL_COSINE)


def _around(lesion: Lesion, three_d: bool, derived: Derived) -> float:
    """Return the diameter of the next target round the GTV, mm; infinite where there is none."""
    outer = next((s for s in (lesion.itv, lesion.ctv, lesion.ptv) if s is not None), None)
    if outer is None:
        return math.inf
    extent = derived.longest_3d_diameter(outer) if three_d else derived.longest_axial_diameter(outer)
    return extent.length.high


def _together(lesion: Lesion, three_d: bool, derived: Derived) -> float:
    """Return the largest diameter of all GTVs of a lesion taken as one, mm; 0 where there is one at most."""
    of_role: tuple[Structure, ...] = lesion.all_of_role(lesion.measured_role)
    if len(of_role) < 2:
        return 0.0
    whole = derived.region(of_role[0])
    for other in of_role[1:]:
        whole = union(whole, derived.region(other))
    extent: Extent = longest_3d_diameter(whole) if three_d else longest_axial_diameter(whole)
    return extent.length.high


CHECK = LesionSize()
