"""Exported doses: valid objects of this patient, right in place and in gray, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest

import sbrtcheck
from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.dicom.plan_header import plan_header
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose_export import cumulative_effects, export_doses
from sbrtcheck.errors import OutputError, UnreadableFile, UsageError
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.phantom import write_phantom
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import Notice

EQD2 = Effect("EQD2", 2.0)
CENTRE = (-100.0, 20.0, 0.0)  # of the tumour in the frame of this plan, by the construction of the phantom
Patients = Callable[[str], Path]
PROTOCOL = """
schema = "sbrtcheck-protocol/1"
id = "cumulative"
title = "Cumulative dose"
version = "1.0.0"
status = "for tests"
summary = "One rule."

[[sources]]
id = "made-up"
title = "Made up for tests"
level = "secondary"

[[rules]]
id = "cord"
title = "Cord"
check = "dose-metric"
parameters = { metric = "D0.03cc[Gy]@EQD2(a/b=2)", structures = ["SpinalCord"], dose = "cumulative" }
limit = { op = "<=", per_protocol = 60.0, unit = "Gy" }
source = "made-up"
confidence = "verified"
"""


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Patients:
    root = tmp_path_factory.mktemp("patients")

    @cache
    def folder(case: str) -> Path:
        write_phantom(case, root / case)
        return root / case

    return folder


@pytest.fixture(scope="module")
def exported(patients: Patients, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("exported")

    @cache
    def folder(case: str) -> Path:
        _export(patients(case), root / case)
        return root / case

    return folder


def _export(patient: Path, folder: Path, *effects: Effect) -> tuple[Notice, ...]:
    case = load_case([patient / "plan"], prior=[patient / "prior"]).case
    assert case.plan is not None
    header = plan_header([patient / "plan"], case.plan.sop_instance_uid)
    return export_doses(Derived(case, SiteFile()), effects or (EQD2,), header, folder)


def _gray(dataset: pydicom.Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    stored = np.frombuffer(dataset.PixelData, dtype="<u4")
    return stored.reshape(dataset.NumberOfFrames, dataset.Rows, dataset.Columns) * float(dataset.DoseGridScaling)


def _at(dataset: pydicom.Dataset, point: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the voxel (k, j, i) nearest to a point of a grid that is not turned."""
    assert [float(v) for v in dataset.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]
    x, y, z = (float(v) for v in dataset.ImagePositionPatient)
    rows, columns = (float(v) for v in dataset.PixelSpacing)
    offsets = np.array([float(v) for v in dataset.GridFrameOffsetVector])
    k = int(np.argmin(np.abs(z + offsets - point[2])))
    return k, round((point[1] - y) / rows), round((point[0] - x) / columns)


def _of(folder: Path, modality: str) -> pydicom.Dataset:
    read = (pydicom.dcmread(p) for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".toml")
    return next(d for d in read if d.Modality == modality)


def _state(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("case", ["reirradiation", "reirradiation-registered"])
def test_the_objects_say_what_they_are(patients: Patients, exported: Callable[[str], Path], case: str) -> None:
    plan, prior = (_of(patients(case) / part, "RTPLAN") for part in ("plan", "prior"))
    dose = _of(patients(case) / "plan", "RTDOSE")
    both = {plan.SOPInstanceUID, prior.SOPInstanceUID}
    for name, kind, summation, plans in (
        ("RD.earlier-1.dcm", "PHYSICAL", "PLAN", {prior.SOPInstanceUID}),
        ("RD.sum.dcm", "PHYSICAL", "MULTI_PLAN", both),
        ("RD.sum-EQD2-2.dcm", "EFFECTIVE", "MULTI_PLAN", both),
    ):
        found = pydicom.dcmread(exported(case) / name)
        assert (found.DoseType, found.DoseSummationType, found.DoseUnits) == (kind, summation, "GY")
        assert {item.ReferencedSOPInstanceUID for item in found.ReferencedRTPlanSequence} == plans
        # So that a viewer lays it over this plan and nothing else.
        for keyword in ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "FrameOfReferenceUID"):
            assert found[keyword].value == dose[keyword].value, keyword
        assert found.SeriesInstanceUID != dose.SeriesInstanceUID
        assert "to be shown, not to be judged" in found.DerivationDescription
        if case == "reirradiation":
            assert found.SpatialTransformOfDose == "NONE"
        else:
            assert found.SpatialTransformOfDose == "RIGID"
            used = _of(patients(case), "REG").SOPInstanceUID
            assert [i.ReferencedSOPInstanceUID for i in found.ReferencedSpatialRegistrationSequence] == [used]


