"""The commands as a person or a script calls them."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures" / "real"
Folder = Callable[[str], Path]

# DVHMeanDose of the file, which stands there in percent of 14 Gy, by ROI number; all lie inside the dose grid.
ECLIPSE_MEAN_GY = {3: 0.0785, 4: 5.6135, 5: 0.6476, 6: 0.9093, 7: 0.1076, 8: 6.3200, 9: 14.2907, 10: 14.2648}


def run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sbrtcheck", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("case", "status"),
    [("lung-peripheral", 0), ("reirradiation-registered", 1), ("no-dose", 3)],
)
def test_check_prints_one_document_and_exits_as_its_verdicts_say(on_disk: Folder, case: str, status: int) -> None:
    folder = on_disk(case)
    prior = ["--prior", folder / "prior"] if (folder / "prior").exists() else []
    done = run(
        "check",
        folder / "plan",
        "-p",
        "getug-storm-01",
        "--declared",
        folder / "declared.toml",
        *prior,
        "--json",
        status=status,
    )
    report = json.loads(done.stdout)
    schema = json.loads(run("protocol", "schema", "--report").stdout)
    jsonschema.validate(report, schema)
    assert report["schema"] == "sbrtcheck-report/1"
    assert done.stderr == ""


def test_the_eclipse_breast_plan_gets_a_complete_report(tmp_path: Path) -> None:
    # 7 x 2 Gy to the breast: no SBRT plan of a kidney cancer metastasis, so it can only fail or stay undecided.
    out = tmp_path / "report"
    done = run("check", FIXTURES / "eclipse-breast-dvh", "-p", "getug-storm-01", "--out", out, status=1)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert {r["rule"] for r in report["results"]} >= {"lesion-size", "ultra-central", "prior-radiotherapy"}
    assert len(report["inputs"]) == 4
    assert report["tps"]
    assert "FAIL" in done.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    fetched = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert all(target.startswith(("data:", "#")) for target in fetched)  # nothing is fetched from anywhere


def test_measure_agrees_with_the_planning_system() -> None:
    done = run("measure", FIXTURES / "eclipse-breast-dvh", "--metric", "Mean[Gy]", "--metric", "D50%[Gy]", "--json")
    measured = {s["roi_number"]: s for s in json.loads(done.stdout)["structures"]}
    for number, mean_gy in ECLIPSE_MEAN_GY.items():
        mean, remark = measured[number]["metrics"]["Mean[Gy]"], measured[number]["tps"]["remark"]
        # Within 0.5 % of their mean, or inside our interval, or of another volume than ours can be; and said so.
        if abs(mean["value"] / mean_gy - 1) > 0.005:
            if mean["low"] <= mean_gy <= mean["high"]:
                assert "inside our interval" in remark
            else:
                volume, theirs = measured[number]["volume_cc"], measured[number]["tps"]["volume_cc"]
                assert not volume["low"] <= theirs <= volume["high"]
                assert "outside our interval" in remark
        else:
            # Eclipse's mean stands here with four digits: at the very limit either may be said.
            assert "agree" in remark or "0.5 %" in remark
    for number in (5, 6, 9, 10):  # heart, lung, tumour bed, tumour bed block: volumes of more than a few planes
        assert measured[number]["metrics"]["Mean[Gy]"]["value"] == pytest.approx(ECLIPSE_MEAN_GY[number], rel=0.005)
    assert measured[1]["metrics"]["Mean[Gy]"]["high"] is None  # the body reaches out of the dose grid
    assert "not_computable" in measured[2]["volume_cc"]  # nothing is drawn


def test_measure_one_structure_by_name(on_disk: Folder) -> None:
    plan = on_disk("lung-peripheral") / "plan"
    done = run("measure", plan, "--roi", "GTV", "--metric", "D0.03cc[Gy]", "--json")
    (structure,) = json.loads(done.stdout)["structures"]
    assert structure["name"] == "GTV"
    assert set(structure["metrics"]) == {"D0.03cc[Gy]"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--roi", "Nobody"], "usage"),
        (["--metric", "D30[Gy]"], "30"),
    ],
)
def test_wrong_usage_says_what_would_be_right(on_disk: Folder, arguments: list[str], said: str) -> None:
    done = run("measure", on_disk("lung-peripheral") / "plan", *arguments, status=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_inspect_accounts_for_every_file(on_disk: Folder) -> None:
    plan = on_disk("reirradiation") / "plan"
    done = run("inspect", plan, "--prior", plan.parent / "prior", "--json")
    document = json.loads(done.stdout)
    files = [p for p in (*plan.rglob("*"), *(plan.parent / "prior").rglob("*")) if p.is_file()]
    assert len(document["inputs"]) == len(files)
    assert len(document["prior_courses"]) == 1
    text = run("inspect", plan).stdout
    assert "prescription" in text


def test_a_zip_gives_the_same_report_as_its_folder(on_disk: Folder, tmp_path: Path) -> None:
    plan = on_disk("lesion-8mm") / "plan"
    archive = tmp_path / "plan.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(plan.rglob("*")):
            packed.write(path, path.relative_to(plan))
    one, other = (run("inspect", where, "--json").stdout for where in (plan, archive))
    assert one == other


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "no-such-folder"], "error ["),
        (["check", ".", "-p", "no-such-protocol"], "unknown-protocol"),
        (["protocol", "show", "no-such-protocol"], "unknown-protocol"),
        (["phantom", "no-such-case", "x"], "usage"),
        (["phantom"], "usage"),
    ],
)
def test_errors_carry_a_code_and_leave_nothing_behind(tmp_path: Path, arguments: list[str], code: str) -> None:
    command = [sys.executable, "-m", "sbrtcheck", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert code in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_demo_writes_a_report(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = run("demo", "--out", out)
    assert (out / "report" / "report.html").is_file()
    assert "PASS" in done.stdout


def test_protocol_commands() -> None:
    assert "getug-storm-01" in run("protocol", "list").stdout
    assert "lesion-size" in run("protocol", "show", "getug-storm-01").stdout
    assert "no problem found" in run("protocol", "lint", "getug-storm-01").stdout
    assert json.loads(run("protocol", "schema").stdout)["title"] == "ProtocolFile"
