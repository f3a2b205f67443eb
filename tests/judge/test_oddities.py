"""What lint finds odd, with the exact output of one file that has everything wrong with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.judge.linting import is_usable, lint

SOURCE = {"id": "s", "title": "S", "level": "primary"}
RULE = {"id": "cord", "title": "T", "check": "dose-metric", "source": "s", "confidence": "verified"}
CORD = {"metric": "D0.03cc[Gy]", "structures": ["SpinalCord"]}
LIMIT = {"op": "<=", "per_protocol": 30.0, "unit": "Gy"}


def rule(
    name: str = "cord", metric: str = "D0.03cc[Gy]", limit: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    parameters = {"metric": metric, "structures": ["SpinalCord"]}
    given_limit = {} if "limit_by_fractions" in more else {"limit": limit or LIMIT}
    return RULE | {"id": name, "parameters": parameters} | given_limit | more


def said(tmp_path: Path, *rules: dict[str, Any], **more: Any) -> list[str]:
    data = {"schema": "sbrtcheck-protocol/1", "id": "mine", "title": "Mine", "version": "1.0.0", "sources": [SOURCE]}
    data |= more | {"rules": list(rules)}
    data.setdefault("test", [{"phantom": "lung-peripheral", "expect": {r["id"]: "pass" for r in rules}}])
    path = tmp_path / "p.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    problems = lint(path)
    assert is_usable(problems), [str(p) for p in problems]
    return [str(p) for p in problems]


def tier(op: str, value: float, unit: str = "%", **more: float) -> dict[str, Any]:
    return {"op": op, "per_protocol": value, "unit": unit} | more


FIVE = {"5": LIMIT}


@pytest.mark.parametrize(
    ("rules", "more", "wanted"),
    [
        (
            [rule(metric="V20Gy[%]", limit=tier("<=", 100.0))],
            {},
            "every plan passes, since the value is never beyond 100",
        ),
        ([rule(metric="V20Gy[%]", limit=tier("<=", 30.0, variation=100.0))], {}, r"variation <= 100: nothing fails"),
        ([rule(metric="V20Gy[%]", limit=tier(">=", 0.0))], {}, "every plan passes, since the value is never beyond 0"),
        ([rule(metric="V20Gy[%]", limit=tier(">", 100.0))], {}, "per_protocol > 100 is never met"),
        ([rule(limit=tier("<", 0.0, "Gy"))], {}, "per_protocol < 0 is never met"),
        ([rule(metric="V95%[%]", limit=tier(">=", 0.95))], {}, r">= 0\.95 %\. If a fraction is meant"),
        ([rule(metric="Max[Gy]")], {}, "dose of one point"),
        ([rule(limit_by_fractions=FIVE, when="Fractions <= 3")], {}, "limit for 5 fractions is never used"),
        ([rule(limit_by_fractions=FIVE)], {"when": "not Fractions > 3"}, "limit for 5 fractions is never used"),
        ([rule(when="Overlap(PTV, Heart)[cc] >= 0")], {}, "always holds, since it is never below 0"),
        ([rule(when="Distance(PTV, Heart)[mm] < 0")], {}, "never holds, since it is never below 0"),
        ([rule()], {"when": "Fractions < 3 and Fractions > 5"}, "never holds, whatever the number of fractions"),
        ([rule(excused_by=["cord"], excused_within_percent=5.0)], {}, "cord excuses itself"),
        (
            [rule(excused_by=["size"], excused_within_percent=5.0), RULE | {"id": "size", "check": "slice-regularity"}],
            {},
            "no limit to stand at",
        ),
        (
            [rule(excused_by=["b"], excused_within_percent=5.0), rule("b", "D1cc[Gy]", confidence="recalled")],
            {},
            "b is recalled, so it excuses nothing",
        ),
        ([rule()], {"sources": [SOURCE, SOURCE | {"id": "t"}]}, "nothing names the source 't'"),
        (
            [rule()],
            {
                "tables": [
                    {
                        "id": "t",
                        "key": "a",
                        "columns": ["a"],
                        "rows": [[1.0], [2.0]],
                        "source": "s",
                        "confidence": "derived",
                    }
                ]
            },
            "no rule names the table 't'",
        ),
        (
            [rule()],
            {"structures": {"Ring": {"derived": "ring(PTV, 10mm, 30mm)"}}},
            "nothing names the structure 'Ring'",
        ),
        ([rule(), rule("again")], {}, "again and cord limit the same"),
        (
            [rule(metric="V12.5Gy[cc]", limit=tier("<", 1500.0, "cc"))],
            {},
            r"at most 1500 cm3 may .* If at least 1500 cm3 shall .* write CV12\.5Gy\[cc\] >= 1500",
        ),
        (
            [rule("v", "V20Gy[cc]", tier("<=", 10.0, "cc")), rule("d", "D10cc[Gy]", tier("<=", 20.0, "Gy"))],
            {},
            "d and v limit the same",
        ),
        (
            [rule("v", "V20Gy[%]", tier(">=", 95.0)), rule("d", "D95%[Gy]", tier(">=", 20.0, "Gy"))],
            {},
            "d and v limit the same",
        ),
        (
            [rule("v", "CV12.5Gy[cc]", tier(">=", 1500.0, "cc")), rule("d", "DC1500cc[Gy]", tier("<=", 12.5, "Gy"))],
            {},
            "d and v limit the same",
        ),
    ],
)
def test_it_is_told(tmp_path: Path, rules: list[dict[str, Any]], more: dict[str, Any], wanted: str) -> None:
    found = said(tmp_path, *rules, **more)
    assert any(re.search(wanted, text) for text in found), found
    assert all(text.startswith("line ") for text in found)  # every one has its line


@pytest.mark.parametrize(
    "rules",
    [
        [rule()],
        [rule(metric="D95%[%]", limit=tier(">=", 100.0))],  # percent of the prescription may be beyond 100
        [rule(metric="V20Gy[%]", limit=tier("<=", 0.5))],
        [rule(metric="V20Gy[cc]", limit=tier("<=", 10.0, "cc"))],
        [rule(metric="V20Gy[cc]", limit=tier(">=", 1500.0, "cc"))],
        [rule("v", "CV12.5Gy[cc]", tier(">=", 1500.0, "cc")), rule("d", "DC1500cc[Gy]", tier(">=", 12.5, "Gy"))],
        [rule(), rule("later", when="Fractions > 5")],
        [rule(), rule("low", limit=tier(">=", 30.0, "Gy"))],
        [rule("a", required=False), rule("b", required=False)],  # alternatives side by side
        [rule(limit_by_fractions=FIVE, when="Fractions <= 5")],
        [rule(limit_by_fractions=FIVE, when="Fractions > 5 or Volume(PTV)[cc] > 10")],
        [rule(metric="Max[Gy]", definition="One voxel")],
    ],
)
def test_nothing_is_told_of_what_is_meant(tmp_path: Path, rules: list[dict[str, Any]]) -> None:
    assert said(tmp_path, *rules) == []


def test_an_included_rule_counts(tmp_path: Path) -> None:
    other = {"schema": "sbrtcheck-protocol/1", "id": "other", "title": "O", "version": "1.0.0", "sources": [SOURCE]}
    path = tmp_path / "other.toml"
    path.write_text(tomli_w.dumps(other | {"rules": [rule("theirs")]}), encoding="utf-8")
    found = said(tmp_path, rule(), include=[str(path)])
    assert [text for text in found if "cord and other/theirs limit the same" in text] == found


EVERYTHING_WRONG = """schema = "sbrtcheck-protocol/1"
id = "wrong"
title = "Everything wrong"
version = "1.0"
when = "Fractions < five"

