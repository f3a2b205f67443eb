"""What is drawn over a picture: structures where its plane cuts them, isodose lines, and the measured line.

In a plane parallel to its own a structure shows its nearest drawn outline. Any other plane cuts each drawn outline in
straight pieces. Where a piece meets one piece of the next drawn plane and that one no other, their ends are joined;
elsewhere, and beyond the last piece, a piece holds for half the way to the next plane. What is seen is good to half the
distance of the drawn planes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sbrtcheck.anatomy.picture_planes import Sheet
from sbrtcheck.dose.sampling import DoseLayers
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.plates import connected_steps
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray
from sbrtcheck.remembered import remembered
from sbrtcheck.results import EARLIER, PictureContour

Ring = tuple[tuple[float, float], ...]

SAME_PLANE_MM = 0.1  # as far as a contour may leave its plane
_DRAWN_TO_MM = 0.05  # outlines are thinned to this, or to a share of the picture: both far below a printed line
_DRAWN_TO_SHARE = 5e-4
_GRID_MM = 1e-3  # pieces are joined on a grid: finer than what is written
_UPRIGHT = 1e-3  # planes that lean on others by less than 2.5 degrees from a right angle need no more heights
_MOST_TIMES = 20  # heights at which one outline is cut: enough for planes 3 degrees apart
_BEYOND_EDGE = 0.05  # outlines end so far outside the picture, as a share of its side
_DIGITS = 2  # of coordinates in a picture, mm
_DOSE_STEP_MM = 1.0  # isodose lines are drawn on points this far apart

_PRESCRIBED_PERCENT = (100.0, 80.0, 50.0)
_MAXIMUM_PERCENT = (90.0, 50.0)  # where nothing is prescribed
# Of an earlier course: what was treated, where tissue counts as irradiated, and the edge of what it gave at all.
_EARLIER_PERCENT = (95.0, 50.0, 5.0)


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A structure that pictures outline."""

    label: str
    role: str
    region: Region
    advisory: bool = False  # nobody drew it


def structure(what: Outlined, sheet: Sheet) -> PictureContour:
    """Return the outlines of a structure in a plane; no rings where it is not cut."""
    return PictureContour(
        label=what.label,
        kind="structure",
        role=what.role,
        roi_number=what.region.roi_number,
        advisory=what.advisory,
        rings_mm=_rings(what.region, sheet),
    )


def isodoses(dose: Dose | None, prescribed_gy: float | None, sheet: Sheet, course: str = "") -> list[PictureContour]:
    """Return isodose lines as shares of the prescription, or of the maximum of the grid where nothing is prescribed.

    Parameters
    ----------
    dose : Dose, optional
        NaN where it is not known.
    prescribed_gy : float, optional
    sheet : Sheet
    course : str
        Name of the earlier course that gave the dose; "" for this plan.
    """
    if dose is None:
        return []
    full_gy = prescribed_gy if prescribed_gy else float(np.nanmax(dose.dose_gy))
    of = "" if prescribed_gy else " of the maximum"
    try:
        ticks, dose_gy, inside = _sampled(dose, sheet)
    except NotComputable:
        return []
    from contourpy import contour_generator  # needed where something is drawn, not by measure

    generator = contour_generator(ticks, ticks, np.ma.masked_array(dose_gy, ~inside))
    percents = _EARLIER_PERCENT if course else _PRESCRIBED_PERCENT if prescribed_gy else _MAXIMUM_PERCENT
    found = []
    for percent in percents:
        level_gy = percent / 100.0 * full_gy
        lines = [np.asarray(line) for line in generator.lines(level_gy)] if level_gy > 0.0 else []
        label = f"{percent:g} %{of} ({level_gy:.4g} Gy)"
        found.append(
            PictureContour(
                label=f"{label}, {course}" if course else label,
                kind="isodose",
                role=f"{EARLIER} {percent:g}" if course else f"{percent:g}",
                rings_mm=tuple(_points(line) for line in lines),
            )
        )
    return found


def is_reached(dose: Dose | None, sheet: Sheet) -> bool:
    """Return whether a dose is known everywhere in a picture."""
    try:
        return dose is not None and bool(_sampled(dose, sheet)[2].all())
    except NotComputable:
        return False


