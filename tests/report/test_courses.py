"""Earlier courses in the page and on the terminal: told in full, and never green where nothing is known."""

from __future__ import annotations

import re

import pytest

from sbrtcheck.report import render
from sbrtcheck.report.courses import changed, column_text, course_views
from sbrtcheck.report.text import plan_text
from sbrtcheck.results import CumulativeCurve, CumulativeRecord, DvhCurve, Interval, PlanReport, Verdict

DASH = "\N{EN DASH}"  # stands where there is no value


def _page(report: PlanReport) -> str:
    return render(report, "html").decode("utf-8")


def _words(html: str) -> str:
    html = re.sub(r"<(svg|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def _articles(report: PlanReport) -> list[str]:
    """Return the part of the page on each course, and on the sum."""
    return re.findall(r'<article class="course">.*?</article>', _page(report), flags=re.DOTALL)


def _blocks(report: PlanReport) -> list[str]:
    """Return the part of the text on each course."""
    section = plan_text(report, width=200).partition("Earlier courses\n")[2].partition("assumptions were made")[0]
    return re.split(r"\n(?= {4,5}\S)", section.rstrip())


@pytest.mark.parametrize("place", [1, 2])
def test_a_course_of_which_nothing_is_known_is_not_evaluated_and_never_absent(
    retreated: PlanReport, place: int
) -> None:
    course = retreated.prior_courses[place]
    article, block = _articles(retreated)[place], _blocks(retreated)[place]
    assert 'class="mark v-not-evaluated"' in article
    assert "NOT EVALUATED" in article
    assert "NOT EVALUATED" in block
    assert "v-pass" not in article
    assert "PASS" not in article + block
    for said in (course.name, course.not_evaluated):
        assert said in _words(article)
        assert said in block


@pytest.mark.parametrize("state", ["plan-without-dose", "structures-only", "nothing-readable", "declared"])
def test_no_state_but_a_dose_is_evaluated(retreated: PlanReport, state: str) -> None:
    # Even if a record forgets to say why.
    course = retreated.prior_courses[0].model_copy(update={"state": state})
    report = retreated.model_copy(update={"prior_courses": (course,)})
    assert course_views(report)[0].verdict is Verdict.NOT_EVALUATED
    assert "NOT EVALUATED" in _articles(report)[0]
    assert "NOT EVALUATED" in _blocks(report)[0]


def test_a_course_that_is_mapped_has_no_verdict_of_its_own(retreated: PlanReport) -> None:
    # Rules judge; a green mark here would stand for more than is known.
    article = _articles(retreated)[0]
    assert "mark v-" not in article
    assert "NOT EVALUATED" not in article + _blocks(retreated)[0]


def test_a_missing_sum_is_not_evaluated(retreated: PlanReport) -> None:
    article = _articles(retreated)[-1]
    assert 'class="mark v-not-evaluated"' in article
    assert "earlier course 2 is not mapped" in article
    assert "there is no sum of all courses: earlier course 2 is not mapped" in plan_text(retreated, width=200)


def test_what_it_was_how_it_was_mapped_and_how_far_it_may_be_off(retreated: PlanReport) -> None:
    words, block = _words(_articles(retreated)[0]), _blocks(retreated)[0]
    for text in (words, block):
        assert "48 Gy in 4 fractions (plan)" in text
        assert "rigid: it is mapped through the registration 1.2.9 (rigid)" in text
        assert "up to 3 mm and 1° off" in text
        assert "re-irradiation type 1" in text


def test_each_value_stands_with_its_range_over_the_error(retreated: PlanReport) -> None:
    words, block = _words(_articles(retreated)[0]), _blocks(retreated)[0]
    assert "30.00 20.00 to 41.00" in words
    assert "62.5 40.0 to 77.0" in words
    assert "the hottest voxel is missing" in words
    assert "8.00 7.90 to 8.10 5.00 to 9.00" in words  # in the list of all levels: numerical bounds too
    assert "Mean 30.00 [20.00 to 41.00] Gy" in block
    assert "inside 50 % 62.5 [40.0 to 77.0] %" in block


def test_what_the_earlier_dose_does_not_reach_is_said(retreated: PlanReport) -> None:
    words, block = _words(_articles(retreated)[0]), _blocks(retreated)[0]
    assert "does not reach 4.0 [1.0 to 9.5] % of it: unknown there, not zero" in words
    assert words.count("unknown there") == 1  # of the PTV alone
    assert "not reached by the earlier dose: 4.0 [1.0 to 9.5] %" in block


def test_targets_of_both_courses_stand_beside_each_other(retreated: PlanReport) -> None:
    words = _words(_articles(retreated)[0])
    assert f"3 PTV old 1.50 0.20 to 2.20 10.6 1.4 to 15.5 {DASH}" in words
    assert "no distance is measured through a deformable registration" in words


def test_its_pictures_stand_with_the_course_and_nowhere_else(retreated: PlanReport) -> None:
    page, articles = _page(retreated), _articles(retreated)
    assert page.count('<svg class="slice"') == 6
    assert [article.count('<svg class="slice"') for article in articles] == [3, 0, 0, 0]


def test_a_lesion_without_a_picture_is_named(retreated: PlanReport) -> None:
    bare = retreated.model_copy(update={"pictures": retreated.pictures[:3]})
    assert "Not pictured: lesion 1" in _words(_articles(bare)[0])
    assert "Not pictured" not in _words(_articles(bare)[1])  # of which nothing is known anyway


def test_a_picture_of_a_course_is_no_picture_of_the_lesion(retreated: PlanReport) -> None:
    alone = retreated.model_copy(update={"pictures": retreated.pictures[3:]})
    assert "no picture of lesion 1" in _words(_page(alone))


def test_without_earlier_courses_there_is_no_section(passing: PlanReport) -> None:
    assert "Earlier courses" not in _page(passing)
    assert "Earlier courses" not in plan_text(passing)


def test_a_report_can_be_made_again_from_its_json(retreated: PlanReport) -> None:
    again = PlanReport.from_json(retreated.to_json())
    assert again == retreated
    assert _page(again) == _page(retreated)


def _curves(roi: int, name: str, plan: tuple[float, ...], total: tuple[float, ...]) -> CumulativeCurve:
    def curve(volume: tuple[float, ...]) -> DvhCurve:
        return DvhCurve(
            roi_number=roi,
            name=name,
            total_cc=1.0,
            dose_gy=(0.0, 10.0, 20.0),
            volume_percent=volume,
            volume_percent_low=volume,
            volume_percent_high=volume,
            metrics={"Mean[Gy]": Interval.exact(volume[1])},
        )

    return CumulativeCurve(plan=curve(plan), cumulative=curve(total))


SPARED = _curves(5, "Cord", (100.0, 10.0, 0.0), (100.0, 10.4, 0.0))
HIT = _curves(7, "Lung", (100.0, 10.0, 0.0), (100.0, 30.0, 5.0))


def test_the_plot_shows_what_the_sum_changes_and_the_table_everything(retreated: PlanReport) -> None:
    assert changed([SPARED, HIT]) == (HIT,)
    total = CumulativeRecord(text="this plan, earlier course 1", curves=(SPARED, HIT))
    article = _articles(retreated.model_copy(update={"cumulative": total}))[-1]
    assert article.count('<svg class="figure"') == 1
    words = _words(article)
    assert "drawn through: sum; dashed: this plan alone 7 Lung ROI" in words
    assert f"5 Cord {DASH} {DASH} 10.00 10.40" in words
    assert f"7 Lung {DASH} {DASH} 10.00 30.00" in words


def test_where_the_sum_changes_nothing_there_is_no_plot(retreated: PlanReport) -> None:
    total = CumulativeRecord(text="this plan, earlier course 1", curves=(SPARED,))
    article = _articles(retreated.model_copy(update={"cumulative": total}))[-1]
    assert '<svg class="figure"' not in article
    assert "5 Cord" in _words(article)


@pytest.mark.parametrize(
    ("name", "head"),
    [("D0.03cc[Gy]", "D0.03cc [Gy]"), ("V5%[%]", "inside 5 % [%]"), ("V20Gy[cc]", "inside 20 Gy [cm³]")],
)
def test_heads_of_columns(name: str, head: str) -> None:
    assert column_text(name) == head
