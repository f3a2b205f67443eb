"""alpha/beta by organ, and how far the linear-quadratic model holds: data with their sources."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sbrtcheck.errors import NotComputable
from sbrtcheck.naming import base_of
from sbrtcheck.results import Notice


@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """alpha/beta of one organ by one source.

    Attributes
    ----------
    name : str
        TG-263 name without its side.
    source : str
        Id of the source.
    title : str
        The source as a reader sees it.
    confidence : str
        ``verified`` where the number was seen in the source, ``recalled`` where not.
    """

    name: str
    alpha_beta_gy: float
    source: str
    title: str
    confidence: str

    def __str__(self) -> str:
        return f"a/b = {self.alpha_beta_gy:g} Gy for {self.name} ({self.title})"


def alpha_betas(tg263: str) -> tuple[AlphaBeta, ...]:
    """Return every alpha/beta known for an organ, the default first.

    Parameters
    ----------
    tg263 : str
        TG-263 name; a side makes no difference.

    Examples
    --------
    >>> [(a.alpha_beta_gy, a.source) for a in alpha_betas("Heart")]
    [(2.5, 'rulach2021'), (3.0, 'rs_cfg')]
    >>> alpha_betas("Lens_L")
    ()
    """
    return tuple(entry for entry in _table() if entry.name == base_of(tg263))


def alpha_beta(tg263: str, source: str | None = None) -> AlphaBeta:
    """Return alpha/beta of an organ.

    Parameters
    ----------
    tg263 : str
    source : str, optional
        Id of the source that a protocol or site chose; without it the default.

    Raises
    ------
    NotComputable
        If none is known for the organ, or none by that source.
    """
    found = [entry for entry in alpha_betas(tg263) if source in {None, entry.source}]
    if not found:
        by = f" by {source}" if source else ""
        raise NotComputable(f"no alpha/beta is known for {tg263}{by}", remedy="State it: EQD2(a/b=3)")
    return found[0]


def lq_validity(courses: Sequence[tuple[str, float, int]]) -> Notice | None:
    """Return a notice where a dose per fraction is beyond what the linear-quadratic model is validated for.

    Parameters
    ----------
    courses : sequence of (str, float, int)
        Name, highest dose in what is converted (Gy) and number of fractions of each course.

    Returns
    -------
    Notice or None
        Names the courses, in the order given.

    References
    ----------
    .. [1] Brenner, Semin Radiat Oncol 18 (2008) 234-239, abstract: validated up to about 10 Gy per fraction, reasonable
       for use up to about 18 Gy.
    """
    limits = _read_toml("lq_validity.toml")
    validated_gy, usable_gy = float(limits["validated_to_gy"]), float(limits["usable_to_gy"])
    per_fraction = [(name, dose_gy / fractions) for name, dose_gy, fractions in courses]
    beyond = [(name, dose_gy) for name, dose_gy in per_fraction if not dose_gy <= validated_gy]
    if not beyond:
        return None
    listed = ", ".join(f"{name} up to {dose_gy:.1f} Gy" for name, dose_gy in beyond)
    title = _read_toml("sources.toml")[limits["source"]]["title"]
    message = (
        f"Dose per fraction beyond what the linear-quadratic model is validated for: {listed}; validated to about "
        f"{validated_gy:g} Gy, said to be usable to {usable_gy:g} Gy ({title}). BED and EQD2 mean less there"
    )
    return Notice(code="lq-validity", message=message)


@cache
def _table() -> tuple[AlphaBeta, ...]:
    sources = _read_toml("sources.toml")
    order = list(sources)
    rows = csv.DictReader(_read("alpha_beta.csv").splitlines())
    found = [
        AlphaBeta(r["name"], float(r["alpha_beta_gy"]), r["source"], sources[r["source"]]["title"], r["confidence"])
        for r in rows
    ]
    return tuple(sorted(found, key=lambda entry: (entry.name, order.index(entry.source))))


@cache
def _read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads(_read(name))


def _read(name: str) -> str:
    return (files("sbrtcheck.prior") / "tables" / name).read_text(encoding="utf-8")
