"""Plans that replace earlier ones are recognised, and their reports say what changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.rebuild import rebuild
from sbrtcheck.batch.runner import run_batch
from sbrtcheck.batch.store import PLANS, Store
from sbrtcheck.dicom.patient import patient_key

Lay = Callable[..., Path]
PROTOCOLS = ("rtog-0813-0915-conformity",)


class Here:
    """An engine without processes, first come or last come first served."""

    workers = 8

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args))
        return future

    def close(self, *, now: bool) -> None:
        pass


def edited(folder: Path, changes: dict[bytes, bytes], pattern: str = "RT*") -> Path:
    """Write the files of a folder anew with other values of the same length; the phantoms' own stay as they are."""
    for path in folder.glob(pattern):
        content = path.read_bytes()
        path.unlink()
        for old, new in changes.items():
            assert len(old) == len(new)
            content = content.replace(old, new)
        path.write_bytes(content)
    return folder


def dated(folder: Path, date: str, number: int) -> Path:
    """Give plan, structures and dose UIDs of their own, and the plan a date."""
    at = b"\n\x30\x06\x00DA\x08\x00"
    plan = (folder / "RTPLAN.dcm").read_bytes()
    if b"\x0a\x30\x06\x00DA\x08\x00" in plan:
        start = plan.index(b"\x0a\x30\x06\x00DA\x08\x00") + len(at)
        edited(folder, {plan[start : start + 8]: date.encode()}, "RTPLAN.dcm")
    uids = {
        m
        for f in folder.glob("RT*")
        for m in re.findall(rb"\x08\x00\x18\x00UI..(2\.25\.\d+)", f.read_bytes(), re.DOTALL)
    }
    return edited(folder, {uid: uid[:-2] + b"%02d" % number for uid in uids})


@pytest.fixture
def root(tmp_path: Path, lay: Lay) -> Path:
    """Return a failing plan, the better one of the same patient, and a stranger with the same label."""
    place = tmp_path / "in"
    dated(lay("conformity-poor", place / "c" / "first"), "20260601", 11)
    better = dated(lay("conformity-variation", place / "c" / "second"), "20260715", 12)
    patient = [(f / "RTPLAN.dcm").read_bytes() for f in (place / "c" / "first", better)]
    ids, frames = ([find(p) for p in patient] for find in (patient_id, frame_of))
    edited(better, {ids[1]: ids[0].ljust(len(ids[1]))[: len(ids[1])]})
    edited(better, {frames[1]: frames[0]}, "*")
    dated(lay("lung-peripheral", place / "c" / "stranger"), "20260801", 13)
    return place


def patient_id(plan: bytes) -> bytes:
    found = re.search(rb"\x10\x00\x20\x00LO(..)", plan, re.DOTALL)
    assert found is not None
    return plan[found.end() : found.end() + int.from_bytes(found.group(1), "little")]


def frame_of(plan: bytes) -> bytes:
    found = re.search(rb"\x20\x00\x52\x00UI(..)", plan, re.DOTALL)
    assert found is not None
    return plan[found.end() : found.end() + int.from_bytes(found.group(1), "little")]


def went(root: Path, out: Path, **kwargs: Any) -> dict[str, tuple[str, str]]:
    submissions, setup = gather(root, out, PROTOCOLS)
    run_batch(submissions, out, setup, Here, **kwargs)
    store = Store(out)
    found = {r["name"]: (r["replaces"], r["changed"]) for r in store.query("SELECT * FROM plans")}
    store.close()
    return found


def content(out: Path) -> dict[str, bytes]:
    files = [*out.glob("plans/*/*"), out / "cohort.html"]
    return {str(f.relative_to(out)): f.read_bytes() for f in sorted(files)}


def page(out: Path, name: str) -> str:
    store = Store(out)
    (row,) = store.query("SELECT id FROM plans WHERE name = ?", (name,))
    store.close()
    return (out / PLANS / row["id"] / "report.html").read_text(encoding="utf-8")


