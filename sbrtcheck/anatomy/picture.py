"""Pictures of a target and of what was measured on it, as data: three planes at right angles through one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.anatomy.picture_greys import Greys, grey_bytes, hu_in, window_of
from sbrtcheck.anatomy.picture_outlines import (
    SAME_PLANE_MM,
    Outlined,
    is_reached,
    isodoses,
    measured,
    structure,
)
from sbrtcheck.anatomy.picture_planes import Sheet, anatomical_axes, three_sheets
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Image
from sbrtcheck.results import Picture, PictureContour, Point

__all__ = ["MARGIN_MM", "Outlined", "Subject", "picture_sets"]

MARGIN_MM = 30.0  # shown around target and line: enough for the 50 % isodose of a small target and the nearest organ
# A plane through the very surface of a target shows little of it: planes pass through the middle part of its extent,
# this share of it on either side of the centre. A ball is then seen with at least 7 tenths of its diameter.
_MIDDLE_SHARE = 0.35
# Shown on the way to an earlier treatment, a choice of this program: across the trunk.
_FARTHEST_MM = 200.0
_DIGITS = 2  # of what is written, mm
_UNIT_DIGITS = 6  # of directions: over 0.5 m a micrometre


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a set of pictures shows.

    Attributes
    ----------
    id : str
        Of the set.
    subject, title : str
        Whom it shows, and what.
    target : Outlined
        Its planes are those of the pictures.
    others : sequence of Outlined
        Structures to outline where the planes cut them; those with an end of the line first.
    points_mm : (2, 3) or (1, 3) float
        Ends of a measured line, the first on the target, or one place; LPS.
    ends_on : tuple of str
        Names of the structures that the ends lie on, one for each point; () where both lie on the target.
    organ : str or None
        Chooses the window.
    prescribed_gy : float, optional
        Gives the levels of the isodose lines; without it they are shares of the maximum of the grid.
    with_ct, with_dose : bool
        Whether CT and dose are wanted, and lie in the frame of reference of the target.
    course : str
        Name of the earlier course whose dose and targets are shown, in place of the dose of this plan; then no line or
        place is marked, and ``points_mm`` are what of that course is to be seen.
    """

    id: str
    subject: str
    title: str
    target: Outlined
    others: Sequence[Outlined]
    points_mm: FloatArray
    ends_on: tuple[str, ...] = ()
    organ: str | None = None
    prescribed_gy: float | None = None
    with_ct: bool = True
    with_dose: bool = False
    course: str = ""


def picture_sets(subjects: Sequence[Subject], image: Image | None, dose: Dose | None) -> tuple[Picture, ...]:
    """Draw three pictures of each subject: axial, coronal and sagittal, or the nearest to it where planes are oblique.

    Parameters
    ----------
    subjects : sequence of Subject
    image, dose : Image, Dose, optional
        A layer that does not reach a plane is left out of its picture.

    Returns
    -------
    tuple of Picture
        In the order of the subjects. One of the three lies on the drawn plane of the target that is nearest to the
        place shown. All pictures of a set have one scale.
    """
    sheets = [_sheets(subject) for subject in subjects]
    wanted = [sheet for subject, three in zip(subjects, sheets, strict=True) if subject.with_ct for sheet in three]
    greys = iter(hu_in(image, wanted))
    found = []
    for subject, three in zip(subjects, sheets, strict=True):
        behind = [next(greys) for _ in three] if subject.with_ct else hu_in(None, three)
        window = window_of(subject.organ, behind[0], _inside(subject.target.region, three[0], behind[0]))
        found += [
            _picture(subject, sheet, grey_bytes(grey, window), grey.count, dose if subject.with_dose else None)
            for sheet, grey in zip(three, behind, strict=True)
        ]
    return tuple(found)


def _sheets(subject: Subject) -> tuple[Sheet, ...]:
    region, points = subject.target.region, np.asarray(subject.points_mm, dtype=float)
    axes = anatomical_axes(region.to_patient[:3, 2])
    shape, along = _corners(region) @ axes.T, points @ axes.T
    low, high = shape.min(axis=0), shape.max(axis=0)
    if subject.course:
        along = np.clip(along, low - _FARTHEST_MM, high + _FARTHEST_MM)
    place = along[0] if subject.ends_on else along.mean(axis=0)
    centre, room = 0.5 * (low + high), _MIDDLE_SHARE * (high - low)
    focus = np.clip(place, centre - room, centre + room)
    # One plane is a drawn one.
    normal = region.to_patient[:3, 2]
    own = int(np.argmax(np.abs(normal)))
    planes = region.w_mm + float(region.to_patient[:3, 3] @ normal)
    wanted = place[own] if planes[0] <= place[own] <= planes[-1] and not subject.ends_on else focus[own]
    focus[own] = planes[np.argmin(np.abs(planes - wanted))]
    all_low, all_high = np.minimum(low, along.min(axis=0)), np.maximum(high, along.max(axis=0))
    side_mm = float((all_high - all_low).max()) + 2.0 * MARGIN_MM
    return three_sheets(axes, focus, 0.5 * (all_low + all_high), side_mm)


