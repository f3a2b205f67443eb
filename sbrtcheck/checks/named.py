"""The structures that a name of a protocol stands for: drawn, found by another spelling, or made of others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sbrtcheck.derived import Derived
from sbrtcheck.derived.built import Built, OfBuilt, build
from sbrtcheck.derived.cumulative import Cumulative
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.naming.expression import Expression, names_of, parse_expression, replaced, without
from sbrtcheck.naming.tables import base_of
from sbrtcheck.naming.text import key
from sbrtcheck.protocol.conditions import ROLES
from sbrtcheck.protocol.schema import ProtocolFile
from sbrtcheck.results import Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One structure that a name stands for.

    Attributes
    ----------
    structure : Structure
        What is measured; the best estimate of what is built.
    built : Built or None
        Its bounds, where it is made of others.
    how : str
        How it was found, where not by its own name.
    """

    structure: Structure
    built: Built | None = None
    how: str = ""

    @property
    def roi_number(self) -> int | None:
        """ROI number, None for what is built."""
        return None if self.built is not None else self.structure.roi_number

    @property
    def where(self) -> str:
        """How messages name it."""
        return self.structure.where if self.built is None else self.structure.name

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """How it was found, and what it is made of; nothing for a structure under its own name."""
        if not self.how:
            return ()
        parents = self.built.parents if self.built is not None else (self.structure,)
        return (Evidence(text=self.how, roi_numbers=tuple(s.roi_number for s in parents)),)

    def told(self, missing: NotComputable) -> str:
        """Return why something of it has no value; what is built has no ROI number to name."""
        if self.built is None:
            return str(missing)
        return str(NotComputable(missing.message, remedy=missing.remedy, where=self.where))

    def within(self, case: Derived | Cumulative) -> Derived | Cumulative | OfBuilt:
        """Return what a metric asks: a case, with the bounds of what is built."""
        return case if self.built is None else OfBuilt(self.built, case)


def named_in(name: str, protocol: ProtocolFile, derived: Derived, absent: Collection[str] = ()) -> tuple[Found, ...]:
    """Return the structures that a name stands for in a protocol; none where nothing is drawn.

    Parameters
    ----------
    name : str
        TG-263 name, role, or name of the protocol's own ``[structures]``.
    protocol : ProtocolFile
    derived : Derived
    absent : collection of str
        Names that are declared not to be at risk: not drawn, they are left out of what is made of several (``A | B``),
        as after a nephrectomy.

    Raises
    ------
    NotComputable
        If the structure is made of others and cannot be built, and none of that name is drawn.

    Notes
    -----
    What the protocol derives is built even where a structure of that name is drawn; then both count.
    """
    own = protocol.structures.get(name)
    found = [Found(structure) for structure in _drawn(name, derived)]
    if own is None:
        return tuple(found)
    found += _by_alias(name, own.aliases, protocol, derived)
    if own.derived:
        try:
            found.append(_built(name, protocol, derived, absent))
        except NotComputable:
            if not found:
                raise
    return tuple(found)


def parts_of(name: str, protocol: ProtocolFile) -> frozenset[str]:
    """Return the names that a derived structure is made of in the end; none for what is drawn."""
    own = protocol.structures.get(name)
    return (
        frozenset(names_of(_expanded(own.derived, protocol, name))) if own is not None and own.derived else frozenset()
    )


def _drawn(name: str, derived: Derived) -> tuple[Structure, ...]:
    if name in ROLES:
        return tuple(t.structure for t in derived.targets if t.role.role == name and t.structure.is_closed)
    return derived.named(name)


def _by_alias(name: str, aliases: tuple[str, ...], protocol: ProtocolFile, derived: Derived) -> Iterator[Found]:
    spellings = {key(alias): alias for alias in aliases}
    for structure in derived.structures:
        alias, taken = spellings.get(key(structure.name)), derived.match(structure).tg263
        # The site file speaks last, and what is known by another name is that; of a pair, the side may be missing.
        elsewhere = taken is not None and (taken == name or taken != base_of(name))
        if alias is None or elsewhere or structure.name.strip() in derived.site.structures:
            continue
        yield Found(structure, how=f"{structure.where} is taken as {name}: alias {alias!r} of {protocol.id}")


def _built(name: str, protocol: ProtocolFile, derived: Derived, absent: Collection[str]) -> Found:
    whole = _expanded(protocol.structures[name].derived, protocol, name)
    gone = {part for part in names_of(whole) if part in absent and not _candidates(part, protocol, derived)}
    expression = without(whole, gone)
    leaves = {leaf: _leaf(leaf, name, protocol, derived) for leaf in dict.fromkeys(names_of(expression))}
    built = build(name, expression, leaves, derived)
    made = ", ".join(f"{leaf} {' and '.join(s.where for s in found)}" for leaf, found in leaves.items())
    left_out = sorted(gone - set(leaves))
    made += f"; without {', '.join(left_out)}, by declaration not at risk" if left_out else ""
    return Found(built.best, built, f"{name} is made by {protocol.id}: {expression} ({made})")


def _expanded(text: str, protocol: ProtocolFile, *within: str) -> Expression:
    """Return an expression of nothing but what is drawn: other derived structures stand there as what they are."""

    def put(name: str) -> Expression | None:
        own = protocol.structures.get(name)
        if own is None or not own.derived or name in within:
            return None
        return _expanded(own.derived, protocol, *within, name)

    return replaced(parse_expression(text), put)


def _candidates(leaf: str, protocol: ProtocolFile, derived: Derived) -> tuple[Structure, ...]:
    own = protocol.structures.get(leaf)
    aliased = _by_alias(leaf, own.aliases, protocol, derived) if own is not None else ()
    return (*_drawn(leaf, derived), *(one.structure for one in aliased))


def _leaf(leaf: str, name: str, protocol: ProtocolFile, derived: Derived) -> tuple[Structure, ...]:
    found = _candidates(leaf, protocol, derived)
    empty = [t.structure.where for t in derived.grouping.undrawn if t.role.role == leaf]
    if not found or empty:
        missing = f"nothing is drawn in {', '.join(empty)}" if empty else f"no structure is taken as {leaf}"
        raise NotComputable(f"{name} cannot be made: {missing}")
    if len(found) > 1 and leaf not in ROLES:
        listed = ", ".join(s.where for s in found)
        raise NotComputable(f"{name} cannot be made: {listed} are all taken as {leaf}; the site file can say which is")
    return found
