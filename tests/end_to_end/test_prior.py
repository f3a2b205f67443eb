"""Earlier courses from files to verdict: every case has an answer that is known beforehand.

Two balls of dose, one of the plan and one of an earlier course. Where the earlier one lies in this plan is decided by
registrations alone; each is chosen so that ignoring it, or applying its inverse, gives the opposite verdict.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from scipy.spatial.transform import Rotation

from sbrtcheck import check
from sbrtcheck.derived import treated
from sbrtcheck.dicom.write import (
    Header,
    derived_uid,
    write_deformable,
    write_dose,
    write_plan,
    write_registration,
    write_structures,
)
from sbrtcheck.model import (
    Contour,
    DeformableRegistration,
    FloatArray,
    FractionGroup,
    Lattice,
    Plan,
    Prescription,
    Registration,
    Structure,
    StructureSet,
    frozen,
)
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.results import PlanReport

NOW, OLD, BETWEEN = (derived_uid("test-prior", name) for name in ("now", "old", "between"))
GTV_MM, PTV_MM, FALL_MM, GRAY, FRACTIONS = 8.0, 11.0, 6.0, 48.0, 4
HERE = (20.0, -10.0, 5.0)  # where the tumour is, in the frame of the plan
FAR = (20.0, -10.0, -65.0)


def motion(turn: tuple[float, float, float], shift: tuple[float, float, float]) -> FloatArray:
    found = np.eye(4)
    found[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    found[:3, 3] = shift
    return found


def at(matrix: FloatArray, point: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (matrix[:3, :3] @ point + matrix[:3, 3]).tolist()
    return x, y, z


def header(frame: str, name: str, date: str) -> Header:
    study = derived_uid("test-prior", name, "study")
    return Header("PRIOR^TEST", "TEST-PRIOR", "19600101", study, date, frame, "HFS")


def ball(centre: Sequence[float], radius: float) -> tuple[Contour, ...]:
    angle = np.linspace(0.0, 2.0 * np.pi, 90, endpoint=False)
    contours = []
    for dz in np.arange(-radius + 0.5, radius, 1.0).tolist():
        r = float(np.sqrt(radius**2 - dz * dz))
        points = np.column_stack([r * np.cos(angle), r * np.sin(angle), np.full_like(angle, dz)])
        contours.append(Contour(frozen(np.round(points + np.round(centre, 3), 3)), "CLOSED_PLANAR"))
    return tuple(contours)


def write_course(
    folder: Path,
    name: str,
    frame: str,
    centre: Sequence[float],
    *,
    date: str = "20230605",
    reach: Sequence[float] = (-44.0, 44.0),
    around: float = 44.0,
    parts: Sequence[str] = ("plan", "structures", "dose"),
) -> None:
    """Write a course with a ball of dose; its grid spans ``reach`` along x and ``around`` along y and z, mm."""
    folder.mkdir(parents=True, exist_ok=True)
    head = header(frame, name, date)
    uids = {kind: derived_uid("test-prior", name, kind) for kind in ("plan", "structures", "dose")}
    structures = tuple(
        Structure(number, roi, roi, ball(centre, radius), frame)
        for number, roi, radius in ((1, "GTV", GTV_MM), (2, "PTV", PTV_MM))
    )
    if "structures" in parts:
        colours = {1: (255, 0, 0), 2: (0, 0, 255)}
        write_structures(
            folder / "RS.dcm", head, StructureSet(uids["structures"], name, structures), colours=colours, slices=None
        )
    if "plan" in parts:
        plan = Plan(
            sop_instance_uid=uids["plan"],
            label=name,
            is_ion=False,
            prescriptions=(Prescription(GRAY, FRACTIONS, 2, "PTV", "dose-reference"),),
            fraction_groups=(FractionGroup(1, FRACTIONS, ((1, GRAY / FRACTIONS),)),),
            referenced_structure_set_uid=uids["structures"],
            frame_of_reference_uid=frame,
            approval_status="APPROVED",
            isocentres_mm=(at(np.eye(4), centre),),
            date=date,
        )
        write_plan(folder / "RP.dcm", head, plan)
    if "dose" in parts:
        along = [
            2.0 * np.arange(round((high - low) / 2.0) + 1) + low
            for low, high in (reach, (-around, around), (-around, around))
        ]
        origin = np.round(centre, 3)
        lattice = Lattice(*(frozen(t + o) for t, o in zip(along, origin, strict=True)), frozen(np.eye(4)))
        x, y, z = (
            lattice.i_mm - origin[0],
            (lattice.j_mm - origin[1])[:, None],
            (lattice.k_mm - origin[2])[:, None, None],
        )
        far = np.sqrt(x * x + y * y + z * z) - PTV_MM - 1.0
        dose = GRAY * np.clip(1.0 - 0.5 * far / FALL_MM, 0.0, 1.0)
        write_dose(folder / "RD.dcm", head, uids["dose"], dose, lattice, step_gy=1e-3, plan_uid=uids["plan"])


def join(folder: Path, name: str, start: str, end: str, matrix: FloatArray) -> None:
    """Write a registration whose matrix maps points of ``start`` into ``end``."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = derived_uid("test-prior", name)
    write_registration(
        folder / f"{name}.dcm", header(end, name, "20260101"), Registration(uid, start, end, frozen(matrix), "RIGID")
    )


