"""prior-radiotherapy: what may pass, what may fail, and what stays open, over the error of the registration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.model import PriorCourse, Registration, StructureSet, frozen
from sbrtcheck.naming.site import SiteCourse, SiteFile, SiteRegistration
from sbrtcheck.protocol.declared import Declared, EarlierCourse

EXACT = SiteFile(registration=SiteRegistration(shift_mm=0.0, rotation_deg=0.0))


def lesion(draw: Any, name: str = "GTV", **case: Any) -> Any:
    return draw.patient([draw.sphere(1, name, (0, 0, 0), 10)], **case)


def targets_of(structure: Any) -> StructureSet:
    return StructureSet("1.6", "old", (structure,), frame_of_reference_uids=("1.2.3.4",))


def far_away(draw: Any) -> PriorCourse:
    """Return a course whose dose in the lesion is surely nothing."""
    return draw.course(draw.dose(lambda x, y, z: 0.0 * x), draw.plan((30.0, None)))  # type: ignore[no-any-return]


def half(draw: Any, offset_mm: float) -> PriorCourse:
    # 15 Gy, half of the prescription, at x = offset: left of it more. 2 Gy per millimetre.
    dose = draw.dose(lambda x, y, z: np.clip(15.0 - 2.0 * (x - offset_mm), 0.0, 40.0))
    return draw.course(dose, draw.plan((30.0, None)))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("offset", "exact", "uncertain"),
    [
        # Half of the ball lies inside at 0. At 2 mm 65 % do: sure as registered, not if it may be 3 mm off.
        (2.0, "fail", "indeterminate"),
        (6.0, "fail", "fail"),
        (-2.0, "indeterminate", "indeterminate"),
    ],
)
def test_a_fail_needs_every_position(draw: Any, run: Any, offset: float, exact: str, uncertain: str) -> None:
    course = (half(draw, offset),)
    assert run("prior-radiotherapy", lesion(draw, priors=course, site=EXACT)).verdict == exact
    assert run("prior-radiotherapy", lesion(draw, priors=course)).verdict == uncertain


@pytest.mark.parametrize(("offset", "exact", "uncertain"), [(-19.0, "pass", "indeterminate"), (-25.0, "pass", "pass")])
def test_a_pass_needs_every_position(draw: Any, run: Any, offset: float, exact: str, uncertain: str) -> None:
    # 1.5 Gy, 5 % of the prescription, lie 6.75 mm right of the offset: at -12.25 mm for the first, outside the ball.
    course = (half(draw, offset),)
    assert run("prior-radiotherapy", lesion(draw, priors=course, site=EXACT)).verdict == exact
    assert run("prior-radiotherapy", lesion(draw, priors=course)).verdict == uncertain


def test_a_grid_that_ends_near_the_lesion_does_not_pass(draw: Any, run: Any) -> None:
    # The grid begins 2 mm beside the ball: as registered all of it is known, 3 mm farther it is not.
    dose = draw.dose(lambda x, y, z: 0.0 * x, low=-12.0, high=88.0)
    course = (draw.course(dose, draw.plan((30.0, None))),)
    assert run("prior-radiotherapy", lesion(draw, priors=course, site=EXACT)).verdict == "pass"
    found = run("prior-radiotherapy", lesion(draw, priors=course))
    assert found.verdict == "indeterminate"
    assert "does not reach" in found.reason


def test_the_uncertainty_of_one_course_is_that_of_the_site_file(draw: Any, run: Any) -> None:
    course = (half(draw, -19.0),)
    sure = SiteFile(courses=(SiteCourse(date="2020-01-01", shift_mm=0.0, rotation_deg=0.0),))
    assert run("prior-radiotherapy", lesion(draw, priors=course, site=sure)).verdict == "pass"


@pytest.mark.parametrize("inverted", [False, True])
def test_the_registration_is_followed_the_right_way(draw: Any, run: Any, inverted: bool) -> None:
    # The earlier dose lies around x = 60 of its own frame; points of this plan lie 60 mm farther there. Followed the
    # wrong way, or ignored, nothing would be found.
    dose = draw.dose(lambda x, y, z: np.where(np.hypot(x - 60.0, np.hypot(y, z)) < 25.0, 30.0, 0.0), frame="9.9")
    shift = np.eye(4)
    shift[0, 3] = 60.0
    ways = ("1.2.3.4", "9.9", shift) if not inverted else ("9.9", "1.2.3.4", np.linalg.inv(shift))
    derived = lesion(draw, priors=(draw.course(dose, draw.plan((30.0, None))),))
    derived.case = replace(
        derived.case, registrations=(Registration("1.4", ways[0], ways[1], frozen(ways[2]), "RIGID"),)
    )
    found = run("prior-radiotherapy", derived)
    assert found.verdict == "fail"
    assert "1.4" in found.reason


@pytest.mark.parametrize(
    ("x", "verdict", "text"),
    [(0.0, "indeterminate", "100 % of the GTV lies in its target ROI 7"), (60.0, "not-evaluated", "mm away")],
)
def test_a_course_of_structures_only_never_passes_and_never_fails(
    draw: Any, run: Any, x: float, verdict: str, text: str
) -> None:
    course = PriorCourse("old", "20200101", None, targets_of(draw.sphere(7, "PTV", (x, 0, 0), 20)))
    found = run("prior-radiotherapy", lesion(draw, priors=(course,)), prior_radiotherapy_to_target=False)
    assert found.verdict == verdict
    assert text in found.reason
    assert "has no dose" in found.reason


def test_a_plan_without_dose_says_so(draw: Any, run: Any) -> None:
    found = run("prior-radiotherapy", lesion(draw, priors=(draw.course(plan=draw.plan((30.0, None))),)))
    assert found.verdict == "not-evaluated"
    assert "has no dose (plan-without-dose)" in found.reason


def test_the_target_of_a_course_is_mapped_by_its_own_frame(draw: Any, run: Any) -> None:
    # The structure set lies in another frame than the dose, and nothing joins it: no overlap is made up.
    target = replace(draw.sphere(7, "PTV", (0, 0, 0), 20), frame_of_reference_uid="9.9")
    course = replace(far_away(draw), structure_set=targets_of(target))
    derived = lesion(draw, priors=(course,))
    (finding,) = derived.prior_findings(derived.structures[0], 1).targets
    assert finding.overlap_cm3 is None
    assert "9.9" in finding.reason
    assert run("prior-radiotherapy", derived).verdict == "pass"  # its dose is mapped


def test_an_effective_dose_is_not_compared_with_a_prescription(draw: Any, run: Any) -> None:
    course = far_away(draw)
    assert course.dose is not None
    effective = replace(course, dose=replace(course.dose, kind="EFFECTIVE"))
    assert run("prior-radiotherapy", lesion(draw, priors=(effective,))).verdict == "not-evaluated"


def _declaring(run: Any, derived: Any, *courses: EarlierCourse, **facts: Any) -> Any:
    """Run the check with declared courses."""
    import sbrtcheck.checks.prior_radiotherapy as module

    declared, kept = Declared(facts, courses), module.PriorRadiotherapy.run

    def with_courses(self: Any, task: Any, given: Any) -> Any:
        return kept(self, replace(task, declared=declared), given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.PriorRadiotherapy, "run", with_courses)
        return run("prior-radiotherapy", derived)


def test_a_declared_course_without_files_does_not_pass_on_its_own(draw: Any, run: Any) -> None:
    lung = EarlierCourse("right lung", "2023")
    found = _declaring(run, lesion(draw), lung)
    assert found.verdict == "not-evaluated"
    assert "right lung, 2023" in found.reason
    beside_files = _declaring(run, lesion(draw, priors=(far_away(draw),)), lung)
    assert beside_files.verdict == "not-evaluated"
    assert "right lung, 2023" in beside_files.reason


def test_a_declared_course_passes_where_all_are_declared_to_lie_elsewhere(draw: Any, run: Any) -> None:
    lung = EarlierCourse("right lung", "2023")
    found = _declaring(run, lesion(draw), lung, prior_radiotherapy_to_target=False)
    assert found.verdict == "pass"
    beside_files = _declaring(run, lesion(draw, priors=(far_away(draw),)), lung, prior_radiotherapy_to_target=False)
    assert beside_files.verdict == "pass"
    for reason in (found.reason, beside_files.reason):
        assert "by declaration" in reason
        assert "right lung, 2023" in reason
    # It does not speak for files that are there.
    treated = _declaring(run, lesion(draw, priors=(half(draw, 20.0),)), lung, prior_radiotherapy_to_target=False)
    assert treated.verdict == "fail"


def test_a_declared_course_whose_files_are_given_is_judged_by_them(draw: Any, run: Any) -> None:
    found = _declaring(run, lesion(draw, priors=(far_away(draw),)), EarlierCourse("right lung", "2020"))
    assert found.verdict == "pass"


def test_evidence_names_each_course_and_how_it_was_mapped(draw: Any, run: Any) -> None:
    courses = (far_away(draw), half(draw, -2.0))
    found = run("prior-radiotherapy", lesion(draw, priors=courses))
    texts = [e.text for e in found.outcome.evidence]
    assert len(texts) == 2
    for number, text in enumerate(texts, 1):
        assert f"earlier course {number}" in text
        assert "shares the frame of reference" in text
        assert "3 mm and 1 degrees" in text
