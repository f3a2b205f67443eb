"""Contours and the ends of the scan: targets past images or dose grid, organs and targets cut by the last slice.

Where slices are known to be missing from the input nothing is said of the ends of the images: the reader of the files
tells it (``incomplete-ct``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from sbrtcheck.anatomy.lesions import Target
from sbrtcheck.anatomy.organ_kinds import organ_kind
from sbrtcheck.anatomy.sanity.finding import DOSE, LOCATION, NEAR_MM, SIZE, ContourFinding, finding
from sbrtcheck.anatomy.sanity.targets import points_of, region_or_none
from sbrtcheck.anatomy.shapes import Shapes
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Image, Lattice, Structure, StructureSet

# A point this far beyond an end lies on it: rounding of stored coordinates.
_ROUNDING_MM = 0.1
# A share of a target below this outside the dose grid is rounding. A choice of this program.
_LEAST_SHARE = 0.001
# Organs that a scan of their region usually holds whole; tissue that runs on (bowel, bone, nodes) always is cut.
_WHOLE = frozenset(
    {"lung", "liver", "kidney", "heart", "brain", "spleen", "stomach", "pancreas", "bladder", "prostate", "uterus"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Both ends of a stack of images.

    Attributes
    ----------
    lattice : Lattice
    first_mm, last_mm : float
        Positions of the first and last slice along the stack, mm.
    half_mm : float
        Half of the distance between slices, mm.
    """

    lattice: Lattice
    first_mm: float
    last_mm: float
    half_mm: float

    def along(self, points_mm: FloatArray) -> FloatArray:
        """Return the positions of patient points along the stack, mm."""
        return np.asarray(self.lattice.to_grid(points_mm)[:, 2])


def ends_of(image: Image | None, structure_set: StructureSet) -> Ends | None:
    """Return the ends of the images, None where there are none, one slice only, or slices are missing."""
    if image is None or len(image.lattice.k_mm) < 2:
        return None
    if set(structure_set.referenced_image_uids) - set(image.sop_instance_uids):
        return None
    k_mm = image.lattice.k_mm
    return Ends(image.lattice, float(k_mm[0]), float(k_mm[-1]), 0.5 * float(np.median(np.diff(k_mm))))


def target_and_images(target: Target, ends: Ends, shapes: Shapes) -> Iterator[ContourFinding]:
    """Yield what the ends of the images leave out of a target."""
    points, region = points_of(target.structure), region_or_none(target.structure, shapes)
    if points is None or region is None:
        return
    where = f"{target.structure.where} ({target.role.role})"
    low, high = _box(ends.lattice, 0.5)
    grid = ends.lattice.to_grid(points)
    if np.any(grid < low - _ROUNDING_MM) or np.any(grid > high + _ROUNDING_MM):
        share = share_outside(region, ends.lattice, low, high)
        message = f"{where} reaches past the planning images with {100 * share:.0f} % of its outlines; give the images "
        message += "that it was drawn on"
        yield finding("target-past-ct", message, [target.structure], SIZE | LOCATION | DOSE)
    elif _cut_ends(grid[:, 2], ends):
        message = f"{where} is drawn on the last slice of the planning images and may go on beyond it; plan on a "
        message += "longer scan"
        yield finding("target-cut-by-scan", message, [target.structure], SIZE | LOCATION | DOSE)


def target_and_dose(target: Target, dose: Dose, shapes: Shapes) -> Iterator[ContourFinding]:
    """Yield a target that reaches out of the dose grid, where no dose is known."""
    points, region = points_of(target.structure), region_or_none(target.structure, shapes)
    if points is None or region is None:
        return
    low, high = _box(dose.lattice, 0.0)
    grid = dose.lattice.to_grid(points)
    if np.all(grid >= low - _ROUNDING_MM) and np.all(grid <= high + _ROUNDING_MM):
        return
    share = share_outside(region, dose.lattice, low, high)
    if share < _LEAST_SHARE:
        return
    message = f"{100 * share:.1f} % of the outlines of {target.structure.where} ({target.role.role}) lie outside the "
    message += "dose grid, where no dose is known; calculate the dose on a larger grid"
    yield finding("target-past-dose", message, [target.structure], DOSE)


