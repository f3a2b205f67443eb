"""Earlier courses: read like the plan itself, each plan or orphaned dose one course, never of another patient."""

from __future__ import annotations

import pytest

from sbrtcheck.dicom import load_case
from sbrtcheck.errors import MixedPatients, NoDicomFound


def earlier(build, number=1, date="20200101"):
    """A plan, its structures and its dose, all of an earlier course."""
    plan = build.plan(f"{build.ROOT}.2.{number}00")
    plan.RTPlanLabel, plan.RTPlanDate = f"Old{number}", date
    plan.ReferencedStructureSetSequence = [build.reference(f"{build.ROOT}.3.{number}00", "structures")]
    dose = build.dose(f"{build.ROOT}.4.{number}00")
    dose.ReferencedRTPlanSequence = [build.reference(f"{build.ROOT}.2.{number}00", "plan")]
    return [plan, build.structures(f"{build.ROOT}.3.{number}00"), dose]


def test_each_plan_is_a_course_in_the_order_of_time(write, build, codes) -> None:
    now = write(*build.whole())
    old = write(*earlier(build, 1, "20210101"), *earlier(build, 2, "20190101"), folder="old")
    reading = load_case([now], prior=[old])
    assert [(c.label, c.date) for c in reading.case.priors] == [("Old2", "20190101"), ("Old1", "20210101")]
    assert all(c.plan and c.dose and c.structure_set for c in reading.case.priors)
    assert reading.case.prior_given
    assert codes(reading) == set()
    assert sum(r.why.startswith("earlier course: ") for r in reading.inputs) == 6


def test_a_folder_called_priors_counts_as_earlier(write, build) -> None:
    now = write(*build.whole())
    write(*earlier(build), folder="case/priors/2020")
    reading = load_case([now])
    assert [c.label for c in reading.case.priors] == ["Old1"]
    assert reading.case.prior_given
    assert [a.topic for a in reading.assumptions] == ["prior"]


def test_a_prior_folder_inside_the_plan_folder_is_read_once(write, build) -> None:
    now = write(*build.whole())
    old = write(*earlier(build), folder="case/old")
    reading = load_case([now], prior=[old])
    assert reading.case.plan.label == "Plan"
    assert len(reading.case.priors) == 1
    assert len(reading.inputs) == 9


def test_without_earlier_courses(read, build) -> None:
    case = read(*build.whole()).case
    assert case.priors == ()
    assert not case.prior_given


def test_a_dose_without_its_plan_is_a_course(write, build, codes) -> None:
    dose = earlier(build)[2]
    reading = load_case([write(*build.whole())], prior=[write(dose, folder="old")])
    (course,) = reading.case.priors
    assert (course.label, course.date, course.plan) == ("course 1", "20240502", None)
    assert course.dose is not None
    assert codes(reading) == set()


def test_structures_alone_are_a_course_without_dose(write, build) -> None:
    reading = load_case([write(*build.whole())], prior=[write(earlier(build)[1], folder="old")])
    (course,) = reading.case.priors
    assert course.structure_set is not None
    assert "prior-without-dose" in {n.code for n in reading.notices}


def test_an_unusable_dose_leaves_the_course_without_one(write, build, codes) -> None:
    parts = earlier(build)
    parts[2].DoseUnits = "RELATIVE"
    reading = load_case([write(*build.whole())], prior=[write(*parts, folder="old")])
    assert reading.case.priors[0].dose is None
    assert codes(reading) == {"unusable-dose"}


def test_the_present_plan_is_no_earlier_course(write, build, codes) -> None:
    now = write(*build.whole())
    old = write(*earlier(build), build.plan(), build.dose(), build.ct(0), folder="old")
    reading = load_case([now], prior=[old])
    assert [c.label for c in reading.case.priors] == ["Old1"]
    assert codes(reading) == {"prior-is-present"}


def test_an_earlier_course_of_another_patient_is_refused(write, build) -> None:
    parts = earlier(build)
    for dataset in parts:
        dataset.PatientID = "case-2"
    with pytest.raises(MixedPatients):
        load_case([write(*build.whole())], prior=[write(*parts, folder="old")])


def test_a_prior_folder_with_nothing_in_it(write, build) -> None:
    with pytest.raises(NoDicomFound, match="earlier courses"):
        load_case([write(*build.whole())], prior=[write(b"note", folder="old")])


def test_registrations_of_the_earlier_course_are_kept(write, build) -> None:
    import numpy as np

    registration = build.registration(f"{build.ROOT}.7.1", np.eye(4))
    reading = load_case([write(*build.whole())], prior=[write(*earlier(build), registration, folder="old")])
    assert len(reading.case.registrations) == 1
