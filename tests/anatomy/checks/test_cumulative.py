"""Cumulative dose in rules: every course counts, and what is not known of one is never green."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.dose_metric import CHECK, Parameters
from sbrtcheck.errors import NotComputable, ProtocolError
from sbrtcheck.judge import bind
from sbrtcheck.metrics import parse_metric
from sbrtcheck.naming.site import SiteCourse, SiteFile, SiteRegistration
from sbrtcheck.protocol import Declared, Rule
from sbrtcheck.protocol.declared import EarlierCourse
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import Outcome, Verdict

EXACT = SiteFile(registration=SiteRegistration(shift_mm=0.0, rotation_deg=0.0))


def rule(metric: str, limit: float, unit: str = "Gy") -> Rule:
    return Rule.model_validate(
        {"id": "r", "title": "R", "check": "dose-metric", "source": "s", "confidence": "verified"}
        | {"parameters": {"metric": metric, "structures": ["SpinalCord"], "dose": "cumulative"}}
        | {"limit": {"op": "<=", "per_protocol": limit, "unit": unit}}
    )


FILE = load_protocol("reirradiation-cumulative").file


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


def run(
    derived: Any, metric: str = "Mean[Gy]", limit: float = 60.0, declared: Declared | None = None, unit: str = "Gy"
) -> Outcome:
    own = rule(metric, limit, unit)
    parameters = Parameters.model_validate(own.parameters)
    (outcome,) = CHECK.run(Task(own, FILE, parameters, declared or Declared()), derived)
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
    a, b = (replace(c, dose=replace(c.dose, sop_instance_uids=(uid,))) for c, uid in ((a, "2.1"), (b, "2.2")))
    one, other = (run(patient(draw, *order), "D0.03cc[Gy]@EQD2(a/b=2)") for order in ((a, b), (b, a)))
    assert one.measured == other.measured  # the bytes of a sum follow from the UIDs of its doses


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
    assert "50 % of the effect of earlier course 1 of 2020-01-01 taken as recovered (clinic rule 7)" in outcome.reason
    physical = run(patient(draw, course(draw), site=site))
    assert physical.measured is not None
    assert physical.measured.value == pytest.approx(50.0, abs=0.01)
    assert "not this physical dose" in physical.reason
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
    assert "known to be better than 3 mm and 1 degrees" in run(patient(draw, steep, site=SiteFile())).would_decide
    assert run(patient(draw, steep)).would_decide == ""


def test_a_course_over_half_of_a_structure_is_in_half_of_it(draw: Any) -> None:
    half = course(draw, lambda x, y, z: np.where(x < 0.0, 30.0, 0.0) + np.where(x == 0.0, 15.0, 0.0))
    outcome = run(patient(draw, half), "V35Gy[%]", 90.0, unit="%")
    assert outcome.measured is not None
    assert outcome.measured.low <= 50.0 <= outcome.measured.high
    assert outcome.measured.value == pytest.approx(50.0, abs=1.0)  # the step lies on a voxel, through the centre
    effect = run(patient(draw, half), "Mean[Gy]@EQD2(a/b=2)").measured
    assert effect is not None
    # Between 2.5 mm before and behind the step the dose falls from 30 Gy to 0, its effect by D (D / 10 + 2) / 4, 15 Gy
    # on average. That part of a sphere of 8 mm holds (5 * 8**2 - 2 / 3 * 2.5**3) / (4 / 3 * 8**3) of it.
    between = (5.0 * 64.0 - 2.0 / 3.0 * 2.5**3) / (4.0 / 3.0 * 512.0)
    exact = 30.0 + (1.0 - between) * 0.5 * 37.5 + between * 15.0
    assert effect.low <= exact <= effect.high
    assert effect.value == pytest.approx(exact, abs=0.5)  # effects, not doses, are interpolated between voxels


def test_gEUD_and_dose_to_the_coldest_part_of_a_sum(draw: Any) -> None:
    derived = patient(draw, course(draw))
    for metric in ("gEUD(a=8)[Gy]", "DC1cc[Gy]", "D50%[Gy]", "Min[Gy]"):
        measured = run(derived, metric).measured
        assert measured is not None, metric
        assert measured.value == pytest.approx(50.0, abs=0.01), metric  # an even dose


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
    assert "one that reaches it would decide" in outcome.would_decide


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
    derived = patient(draw, course(draw))
    cord = derived.named("SpinalCord")[0]
    for text in ("D2cm[Gy]", "CI_Paddick", "R50", "V100%[%]", "D95%[%]", "Spill50%[cc]", "gEUD(a=2)[%]"):
        with pytest.raises(NotComputable, match="belongs to one plan"):
            parse_metric(text).compute(cord, derived.cumulative)
        with pytest.raises(ValueError, match="has no cumulative value"):
            Parameters.model_validate({"metric": text, "structures": ["SpinalCord"], "dose": "cumulative"})
    # The homogeneity index follows from doses in Gy alone; the sum is even, but for 32 bits.
    assert parse_metric("HI_ICRU83").compute(cord, derived.cumulative).value == pytest.approx(0.0, abs=1e-3)


RULE = """
schema = "sbrtcheck-protocol/1"
id = "mine"
title = "Mine"
version = "1.0.0"
[[sources]]
id = "s"
title = "A source"
level = "primary"
[[rules]]
id = "cord"
title = "Cord"
check = "dose-metric"
parameters = { metric = "METRIC", structures = ["SpinalCord"], dose = "DOSE" }
limit = { op = "<=", per_protocol = 60.0, unit = "Gy" }
source = "s"
confidence = "verified"
"""


def bound(folder: Path, metric: str, dose: str) -> Any:
    path = folder / "mine.toml"
    path.write_text(RULE.replace("METRIC", metric).replace("DOSE", dose), encoding="utf-8")
    return bind([load_protocol(path)])[0]


def test_a_protocol_file_may_ask_for_it(tmp_path: Path) -> None:
    assert bound(tmp_path, "D0.03cc[Gy]@EQD2(a/b=2)", "cumulative").parameters.dose == "cumulative"
    assert bound(tmp_path, "D0.03cc[Gy]", "plan").parameters.dose == "plan"


@pytest.mark.parametrize(
    ("metric", "dose", "said"),
    [
        ("D0.03cc[Gy]", "sum", "parameters.dose"),
        ("Max[%]", "cumulative", "has no cumulative value"),
        ("D2cm[Gy]", "cumulative", "has no cumulative value"),
        ("D0.03cc[Gy]@EQD2", "cumulative", "suffix"),
    ],
)
def test_a_protocol_file_may_not_ask_for_what_is_no_sum(tmp_path: Path, metric: str, dose: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        bound(tmp_path, metric, dose)


def test_a_high_dose_per_fraction_is_told(draw: Any) -> None:
    hot = draw.course(dose=draw.dose(lambda x, y, z: 0 * x + 30.0), plan=draw.plan((30.0, None), fractions=1))
    told = run(patient(draw, hot), "Mean[Gy]@EQD2(a/b=2)").reason
    assert "linear-quadratic model is validated for: earlier course 1 of 2020-01-01 up to 30.0 Gy" in told


def test_a_high_dose_per_fraction_elsewhere_is_not_told(draw: Any) -> None:
    # The box around the cord, of 8 mm, with the voxels beside it ends at 18 mm.
    beside = draw.course(
        dose=draw.dose(lambda x, y, z: np.where(x > 14.0, 30.0, 2.0)), plan=draw.plan((30.0, None), fractions=1)
    )
    assert "linear-quadratic model is validated for" not in run(patient(draw, beside), "Mean[Gy]@EQD2(a/b=2)").reason


def test_an_unusual_alpha_beta_is_told(draw: Any) -> None:
    said = "the rule takes a/b = 5 Gy; known are"
    assert said in run(patient(draw, course(draw)), "Mean[Gy]@EQD2(a/b=5)").reason
    assert said not in run(patient(draw, course(draw)), "Mean[Gy]@EQD2(a/b=2)").reason
    none = Declared(facts={"prior_radiotherapy": False})
    assert said in run(patient(draw), "Mean[Gy]@EQD2(a/b=5)", declared=none).reason


def of_plans(part: Any, *uids: str) -> Any:
    return replace(part, dose=replace(part.dose, referenced_plan_uids=uids))


def test_a_dose_that_holds_another_course_is_not_added_to_it(draw: Any) -> None:
    first, second = of_plans(course(draw), "5.1"), of_plans(course(draw, date="20210101"), "5.1", "5.2")
    outcome = run(patient(draw, first, second))
    assert outcome.verdict is Verdict.NOT_EVALUATED
    assert "hold the same plan" in outcome.reason
    assert run(patient(draw, first, of_plans(second, "5.2"))).measured is not None


def test_an_empty_target_bars_no_sum(draw: Any) -> None:
    cord, ptv = draw.sphere(1, "SpinalCord", (0, 0, 0), 8), draw.sphere(2, "PTV", (30, 0, 0), 8)
    measured = []
    for structures in ([cord, ptv], [cord, ptv, draw.empty(3, "PTV_2", "PTV")], [cord]):
        dose, plan = draw.dose(lambda x, y, z: 0 * x + 20.0), draw.plan((20.0, 2), fractions=5)
        steep = course(draw, lambda x, y, z: 30.0 + 0.2 * x)
        measured.append(run(draw.patient(structures, dose=dose, plan=plan, priors=(steep,), prior_given=True)).measured)
    assert None not in measured
    assert measured[0] == measured[1]


def test_overlap_makes_type_1(draw: Any) -> None:
    both = patient(draw, course(draw, lambda x, y, z: 0 * x + 30.0))
    assert both.retreatment(1).kind == "type-1"


def blob(x0: float, gray: float = 30.0) -> Any:
    return lambda x, y, z: gray * np.exp(-((x - x0) ** 2 + y**2 + z**2) / 200.0)


def test_courses_apart_are_no_type_1_but_their_cumulative_dose_is_open(draw: Any) -> None:
    found = patient_of(draw, blob(30.0, 20.0), course(draw, blob(-60.0))).retreatment(1)
    assert found.possible == ("type-2", "repeat-organ", "repeat")
    near = patient_of(draw, blob(30.0, 20.0), course(draw, blob(25.0))).retreatment(1)
    assert near.kind == "type-1"


def patient_of(draw: Any, gray: Any, *courses: Any, prescriptions: Any = ((20.0, 2),)) -> Any:
    ptvs = [draw.sphere(2, "PTV_1", (30, 0, 0), 5), draw.sphere(3, "PTV_2", (-30, 0, 0), 5)]
    drawn = [s for s in ptvs if s.roi_number in {n for _, n in prescriptions}]
    dose, plan = draw.dose(gray), draw.plan(*prescriptions)
    return draw.patient(drawn, dose=dose, plan=plan, priors=courses, prior_given=True)


def test_a_course_that_cannot_be_added_bars_the_class_of_that_one_only(draw: Any) -> None:
    lost = draw.course(plan=draw.plan((30.0, None)), date="20210101")
    derived = patient(draw, course(draw), lost)
    assert derived.retreatment(1).kind == "type-1"
    with pytest.raises(NotComputable, match=r"earlier course 2 .* has no dose"):
        derived.retreatment(2)


def test_several_prescriptions_and_none(draw: Any) -> None:
    two = patient_of(draw, lambda x, y, z: 0 * x + 20.0, course(draw), prescriptions=((20.0, 2), (16.0, 3)))
    assert "of several prescriptions of this plan the lowest, 16 Gy, is taken" in two.retreatment(1).text
    unknown = draw.course(dose=draw.dose(lambda x, y, z: 0 * x + 30.0))
    with pytest.raises(NotComputable, match="prescription of earlier course 1"):
        patient(draw, unknown).retreatment(1)