def organ_and_images(
    structure: Structure, tg263: str, undermines: frozenset[str], targets: Sequence[Target], ends: Ends
) -> Iterator[ContourFinding]:
    """Yield an organ that the scan cuts, if a target lies near that end or the organ usually is drawn whole.

    Parameters
    ----------
    undermines : frozenset of str
        Checks that ask for the distance to this organ.
    """
    points = points_of(structure)
    if points is None:
        return
    cut = _cut_ends(ends.along(points), ends)
    near = [(t, gap_mm) for t in targets for end in cut if (gap_mm := _gap_mm(t, end, ends)) is not None]
    near = [(t, gap_mm) for t, gap_mm in near if gap_mm <= NEAR_MM]
    kind = organ_kind(tg263)
    where = f"{structure.where} ({tg263})"
    if near and undermines:
        target, gap_mm = min(near, key=lambda found: (found[1], found[0].structure.roi_number))
        message = f"{where} is cut by the end of the scan, {gap_mm:.0f} mm from {target.structure.where} "
        message += f"({target.role.role}): what lies beyond may be nearer than what is drawn; plan on a longer scan"
        yield finding("organ-cut-near-target", message, [structure, target.structure], undermines | {"dose-metric"})
    elif cut and kind is not None and kind.kind in _WHOLE:
        message = f"{where} is drawn on the last slice of the scan: its volume and its mean dose are those of the part "
        message += "that was scanned"
        yield finding("organ-cut-by-scan", message, [structure], severity="info")


def _cut_ends(along_mm: FloatArray, ends: Ends) -> tuple[float, ...]:
    """Return the positions of the ends that something reaches, to half a slice."""
    cut = []
    if along_mm.min() <= ends.first_mm + ends.half_mm:
        cut.append(ends.first_mm)
    if along_mm.max() >= ends.last_mm - ends.half_mm:
        cut.append(ends.last_mm)
    return tuple(cut)


def _gap_mm(target: Target, end_mm: float, ends: Ends) -> float | None:
    """Return how far a target lies from an end of the scan, mm."""
    points = points_of(target.structure)
    return float(np.abs(ends.along(points) - end_mm).min()) if points is not None else None


def _box(lattice: Lattice, margin: float) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest grid coordinates ``(3,)``, mm, a margin in voxels beyond the outermost centres."""
    ticks = (lattice.i_mm, lattice.j_mm, lattice.k_mm)
    spacing = margin * np.array([float(np.median(np.diff(t))) if len(t) > 1 else 0.0 for t in ticks])
    return np.array([t[0] for t in ticks]) - spacing, np.array([t[-1] for t in ticks]) + spacing


def share_outside(region: Region, lattice: Lattice, low: FloatArray, high: FloatArray) -> float:
    """Return the share of the area of all outlines outside a box of grid coordinates, 0 to 1, at any angle.

    Parameters
    ----------
    region : Region
    lattice : Lattice
        Whose axes the box follows.
    low, high : (3,) float
        Corners of the box, mm.
    """
    inside = [
        float(shapely.area(shapely.intersection(outline, _section(region, w, outline, lattice, low, high))))
        for outline, w in zip(region.outlines, region.w_mm, strict=True)
    ]
    return float(np.clip(1.0 - sum(inside) / float(region.areas_mm2.sum()), 0.0, 1.0))


def _section(
    region: Region, w_mm: float, outline: MultiPolygon, lattice: Lattice, low: FloatArray, high: FloatArray
) -> Polygon:
    """Return what a box holds of a plane, within the frame of the outline, as a polygon in (u, v)."""
    u0, v0, u1, v1 = outline.bounds
    corners = np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])
    for axis in range(3):
        for sign, limit in ((1.0, low[axis]), (-1.0, -high[axis])):
            if not len(corners):
                return Polygon()
            local = np.column_stack([corners, np.full(len(corners), w_mm)])
            corners = _clip(corners, sign * lattice.to_grid(region.to_lps(local))[:, axis] - limit)
    return Polygon(corners) if len(corners) > 2 else Polygon()


def _clip(corners: FloatArray, height: FloatArray) -> FloatArray:
    """Return the corners of the part of a convex polygon where a linear function is not negative."""
    kept = []
    for k, corner in enumerate(corners):
        following = (k + 1) % len(corners)
        if height[k] >= 0.0:
            kept.append(corner)
        if (height[k] < 0.0) != (height[following] < 0.0):
            t = height[k] / (height[k] - height[following])
            kept.append(corner + t * (corners[following] - corner))
    return np.array(kept).reshape(-1, 2)
