"""Classes of TotalSegmentator to TG-263 names: by the exact name of the class, never by its number or the nearest name.

The numbers of classes changed between versions 1 and 2, and each task numbers its own from 1.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sbrtcheck.model import Code
from sbrtcheck.naming.tables import is_known, names_by_snomed

# SNOMED CT, as in totalsegmentator_snomed_mapping.csv
_SIDES = {"7771000": "L", "24028007": "R"}


@dataclass(frozen=True, slots=True)
class AnatomyClass:
    """What a mask shows.

    Attributes
    ----------
    name : str
        Name of the class, or the code by which it was found.
    tg263 : str
        TG-263 name, or ``AirWay`` for trachea and all bronchi together, which has none; "" for a class that location
        does not use.
    whole : str
        TG-263 name of the organ that all classes of the same ``whole`` make together; "" where there is none.
    """

    name: str
    tg263: str
    whole: str = ""


@cache
def _classes() -> dict[str, AnatomyClass]:
    text = (files("sbrtcheck.segmentation") / "tables" / "classes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["class"]: AnatomyClass(row["class"], row["tg263"], row["whole"]) for row in rows}


def class_of(name: str) -> AnatomyClass | None:
    """Return the class of exactly this name, None where TotalSegmentator has none.

    Examples
    --------
    >>> class_of("femur_left").tg263, class_of("autochthon_left").tg263, class_of("Femur_left")
    ('Femur_L', '', None)
    """
    return _classes().get(name)


@cache
def parts_of(whole: str) -> frozenset[str]:
    """Return the TG-263 names of the parts that make a whole organ.

    Examples
    --------
    >>> sorted(parts_of("Lung_L"))
    ['Lung_LLL', 'Lung_LUL']
    """
    return frozenset(one.tg263 for one in _classes().values() if one.whole == whole)


def class_of_codes(types: tuple[Code, ...], modifiers: tuple[Code, ...]) -> AnatomyClass | None:
    """Return what the SNOMED CT codes of a segment say, None where they say nothing that location uses.

    Parameters
    ----------
    types, modifiers : tuple of Code
        Segmented Property Type and its modifiers (the side).

    Examples
    --------
    >>> femur, left = Code("71341001", "SCT", "Femur"), Code("7771000", "SCT", "Left")
    >>> class_of_codes((femur,), (left,)).tg263
    'Femur_L'
    """
    names = {names_by_snomed().get(code.value, "") for code in types if code.scheme == "SCT"}
    sides = {_SIDES.get(code.value, "") for code in modifiers if code.scheme == "SCT"}
    if len(types) != 1 or len(names) != 1 or len(modifiers) != len(sides) or len(sides) > 1:
        return None
    base, side = names.pop(), sides.pop() if sides else None
    tg263 = f"{base}_{side}" if side is not None else base
    # A modifier that is no side, or a side of an organ that has none, makes the code something else: no such name.
    if not is_known(tg263) or not _is_used(tg263):
        return None
    return AnatomyClass(f"code {types[0].value} (SCT)", tg263)


def _is_used(tg263: str) -> bool:
    return any(tg263 == one.tg263 or one.tg263.startswith(f"{tg263}_") for one in _classes().values() if one.tg263)
