"""Records and pictures of earlier courses, from phantoms whose answers are known by construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sbrtcheck.picturing
from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.model import Case, frozen
from sbrtcheck.naming.site import SiteCourse, SiteFile
from sbrtcheck.phantom import write_phantom
from sbrtcheck.picturing import course_pictures, pictured
from sbrtcheck.protocol.declared import Declared, EarlierCourse
from sbrtcheck.records import dvh_curves
from sbrtcheck.records.priors import cumulative_record, prior_course_records
from sbrtcheck.results import Picture, PictureContour

Cases = Callable[[str], Case]
NONE = Declared()


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    root = tmp_path_factory.mktemp("phantoms")

    @cache
    def read(name: str) -> Case:
        write_phantom(name, root / name)
        prior = root / name / "prior"
        return load_case([root / name / "plan"], prior=[prior] if prior.exists() else []).case

    return read


def _derived(case: Case, site: SiteFile | None = None) -> Derived:
    return Derived(case, site or SiteFile())


def _cut(case: Case, first_mm: float, last_mm: float) -> Case:
    """Return a case whose earlier dose is cut off at two places along x, in the same frame of reference."""
    dose = case.priors[0].dose
    assert dose is not None
    lattice = dose.lattice
    x_mm = lattice.to_lps(np.column_stack([lattice.i_mm, 0.0 * lattice.i_mm, 0.0 * lattice.i_mm]))[:, 0]
    kept = (x_mm >= first_mm) & (x_mm <= last_mm)
    part = replace(
        dose,
        dose_gy=frozen(dose.dose_gy[:, :, kept], np.float32),
        lattice=replace(lattice, i_mm=frozen(lattice.i_mm[kept])),
    )
    return replace(case, priors=(replace(case.priors[0], dose=part),))


def _rings(
    pictures: tuple[Picture, ...], view: str, role: str
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return the lines of one role in one view as patient points."""
    (picture,) = (p for p in pictures if p.view == view)
    found: list[PictureContour] = [o for o in picture.outlines if o.role == role]
    corner, right, down = (np.array(v) for v in (picture.corner_mm, picture.right, picture.down))
    rings = (np.array(ring) for outline in found for ring in outline.rings_mm)
    return [corner + ring[:, :1] * right + ring[:, 1:] * down for ring in rings]


def test_a_mapped_course_says_all(cases: Cases) -> None:
    case = cases("reirradiation-registered")
    (course,) = prior_course_records(_derived(case), NONE)
    assert (course.number, course.name, course.state) == (1, "earlier course 1 of 2023-06-05", "dose")
    assert (course.prescribed_gy, course.fractions, course.prescription_source) == (48.0, 4, "plan")
    assert course.not_evaluated == ""
    assert course.mapping_kind == "rigid"
    assert course.registrations == (case.registrations[0].sop_instance_uid,)
    assert (course.shift_mm, course.rotation_deg) == (3.0, 1.0)
    assert "type 1" in course.retreatment
    assert [(t.role, t.lesion) for t in course.targets] == [("GTV", "lesion 1"), ("PTV", "lesion 1")]


def test_numbers_are_those_of_the_earlier_dose_in_the_target(cases: Cases) -> None:
    # The earlier course gave the same dose to the same tumour.
    derived = _derived(cases("reirradiation-registered"))
    (course,) = prior_course_records(derived, NONE)
    gtv = course.targets[0]
    rows = {row.name: row.ranged for row in gtv.rows}
    structure = next(s for s in derived.structures if s.roi_number == gtv.roi_number)
    now = derived.dvh(structure).interval(lambda d: d.mean_gy)
    then = rows["Mean[Gy]"]
    assert then is not None
    # Two grids on the same dose, turned by 12 degrees: each within its own bounds.
    assert then.numerical.low <= now.high
    assert then.numerical.high >= now.low
    assert then.registered.low <= then.numerical.low
    assert then.registered.high >= then.numerical.high
    half = rows["V50%[%]"]
    assert half is not None
    assert half.numerical.value == pytest.approx(100.0, abs=1e-6)  # by construction; rounding of sums
    assert half.registered.high <= 100.0  # no share is larger
    assert {t.name for t in gtv.earlier_targets} == {"GTV", "PTV"}
    assert all(t.overlap_cc is not None and t.overlap_cc.registered.low > 0.0 for t in gtv.earlier_targets)


