"""The tables of names: read once from the data files beside this module."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sbrtcheck.naming.text import key, with_e

_SIDE = re.compile(r"_[LR]$")
# "_L" does not mean left in these: lumbar vertebrae.
_NOT_SIDED = frozenset({"VB_L"})


@dataclass(frozen=True, slots=True)
class Alias:
    """A name in use for a TG-263 name, or for the part of one before ``_L`` or ``_R``."""

    alias: str
    tg263: str
    language: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class SideWord:
    """A word for left or right, and the language whose names it goes with (``any`` for all)."""

    side: str
    language: str
    confidence: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("sbrtcheck.naming") / "tables" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def base_of(tg263: str) -> str:
    """Return a name without its side.

    Examples
    --------
    >>> base_of("Lung_L"), base_of("VB_L")
    ('Lung', 'VB_L')
    """
    return tg263 if tg263 in _NOT_SIDED else _SIDE.sub("", tg263)


@cache
def standard_names() -> frozenset[str]:
    """Return every TG-263 name that can be matched."""
    return frozenset(row["name"] for row in _rows("tg263.csv"))


@cache
def sided_bases() -> frozenset[str]:
    """Return the names that exist for both sides, without the side: ``Lung``, ``Femur_Head``."""
    return frozenset(base_of(n) for n in standard_names() if n not in _NOT_SIDED and _SIDE.search(n))


@cache
def names_by_key() -> dict[str, str]:
    """Return TG-263 names, and sided names without their side, by normalised spelling."""
    sideless = {key(base): base for base in sided_bases()}
    return sideless | {key(name): name for name in standard_names()}


@cache
def aliases_by_key() -> dict[str, tuple[Alias, ...]]:
    """Return the aliases by normalised spelling, those seen in use before those only recalled.

    One spelling may belong to two languages; German ones stand there with their umlauts written out, too.
    """
    found: dict[str, tuple[Alias, ...]] = {}
    for entry in sorted((Alias(**row) for row in _rows("aliases.csv")), key=lambda a: a.confidence != "verified"):
        spellings = {entry.alias, with_e(entry.alias)} if entry.language == "de" else {entry.alias}
        for spelling in {key(text) for text in spellings}:
            found[spelling] = (*found.get(spelling, ()), entry)
    return found


@cache
def side_words() -> dict[str, SideWord]:
    """Return the words for left and right."""
    return {row["token"]: SideWord(row["side"], row["language"], row["confidence"]) for row in _rows("sides.csv")}


@cache
def names_by_fma() -> dict[str, str]:
    """Return TG-263 names by code of the Foundational Model of Anatomy; codes that fit two names are left out."""
    return {row["fma"]: row["name"] for row in _rows("tg263.csv") if row["fma"]}


@cache
def names_by_snomed() -> dict[str, str]:
    """Return names without side by SNOMED CT code."""
    return {row["code"]: row["tg263"] for row in _rows("snomed.csv")}


@cache
def target_words() -> dict[str, str]:
    """Return what a word in the name of a target means: helper, doubt, gross, bed, planning, phase, node."""
    return {row["word"]: row["meaning"] for row in _rows("target_words.csv")}


def is_known(tg263: str) -> bool:
    """Whether a name is a TG-263 name, or one of a paired structure without its side."""
    return tg263 in standard_names() or tg263 in sided_bases()
