"""ClearPlan constraint tables in."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange import Imported, imported

HEADER = "TemplateId,TemplateCodes,TemplateAliases,TemplateTypes,DVHObjective,Goal,Variation,Priority,Source,Notes"
SOUND = "Heart,,,,Max[Gy],<=30,,,,"


def table(*rows: str, header: str = HEADER) -> Imported:
    return imported("\r\n".join((header, *rows)).encode())


def row(structure: str = "Heart", objective: str = "Max[Gy]", goal: str = "<=30", variation: str = "") -> str:
    cells = (structure, "", "", "", objective, goal, variation, "", "", "")
    return ",".join(f'"{cell}"' if "," in cell else cell for cell in cells)


def only(found: Imported) -> tuple[str, dict[str, Any]]:
    (rule,) = found.data["rules"]
    return rule["parameters"]["metric"], rule["limit"]


def refused(broken: str) -> str:
    found = table(SOUND, broken)
    (lost,) = found.left_out
    assert (lost.part, lost.where) == ("rule", "row 3")
    return lost.why


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("D95%[%]", "D95%[%]"),
        ("D0.035cc[Gy]", "D0.035cc[Gy]"),
        ("D0,035 cm3 [gy]", "D0.035cc[Gy]"),
        ("d2cc[Gy]", "D2cc[Gy]"),
        ("V20Gy[%]", "V20Gy[%]"),
        ("V2000cGy[cc]", "V20Gy[cc]"),
        ("CV12,5Gy[cc]", "CV12.5Gy[cc]"),
        ("DC1500cc[Gy]", "DC1500cc[Gy]"),
        ("Mean[Gy]", "Mean[Gy]"),
        ("Dmax[%]", "Max[%]"),
        ("Volume[cc]", "Volume[cc]"),
        ("D0.03cc[Gy]@EQD2(a/b=3)", "D0.03cc[Gy]@EQD2(a/b=3)"),
    ],
)
def test_spellings_of_one_expression(written: str, expression: str) -> None:
    assert only(table(row(objective=written)))[0] == expression


@pytest.mark.parametrize(
    ("goal", "variation", "limit"),
    [
        ("<=25", "", {"op": "<=", "per_protocol": 25.0, "unit": "Gy"}),
        ("< 25,5 Gy", "", {"op": "<", "per_protocol": 25.5, "unit": "Gy"}),
        ("≤25", "≤ 30", {"op": "<=", "per_protocol": 25.0, "variation": 30.0, "unit": "Gy"}),
        ("<=25", "30", {"op": "<=", "per_protocol": 25.0, "variation": 30.0, "unit": "Gy"}),
        (">=95", ">=92", {"op": ">=", "per_protocol": 95.0, "variation": 92.0, "unit": "Gy"}),
        ("<=25", "<=25", {"op": "<=", "per_protocol": 25.0, "unit": "Gy"}),
    ],
)
def test_spellings_of_limits(goal: str, variation: str, limit: dict[str, Any]) -> None:
    assert only(table(row(goal=goal, variation=variation)))[1] == limit


def test_centigray_become_gray_on_both_sides() -> None:
    limit = only(table(row(objective="D2cc[cGy]", goal="<=2512.5", variation="3000")))[1]
    assert limit == {"op": "<=", "per_protocol": 25.125, "variation": 30.0, "unit": "Gy"}


@pytest.mark.parametrize(
    ("broken", "readings"),
    [
        (row(objective="D30[Gy]"), ("D30%[Gy]", "D30cc[Gy]")),
        (row(objective="V20[%]"), ("V20Gy[%]", "V20%[%]")),
        (row(objective="D95%"), ("D95%[Gy]", "D95%[%]")),
        (row(objective="Max"), ("Max[Gy]", "Max[%]")),
        (row(goal="30"), ("<=30", ">=30")),
        (row(goal="<=1,500"), ("1500", "1.500")),
        (row(objective="DC1,500cc[Gy]"), ("1500", "1.500")),
    ],
)
def test_what_can_be_read_in_two_ways_is_left_out_with_both_readings(broken: str, readings: tuple[str, str]) -> None:
    why = refused(broken)
    assert all(reading in why for reading in readings)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (row(objective="GI50%[%]"), "does not say the formula"),
        (row(objective="CI100%[%]"), "does not say the formula"),
        (row(objective=""), "no objective"),
        (row(objective="Colour[Gy]"), "unknown metric"),
        (row(goal=""), "not an operator"),
        (row(goal="=30"), "not an operator"),
        (row(goal="<=3000cGy"), "in Gy, but its limit in cGy"),
        (row(goal="<=30", variation=">=35"), "different operators"),
        (row(goal="<=30", variation="28"), "variation 28 is not wider"),
        (row(goal=">=30", variation="32"), "variation 32 is not wider"),
        (row(structure=""), "no structure is named"),
        ("Heart,,,,Max[Gy],<=30,5,,,,1", "is a comma in it not quoted"),
    ],
)
def test_what_is_no_limit_is_left_out_with_the_reason(broken: str, why: str) -> None:
    assert why in refused(broken)


def test_main_name_decides_and_names_that_will_not_be_found_are_listed() -> None:
    found = table("SpinalCord,,SpinalCord|Myelon|Spinalkanal,,Max[Gy],<=30,,,,")
    assert found.data["rules"][0]["parameters"]["structures"] == ["SpinalCord"]
    (detail,) = found.left_out
    assert detail.part == "detail"
    assert "'Spinalkanal'" in detail.why
    assert "Myelon" not in detail.why


def test_other_names_stand_in_for_a_main_name_that_says_nothing_if_they_agree() -> None:
    found = table("Organ 7,,Myelon|SpinalCord,,Max[Gy],<=30,,,,")
    (rule,) = found.data["rules"]
    assert rule["parameters"]["structures"] == ["SpinalCord"]
    assert rule["definition_is_choice"]


def test_other_names_that_disagree_leave_the_rule_out() -> None:
    assert "'Lungs' is Lungs, 'Lung L' is Lung_L" in refused("Lung,,Lungs|Lung L,,Mean[Gy],<=20,,,,")


def test_target_row_is_the_outermost_target() -> None:
    (rule,) = table("Target,,PTV|CTV|GTV,,D95%[%],>=95,>=92,,,").data["rules"]
    assert rule["parameters"] == {"metric": "D95%[%]", "of_targets": True}
    assert "outermost target" in rule["definition"]


@pytest.mark.parametrize("others", ["PTV|Heart", "GTV|CTV"])
def test_names_of_targets_among_others_are_no_answer(others: str) -> None:
    assert "which are meant" in refused(f"Organ 7,,{others},,Max[Gy],<=30,,,,")


def test_what_the_table_says_beside_the_limit_is_kept_as_text() -> None:
    (rule,) = table("Heart,,,,Max[Gy],<=30,,2,Own,serial").data["rules"]
    said = "priority in the file: 2; source named in the file: Own; remark in the file: serial"
    assert rule["definition"] == said


def test_upper_limit_of_the_size_of_a_spared_volume_is_kept_and_questioned() -> None:
    # TG-101 asks for 1500 cm3 below 12.5 Gy; tables write V12.5Gy < 1500 cc for it, which is another rule.
    found = table(row("Lungs", "V12.5Gy[cc]", "<1500"))
    assert only(found) == ("V12.5Gy[cc]", {"op": "<", "per_protocol": 1500.0, "unit": "cc"})
    (doubt,) = found.left_out
    assert "CV12.5Gy[cc] >= 1500" in doubt.why


def test_same_limit_twice_is_one_rule_and_another_limit_on_the_same_is_a_second() -> None:
    found = table(row(), row(), row(goal="<=25"))
    assert [rule["id"] for rule in found.data["rules"]] == ["heart-max-gy", "heart-max-gy-2"]
    assert [item.where for item in found.left_out] == ["row 3"]


def test_columns_that_are_not_read_are_listed_once() -> None:
    found = table("Heart,7088,,ORGAN,Max[Gy],<=30,,,,", SOUND)
    assert [item.what for item in found.left_out if item.where == "header"] == ["TemplateCodes", "TemplateTypes"]


def test_older_table_with_semicolons_and_decimal_commas() -> None:
    header = "Structure ID;Structure Code;Aliases;DVH Objective;Evaluator;VariationAcceptable;Priority;Met;Achieved"
    found = table("Heart;;Herz;D0,03cc[Gy];<=25,5;30;1;;", header=header)
    assert only(found) == ("D0.03cc[Gy]", {"op": "<=", "per_protocol": 25.5, "variation": 30.0, "unit": "Gy"})
    assert found.left_out == ()


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    found = imported(f"\n{HEADER}\n\n{SOUND}\n\n{row(goal='30')}\n".encode())
    assert [item.where for item in found.left_out] == ["row 6"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,b\n1,2\n", "no column TemplateId, DVHObjective, Goal"),
        (b"TemplateId,Goal\nHeart,<=3\n", "no column DVHObjective"),
        (b"TemplateId,Goal,Goal,DVHObjective\n", "two columns 'Goal'"),
        (f"{HEADER}\n".encode(), "no rules"),
        (f'{HEADER}\n"Heart,,,,Max[Gy],<=30,,,,\n{SOUND}\n'.encode(), "quotation mark that is not closed"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        imported(content, "clearplan")
