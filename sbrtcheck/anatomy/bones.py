"""Which structures are long bones."""

from __future__ import annotations

import csv
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    text = (files("sbrtcheck.anatomy") / "tables" / "long_bones.csv").read_text(encoding="utf-8")
    return tuple((row["pattern"], row["bone"]) for row in csv.DictReader(text.splitlines()))


@cache
def long_bone_of(tg263: str) -> str | None:
    """Return the long bone that a TG-263 name belongs to, None for any other structure.

    Examples
    --------
    >>> long_bone_of("Femur_Head_L"), long_bone_of("Femur_Joint_L"), long_bone_of("Rib01_L")
    ('femur', None, None)
    """
    return next((bone or None for pattern, bone in _patterns() if fnmatchcase(tg263, pattern)), None)


def long_bones() -> frozenset[str]:
    """Return every bone that a protocol may list."""
    return frozenset(bone for _, bone in _patterns() if bone)