def run(tmp_path: Path, *, given: bool = True, declared: str = "", **more: Any) -> PlanReport:
    facts = tmp_path / "declared.toml"
    facts.write_text(f'schema = "sbrtcheck-declared/1"\n{declared}', encoding="utf-8")
    prior = [tmp_path / "prior"] if given else []
    return check(tmp_path / "plan", ["getug-storm-01"], prior=prior, declared=facts, **more)


def verdict(report: PlanReport) -> str:
    (result,) = (r for r in report.results if r.rule == "prior-radiotherapy")
    return str(result.verdict)


def reason(report: PlanReport) -> str:
    return next(r.reason for r in report.results if r.rule == "prior-radiotherapy")


@pytest.fixture
def now(tmp_path: Path) -> Path:
    write_course(tmp_path / "plan", "now", NOW, HERE, date="20260101")
    return tmp_path


TURNED = motion((10.0, -25.0, 60.0), (35.0, -20.0, 60.0))  # of the plan's frame into the earlier one
PRONE = motion((0.0, 0.0, 180.0), (0.0, 0.0, 0.0))
FEET_FIRST = motion((0.0, 180.0, 0.0), (5.0, 0.0, 30.0))
WAYS: dict[str, Callable[[Path, FloatArray], None]] = {
    "from the plan to the earlier frame": lambda f, m: join(f, "REG1", NOW, OLD, m),
    "from the earlier frame to the plan": lambda f, m: join(f, "REG2", OLD, NOW, np.linalg.inv(m)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("matrix", [TURNED, PRONE, FEET_FIRST], ids=["turned", "prone", "feet first"])
@pytest.mark.parametrize(("place", "expected"), [(HERE, "fail"), (FAR, "pass")])
def test_a_registration_decides(
    now: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    matrix: FloatArray,
    place: tuple[float, float, float],
    expected: str,
) -> None:
    # As mapped the earlier ball lies on the tumour (or far from it); a wrong way never finds it there.
    there = at(matrix, place)
    write_course(now / "prior", "old", OLD, there, reach=(-90.0, 90.0), around=90.0)
    WAYS[way](now / "plan", matrix)
    assert verdict(run(now)) == expected
    for wrong in (np.eye(4), np.linalg.inv(matrix)) if expected == "fail" else ():
        if np.allclose(wrong, matrix):
            continue  # a half turn about the origin is its own inverse
        monkeypatch.setattr(treated, "find_mapping", lambda *_, m=wrong: Mapping(frozen(m), "wrong"))
        assert verdict(run(now)) != expected
        monkeypatch.undo()


@pytest.mark.parametrize("wrong", ["ignored", "inverted"])
def test_a_wrong_mapping_would_hit_what_the_right_one_clears(
    now: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    # The earlier ball is put where the wrong mapping of the tumour leads; the right one leads elsewhere.
    used = np.eye(4) if wrong == "ignored" else np.linalg.inv(TURNED)
    write_course(now / "prior", "old", OLD, at(used, HERE))
    join(now / "plan", "REG", NOW, OLD, TURNED)
    # The grid of the earlier dose does not reach the tumour where it is right: nothing is known there, nothing green.
    assert verdict(run(now)) == "not-evaluated"
    monkeypatch.setattr(treated, "find_mapping", lambda *_: Mapping(frozen(used), "wrong"))
    assert verdict(run(now)) == "fail"


def test_a_chain_of_two_one_of_them_inverted(now: Path) -> None:
    first, second = motion((0.0, 0.0, 40.0), (50.0, 0.0, 0.0)), motion((30.0, 0.0, 0.0), (0.0, 60.0, -20.0))
    write_course(now / "prior", "old", OLD, at(second @ first, HERE))
    join(now / "plan", "REG1", NOW, BETWEEN, first)
    assert verdict(run(now)) == "not-evaluated"  # half a chain leads nowhere
    join(now / "prior", "REG2", OLD, BETWEEN, np.linalg.inv(second))
    assert verdict(run(now)) == "fail"


def test_contradicting_registrations_are_none(now: Path) -> None:
    write_course(now / "prior", "old", OLD, at(TURNED, HERE))
    join(now / "plan", "REG1", NOW, OLD, TURNED)
    join(now / "plan", "REG2", NOW, OLD, motion((0, 0, 0), (5.0, 0.0, 0.0)) @ TURNED)
    report = run(now)
    assert verdict(report) == "not-evaluated"
    assert "contradict" in reason(report)


def test_a_registration_of_other_frames_joins_nothing(now: Path) -> None:
    write_course(now / "prior", "old", OLD, HERE)
    join(now / "plan", "REG", BETWEEN, NOW, np.eye(4))
    report = run(now)
    assert verdict(report) == "not-evaluated"
    assert OLD in reason(report)


@pytest.mark.parametrize(("moved", "expected"), [((30.0, 0.0, 0.0), "fail"), ((-30.0, 0.0, 0.0), "not-evaluated")])
def test_a_deformable_field_with_a_known_displacement(
    now: Path, moved: tuple[float, float, float], expected: str
) -> None:
    # The object maps points of the plan by +30 mm along x into the earlier frame.
    write_course(now / "prior", "old", OLD, tuple(np.add(HERE, moved)))
    ticks = [frozen(10.0 * np.arange(21) - 100.0 + h) for h in HERE]
    vectors = np.zeros((21, 21, 21, 3), dtype=np.float32)
    vectors[..., 0] = 30.0
    field = DeformableRegistration(
        derived_uid("test-prior", "DEF"),
        NOW,
        OLD,
        frozen(np.eye(4)),
        Lattice(*ticks, frozen(np.eye(4))),
        frozen(vectors, np.float32),
        frozen(np.eye(4)),
    )
    write_deformable(now / "plan" / "DEF.dcm", header(NOW, "DEF", "20260101"), field)
    assert verdict(run(now)) == expected


def test_same_frame_hit_and_clear(now: Path) -> None:
    write_course(now / "prior", "old", NOW, HERE)
    assert verdict(run(now)) == "fail"


def test_half_of_the_tumour_outside_the_earlier_grid_is_unknown(now: Path) -> None:
    # A grid that ends at the middle of the tumour, around a ball far off along x.
    centre = np.add(HERE, (-70.0, 0.0, 0.0))
    write_course(now / "prior", "old", NOW, tuple(centre), reach=(-44.0, 70.0))
    report = run(now)
    assert verdict(report) == "indeterminate"
    assert "does not reach" in reason(report)
    (course,) = report.prior_courses
    unknown = course.targets[0].unknown_percent
    assert unknown is not None
    assert unknown.numerical.value == pytest.approx(50.0, abs=3.0)  # to half a cell of the engine
    # With a grid that reaches the tumour in every position of the earlier course it is clear.
    shutil.rmtree(now / "prior")
    write_course(now / "prior", "old", NOW, tuple(centre), reach=(-44.0, 100.0))
    assert verdict(run(now)) == "pass"


@pytest.mark.parametrize("apart", [11.0, 22.0])
def test_two_equal_balls_share_a_lens(now: Path, apart: float) -> None:
    write_course(now / "prior", "old", NOW, tuple(np.add(HERE, (0.0, apart, 0.0))))
    (course,) = run(now).prior_courses
    ptv = next(t for t in course.targets if t.role == "PTV")
    earlier = next(t for t in ptv.earlier_targets if t.roi_number == 2)
    # Of two balls of radius r at distance d: pi (4 r + d) (2 r - d)^2 / 12.
    expected = np.pi * (4 * PTV_MM + apart) * max(2 * PTV_MM - apart, 0.0) ** 2 / 12.0 / 1000.0
    assert earlier.overlap_cc is not None
    numerical, registered = earlier.overlap_cc.numerical, earlier.overlap_cc.registered
    assert numerical.low - 1e-9 <= expected <= numerical.high + 1e-9
    assert registered.low <= numerical.low
    assert registered.high >= numerical.high


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        (("plan", "structures"), "plan-without-dose"),
        (("plan",), "plan-without-dose"),
        (("structures",), "structures-only"),
    ],
)
def test_a_course_without_dose_is_never_green(now: Path, parts: tuple[str, ...], state: str) -> None:
    write_course(now / "prior", "old", NOW, FAR, parts=parts)
    report = run(now, declared="[facts]\nprior_radiotherapy_to_target = false\n")
    assert verdict(report) == "not-evaluated"
    assert [c.state for c in report.prior_courses] == [state]


def test_a_dose_without_its_plan_needs_a_prescription(now: Path, tmp_path: Path) -> None:
    write_course(now / "prior", "old", NOW, HERE, parts=("dose",))
    assert verdict(run(now)) == "not-evaluated"
    site = tmp_path / "site.toml"
    uid = derived_uid("test-prior", "old", "dose")
    site.write_text(f'schema = "sbrtcheck-site/1"\n[[courses]]\nuid = "{uid}"\nprescribed_gy = 48.0\n')
    assert verdict(run(now, site=site)) == "fail"


DECLARED_COURSE = '[[earlier_courses]]\nsite = "right lung"\nyear = 2015\n'


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("", "not-evaluated"),
        ("[facts]\nprior_radiotherapy_to_target = false\n", "pass"),
        ("[facts]\nprior_radiotherapy = false\n", "pass"),
        ("[facts]\nprior_radiotherapy_to_target = true\n", "fail"),
        (DECLARED_COURSE, "not-evaluated"),
        (f"[facts]\nprior_radiotherapy_to_target = false\n{DECLARED_COURSE}", "pass"),
    ],
)
def test_without_files_only_what_is_declared_counts(now: Path, declared: str, expected: str) -> None:
    assert verdict(run(now, given=False, declared=declared)) == expected


