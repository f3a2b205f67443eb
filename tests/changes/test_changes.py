"""What changed between two reports: nothing is cured but what failed and is met."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sbrtcheck.changes import changes
from sbrtcheck.cli.app import app
from sbrtcheck.errors import UsageError
from sbrtcheck.report import render
from sbrtcheck.report.changes import changes_text
from sbrtcheck.report.text import plan_text
from sbrtcheck.results import (
    DrawnRecord,
    DvhCurve,
    Interval,
    LesionRecord,
    Limit,
    PlanRecord,
    PlanReport,
    ProtocolRecord,
    RuleResult,
    SoftwareRecord,
    Verdict,
)

LIMIT = Limit(op="<=", per_protocol=28.0, unit="Gy")
MIRRORED = {"added": "gone", "gone": "added", "settled": "lost", "lost": "settled", "still": "still"}


def result(verdict: str, value: float | None = 29.6, rule: str = "cord", subject: str = "SpinalCord") -> RuleResult:
    return RuleResult(
        rule=rule,
        protocol="p",
        title="D0.03cc",
        section="plan",
        subject=subject,
        verdict=Verdict(verdict),
        measured=None if value is None else Interval(value, value - 0.125, value + 0.125),
        unit="Gy",
        limit=LIMIT,
        reason="because",
        source="s",
    )


def report(*results: RuleResult, **more: Any) -> PlanReport:
    head: dict[str, Any] = {
        "verdict": Verdict.PASS,
        "declared_verdict": Verdict.NOT_APPLICABLE,
        "plan": PlanRecord(label="SBRT", sop_instance_uid="1.2", created="20260101"),
        "protocols": (ProtocolRecord(id="p", version="1.0.0", sha256="a"),),
        "software": SoftwareRecord(version="0.1.0"),
        "results": results,
    }
    return PlanReport(**(head | more))


def kinds(old: PlanReport, new: PlanReport) -> list[str]:
    return [rule.kind for rule in changes(old, new).rules]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("fail", "pass", "cured"),
        ("fail", "variation", "cured"),
        ("fail", "not-evaluated", "open"),
        ("fail", "indeterminate", "open"),
        ("fail", "not-applicable", "open"),
        ("fail", "error", "open"),
        ("not-evaluated", "pass", "settled"),
        ("not-applicable", "pass", "settled"),
        ("pass", "fail", "new"),
        ("not-evaluated", "fail", "new"),
        ("pass", "indeterminate", "lost"),
        ("variation", "not-applicable", "lost"),
        ("pass", "variation", "value"),
        ("not-evaluated", "indeterminate", "value"),
    ],
)
def test_verdicts(before: str, after: str, kind: str) -> None:
    assert kinds(report(result(before)), report(result(after, 27.9))) == [kind]


def test_equal_results_are_no_change_and_other_numbers_are() -> None:
    assert kinds(report(result("pass")), report(result("pass"))) == []
    assert kinds(report(result("pass")), report(result("pass", 20.0))) == ["value"]
    assert kinds(report(result("fail")), report(result("fail", 31.0))) == ["still"]
    assert kinds(report(result("fail")), report(result("fail"))) == []


def test_rules_in_one_report_only() -> None:
    assert kinds(report(), report(result("pass"))) == ["added"]
    assert kinds(report(), report(result("fail"))) == ["new"]
    assert kinds(report(result("fail")), report()) == ["gone"]


def test_it_is_told_in_one_line() -> None:
    text = changes_text(changes(report(result("fail")), report(result("pass", 27.9)), earlier="centre/p1"))
    assert text.splitlines() == [
        "Changes since centre/p1: 1 deviation cured.",
        "  cured: D0.03cc (SpinalCord): 29.60 [29.47 to 29.73] Gy -> 27.90 [27.77 to 28.03] Gy, fail -> pass",
    ]


def test_what_nobody_would_see_is_left_out() -> None:
    found = changes(report(result("pass", 20.0)), report(result("pass", 20.0 + 1e-9)))
    assert found.count("value") == 1
    assert changes_text(found) == "Changes: No rule changed its verdict.\n"


def drawn(**fingerprints: str) -> dict[str, Any]:
    return {
        "structures": tuple(
            DrawnRecord(roi_number=n, name=name, fingerprint=mark)
            for n, (name, mark) in enumerate(fingerprints.items())
        )
    }


def test_structures() -> None:
    curve = DvhCurve(
        roi_number=0,
        name="PTV",
        total_cc=14.0,
        dose_gy=(),
        volume_percent=(),
        volume_percent_low=(),
        volume_percent_high=(),
    )
    old = report(**drawn(PTV="1", Cord="2", Heart="3", Old="4"), dvhs=(curve,))
    new = report(
        **drawn(PTV="9", SpinalCord="2", Heart="3", New="5"), dvhs=(curve.model_copy(update={"total_cc": 16.0}),)
    )
    found = [(s.kind, s.name, s.earlier_name, s.volume_before, s.volume_after) for s in changes(old, new).structures]
    assert found == [
        ("redrawn", "PTV", "", 14.0, 16.0),
        ("renamed", "SpinalCord", "Cord", None, None),
        ("added", "New", "", None, None),
        ("removed", "Old", "", None, None),
    ]


def test_lesions_are_known_by_their_structures() -> None:
    names = drawn(PTV_A="1", PTV_B="2")
    swapped = drawn(PTV_B="2", PTV_A="1")
    lesions = tuple(LesionRecord(id=f"lesion {n + 1}", ptv=n) for n in range(2))
    old = report(
        result("fail", 45.0, "size", "lesion 1"), result("pass", 10.0, "size", "lesion 2"), lesions=lesions, **names
    )
    new = report(
        result("pass", 10.0, "size", "lesion 1"), result("fail", 45.0, "size", "lesion 2"), lesions=lesions, **swapped
    )
    assert kinds(old, new) == []


def test_what_else_changed_is_told() -> None:
    other = report(
        protocols=(
            ProtocolRecord(id="p", version="1.1.0", sha256="b"),
            ProtocolRecord(id="q", version="1.0.0", sha256="c"),
        ),
        software=SoftwareRecord(version="0.2.0"),
        **drawn(PTV="1"),
    )
    assert changes(report(), other).remarks == (
        "protocol p is not the same file (1.0.0 before, 1.1.0 now)",
        "protocol q was not applied before",
        "the program was 0.1.0 before and is 0.2.0 now",
        "one of the two reports lists no structures, so their outlines cannot be compared",
    )


REPORTS = st.lists(
    st.builds(
        result,
        st.sampled_from([str(v) for v in Verdict]),
        st.none() | st.sampled_from([20.0, 29.6]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["patient", "PTV"]),
    ),
    max_size=5,
).map(lambda results: report(*results))


@given(REPORTS, REPORTS)
@settings(max_examples=150, deadline=None)
def test_it_is_empty_for_equals_and_a_mirror_for_the_other_way(old: PlanReport, new: PlanReport) -> None:
    assert changes(old, old).rules == ()
    there, back = changes(old, new), changes(new, old)
    assert len(there.rules) == len(back.rules)
    assert there.count("cured") == sum(
        rule.before in {Verdict.PASS, Verdict.VARIATION} and rule.after is Verdict.FAIL for rule in back.rules
    )
    sides = sorted((r.rule, r.subject, str(r.before), str(r.after)) for r in there.rules)
    assert sides == sorted((r.rule, r.subject, str(r.after), str(r.before)) for r in back.rules)
    for rule in there.rules:
        if rule.kind == "cured":
            assert rule.before is Verdict.FAIL
            assert rule.after in {Verdict.PASS, Verdict.VARIATION}


def test_reports_show_it_and_escape_names() -> None:
    hostile = "<script>alert(1)</script>"
    old, new = report(result("fail"), **drawn(PTV="1")), report(result("pass", 27.9), **drawn(**{hostile: "7"}))
    with_changes = new.model_copy(update={"changes": changes(old, new, earlier=hostile)})
    page = render(with_changes, "html").decode()
    assert "Changes since" in page
    assert "1 deviation cured." in page
    assert hostile not in page
    assert "1 deviation cured." in plan_text(with_changes)
    assert PlanReport.from_json(render(with_changes, "json")) == with_changes
    assert "Changes since" not in render(new, "html").decode()


def test_the_command_tells_it_and_its_status_says_whether_something_is_worse(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new"
    new.mkdir()
    old.write_text(report(result("fail")).to_json(), encoding="utf-8")
    (new / "report.json").write_text(report(result("pass", 27.9)).to_json(), encoding="utf-8")
    better = CliRunner().invoke(app, ["compare", str(old), str(new)])
    assert (better.exit_code, better.stdout.splitlines()[0]) == (0, "Changes: 1 deviation cured.")
    worse = CliRunner().invoke(app, ["compare", str(new), str(old), "--json"])
    assert worse.exit_code == 1
    assert json.loads(worse.stdout)["rules"][0]["kind"] == "new"
    (tmp_path / "odd.json").write_text("{}", encoding="utf-8")
    for name in ("odd.json", "nowhere.json"):
        with pytest.raises(UsageError):
            CliRunner().invoke(app, ["compare", str(old), str(tmp_path / name)], catch_exceptions=False)
