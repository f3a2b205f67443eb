"""Every number and every criterion of plan-integrity, against the table of facts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.protocol.schema import Rule

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "facts" / "plan_integrity_checks.yaml"
FILE = load_protocol("plan-integrity").file
RULES = {rule.id: rule for rule in FILE.rules}
ENTRY = re.compile(r"# facts: plan_integrity_checks\.yaml (.+)\n\[\[rules\]\]\nid = \"([^\"]+)\"")
TEXT = (ROOT / "sbrtcheck" / "protocol" / "library" / "plan-integrity.toml").read_text(encoding="utf-8")
NAMED = {rule: re.findall(r"checks\.(\w+)", entries) for entries, rule in ENTRY.findall(TEXT)}


def limit(rule: Rule) -> tuple[str, float, str] | None:
    return (rule.limit.op, rule.limit.per_protocol, rule.limit.unit) if rule.limit is not None else None


def test_the_numbers() -> None:
    # 2 mm and 3 mm are medians of the ACROP panel (seen); 1.0 to 1.7 is recalled; 5 % is a choice of this program.
    assert {name: limit(rule) for name, rule in RULES.items() if rule.limit is not None} == {
        "dose-grid-spacing": ("<=", 2.0, "mm"),
        "ct-slice-spacing": ("<=", 3.0, "mm"),
        "fraction-dose": ("<=", 5.0, "%"),
        "maximum-not-below-prescription": (">=", 1.0, ""),
        "maximum-not-far-above-prescription": ("<=", 1.7, ""),
    }
    assert RULES["fraction-dose"].definition_is_choice


def test_what_is_recalled_is_for_information_only() -> None:
    recalled = {name for name, rule in RULES.items() if rule.confidence == "recalled"}
    assert recalled == {name for name, rule in RULES.items() if rule.source == "own"}
    assert not any(RULES[name].required for name in recalled)


def test_every_rule_is_tested_on_a_phantom() -> None:
    assert {name for test in FILE.test for name in test.expect} == set(RULES)


def test_every_rule_names_its_fact() -> None:
    assert set(NAMED) == set(RULES)
    assert all(NAMED.values())


def test_source_and_confidence_are_those_of_the_facts() -> None:
    yaml = pytest.importorskip("yaml")
    if not FACTS.is_file():
        pytest.skip("the facts are not beside the project")
    facts = {check["id"]: check for check in yaml.safe_load(FACTS.read_text(encoding="utf-8"))["checks"]}
    for name, rule in RULES.items():
        own = facts[NAMED[name][0]]
        assert (rule.source, rule.confidence) == (own["source"], own["confidence"]), name
    assert RULES["dose-grid-spacing"].limit.per_protocol == facts["grid_spacing"]["limit_mm"]  # type: ignore[union-attr]
    assert RULES["ct-slice-spacing"].limit.per_protocol == facts["ct_slice"]["limit_mm"]  # type: ignore[union-attr]
    assert "1.0-1.7" in facts["dose_max_sane"]["rule"]