def _sampled(dose: Dose, sheet: Sheet) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return where a dose is sampled along each side, its values, and where they are known; raises NotComputable."""
    ticks, _ = sheet.grid(max(2, round(sheet.side_mm / _DOSE_STEP_MM)))
    ((_, dose_gy),), (inside,) = DoseLayers(dose, sheet.to_patient, ticks, ticks, np.zeros(1)).both(0, 1)
    return ticks, dose_gy, inside & np.isfinite(dose_gy)


def measured(points_mm: FloatArray, reach_mm: float, sheet: Sheet) -> list[PictureContour]:
    """Return a measured line with its ends, or one point, in a plane.

    Parameters
    ----------
    points_mm : (2, 3) or (1, 3) float
        LPS.
    reach_mm : float
        What lies no further from the plane is in it; the rest is projected along the normal, and marked as such.
    """
    off, uv = sheet.off_plane_mm(points_mm), sheet.to_uv(points_mm)
    near = np.abs(off) <= reach_mm
    length_mm = float(np.linalg.norm(points_mm[-1] - points_mm[0]))
    label = f"{length_mm:.1f} mm" if len(points_mm) > 1 else "place"
    found = []
    if len(points_mm) > 1 and np.linalg.norm(uv[1] - uv[0]) > 0.0:
        for pieces, projected in zip(_pieces(off, reach_mm), (False, True), strict=True):
            rings = tuple(_points(uv[0] + np.array(piece)[:, None] * (uv[1] - uv[0])) for piece in pieces)
            found.append(PictureContour(label=label, kind="line", projected=projected, rings_mm=rings))
    for some, projected in ((near, False), (~near, True)):
        rings = tuple((_point(end),) for end in uv[some])
        found.append(PictureContour(label=label, kind="point", projected=projected, rings_mm=rings))
    return found


def _pieces(off_mm: FloatArray, reach_mm: float) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return the shares of a line, from its first end (0) to its last (1), that lie near the plane and that do not."""
    start, change = float(off_mm[0]), float(off_mm[1] - off_mm[0])
    if change == 0.0:
        return ([(0.0, 1.0)], []) if abs(start) <= reach_mm else ([], [(0.0, 1.0)])
    first, last = sorted(((-reach_mm - start) / change, (reach_mm - start) / change))
    first, last = min(max(first, 0.0), 1.0), min(max(last, 0.0), 1.0)
    if first == last:
        return [], [(0.0, 1.0)]
    return [(first, last)], [piece for piece in ((0.0, first), (last, 1.0)) if piece[1] > piece[0]]


def _rings(region: Region, sheet: Sheet) -> tuple[Ring, ...]:
    """Return the outlines of a region in a plane, in picture mm, thinned and cut a little outside the picture."""
    slope = region.to_patient[:3, :3].T @ sheet.normal  # the normal of the sheet in (u, v, w)
    lean = float(np.hypot(slope[0], slope[1]))  # 0: parallel, 1: at right angles
    if lean * sheet.side_mm <= SAME_PLANE_MM:
        shape = _nearest_outline(region, sheet)
    else:
        # At a slant drawn planes are far apart in the picture: an outline is cut at several heights.
        times = min(int(np.ceil(1.0 / lean - _UPRIGHT)), _MOST_TIMES) if region.step_mm else 1
        shape = _cut(_finer(region, times) if times > 1 else region, sheet, slope)
    if shape is None:
        return ()
    beyond = _BEYOND_EDGE * sheet.side_mm
    low, high = -beyond, sheet.side_mm + beyond
    if not shapely.box(low, low, high, high).contains(shapely.box(*shape.bounds)):
        shape = shapely.clip_by_rect(shape, low, low, high, high)
    shape = shapely.simplify(shape, max(_DRAWN_TO_MM, _DRAWN_TO_SHARE * sheet.side_mm))
    found = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon" and not part.is_empty:
            rings = [shapely.get_coordinates(ring)[:-1] for ring in (part.exterior, *part.interiors)]
        else:  # a structure of one plane and unknown thickness, seen from the side
            rings = [shapely.get_coordinates(part)]
        found += [_points(ring) for ring in rings if len(ring) > 1]
    return tuple(found)


def _nearest_outline(region: Region, sheet: Sheet) -> BaseGeometry | None:
    """Return the drawn outline nearest to a parallel plane, None where it is more than half a step away."""
    height = float(region.to_local(sheet.corner_mm[None, :])[0, 2])
    plane = int(np.argmin(np.abs(region.w_mm - height)))
    if abs(region.w_mm[plane] - height) > 0.5 * (region.step_mm or 0.0) + SAME_PLANE_MM:
        return None

    def to_sheet(uv: FloatArray) -> FloatArray:
        return sheet.to_uv(region.to_lps(np.column_stack([uv, np.full(len(uv), region.w_mm[plane])])))

    moved: BaseGeometry = shapely.transform(region.outlines[plane], to_sheet)
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Chords:
    """Straight pieces in which a plane cuts the drawn outlines, ordered by plane and by place along them.

    Attributes
    ----------
    plane : (C,) int
        Drawn plane of each piece.
    at_mm : (C, 2) float
        Where it begins and ends along the direction that all pieces share.
    uv_mm : (C, 2, 2) float
        The same as points of the picture.
    """

    plane: NDArray[np.intp]
    at_mm: FloatArray
    uv_mm: FloatArray


