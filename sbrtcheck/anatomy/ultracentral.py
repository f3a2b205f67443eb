"""Ultra-central lung lesions: definitions as data, distances between surfaces, verdict by bounds.

Bounds decide what is not drawn. A tumour lies inside its PTV, so it is at least as far from a structure as the PTV is;
contact with a part of a group (one main bronchus) is contact with the group; clearance from what contains a group (the
great vessels) is clearance from the group (the pulmonary vessels). A contour that ends above or below the lesion clears
nothing (``ends``), nor does a target in doubt.
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

from sbrtcheck.anatomy.airway_ends import divides, room_beyond
from sbrtcheck.anatomy.lesions import INNER_TO_OUTER, Lesion
from sbrtcheck.anatomy.shapes import Shapes
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
    branches: bool = False
    goes_on_as: NameSet = ()

    @property
    def inside(self) -> NameSet:
        """Names of structures that lie within the group."""
        return tuple(dict.fromkeys((*(name for names in self.complete for name in names), *self.parts)))


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
    central: dict[str, Definition]  # central, not ultra-central: for the reader, no rule asks for them
    central_groups: dict[str, Group]  # that only these name

    def group(self, group_id: str) -> Group:
        """Return one group of structures."""
        return self.groups[group_id] if group_id in self.groups else self.central_groups[group_id]


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
    built_of : tuple of str
        The names whose contours together stand for the group, where none bears its own name.
    doubtful : bool
        Whether all targets of the role are in doubt: contact is theirs.
    """

    group: str
    role: Role
    low_mm: float
    high_mm: float
    measured: Interval | None
    ends_mm: FloatArray | None
    roi_numbers: tuple[int, ...]
    missing: tuple[str, ...]
    built_of: tuple[str, ...] = ()
    doubtful: bool = False


