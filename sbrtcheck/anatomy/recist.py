"""Whether a lesion is measurable under RECIST 1.1, as far as a structure set can tell.

A lesion that is no node needs a longest axial diameter of 10 mm on slices of at most 5 mm (FOCUS4 RECIST 1.1 page), a
node a short axis of 15 mm (mdicu RECIST page), a bone lesion a soft-tissue part (cancercalc RECIST 1.1). On thicker
slices twice the slice spacing is asked for; that rule is recalled, not read. Earlier irradiation, which also matters,
is another rule's question.
"""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ import OrganFinding
from sbrtcheck.results import Interval


@dataclass(frozen=True, slots=True)
class Criteria:
    """Sizes asked for, mm; slices over ``thick_slice_mm`` ask for ``thick_slice_factor`` times their spacing."""

    longest_axial_mm: float
    node_short_axis_mm: float
    thick_slice_mm: float
    thick_slice_factor: float


RECIST_1_1 = Criteria(longest_axial_mm=10.0, node_short_axis_mm=15.0, thick_slice_mm=5.0, thick_slice_factor=2.0)


@dataclass(frozen=True, slots=True)
class Measurability:
    """Whether a lesion is measurable; None where that is open."""

    measurable: bool | None
    reason: str


def judge_measurable(
    lesion: Lesion,
    axial_mm: Interval,
    short_mm: Interval,
    spacing_mm: float | None,
    organ: OrganFinding,
    soft_tissue: bool = False,
    criteria: Criteria = RECIST_1_1,
) -> Measurability:
    """Return whether a lesion is measurable.

    Parameters
    ----------
    axial_mm, short_mm : Interval
        Longest axial diameter and short axis of the innermost target, mm.
    spacing_mm : float or None
        Distance between slices, mm; None where unknown.
    soft_tissue : bool
        Whether a person declares that the soft-tissue part of a bone lesion is measurable.
    """
    if axial_mm.high < criteria.longest_axial_mm:
        return Measurability(False, f"its {lesion.measured_role} is {axial_mm.value:.1f} mm at most")
    open_point = _open_point(lesion, spacing_mm, organ, soft_tissue)
    if open_point:
        return Measurability(None, open_point)
    if lesion.is_called_node or organ.organ == "lymph-node":
        return _node(organ, short_mm, criteria)
    needed = criteria.longest_axial_mm
    if spacing_mm is not None and spacing_mm > criteria.thick_slice_mm:
        needed = max(needed, criteria.thick_slice_factor * spacing_mm)
    if axial_mm.low >= needed:
        declared = "; its soft-tissue part is declared measurable" if organ.organ == "bone" else ""
        return Measurability(True, f"longest axial diameter {axial_mm.value:.1f} mm, at least {needed:g} mm{declared}")
    return Measurability(None, f"longest axial diameter {axial_mm.value:.1f} mm is not surely at least {needed:g} mm")


def _open_point(lesion: Lesion, spacing_mm: float | None, organ: OrganFinding, soft_tissue: bool) -> str:
    if lesion.measured_role != "GTV":
        return f"only its {lesion.measured_role} is drawn, which is larger than the tumour"
    if lesion.doubtful or lesion.measured_in_doubt:
        return f"it is in doubt whether {lesion.measured.where} is the tumour"
    if spacing_mm is None:
        return "the distance between slices is not known"
    if not organ.decisive:
        return "its organ is not known: it may lie in bone or be a node"
    if organ.organ == "bone" and not soft_tissue:
        return "a bone lesion is measurable only by its soft-tissue part, which the files do not show: declare it"
    return ""


def _node(organ: OrganFinding, short_mm: Interval, criteria: Criteria) -> Measurability:
    needed = criteria.node_short_axis_mm
    if short_mm.low >= needed:
        return Measurability(True, f"short axis {short_mm.value:.1f} mm, at least {needed:g} mm for a node")
    if short_mm.high < needed and organ.organ == "lymph-node":
        return Measurability(False, f"short axis {short_mm.value:.1f} mm, less than {needed:g} mm for a node")
    return Measurability(None, f"called a node; its short axis of {short_mm.value:.1f} mm is not surely {needed:g} mm")
