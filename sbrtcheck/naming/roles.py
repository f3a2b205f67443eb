"""Which ROIs are targets: GTV, CTV, ITV or PTV, from the site file, the name and the RT ROI Interpreted Type.

The name decides before the type, since planning systems have no type for an ITV and users leave types wrong or empty
(PS3.3 Table C.8-44 has GTV, CTV and PTV only). What the two leave open, or contradict each other in, makes a target
*doubtful*: it is treated as a target, and counts are widened by it. Only what surely is no target is left out.
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
_HELPER_PREFIX = re.compile(r"^(~|z[_ ]|z(?=[A-Z]|i?[gcip]tv)|opt(?=[A-Z]))")
_SUBTRACTION_OF_TARGET = re.compile(r"\w\s*[-\\]\s*i?(gtv|ctv|itv|ptv)")
_NOT_WORD = re.compile(r"[^0-9a-z!]+")
# "PTV+3", "PTV + 5 mm"; but "PTV1+2" are two targets, or one with a margin.
_EXPANSION = re.compile(r"[a-z]\s*\+\s*\d|\+\s*\d+\s*[cm]m\b")
_PLUS = re.compile(r"\d\s*\+|\+\s*i?[gcip]tv")
# A width in centimetres is that of a shell round the PTV; of a tumour it may be the size.
_CENTIMETRES = re.compile(r"\d\s*cm\b")
# Volumes made from the dose: "Dose 50[%]", "IDL_50", "V20Gy", "Isodose 95 %", "50%".
_OF_DOSE = re.compile(
    r"^(?:iso)?doses?(?![a-z])|isodose|^idl(?![a-z])|^iso[ _]?\d|^[vr]\d+([.,]\d+)?\s*(gy|cgy|%)|^\d+([.,]\d+)?\s*%\s*$"
)
# The same without a unit: a volume at a dose, or a target with a number.
_MAYBE_OF_DOSE = re.compile(r"^(?:[vrd]\d+|\d+([.,]\d+)?\s*(gy|cgy))\b|%")
_NUMBER_SIGN = re.compile(r"\bn\s*°")  # French "n°1"


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
        return TargetRole(number, chosen, "site file", node=_is_node(words), phase=_is_phase(name, words, chosen))
    role, place = _role_in_name(words)
    helper = _helper(name, words, role)
    if kind == "DOSE_REGION":
        helper = "its type is DOSE_REGION"
    # A point called "PTV iso" is none; by its type it is a target in which nothing is drawn.
    if not helper and structure.contours and not structure.is_closed and kind not in _TARGET_TYPES:
        helper = "it holds points or open lines only"
    if helper:
        return NotATarget(number, helper) if role or kind in _TARGET_TYPES else None
    if role:
        odd = [why for why in (_odd_type(kind, role, words[place]), *_odd_name(name, words, place, role)) if why]
        how = "name" if not odd else f"name, although {' and '.join(odd)}"
        node, phase = _is_node(words), _is_phase(name, words, role)
        return TargetRole(number, role, how, doubtful=bool(odd), node=node, phase=phase)
    if kind in _TARGET_TYPES:
        return _by_type(structure, site, words)
    return _by_word(number, words, kind)


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name; words that begin with a target word are kept whole (``PTVopt``, ``GTVp``)."""
    numbered = _NUMBER_SIGN.sub(" ", fold(name))
    whole = tuple(w for w in _NOT_WORD.split(numbered) if w)
    return whole if any(_ROLE_WORD.match(w) for w in whole) else tokens(name)


def _role_in_name(words: tuple[str, ...]) -> tuple[Role | None, int]:
    for place, word in enumerate(words):
        match = _ROLE_WORD.match(word)
        if match:
            return _ROLES[match["role"]], place
    return None, 0


