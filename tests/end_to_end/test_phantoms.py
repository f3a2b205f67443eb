"""Every phantom gets the verdicts that its construction implies, rule by rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.judge import bind, judge
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.phantom import cases, phantom
from sbrtcheck.protocol.declared import load_declared
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import Verdict

# From worst to best: the verdict of a rule is that of its worst subject.
WORST_FIRST = ("fail", "error", "not-evaluated", "indeterminate", "variation", "pass", "not-applicable")
CONFORMITY = {
    "lung-peripheral": {
        "conformity-r100": "pass",
        "conformity-r50": "pass",
        "conformity-d2cm": "pass",
        "conformity-v20": "pass",
    },
    "conformity-variation": {"conformity-r50": "variation"},
    "conformity-poor": {"conformity-r50": "fail"},
    "no-dose": {"conformity-r100": "not-evaluated", "conformity-v20": "not-evaluated"},
    "brain": {"conformity-v20": "not-evaluated"},
}


@pytest.mark.parametrize("case", cases())
def test_each_rule_ends_as_the_construction_implies(on_disk: Callable[[str], Path], case: str) -> None:
    folder = on_disk(case)
    prior = [folder / "prior"] if (folder / "prior").exists() else []
    loaded = [load_protocol("getug-storm-01")]
    expected = dict(phantom(case).expected)
    if case in CONFORMITY:
        loaded.append(load_protocol("rtog-0813-0915-conformity"))
        expected |= CONFORMITY[case]
    reading = load_case([folder / "plan"], prior=prior)
    facts = load_declared(folder / "declared.toml", loaded)
    found: dict[str, list[str]] = {}
    for result in judge(bind(loaded), Derived(reading.case, SiteFile()), facts):
        found.setdefault(result.rule, []).append(result.verdict.value)
    worst = {rule: min(verdicts, key=WORST_FIRST.index) for rule, verdicts in found.items()}
    assert {rule: worst[rule] for rule in expected} == expected


def test_the_phantoms_show_each_rule_both_green_and_not() -> None:
    shown: dict[str, set[str]] = {}
    for case in cases():
        for rule, verdict in phantom(case).expected.items():
            shown.setdefault(rule, set()).add(verdict)
    for rule, verdicts in shown.items():
        assert Verdict.PASS in verdicts, rule
        assert verdicts - {Verdict.PASS, Verdict.NOT_APPLICABLE}, rule