def test_the_same_frame_needs_no_registration(cases: Cases) -> None:
    (course,) = prior_course_records(_derived(cases("reirradiation")), NONE)
    assert (course.mapping_kind, course.registrations) == ("same-frame", ())


def test_without_its_registration_nothing_is_known_of_a_course(cases: Cases) -> None:
    derived = _derived(replace(cases("reirradiation-registered"), registrations=()))
    (course,) = prior_course_records(derived, NONE)
    assert "no registration joins them" in course.not_evaluated
    assert course.mapping_kind == ""
    assert all("no registration joins them" in target.not_evaluated for target in course.targets)
    assert not any(target.rows for target in course.targets)
    assert course_pictures(derived) == ()
    total = cumulative_record(derived, dvh_curves(derived))
    assert total is not None
    assert "earlier course 1 of 2023-06-05 is not mapped" in total.not_computable
    assert total.curves == ()


def test_without_its_dose_a_course_is_not_evaluated(cases: Cases) -> None:
    case = cases("reirradiation")
    derived = _derived(replace(case, priors=(replace(case.priors[0], dose=None),)))
    (course,) = prior_course_records(derived, NONE)
    assert course.state == "plan-without-dose"
    assert course.not_evaluated == "the course has no dose"
    # Where its targets were is known all the same.
    assert all(target.earlier_targets for target in course.targets)
    assert course_pictures(derived) == ()


def test_without_targets_nothing_is_compared(cases: Cases) -> None:
    case = cases("reirradiation")
    for structures in (None, replace(case.structure_set, structures=())):  # type: ignore[type-var]
        (course,) = prior_course_records(_derived(replace(case, structure_set=structures)), NONE)
        assert course.not_evaluated == "no target was found in this plan"


def test_a_dose_that_reaches_no_target_is_no_evaluation(cases: Cases) -> None:
    case = _cut(cases("prior-elsewhere"), 40.0, 1000.0)  # the tumour lies at x = -100 mm
    (course,) = prior_course_records(_derived(case), NONE)
    assert course.not_evaluated
    assert all(target.not_evaluated for target in course.targets)


def test_the_site_file_speaks_for_a_course(cases: Cases) -> None:
    said = SiteCourse(
        date="2023-06-05", prescribed_gy=40.0, fractions=8, shift_mm=5.0, recovery_percent=25.0, recovery_source="S 2"
    )
    (course,) = prior_course_records(_derived(cases("reirradiation"), SiteFile(courses=(said,))), NONE)
    assert (course.prescribed_gy, course.fractions, course.prescription_source) == (40.0, 8, "site file")
    assert (course.shift_mm, course.rotation_deg) == (5.0, 1.0)
    assert course.recovery == "25 % of its effect taken as recovered (S 2)"


def test_declared_courses_without_files_stand_behind(cases: Cases) -> None:
    known = (EarlierCourse("right lung", "2023"), EarlierCourse("left femur", "2018", 20.0, 5))
    given, told = prior_course_records(_derived(cases("reirradiation")), Declared(earlier_courses=known))
    assert given.number == 1  # is that of 2023
    assert (told.number, told.state, told.name) == (None, "declared", "declared course: left femur")
    assert (told.prescribed_gy, told.fractions) == (20.0, 5)
    assert told.not_evaluated


def test_the_sum_is_that_of_both_doses(cases: Cases) -> None:
    derived = _derived(cases("reirradiation"))
    curves = dvh_curves(derived)
    total = cumulative_record(derived, curves)
    assert total is not None
    (ptv,) = total.curves  # the outermost target alone: organs are shown where a rule asks for them
    with_cord = cumulative_record(derived, curves, frozenset({"SpinalCord"}))
    assert with_cord is not None
    assert [c.plan.name for c in with_cord.curves] == ["PTV", "SpinalCord"]
    alone, both = ptv.plan.metrics["Mean[Gy]"], ptv.cumulative.metrics["Mean[Gy]"]
    assert both.low <= 2.0 * alone.value <= both.high  # the same dose twice
    assert both.value == pytest.approx(2.0 * alone.value, abs=0.01)  # storage of two grids in steps of 1e-3 Gy
    assert ptv.plan.dose_gy == ptv.cumulative.dose_gy
    # In the sum every volume receives at least what this plan gives it.
    assert all(a <= b + 1e-4 for a, b in zip(ptv.plan.volume_percent, ptv.cumulative.volume_percent, strict=True))


