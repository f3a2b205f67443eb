"""Facts that no plan file shows and a person declares."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sbrtcheck.anatomy.organ_kinds import organ_names, organ_of_place
from sbrtcheck.anatomy.places import Places
from sbrtcheck.errors import DeclaredFileError
from sbrtcheck.naming.tables import is_known
from sbrtcheck.protocol.problems import joined

if TYPE_CHECKING:
    from sbrtcheck.protocol.loading import LoadedProtocol

DECLARED_SCHEMA = "sbrtcheck-declared/1"
# What checks of the plan files read besides; checks stand above protocols, so their facts are named here.
_READ_BY_PLAN_CHECKS = {
    "prior-radiotherapy": ("prior_radiotherapy", "prior_radiotherapy_to_target"),
    "dose-metric": ("prior_radiotherapy", "organs_not_at_risk"),  # the first for cumulative doses
    "target-treated": ("progressing_lesions",),
    "prescription-declared": ("prescription_dose_gy", "prescription_fractions"),
    "measurable-lesion": ("lesion_organs", "measurable_soft_tissue"),
    **dict.fromkeys(("organ-count", "organ-excluded", "ultra-central", "long-bone"), ("lesion_organs",)),
}
_REMEDY = f'A file of declared facts is TOML with schema = "{DECLARED_SCHEMA}" and a table [facts]'


@dataclass(frozen=True, slots=True)
class EarlierCourse:
    """An earlier course that somebody knows of: a table of ``[[earlier_courses]]``.

    Attributes
    ----------
    site : str
        What was treated: "right lung".
    when : str
        Year or date, YYYY or YYYYMMDD; "" where it is not known.
    dose_gy : float or None
    fractions : int or None
    """

    site: str
    when: str = ""
    dose_gy: float | None = None
    fractions: int | None = None

    def is_given_as(self, date: str) -> bool:
        """Return whether files of a course with this date (YYYYMMDD) are those of this course."""
        return bool(self.when) and date.startswith(self.when)

    def __str__(self) -> str:
        parts = [self.site]
        if self.when:
            parts.append("-".join(p for p in (self.when[:4], self.when[4:6], self.when[6:]) if p))
        if self.dose_gy is not None:
            parts.append(f"{self.dose_gy:g} Gy" + (f" in {self.fractions}" if self.fractions else ""))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Declared:
    """The content of a file given with ``--declared``.

    Attributes
    ----------
    facts : mapping
        Flat keys such as ``age_years`` or ``prior_radiotherapy_to_target``.
    earlier_courses : tuple of EarlierCourse
        Courses that are known of, with or without files.
    """

    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    earlier_courses: tuple[EarlierCourse, ...] = ()

    def without_files(self, dates: Sequence[str]) -> tuple[EarlierCourse, ...]:
        """Return the declared courses that have no files: each course at hand, by its date YYYYMMDD, is one of them."""
        free, found = sorted(dates), set[int]()
        # The most precise first, so that a year does not take the files of a day.
        for number in sorted(range(len(self.earlier_courses)), key=lambda n: -len(self.earlier_courses[n].when)):
            own = next((date for date in free if self.earlier_courses[number].is_given_as(date)), None)
            if own is not None:
                free.remove(own)
                found.add(number)
        return tuple(course for number, course in enumerate(self.earlier_courses) if number not in found)

    @property
    def places(self) -> Places:
        """What is declared of single lesions."""
        return Places(self.facts.get("lesion_organs", {}), frozenset(self.facts.get("measurable_soft_tissue", ())))


def load_declared(path: Path, protocols: Sequence[LoadedProtocol]) -> Declared:
    """Read a file of declared facts for the protocols that it is to be judged by.

    Raises
    ------
    DeclaredFileError
        If the file cannot be read or breaks the schema, or holds a key that none of the protocols knows: a misspelt
        key would otherwise drop a fact in silence.
    """
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DeclaredFileError(
            f"the file of declared facts cannot be read: {error.strerror}", remedy=_REMEDY
        ) from None
    except UnicodeDecodeError:
        raise DeclaredFileError("the file of declared facts is not UTF-8 text", remedy=_REMEDY) from None
    except tomllib.TOMLDecodeError as error:
        raise DeclaredFileError(f"the file of declared facts is not TOML: {error}", remedy=_REMEDY) from None
    problems = list(_problems(data, protocols))
    if problems:
        raise DeclaredFileError(joined("the file of declared facts", problems), remedy=_REMEDY)
    courses = tuple(_course(entry) for entry in data.get("earlier_courses", ()))
    return Declared(MappingProxyType(data.get("facts", {})), courses)


def known_keys(protocols: Sequence[LoadedProtocol]) -> frozenset[str]:
    """Return the keys of the declared facts that the rules of protocols ask for or look at."""
    rules = [rule for loaded in protocols for rule in loaded.file.rules]
    asked = [rule.parameters for rule in rules if rule.section == "declared"]
    read = [key for rule in rules for key in _READ_BY_PLAN_CHECKS.get(rule.check, ())]
    return frozenset([*read, *(str(p[name]) for p in asked for name in ("key", "months_after") if p.get(name))])


def _problems(data: Mapping[str, Any], protocols: Sequence[LoadedProtocol]) -> list[str]:
    problems, known = list[str](), known_keys(protocols)
    if data.get("schema") != DECLARED_SCHEMA:
        problems.append(f'schema: must be "{DECLARED_SCHEMA}"')
    problems += [f"{key}: unknown" for key in data if key not in {"schema", "facts", "earlier_courses"}]
    facts = data.get("facts", {})
    if not isinstance(facts, dict):
        return [*problems, "facts: must be a table"]
    listed = ", ".join(sorted(known)) or "none: the protocols named ask for no declared fact"
    problems += [f"facts.{key}: no protocol asks for it (known: {listed})" for key in facts if key not in known]
    own = {name for loaded in protocols for name in loaded.file.structures}
    return [*problems, *_organ_problems(facts, own), *_place_problems(facts), *_course_problems(data, facts)]


def _course(entry: Mapping[str, Any]) -> EarlierCourse:
    when = entry.get("date", entry.get("year", ""))
    text = f"{when:%Y%m%d}" if isinstance(when, date) else str(when)
    return EarlierCourse(entry["site"], text, entry.get("dose_gy"), entry.get("fractions"))


def _course_problems(data: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the declared earlier courses."""
    entries = data.get("earlier_courses", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ["earlier_courses: must be tables [[earlier_courses]]"]
    problems = []
    for number, entry in enumerate(entries):
        at = f"earlier_courses[{number}]"
        site, year = entry.get("site"), entry.get("year")
        if not isinstance(site, str) or not site.strip():
            problems.append(f'{at}.site: must say what was treated, such as "right lung"')
        if year is not None and (isinstance(year, bool) or not isinstance(year, int) or not 1900 <= year <= 2200):
            problems.append(f"{at}.year: must be a year such as 2023")
        if "date" in entry and (not isinstance(entry["date"], date) or year is not None):
            problems.append(f"{at}.date: must be a date such as 2023-05-01, without year beside it")
        for key, least in (("dose_gy", 0.0), ("fractions", 0)):
            value = entry.get(key)
            kinds = (int,) if key == "fractions" else (int, float)
            if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or value <= least):
                problems.append(f"{at}.{key}: must be a number above 0")
        unknown = sorted(set(entry) - {"site", "year", "date", "dose_gy", "fractions"})
        problems += [f"{at}.{key}: unknown (known: site, year, date, dose_gy, fractions)" for key in unknown]
    if entries and facts.get("prior_radiotherapy") is False:
        problems.append("facts.prior_radiotherapy: false, although earlier_courses are declared")
    for key in ("prior_radiotherapy", "prior_radiotherapy_to_target"):
        if key in facts and not isinstance(facts[key], bool):
            problems.append(f"facts.{key}: must be true or false")
    if facts.get("prior_radiotherapy") is False and facts.get("prior_radiotherapy_to_target") is True:
        problems.append("facts.prior_radiotherapy: false, although prior_radiotherapy_to_target is true")
    return problems


