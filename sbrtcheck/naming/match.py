"""One ROI name to one TG-263 name, or to none: never to the nearest.

The order of evidence: the clinic's site file, a code stored with the ROI, an interpreted type that says what the ROI
is, the exact TG-263 name, an alias in use, the same name in other spelling, and last the same with a word for left or
right. Codes, type and name that contradict one another leave the ROI unmatched. Each match says how it was made, and
whether it rests on a name that is only recalled from practice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from sbrtcheck.model import Structure
from sbrtcheck.naming import tables
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.naming.text import key, plain, tokens

# Partly contoured ("~") and not for dose evaluation ("z"): neither is the organ (AAPM TG-263).
_PARTIAL = re.compile(r"^(~|z[_ ]|z(?=[A-Z]))")
# Something was added to the structure, or taken from it: it is no longer the organ.
_CHANGED = re.compile(r"\+|-\s*$")
_VERTEBRA = re.compile(
    r"^(?:(?:vertebrae?|vertebre|vertebralbody|corpsvertebral|vb|wirbel)(?P<level>[cdtls])(?P<number>\d{1,2})"
    r"|(?P<level2>[cdtls])(?P<number2>\d{1,2})(?:vertebra|vertebre|vertebralbody|vb|wirbel)"
    r"|(?P<level3>[hbl])wk(?P<number3>\d{1,2}))$"
)
# Cervical, thoracic and lumbar: "vertèbre D7" is dorsal; "HWK", "BWK", "LWK" are Hals-, Brust- and Lendenwirbelkörper.
_LEVELS = {"d": "T", "h": "C", "b": "T"}
_RIB = re.compile(r"^(?P<word>rib|cote|rippe)(?P<number>\d{1,2})$")
_RIB_LANGUAGES = {"rib": "en", "cote": "fr", "rippe": "de"}
# Types of what is no tissue of the patient (PS3.3 Table C.8-44): a name of an organ on one is a mistake of either.
_NO_TISSUE = frozenset({"BOLUS", "SUPPORT", "FIXATION", "ISOCENTER", "REGISTRATION", "DOSE_REGION"})
# What the outline of the patient is called; systems that call it skin give it the type EXTERNAL.
_OUTLINES = frozenset({"External", "Body", "Skin"})


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
    named = _by_name(name)
    found = [*_by_codes(structure), *_by_type(structure.interpreted_type), *([named] if named else [])]
    if named and structure.interpreted_type in _NO_TISSUE:
        why = f"type {structure.interpreted_type} and name ({named.tg263}) contradict each other"
        return NameMatch(structure.roi_number, None, why, (named.tg263,))
    if not found:
        return NameMatch(structure.roi_number, None, "unknown name", _suggestions(name))
    names = tuple(dict.fromkeys(f.tg263 for f in found))
    if any(not _agree(a, b) for a in names for b in names):
        why = f"what is stored with it contradicts itself: {'; '.join(f'{f.tg263} by {f.how}' for f in found)}"
        return NameMatch(structure.roi_number, None, why, names)
    # The one with its side, and the outline of the patient by its own name; of equals the first.
    best = max(found, key=lambda f: (f.tg263 == "Body", len(f.tg263)))
    used = [f.how for f in found if f is best or f.tg263 != best.tg263]
    return NameMatch(structure.roi_number, best.tg263, ", ".join(used))


@cache
def name_spans(name: str) -> frozenset[str]:
    """Return the TG-263 names that one to three neighbouring words of a name spell, as in the name of a target.

    Examples
    --------
    >>> sorted(name_spans("PTV poumon D 45Gy")), sorted(name_spans("PTV1"))
    (['Lung', 'Lung_R'], [])
    """
    words = tokens(name)
    spans = (words[i:j] for i in range(len(words)) for j in range(i + 1, min(i + 3, len(words)) + 1))
    texts = (" ".join(span) for span in spans)
    return frozenset(found.tg263 for text in texts if len(text) > 1 and (found := _by_name(text)))


def _agree(a: str, b: str) -> bool:
    """Whether one is the other, or the other without its side, or both are the outline of the patient."""
    return a == b or tables.base_of(a) == b or tables.base_of(b) == a or {a, b} <= _OUTLINES


def _by_codes(structure: Structure) -> tuple[_Found, ...]:
    found: dict[str, _Found] = {}
    for code in structure.codes:
        known = tables.names_by_fma() if code.scheme in {"FMA", "99VMS_STRUCTCODE"} else {}
        known = tables.names_by_snomed() if code.scheme == "SCT" else known
        if code.value in known:
            name = known[code.value]
            found.setdefault(name, _Found(name, f"code {code.value} ({code.scheme})"))
    return tuple(found.values())


def _by_type(kind: str) -> tuple[_Found, ...]:
    return (_Found("External", "type EXTERNAL"),) if kind == "EXTERNAL" else ()


def _by_name(name: str) -> _Found | None:
    if name in tables.standard_names():
        return _Found(name, "TG-263 name")
    spelt = plain(name)
    if _CHANGED.search(spelt):
        return None
    whole, minus = key(name), "-" in spelt
    # A minus sign is no matter of spelling: "Liver GTV" is the tumour, "Liver-GTV" is what it leaves of the liver.
    fitting = [a for a in tables.aliases_by_key().get(whole, ()) if minus or "-" not in a.tg263]
    aliases = {alias.tg263: alias for alias in reversed(fitting)}
    if len(aliases) == 1:
        (alias,) = aliases.values()
        return _Found(alias.tg263, f"{_alias(alias)}{_side_note(alias.tg263)}")
    standard = tables.names_by_key().get(whole)
    if standard and (minus or "-" not in standard):
        return _Found(standard, f"TG-263 name in other spelling{_side_note(standard)}")
    words = tokens(name)
    return _vertebra("".join(words)) or _with_side(words)


def _alias(alias: tables.Alias, *also: str) -> str:
    """Return an alias as the reader is told of it, and what confidence it deserves."""
    recalled = "recalled" in {alias.confidence, *also}
    return f"alias {alias.alias!r}{' (recalled)' if recalled else ''}"


def _side_note(tg263: str) -> str:
    return ", side not stated" if tg263 in tables.sided_bases() and tg263 not in tables.standard_names() else ""


def _vertebra(whole: str) -> _Found | None:
    found = _VERTEBRA.match(whole)
    if found is None:
        return None
    level = found["level"] or found["level2"] or found["level3"]
    number = int(found["number"] or found["number2"] or found["number3"])
    part = _LEVELS.get(level, level.upper())
    # Thoracic levels have two digits in TG-263, all others one.
    name = f"VB_{part}{number:0{2 if part == 'T' else 1}d}"
    return _Found(name, "vertebra by level") if name in tables.standard_names() else None


def _with_side(words: tuple[str, ...]) -> _Found | None:
    """Match a name that holds exactly one word for left or right, in the language of the rest of the name."""
    sides = [w for w in words if w in tables.side_words()]
    if len(sides) != 1:
        return None
    side = tables.side_words()[sides[0]]
    rest = "".join(w for w in words if w != sides[0])
    found: dict[str, str] = {}
    for alias in tables.aliases_by_key().get(rest, ()):
        if side.language in {"any", alias.language}:
            found.setdefault(f"{alias.tg263}_{side.side}", f"{_alias(alias, side.confidence)} and {sides[0]!r}")
    if side.language in {"any", "en"} and rest in tables.names_by_key():
        base = tables.names_by_key()[rest]
        found.setdefault(f"{base}_{side.side}", f"TG-263 name in other spelling and {sides[0]!r}")
    rib = _RIB.match(rest)
    if rib and side.language in {"any", _RIB_LANGUAGES[rib["word"]]}:
        found.setdefault(f"Rib{int(rib['number']):02d}_{side.side}", f"rib by number and {sides[0]!r}")
    known = sorted((n, how) for n, how in found.items() if n in tables.standard_names())
    return _Found(*known[0]) if len(known) == 1 else None


def _suggestions(name: str) -> tuple[str, ...]:
    close = get_close_matches(key(name), sorted(tables.names_by_key()), n=3, cutoff=0.7)
    close_alias = get_close_matches(key(name), sorted(tables.aliases_by_key()), n=3, cutoff=0.7)
    found = [tables.names_by_key()[k] for k in close]
    found += [alias.tg263 for k in close_alias for alias in tables.aliases_by_key()[k]]
    return tuple(dict.fromkeys(found))[:3]
