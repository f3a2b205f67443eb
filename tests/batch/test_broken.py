"""Submissions broken in ten ways among sound ones: every one ends with exactly the row that it must have."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.batch.engines import LocalEngine
from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.runner import run_batch
from sbrtcheck.batch.store import Store

Lay = Callable[..., Path]
PROTOCOLS = ("rtog-0813-0915-conformity",)


def one(folder: Path, pattern: str) -> Path:
    """Return the only file of a kind; the files of the phantoms are links, so they are never written to."""
    (found,) = folder.glob(pattern)
    return found


def rewritten(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def with_uids_of_its_own(folder: Path, number: int) -> Path:
    """Return the folder, its files no longer those of the other submissions."""
    for path in folder.iterdir():
        own = re.sub(rb"(2\.25\.\d{10,})\d\d", lambda m: m.group(1) + b"%02d" % number, path.read_bytes())
        rewritten(path, own)
    return folder


def without(pattern: str) -> Callable[[Path], None]:
    return lambda folder: one(folder, pattern).unlink()


def cut(pattern: str) -> Callable[[Path], None]:
    def half(folder: Path) -> None:
        path = one(folder, pattern)
        content = path.read_bytes()
        rewritten(path, content[: len(content) // 2])

    return half


def all_cut(folder: Path) -> None:
    for path in folder.iterdir():
        rewritten(path, path.read_bytes()[:300])


def not_dicom(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "plan.pdf").write_bytes(b"%PDF-1.7")


def damaged_archive(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.with_name(f"{folder.name}.zip").write_bytes(b"PK\x03\x04 this is no archive")


def nested_archive(folder: Path) -> None:
    inner = folder / "inner.zip"
    files = sorted(folder.iterdir())
    with zipfile.ZipFile(inner, "w") as into:
        for file in files:
            into.write(file, file.name)
    with zipfile.ZipFile(folder.with_name(f"{folder.name}.zip"), "w") as into:
        into.write(inner, "inner.zip")
    shutil.rmtree(folder)


def two_patients(folder: Path) -> None:
    path = one(folder, "RTSTRUCT*")
    content = path.read_bytes()
    # The length of the field stays, so the file stays sound.
    at = content.index(b"\x10\x00\x20\x00LO") + 8
    length = int.from_bytes(content[at - 2 : at], "little")
    rewritten(path, content[:at] + b"X" * length + content[at + length :])


def same_uid_twice(folder: Path) -> None:
    content = one(folder, "RTDOSE*").read_bytes()
    (folder / "RTDOSE-2.dcm").write_bytes(content[:-2] + b"\x01\x01")


WAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no plan": (without("RTPLAN*"), "not-evaluated"),
    "no dose": (without("RTDOSE*"), "not-evaluated"),
    "no structures": (without("RTSTRUCT*"), "not-evaluated"),
    "structures cut": (cut("RTSTRUCT*"), "not-evaluated"),
    "all cut": (all_cut, "no-dicom"),
    "no DICOM": (not_dicom, "no-dicom"),
    "archive damaged": (damaged_archive, "unsafe-archive"),
    "archive in an archive": (nested_archive, "pass"),
    "two patients": (two_patients, "mixed-patients"),
    "one UID twice": (same_uid_twice, "duplicate-instance"),
}
NAMES = {"archive damaged": "archive damaged.zip", "archive in an archive": "archive in an archive.zip!/inner.zip"}


@pytest.mark.parametrize("workers", [2])
def test_ten_ways_of_being_broken(tmp_path: Path, lay: Lay, workers: int) -> None:
    root, expected = tmp_path / "in", {}
    for number, (name, (spoil, row)) in enumerate(WAYS.items()):
        spoil(with_uids_of_its_own(lay("lung-peripheral", root / "centre" / name), number))
        expected[f"centre/{NAMES.get(name, name)}"] = row
    for number in range(3):
        with_uids_of_its_own(lay("conformity-variation", root / "centre" / f"sound-{number}"), number)
        expected[f"centre/sound-{number}"] = "variation"
    out = tmp_path / "out"
    submissions, setup = gather(root, out, PROTOCOLS)
    summary = run_batch(submissions, out, setup, lambda: LocalEngine(workers, 120.0, 4.0))
    store = Store(out)
    rows = {name: code or overall for name, code, overall in store.query("SELECT name, error_code, overall FROM plans")}
    store.close()
    assert rows == expected
    assert summary.broken == sum(row not in {"pass", "variation", "not-evaluated"} for row in expected.values())
    # What cannot be read is never counted among what is met.
    assert summary.verdicts["pass"] == 1
