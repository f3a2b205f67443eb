"""Targets grouped into lesions: nested and overlapping GTV, ITV, CTV and PTV are one lesion.

Every GTV is a lesion. An ITV, CTV or PTV that holds no smaller target is a lesion of its own. What the outlines leave
open widens the count: it is never guessed away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sbrtcheck.anatomy.shapes import Shapes
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.distance import overlap
from sbrtcheck.model import Structure
from sbrtcheck.naming.roles import Role, TargetRole
from sbrtcheck.results import Interval

# From the tumour outwards. An ITV goes before the CTV: it is drawn round the visible tumour as often as round the CTV.
INNER_TO_OUTER: tuple[Role, ...] = ("GTV", "ITV", "CTV", "PTV")

# Two outlines belong to one lesion when they share at least this part of the smaller one. A choice of this program;
# less than that, but more than nothing, is reported as ambiguous.
SAME_LESION = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A ROI with its role."""

    structure: Structure
    role: TargetRole


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One lesion and the targets drawn for it.

    Attributes
    ----------
    gtv, ctv, itv, ptv : Structure or None
        The outermost target of each role; None where none is drawn.
    members : tuple of Target
        Every target of the lesion, from the tumour outwards; a PTV round several lesions is a member of each.
    parts : int
        Separate parts of the innermost target: more than one may be more than one lesion.
    """

    id: str
    gtv: Structure | None
    ctv: Structure | None
    itv: Structure | None
    ptv: Structure | None
    members: tuple[Target, ...]
    parts: int = 1
    doubtful: bool = False
    shared: frozenset[int] = frozenset()  # ROI numbers of targets drawn round other lesions as well

    @property
    def measured(self) -> Structure:
        """The innermost target drawn: GTV, else ITV, CTV or PTV."""
        return next(s for s in (self.gtv, self.itv, self.ctv, self.ptv) if s is not None)

    @property
    def measured_role(self) -> Role:
        """Role of the innermost target."""
        return next(r for r in INNER_TO_OUTER if self.by_role[r] is not None)

    @property
    def measured_in_doubt(self) -> bool:
        """Whether name and type leave open what the innermost target is."""
        return any(m.role.doubtful for m in self.members if m.structure is self.measured)

    @property
    def outermost(self) -> Structure:
        """The outermost target drawn: PTV, else CTV, ITV or GTV."""
        return next(s for s in (self.ptv, self.ctv, self.itv, self.gtv) if s is not None)

    @property
    def is_called_node(self) -> bool:
        """Whether a name of the lesion calls it a lymph node."""
        return any(m.role.node for m in self.members)

    @property
    def names(self) -> frozenset[str]:
        """Names of its targets, without those that are drawn round other lesions as well."""
        return frozenset(m.structure.name.strip() for m in self.members if m.structure.roi_number not in self.shared)

    @property
    def by_role(self) -> dict[Role, Structure | None]:
        """The target of each role."""
        return {"GTV": self.gtv, "CTV": self.ctv, "ITV": self.itv, "PTV": self.ptv}

    def all_of_role(self, role: Role) -> tuple[Structure, ...]:
        """Return every target of one role; those shared with other lesions only where there is no other."""
        found = tuple(m.structure for m in self.members if m.role.role == role)
        own = tuple(s for s in found if s.roi_number not in self.shared)
        return own or found


@dataclass(frozen=True, slots=True, eq=False)
class Lesions:
    """All lesions of a plan, how many there may be, and what was ambiguous.

    Attributes
    ----------
    count : Interval or None
        None where no target is drawn.
    remarks : tuple of str
        Each doubt, in a sentence for the reader.
    undrawn : tuple of Target
        Targets by name or type in which nothing closed is drawn.
    """

    lesions: tuple[Lesion, ...]
    count: Interval | None
    remarks: tuple[str, ...] = ()
    undrawn: tuple[Target, ...] = ()


@dataclass(slots=True, eq=False)
class _Group:
    core: list[Target]  # innermost targets, which made this a lesion
    around: list[Target] = field(default_factory=list)
    shared: list[Target] = field(default_factory=list)  # drawn round several lesions
    parts: int = 0  # separate parts of the core that count, 0 for all
    doubts: int = 0  # how many other lesions this one may be the same as


def group_lesions(targets: Iterable[Target], shapes: Shapes) -> Lesions:
    """Group targets into lesions.

    Parameters
    ----------
    targets : iterable of Target
        In any order.
    shapes : Shapes
        Geometry of the structures.

    Returns
    -------
    Lesions
        Ordered by the ROI number of the innermost target, with ids ``lesion 1``, ``lesion 2`` ...
    """
    drawn, undrawn = _split_drawn(targets, shapes)
    remarks: list[str] = []
    groups: list[_Group] = []
    for role in INNER_TO_OUTER:
        # Small ones first, so that an outline round several others meets them as groups.
        of_role = [t for t in drawn if t.role.role == role]
        of_role.sort(key=lambda t: (shapes.volume(t.structure).value, t.structure.roi_number))
        for target in of_role:
            _place(target, groups, shapes, remarks)
    groups.sort(key=lambda g: min(t.structure.roi_number for t in g.core))
    lesions = tuple(_lesion(n, group, shapes, remarks) for n, group in enumerate(groups, start=1))
    for target in undrawn:
        found = target.role
        remarks.append(
            f"{target.structure.where} is a {found.role} by {found.how}, but nothing measurable is drawn in it"
        )
    return Lesions(lesions, _count(lesions, groups, undrawn, remarks), tuple(remarks), undrawn)


def _split_drawn(targets: Iterable[Target], shapes: Shapes) -> tuple[tuple[Target, ...], tuple[Target, ...]]:
    drawn, undrawn = [], []
    for target in sorted(targets, key=lambda t: t.structure.roi_number):
        try:
            shapes.volume(target.structure)
            drawn.append(target)
        except NotComputable:
            undrawn.append(target)
    return tuple(drawn), tuple(undrawn)


def _shared_part(a: Structure, b: Structure, shapes: Shapes) -> float:
    """Return the common volume as a fraction of the smaller of the two."""
    smaller = min(shapes.volume(a).value, shapes.volume(b).value)
    return shapes.overlap(a, b).value / smaller if smaller > 0 else 0.0


def _place(target: Target, groups: list[_Group], shapes: Shapes, remarks: list[str]) -> None:
    """Add a target to the lesions that it belongs to, or begin a new one."""
    shared = [max(_shared_part(target.structure, t.structure, shapes) for t in g.core) for g in groups]
    hits = [g for g, part in zip(groups, shared, strict=True) if part >= SAME_LESION]
    grazed = [g for g, part in zip(groups, shared, strict=True) if 0 < part < SAME_LESION]
    where = target.structure.where
    if not hits:
        if grazed:
            numbers = ", ".join(g.core[0].structure.where for g in grazed)
            remarks.append(f"{where} and {numbers} overlap in part: one lesion or several")
        groups.append(_Group([target], doubts=len(grazed)))
        return
    if len(hits) == 1:
        same_role = target.role.role == hits[0].core[0].role.role
        (hits[0].core if same_role else hits[0].around).append(target)
    else:
        _share(target, hits, shapes, remarks)
    empty = _parts_without(target, hits, shapes)
    if empty:
        remarks.append(f"{where}: {empty} of its parts hold no inner target; they are kept as a lesion of their own")
        groups.append(_Group([target], parts=empty, doubts=1))


def _share(target: Target, hits: list[_Group], shapes: Shapes, remarks: list[str]) -> None:
    """Add a target that is drawn round several lesions."""
    where, numbers = target.structure.where, ", ".join(g.core[0].structure.where for g in hits)
    for group in hits:
        group.shared.append(target)
    same_role = any(g.core[0].role.role == target.role.role for g in hits)
    phases = all(t.role.phase for g in hits for t in g.core)
    if (same_role and len(shapes.parts(target.structure)) == 1) or (phases and target.role.role == "ITV"):
        remarks.append(f"{where} encloses {numbers}: parts or phases of one lesion, or several lesions")
        hits[0].doubts += len(hits) - 1
    else:
        remarks.append(f"{where} encloses {numbers}: counted as {len(hits)} lesions")


def _parts_without(target: Target, hits: list[_Group], shapes: Shapes) -> int:
    """Return how many separate parts of a target hold none of the lesions that it was given to."""
    parts = shapes.parts(target.structure)
    cores = [shapes.region(t.structure) for g in hits for t in g.core if t is not target]
    if len(parts) == 1 or not cores:
        return 0
    return sum(all(overlap(part, core).value == 0 for core in cores) for part in parts)


def _lesion(number: int, group: _Group, shapes: Shapes, remarks: list[str]) -> Lesion:
    chosen: dict[str, Structure | None] = {role: _outermost(role, group, shapes) for role in INNER_TO_OUTER}
    parts = group.parts or max(len(shapes.parts(t.structure)) for t in group.core)
    if parts > 1:
        where = group.core[0].structure.where
        remarks.append(f"lesion {number}: {where} has {parts} separate parts, one lesion or several")
    return Lesion(
        id=f"lesion {number}",
        gtv=chosen["GTV"],
        ctv=chosen["CTV"],
        itv=chosen["ITV"],
        ptv=chosen["PTV"],
        members=(*group.core, *group.around, *group.shared),
        parts=parts,
        doubtful=all(t.role.doubtful for t in (*group.core, *group.around, *group.shared)),
        shared=frozenset(t.structure.roi_number for t in group.shared),
    )


def _outermost(role: Role, group: _Group, shapes: Shapes) -> Structure | None:
    """Return the largest target of a role: of the core before those drawn round it, and those before shared ones.

    Targets in doubt come after all others of the same kind.
    """
    for source in (group.core, group.around, group.shared):
        found = [t for t in source if t.role.role == role]
        if found:
            return max(found, key=lambda t: (not t.role.doubtful, *_size(t.structure, shapes))).structure
    return None


def _size(structure: Structure, shapes: Shapes) -> tuple[float, int]:
    return shapes.volume(structure).value, -structure.roi_number


def _count(
    lesions: Sequence[Lesion], groups: Sequence[_Group], undrawn: Sequence[Target], remarks: list[str]
) -> Interval | None:
    if not lesions:
        return None
    doubtful = [lesion for lesion in lesions if lesion.doubtful]
    remarks.extend(f"{lesion.id}: it is in doubt whether {lesion.measured.where} is a target" for lesion in doubtful)
    value = sum(lesion.parts for lesion in lesions)
    low = len(lesions) - len(doubtful) - sum(g.doubts for g in groups)
    empty = [sum(t.role.role == role for t in undrawn) for role in INNER_TO_OUTER]
    return Interval(value, max(low, 0), value + max(empty))
