"""From the names that a template gives a structure to a TG-263 name, or to the targets: surely or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from sbrtcheck.model import Structure
from sbrtcheck.model.structure import Code
from sbrtcheck.naming import NameMatch, SiteFile, match_name, target_role
from sbrtcheck.naming.tables import standard_names
from sbrtcheck.naming.text import fold
from sbrtcheck.protocol.exchange.base import LONGEST_NAME, CannotCarry, Draft

# What templates call any target of a role; with anything behind it the name is that of one particular target.
_ROLE_NAMES = frozenset({"gtv", "ctv", "itv", "ptv"})
_OUTERMOST = "ptv"


@dataclass(frozen=True, slots=True)
class Named:
    """What a rule of this program says of the structure.

    Attributes
    ----------
    tg263 : str
        The TG-263 name; "" for the outermost target of every lesion.
    reading : str
        How the name of the source was read, "" where it is the TG-263 name itself.
    unknown : tuple of str
        Other names of the source by which this program will not find the structure.
    """

    tg263: str
    reading: str = ""
    unknown: tuple[str, ...] = ()


def named(draft: Draft) -> Named:
    """Return what the structure of a limit is.

    The main name decides. Where it is not a name that is surely one of TG-263, the other names must all agree.

    Raises
    ------
    CannotCarry
        If no name is sure, or two disagree.

    Examples
    --------
    >>> named(Draft("row 2", ("Myelon",), "Max[Gy]", "<=", 30.0)).tg263
    'SpinalCord'
    >>> named(Draft("row 2", ("PTV",), "D95%[Gy]", ">=", 50.0)).tg263
    ''
    """
    names = tuple(dict.fromkeys(n.strip() for n in draft.names if n.strip()))
    if not names:
        raise CannotCarry("no structure is named")
    if any(len(name) > LONGEST_NAME for name in names):
        raise CannotCarry(f"a name of more than {LONGEST_NAME} characters is none of a structure")
    main, others = names[0], names[1:]
    targets = _targets(main, others)
    if targets is not None:
        return targets
    match = _match(main, draft.codes)
    if match.tg263 in standard_names():
        tg263, found = str(match.tg263), match
    else:
        tg263, found = _agreed(main, match, others)
    unknown = tuple(name for name in others if _match(name, ()).tg263 != tg263)
    reading = "" if main == tg263 else f"{main!r} in the file is taken as {tg263} ({found.how})"
    return Named(tg263, reading, unknown)


def _targets(main: str, others: tuple[str, ...]) -> Named | None:
    """Return the targets if the names are theirs, None if they are those of an organ."""
    roles = {fold(name) for name in others} & _ROLE_NAMES
    if fold(main) in _ROLE_NAMES - {_OUTERMOST}:
        raise CannotCarry(f"a rule on every {main} has no place yet: targets are measured by their outermost volume")
    nameless = _match(main, ()).tg263 is None
    if roles and nameless and fold(main) != _OUTERMOST and (_OUTERMOST not in roles or len(roles) < len(others)):
        raise CannotCarry(f"{main!r} has the names of targets ({', '.join(sorted(roles)).upper()}): which are meant?")
    if fold(main) == _OUTERMOST or (roles and nameless):
        unknown = tuple(name for name in others if fold(name) not in _ROLE_NAMES)
        return Named(
            "", f"{', '.join((main, *others))} in the file is taken as the outermost target of every lesion", unknown
        )
    if target_role(Structure(0, main, "", ()), SiteFile()) is not None:
        raise CannotCarry(f"{main!r} is one particular target; rules are on every target, not on one by its name")
    return None


def _agreed(main: str, match: NameMatch, others: tuple[str, ...]) -> tuple[str, NameMatch]:
    """Return the one TG-263 name that the other names have."""
    sure = {name: found for name in others if (found := _match(name, ())).tg263 in standard_names()}
    known = sorted({str(found.tg263) for found in sure.values()})
    if len(known) == 1:
        return known[0], next(iter(sure.values()))
    if known:
        said = ", ".join(f"{name!r} is {found.tg263}" for name, found in sure.items())
        raise CannotCarry(f"{main!r} is no sure TG-263 name, and its other names disagree: {said}")
    if match.tg263:
        raise CannotCarry(
            f"{main!r} has no side; write {match.tg263}_L or {match.tg263}_R, or the name of both together"
        )
    similar = f" (similar: {', '.join(match.suggestions)})" if match.suggestions else ""
    raise CannotCarry(f"{main!r} is surely no name of TG-263{similar}; rename it, or write the rule by hand")


def _match(name: str, codes: tuple[tuple[str, str], ...]) -> NameMatch:
    coded = tuple(Code(value, scheme, "") for scheme, value in codes)
    return match_name(Structure(0, name, "", (), codes=coded), SiteFile())