def test_a_declared_course_that_was_not_given_leaves_it_open(now: Path) -> None:
    write_course(now / "prior", "old", NOW, tuple(np.add(HERE, (-70.0, 0.0, 0.0))), reach=(-44.0, 100.0))
    assert verdict(run(now)) == "pass"
    report = run(now, declared=DECLARED_COURSE)
    assert verdict(report) == "not-evaluated"
    assert [c.state for c in report.prior_courses] == ["dose", "declared"]
    same = DECLARED_COURSE.replace("2015", "2023")  # the year of the files
    assert verdict(run(now, declared=same)) == "pass"


def test_an_empty_folder_of_earlier_courses_is_not_none(now: Path) -> None:
    write_course(now / "prior", "old", NOW, HERE, parts=("plan",))
    (now / "prior" / "RP.dcm").write_bytes((now / "prior" / "RP.dcm").read_bytes()[:400])
    with pytest.raises(Exception, match="no file of the earlier courses"):
        run(now, declared="[facts]\nprior_radiotherapy = false\n")


def test_two_courses_are_ordered_by_date_and_the_worse_decides(now: Path) -> None:
    write_course(now / "prior" / "b", "later", NOW, HERE, date="20240101")
    write_course(now / "prior" / "a", "sooner", NOW, tuple(np.add(HERE, (-70.0, 0.0, 0.0))), date="20190101")
    report = run(now)
    assert verdict(report) == "fail"
    assert [c.date for c in report.prior_courses] == ["20190101", "20240101"]