State = Literal["inside", "outside", "straddles", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One definition applied to one lesion."""

    state: State
    distance_mm: float  # of the clause that decides
    nearest: Reach | None
    missing: tuple[str, ...]

    @property
    def doubtful(self) -> bool:
        """Whether a target in doubt alone is what is inside."""
        return self.state == "inside" and self.nearest is not None and self.nearest.doubtful


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
        key=lambda f: (f[0] != state, f[1].doubtful, f[1].measured.value - f[2] if f[1].measured else math.inf),
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
    """Return how far the target of one role is from a group of structures, in bounds where either is not drawn.

    A target in doubt is measured, and shows contact; that it is clear shows nothing.
    """
    found = {r: _reach_of_role(targets, r, group_id, named, shapes) for r, targets in _sure(lesion).items()}
    every = lesion.all_of_role(role)
    if role in found:
        if len(_sure(lesion)[role]) == len(every):
            return found[role]
        return replace(found[role], low_mm=_reach_of_role(every, role, group_id, named, shapes).low_mm)
    place = INNER_TO_OUTER.index(role)
    inner = [r for r in INNER_TO_OUTER[:place] if r in found]
    outer = [r for r in INNER_TO_OUTER[place + 1 :] if r in found]
    low = max((found[r].low_mm for r in outer), default=0.0)
    high = min((found[r].high_mm for r in inner), default=math.inf)
    if every:  # all of them in doubt
        shown = _reach_of_role(every, role, group_id, named, shapes)
        doubt = f"it is in doubt whether {every[0].where} is the {role}"
        missing, touched = (doubt, *shown.missing), min(high, shown.high_mm)
        return replace(shown, low_mm=min(low, touched), high_mm=touched, missing=missing, doubtful=touched < high)
    missing = (f"{lesion.id} has no {role}",)
    if not found:
        return Reach(group_id, role, 0.0, math.inf, None, None, (), missing)
    shown = found[inner[-1]] if inner else found[outer[0]]
    if shown.low_mm <= 0.0:  # the group is in question as well, not the target alone
        missing += shown.missing
    return replace(shown, low_mm=min(low, high), high_mm=high, missing=missing)


def _sure(lesion: Lesion) -> dict[Role, tuple[Structure, ...]]:
    """Return the targets of each role that are not in doubt; roles without any are left out."""
    doubtful = {m.structure.roi_number for m in lesion.members if m.role.doubtful}
    sure = {r: tuple(s for s in lesion.all_of_role(r) if s.roi_number not in doubtful) for r in INNER_TO_OUTER}
    return {role: targets for role, targets in sure.items() if targets}


def _reach_of_role(targets: Sequence[Structure], role: Role, group_id: str, named: Named, shapes: Shapes) -> Reach:
    """Return how far the nearest target of a role is: two phases of one tumour are both the tumour."""
    found = [_reach_of(target, role, group_id, named, shapes) for target in targets]
    nearest = min(found, key=lambda r: (r.measured.value if r.measured else math.inf, r.roi_numbers))
    return replace(nearest, low_mm=min(r.low_mm for r in found), high_mm=min(r.high_mm for r in found))


def _reach_of(target: Structure, role: Role, group_id: str, named: Named, shapes: Shapes) -> Reach:
    group = tables().group(group_id)
    names = dict.fromkeys((*group.inside, *(name for outer in group.within for name in outer)))
    drawn = {name: d for name in names if (d := _distance(target, named(name), shapes))}
    inside = [drawn[name] for name in group.inside if name in drawn]
    high = min((d.high_mm for d in inside), default=math.inf)
    clear = _clear(group, drawn, target, named, shapes)
    shown = min(inside or drawn.values(), key=lambda d: (d.separation.distance.value, d.roi_number), default=None)
    if shown is None:
        return Reach(group_id, role, clear.low_mm, high, None, None, (target.roi_number,), clear.missing)
    return Reach(
        group_id,
        role,
        min(clear.low_mm, high),
        high,
        shown.separation.distance,
        shown.separation.ends_mm,
        (target.roi_number, shown.roi_number),
        clear.missing,
        clear.built_of,
    )


@dataclass(frozen=True, slots=True)
class _Clear:
    """How far the whole group is away at least, and what would have to be drawn to know it better."""

    low_mm: float
    missing: tuple[str, ...]
    built_of: tuple[str, ...] = ()


def _clear(group: Group, drawn: dict[str, _Distance], target: Structure, named: Named, shapes: Shapes) -> _Clear:
    """Return the best that sets of names show which hold the whole group: those that are the group, then wider ones."""
    found = []
    for names in (*group.complete, *group.within):
        if not all(name in drawn for name in names):
            continue
        low = min(drawn[name].low_mm for name in names)
        room = _room(group, [s for name in names for s in named(name)], target, low, named, shapes)
        missing: tuple[str, ...] = ()
        if names in group.within:
            missing = (f"{group.title}: not drawn by itself, only within {', '.join(names)}",)
        if room < low:
            missing = (f"the contour of the {group.title} ends above or below the lesion",)
        found.append(_Clear(max(min(low, room), 0.0), missing, names if len(names) > 1 else ()))
    if found:
        # The farthest bound holds; nothing is missing where one set is the group, whole and by itself.
        best, whole = max(found, key=lambda c: c.low_mm), next((c for c in found if not c.missing), None)
        return replace(whole, low_mm=best.low_mm) if whole is not None else best
    partly = [name for name in group.inside if name in drawn]
    if partly:
        return _Clear(0.0, (f"the {group.title} is drawn only in part ({', '.join(partly)})",))
    return _Clear(0.0, (f"no contour of the {group.title}",))


def _room(
    group: Group, structures: Sequence[Structure], target: Structure, low_mm: float, named: Named, shapes: Shapes
) -> float:
    """Return how far from the target at least is what contours may have left out above or below, mm.

    Infinite where nothing was left out; no more is looked for where it cannot be nearer than ``low_mm``.
    """
    if not group.spans:
        return math.inf
    above, below = room_beyond(target, structures, shapes)
    if min(above, below) >= low_mm or (group.branches and divides(structures, shapes)):
        return math.inf
    if below < low_mm and group.goes_on_as:
        onward = [s for name in group.goes_on_as for s in named(name)]
        below = math.inf if _meet(structures, onward, shapes) else below
    return min(above, below)


def _meet(structures: Sequence[Structure], others: Sequence[Structure], shapes: Shapes) -> bool:
    """Whether one of the structures touches one of the others within the error of their distance."""
    for one in structures:
        found = _distance(one, others, shapes)
        if found is not None and found.low_mm <= 0.0:
            return True
    return False


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
