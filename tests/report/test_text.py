"""The terminal report."""

import re
from collections.abc import Callable

from sbrtcheck.report import render
from sbrtcheck.report.text import WIDTH, plan_text
from sbrtcheck.results import PlanReport, Verdict

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_the_verdict_comes_first(passing: PlanReport, failing: PlanReport, empty: PlanReport) -> None:
    first = [plan_text(report).splitlines()[0].strip() for report in (passing, failing, empty)]
    assert first == ["PASS  plan Lung 5x10", "FAIL  plan Lung 5x10", "NOT EVALUATED  plan (no plan)"]


def test_what_is_not_green_comes_worst_first(failing: PlanReport) -> None:
    text = plan_text(failing)
    heads = re.findall(r"^ (FAIL|ERROR|NOT EVALUATED|INDETERMINATE|ACCEPTABLE VARIATION.*?)  (.*)$", text, re.MULTILINE)
    assert heads[2:] == [
        ("FAIL", "Lesion size: lesion 1"),
        ("FAIL", "Lesion size: lesion 2"),
        ("ERROR", "Age  (for information)"),
        ("NOT EVALUATED", "Ultra central: lesion 1, lesion 2"),
        ("INDETERMINATE", "Lesion size: lesion 3"),
        ("ACCEPTABLE VARIATION", "R50: PTV_1 (ROI 11)"),
        ("ACCEPTABLE VARIATION, borderline", "D2cm: PTV_1 (ROI 11)"),
        ("NOT EVALUATED", "2 rules"),
    ]


def test_each_number_has_its_bounds_limit_and_margin(failing: PlanReport) -> None:
    text = plan_text(failing)
    assert "43.1 mm [42.6 to 43.5 mm], limit ≤ 40 mm, margin -2.6 mm" in text
    assert "40.010 mm [40.004 to 40.020 mm], limit ≤ 40 mm, margin -0.004 mm" in text
    assert "50.0 mm [at most 50.4 mm], limit ≤ 40 mm, margin -10.4 mm" in text
    assert "5.31 [5.28 to 5.36], limit < 5.1 (acceptable variation < 6), margin -0.26" in text


def test_a_table_beside_the_rules_shows_as_many_digits_as_they_need(failing: PlanReport) -> None:
    # Lesion 2 is 40.004 mm, over the limit of 40 mm; "40.0" would look as if it met it.
    assert re.search(r"lesion 2 .* 40\.004 ", plan_text(failing))


def test_green_rules_are_one_line_each(passing: PlanReport) -> None:
    lines = [line.strip() for line in plan_text(passing).splitlines()]
    assert {"Lesion size (1)", "Lesion count (1)", "Consent (1)", "Long bone (1)"} <= set(lines)
    assert "why lesion-count" not in lines


def test_colour_changes_no_character(failing: PlanReport) -> None:
    coloured = plan_text(failing, colour=True)
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()] == plan_text(failing).splitlines()


def test_no_line_is_wider_than_asked(failing: PlanReport, saying: Callable[[str], PlanReport]) -> None:
    for width in (60, WIDTH):
        assert max(map(len, plan_text(failing, width=width).splitlines())) <= width
        assert max(map(len, plan_text(saying("x" * 300), width=width).splitlines())) <= width


def test_files_written_are_named(passing: PlanReport) -> None:
    assert "report: out/report.html\n" in plan_text(passing, written=["out/report.html"])


def test_no_text_from_a_file_can_steer_the_terminal(saying: Callable[[str], PlanReport]) -> None:
    text = plan_text(saying("a\x1b[31m\x07[bold]b\u202e\x00\x9b2Jc\ud800"))
    assert "a[31m[bold]b2Jc\ufffd" in text
    assert not set(text) & set("\x1b\x07\x00\x9b\u202e")
    text.encode("utf-8")


def test_pictures_are_named_with_their_planes_and_ends(passing: PlanReport, failing: PlanReport) -> None:
    text = " ".join(plan_text(passing).split())
    planes = "axial at z = -12.0 mm; coronal at y = 3.0 mm; sagittal at x = 4.0 mm"
    assert f"picture 1, lesion 1: lesion 1: GTV_1 {planes}; (-10.0, 0.0, -12.0) to (20.0, 0.0, -12.0) mm" in text
    lines = [line.strip() for line in plan_text(failing).splitlines()]
    assert lines.count("see picture 1") == 2
    assert "not pictured: no picture of lesion 2" in lines