def _cut(region: Region, sheet: Sheet, slope: FloatArray) -> BaseGeometry | None:
    """Return what a plane that is not parallel to the drawn ones cuts out of a structure."""
    chords = _chords(region, sheet, slope)
    if not len(chords.plane):
        return None
    # One mm along w, in the sheet and at right angles to the pieces.
    flat = float(slope[0] ** 2 + slope[1] ** 2)
    rise = region.to_patient[:3, :3] @ np.array([-slope[2] * slope[0] / flat, -slope[2] * slope[1] / flat, 1.0])
    rise_uv = np.array([rise @ sheet.right, rise @ sheet.down])
    below_mm, above_mm = _reaches(region)
    shapes = []
    for chain in _chains(chords, connected_steps(region)):
        first, last = chords.plane[chain[0]], chords.plane[chain[-1]]
        ends = chords.uv_mm[chain]  # (C, begin or end, uv)
        bottom, top = ends[0] - below_mm[first] * rise_uv, ends[-1] + above_mm[last] * rise_uv
        if below_mm[first] + above_mm[last] == 0.0 and len(chain) == 1:
            shapes.append(shapely.linestrings(ends[0]))
            continue
        sides = np.concatenate([bottom[None], ends, top[None]])
        shapes.append(shapely.polygons(np.concatenate([sides[:, 0], sides[::-1, 1]])))
    # Borders of neighbours agree to rounding only; on a grid they are one border, and vanish.
    joined: BaseGeometry = shapes[0] if len(shapes) == 1 else shapely.union_all(np.array(shapes), grid_size=_GRID_MM)
    return joined


def _reaches(region: Region) -> tuple[FloatArray, FloatArray]:
    """Return how far each outline holds below and above its plane, mm: half the way to the next plane."""
    half = 0.5 * (region.step_mm or 0.0)
    between = np.where(connected_steps(region).astype(bool), 0.5 * np.diff(region.w_mm), half)
    return np.concatenate([[half], between]), np.concatenate([between, [half]])


@remembered(16)
def _finer(region: Region, times: int) -> Region:
    """Return each outline several times within the thickness that it holds for."""
    below, above = _reaches(region)
    share = (np.arange(times) + 0.5) / times
    w_mm = (region.w_mm - below)[:, None] + (below + above)[:, None] * share
    step_mm = None if region.step_mm is None else region.step_mm / times
    outlines = tuple(outline for outline in region.outlines for _ in range(times))
    return replace(region, w_mm=w_mm.ravel(), outlines=outlines, step_mm=step_mm)


def _chains(chords: _Chords, connected: FloatArray) -> list[list[int]]:
    """Return pieces on neighbouring planes that follow one another, each the only one that meets the next."""
    planes, starts = np.unique(chords.plane, return_index=True)
    groups = np.split(np.arange(len(chords.plane)), starts[1:])
    chains: dict[int, list[int]] = {}  # by its last piece
    done: list[list[int]] = []
    before: tuple[int, NDArray[np.intp]] | None = None
    for plane, group in zip(planes.tolist(), groups, strict=True):
        linked: dict[int, int] = {}
        if before is not None and before[0] == plane - 1 and connected[plane - 1]:
            a, b = chords.at_mm[before[1]], chords.at_mm[group]
            meet = (a[:, None, 0] < b[None, :, 1]) & (b[None, :, 0] < a[:, None, 1])
            alone = meet & (meet.sum(axis=1) == 1)[:, None] & (meet.sum(axis=0) == 1)[None, :]
            linked = {int(group[j]): int(before[1][i]) for i, j in np.argwhere(alone)}
        going = {n: [*chains.pop(linked[n]), n] if n in linked else [n] for n in group.tolist()}
        done += chains.values()
        chains, before = going, (plane, group)
    return done + list(chains.values())


def _chords(region: Region, sheet: Sheet, slope: FloatArray) -> _Chords:
    begin, end, plane = _sides(region)
    offset = float(sheet.normal @ (sheet.corner_mm - region.to_patient[:3, 3]))
    height = slope[2] * region.w_mm[plane] - offset
    behind, beyond = begin @ slope[:2] + height, end @ slope[:2] + height
    # A vertex in the plane counts as behind it, so that every closed ring is crossed an even number of times.
    cross = np.flatnonzero((behind >= 0.0) != (beyond >= 0.0))
    share = (behind[cross] / (behind[cross] - beyond[cross]))[:, None]
    uv, plane = begin[cross] + share * (end[cross] - begin[cross]), plane[cross]
    along = uv @ (np.array([-slope[1], slope[0]]) / np.hypot(slope[0], slope[1]))
    order = np.lexsort([along, plane])  # even-odd: inside from the first crossing of a plane to its second, and so on
    points = region.to_lps(np.column_stack([uv, region.w_mm[plane]]))[order]
    return _Chords(plane[order][::2], along[order].reshape(-1, 2), sheet.to_uv(points).reshape(-1, 2, 2))


@remembered(128)
def _sides(region: Region) -> tuple[FloatArray, FloatArray, NDArray[np.intp]]:
    """Return begin and end ``(E, 2)`` of all sides of all outlines, in (u, v), and the plane ``(E,)`` of each."""
    polygons, plane = shapely.get_parts(np.array(region.outlines), return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    return points[:-1][same], points[1:][same], plane[polygon[ring[1:][same]]]


def _points(uv_mm: FloatArray) -> Ring:
    return tuple(_point(uv) for uv in uv_mm)


def _point(uv_mm: FloatArray) -> tuple[float, float]:
    return round(float(uv_mm[0]), _DIGITS) + 0.0, round(float(uv_mm[1]), _DIGITS) + 0.0