def test_a_cured_plan_says_so_and_others_say_nothing(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = went(root, out)
    assert found["c/first"] == found["c/stranger"] == ("", "")
    assert found["c/second"][0] == "c/first"
    assert "cured" in found["c/second"][1]
    assert "Changes since" in page(out, "c/second")
    assert "Changes since" not in page(out, "c/first")
    assert "replaces" in (out / "cohort.html").read_text(encoding="utf-8")


def test_no_byte_of_the_results_says_whose_they_are(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    went(root, out)
    whose = {patient_id((root / "c" / n / "RTPLAN.dcm").read_bytes()).strip() for n in ("first", "stranger")}
    assert all(len(one) > 3 for one in whose)
    for file in out.rglob("*"):
        if file.is_file():
            assert not any(one in file.read_bytes() for one in whose), file.name
    # Nor what can be made again from a known ID without the salt of the store.
    hashes = [sha256(one.lower()).hexdigest() for one in whose]
    for name in ("first", "stranger"):
        plan = root / "c" / name / "RTPLAN.dcm"
        uid = re.search(rb"\x08\x00\x18\x00UI..(2\.25\.\d+)", plan.read_bytes(), re.DOTALL)
        assert uid is not None
        key = patient_key([plan], uid.group(1).decode())
        assert key
        hashes += [key, sha256(f"{key}/SBRT".encode()).hexdigest()]
    assert not any(h.encode() in file.read_bytes() for h in hashes for file in out.rglob("*") if file.is_file())


def test_which_run_checked_which_plan_changes_no_byte(root: Path, tmp_path: Path) -> None:
    whole, later, earlier = (tmp_path / name for name in ("whole", "later-first", "earlier-first"))
    went(root, whole)
    for out, hidden in ((later, "first"), (earlier, "second")):
        (root / "c" / hidden).rename(tmp_path / "away")
        assert "c/second" not in went(root, out) or went(root, out)["c/second"] == ("", "")
        (tmp_path / "away").rename(root / "c" / hidden)
        went(root, out)
        assert content(out) == content(whole)
    before = content(whole)
    went(root, whole, fresh=True)
    assert content(whole) == before


def test_a_plan_that_lost_its_earlier_one_says_nothing_any_more(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    went(root, out)
    (root / "c" / "first").rename(tmp_path / "away")
    assert went(root, out)["c/second"] == ("", "")
    assert "Changes since" not in page(out, "c/second")
    assert not list(out.glob("plans/*/changes.json"))


@pytest.mark.parametrize("killed_before", ["report.html", "changes.json"])
def test_a_stop_in_between_is_put_right(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    from sbrtcheck.batch import resubmission

    out, real = tmp_path / "out", resubmission.write_whole

    def killed(path: Path, data: bytes) -> None:
        if path.name == killed_before:
            raise KeyboardInterrupt
        real(path, data)

    monkeypatch.setattr(resubmission, "write_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        went(root, out)
    monkeypatch.undo()
    went(root, out)
    went(root, tmp_path / "undisturbed")
    assert content(out) == content(tmp_path / "undisturbed")


def test_two_plans_of_one_moment_have_no_order(root: Path, tmp_path: Path) -> None:
    edited(root / "c" / "second", {b"20260715": b"20260601"}, "RTPLAN.dcm")
    assert went(root, tmp_path / "out")["c/second"] == ("", "")


def test_another_label_or_another_frame_is_another_plan(root: Path, tmp_path: Path) -> None:
    second = root / "c" / "second"
    frame = frame_of((second / "RTPLAN.dcm").read_bytes()).rstrip(b"\0")
    edited(second, {frame: frame[:-1] + (b"1" if frame[-1:] != b"1" else b"2")}, "*")
    assert went(root, tmp_path / "out")["c/second"] == ("", "")


def test_the_store_made_again_knows_it_still(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = went(root, out)
    shown = (out / "cohort.html").read_bytes()
    rebuild(out)
    store = Store(out)
    assert {r["name"]: (r["replaces"], r["changed"]) for r in store.query("SELECT * FROM plans")} == before
    store.close()
    assert (out / "cohort.html").read_bytes() == shown
    assert went(root, out) == before
