"""Law 5: same input, same bytes; every hash is there."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sbrtcheck.report import render
from sbrtcheck.results import PlanReport

Judged = Callable[..., PlanReport]


def test_names_order_and_place_of_the_files_do_not_matter(judged: Judged, patient: Path, tmp_path: Path) -> None:
    files = [p for p in (patient / "plan").rglob("*") if p.is_file()]
    order = random.Random(1).sample(files, len(files))
    for number, path in enumerate(order):
        folder = tmp_path / str(number % 3)
        folder.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / f"{number:04d}")
    assert judged(tmp_path).to_json() == judged().to_json()


def test_another_process_gives_the_same_bytes(judged: Judged, patient: Path) -> None:
    script = (
        "import sys, sbrtcheck; from sbrtcheck.report import render\n"
        "plan, declared, *protocols = sys.argv[1:]\n"
        "report = sbrtcheck.check(plan, protocols, declared=declared)\n"
        "sys.stdout.buffer.write(render(report, 'json') + render(report, 'html'))\n"
    )
    declared = patient / "declared.toml"
    protocols = ["getug-storm-01", "rtog-0813-0915-conformity"]
    command = [sys.executable, "-c", script, str(patient / "plan"), str(declared), *protocols]
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"}
    other = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    report = judged()
    assert other == render(report, "json") + render(report, "html")


def test_every_input_is_there_with_its_hash(judged: Judged, patient: Path) -> None:
    report = judged()
    hashes = {record.sha256 for record in report.inputs}
    for path in [*(patient / "plan").rglob("*"), patient / "declared.toml"]:
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() in hashes
    assert all(len(p.sha256) == 64 and p.version for p in report.protocols)
    assert report.software.version
