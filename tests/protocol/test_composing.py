"""Protocols checked together: order changes nothing but the order, and what contradicts itself is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.derived import Derived
from sbrtcheck.errors import ProtocolError
from sbrtcheck.judge import bind, judge
from sbrtcheck.judge.again import rejudged
from sbrtcheck.judge.required import told_of
from sbrtcheck.model import Case, FractionGroup, Plan, Prescription, Structure, StructureSet
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol import Declared, ProtocolFile
from sbrtcheck.protocol.diff import diff
from sbrtcheck.protocol.loading import load_protocols
from sbrtcheck.results import RuleResult, Verdict

AGE = {"title": "A", "check": "patient-age", "source": "s", "confidence": "verified"}


def age(name: str, years: float = 18.0, **more: Any) -> dict[str, Any]:
    return AGE | {"id": name, "limit": {"op": ">=", "per_protocol": years, "unit": "years"}} | more


def write(folder: Path, name: str, *rules: dict[str, Any], **more: Any) -> Path:
    head = {"schema": "sbrtcheck-protocol/1", "id": name, "title": name.upper(), "version": "1.0.0"}
    sources = {"sources": [{"id": "s", "title": "S", "level": "primary"}]}
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(head | more | sources | {"rules": list(rules)}), encoding="utf-8")
    return path


def of(site: SiteFile | None = None, *structures: Structure) -> Derived:
    plan = Plan("1.8", "P", False, (Prescription(30.0, 3, None, "", "plan"),), (FractionGroup(1, 3, ()),))
    return Derived(Case(plan, StructureSet("1.5", "S", structures), patient_age_years=40.0), site or SiteFile())


def judged(names: Sequence[Path], derived: Derived | None = None) -> list[RuleResult]:
    return list(judge(bind(load_protocols(names)), derived or of(), Declared()))


@given(st.permutations(["a", "b", "c"]), st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3, unique=True))
@settings(max_examples=40, deadline=None)
def test_order_changes_only_the_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], included: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("composed")
    paths = {name: write(folder, name, age(f"r-{name}", 10.0 * n)) for n, name in enumerate("abd", 1)}
    paths["c"] = write(folder, "c", age("r-c", 50.0), include=[str(paths.get(n, folder / "c.toml")) for n in included])
    first = judged([paths[n] for n in ("a", "b", "c")])
    other = judged([paths[n] for n in order])
    by_id = {r.rule: r for r in other}
    assert len(by_id) == len(other)
    assert {r.rule: r for r in first} == by_id


def test_include_brings_what_it_includes_once(tmp_path: Path) -> None:
    deep = write(tmp_path, "deep", age("r-deep"))
    middle = write(tmp_path, "middle", age("r-middle"), include=[str(deep)])
    top = write(tmp_path, "top", age("r-top"), include=[str(middle), str(deep)])
    assert [p.file.id for p in load_protocols([top])] == ["top", "middle", "deep"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_one_rule_with_two_contents_is_refused(tmp_path: Path, order: tuple[str, str]) -> None:
    paths = {"a": write(tmp_path, "a", age("age", 18.0)), "b": write(tmp_path, "b", age("age", 21.0, required=False))}
    with pytest.raises(ProtocolError) as error:
        load_protocols([paths[name] for name in order])
    first, second = order
    assert f"rule 'age' stands in {first} and in {second}, and they differ in limit, required" in str(error.value)
    assert "Rename one of the two" in str(error.value)


def test_one_rule_with_one_content_is_no_conflict(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, age("age", title=name)) for name in ("a", "b")]
    assert len(judged(paths)) == 2


def test_one_structure_with_two_contents_is_refused(tmp_path: Path) -> None:
    ring = {"Ring": {"derived": "ring(PTV, 10mm, 30mm)"}}
    same = {"Ring": {"derived": "ring( PTV,10mm , 30mm )", "required": True}}
    other = {"Ring": {"derived": "PTV + 5mm"}}
    a = write(tmp_path, "a", age("r-a"), structures=ring)
    load_protocols([a, write(tmp_path, "b", age("r-b"), structures=same)])
    with pytest.raises(ProtocolError, match=r"'Ring' is ring\(PTV, 10mm, 30mm\) in a and PTV \+ 5mm in c"):
        load_protocols([a, write(tmp_path, "c", age("r-c"), structures=other)])


def test_one_protocol_with_two_contents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    paths = [write(tmp_path, "a", age("r")), write(tmp_path / "x", "a", age("r", 21.0))]
    with pytest.raises(ProtocolError, match="two protocols are called 'a' and differ"):
        load_protocols(paths)


def test_priority_orders_the_rules_of_a_protocol(tmp_path: Path) -> None:
    path = write(tmp_path, "a", age("none"), age("two", priority=2), age("one", priority=1), age("last"))
    other = write(tmp_path, "b", age("other", priority=1))
    assert [r.rule for r in judged([path, other])] == ["one", "two", "none", "last", "other"]


# What is told of protocols as a whole


def told(names: Sequence[Path], derived: Derived) -> tuple[list[str], list[tuple[str, str]]]:
    assumptions, notices = told_of(bind(load_protocols(names)), derived)
    return [a.text for a in assumptions], [(n.code, n.message) for n in notices]


def test_an_accepted_value_is_an_assumption(tmp_path: Path) -> None:
    path = write(tmp_path, "a", age("r", confidence="recalled"), age("seen"))
    site = SiteFile(
        accepted={"a/r": "A. Physicist, 2026-03-01", "a/seen": "not needed", "a/R": "?", "b/r": "elsewhere"}
    )
    texts, notices = told([path], of(site))
    assert texts == ["the recalled value of a/r is taken as right: A. Physicist, 2026-03-01"]
    assert notices == [("accepted-unknown-rule", "the site file accepts a value of 'R', and a has no such rule")]
    by_rule = {r.rule: r for r in judged([path], of(site))}
    assert by_rule["r"].verdict is Verdict.PASS
    assert {r.rule: r for r in judged([path])}["r"].verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    ("when", "code", "verdict"),
    [
        ("Fractions <= 5", None, Verdict.PASS),
        ("Fractions > 5", "protocol-not-applicable", Verdict.NOT_APPLICABLE),
        ("Volume(Heart)[cc] > 0", "protocol-perhaps-not-applicable", Verdict.INDETERMINATE),
    ],
)
def test_whether_a_protocol_applies_is_told(tmp_path: Path, when: str, code: str | None, verdict: Verdict) -> None:
    path = write(tmp_path, "a", age("r"), when=when)
    _, notices = told([path], of())
    assert [n for n, _ in notices] == ([code] if code else [])
    assert all(when in message for _, message in notices)
    assert [r.verdict for r in judged([path])] == [verdict]


def test_an_alias_is_an_assumption(tmp_path: Path) -> None:
    path = write(tmp_path, "a", age("r"), structures={"Stump": {"aliases": ["Moignon"]}})
    texts, _ = told([path], of(None, Structure(7, "MOIGNON", "", ())))
    assert texts == ["ROI 7 is taken as Stump: alias 'Moignon' of a"]
    assert told([path], Derived(Case(), SiteFile())) == ([], [])


# The structures of one file


@pytest.mark.parametrize(
    ("structures", "said"),
    [
        ({"Own": {}}, "needs derived or aliases"),
        ({"Own": {"derived": "Hart + 5mm"}}, "'Hart' is not a TG-263 name, a role"),
        ({"Own": {"derived": "A | B"}, "A": {"derived": "B"}, "B": {"derived": "A"}}, "'A' is made of itself"),
        ({"Own": {"derived": "Own"}}, "'Own' is made of itself"),
        ({"Own": {"derived": "PTV", "aliases": ["x"]}}, "give derived or aliases, not both"),
        ({"Own": {"derived": "PTV |"}}, "the name of a structure was expected"),
        ({"PTV": {"required": True}}, "found by their role"),
        ({"SpinalCord": {"aliases": ["Coeur"]}}, "'Coeur' is taken as Heart already"),
        ({"A": {"aliases": ["stump one"]}, "B": {"aliases": ["StumpOne"]}}, "'StumpOne' is an alias of A as well"),
        ({"a b": {"aliases": ["x"]}}, "should match pattern"),
    ],
)
def test_what_is_wrong_with_structures(structures: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        file(structures)


def file(structures: dict[str, Any]) -> ProtocolFile:
    head = {"schema": "sbrtcheck-protocol/1", "id": "a", "title": "A", "version": "1.0.0"}
    sources = {"sources": [{"id": "s", "title": "S", "level": "primary"}]}
    return ProtocolFile.model_validate(head | sources | {"structures": structures, "rules": [age("r")]})


def test_a_structure_that_changed_is_a_difference() -> None:
    old, new = file({"Own": {"derived": "PTV+5mm"}}), file({"Own": {"derived": "PTV + 3mm", "required": True}})
    assert [str(d) for d in diff(old, new)] == [
        "structure Own changed: made of PTV + 5mm -> made of PTV + 3mm; required"
    ]
    assert diff(old, file({"Own": {"derived": "( PTV ) + 5mm"}})) == ()
    report = SimpleNamespace(results=[SimpleNamespace(rule="r", protocol="a", subject="patient", verdict=Verdict.PASS)])
    assert [r.after for r in rejudged(report, old, new)] == ["needs a new check"]  # type: ignore[arg-type]
    assert list(rejudged(report, old, old)) == []  # type: ignore[arg-type]


def test_what_may_be_said_of_structures() -> None:
    found = file(
        {
            "Lungs-GTV": {"derived": "(Lung_L | Lung_R) - GTV", "definition": "As in the report"},
            "SpinalCord": {"aliases": ["Moelle", "cordon", "SpinalCord"], "required": True},
            "Lung_L": {"aliases": ["Lung"]},  # known without its side: the protocol says which it is
            "Own": {"derived": "Lungs-GTV & External"},
        }
    )
    assert found.structures["SpinalCord"].required
