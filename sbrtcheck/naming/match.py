"""One ROI name to one TG-263 name, or to none: never to the nearest.

The order of evidence: the clinic's site file, a code stored with the ROI, the exact TG-263 name, an alias in use, the
same name in other spelling, and last the same with a word for left or right. A code and an exact name or alias that
contradict each other leave the ROI unmatched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from sbrtcheck.model import Structure
from sbrtcheck.naming import tables
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.naming.text import key, tokens

# Partly contoured ("~") and not for dose evaluation ("z"): neither is the organ (AAPM TG-263).
_PARTIAL = re.compile(r"^(~|z_|z(?=[A-Z]))")
_VERTEBRA = re.compile(r"^(?:vertebrae?|vertebre|vb|wirbel)(?P<level>[cdtls])(?P<number>\d{1,2})$")


@dataclass(frozen=True, slots=True)
class NameMatch:
    """What a ROI is taken for.

    Attributes
    ----------
    tg263 : str or None
        A TG-263 name; the name of a paired structure without side (``Lung``) where the file gives no side; None for an
        unknown ROI.
    how : str
        How the match was made, or why there is none.
    suggestions : tuple of str
        TG-263 names that look similar, for the reader only.
    """

    roi_number: int
    tg263: str | None
    how: str
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    tg263: str
    how: str


def match_name(structure: Structure, site: SiteFile) -> NameMatch:
    """Return the TG-263 name of a ROI, or none with similar names as suggestions.

    Examples
    --------
    >>> match_name(Structure(4, "Lt Lung", "AVOIDANCE", ()), SiteFile()).tg263
    'Lung_L'
    """
    name = structure.name.strip()
    if name in site.structures:
        chosen = site.structures[name]
        return NameMatch(structure.roi_number, None if chosen == "ignore" else chosen, "site file")
    if _PARTIAL.match(name):
        return NameMatch(structure.roi_number, None, "prefix for partly contoured or helper structures")
    coded, named = _by_code(structure), _by_name(name)
    found = coded or named
    if coded and named and not _agree(coded.tg263, named.tg263):
        why = f"code ({coded.tg263}) and name ({named.tg263}) contradict each other"
        return NameMatch(structure.roi_number, None, why, (coded.tg263, named.tg263))
    if coded and named and len(named.tg263) > len(coded.tg263):
        found = _Found(named.tg263, f"{coded.how}, {named.how}")  # the name adds the side
    if found:
        return NameMatch(structure.roi_number, found.tg263, found.how)
    return NameMatch(structure.roi_number, None, "unknown name", _suggestions(name))


def _agree(coded: str, named: str) -> bool:
    """Whether one is the other, or the other without its side."""
    return coded == named or tables.base_of(coded) == named or tables.base_of(named) == coded


def _by_code(structure: Structure) -> _Found | None:
    found = set()
    for code in structure.codes:
        if code.scheme in {"FMA", "99VMS_STRUCTCODE"} and code.value in tables.names_by_fma():
            found.add(_Found(tables.names_by_fma()[code.value], f"code {code.value} ({code.scheme})"))
        elif code.scheme == "SCT" and code.value in tables.names_by_snomed():
            found.add(_Found(tables.names_by_snomed()[code.value], f"code {code.value} ({code.scheme})"))
    return found.pop() if len(found) == 1 else None


def _by_name(name: str) -> _Found | None:
    if name in tables.standard_names():
        return _Found(name, "TG-263 name")
    whole = key(name)
    aliases = {alias.tg263: alias for alias in tables.aliases_by_key().get(whole, ())}
    if len(aliases) == 1:
        (alias,) = aliases.values()
        return _Found(alias.tg263, f"alias {alias.alias!r}{_side_note(alias.tg263)}")
    if whole in tables.names_by_key():
        found = tables.names_by_key()[whole]
        return _Found(found, f"TG-263 name in other spelling{_side_note(found)}")
    return _vertebra(whole) or _with_side(tokens(name))


def _side_note(tg263: str) -> str:
    return ", side not stated" if tg263 in tables.sided_bases() and tg263 not in tables.standard_names() else ""


def _vertebra(whole: str) -> _Found | None:
    level = _VERTEBRA.match(whole)
    if level is None:
        return None
    part = "T" if level["level"] == "d" else level["level"].upper()  # "vertèbre D7": dorsal
    # Thoracic levels have two digits in TG-263, all others one.
    name = f"VB_{part}{int(level['number']):0{2 if part == 'T' else 1}d}"
    return _Found(name, "vertebra by level") if name in tables.standard_names() else None


def _with_side(words: tuple[str, ...]) -> _Found | None:
    """Match a name that holds exactly one word for left or right, in the language of the rest of the name."""
    sides = [w for w in words if w in tables.side_words()]
    if len(sides) != 1:
        return None
    side = tables.side_words()[sides[0]]
    rest = "".join(w for w in words if w != sides[0])
    found = set()
    for alias in tables.aliases_by_key().get(rest, ()):
        if side.language in {"any", alias.language}:
            found.add((f"{alias.tg263}_{side.side}", f"alias {alias.alias!r} and {sides[0]!r}"))
    if side.language in {"any", "en"} and rest in tables.names_by_key():
        base = tables.names_by_key()[rest]
        found.add((f"{base}_{side.side}", f"TG-263 name in other spelling and {sides[0]!r}"))
    known = sorted((n, how) for n, how in found if n in tables.standard_names())
    return _Found(*known[0]) if len({n for n, _ in known}) == 1 else None


def _suggestions(name: str) -> tuple[str, ...]:
    close = get_close_matches(key(name), sorted(tables.names_by_key()), n=3, cutoff=0.7)
    close_alias = get_close_matches(key(name), sorted(tables.aliases_by_key()), n=3, cutoff=0.7)
    found = [tables.names_by_key()[k] for k in close]
    found += [alias.tg263 for k in close_alias for alias in tables.aliases_by_key()[k]]
    return tuple(dict.fromkeys(found))[:3]
