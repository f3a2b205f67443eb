"""Where contours of long structures end: what they leave out above or below a lesion may be nearer than the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely

from sbrtcheck.anatomy.shapes import Shapes, box_of
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import union
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Structure

# A bronchial tree is drawn past its division when both sides go on for this long below it, along the patient. A choice
# of this program: much less than the left main bronchus alone, about 5 cm (Can J Surg 1989;32:27, abstract), so that a
# tree cut near the carina does not pass for a whole one.
BRANCHES_MM = 20.0
# Planes this near to axial show left and right branch side by side (cosine of 25 degrees, a choice).
_AXIAL_COSINE = 0.9


def room_beyond(target: Structure, structures: Sequence[Structure], shapes: Shapes) -> tuple[float, float]:
    """Return how far past a target contours reach above and below it, along the patient's axis, mm.

    What they leave out is at least as far away. Negative where they end beside the target or before it; the target is
    taken to reach one plane beyond its last one.

    Parameters
    ----------
    target : Structure
    structures : sequence of Structure
        Taken together.
    shapes : Shapes
        Geometry of the structures.
    """
    box, boxes = box_of(target), [b for s in structures if (b := box_of(s)) is not None]
    if box is None or not boxes:
        return -math.inf, -math.inf
    try:
        step_mm = shapes.region(target).step_mm or 0.0
    except NotComputable:
        return -math.inf, -math.inf
    top, bottom = max(float(b[1, 2]) for b in boxes), min(float(b[0, 2]) for b in boxes)
    return top - float(box[1, 2]) - step_mm, float(box[0, 2]) - bottom - step_mm


def divides(structures: Sequence[Structure], shapes: Shapes) -> bool:
    """Whether contours, taken together, show a tube that divides, and both branches for ``BRANCHES_MM`` below that.

    Parameters
    ----------
    structures : sequence of Structure
    shapes : Shapes
        Geometry of the structures.
    """
    try:
        whole = _together([shapes.region(s) for s in structures])
    except NotComputable:
        return False
    upright = float(whole.to_patient[2, 2])
    if abs(upright) < _AXIAL_COSINE:
        return False
    pieces = np.array([shapely.get_num_geometries(outline) for outline in whole.outlines])
    z_mm = whole.w_mm * upright
    forked = z_mm[pieces > 1]
    joined = z_mm[pieces == 1]
    return bool(len(forked) and len(joined) and joined.max() > forked.max() and np.ptp(forked) >= BRANCHES_MM)


def _together(regions: Sequence[Region]) -> Region:
    whole = regions[0]
    for region in regions[1:]:
        whole = union(whole, region)
    return whole