def test_the_stated_error_decides_near_the_limit(now: Path, tmp_path: Path) -> None:
    # The half isodose (6 mm outside the ball of 12 mm) covers all of the tumour when exact; an error of 12 mm may not.
    write_course(now / "prior", "old", NOW, tuple(np.add(HERE, (0.0, 12.0, 0.0))))
    site = tmp_path / "site.toml"

    def with_error(shift_mm: float) -> str:
        site.write_text(
            f'schema = "sbrtcheck-site/1"\n[registration]\nshift_mm = {shift_mm}\nrotation_deg = 0.0\n',
            encoding="utf-8",
        )
        return verdict(run(now, site=site))

    assert with_error(0.0) == "fail"
    assert with_error(12.0) == "indeterminate"


def test_a_sum_with_an_unknown_plan_is_no_declared_none(now: Path) -> None:
    declared = "[facts]\nprior_radiotherapy = false\n"
    assert verdict(run(now, given=False, declared=declared)) == "pass"
    both = pydicom.dcmread(now / "plan" / "RD.dcm")
    other = pydicom.Dataset()
    other.ReferencedSOPClassUID = both.ReferencedRTPlanSequence[0].ReferencedSOPClassUID
    other.ReferencedSOPInstanceUID = derived_uid("test-prior", "an unknown plan")
    both.ReferencedRTPlanSequence.append(other)
    both.DoseSummationType = "MULTI_PLAN"
    both.SOPInstanceUID = both.file_meta.MediaStorageSOPInstanceUID = derived_uid("test-prior", "sum")
    both.save_as(now / "plan" / "SUM.dcm")
    report = run(now, given=False, declared=declared)
    assert verdict(report) == "not-evaluated"
    assert "dose-holds-earlier-course" in {notice.code for notice in report.notices}


def test_the_folder_priors_is_found_by_itself(now: Path) -> None:
    write_course(now / "plan" / "priors" / "2023", "old", NOW, HERE)
    assert verdict(run(now, given=False)) == "fail"