def test_nothing_judged_is_said(empty: PlanReport) -> None:
    assert "No rule of this kind was applied." in plan_text(empty)


def waiting(report: PlanReport) -> PlanReport:
    """Three rules on organs of which none is drawn, one of them without a second organ."""
    results = []
    for rule, names in {"cord": ("SpinalCord",), "eyes": ("Eye_L", "Eye_R"), "cord-small": ("SpinalCord",)}.items():
        like = report.results[0].model_copy(
            update={
                "rule": rule,
                "title": f"Rule {rule}",
                "verdict": Verdict.NOT_EVALUATED,
                "measured": None,
                "limit": None,
            }
        )
        for name in names:
            results.append(like.model_copy(update={"subject": name, "reason": f"no {name}", "not_drawn": (name,)}))
    return report.model_copy(update={"results": (*report.results, *results), "verdict": Verdict.NOT_EVALUATED})


def test_what_waits_for_contours_is_told_once_with_every_structure(passing: PlanReport) -> None:
    text = plan_text(waiting(passing))
    assert "3 wait for 3 structures that nobody drew: SpinalCord, Eye_L, Eye_R; " in " ".join(text.split())
    assert (
        text.count("NOT EVALUATED  3 rules wait for 3 structures that nobody drew\n    SpinalCord, Eye_L, Eye_R\n") == 1
    )
    page = render(waiting(passing), "html").decode()
    assert "<b><bdi>SpinalCord</bdi></b>: <bdi>Rule cord; Rule cord-small</bdi>" in page
    assert "<b><bdi>Eye_R</bdi></b>: <bdi>Rule eyes</bdi>" in page


def test_one_rule_that_waits_for_a_contour_says_why_itself(passing: PlanReport) -> None:
    whole = waiting(passing)
    one = whole.model_copy(update={"results": whole.results[: len(passing.results) + 1]})
    assert "NOT EVALUATED  Rule cord: SpinalCord" in plan_text(one)
    assert "1 waits for 1 structure that nobody drew: SpinalCord" in plan_text(one)
    assert "no SpinalCord" in plan_text(one)


def test_many_rules_with_one_reason_are_named_in_part_and_counted(passing: PlanReport) -> None:
    for number, last in ((6, "- Rule 5"), (7, "- and 2 more")):
        like = passing.results[0].model_copy(update={"verdict": Verdict.NOT_EVALUATED, "measured": None, "limit": None})
        rules = (like.model_copy(update={"rule": f"rule-{n}", "title": f"Rule {n}"}) for n in range(number))
        report = passing.model_copy(update={"results": tuple(rules), "verdict": Verdict.NOT_EVALUATED})
        lines = [line.strip() for line in plan_text(report).splitlines()]
        (place,) = (place for place, line in enumerate(lines) if line.startswith(last))
        assert lines[place + 1] == like.reason  # after what it is the reason of
        page = render(report, "html").decode()
        assert all(f"Rule {n}" in page for n in range(number))


def test_a_title_that_several_rules_share_is_named_once(passing: PlanReport) -> None:
    like = passing.results[0].model_copy(update={"verdict": Verdict.FAIL, "title": "The files"})
    rules = (*(like.model_copy(update={"rule": f"r{n}"}) for n in range(3)), like.model_copy(update={"title": "Other"}))
    report = passing.model_copy(update={"results": rules, "verdict": Verdict.FAIL})
    assert "Of 4 rules, 4 fail: The files, Other." in plan_text(report)


def test_one_rule_on_several_undrawn_structures_names_all_of_them(passing: PlanReport) -> None:
    """The reason of the first would speak of the left eye alone."""
    whole = waiting(passing)
    eyes = tuple(r for r in whole.results if r.rule == "eyes")
    text = plan_text(whole.model_copy(update={"results": eyes}))
    assert "NOT EVALUATED  Rule eyes: Eye_L, Eye_R\n    Eye_L, Eye_R\n    not evaluated until they are drawn" in text
    assert "no Eye_L" not in text
    made = eyes[0].model_copy(update={"subject": "Eyes", "not_drawn": ("Eye_L", "Eye_R")})
    for report in (whole.model_copy(update={"results": (made,)}), whole.model_copy(update={"results": eyes})):
        page = render(report, "html").decode()
        assert all(f"<b><bdi>{name}</bdi></b>: <bdi>Rule eyes</bdi>" in page for name in ("Eye_L", "Eye_R"))
