"""Ultra-central lung lesions: definitions as data, distances between surfaces, verdict by bounds.

Bounds decide what is not drawn. A tumour lies inside its PTV, so it is at least as far from a structure as the PTV is;
contact with a part of a group (one main bronchus) is contact with the group; clearance from what contains a group (the
great vessels) is clearance from the group (the pulmonary vessels).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import INNER_TO_OUTER, Lesion
from sbrtcheck.anatomy.shapes import Shapes, box_of
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.distance import Separation
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.naming.roles import Role
from sbrtcheck.results import Interval

NameSet = tuple[str, ...]
Named = Callable[..., tuple[Structure, ...]]  # TG-263 names -> structures


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Group(_Table):
    """Structures that a definition names together; see the head of the table."""

    title: str
    complete: tuple[NameSet, ...] = ()
    parts: NameSet = ()
    within: tuple[NameSet, ...] = ()
    spans: bool = False


class Clause(_Table):
    """Any of the targets within the distance of any of the structures."""

    targets: Annotated[tuple[Role, ...], Field(min_length=1)]
    structures: Annotated[tuple[str, ...], Field(min_length=1)]
    distance_mm: Annotated[float, Field(ge=0)]


class Definition(_Table):
    """What makes a lesion ultra-central: any clause."""

    title: str
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]
    source: str
    confidence: Literal["verified", "recalled", "derived"]


class Tables(_Table):
    """The data file."""

    groups: dict[str, Group]
    definitions: dict[str, Definition]


@cache
def tables() -> Tables:
    """Return the groups and definitions shipped with the program."""
    text = (files("sbrtcheck.anatomy") / "tables" / "ultracentral.toml").read_text(encoding="utf-8")
    return Tables.model_validate(tomllib.loads(text))


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far one target of a lesion is from one group of structures.

    Attributes
    ----------
    low_mm, high_mm : float
        Bounds of the distance, mm; ``(0, inf)`` where nothing is known.
    measured : Interval or None
        The shortest distance to what is drawn; None where nothing of the group is drawn.
    ends_mm : (2, 3) array or None
        End points of that distance: on the target, on the structure.
    missing : tuple of str
        What would have to be drawn to know more; empty where the target and the group are complete.
    """

    group: str
    role: Role
    low_mm: float
    high_mm: float
    measured: Interval | None
    ends_mm: FloatArray | None
    roi_numbers: tuple[int, ...]
    missing: tuple[str, ...]


