"""Cumulative dose in rules: every course counts, and what is not known of one is never green."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.dose_metric import CHECK, Parameters
from sbrtcheck.naming.site import SiteCourse, SiteFile, SiteRegistration
from sbrtcheck.protocol import Declared, Rule
from sbrtcheck.protocol.declared import EarlierCourse
from sbrtcheck.results import Outcome, Verdict

EXACT = SiteFile(registration=SiteRegistration(shift_mm=0.0, rotation_deg=0.0))


def rule(metric: str, limit: float) -> Rule:
    return Rule.model_validate(
        {"id": "r", "title": "R", "check": "dose-metric", "source": "s", "confidence": "verified"}
        | {"parameters": {"metric": metric, "structures": ["SpinalCord"], "dose": "cumulative"}}
        | {"limit": {"op": "<=", "per_protocol": limit, "unit": "Gy"}}
    )


def patient(draw: Any, *courses: Any, site: SiteFile = EXACT, given: bool = False) -> Any:
    cord = draw.sphere(1, "SpinalCord", (0, 0, 0), 8)
    return draw.patient(
        [cord, draw.sphere(2, "PTV", (30, 0, 0), 8)],
        dose=draw.dose(lambda x, y, z: 0 * x + 20.0),
        plan=draw.plan((20.0, 2), fractions=5),
        priors=courses,
        prior_given=given or bool(courses),
        site=site,
    )


def run(derived: Any, metric: str = "Mean[Gy]", limit: float = 60.0, declared: Declared | None = None) -> Outcome:
    own = rule(metric, limit)
    parameters = Parameters.model_validate(own.parameters)
    (outcome,) = CHECK.run(Task(own, None, parameters, declared or Declared()), derived)  # type: ignore[arg-type]
    return outcome


def course(
    draw: Any, gray: Any = lambda x, y, z: 0 * x + 30.0, date: str = "20200101", fractions: int | None = 10
) -> Any:
    return draw.course(dose=draw.dose(gray), plan=draw.plan((30.0, None), fractions=fractions), date=date)


def test_doses_are_added(draw: Any) -> None:
    outcome = run(patient(draw, course(draw)))
    assert outcome.measured is not None
    assert outcome.measured.value == pytest.approx(50.0, abs=0.01)  # 20 + 30 Gy, everywhere
    assert "this plan, earlier course 1 of 2020-01-01" in outcome.reason


def test_each_course_with_its_own_fractions(draw: Any) -> None:
    outcome = run(patient(draw, course(draw)), "Mean[Gy]@EQD2(a/b=2)")
    # 20 Gy in 5: 20 (4 + 2) / (2 + 2) = 30; 30 Gy in 10: 30 (3 + 2) / 4 = 37.5. As one dose it would be another number.
    assert outcome.measured is not None
    assert outcome.measured.value == pytest.approx(67.5, abs=0.02)
    assert "n = 5" in outcome.reason
    assert "n = 10" in outcome.reason


def test_the_order_of_courses_changes_no_digit(draw: Any) -> None:
    a, b = course(draw, lambda x, y, z: 10.0 + 0.05 * x), course(draw, lambda x, y, z: 7.0 + 0.01 * y, "20210101")
    one, other = (run(patient(draw, *order), "D0.03cc[Gy]@EQD2(a/b=2)") for order in ((a, b), (b, a)))
    assert one.measured == other.measured


def test_another_course_never_lowers_anything(draw: Any) -> None:
    first, second = course(draw), course(draw, lambda x, y, z: 5.0 + 0.02 * x, "20210101")
    few, more = run(patient(draw, first)).measured, run(patient(draw, first, second)).measured
    assert few is not None
    assert more is not None
    assert more.low > few.low
    assert more.high > few.high


def test_recovery_is_taken_only_with_its_source_and_printed(draw: Any) -> None:
    said = SiteCourse(date="2020-01-01", recovery_percent=50.0, recovery_source="clinic rule 7")
    site = SiteFile(registration=EXACT.registration, courses=(said,))
    outcome = run(patient(draw, course(draw), site=site), "Mean[Gy]@EQD2(a/b=2)")
    assert outcome.measured is not None
    assert outcome.measured.value == pytest.approx(30.0 + 0.5 * 37.5, abs=0.02)
    assert "clinic rule 7" in outcome.reason
    with pytest.raises(ValueError, match="recovery_source"):
        SiteCourse(date="2020-01-01", recovery_percent=50.0)


def test_the_registration_error_widens_it(draw: Any) -> None:
    steep = course(draw, lambda x, y, z: 30.0 + 0.5 * x)
    exact = run(patient(draw, steep), "Max[Gy]").measured
    moved = run(patient(draw, steep, site=SiteFile()), "Max[Gy]").measured  # 3 mm and 1 degree
    assert exact is not None
    assert moved is not None
    assert moved.high >= exact.high + 1.4  # 3 mm times 0.5 Gy/mm, but for the bounds of both
    assert moved.low < exact.low


@pytest.mark.parametrize(
    ("courses", "said"),
    [
        (lambda draw: [draw.course(plan=draw.plan((30.0, None)))], "has no dose"),
        (lambda draw: [draw.course(dose=draw.dose(lambda x, y, z: 0 * x, frame="9.9"))], "no registration joins"),
    ],
)
def test_a_course_that_cannot_be_added_leaves_it_open(draw: Any, courses: Any, said: str) -> None:
    outcome = run(patient(draw, course(draw), *courses(draw)))
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert said in outcome.reason


def test_unknown_fractions_leave_an_effect_open_but_not_a_dose(draw: Any) -> None:
    derived = patient(draw, course(draw, fractions=None))
    assert run(derived).measured is not None
    outcome = run(derived, "Mean[Gy]@EQD2(a/b=2)")
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "fractions" in outcome.reason
    said = SiteCourse(date="2020-01-01", fractions=10)
    site = SiteFile(registration=EXACT.registration, courses=(said,))
    told = run(patient(draw, course(draw, fractions=None), site=site), "Mean[Gy]@EQD2(a/b=2)").measured
    assert told is not None
    assert told.value == pytest.approx(67.5, abs=0.02)


def test_what_an_earlier_dose_does_not_reach_is_not_zero(draw: Any) -> None:
    half = draw.course(
        dose=draw.dose(lambda x, y, z: 0 * x + 30.0, low=0.0, high=50.0), plan=draw.plan((30.0, None), fractions=10)
    )
    outcome = run(patient(draw, half), "Max[Gy]", 200.0)
    assert outcome.measured is not None
    assert outcome.measured.high == float("inf")
    assert "unknown there, not zero" in outcome.reason


def test_without_courses_only_a_declaration_makes_the_plan_all(draw: Any) -> None:
    derived = patient(draw)
    assert run(derived).verdict is Verdict.NOT_EVALUATED
    of_target = Declared(facts={"prior_radiotherapy_to_target": False})  # says nothing of the cord
    assert run(derived, declared=of_target).verdict is Verdict.NOT_EVALUATED
    none = run(derived, declared=Declared(facts={"prior_radiotherapy": False}))
    assert none.measured is not None
    assert none.measured.value == pytest.approx(20.0, abs=0.01)
    assert "no earlier radiotherapy is declared" in none.reason
    assert run(patient(draw, given=True), declared=Declared(facts={"prior_radiotherapy": False})).verdict is (
        Verdict.NOT_EVALUATED
    )


def test_a_declared_course_without_files_leaves_it_open(draw: Any) -> None:
    known = Declared(earlier_courses=(EarlierCourse("right lung", "2015"),))
    outcome = run(patient(draw, course(draw)), declared=known)
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "right lung, 2015" in outcome.reason
    same = Declared(earlier_courses=(EarlierCourse("right lung", "2020"),))
    assert run(patient(draw, course(draw)), declared=same).measured is not None


def test_what_belongs_to_one_plan_has_no_cumulative_value(draw: Any) -> None:
    outcome = run(patient(draw, course(draw)), "D2cm[%]", 50.0)
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "belongs to one plan" in outcome.reason or "unit" in outcome.reason


def test_a_high_dose_per_fraction_is_told(draw: Any) -> None:
    hot = draw.course(dose=draw.dose(lambda x, y, z: 0 * x + 30.0), plan=draw.plan((30.0, None), fractions=1))
    assert "linear-quadratic model is validated for" in run(patient(draw, hot), "Mean[Gy]@EQD2(a/b=2)").reason


def test_an_unusual_alpha_beta_is_told(draw: Any) -> None:
    assert "the rule takes a/b = 5 Gy; known are" in run(patient(draw, course(draw)), "Mean[Gy]@EQD2(a/b=5)").reason


def test_overlap_makes_type_1(draw: Any) -> None:
    both = patient(draw, course(draw, lambda x, y, z: 0 * x + 30.0))
    assert both.retreatment(1).kind == "type-1"
