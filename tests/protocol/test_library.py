"""What ships under a trial's name, against the facts that were seen."""

import pytest

from sbrtcheck.protocol.loading import load_protocol

STORM = {rule.id: rule for rule in load_protocol("getug-storm-01").file.rules}
RTOG = load_protocol("rtog-0813-0915-conformity").file


def test_the_trial_holds_eligibility_and_nothing_else() -> None:
    # No dose, isodose, margin or organ limit is public for this trial, so none may stand under its name.
    assert not {rule.check for rule in STORM.values()} & {"dose-metric", "conformity-table"}
    assert {rule.id for rule in STORM.values() if rule.section == "plan"} == {
        "lesion-count",
        "organ-count",
        "lesion-size",
        "measurable-lesion",
        "extracerebral",
        "ultra-central",
        "long-bone",
        "prior-radiotherapy",
        "all-sites-treated",
        "age-from-dicom",
    }


@pytest.mark.parametrize(
    ("rule", "op", "value"),
    [
        ("lesion-count", "<=", 3),
        ("organ-count", "<=", 2),
        ("lesion-size", "<=", 40.0),  # "> 4 cm" excludes: 40.0 mm is eligible
        ("measurable-lesion", ">=", 1),
        ("declared-who-status", "<=", 2),
        ("declared-age", ">=", 18),
    ],
)
def test_the_numbers_of_the_record(rule: str, op: str, value: float) -> None:
    limit = STORM[rule].limit
    assert limit is not None
    assert (limit.op, limit.per_protocol, limit.variation) == (op, value, None)


@pytest.mark.parametrize("rule", ["lesion-size", "ultra-central", "long-bone", "prior-radiotherapy", "organ-count"])
def test_what_the_record_leaves_open_is_marked_as_a_choice(rule: str) -> None:
    assert STORM[rule].definition_is_choice
    assert STORM[rule].definition


def test_the_conformity_table_has_all_eleven_rows() -> None:
    # RTOG 0813 and 0915, Table 1, read column by column; R100 and V20 are the same in every row.
    (table,) = RTOG.tables
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert columns == {
        "ptv_cc": (1.8, 3.8, 7.4, 13.2, 22.0, 34.0, 50.0, 70.0, 95.0, 126.0, 163.0),
        "r100_none": (1.2,) * 11,
        "r100_minor": (1.5,) * 11,
        "r50_none": (5.9, 5.5, 5.1, 4.7, 4.5, 4.3, 4.0, 3.5, 3.3, 3.1, 2.9),
        "r50_minor": (7.5, 6.5, 6.0, 5.8, 5.5, 5.3, 5.0, 4.8, 4.4, 4.0, 3.7),
        "d2cm_none": (50.0, 50.0, 50.0, 50.0, 54.0, 58.0, 62.0, 66.0, 70.0, 73.0, 77.0),
        "d2cm_minor": (57.0, 57.0, 58.0, 58.0, 63.0, 68.0, 77.0, 86.0, 89.0, 91.0, 94.0),
        "v20_none": (10.0,) * 11,
        "v20_minor": (15.0,) * 11,
    }


def test_a_larger_target_never_has_a_looser_ratio_or_a_tighter_distance_dose() -> None:
    (table,) = RTOG.tables
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    for name in ("r50_none", "r50_minor"):
        assert list(columns[name]) == sorted(columns[name], reverse=True)
    for name in ("d2cm_none", "d2cm_minor"):
        assert list(columns[name]) == sorted(columns[name])
    for name in ("r100", "r50", "d2cm", "v20"):
        assert all(a < b for a, b in zip(columns[f"{name}_none"], columns[f"{name}_minor"], strict=True))
