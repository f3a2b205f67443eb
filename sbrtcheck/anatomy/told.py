"""What the reader is told of names, targets and outlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from sbrtcheck.anatomy.lesions import Target
from sbrtcheck.anatomy.places import Places
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Structure
from sbrtcheck.naming.match import NameMatch
from sbrtcheck.naming.roles import NotATarget, TargetRole
from sbrtcheck.results import Assumption, Notice


def taken_as(structure: Structure, role: TargetRole | NotATarget | None, match: NameMatch) -> tuple[Assumption, ...]:
    """Return what a structure is taken for, and the key of the site file that overrules it."""
    called = f"{structure.where} {structure.name!r}"
    targets_key, structures_key = f"[targets] {structure.name!r}", f"[structures] {structure.name!r}"
    found = []
    if isinstance(role, TargetRole):
        doubt = ", in doubt" if role.doubtful else ""
        found.append((f"{called} is taken as a {role.role} by {role.how}{doubt}", targets_key))
    elif role is not None:
        found.append((f"{called} is not taken as a target: {role.why}", targets_key))
    if match.tg263 is not None:
        found.append((f"{called} is taken as {match.tg263} ({match.how})", structures_key))
    elif role is None:
        close = f"; similar names: {', '.join(match.suggestions)}" if match.suggestions else ""
        found.append((f"{called} is not taken as any known structure: {match.how}{close}", structures_key))
    return tuple(Assumption(topic="structure", text=text, overrule=key) for text, key in found)


def claimed_twice(taken: Sequence[tuple[Structure, str | None]]) -> tuple[Notice, ...]:
    """Return one notice for each TG-263 name that several drawn structures are taken for."""
    claimed: dict[str, list[Structure]] = {}
    for structure, tg263 in taken:
        if tg263 is not None and structure.is_closed:
            claimed.setdefault(tg263, []).append(structure)
    return tuple(
        Notice(
            code="name-claimed-twice",
            message=f"{', '.join(s.where for s in both)} are all taken as {tg263}; what one of them alone would "
            "show is not relied on",
            where=both[0].where,
        )
        for tg263, both in sorted(claimed.items())
        if len(both) > 1
    )


def empty_target(target: Target) -> Notice:
    """Return the notice for a target in which nothing is drawn."""
    return Notice(
        code="empty-target",
        message=f"{target.structure.where} is a {target.role.role} by {target.role.how}, but nothing is drawn in it",
        where=target.structure.where,
    )


def places_of_nobody(places: Places, targets: Iterable[Target]) -> tuple[Notice, ...]:
    """Return the notice for declared names that no target bears: what was declared for them was not used."""
    borne = {target.structure.name.strip() for target in targets}
    unused = sorted((frozenset(places.organs) | places.soft_tissue) - borne)
    if not unused:
        return ()
    message = f"declared for {', '.join(map(repr, unused))}, but no target has that name; what is declared was not used"
    return (Notice(code="declared-for-no-target", message=message),)


def odd_outline(structure: Structure, region: Region) -> tuple[Notice, ...]:
    """Return what the reader is told of the outlines of a structure."""
    return tuple(
        Notice(code=code, message=f"{structure.where}: {text}", where=structure.where, severity=severity)
        for code, text, severity in _oddities(region)
    )


def _oddities(region: Region) -> Iterator[tuple[str, str, Literal["info", "warning"]]]:
    if region.ignored:
        yield "contours-ignored", f"{region.ignored} contours enclose nothing and were left out", "info"
    if region.repeated:
        yield "contours-repeated", f"{region.repeated} contours stand twice on their plane and were taken once", "info"
    if region.crossing:
        yield (
            "contours-crossing",
            f"{region.crossing} pairs of contours cut each other; what both of a pair hold was taken as outside",
            "warning",
        )
    if region.gaps:
        places = ", ".join(f"{low:.1f} to {high:.1f} mm" for low, high in region.gaps)
        yield "planes-missing", f"planes seem to be missing along its normal ({places})", "warning"
