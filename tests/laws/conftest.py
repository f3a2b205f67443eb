"""A compliant patient whose files the tests take apart, and one way to check what is left."""

from collections.abc import Callable
from pathlib import Path

import pytest

import sbrtcheck
from sbrtcheck.phantom import write_phantom
from sbrtcheck.results import PlanReport

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

    def run(plan: Path = patient / "plan", **options: object) -> PlanReport:
        options = {"declared": patient / "declared.toml"} | options
        return sbrtcheck.check(plan, PROTOCOLS, **options)  # type: ignore[arg-type]

    return run