@pytest.mark.parametrize("case", ["reirradiation", "reirradiation-registered"])
def test_the_earlier_dose_lies_on_the_tumour(patients: Patients, exported: Callable[[str], Path], case: str) -> None:
    # The same tumour was treated to the same dose before. Left unmapped, the registered one would lie 70 mm away.
    dose = _of(patients(case) / "plan", "RTDOSE")
    now, then = _gray(dose), _gray(pydicom.dcmread(exported(case) / "RD.earlier-1.dcm"))
    assert then.shape == now.shape
    voxel = _at(dose, CENTRE)
    # Turned by 12 degrees, an even plateau of 55 Gy is interpolated to a few hundredths.
    assert then[voxel] == pytest.approx(now[voxel], abs=0.05)
    assert then[voxel] > 0.9 * then.max()


def test_sums_are_those_of_the_formulas(patients: Patients, exported: Callable[[str], Path]) -> None:
    now = _gray(_of(patients("reirradiation") / "plan", "RTDOSE"))
    then, total, effect = (
        _gray(pydicom.dcmread(exported("reirradiation") / name))
        for name in ("RD.earlier-1.dcm", "RD.sum.dcm", "RD.sum-EQD2-2.dcm")
    )
    # Stored in steps of 1e-5 Gy, and added as 32-bit numbers of up to 113 Gy (8e-6 Gy).
    assert np.abs(total - (now + then)).max() < 5e-5
    # 4 fractions each: EQD2 = D (D / 4 + 2) / (2 + 2); the steps count up to 28 times at 56 Gy.
    expected = sum(d * (d / 4 + 2.0) / 4.0 for d in (now, then))
    assert np.abs(effect - expected).max() < 5e-4


