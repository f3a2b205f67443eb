"""Law 3: where the tumour is not drawn, what encloses it can decide, one way only."""

from pathlib import Path

import pytest

import sbrtcheck
from sbrtcheck.phantom import write_phantom
from sbrtcheck.results import Verdict


@pytest.mark.parametrize(
    ("case", "verdict"), [("ptv-only-38mm", Verdict.PASS), ("ptv-only-50mm", Verdict.INDETERMINATE)]
)
def test_an_enclosing_target_bounds_the_size(tmp_path: Path, case: str, verdict: Verdict) -> None:
    write_phantom(case, tmp_path / case)
    report = sbrtcheck.check(tmp_path / case / "plan", ["getug-storm-01"])
    result = next(r for r in report.results if r.rule == "lesion-size")
    assert result.verdict is verdict
