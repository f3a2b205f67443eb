"""A compliant patient whose files the tests take apart, and one way to check what is left."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import sbrtcheck
from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.judge import bind, judge
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.phantom import write_phantom
from sbrtcheck.protocol.declared import load_declared
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import PlanReport, RuleResult

PROTOCOLS = ("getug-storm-01", "rtog-0813-0915-conformity")


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compliant phantom: ``plan/`` and ``declared.toml``; never changed by a test."""
    folder = tmp_path_factory.mktemp("compliant") / "patient"
    write_phantom("lung-peripheral", folder)
    return folder


@pytest.fixture(scope="session")
def judged(patient: Path) -> Callable[..., PlanReport]:
    """Check a folder (by default the compliant plan) with the compliant patient's declared facts."""

    @cache
    def compliant() -> PlanReport:
        return sbrtcheck.check(patient / "plan", PROTOCOLS, declared=patient / "declared.toml")

    def run(plan: Path | None = None, **options: object) -> PlanReport:
        if plan is None and not options:
            return compliant()
        options = {"declared": patient / "declared.toml"} | options
        return sbrtcheck.check(plan or patient / "plan", PROTOCOLS, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture(scope="session")
def results_of(patient: Path) -> Callable[[], dict[str, RuleResult]]:
    """Judge the compliant plan anew, without drawing: the first result of each rule of the trial."""
    case = load_case([patient / "plan"]).case
    loaded = [load_protocol("getug-storm-01")]
    bound, facts = bind(loaded), load_declared(patient / "declared.toml", loaded)

    def run() -> dict[str, RuleResult]:
        return {r.rule: r for r in reversed(judge(bound, Derived(case, SiteFile()), facts))}

    return run