def _organ_problems(facts: Mapping[str, Any], own: Collection[str]) -> list[str]:
    """Return what is wrong with the organs that are not at risk; ``own`` are the names that protocols give."""
    organs = facts.get("organs_not_at_risk", [])
    wanted = 'facts.organs_not_at_risk: must be a list of TG-263 names such as ["Bladder", "Rectum"]'
    if not isinstance(organs, list) or not all(isinstance(name, str) for name in organs):
        return [wanted]
    unknown = [name for name in organs if not is_known(name) and name not in own]
    return [f"{wanted}, or names of a protocol's own structures; {name!r} is neither" for name in unknown]


def _place_problems(facts: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the facts that name ROIs."""
    problems = []
    organs = facts.get("lesion_organs", {})
    if not isinstance(organs, dict):
        problems.append('facts.lesion_organs: must be a table such as { "GTV 1" = "lung" }')
    else:
        problems += [
            f"facts.lesion_organs.{name}: {place!r} is no organ known here ({', '.join(sorted(organ_names()))}) and no "
            "TG-263 name of a part of one"
            for name, place in organs.items()
            if not isinstance(place, str) or organ_of_place(place) is None
        ]
    named = facts.get("measurable_soft_tissue", [])
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        problems.append('facts.measurable_soft_tissue: must be a list of ROI names such as ["GTV 1"]')
    return problems
