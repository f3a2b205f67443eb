"""Law 4: what was taken as what stands in the report, and the site file overrules it."""

from collections.abc import Callable
from pathlib import Path

from sbrtcheck.results import PlanReport, Verdict

Judged = Callable[..., PlanReport]


def test_every_structure_that_decided_something_is_among_the_assumptions(judged: Judged) -> None:
    report = judged()
    decided = {r.roi_number for r in report.results} | {
        n for r in report.results for e in r.evidence for n in e.roi_numbers
    }
    stated = " ".join(a.text for a in report.assumptions if a.topic == "structure")
    assert decided - {None}
    for number in decided - {None}:
        assert f"ROI {number} " in stated, number


def test_every_choice_of_definition_is_in_the_result(judged: Judged) -> None:
    by_rule = {r.rule: r for r in judged().results}
    for rule in ("lesion-size", "ultra-central", "long-bone", "prior-radiotherapy"):
        assert by_rule[rule].definition


def test_the_site_file_overrules_a_role(judged: Judged, tmp_path: Path) -> None:
    report = judged()
    ptv = report.lesions[0].ptv
    name = next(c.name for c in report.dvhs if c.roi_number == ptv)
    site = tmp_path / "site.toml"
    site.write_text(f'schema = "sbrtcheck-site/1"\n[targets]\n"{name}" = "ignore"\n', encoding="utf-8")
    overruled = judged(site=site)
    assert overruled.lesions[0].ptv is None
    assert overruled.verdict is not Verdict.PASS
