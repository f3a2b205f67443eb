"""Targets that contradict one another, and outlines with pieces too many or planes too few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from sbrtcheck.anatomy.lesions import Target
from sbrtcheck.anatomy.sanity.finding import DOSE, LOCATION, NEAR_MM, SIZE, ContourFinding, finding
from sbrtcheck.anatomy.shapes import Shapes, box_of, far_apart
from sbrtcheck.anatomy.told import odd_outline
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import aligned, difference
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.results import Interval

# A tumour may stick out of its PTV by this share of its volume before it is reported: outlines snapped to the pixels
# or the planes of the images differ by as much. A choice of this program.
OUTSIDE_SHARE = 0.01
# A stray fragment: a separate piece of no more than this area (a disc 5 mm wide, half of the smallest lesion that
# RECIST 1.1 measures) on at most two planes, at least 5 mm away from all larger pieces. Choices of this program.
FRAGMENT_MM2 = 20.0
FRAGMENT_PLANES = 2
FRAGMENT_APART_MM = 5.0


def outside_ptv(targets: Sequence[Target], shapes: Shapes) -> Iterator[ContourFinding]:
    """Yield each GTV, CTV or ITV that reaches out of the PTVs that it overlaps.

    Targets in doubt are left out: what may be no target need not lie in one.
    """
    certain = [t for t in targets if not t.role.doubtful]
    ptvs = [t.structure for t in certain if t.role.role == "PTV"]
    for target in certain:
        if target.role.role == "PTV":
            continue
        own = [ptv for ptv in ptvs if _touch(target.structure, ptv, shapes)]
        outside = _outside(target.structure, own, shapes) if own else None
        if outside is None or outside.low <= 0.0:
            continue
        share = outside.value / shapes.volume(target.structure).value
        if share <= OUTSIDE_SHARE:
            continue
        listed = ", ".join(ptv.where for ptv in own)
        message = f"{outside.value:.2f} cm3 ({outside.low:.2f} to {outside.high:.2f}), {100 * share:.0f} % of "
        message += f"{target.structure.where} ({target.role.role}), lie outside its PTV ({listed}); a PTV holds all "
        message += "of its tumour: draw either again, or name the right PTV"
        yield finding("target-outside-ptv", message, [target.structure, *own], LOCATION | DOSE)


def _touch(a: Structure, b: Structure, shapes: Shapes) -> bool:
    if far_apart(a, b):
        return False
    try:
        return shapes.overlap(a, b).low > 0.0
    except NotComputable:
        return False


def _outside(inner: Structure, outer: Sequence[Structure], shapes: Shapes) -> Interval | None:
    """Return the volume outside all of ``outer``, cm3; None where nothing is outside or nothing can be said."""
    rest = shapes.region(inner)
    for structure in outer:
        other = shapes.region(structure)
        if aligned(rest, other) is None:
            return None
        try:
            rest = difference(rest, other)
        except NotComputable:
            return None  # nothing is left outside
    try:
        return volume(rest)
    except NotComputable:
        return None


def odd_outlines(targets: Sequence[Target], shapes: Shapes) -> Iterator[ContourFinding]:
    """Yield the oddities of the outlines of targets that make their size or place uncertain.

    Planes without contours between two pieces that do not lie one above the other are no gap, but two pieces.
    """
    for target in targets:
        region = region_or_none(target.structure, shapes)
        for notice in odd_outline(target.structure, region) if region is not None else ():
            if notice.code == "contours-crossing" or (notice.code == "planes-missing" and _interruptions(region)):
                yield ContourFinding(notice, SIZE | LOCATION | DOSE, (target.structure.roi_number,))


def gaps_near_targets(
    structure: Structure, undermines: frozenset[str], targets: Sequence[Target], shapes: Shapes
) -> Iterator[ContourFinding]:
    """Yield the planes that are missing in an organ, at the height of a target or a little above or below it."""
    region = region_or_none(structure, shapes)
    gaps = _interruptions(region)
    if region is None or not gaps:
        return
    near = []
    for target in targets:
        points = points_of(target.structure)
        heights = region.to_local(points)[:, 2] if points is not None else np.empty(0)
        if any(heights.min() - NEAR_MM < high and low < heights.max() + NEAR_MM for low, high in gaps if len(heights)):
            near.append(target.structure.roi_number)
    for notice in odd_outline(structure, region) if near else ():
        if notice.code == "planes-missing":
            yield ContourFinding(notice, undermines, tuple(sorted({structure.roi_number, *near})))


def _interruptions(region: Region | None) -> tuple[tuple[float, float], ...]:
    """Return the gaps with outlines above one another on both sides, (w, w), mm."""
    if region is None:
        return ()
    found = []
    for low, high in region.gaps:
        below, above = (int(np.argmin(np.abs(region.w_mm - w))) for w in (low, high))
        if region.outlines[below].intersects(region.outlines[above]):
            found.append((low, high))
    return tuple(found)


def stray_fragments(
    structure: Structure, name: str, undermines: frozenset[str], shapes: Shapes, near: Sequence[Structure] = ()
) -> Iterator[ContourFinding]:
    """Yield one finding where a structure has small separate pieces far from the rest.

    Parameters
    ----------
    name : str
        Role or TG-263 name, for the message.
    near : sequence of Structure
        Where given, only pieces near one of these count: no other changes a distance.
    """
    try:
        parts = shapes.parts(structure)
    except NotComputable:
        return
    large = [part for part in parts if not _is_small(part)]
    if not large:
        return
    boxes = [box for other in near if (box := box_of(other)) is not None]
    found = [
        part
        for part in parts
        if _is_small(part)
        and (not near or any(_near_box(part, box) for box in boxes))
        and min(_apart_mm(part, other) for other in large) >= FRAGMENT_APART_MM
    ]
    if not found:
        return
    places = "; ".join(_place(part) for part in found)
    message = f"{structure.where} ({name}) has {len(found)} stray piece{'s' if len(found) > 1 else ''} at least "
    message += f"{FRAGMENT_APART_MM:g} mm from the rest ({places}); delete what was drawn by mistake"
    yield finding("stray-fragment", message, [structure], undermines)


def _is_small(part: Region) -> bool:
    return len(part.w_mm) <= FRAGMENT_PLANES and float(part.areas_mm2.max()) <= FRAGMENT_MM2


def _near_box(part: Region, box: FloatArray) -> bool:
    middle = _middle(part)
    return bool(np.all(middle > box[0] - NEAR_MM) and np.all(middle < box[1] + NEAR_MM))


def _middle(part: Region) -> FloatArray:
    centre = shapely.get_coordinates(shapely.centroid(part.outlines[0]))[0]
    return np.asarray(part.to_lps(np.array([[*centre, part.w_mm[0]]]))[0])


def _apart_mm(part: Region, other: Region) -> float:
    """Return the distance between the drawn outlines of two parts of one structure, mm."""
    across = shapely.distance(np.array(part.outlines)[:, None], np.array(other.outlines))
    return float(np.hypot(across, part.w_mm[:, None] - other.w_mm).min())


def _place(part: Region) -> str:
    x, y, z = (round(float(c)) for c in _middle(part))
    return f"{float(part.areas_mm2.max()):.1f} mm2 at x {x}, y {y}, z {z} mm"


def region_or_none(structure: Structure, shapes: Shapes) -> Region | None:
    """Return the region of a structure, None where nothing can be made of what is drawn."""
    try:
        return shapes.region(structure)
    except NotComputable:
        return None


def points_of(structure: Structure) -> FloatArray | None:
    """Return all vertices of the closed contours, ``(N, 3)`` LPS mm, None where there are none."""
    closed = [c.points_mm for c in structure.contours if c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}]
    return np.concatenate(closed) if closed else None
