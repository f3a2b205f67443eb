"""Rules bound to the checks that they name, before any file of a patient is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sbrtcheck.checks import Check, all_checks
from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.protocol.problems import joined, problems_of
from sbrtcheck.protocol.schema import ProtocolFile, Rule

_DECLARES = "declared-fact"  # the check that judges what a person declares and nothing else


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule, its protocol, its check and its validated parameters."""

    protocol: ProtocolFile
    rule: Rule
    check: Check
    parameters: Any


def bind(protocols: Sequence[LoadedProtocol]) -> tuple[BoundRule, ...]:
    """Return the rules of several protocols, in the order of the protocols and of their files.

    Raises
    ------
    ProtocolError
        If a protocol is named twice, a check does not exist or stands in the wrong section, parameters are wrong, or a
        limit is missing, out of place or in another unit than what is measured.
    """
    problems = list(_twice(protocols))
    bound = []
    for loaded in protocols:
        for number, rule in enumerate(loaded.file.rules):
            path = f"{loaded.file.id}: rules[{number}] ({rule.id})"
            found = bind_one(loaded.file, rule, path)
            if isinstance(found, BoundRule):
                bound.append(found)
            else:
                problems += found
    if problems:
        raise ProtocolError(joined("the protocol", problems), remedy="Mend every place named")
    return tuple(bound)


def _twice(protocols: Sequence[LoadedProtocol]) -> Iterator[str]:
    ids = [loaded.file.id for loaded in protocols]
    yield from (f"{name}: named more than once" for name in sorted({i for i in ids if ids.count(i) > 1}))


def bind_one(file: ProtocolFile, rule: Rule, path: str) -> BoundRule | list[str]:
    """Return a rule with its check, or what is wrong with it, each problem with its key path below ``path``."""
    check = all_checks().get(rule.check)
    if check is None:
        return [no_check(rule.check, path)]
    problems = []
    if check.needs_limit and rule.any_limit is None:
        problems.append(f"{path}.limit: the check {check.id!r} measures a number, so the rule needs a limit")
    if check.needs_limit is False and rule.any_limit is not None:
        problems.append(f"{path}.limit: the check {check.id!r} takes no limit")
    if (rule.section == "declared") != (check.id == _DECLARES):
        problems.append(f"{path}.section: {_DECLARES!r} stands under 'declared', every other check under 'plan'")
    try:
        # Rule, tables and structures are at hand, so that a check can refuse a limit or a name that it cannot use.
        context = {"tables": file.tables, "structures": file.structures, "rule": rule}
        parameters = check.Parameters.model_validate(rule.parameters, context=context)
    except ValidationError as error:
        return [*problems, *problems_of(error, f"{path}.parameters")]
    return problems or BoundRule(file, rule, check, parameters)


def no_check(name: str, path: str) -> str:
    """Return that there is no check of a name."""
    return f"{path}.check: no check is called {name!r}; there are {', '.join(sorted(all_checks()))}"
