"""The rules of plan-integrity, one at a time, as if every one of them were seen in a source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.derived import Derived
from sbrtcheck.judge import judge
from sbrtcheck.judge.binding import BoundRule, bind_one
from sbrtcheck.model import Dose, FractionGroup, Image, Lattice, Plan, Prescription, Structure, StructureSet, frozen
from sbrtcheck.naming import SiteFile
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import RuleResult

PROTOCOL = load_protocol("plan-integrity").file


@pytest.fixture
def judged() -> Callable[..., dict[str, RuleResult]]:
    """Return a function that judges one rule on a patient: results by subject."""

    def judge_rule(rule_id: str, derived: Derived, **facts: object) -> dict[str, RuleResult]:
        rule = next(r for r in PROTOCOL.rules if r.id == rule_id)
        bound = bind_one(PROTOCOL, rule.model_copy(update={"confidence": "derived"}), rule_id)
        assert isinstance(bound, BoundRule)
        results = judge([bound], derived, Declared(facts))
        assert len({r.subject for r in results}) == len(results)
        return {r.subject: r for r in results}

    return judge_rule


class Build:
    """Parts of a patient whose numbers a test sets."""

    @staticmethod
    def lattice(x: Any, y: Any, z: Any, to_patient: Any = None) -> Lattice:
        """Return voxel centres at these ticks."""
        return Lattice(frozen(x), frozen(y), frozen(z), frozen(np.eye(4) if to_patient is None else to_patient))

    def dose(self, steps: tuple[float, float, float] = (2.0, 2.0, 2.0), half: float = 60.0, **changes: Any) -> Dose:
        """Return a dose of 10 Gy with its maximum of 50 Gy in the voxel nearest to the origin."""
        i, j, k = (-half + step * np.arange(round(2 * half / step) + 1) for step in steps)
        values = np.full((len(k), len(j), len(i)), 10.0)
        values[tuple(int(np.abs(t).argmin()) for t in (k, j, i))] = 50.0
        dose = Dose(frozen(values, np.float32), self.lattice(i, j, k), "PHYSICAL", "1.2.3.4", 0.001, ("1.9",), ("1.8",))
        return replace(dose, **changes)

    def image(self, k: Any, **changes: Any) -> Image:
        """Return slices at these positions, named 1.7.0, 1.7.1 ..."""
        ticks = np.array([-100.0, 100.0])
        uids = tuple(f"1.7.{n}" for n in range(len(k)))
        lattice = self.lattice(ticks, ticks, k)
        image = Image("1.7", "1.2.3.4", "HFS", lattice, lambda _: frozen(np.zeros((2, 2))), uids)
        return replace(image, **changes)

    @staticmethod
    def plan(**changes: Any) -> Plan:
        """Return 50 Gy in 5 fractions of two beams of 5 Gy, at the origin."""
        group = FractionGroup(1, 5, ((1, 5.0), (2, 5.0)))
        prescription = Prescription(50.0, 5, None, "", "dose-reference")
        plan = Plan("1.8", "P", False, (prescription,), (group,), "1.5", "1.2.3.4", "APPROVED", ((0.0, 0.0, 0.0),))
        return replace(plan, **changes)

    @staticmethod
    def patient(structures: list[Structure], site: SiteFile | None = None, **parts: Any) -> Derived:
        """Return a case whose structure set names frame, series and slices of ``image``."""
        from sbrtcheck.model import Case

        uids = parts.pop("slices", parts["image"].sop_instance_uids if parts.get("image") else ())
        drawn = StructureSet("1.5", "S", tuple(structures), ("1.2.3.4",), ("1.7",), uids)
        return Derived(Case(structure_set=drawn, **parts), site or SiteFile())


@pytest.fixture
def build() -> Build:
    """Return the builder."""
    return Build()
