"""The planning system's own DVH beside ours, in every format that a person reads."""

from __future__ import annotations

import pytest

from sbrtcheck.report import render
from sbrtcheck.report.tables import measure_text
from sbrtcheck.results import (
    Interval,
    MeasureReport,
    PlanReport,
    SoftwareRecord,
    StructureMeasures,
    TpsBeside,
    TpsComparison,
    TpsStatistics,
)

APART = "mean dose 52.1 [51.9 to 52.3] Gy here, 55 Gy there"
STORED = {"volume_cc": 14.3, "min_gy": None, "mean_gy": 55.0, "max_gy": 58.0, "max_dose_difference_gy": 3.2}
OURS = {"our_min_gy": Interval(44.1, 43.0, 44.3), "our_mean_gy": Interval(52.1, 51.9, 52.3), "our_max_gy": None}


@pytest.fixture
def compared(passing: PlanReport) -> PlanReport:
    """Two structures, the second one apart."""
    (first,) = passing.tps
    tps = TpsStatistics(**STORED, apart=(APART,))
    second = TpsComparison(roi_number=2, name="Cord", tps=tps, our_volume_cc=Interval(14.2, 13.9, 14.6), **OURS)
    return passing.model_copy(update={"tps": (first, second)})


def test_the_page_shows_ours_above_theirs_and_what_is_apart(compared: PlanReport) -> None:
    page = render(compared, "html").decode("utf-8")
    table = page[page.index("Beside the planning system") :].partition("</section>")[0]
    for shown in ("44.10", "43.00 to 44.30", "52.10", "55.00", "58.00", "3.20", APART, "more than our error explains:"):
        assert shown in table
    assert table.count("more than our error explains:") == 1


def test_the_text_shows_a_row_a_structure(compared: PlanReport) -> None:
    text = render(compared, "text").decode("utf-8")
    (row,) = [line for line in text.splitlines() if line.strip().startswith("2 Cord")]
    for shown in ("14.20", "14.30", "52.10", "55.00", "3.20"):
        assert shown in row


def test_without_stored_dvhs_there_is_no_table(empty: PlanReport) -> None:
    assert b"planning system" not in render(empty, "text")


@pytest.mark.parametrize(("apart", "said"), [((APART,), APART), ((), "mean doses agree")])
def test_measure_shows_both(apart: tuple[str, ...], said: str, passing: PlanReport) -> None:
    size = Interval(14.2, 13.9, 14.6)
    measures = StructureMeasures(
        roi_number=2,
        name="Cord",
        volume_cc=size,
        longest_axial_diameter_mm=size,
        tps=TpsBeside(**STORED, **OURS, remark="mean doses agree within 0.5 %", apart=apart),
    )
    report = MeasureReport(software=SoftwareRecord(version="1"), plan=passing.plan, structures=(measures,))
    text = " ".join(measure_text(report).split())
    assert "volume 14.30 cm3 there, mean 55.00 Gy there, 52.10 Gy here, maximum 58.00 Gy there" in text
    assert "curves up to 3.20 Gy apart" in text
    assert said in text
