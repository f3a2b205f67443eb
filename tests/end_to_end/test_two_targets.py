"""Two targets in one dose, from the files to what a reader is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.pipeline import check, measure
from sbrtcheck.results import Interval, Verdict

METRICS = ("R50", "GI_Paddick", "Mean[Gy]", "Mean[Gy]@EQD2(a/b=3)")


def test_measure_bounds_the_indices_and_names_the_other_target(on_disk: Callable[[str], Path]) -> None:
    report = measure(on_disk("liver-two-lesions"), rois=["PTV1", "PTV2"], metrics=METRICS)
    for structure in report.structures:
        ratio, mean, effect = (structure.metrics[m] for m in ("R50", "Mean[Gy]", "Mean[Gy]@EQD2(a/b=3)"))
        assert isinstance(ratio, Interval)
        assert ratio.low == 0.0
        assert isinstance(mean, Interval)
        assert isinstance(effect, Interval)
        # 3 fractions: EQD2 of the mean dose, D (D / 3 + 3) / 5, is exceeded, for the formula bends upwards.
        of_mean = mean.value * (mean.value / 3.0 + 3.0) / 5.0
        assert of_mean < effect.value < 1.05 * of_mean
    assert [n.where for n in report.notices if n.code == "other-target-in-isodose"] == ["ROI 3", "ROI 5"]
    (told,) = [a for a in report.assumptions if a.topic == "effective dose"]
    assert "EQD2(a/b=3) of ROI 3, ROI 5" in told.text
    assert "n = 3 fractions" in told.text


def test_a_table_of_limits_cannot_fail_one_for_the_dose_of_the_other(on_disk: Callable[[str], Path]) -> None:
    report = check(on_disk("liver-two-lesions"), ["rtog-0813-0915-conformity"])
    ratios = [r for r in report.results if r.rule == "conformity-r50"]
    assert {r.verdict for r in ratios} <= {Verdict.PASS, Verdict.INDETERMINATE}
    assert all("other targets lie in the same dose (ROI" in r.reason for r in ratios)
    assert "other-target-in-isodose" in {n.code for n in report.notices}


def test_one_lesion_keeps_its_indices(on_disk: Callable[[str], Path]) -> None:
    report = measure(on_disk("lung-peripheral"), metrics=["R50"])
    (ratio,) = [s.metrics["R50"] for s in report.structures if s.name.startswith("PTV")]
    assert isinstance(ratio, Interval)
    assert ratio.low > 0.98 * ratio.value
    assert "other-target-in-isodose" not in {n.code for n in report.notices if "PTV" in n.where}


def test_a_protocol_may_ask_for_an_effect(on_disk: Callable[[str], Path], tmp_path: Path) -> None:
    rule = tmp_path / "effect.toml"
    rule.write_text(
        """schema = "sbrtcheck-protocol/1"
id = "effect"
version = "1.0.0"
title = "A limit in EQD2"

[[sources]]
id = "made"
title = "Made for this test"
level = "secondary"

[[rules]]
id = "cord"
title = "Spinal cord"
check = "dose-metric"
limit = { op = "<=", per_protocol = 50.0, unit = "Gy" }
parameters = { metric = "Max[Gy]@EQD2(a/b=2)", structures = ["SpinalCord"] }
source = "made"
confidence = "verified"
""",
        encoding="utf-8",
    )
    report = check(on_disk("lung-peripheral"), [rule])
    (result,) = report.results
    assert result.verdict in {Verdict.PASS, Verdict.INDETERMINATE}
    assert "a/b = 2 Gy, n = " in result.reason
    assert result.unit == "Gy"
    assert [a.topic for a in report.assumptions if a.topic == "effective dose"] == ["effective dose"]


@pytest.mark.parametrize("expression", ["V100%[%]@EQD2(a/b=3)", "R50@BED(a/b=10)"])
def test_what_has_no_effect_is_refused_before_any_file_is_read(expression: str, tmp_path: Path) -> None:
    from sbrtcheck.errors import MetricSyntaxError

    with pytest.raises(MetricSyntaxError, match="no biologically effective dose"):
        measure(tmp_path / "nowhere", metrics=[expression])
