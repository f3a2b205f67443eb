"""Which ROIs are targets: GTV, CTV, ITV or PTV, from the site file, the name and the RT ROI Interpreted Type.

The name decides before the type, since planning systems have no type for an ITV and users leave types wrong or empty
(PS3.3 Table C.8-44 has GTV, CTV and PTV only). What the two leave open makes a target *doubtful*: it is treated as a
target, and counts are widened by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from sbrtcheck.model import Structure
from sbrtcheck.naming.match import match_name
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.naming.tables import side_words, target_words
from sbrtcheck.naming.text import fold, tokens

Role = Literal["GTV", "CTV", "ITV", "PTV"]

# An internal gross or clinical volume (IGTV, ICTV) is an ITV here: larger than the tumour, smaller than the PTV.
_ROLE_WORD = re.compile(r"^(?P<role>i?gtv|i?ctv|itv|ptv)(?P<rest>.*)$")
_ROLES: dict[str, Role] = {"gtv": "GTV", "igtv": "ITV", "ctv": "CTV", "ictv": "ITV", "itv": "ITV", "ptv": "PTV"}
_TARGET_TYPES = frozenset({"GTV", "CTV", "PTV"})
# Types that say nothing about being a target or not.
_SILENT_TYPES = frozenset({"", "NONE", "TREATED_VOLUME", "IRRAD_VOLUME"})
_NEVER_TARGETS = frozenset({"EXTERNAL", "BOLUS", "SUPPORT", "FIXATION", "MARKER", "ISOCENTER", "REGISTRATION"})
_HELPER_PREFIX = re.compile(r"^(~|z_|z(?=[A-Z])|opt(?=[A-Z]))")
_SUBTRACTION_OF_TARGET = re.compile(r"\w\s*-\s*i?(gtv|ctv|itv|ptv)")
_NOT_WORD = re.compile(r"[^0-9a-z!]+")
_EXPANSION = re.compile(r"\+\s*\d|\d\s*cm\b")


@dataclass(frozen=True, slots=True)
class TargetRole:
    """A ROI taken as a target.

    Attributes
    ----------
    how : str
        What the role was taken from.
    doubtful : bool
        Whether name and type together leave open that this is a target at all.
    node : bool
        Whether the name calls it a lymph node.
    phase : bool
        Whether the name calls it one phase of breathing.
    """

    roi_number: int
    role: Role
    how: str
    doubtful: bool = False
    node: bool = False
    phase: bool = False


@dataclass(frozen=True, slots=True)
class NotATarget:
    """Why a ROI whose name or type speaks of a target was not taken as one."""

    roi_number: int
    why: str


def target_role(structure: Structure, site: SiteFile) -> TargetRole | None:
    """Return the role of a target, or None for what is no target.

    Examples
    --------
    >>> target_role(Structure(1, "PTV poumon D 45Gy", "", ()), SiteFile()).role
    'PTV'
    >>> target_role(Structure(2, "PTV-GTV", "PTV", ()), SiteFile()) is None
    True
    """
    found = judge_role(structure, site)
    return found if isinstance(found, TargetRole) else None


def judge_role(structure: Structure, site: SiteFile) -> TargetRole | NotATarget | None:
    """Return the role of a target, why a ROI that looks like one is none, or None where nothing speaks of a target."""
    name = structure.name.strip()
    words = _words(name)
    number, kind = structure.roi_number, structure.interpreted_type
    if name in site.targets:
        chosen = site.targets[name]
        if chosen == "ignore":
            return NotATarget(number, "the site file says so")
        return TargetRole(number, chosen, "site file", node=_is_node(words), phase=_is_phase(words))
    role, place = _role_in_name(words)
    helper = _helper(name, words)
    if not helper and structure.contours and not structure.is_closed:
        helper = "it holds points or open lines only"
    if helper:
        return NotATarget(number, helper) if role or kind in _TARGET_TYPES else None
    if role:
        odd = [why for why in (_odd_type(kind), _odd_place(name, words, place)) if why]
        how = "name" if not odd else f"name, although {' and '.join(odd)}"
        return TargetRole(number, role, how, doubtful=bool(odd), node=_is_node(words), phase=_is_phase(words))
    if kind in _TARGET_TYPES:
        return _by_type(structure, site, words)
    return _by_word(number, words, kind)


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name; words that begin with a target word are kept whole (``PTVopt``, ``GTVp``)."""
    plain = tuple(w for w in _NOT_WORD.split(fold(name)) if w)
    return plain if any(_ROLE_WORD.match(w) for w in plain) else tokens(name)


def _role_in_name(words: tuple[str, ...]) -> tuple[Role | None, int]:
    for place, word in enumerate(words):
        match = _ROLE_WORD.match(word)
        if match:
            return _ROLES[match["role"]], place
    return None, 0


def _helper(name: str, words: tuple[str, ...]) -> str:
    """Return why the name is that of a helper structure, "" where it is not."""
    if _HELPER_PREFIX.match(name):
        return "its prefix marks a structure for optimisation or one partly contoured"
    if _SUBTRACTION_OF_TARGET.search(fold(name)):
        return "its name is that of a subtraction"
    if _EXPANSION.search(fold(name)):
        return "its name is that of an expansion or a shell"
    for word in (*words, *tokens(name), *(_classifier(w) for w in words)):
        if target_words().get(word.strip("0123456789")) == "helper":
            return f"its name holds {word!r}, which marks a helper structure"
    return ""


def _classifier(word: str) -> str:
    """Return what stands behind GTV, CTV, ITV or PTV in one word, without numbers: ``n`` of ``GTVn1``."""
    match = _ROLE_WORD.match(word)
    return match["rest"].strip("0123456789") if match else ""


def _odd_type(kind: str) -> str:
    return "" if kind in _TARGET_TYPES | _SILENT_TYPES else f"its type is {kind}"


def _odd_place(name: str, words: tuple[str, ...], place: int) -> str:
    before = [w for w in words[:place] if not w.isdigit() and w not in side_words()]
    if before:
        return f"the name begins with {before[0]!r}"
    after = name.split("-", 1)[1] if "-" in name else ""
    if after and match_name(Structure(0, after, "", ()), SiteFile()).tg263:
        return "it may be a subtraction"
    return ""


def _by_type(structure: Structure, site: SiteFile, words: tuple[str, ...]) -> TargetRole:
    role = cast(Role, structure.interpreted_type)
    organ = match_name(structure, site).tg263
    how = f"type {role} alone"
    if organ:
        how += f", although the name is that of an organ ({organ})"
    return TargetRole(structure.roi_number, role, how, bool(organ), _is_node(words), _is_phase(words))


def _by_word(number: int, words: tuple[str, ...], kind: str) -> TargetRole | None:
    """Take ``tumour`` as a gross tumour and ``target`` as a planning target, both doubtful."""
    meanings = {target_words().get(w) for w in words}
    if "bed" in meanings or kind in _NEVER_TARGETS:
        return None
    for meaning, role in (("gross", "GTV"), ("planning", "PTV")):
        if meaning in meanings:
            return TargetRole(number, cast(Role, role), "a word in the name", doubtful=True, node=_is_node(words))
    return None


def _is_node(words: tuple[str, ...]) -> bool:
    return any(target_words().get(w) == "node" for w in (*words, *(_classifier(w) for w in words)))


def _is_phase(words: tuple[str, ...]) -> bool:
    return any(target_words().get(w) == "phase" for w in words)