def test_our_own_reader_takes_an_exported_dose_for_what_it_is(
    patients: Patients, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    # As the earlier course of another check: on this grid, in this frame, the same dose again.
    source = exported("reirradiation-registered") / "RD.earlier-1.dcm"
    course = tmp_path / "course"
    course.mkdir()
    (course / "dose.dcm").write_bytes(source.read_bytes())
    case = load_case([patients("reirradiation-registered") / "plan"], prior=[course]).case
    (found,) = case.priors
    assert found.dose is not None
    assert found.dose.kind == "PHYSICAL"
    assert case.dose is not None
    assert found.dose.frame_of_reference_uid == case.dose.frame_of_reference_uid
    assert found.dose.dose_gy == pytest.approx(_gray(pydicom.dcmread(source)), abs=1e-5)  # one step


def test_the_same_input_gives_the_same_bytes(
    patients: Patients, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    notices = _export(patients("reirradiation"), tmp_path / "again")
    assert _state(tmp_path / "again") == _state(exported("reirradiation"))
    assert [n.code for n in notices] == ["dose-exported"] * 3
    uids = {str(pydicom.dcmread(p).SOPInstanceUID) for p in (tmp_path / "again").iterdir()}
    assert {n.where for n in notices} == uids
    # Once more into the same folder: nothing to say against it.
    _export(patients("reirradiation"), tmp_path / "again")
    assert _state(tmp_path / "again") == _state(exported("reirradiation"))


def test_another_file_is_not_overwritten_and_nothing_else_is_written(patients: Patients, tmp_path: Path) -> None:
    (tmp_path / "RD.sum.dcm").write_bytes(b"somebody's own")
    with pytest.raises(OutputError, match=r"RD\.sum\.dcm exists already"):
        _export(patients("reirradiation"), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["RD.sum.dcm"]
    assert (tmp_path / "RD.sum.dcm").read_bytes() == b"somebody's own"


def test_a_failing_disk_leaves_nothing(patients: Patients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "RD.sum.dcm":
            raise OSError(28, "No space left on device")
        return moved(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        _export(patients("reirradiation"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_within_the_input_is_refused(patients: Patients) -> None:
    patient = patients("reirradiation")
    before = _state(patient)
    for folder in (patient / "plan", patient / "plan" / "new", patient / "prior" / "x"):
        with pytest.raises(UsageError, match="cannot be exported into the input"):
            sbrtcheck.check(patient / "plan", prior=patient / "prior", export_dose=folder)
    assert _state(patient) == before


def test_what_is_not_exported_is_said(patients: Patients, tmp_path: Path) -> None:
    compliant = patients("lung-peripheral")
    report = sbrtcheck.check(compliant / "plan", export_dose=tmp_path / "out")
    (said,) = [n for n in report.notices if n.code == "dose-not-exported"]
    assert "no earlier course was given" in said.message
    assert not (tmp_path / "out").exists()


def test_a_course_that_is_not_mapped_is_not_exported_and_no_sum_leaves_it_out(
    patients: Patients, tmp_path: Path
) -> None:
    patient = patients("reirradiation-registered")
    case = load_case([patient / "plan"], prior=[patient / "prior"]).case
    assert case.plan is not None
    header = plan_header([patient / "plan"], case.plan.sop_instance_uid)
    derived = Derived(replace(case, registrations=()), SiteFile())
    notices = export_doses(derived, (EQD2,), header, tmp_path)
    assert [n.code for n in notices] == ["dose-not-exported"] * 3
    assert all("no registration joins them" in n.message for n in notices)
    assert list(tmp_path.iterdir()) == []


def test_alpha_beta_comes_from_rules_alone(patients: Patients, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PROTOCOL, encoding="utf-8")
    loaded = [load_protocol(tmp_path / "p.toml"), load_protocol("getug-storm-01")]
    assert cumulative_effects(loaded) == (EQD2,)
    assert cumulative_effects(loaded[1:]) == ()
    patient = patients("reirradiation")
    report = sbrtcheck.check(
        patient / "plan", [tmp_path / "p.toml"], prior=patient / "prior", export_dose=tmp_path / "out"
    )
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "RD.earlier-1.dcm",
        "RD.sum-EQD2-2.dcm",
        "RD.sum.dcm",
    ]
    assert [n.code for n in report.notices if "dose-" in n.code and "exported" in n.code] == ["dose-exported"] * 3


def test_no_sum_in_eqd2_without_an_alpha_beta(patients: Patients, tmp_path: Path) -> None:
    patient = patients("reirradiation")
    case = load_case([patient / "plan"], prior=[patient / "prior"]).case
    assert case.plan is not None
    notices = export_doses(
        Derived(case, SiteFile()), (), plan_header([patient / "plan"], case.plan.sop_instance_uid), tmp_path
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["RD.earlier-1.dcm", "RD.sum.dcm"]
    assert "none is assumed" in notices[-1].message


def test_no_identity_in_what_is_said(patients: Patients, exported: Callable[[str], Path], tmp_path: Path) -> None:
    patient = patients("reirradiation")
    said = " ".join(f"{n.message} {n.where}" for n in _export(patient, tmp_path))
    one = _of(patient / "plan", "RTPLAN")
    for secret in (one.PatientName, one.PatientID, one.PatientBirthDate, patient):
        assert str(secret) not in said


def test_a_plan_that_has_gone_is_named(patients: Patients) -> None:
    with pytest.raises(UnreadableFile, match="no longer in the input"):
        plan_header([patients("lung-peripheral") / "plan"], "1.2.3")


def test_the_command_says_on_stderr_what_it_wrote(patients: Patients, tmp_path: Path) -> None:
    patient = patients("reirradiation")
    command = [sys.executable, "-m", "sbrtcheck", "check", str(patient / "plan"), "--prior", str(patient / "prior")]
    done = subprocess.run(
        [*command, "--export-dose", str(tmp_path / "out"), "--json"], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["schema"] == "sbrtcheck-report/1"
    assert "dose-exported: RD.sum.dcm: sum of physical dose" in done.stderr
    assert "none is assumed" in done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["RD.earlier-1.dcm", "RD.sum.dcm"]
