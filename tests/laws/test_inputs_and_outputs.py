"""Law 6: inputs are never changed; outputs appear whole or not at all. And no identity in any message."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from sbrtcheck.errors import OutputError
from sbrtcheck.report.files import write_reports
from sbrtcheck.results import PlanReport

Judged = Callable[..., PlanReport]


def _state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_inputs_stay_as_they_are(judged: Judged, patient: Path) -> None:
    before = _state(patient)
    judged()
    assert _state(patient) == before


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = judged()
    write_reports(report, tmp_path)
    before = _state(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="could not be written"):
        write_reports(report.model_copy(update={"notices": ()}), tmp_path)
    assert _state(tmp_path) == before


def test_no_identity_in_reports_messages_or_errors(patient: Path, tmp_path: Path) -> None:
    one = pydicom.dcmread(next(p for p in (patient / "plan").rglob("*") if p.is_file()), stop_before_pixels=True)
    secrets = [str(one.PatientName), str(one.PatientID), str(one.PatientBirthDate)]
    assert all(secrets)
    broken = tmp_path / str(one.PatientID)
    broken.mkdir()
    (broken / f"{one.PatientName}.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"garbage" * 40)
    for plan in (patient / "plan", broken):
        command = [sys.executable, "-m", "sbrtcheck", "check", str(plan), "-p", "getug-storm-01"]
        for option in ([], ["--json"]):
            done = subprocess.run([*command, *option], capture_output=True, text=True, encoding="utf-8", check=False)
            said = done.stdout + done.stderr
            assert "Traceback" not in said
            for secret in secrets:
                assert secret not in said
