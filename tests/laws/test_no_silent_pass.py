"""Law 1: nothing that is missing, unreadable, unmatched or broken can end green."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from sbrtcheck.checks.lesion_size import CHECK as LESION_SIZE
from sbrtcheck.errors import SbrtcheckError
from sbrtcheck.judge import roll_up
from sbrtcheck.results import PlanReport, RuleResult, Verdict

GREEN = {Verdict.PASS, Verdict.VARIATION}
Judged = Callable[..., PlanReport]


def _modality(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).Modality)


@pytest.fixture
def copy(patient: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(patient / "plan", tmp_path / "copy"))


def test_the_compliant_plan_is_green(judged: Judged) -> None:
    # Without this, every other test here would pass on a program that never says pass.
    report = judged()
    assert report.verdict is Verdict.PASS
    assert report.declared_verdict is Verdict.PASS


@pytest.mark.parametrize("modality", ["RTSTRUCT", "RTDOSE", "RTPLAN"])
def test_a_missing_object_is_not_green(judged: Judged, copy: Path, modality: str) -> None:
    for path in [p for p in copy.rglob("*") if p.is_file() and _modality(p) == modality]:
        path.unlink()
    assert judged(copy).verdict not in GREEN


@pytest.mark.parametrize("modality", ["RTSTRUCT", "RTDOSE", "RTPLAN", "CT"])
def test_a_truncated_file_is_not_green(judged: Judged, copy: Path, modality: str) -> None:
    path = next(p for p in sorted(copy.rglob("*")) if p.is_file() and _modality(p) == modality)
    path.write_bytes(path.read_bytes()[:-200])
    try:
        verdict = judged(copy).verdict
    except SbrtcheckError:
        return
    assert verdict not in GREEN


@pytest.mark.parametrize(
    ("modality", "keyword"),
    [
        ("RTSTRUCT", "ROIContourSequence"),
        ("RTSTRUCT", "StructureSetROISequence"),
        ("RTSTRUCT", "SOPInstanceUID"),
        ("RTPLAN", "FractionGroupSequence"),
        ("RTPLAN", "ReferencedStructureSetSequence"),
        ("RTDOSE", "DoseGridScaling"),
        ("RTDOSE", "DoseUnits"),
        ("RTDOSE", "GridFrameOffsetVector"),
        ("RTDOSE", "ImagePositionPatient"),
        ("RTDOSE", "ReferencedRTPlanSequence"),
        ("RTDOSE", "PixelData"),
    ],
)
def test_a_deleted_element_is_not_green(judged: Judged, copy: Path, modality: str, keyword: str) -> None:
    path = next(p for p in copy.rglob("*") if p.is_file() and _modality(p) == modality)
    dataset = pydicom.dcmread(path)
    delattr(dataset, keyword)
    dataset.save_as(path)
    try:
        verdict = judged(copy).verdict
    except SbrtcheckError:
        return
    assert verdict not in GREEN


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("GTV", "measurable-lesion"),
        ("PTV", "conformity-r50"),
        ("Lung", "conformity-v20"),
        ("Bronch|AirWay|Trachea", "ultra-central"),
    ],
)
def test_a_renamed_structure_does_not_leave_its_rule_green(judged: Judged, copy: Path, name: str, rule: str) -> None:
    path = next(p for p in copy.rglob("*") if p.is_file() and _modality(p) == "RTSTRUCT")
    dataset = pydicom.dcmread(path)
    renamed = set()
    for roi in dataset.StructureSetROISequence:
        if any(part.lower() in str(roi.ROIName).lower() for part in name.split("|")):
            roi.ROIName = f"x{roi.ROINumber}"
            renamed.add(int(roi.ROINumber))
    for observation in dataset.RTROIObservationsSequence:
        if int(observation.ReferencedROINumber) in renamed:
            observation.RTROIInterpretedType = ""
    assert renamed
    dataset.save_as(path)
    report = judged(copy)
    assert report.verdict not in GREEN
    found = [r.verdict for r in report.results if r.rule == rule]
    assert found
    assert not set(found) <= GREEN


def test_an_exception_in_a_check_is_an_error_and_not_green(
    results_of: Callable[[], dict[str, RuleResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, task: object, derived: object) -> object:
        raise ZeroDivisionError("patient MUSTERMANN")

    monkeypatch.setattr(type(LESION_SIZE), "run", broken)
    results = results_of()
    assert results["lesion-size"].verdict is Verdict.ERROR
    assert roll_up(tuple(results.values()), "plan") not in GREEN
    assert "MUSTERMANN" not in results["lesion-size"].reason


def test_a_check_that_finds_nothing_to_say_is_not_green(
    results_of: Callable[[], dict[str, RuleResult]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(LESION_SIZE), "run", lambda self, task, derived: ())
    assert roll_up(tuple(results_of().values()), "plan") not in GREEN


def test_nothing_declared_is_not_green(judged: Judged) -> None:
    assert judged(declared=None).declared_verdict is Verdict.NOT_EVALUATED


def test_no_protocol_is_not_green(patient: Path) -> None:
    import sbrtcheck

    assert sbrtcheck.check(patient / "plan").verdict not in GREEN
