"""The organ that a lesion lies in, with the evidence for it.

Contoured organs decide; words in the names of the targets are shown but decide nothing. Left and right lung count as
one organ, as do all bones, all parts of the brain and all lymph nodes: a choice of this program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ_kinds import organ_kind
from sbrtcheck.anatomy.shapes import Shapes, far_apart, other_frame
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.distance import overlap
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Structure
from sbrtcheck.naming.match import name_spans
from sbrtcheck.results import Interval

# Least share of the outline inside one organ that places the lesion there; choices of this program. A PTV holds a
# margin of other tissue, and the shell between PTV and tumour speaks for the tumour only indirectly: both need more.
TUMOUR_SHARE = 0.5
INDIRECT_SHARE = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class OrganContour:
    """A drawn organ."""

    structure: Structure
    kind: str
    covers: Literal["all", "part", "rest"]


@dataclass(frozen=True, slots=True)
class OrganFinding:
    """Where a lesion lies.

    Attributes
    ----------
    organ : str or None
        The organ of the whole lesion; by name only where ``evidence`` says so; None where unknown.
    evidence : str
        ``contour`` (outline inside a drawn organ), ``surrounded`` (inside what a drawn organ leaves free),
        ``declared`` (a person says so, and nothing speaks against it), ``scan`` (what the CT shows), ``name`` or
        ``none``.
    certain : frozenset of str
        Organs that hold at least one part of the lesion by contour.
    unknown_parts : int
        Separate parts of the lesion that no drawn organ holds.
    text : str
        The evidence as a sentence.
    """

    organ: str | None
    evidence: Literal["contour", "surrounded", "declared", "scan", "name", "none"]
    certain: frozenset[str]
    unknown_parts: int
    text: str
    roi_numbers: tuple[int, ...] = ()
    place: str = ""  # what was declared, in full: may be the TG-263 name of one bone

    @property
    def decisive(self) -> bool:
        """Whether contours, or a person whom nothing contradicts, place the whole lesion in one organ."""
        return self.evidence in {"contour", "surrounded", "declared"}


def find_organ(lesion: Lesion, organs: Iterable[OrganContour], shapes: Shapes) -> OrganFinding:
    """Return the organ of a lesion.

    Parameters
    ----------
    lesion : Lesion
    organs : iterable of OrganContour
        Drawn organs; those that are a target of this lesion themselves are left out.
    shapes : Shapes
        Geometry of the structures.
    """
    own, frame = {m.structure.roi_number for m in lesion.members}, lesion.measured.frame_of_reference_uid
    near = [
        o
        for o in organs
        if o.structure.roi_number not in own
        and not other_frame(frame, o.structure.frame_of_reference_uid)
        and not far_apart(lesion.outermost, o.structure)
    ]
    found = [_organ_of(part, lesion, near, shapes) for part in shapes.parts(lesion.measured)]
    certain = frozenset(f.kind for f in found if f is not None)
    unknown = sum(f is None for f in found)
    named = _named_organs(lesion)
    if len(certain) == 1 and not unknown:
        (kind,) = certain
        first = next(f for f in found if f is not None)
        if named and kind not in named:
            text = f"{first.text}, but named {' and '.join(sorted(named))}: they contradict each other"
            return OrganFinding(None, "none", frozenset(), len(found), text, first.roi_numbers)
        return OrganFinding(kind, first.evidence, certain, 0, first.text, first.roi_numbers)
    text = "; ".join(f.text for f in found if f is not None) or _nothing_found(near)
    if len(named) == 1 and not certain:
        (kind,) = named
        return OrganFinding(kind, "name", certain, unknown, f"named {kind}; {text}")
    return OrganFinding(None, "none", certain, unknown, text)


@dataclass(frozen=True, slots=True)
class _Placed:
    kind: str
    evidence: Literal["contour", "surrounded"]
    text: str
    roi_numbers: tuple[int, ...]


def _organ_of(part: Region, lesion: Lesion, near: Sequence[OrganContour], shapes: Shapes) -> _Placed | None:
    needed = TUMOUR_SHARE if lesion.measured_role == "GTV" else INDIRECT_SHARE
    whole = volume(part)
    shares = {kind: _share(part, whole, kind, near, shapes) for kind in sorted({o.kind for o in near})}
    inside = [kind for kind, share in shares.items() if share is not None and share.low >= needed]
    possible = [kind for kind, share in shares.items() if share is not None and share.high >= TUMOUR_SHARE]
    role = lesion.measured_role
    if len(inside) == 1 and possible == inside:
        kind = inside[0]
        numbers = _holding(part, whole, [o for o in near if o.kind == kind and o.covers != "rest"], needed, shapes)
        share = shares[kind]
        percent = 100 * share.value if share else 0.0
        return _Placed(kind, "contour", f"{percent:.0f} % of the {role} lies inside the drawn {kind}", numbers)
    return None if possible else _surrounded(lesion, near, shapes)


def _holding(
    part: Region, whole: Interval, organs: Sequence[OrganContour], needed: float, shapes: Shapes
) -> tuple[int, ...]:
    """Return the ROIs that each hold enough of a part by themselves."""
    held = ((o.structure.roi_number, _overlap_or_none(part, o, shapes)) for o in organs)
    return tuple(number for number, shared in held if shared is not None and shared.low >= needed * whole.high)


def _overlap_or_none(part: Region, organ: OrganContour, shapes: Shapes) -> Interval | None:
    try:
        return overlap(part, shapes.region(organ.structure))
    except NotComputable:
        return None


def _share(part: Region, whole: Interval, kind: str, near: Sequence[OrganContour], shapes: Shapes) -> Interval | None:
    """Return the share of a part inside all contours of one organ; these may overlap one another."""
    shared = (_overlap_or_none(part, o, shapes) for o in near if o.kind == kind and o.covers != "rest")
    found = [s for s in shared if s is not None]
    if not found or whole.low <= 0:
        return None
    best = max(f.value for f in found) / whole.value
    low = max(f.low for f in found) / whole.high
    high = sum(f.high for f in found) / whole.low
    return Interval(min(best, 1.0), min(low, best, 1.0), min(max(high, best), 1.0))


def _surrounded(lesion: Lesion, near: Sequence[OrganContour], shapes: Shapes) -> _Placed | None:
    """Place a lesion that the organ's contour leaves out (lung without the tumour) by the shell round the tumour."""
    if lesion.gtv is None or lesion.ptv is None or lesion.ptv is lesion.gtv:
        return None
    tumour, outer = shapes.region(lesion.gtv), shapes.region(lesion.ptv)
    if len(shapes.parts(lesion.gtv)) > 1:
        return None
    shell = Interval(
        volume(outer).value - volume(tumour).value,
        volume(outer).low - volume(tumour).high,
        volume(outer).high - volume(tumour).low,
    )
    if shell.low <= 0:
        return None
    placed = []
    for organ in near:
        try:
            organ_region = shapes.region(organ.structure)
            outer_share, inner_share = overlap(outer, organ_region), overlap(tumour, organ_region)
        except NotComputable:
            continue
        share = (outer_share.low - inner_share.high) / shell.high
        if share >= INDIRECT_SHARE:
            text = f"{100 * share:.0f} % of the shell between GTV and PTV lies inside the drawn {organ.kind}"
            placed.append(_Placed(organ.kind, "surrounded", text, (organ.structure.roi_number,)))
    return placed[0] if len({p.kind for p in placed}) == 1 else None


def _nothing_found(near: Sequence[OrganContour]) -> str:
    kinds = sorted({o.kind for o in near})
    return f"no drawn organ holds it (drawn nearby: {', '.join(kinds)})" if kinds else "no organ is drawn near it"


def _named_organs(lesion: Lesion) -> frozenset[str]:
    found: set[str] = set()
    for member in lesion.members:
        found |= name_organs(member.structure.name)
    return frozenset(found)


@cache
def name_organs(name: str) -> frozenset[str]:
    """Return the organs that words in the name of a target speak of.

    Examples
    --------
    >>> sorted(name_organs("PTV poumon D 45Gy")), sorted(name_organs("GTV_Liver")), sorted(name_organs("PTV1"))
    (['lung'], ['liver'], [])
    """
    return frozenset(organ.kind for spoken in name_spans(name) if (organ := organ_kind(spoken)) is not None)
