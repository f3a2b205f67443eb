"""Names that promise more than what often is drawn under them: ``Femur_L`` for no more than its head and neck.

A name alone never shows that the whole structure is drawn. What is drawn counts as a part: it can show contact with the
structure, and its absence from a place shows nothing.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class PartialName:
    """A TG-263 name that is often given to a part of the structure.

    Attributes
    ----------
    often : str
        What is drawn instead of the whole.
    least_mm : float or None
        The whole structure of an adult is longer than this; a choice of this program, on the low side. None where
        length says nothing.
    source, confidence : str
        Where such a contour was seen (``sources.toml``), or ``recalled`` from practice.
    """

    pattern: str
    often: str
    least_mm: float | None
    source: str
    confidence: str


@cache
def _rows() -> tuple[PartialName, ...]:
    text = (files("sbrtcheck.naming") / "tables" / "partial.csv").read_text(encoding="utf-8")
    return tuple(
        PartialName(
            row["pattern"],
            row["often"],
            float(row["least_mm"]) if row["least_mm"] else None,
            row["source"],
            row["confidence"],
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def partial_name(tg263: str) -> PartialName | None:
    """Return what is often drawn under a name instead of the whole structure, None where nothing is known of that.

    Examples
    --------
    >>> partial_name("Femur_L").often, partial_name("Femur_Head_L"), partial_name("Liver")
    ('head and neck only', None, None)
    """
    return next((row for row in _rows() if fnmatchcase(tg263, row.pattern)), None)


def surely_partial(tg263: str, length_mm: float) -> bool:
    """Whether a contour is too short to be all of what its name says.

    Parameters
    ----------
    tg263 : str
    length_mm : float
        Longest extent of the contour in any direction, mm.

    Returns
    -------
    bool
        False shows nothing: a long contour may still be a part.

    Examples
    --------
    >>> surely_partial("Femur_L", 90.0), surely_partial("Femur_L", 430.0), surely_partial("Liver", 90.0)
    (True, False, False)
    """
    row = partial_name(tg263)
    return row is not None and row.least_mm is not None and length_mm < row.least_mm
