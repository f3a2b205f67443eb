"""A slice picture of a target as data: CT behind, contours and isodose lines over it, and the letters of its edges."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from sbrtcheck.dose.sampling import DoseLayers
from sbrtcheck.errors import NotComputable, UnreadableFile
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Image
from sbrtcheck.results import Picture, PictureContour

MARGIN_MM = 35.0  # shown around the target: enough for the 50 % isodose of a small target and the nearest organ
_MOST_PIXELS = 200  # along a side of the CT
_DOSE_STEP_MM = 1.0  # isodose lines are drawn on points this far apart
_SAME_PLANE_MM = 0.1  # as far as a contour may leave its plane
_DRAWN_TO_MM = 0.05  # outlines are thinned to this: far below a printed line
_DIGITS = 2  # of coordinates in a picture, mm

_PRESCRIBED_PERCENT = (100.0, 80.0, 50.0)
_MAXIMUM_PERCENT = (90.0, 50.0)  # where nothing is prescribed

# Usual display windows (centre and half width, HU), and the rule that picks one. They decide nothing but the greys.
_WINDOWS = {"lung": (-600.0, 750.0), "soft tissue": (40.0, 200.0), "bone": (400.0, 900.0)}
_BONE_ABOVE_HU, _BONE_SHARE = 200.0, 0.15  # of the pixels inside the target
_LUNG_HU, _LUNG_SHARE = (-950.0, -400.0), 0.25  # of the pixels around the target

_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))  # towards falling and rising x, y, z (LPS)
_SLANT = 0.26  # sine of 15 degrees: an edge that leans further than this has a second letter

Named = tuple[str, str, Region]  # name, role, region


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """The plane of a picture: patient point = ``corner + u * right + v * down``, mm; a square of ``side_mm``."""

    corner_mm: FloatArray
    right: FloatArray
    down: FloatArray
    side_mm: float

    def to_lps(self, uv_mm: FloatArray) -> FloatArray:
        return np.asarray(self.corner_mm + uv_mm[:, :1] * self.right + uv_mm[:, 1:2] * self.down)

    @property
    def to_patient(self) -> FloatArray:
        """Rigid transform (4, 4) from (u, v, 0) to patient points."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([self.right, self.down, np.cross(self.right, self.down)])
        matrix[:3, 3] = self.corner_mm
        return matrix

    def to_uv(self, points_mm: FloatArray) -> FloatArray:
        arms = points_mm - self.corner_mm
        return np.column_stack([arms @ self.right, arms @ self.down])

    def off_plane_mm(self, points_mm: FloatArray) -> FloatArray:
        return np.asarray((points_mm - self.corner_mm) @ np.cross(self.right, self.down))

    def grid(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Return ``count`` cell centres along a side, mm, and all cells as (N, 2), row by row."""
        ticks = np.asarray((np.arange(count) + 0.5) * (self.side_mm / count))
        return ticks, np.column_stack([np.tile(ticks, count), np.repeat(ticks, count)])


def slice_picture(
    subject: str,
    title: str,
    target: Named,
    others: Sequence[Named],
    image: Image | None,
    dose: Dose | None,
    prescribed_gy: float | None,
    line_mm: FloatArray | None = None,
) -> Picture:
    """Draw a target on one of its own planes: that of a measured line, or else the plane of its largest area.

    Parameters
    ----------
    subject, title : str
        Whom the picture shows, and its caption.
    target : tuple of str, str, Region
        Name, role and region.
    others : sequence of the same
        Structures to outline where they cross the plane.
    image, dose : Image, Dose, optional
        In the frame of reference of the structures. A layer that does not reach the plane is left out.
    prescribed_gy : float, optional
        Gives the isodose levels; without it they are shares of the maximum of the grid.
    line_mm : (2, 3) float, optional
        Ends of a measured line, LPS, mm; it is drawn where it lies in the plane.

    Returns
    -------
    Picture
        An axial picture as radiologists look at it: the patient's right at the left edge, anterior on top.
    """
    region = target[2]
    plane = _plane_index(region, line_mm)
    sheet = _sheet(region, plane)
    outlines = [_structure(named, sheet) for named in (target, *others)]
    outlines += _isodoses(dose, prescribed_gy, sheet)
    outlines += _measured(line_mm, sheet)
    columns, pixels, window = _greys(image, sheet, region, plane)
    return Picture(
        subject=subject,
        title=title,
        plane=_plane_text(sheet),
        width_mm=_rounded(sheet.side_mm),
        height_mm=_rounded(sheet.side_mm),
        rows=columns,
        columns=columns,
        pixels=pixels,
        window=window,
        edges=(_letters(-sheet.right), _letters(sheet.right), _letters(-sheet.down), _letters(sheet.down)),
        outlines=tuple(outline for outline in outlines if outline.rings_mm),
    )


def _plane_index(region: Region, line_mm: FloatArray | None) -> int:
    if line_mm is not None:
        heights = region.to_local(np.asarray(line_mm, dtype=float))[:, 2]
        nearest = int(np.argmin(np.abs(region.w_mm - heights.mean())))
        if np.abs(heights - region.w_mm[nearest]).max() <= _SAME_PLANE_MM:
            return nearest
    return int(np.argmax(region.areas_mm2))


def _sheet(region: Region, plane: int) -> _Sheet:
    """Return a square around the target on one of its planes, turned as a reader expects it."""
    normal = region.to_patient[:3, 2]
    axis = int(np.argmax(np.abs(normal)))
    # Axial: right is towards the patient's left, down is posterior. Coronal and sagittal: the head is on top.
    along = np.eye(3)[1 if axis == 0 else 0]
    below = np.array([0.0, 1.0, 0.0]) if axis == 2 else np.array([0.0, 0.0, -1.0])
    right = along - (along @ normal) * normal
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    down *= np.sign(down @ below)
    uv = shapely.get_coordinates(region.outlines[plane])
    points = region.to_lps(np.column_stack([uv, np.full(len(uv), region.w_mm[plane])]))
    across, along_down = points @ right, points @ down
    side_mm = float(max(np.ptp(across), np.ptp(along_down))) + 2.0 * MARGIN_MM
    middle = [0.5 * (v.min() + v.max()) - 0.5 * side_mm for v in (across, along_down)]
    corner = middle[0] * right + middle[1] * down + (points[0] @ normal) * normal
    # No minus zero, which would be printed.
    return _Sheet(corner + 0.0, right + 0.0, down + 0.0, side_mm)


def _structure(named: Named, sheet: _Sheet) -> PictureContour:
    name, role, region = named
    rings = _rings(region, sheet)
    return PictureContour(label=name, kind="structure", role=role, rings_mm=rings)


def _rings(region: Region, sheet: _Sheet) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the outlines of a structure on its plane nearest the sheet, if that is the same plane, in picture mm."""
    corners = np.array([(0.0, 0.0), (sheet.side_mm, 0.0), (0.0, sheet.side_mm)])
    heights = region.to_local(sheet.to_lps(corners))[:, 2]
    plane = int(np.argmin(np.abs(region.w_mm - heights[0])))
    reach = 0.5 * (region.step_mm or 0.0) + _SAME_PLANE_MM
    if np.ptp(heights) > _SAME_PLANE_MM or abs(region.w_mm[plane] - heights[0]) > reach:
        return ()
    rings = []
    outline = shapely.simplify(region.outlines[plane], _DRAWN_TO_MM)
    for part in outline.geoms if isinstance(outline, shapely.MultiPolygon) else [outline]:
        for ring in (part.exterior, *part.interiors):
            local = shapely.get_coordinates(ring)[:-1]
            uv = sheet.to_uv(region.to_lps(np.column_stack([local, np.full(len(local), region.w_mm[plane])])))
            if _touches(uv, sheet):
                rings.append(_points(uv))
    return tuple(rings)


def _touches(uv: FloatArray, sheet: _Sheet) -> bool:
    return bool((uv.max(axis=0) >= 0.0).all() and (uv.min(axis=0) <= sheet.side_mm).all())


def _isodoses(dose: Dose | None, prescribed_gy: float | None, sheet: _Sheet) -> list[PictureContour]:
    if dose is None:
        return []
    full_gy = prescribed_gy if prescribed_gy else float(dose.dose_gy.max())
    of = "" if prescribed_gy else " of the maximum"
    ticks, _ = sheet.grid(max(2, round(sheet.side_mm / _DOSE_STEP_MM)))
    try:
        ((_, dose_gy),), (inside,) = DoseLayers(dose, sheet.to_patient, ticks, ticks, np.zeros(1)).both(0, 1)
    except NotComputable:
        return []
    from contourpy import contour_generator  # needed where something is drawn, not by measure

    generator = contour_generator(ticks, ticks, np.ma.masked_array(dose_gy, ~inside))
    found = []
    for percent in _PRESCRIBED_PERCENT if prescribed_gy else _MAXIMUM_PERCENT:
        level_gy = percent / 100.0 * full_gy
        lines = [np.asarray(line) for line in generator.lines(level_gy)] if level_gy > 0.0 else []
        found.append(
            PictureContour(
                label=f"{percent:g} %{of} ({level_gy:.4g} Gy)",
                kind="isodose",
                role=f"{percent:g}",
                rings_mm=tuple(_points(line) for line in lines),
            )
        )
    return found


def _measured(line_mm: FloatArray | None, sheet: _Sheet) -> list[PictureContour]:
    if line_mm is None:
        return []
    ends = np.asarray(line_mm, dtype=float)
    if np.abs(sheet.off_plane_mm(ends)).max() > _SAME_PLANE_MM:
        return []
    length_mm = float(np.linalg.norm(ends[1] - ends[0]))
    return [PictureContour(label=f"{length_mm:.1f} mm", kind="line", rings_mm=(_points(sheet.to_uv(ends)),))]


def _greys(image: Image | None, sheet: _Sheet, region: Region, plane: int) -> tuple[int, str, str]:
    """Return pixels along a side, the grey bytes as base64 and the window in words; nothing where there is no CT."""
    if image is None:
        return 0, "", ""
    finest_mm = min(image.lattice.spacing_mm[:2])
    count = int(min(_MOST_PIXELS, max(2, np.ceil(sheet.side_mm / finest_mm)))) if finest_mm > 0 else _MOST_PIXELS
    _, uv = sheet.grid(count)
    points = sheet.to_lps(uv)
    try:
        hu = _nearest_slices(image, points)
    except UnreadableFile:
        return 0, "", "the CT slice could not be read"
    reached = np.isfinite(hu)
    if not reached.any():
        return 0, "", ""
    local = region.to_local(points)
    inside = shapely.contains_xy(region.outlines[plane], local[:, 0], local[:, 1])
    name = _window(hu[inside & reached], hu[~inside & reached])
    centre, half = _WINDOWS[name]
    grey = np.where(reached, np.clip((hu - (centre - half)) / (2.0 * half), 0.0, 1.0), 0.0)
    text = f"{name} window, {centre:g} ± {half:g} HU" + ("" if reached.all() else "; black beyond the CT")
    return count, base64.b64encode(np.rint(grey * 255.0).astype(np.uint8).tobytes()).decode("ascii"), text


def _nearest_slices(image: Image, points_mm: FloatArray) -> FloatArray:
    """Return HU (N,), linear within the nearest slice; NaN more than half a step away from any slice or beside it."""
    lattice = image.lattice
    at = lattice.to_grid(points_mm)
    nearest = np.abs(at[:, 2, None] - lattice.k_mm[None, :]).argmin(axis=1)
    reach = 0.5 * lattice.spacing_mm[2] + _SAME_PLANE_MM
    near = np.abs(at[:, 2] - lattice.k_mm[nearest]) <= reach
    hu = np.full(len(at), np.nan)
    for k in np.unique(nearest[near]):
        here = near & (nearest == k)
        hu[here] = _bilinear(image.read_slice(int(k)), lattice.i_mm, lattice.j_mm, at[here])
    return hu


def _bilinear(pixels: FloatArray, i_mm: FloatArray, j_mm: FloatArray, at_mm: FloatArray) -> FloatArray:
    """Return values between the pixels ``(J, I)`` at grid coordinates ``(N, 2 or more)``, NaN beyond them."""
    corner, share, within = [], [], np.ones(len(at_mm), dtype=bool)
    for ticks, x in zip((i_mm, j_mm), at_mm.T, strict=False):
        if len(ticks) < 2:
            return np.full(len(at_mm), np.nan)
        low = np.clip(np.searchsorted(ticks, x) - 1, 0, len(ticks) - 2)
        corner.append(low)
        share.append((x - ticks[low]) / (ticks[low + 1] - ticks[low]))
        within &= (x >= ticks[0]) & (x <= ticks[-1])
    (i, j), (u, v) = corner, share
    upper = pixels[j, i] * (1.0 - u) + pixels[j, i + 1] * u
    lower = pixels[j + 1, i] * (1.0 - u) + pixels[j + 1, i + 1] * u
    return np.where(within, upper * (1.0 - v) + lower * v, np.nan)


def _window(inside_hu: FloatArray, around_hu: FloatArray) -> str:
    if inside_hu.size and np.mean(inside_hu > _BONE_ABOVE_HU) >= _BONE_SHARE:
        return "bone"
    low, high = _LUNG_HU
    if around_hu.size and np.mean((around_hu > low) & (around_hu < high)) >= _LUNG_SHARE:
        return "lung"
    return "soft tissue"


def _plane_text(sheet: _Sheet) -> str:
    normal = np.cross(sheet.right, sheet.down)
    axis = int(np.argmax(np.abs(normal)))
    name = ("sagittal", "coronal", "axial")[axis]
    if np.abs(normal[axis]) < 1.0 - 1e-6:  # more than a twelfth of a degree off
        return f"oblique, near {name}"
    return f"{name} at {'xyz'[axis]} = {sheet.corner_mm[axis]:.1f} mm"


def _letters(direction: FloatArray) -> str:
    """Return the anatomical letters of a direction, the strongest first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_LETTERS[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > _SLANT)[:2]


def _points(uv_mm: FloatArray) -> tuple[tuple[float, float], ...]:
    return tuple((_rounded(u), _rounded(v)) for u, v in uv_mm.tolist())


def _rounded(value: float) -> float:
    return round(value, _DIGITS) + 0.0
