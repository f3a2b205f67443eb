"""Left and right: a structure named for one side that lies on the other.

Sides are those of the patient: +x is the patient's left in DICOM patient coordinates (PS3.3 C.7.6.2.1.1), whatever the
position in the scanner. The midline is not known exactly: it is taken from organs that lie on it, else from paired
ones, else from the outline of the body, and only where nothing of that is drawn from the images. Each source has a
reach, and a structure is reported only when its middle lies beyond the reach of all sources of that kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np

from sbrtcheck.anatomy.lesions import Target
from sbrtcheck.anatomy.sanity.finding import DOSE, LOCATION, ContourFinding, finding
from sbrtcheck.anatomy.shapes import box_of
from sbrtcheck.model import Image, Structure
from sbrtcheck.naming.match import name_spans
from sbrtcheck.naming.tables import base_of

# Reaches are choices of this program, wide enough for a curved spine, a shifted mediastinum or one absent lobe. A body
# outline is off by an arm or a shoulder, the images by how the patient was put on the table.
_ORGAN_REACH_MM = 20.0
_BODY_REACH_MM = 30.0
_CT_REACH_MM = 50.0
# A narrower body outline may be that of one limb, whose middle is not the patient's: a trunk is wider.
_TRUNK_MM = 250.0

# Patterns of TG-263 names of organs that lie on the midline.
_MIDLINE = (
    *("SpinalCord*", "SpinalCanal", "ThecalSac", "CaudaEquina", "VB", "VB_*", "VBs", "Sacrum", "Sternum"),
    *("Brain", "Brainstem", "Pituitary", "OpticChiasm", "Pons"),
)
# Named for a side, yet lying on either: chambers of the heart, and vessels that cross the midline.
_EITHER_SIDE = frozenset({"Atrium", "Ventricle", "A_Coronary", "V_Brachioceph"})
_LOBE = re.compile(r"^Lung_([LR])[UML]L$")
_SIDES = {"L": "left", "R": "right"}
_REMEDY = "name it for the side that it lies on, or draw it again"

NameOf = Callable[[Structure], str | None]


@dataclass(frozen=True, slots=True)
class _Sided:
    structure: Structure
    base: str
    side: str
    x_mm: float


@dataclass(frozen=True, slots=True)
class _Midline:
    """Where the midline may be: x, mm, how far it may be off, and what that is taken from."""

    x_mm: float
    reach_mm: float
    source: str


def side_of(tg263: str) -> str | None:
    """Return ``L`` or ``R`` for a structure that lies on one side of the patient, None for any other.

    Examples
    --------
    >>> side_of("Lung_L"), side_of("Lung_RUL"), side_of("VB_L"), side_of("Ventricle_R"), side_of("Kidney_R-GTV")
    ('L', 'R', None, None, 'R')
    """
    name = tg263.split("-", 1)[0]
    base = base_of(name)
    if base != name:
        return name[-1] if base not in _EITHER_SIDE else None
    lobe = _LOBE.match(name)
    return lobe[1] if lobe else None


def side_findings(
    structures: Sequence[Structure], targets: Iterable[Target], tg263_of: NameOf, image: Image | None
) -> Iterator[ContourFinding]:
    """Yield the structures and targets that lie on the other side than their names say.

    Parameters
    ----------
    structures : sequence of Structure
        All structures of one frame of reference.
    targets : iterable of Target
        Targets whose own names may speak of one side: ``PTV poumon D``.
    tg263_of : callable
        The TG-263 name that a structure is taken for.
    image : Image or None
        Planning images in the same frame of reference.
    """
    numbers = {t.structure.roi_number for t in targets}
    drawn = [(s, name) for s in structures if s.is_closed and (name := tg263_of(s)) and s.roi_number not in numbers]
    sided = [
        _Sided(s, base_of(name), side, x_mm)
        for s, name in drawn
        if (side := side_of(name)) and (x_mm := _middle_x(s)) is not None
    ]
    midlines = _midlines(drawn, sided, image)
    if not midlines:
        return
    wrong = [one for one in sided if _is_wrong(one.side, one.x_mm, midlines)]
    yield from _of_organs(wrong, midlines)
    for target in targets:
        named = {side for name in name_spans(target.structure.name) if (side := side_of(name))}
        x_mm = _middle_x(target.structure)
        if len(named) == 1 and x_mm is not None:
            yield from (_of_target(target, side, midlines) for side in named if _is_wrong(side, x_mm, midlines))


def _of_organs(wrong: Sequence[_Sided], midlines: Sequence[_Midline]) -> Iterator[ContourFinding]:
    """Yield one finding for each organ, one for both where a pair is swapped."""
    for base in sorted({one.base for one in wrong}):
        both = sorted((one for one in wrong if one.base == base), key=lambda one: one.structure.roi_number)
        if {one.side for one in both} == {"L", "R"}:
            named = " and ".join(f"{one.structure.where} ({one.base}_{one.side})" for one in both)
            message = f"{named} each lie on the other side of the patient ({_sources(midlines)}): either the names are "
            message += "swapped, or the patient's orientation is wrong in the files"
            concerned = [one.structure for one in both]
            yield finding("sides-swapped", message, concerned, _undermined(midlines), _severity(midlines))
            continue
        for one in both:
            message = f"{one.structure.where} is taken for a {_SIDES[one.side]} {base} but lies on the patient's "
            message += f"{_other(one.side)} ({_sources(midlines)}); {_REMEDY}"
            yield finding("wrong-side", message, [one.structure], _undermined(midlines))


def _of_target(target: Target, side: str, midlines: Sequence[_Midline]) -> ContourFinding:
    message = f"the name of {target.structure.where} ({target.role.role}) says {_SIDES[side]}, but it lies on the "
    message += f"patient's {_other(side)} ({_sources(midlines)}); {_REMEDY}"
    return finding("target-wrong-side", message, [target.structure], _undermined(midlines), _severity(midlines))


def _other(side: str) -> str:
    return _SIDES["R" if side == "L" else "L"]


def _undermined(midlines: Sequence[_Midline]) -> frozenset[str]:
    # The middle of the images is where the patient was put, no more: it raises a question and decides nothing.
    return frozenset() if _by_image_only(midlines) else LOCATION | DOSE


def _severity(midlines: Sequence[_Midline]) -> Literal["warning", "blocking"]:
    return "warning" if _by_image_only(midlines) else "blocking"


def _by_image_only(midlines: Sequence[_Midline]) -> bool:
    return all(m.reach_mm == _CT_REACH_MM for m in midlines)


def _sources(midlines: Sequence[_Midline]) -> str:
    return "midline from " + ", ".join(dict.fromkeys(m.source for m in midlines))


def _is_wrong(side: str, x_mm: float, midlines: Sequence[_Midline]) -> bool:
    """Whether a place lies beyond every midline and its reach, on the other side."""
    sign = 1.0 if side == "L" else -1.0
    return all(sign * (x_mm - m.x_mm) < -m.reach_mm for m in midlines)


def _midlines(
    drawn: Sequence[tuple[Structure, str]], sided: Sequence[_Sided], image: Image | None
) -> tuple[_Midline, ...]:
    """Return the midlines of the best kind that there is."""
    kinds = (_of_midline_organs(drawn), _of_pairs(sided), _of_body(drawn), _of_image(image))
    return next((found for kind in kinds if (found := tuple(kind))), ())


def _of_midline_organs(drawn: Sequence[tuple[Structure, str]]) -> Iterator[_Midline]:
    for structure, name in drawn:
        if any(fnmatchcase(name, pattern) for pattern in _MIDLINE) and (x_mm := _middle_x(structure)) is not None:
            yield _Midline(x_mm, _ORGAN_REACH_MM, f"{structure.where} ({name})")


def _of_pairs(sided: Sequence[_Sided]) -> Iterator[_Midline]:
    for base in sorted({one.base for one in sided}):
        left = [one for one in sided if one.base == base and one.side == "L"]
        right = [one for one in sided if one.base == base and one.side == "R"]
        # Two that lie at one place are no pair: one of them bears the wrong name.
        if len(left) == len(right) == 1 and abs(left[0].x_mm - right[0].x_mm) > 2.0 * _ORGAN_REACH_MM:
            numbers = f"{left[0].structure.where} and {right[0].structure.where} (both sides of {base})"
            yield _Midline((left[0].x_mm + right[0].x_mm) / 2.0, _ORGAN_REACH_MM, numbers)


def _of_body(drawn: Sequence[tuple[Structure, str]]) -> Iterator[_Midline]:
    for structure, name in drawn:
        box = box_of(structure) if name in {"Body", "External"} else None
        if box is not None and box[1, 0] - box[0, 0] >= _TRUNK_MM:
            yield _Midline(float(box[:, 0].mean()), _BODY_REACH_MM, f"{structure.where} ({name})")


def _of_image(image: Image | None) -> Iterator[_Midline]:
    if image is None:
        return
    lattice = image.lattice
    centre = np.array([[(ticks[0] + ticks[-1]) / 2.0 for ticks in (lattice.i_mm, lattice.j_mm, lattice.k_mm)]])
    source = "the middle of the images alone, since nothing drawn tells it"
    yield _Midline(float(lattice.to_lps(centre)[0, 0]), _CT_REACH_MM, source)


def _middle_x(structure: Structure) -> float | None:
    """Return the mean x of the closed outlines, each edge by its length, mm; None where none has a length."""
    closed = [c.points_mm for c in structure.contours if c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}]
    closed = [points for points in closed if len(points)]
    if not closed:
        return None
    here = np.concatenate(closed)
    following = np.concatenate([np.concatenate([points[1:], points[:1]]) for points in closed])
    length = np.linalg.norm(following - here, axis=1)
    if not 0.0 < length.sum() < np.inf:
        return None
    return float(length @ (here[:, 0] + following[:, 0]) / (2.0 * length.sum()))
