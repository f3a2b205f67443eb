"""The structures of a protocol: other spellings of a name, what must be drawn, and what is made of other structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sbrtcheck.model import Structure
from sbrtcheck.naming.expression import ExpressionError, names_of, parse_expression
from sbrtcheck.naming.match import match_name
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.naming.tables import base_of, is_known
from sbrtcheck.naming.text import key
from sbrtcheck.protocol.conditions import ROLES


def _readable(text: str) -> str:
    if text:
        parse_expression(text)
    return text


class ProtocolStructure(BaseModel):
    """What a protocol says of one structure, under its TG-263 name or a name of its own.

    Attributes
    ----------
    aliases : tuple of str
        Other names under which a ROI that is taken for nothing else is taken as this structure.
    required : bool
        Whether the plan stays not evaluated while no structure is taken as it.
    derived : str
        What it is made of (``naming.expression``), instead of being drawn.
    definition : str
        What belongs to it, for the reader.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aliases: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    required: bool = False
    derived: Annotated[str, AfterValidator(_readable)] = ""
    definition: str = ""

    @model_validator(mode="after")
    def _drawn_or_derived(self) -> Self:
        if self.derived and self.aliases:
            raise ValueError("a derived structure is not looked for by name: give derived or aliases, not both")
        return self


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$")]
Structures = dict[Name, ProtocolStructure]


def is_name(name: str, own: Mapping[str, Any]) -> bool:
    """Whether a name means something in a protocol whose ``[structures]`` are ``own``."""
    return name in ROLES or name in own or is_known(name)


def structure_problems(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between the structures of a protocol; ``data`` need not be valid otherwise."""
    structures = _tables(data.get("structures"))
    claimed: dict[str, str] = {}
    for name, table in structures.items():
        path = f"structures.{name}"
        derived, aliases = table.get("derived"), table.get("aliases")
        if name in ROLES:
            yield f"{path}: targets are found by their role; name them in the site file ([targets])"
        elif not derived and not aliases and not is_known(name):
            yield f"{path}: {name!r} is not a TG-263 name, so it needs derived or aliases"
        if isinstance(derived, str) and derived:
            yield from _derivation_problems(name, derived, structures)
        for alias in aliases if isinstance(aliases, list | tuple) else ():
            yield from _alias_problems(name, str(alias), claimed)


def _tables(structures: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(structures, Mapping):
        return {}
    return {str(name): table for name, table in structures.items() if isinstance(table, Mapping)}


def _derivation_problems(name: str, derived: str, structures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for used in _used(derived):
        if used != name and not is_name(used, structures):
            yield (
                f"structures.{name}.derived: {used!r} is not a TG-263 name, a role ({', '.join(ROLES)}) or one of "
                "[structures]"
            )
    reached, waiting = set[str](), _used(derived)
    while waiting:
        used = waiting.pop()
        if used not in reached:
            reached.add(used)
            waiting += _used(structures.get(used, {}).get("derived"))
    if name in reached:
        yield f"structures.{name}.derived: {name!r} is made of itself"


def _used(derived: object) -> list[str]:
    try:
        return list(dict.fromkeys(names_of(parse_expression(derived)))) if isinstance(derived, str) and derived else []
    except ExpressionError:
        return []  # reported with the expression itself


def _alias_problems(name: str, alias: str, claimed: dict[str, str]) -> Iterator[str]:
    taken = match_name(Structure(0, alias, "", ()), SiteFile()).tg263
    if taken not in {None, name, base_of(name)}:
        yield f"structures.{name}.aliases: {alias!r} is taken as {taken} already"
    before = claimed.setdefault(key(alias), name)
    if before != name:
        yield f"structures.{name}.aliases: {alias!r} is an alias of {before} as well"