State = Literal["inside", "outside", "straddles", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One definition applied to one lesion."""

    state: State
    distance_mm: float  # of the clause that decides
    nearest: Reach | None
    missing: tuple[str, ...]


def evaluate(definition: Definition, lesion: Lesion, named: Named, shapes: Shapes) -> Finding:
    """Apply a definition to a lesion.

    Parameters
    ----------
    definition : Definition
    lesion : Lesion
    named : callable
        Returns the structures matched to TG-263 names.
    shapes : Shapes
        Geometry of the structures.
    """
    findings = [
        _state(reach(group, role, lesion, named, shapes), clause.distance_mm)
        for clause in definition.clauses
        for role in clause.targets
        for group in clause.structures
    ]
    # One contact is enough; after that, what is missing weighs more than what is close.
    order: tuple[State, ...] = ("inside", "unknown", "straddles", "outside")
    state = next(s for s in order if any(f[0] == s for f in findings))
    nearest = min(
        (f for f in findings if f[0] == state or f[1].measured is not None),
        key=lambda f: (f[0] != state, f[1].measured.value - f[2] if f[1].measured else math.inf),
        default=None,
    )
    missing = dict.fromkeys(what for f in findings if f[0] == "unknown" for what in f[1].missing)
    distance = nearest[2] if nearest else definition.clauses[0].distance_mm
    return Finding(state, distance, nearest[1] if nearest else None, tuple(missing))


def _state(found: Reach, distance_mm: float) -> tuple[State, Reach, float]:
    if found.high_mm <= distance_mm:
        return "inside", found, distance_mm
    if found.low_mm > distance_mm:
        return "outside", found, distance_mm
    return ("unknown" if found.missing else "straddles"), found, distance_mm


def reach(group_id: str, role: Role, lesion: Lesion, named: Named, shapes: Shapes) -> Reach:
    """Return how far the target of one role is from a group of structures, in bounds where either is not drawn."""
    if lesion.all_of_role(role):
        return _reach_of_role(lesion, role, group_id, named, shapes)
    place = INNER_TO_OUTER.index(role)
    inner = [r for r in INNER_TO_OUTER[:place] if lesion.all_of_role(r)]
    outer = [r for r in INNER_TO_OUTER[place + 1 :] if lesion.all_of_role(r)]
    found = {r: _reach_of_role(lesion, r, group_id, named, shapes) for r in inner + outer}
    low = max((found[r].low_mm for r in outer), default=0.0)
    high = min((found[r].high_mm for r in inner), default=math.inf)
    shown = found[inner[-1]] if inner else found[outer[0]]
    missing = (f"{lesion.id} has no {role}", *shown.missing)
    return Reach(group_id, role, min(low, high), high, shown.measured, shown.ends_mm, shown.roi_numbers, missing)


def _reach_of_role(lesion: Lesion, role: Role, group_id: str, named: Named, shapes: Shapes) -> Reach:
    """Return how far the nearest target of a role is: two phases of one tumour are both the tumour."""
    found = [_reach_of(target, role, group_id, named, shapes) for target in lesion.all_of_role(role)]
    nearest = min(found, key=lambda r: (r.measured.value if r.measured else math.inf, r.roi_numbers))
    return replace(nearest, low_mm=min(r.low_mm for r in found), high_mm=min(r.high_mm for r in found))


def _reach_of(target: Structure, role: Role, group_id: str, named: Named, shapes: Shapes) -> Reach:
    group = tables().groups[group_id]
    inner_names = tuple(dict.fromkeys([n for names in group.complete for n in names] + list(group.parts)))
    outer_names = tuple(dict.fromkeys(n for names in group.within for n in names))
    inside = {n: d for n in inner_names if (d := _distance(target, named(n), shapes))}
    around = {n: d for n in outer_names if (d := _distance(target, named(n), shapes))}
    low, high = 0.0, math.inf
    missing: tuple[str, ...] = (f"no contour of the {group.title}",)
    if inside:
        high = min(d.high_mm for d in inside.values())
        missing = (f"the {group.title} is drawn only in part",)
    if any(all(n in inside for n in names) for names in group.complete):
        low, missing = min(d.low_mm for d in inside.values()), ()
        if group.spans and not _spanned(target, [s for n in inside for s in named(n)]):
            low, missing = 0.0, (f"the contour of the {group.title} ends above or below the lesion",)
    containers = [names for names in group.within if all(n in around for n in names)]
    if missing and containers:
        low = max(min(around[n].low_mm for n in names) for names in containers)
        missing = (f"the {group.title} is not drawn by itself",)
    shown = min((inside or around).values(), key=lambda d: (d.separation.distance.value, d.roi_number), default=None)
    if shown is None:
        return Reach(group_id, role, low, high, None, None, (target.roi_number,), missing)
    numbers = (target.roi_number, shown.roi_number)
    nearest = shown.separation
    return Reach(group_id, role, min(low, high), high, nearest.distance, nearest.ends_mm, numbers, missing)


@dataclass(frozen=True, slots=True, eq=False)
class _Distance:
    """Distance of a target from the structures of one name; two that claim the name are both believed."""

    low_mm: float
    high_mm: float
    separation: Separation  # of the nearest
    roi_number: int


def _distance(target: Structure, others: Sequence[Structure], shapes: Shapes) -> _Distance | None:
    found = []
    for other in others:
        if other.roi_number == target.roi_number:
            continue
        try:
            found.append((shapes.separation(target, other), other.roi_number))
        except NotComputable:
            continue
    if not found:
        return None
    # Clear only if clear of every claimant, touched only if every claimant is touched.
    low = min(s.distance.low for s, _ in found)
    high = max(s.distance.high for s, _ in found)
    return _Distance(low, high, *min(found, key=lambda f: (f[0].distance.value, f[1])))


def _spanned(target: Structure, others: Sequence[Structure]) -> bool:
    """Whether the contours reach past the target on both sides along the patient's axis."""
    box, boxes = box_of(target), [b for s in others if (b := box_of(s)) is not None]
    if box is None or not boxes:
        return False
    top, bottom = max(float(b[1, 2]) for b in boxes), min(float(b[0, 2]) for b in boxes)
    return bool(bottom <= box[0, 2] and top >= box[1, 2])
