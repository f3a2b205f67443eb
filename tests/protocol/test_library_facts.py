"""Every number of the library stands in the table of facts, with the confidence that it has there."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.protocol.loading import library, load_protocol, load_protocols
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
    tables = {row["table"] for row in rows()}
    given: dict[str, Any] = {name: yaml.safe_load((SHARED / f"{name}.yaml").read_text()) for name in tables}
    for row in rows():
        found = given[row["table"]]
        for part in row["entry"].split("."):
            found = found[int(part) if isinstance(found, list) else part]
        value = found[row["key"]]
        assert row["value"] == ("|".join(map(str, value)) if isinstance(value, list) else str(value)), row


TRIALS = ("sabr-comet", "nrg-br001", "stomp", "oriole", "sunset", "rtog-lung-maxima", "lung-28in1-48in4", "fastrack-ii")
NAMED = re.compile(r"# facts: (\w+)\.yaml (.+)\n\[\[rules\]\]\nid = \"([^\"]+)\"")
SCALE = {"size_max_cm": 10.0, "dmax_percent": 0.01}  # centimetres to mm, percent to a ratio


def values(table: str, entry: str, key: str) -> list[float]:
    (row,) = [r for r in rows() if (r["table"], r["entry"], r["key"]) == (table, entry, key)]
    assert row["confidence"] == "verified"
    return [float(v) * SCALE.get(key, 1.0) for v in row["value"].split("|")]


@pytest.mark.parametrize("name", TRIALS)
def test_every_number_of_a_trial_is_a_fact(name: str) -> None:
    text = (ROOT / "sbrtcheck" / "protocol" / "library" / f"{name}.toml").read_text(encoding="utf-8")
    named = {rule: (table, what) for table, what, rule in NAMED.findall(text)}
    rules = load_protocol(name).file.rules
    assert set(named) == {rule.id for rule in rules}
    for rule in rules:
        table, what = named[rule.id]
        assert rule.confidence == "verified"
        if rule.check == "prescription-schedule":
            schedules = rule.parameters["schedules"]
            for schedule, entry in zip(schedules, what.split(), strict=True):
                for key in ("dose_gy", "fractions"):
                    assert list(map(float, schedule[key])) == values(table, f"trials.{entry}", key), rule.id
            continue
        entry, key = what.split()
        if rule.limit is not None and table == "comparable_trials":
            if key == "max_lesions" or key in SCALE:
                assert [rule.limit.per_protocol] == pytest.approx(values(table, f"trials.{entry}", key), rel=1e-12)
            continue
        if rule.limit is not None:  # "rx105": 105 % of the prescription
            (row,) = [r for r in rows() if (r["entry"], r["key"]) == (entry, key)]
            assert row["value"] == f"rx{rule.limit.per_protocol:g}"
        for n, limit in rule.limit_by_fractions.items():
            block = entry.replace("fx*", next((b for b in blocks(entry) if b.startswith(f"fx{n}_")), "fx*"))
            assert [limit.per_protocol] == values(table, block, f"fx{n}" if key == "fx" else key), (rule.id, n)
        if key.startswith("cc"):
            volume = re.fullmatch(r"cc([\d.]+)(?:_lt)?", key)
            assert volume is not None
            assert f"{volume.group(1)}cc[Gy]" in rule.parameters["metric"], rule.id


def blocks(entry: str) -> set[str]:
    """Return what stands for ``fx*`` in an entry, by the table: ``fx1_26gy`` and the like."""
    head, _, tail = entry.partition("fx*")
    found = [re.fullmatch(rf"{re.escape(head)}(fx\d_\w+){re.escape(tail)}", r["entry"]) for r in rows()]
    return {m.group(1) for m in found if m}


def test_the_numbers_of_plan_integrity_are_facts() -> None:
    yaml = pytest.importorskip("yaml")
    if not SHARED.is_dir():
        pytest.skip("the facts are not beside the project")
    facts = {c["id"]: c for c in yaml.safe_load((SHARED / "plan_integrity_checks.yaml").read_text())["checks"]}
    rules = {rule.id: rule for rule in load_protocol("plan-integrity").file.rules}
    for rule, entry in {"dose-grid-spacing": "grid_spacing", "ct-slice-spacing": "ct_slice"}.items():
        limit = rules[rule].limit
        assert limit is not None
        assert (limit.per_protocol, rules[rule].confidence) == (facts[entry]["limit_mm"], facts[entry]["confidence"])
    ends = [rules[f"maximum-not-{which}-prescription"].limit for which in ("below", "far-above")]
    assert "-".join(f"{e.per_protocol:.1f}" for e in ends if e is not None) in facts["dose_max_sane"]["rule"]
    text = (ROOT / "sbrtcheck" / "protocol" / "library" / "plan-integrity.toml").read_text(encoding="utf-8")
    for entry, rule in re.findall(r"checks\.(\w+)(?: and checks\.\w+)?\n\[\[rules\]\]\nid = \"([^\"]+)\"", text):
        assert rules[rule].confidence == facts[entry]["confidence"], rule


def test_the_table_of_conformity_and_the_criteria_of_the_trial_are_facts() -> None:
    yaml = pytest.importorskip("yaml")
    if not SHARED.is_dir():
        pytest.skip("the facts are not beside the project")
    table = yaml.safe_load((SHARED / "conformity_rtog0813_0915.yaml").read_text())
    (own_table,) = load_protocol("rtog-0813-0915-conformity").file.tables
    assert [dict(zip(own_table.columns, row, strict=True)) for row in own_table.rows] == table["rows"]
    criteria = yaml.safe_load((SHARED / "trial_nct04299646.yaml").read_text())["criteria"]
    limits = {r.id: r.limit.per_protocol for r in load_protocol("getug-storm-01").file.rules if r.limit is not None}
    assert limits["lesion-count"] == criteria["n_progressing_metastases"]["max"]
    assert limits["organ-count"] == criteria["n_organs_with_progression"]["max"]
    assert limits["lesion-size"] == criteria["lesion_size_max"]["value"]
    assert limits["measurable-lesion"] == criteria["recist_measurable"]["min"]


def test_all_of_the_library_can_be_checked_together() -> None:
    assert {loaded.file.id for loaded in load_protocols(library())} == set(library())


@pytest.mark.parametrize("name", library())
def test_every_rule_names_source_and_confidence_and_recalled_ones_are_marked(name: str) -> None:
    file = load_protocol(name).file
    levels = {source.id: source.level for source in file.sources}
    rule: Rule
    for rule in file.rules:
        assert rule.source in levels
        assert not (levels[rule.source] == "none" and rule.confidence == "verified"), rule.id
