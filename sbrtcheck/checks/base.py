"""What a check is: it measures, for one rule of a protocol; the judge compares."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from sbrtcheck.derived import Derived
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.results import Outcome


@dataclass(frozen=True, slots=True)
class Task:
    """One rule with everything that a check may look at besides the patient.

    Attributes
    ----------
    parameters : BaseModel
        ``rule.parameters`` validated by the check's own ``Parameters`` model.
    declared : Declared
        Facts that a person declares; empty where no file was given.
    """

    rule: Rule
    protocol: ProtocolFile
    parameters: Any
    declared: Declared


class Check(Protocol):
    """What every check module's ``CHECK`` offers.

    ``run`` returns at least one outcome: nothing to look at is an outcome too (``not-evaluated`` with what is missing,
    or ``not-applicable`` with the reason). A NotComputable that leaves ``run`` becomes ``not-evaluated`` and any other
    exception ``error``.
    """

    id: ClassVar[str]
    Parameters: ClassVar[type[BaseModel]]
    needs_limit: ClassVar[bool | None]  # None: with or without

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Measure one rule on one case."""
        ...


@cache
def all_checks() -> dict[str, Check]:
    """Return the ``CHECK`` of every module beside this one, by id."""
    package = importlib.import_module("sbrtcheck.checks")
    modules = (importlib.import_module(f"sbrtcheck.checks.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return {m.CHECK.id: m.CHECK for m in modules if hasattr(m, "CHECK")}