def _helper(name: str, words: tuple[str, ...], role: Role | None) -> str:
    """Return why the name is that of a helper structure, "" where it is not."""
    folded = fold(name)
    if _HELPER_PREFIX.match(name):
        return "its prefix marks a structure for optimisation or one partly contoured"
    if _SUBTRACTION_OF_TARGET.search(folded):
        return "its name is that of a subtraction"
    if _EXPANSION.search(folded) or (_CENTIMETRES.search(folded) and role in {"PTV", None}):
        return "its name is that of an expansion or a shell"
    if _OF_DOSE.search(folded):
        return "its name is that of a volume made from the dose"
    for word in _meaningful(name, words):
        if target_words().get(word) == "helper":
            return f"its name holds {word!r}, which marks a helper structure"
    return ""


def _meaningful(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a name without the numbers on them, and what stands behind GTV, CTV, ITV or PTV."""
    found = (*words, *tokens(name), *(_classifier(w) for w in words))
    return tuple(w.strip("0123456789") for w in found)


def _classifier(word: str) -> str:
    """Return what stands behind GTV, CTV, ITV or PTV in one word, without numbers: ``n`` of ``GTVn1``."""
    match = _ROLE_WORD.match(word)
    return match["rest"].strip("0123456789") if match else ""


def _odd_type(kind: str, role: Role, word: str) -> str:
    """Return why the type speaks against the name; there is no type for an ITV, which is stored as any of the three."""
    if kind in _SILENT_TYPES or kind == role or (kind in _TARGET_TYPES and (role == "ITV" or word.startswith("i"))):
        return ""
    return f"its type is {kind}"


def _odd_name(name: str, words: tuple[str, ...], place: int, role: Role) -> tuple[str, ...]:
    """Return what in a name leaves open whether this is a target."""
    odd = []
    folded = fold(name)
    before = [w for w in words[:place] if not w.isdigit() and w not in side_words()]
    if before:
        odd.append(f"the name begins with {before[0]!r}")
    after = folded.split("-", 1)[1] if "-" in folded else ""
    if after and match_name(Structure(0, after, "", ()), SiteFile()).tg263:
        odd.append("it may be a subtraction")
    if _PLUS.search(folded):
        odd.append("it may be a sum")
    if _CENTIMETRES.search(folded):
        odd.append("it may be an expansion")
    if "%" in folded and role == "PTV":
        odd.append("it may be made from the dose")
    marks = [w for w in _meaningful(name, words) if target_words().get(w) == "doubt"]
    if marks:
        odd.append(f"the name holds {marks[0]!r}")
    return tuple(odd)


def _by_type(structure: Structure, site: SiteFile, words: tuple[str, ...]) -> TargetRole:
    role = cast(Role, structure.interpreted_type)
    name = structure.name.strip()
    organ = match_name(structure, site).tg263
    odd = [f"the name is that of an organ ({organ})"] if organ else []
    if _MAYBE_OF_DOSE.search(fold(name)):
        odd.append("the name may be that of a dose")
    marks = [w for w in _meaningful(name, words) if target_words().get(w) == "doubt"]
    if marks:
        odd.append(f"the name holds {marks[0]!r}")
    how = f"type {role} alone" + (f", although {' and '.join(odd)}" if odd else "")
    return TargetRole(
        structure.roi_number, role, how, bool(odd), _is_node(words), _is_phase(structure.name, words, role)
    )


def _by_word(number: int, words: tuple[str, ...], kind: str) -> TargetRole | None:
    """Take ``tumour`` as a gross tumour and ``target`` as a planning target, both doubtful."""
    meanings = {target_words().get(w.strip("0123456789")) for w in words}
    if meanings & {"bed", "helper"} or kind in _NEVER_TARGETS:
        return None
    for meaning, role in (("gross", "GTV"), ("planning", "PTV")):
        if meaning in meanings:
            return TargetRole(number, cast(Role, role), "a word in the name", doubtful=True, node=_is_node(words))
    return None


def _is_node(words: tuple[str, ...]) -> bool:
    return any(target_words().get(w) == "node" for w in (*words, *(_classifier(w) for w in words)))


def _is_phase(name: str, words: tuple[str, ...], role: str) -> bool:
    """Whether a name calls a target one phase of breathing; a percentage of a tumour is one, of a PTV a dose."""
    return any(target_words().get(w) == "phase" for w in words) or ("%" in name and role in {"GTV", "CTV"})