def _corners(region: Region) -> FloatArray:
    """Return the vertices of the outlines as patient points ``(N, 3)``."""
    uv, plane = shapely.get_coordinates(np.array(region.outlines), return_index=True)
    return region.to_lps(np.column_stack([uv, region.w_mm[plane]]))


def _inside(region: Region, sheet: Sheet, greys: Greys) -> NDArray[np.bool_]:
    """Return which pixels lie in the drawn outline nearest to the plane."""
    if not greys.count:
        return np.zeros_like(greys.hu, dtype=bool)
    local = region.to_local(sheet.to_lps(sheet.grid(greys.count)[1]))
    nearest = np.argmin(np.abs(local[:, 2:] - region.w_mm), axis=1)
    outlines = np.array(region.outlines)
    shapely.prepare(outlines)
    inside = shapely.contains_xy(outlines[nearest], local[:, 0], local[:, 1])
    return np.asarray(inside).reshape(greys.hu.shape)


def _picture(subject: Subject, sheet: Sheet, pixels: tuple[str, str], count: int, dose: Dose | None) -> Picture:
    points = np.asarray(subject.points_mm, dtype=float)
    reach_mm = 0.5 * (subject.target.region.step_mm or 0.0) + SAME_PLANE_MM
    outlines = [structure(what, sheet) for what in (subject.target, *subject.others)]
    lines = isodoses(dose, subject.prescribed_gy, sheet, subject.course)
    if not subject.course:
        lines += measured(points, reach_mm, sheet)
    unseen = [o.label for o in outlines[: 2 if subject.ends_on else 1] if not o.rings_mm]
    side_mm = round(sheet.side_mm, _DIGITS)
    return Picture(
        id=subject.id,
        view=sheet.view,
        subject=subject.subject,
        title=subject.title,
        plane=sheet.plane,
        caption=_of_course(lines, dose, sheet) if subject.course else _caption(subject, sheet, reach_mm, unseen),
        width_mm=side_mm,
        height_mm=side_mm,
        rows=count,
        columns=count,
        pixels=pixels[0],
        window=pixels[1],
        edges=sheet.edges,
        corner_mm=_rounded(sheet.corner_mm, _DIGITS),
        right=_rounded(sheet.right, _UNIT_DIGITS),
        down=_rounded(sheet.down, _UNIT_DIGITS),
        ends_mm=() if subject.course else tuple(_rounded(point, _DIGITS) for point in points),
        crossing_mm=(round(sheet.crossing_mm[0], _DIGITS), round(sheet.crossing_mm[1], _DIGITS)),
        outlines=tuple(outline for outline in (*outlines, *lines) if outline.rings_mm),
    )


def _caption(subject: Subject, sheet: Sheet, reach_mm: float, unseen: list[str]) -> str:
    """Return how far off the plane the ends of the line lie, and which of its structures the plane does not cut."""
    points = np.asarray(subject.points_mm, dtype=float)
    if len(points) > 1 and np.array_equal(points[0], points[1]):
        points, names = points[:1], ["point of contact"]
    elif subject.ends_on:
        names = [f"end on {name}" for name in subject.ends_on]
    else:
        names = ["first end", "second end"] if len(points) > 1 else ["place"]
    off = sheet.off_plane_mm(points).tolist()
    parts = [f"{name} {sheet.beside(d)} the plane" for name, d in zip(names, off, strict=True) if abs(d) > reach_mm]
    parts += [f"{name} is not cut by the plane" for name in unseen]
    return "; ".join(parts)


def _of_course(isodose_lines: Sequence[PictureContour], dose: Dose | None, sheet: Sheet) -> str:
    """Return what of an earlier dose is not seen in a plane."""
    parts = []
    if not any(line.rings_mm for line in isodose_lines):
        parts.append("none of its isodose lines runs through this picture")
    if not is_reached(dose, sheet):
        parts.append("its dose is not known in all of this picture")
    return "; ".join(parts)


def _rounded(vector: FloatArray, digits: int) -> Point:
    x, y, z = (round(float(v), digits) + 0.0 for v in vector)
    return x, y, z