def test_without_earlier_courses_there_is_nothing(cases: Cases) -> None:
    derived = _derived(cases("lung-peripheral"))
    assert prior_course_records(derived, NONE) == ()
    assert cumulative_record(derived, ()) is None
    assert course_pictures(derived) == ()


@pytest.mark.parametrize("case", ["reirradiation", "reirradiation-registered"])
def test_isodoses_lie_where_the_same_dose_lies_now(cases: Cases, case: str) -> None:
    # The same dose to the same place: the earlier half of 48 Gy runs where that of this plan does.
    derived = _derived(cases(case))
    _, own = pictured((), derived)
    earlier = course_pictures(derived)
    assert [p.view for p in earlier] == ["axial", "coronal", "sagittal"]
    assert {p.id for p in earlier} == {"course 1, lesion 1"}
    (now,), (then,) = _rings(own[:3], "axial", "50"), _rings(earlier, "axial", "earlier 50")
    for ring in (now, then):
        # Lines are drawn on points 1 mm apart.
        assert np.linalg.norm(0.5 * (ring.min(axis=0) + ring.max(axis=0)) - (-100.0, 20.0, 0.0)) < 1.0
    assert np.ptp(then, axis=0) == pytest.approx(np.ptp(now, axis=0), abs=1.0)
    assert len(_rings(earlier, "axial", "earlier 95")) == 1
    assert len(_rings(earlier, "axial", "earlier 5")) == 1
    assert not any(o.role in {"100", "80", "50"} for p in earlier for o in p.outlines)  # no dose of this plan
    assert all(p.ends_mm == () for p in earlier)


def test_targets_of_both_courses_stand_in_one_plane(cases: Cases) -> None:
    earlier = course_pictures(_derived(cases("prior-elsewhere")))
    for role, centre in (("GTV", (-100.0, 20.0)), ("earlier GTV", (95.0, 12.0)), ("earlier 50", (95.0, 12.0))):
        (ring,) = _rings(earlier, "axial", role)
        middle = 0.5 * (ring.min(axis=0) + ring.max(axis=0))
        # By construction; a contour of 5 mm and lines on points 1 mm apart are no better.
        assert middle[:2] == pytest.approx(centre, abs=1.5)
    labels = {o.label for p in earlier for o in p.outlines}
    assert "GTV, earlier course 1 of 2023-06-05" in labels
    assert "50 % (24 Gy), earlier course 1 of 2023-06-05" in labels
    assert "none of its isodose lines runs through this picture" in earlier[2].caption  # sagittal, 190 mm away


def test_what_is_beyond_the_earlier_grid_is_said(cases: Cases) -> None:
    axial = course_pictures(_derived(_cut(cases("reirradiation"), -1000.0, -95.0)))[0]  # ends within the tumour
    assert "its dose is not known in all of this picture" in axial.caption
    rings = _rings((axial,), "axial", "earlier 50")
    assert max(ring[:, 0].max() for ring in rings) <= -94.0  # and no line is drawn there


def test_a_report_holds_so_many_pictures_of_courses(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    derived = _derived(cases("reirradiation"))
    monkeypatch.setattr(sbrtcheck.picturing, "MOST_COURSE_SETS", 0)
    assert course_pictures(derived) == ()


def test_no_label_of_a_plan_reaches_a_report(cases: Cases, tmp_path: Path) -> None:
    # Labels of old plans may hold a name.
    case = cases("reirradiation")
    derived = _derived(replace(case, priors=(replace(case.priors[0], label="DOE JANE"),)))
    (course,) = prior_course_records(derived, NONE)
    pictures = course_pictures(derived)
    assert "DOE" not in course.model_dump_json() + "".join(p.model_dump_json() for p in pictures)
