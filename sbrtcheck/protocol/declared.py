"""Facts that no plan file shows and a person declares."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sbrtcheck.anatomy.organ_kinds import organ_names, organ_of_place
from sbrtcheck.anatomy.places import Places
from sbrtcheck.errors import DeclaredFileError
from sbrtcheck.protocol.problems import joined

if TYPE_CHECKING:
    from sbrtcheck.protocol.loading import LoadedProtocol

DECLARED_SCHEMA = "sbrtcheck-declared/1"
# What checks of the plan files read besides; checks stand above protocols, so their facts are named here.
_READ_BY_PLAN_CHECKS = {
    "prior-radiotherapy": ("prior_radiotherapy_to_target",),
    "target-treated": ("progressing_lesions",),
    "measurable-lesion": ("lesion_organs", "measurable_soft_tissue"),
    **dict.fromkeys(("organ-count", "organ-excluded", "ultra-central", "long-bone"), ("lesion_organs",)),
}
_REMEDY = f'A file of declared facts is TOML with schema = "{DECLARED_SCHEMA}" and a table [facts]'


@dataclass(frozen=True, slots=True)
class Declared:
    """The content of a file given with ``--declared``.

    Attributes
    ----------
    facts : mapping
        Flat keys such as ``age_years`` or ``prior_radiotherapy_to_target``.
    """

    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

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
    problems = list(_problems(data, known_keys(protocols)))
    if problems:
        raise DeclaredFileError(joined("the file of declared facts", problems), remedy=_REMEDY)
    return Declared(MappingProxyType(data.get("facts", {})))


def known_keys(protocols: Sequence[LoadedProtocol]) -> frozenset[str]:
    """Return the keys of the declared facts that the rules of protocols ask for or look at."""
    rules = [rule for loaded in protocols for rule in loaded.file.rules]
    asked = [rule.parameters for rule in rules if rule.section == "declared"]
    read = [key for rule in rules for key in _READ_BY_PLAN_CHECKS.get(rule.check, ())]
    return frozenset([*read, *(str(p[name]) for p in asked for name in ("key", "months_after") if p.get(name))])


def _problems(data: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    problems = []
    if data.get("schema") != DECLARED_SCHEMA:
        problems.append(f'schema: must be "{DECLARED_SCHEMA}"')
    problems += [f"{key}: unknown" for key in data if key not in {"schema", "facts"}]
    facts = data.get("facts", {})
    if not isinstance(facts, dict):
        return [*problems, "facts: must be a table"]
    listed = ", ".join(sorted(known)) or "none: the protocols named ask for no declared fact"
    problems += [f"facts.{key}: no protocol asks for it (known: {listed})" for key in facts if key not in known]
    return [*problems, *_place_problems(facts)]


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