[structures.Ring]
derived = "PTV + 5mm | GTV"

[structures.Cord_PRV]
derived = "SpinalChord + 3mm"

[structures.Loop]
derived = "Loop | PTV"

[structures.Stump]

[structures.PTV]
required = true

[structures.SpinalCord]
aliases = ["Heart"]

[[sources]]
id = "s"
title = "S"
level = "none"

[[rules]]
id = "ambiguous"
title = "T"
check = "dose-metric"
parameters = { metric = "D30[Gy]", structures = ["SpinalCord"] }
limit = { op = "<=", per_protocol = 30.0, unit = "Gy" }
source = "s"
confidence = "derived"

[[rules]]
id = "unit"
title = "T"
check = "dose-metric"
parameters = { metric = "D0.03cc[Gy]", structures = ["Hart"] }
limit = { op = "<=", per_protocol = 3000.0, unit = "cGy" }
source = "nowhere"
confidence = "derived"

[[rules]]
id = "narrow"
title = "T"
check = "dose-metrik"
limit = { op = "<=", per_protocol = 30.0, variation = 20.0, unit = "Gy" }
when = "Volume(Spine)[cc] > 3"
source = "s"
confidence = "verified"
priorty = 1
"""


def test_everything_wrong_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(EVERYTHING_WRONG, encoding="utf-8")
    golden = Path(__file__).parent / "golden" / "everything_wrong.txt"
    found = "".join(f"{problem}\n" for problem in lint(path))
    # The list of checks grows with every new one.
    assert re.sub(r"; there are .*", "", found) == golden.read_text(encoding="utf-8")


NAMES = st.sampled_from(["PTV", "SpinalCord", "Own", "Hart", "Lungs-GTV", ""])
WORDS = st.sampled_from(
    ["Own", "PTV + 5mm", "Own | Own", "ring(PTV, 1mm, 2mm)", "Hart - PTV", "((", "Fractions < 3", ""]
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["a", "b", "B C"]),
        "title": st.just("T"),
        "check": st.sampled_from(["dose-metric", "lesion-size", "conformity-table", "nothing"]),
        "source": st.sampled_from(["s", "t"]),
        "confidence": st.sampled_from(["verified", "recalled", "sure"]),
        "when": WORDS,
        "priority": st.sampled_from([0, 2, -1, True]),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                "metric": st.sampled_from(["D30[Gy]", "V20Gy[%]", "Max[Gy]"]),
                "structures": st.lists(NAMES, max_size=2),
            },
        ),
        "limit": st.fixed_dictionaries(
            {},
            optional={
                "op": st.sampled_from(["<=", ">", "="]),
                "per_protocol": st.floats(-10, 200),
                "variation": st.floats(-10, 200),
                "unit": st.sampled_from(["Gy", "%"]),
            },
        ),
        "excused_by": st.lists(st.sampled_from(["a", "z"]), max_size=2),
        "excused_within_percent": st.floats(-5, 120),
    },
)
FILES = st.fixed_dictionaries(
    {
        "schema": st.just("sbrtcheck-protocol/1"),
        "id": st.just("p"),
        "title": st.just("P"),
        "version": st.just("1.0.0"),
        "sources": st.just([SOURCE]),
    },
    optional={
        "rules": st.lists(RULES, max_size=3),
        "when": WORDS,
        "structures": st.dictionaries(
            st.sampled_from(["Own", "PTV", "Heart", "a b"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "derived": WORDS,
                    "aliases": st.lists(NAMES, max_size=2),
                    "required": st.booleans(),
                    "what": NAMES,
                },
            ),
            max_size=3,
        ),
        "include": st.lists(st.sampled_from(["aapm-tg-101", "nobody"]), max_size=1),
    },
)


@given(FILES)
@settings(max_examples=150, deadline=None)
def test_no_protocol_breaks_it(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("lint") / "p.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    for problem in lint(path):
        assert str(problem)
        assert problem.line is None or problem.line >= 1
