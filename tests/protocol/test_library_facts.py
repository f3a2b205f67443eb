"""Every number of the library stands in the table of facts, with the confidence that it has there."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.protocol.schema import Rule

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "fixtures" / "facts" / "limits.csv"
SHARED = ROOT.parent / "shared" / "facts"
ENTRY = re.compile(r"# facts: (\w+)\.yaml (\S+?)(?:, fractions [\d, ]+)?\n\[\[rules\]\]\nid = \"([^\"]+)\"")
Row = dict[str, str]


def rows() -> list[Row]:
    with FACTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def entries(name: str) -> dict[str, tuple[str, str]]:
    """Return table and entry of the facts that each rule names."""
    text = (ROOT / "sbrtcheck" / "protocol" / "library" / f"{name}.toml").read_text(encoding="utf-8")
    return {rule: (table, entry) for table, entry, rule in ENTRY.findall(text)}


def own(table: str, entry: str) -> dict[str, Row]:
    return {r["key"]: r for r in rows() if (r["table"], r["entry"]) == (table, entry)}


def test_every_limit_of_tg_101_is_a_fact() -> None:
    named = entries("aapm-tg-101")
    rules = load_protocol("aapm-tg-101").file.rules
    assert set(named) == {rule.id for rule in rules}
    seen = 0
    for rule in rules:
        table, entry = named[rule.id]
        facts = own(table, entry)
        kind = "max" if rule.parameters["metric"] == "Max[Gy]" else "thr" if entry.startswith("serial") else "d"
        for fractions, limit in rule.limit_by_fractions.items():
            fact = facts[f"{kind}{fractions}"]
            assert limit.per_protocol == float(fact["value"]), rule.id
            assert rule.confidence == fact["confidence"], rule.id
            assert rule.source in fact["source"].split("+"), rule.id
            if kind != "max" and fact["cc"]:
                assert (
                    f"D{fact['cc']}cc[Gy]" in rule.parameters["metric"]
                    or f"DC{fact['cc']}cc[Gy]" == (rule.parameters["metric"])
                )
            seen += 1
    # Nothing of the table is forgotten but the partial cord and what the other volume of an organ says as well.
    left = {"serial.cord_subvolume"}
    twice = {"serial.cord_medulla_12", "serial.duodenum_10", "serial.rib_30cc"}
    wanted = [r for r in rows() if r["table"] == "oar_tg101" and r["entry"] not in left]
    assert seen == len([r for r in wanted if not (r["entry"] in twice and r["key"].startswith("max"))])


def test_every_cumulative_limit_is_a_fact() -> None:
    named = entries("reirradiation-cumulative")
    for rule in load_protocol("reirradiation-cumulative").file.rules:
        table, entry = named[rule.id]
        entry, key = entry.rsplit(".", 2)[0] if entry.endswith(".1cc") else entry.rsplit(".", 1)[0], ""
        facts = own(table, entry)
        (key,) = [k for k in facts if k != "ab" and rule.id.endswith(k.replace("_", "-").replace(".", ""))]
        values = [float(v) for v in facts[key]["value"].split("|")]
        assert rule.limit is not None
        assert rule.limit.per_protocol == values[0], rule.id
        assert rule.limit.variation == (values[1] if len(values) > 1 else None), rule.id
        assert f"a/b={float(facts['ab']['value']):g}" in rule.parameters["metric"], rule.id
        assert rule.parameters["dose"] == "cumulative"
        assert not rule.required


def test_the_copy_of_the_facts_is_that_of_the_source() -> None:
    yaml = pytest.importorskip("yaml")
    if not SHARED.is_dir():
        pytest.skip("the facts are not beside the project")
    given: dict[str, Any] = {
        t: yaml.safe_load((SHARED / f"{t}.yaml").read_text()) for t in ("oar_tg101", "reirradiation")
    }
    for row in rows():
        found = given[row["table"]]
        for part in row["entry"].split("."):
            found = found[part]
        value = found[row["key"]]
        assert row["value"] == ("|".join(map(str, value)) if isinstance(value, list) else str(value)), row


@pytest.mark.parametrize("name", library())
def test_every_rule_names_source_and_confidence_and_recalled_ones_are_marked(name: str) -> None:
    file = load_protocol(name).file
    levels = {source.id: source.level for source in file.sources}
    rule: Rule
    for rule in file.rules:
        assert rule.source in levels
        assert not (levels[rule.source] == "none" and rule.confidence == "verified"), rule.id
