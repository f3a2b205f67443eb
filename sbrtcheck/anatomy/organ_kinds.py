"""Organs by TG-263 name. Left and right lung are one organ, as are all bones: a choice of this program."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Literal

from sbrtcheck.naming.tables import is_known


@dataclass(frozen=True, slots=True)
class OrganKind:
    """The kind of organ, and whether a contour of that name is all of it, a part, or what a target leaves of it."""

    kind: str
    covers: Literal["all", "part", "rest"]


@cache
def _patterns() -> tuple[tuple[str, str, str], ...]:
    text = (files("sbrtcheck.anatomy") / "tables" / "organs.csv").read_text(encoding="utf-8")
    return tuple((row["pattern"], row["kind"], row["covers"]) for row in csv.DictReader(text.splitlines()))


@cache
def organ_kind(tg263: str) -> OrganKind | None:
    """Return the organ that a TG-263 name belongs to, None for what is no organ here.

    Examples
    --------
    >>> organ_kind("Lung_L").kind, organ_kind("VB_T07").kind, organ_kind("SpinalCord")
    ('lung', 'bone', None)
    """
    for pattern, kind, covers in _patterns():
        if fnmatchcase(tg263, pattern):
            return OrganKind(kind, covers) if kind else None  # type: ignore[arg-type]
    return None


def organ_of_place(place: str) -> str | None:
    """Return the organ that a declared place belongs to: an organ itself, or the TG-263 name of a part of one.

    Examples
    --------
    >>> organ_of_place("lung"), organ_of_place("Femur_L"), organ_of_place("Bone_Femur")
    ('lung', 'bone', None)
    """
    if place in organ_names():
        return place
    found = organ_kind(place) if is_known(place) else None
    return found.kind if found is not None else None


def organ_names() -> frozenset[str]:
    """Return every organ that can be found."""
    return frozenset(kind for _, kind, _ in _patterns() if kind)
