"""The run of a batch: what is done stays done, and a bad plan stops nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.batch import runner as runner_module
from sbrtcheck.batch.engines import LocalEngine, WorkerLost
from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.rebuild import rebuild
from sbrtcheck.batch.runner import Step, Summary, only_run, run_batch
from sbrtcheck.batch.store import Store
from sbrtcheck.batch.task import Task, run
from sbrtcheck.errors import OutputError, UsageError

Lay = Callable[..., Path]
PROTOCOLS = ("rtog-0813-0915-conformity",)


class Here:
    """An engine without processes; ``lose`` names the plans at which a worker is lost, and how often."""

    workers = 1

    def __init__(self, lose: dict[str, int] | None = None) -> None:
        self.lose = dict(lose or {})
        self.given: list[str] = []

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        name = args[0].submission.name
        self.given.append(name)
        future: Future[Any] = Future()
        if self.lose.get(name, 0):
            self.lose[name] -= 1
            future.set_exception(WorkerLost("worker-died", "the worker that checked it died"))
        else:
            future.set_result(function(*args))
        return future

    def close(self, *, now: bool) -> None:
        pass


@pytest.fixture
def tree(tmp_path: Path, lay: Lay) -> Path:
    root = tmp_path / "in"
    for name in ("a", "b"):
        lay("lung-peripheral", root / "centre" / name)
    (root / "centre" / "broken").mkdir()
    (root / "centre" / "broken" / "RTPLAN.dcm").write_bytes((root / "centre" / "a" / "RTPLAN.dcm").read_bytes()[:2000])
    return root


def went(root: Path, out: Path, engine: Here, **kwargs: Any) -> tuple[Summary, list[Step]]:
    steps: list[Step] = []
    submissions, setup = gather(root, out, PROTOCOLS)
    return run_batch(submissions, out, setup, lambda: engine, tell=steps.append, **kwargs), steps


def content(out: Path) -> dict[str, bytes]:
    """All that must be the same, however the run went."""
    files = [*out.glob("plans/*/*"), out / "cohort.html"]
    return {str(f.relative_to(out)): f.read_bytes() for f in sorted(files)}


def test_every_plan_has_a_report_and_a_broken_one_a_row(tree: Path, tmp_path: Path) -> None:
    summary, steps = went(tree, tmp_path / "out", Here())
    assert (summary.checked, summary.kept, summary.broken) == (3, 0, 1)
    assert [s.done for s in steps] == [1, 2, 3]
    broken = {s.submission.name: s.broken.code for s in steps if s.broken}
    assert broken == {"centre/broken": "no-dicom"}
    for step in steps:
        place = tmp_path / "out" / "plans" / step.submission.id
        assert (place / "submission.json").is_file()
        assert (place / "report.json").is_file() is (step.broken is None)


def test_a_second_run_does_only_what_changed(tree: Path, tmp_path: Path, lay: Lay) -> None:
    went(tree, tmp_path / "out", Here())
    again = Here()
    summary, _ = went(tree, tmp_path / "out", again)
    assert (again.given, summary.kept) == ([], 3)
    lay("lung-peripheral", tree / "centre" / "new")
    shutil.rmtree(tree / "centre" / "a")
    (tree / "centre" / "b" / "declared.toml").write_text('schema = "sbrtcheck-declared/1"\n')
    changed = Here()
    summary, _ = went(tree, tmp_path / "out", changed)
    assert sorted(changed.given) == ["centre/b", "centre/new"]
    assert (summary.checked, summary.kept, summary.gone) == (2, 1, 1)
    assert "centre/a" not in (tmp_path / "out" / "cohort.html").read_text(encoding="utf-8")


def test_fresh_another_protocol_and_a_lost_report_are_checked_again(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    went(tree, out, Here())
    everything = Here()
    went(tree, out, everything, fresh=True)
    assert len(everything.given) == 3
    next(out.glob("plans/*/report.json")).parent.joinpath("submission.json").unlink()
    one = Here()
    went(tree, out, one)
    assert len(one.given) == 1
    submissions, setup = gather(tree, out, ("getug-storm-01",))
    other = Here()
    run_batch(submissions, out, setup, lambda: other)
    assert len(other.given) == 3


def test_a_lost_worker_is_tried_again_and_then_put_aside(tree: Path, tmp_path: Path) -> None:
    engine = Here({"centre/a": 1, "centre/b": 2})
    summary, steps = went(tree, tmp_path / "out", engine)
    assert engine.given.count("centre/a") == engine.given.count("centre/b") == 2
    assert summary.quarantined == 1
    codes = {s.submission.name: s.broken.code for s in steps if s.broken}
    assert codes == {"centre/broken": "no-dicom", "centre/b": "worker-died"}
    undisturbed, _ = went(tree, tmp_path / "other", Here({"centre/b": 2}))
    assert undisturbed.quarantined == 1
    assert content(tmp_path / "out") == content(tmp_path / "other")


def test_two_runs_in_one_folder_refuse_each_other(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with only_run(out), pytest.raises(OutputError, match="another batch is running"):
        went(tree, out, Here())
    assert went(tree, out, Here())[0].checked == 3  # the lock went with its holder


def test_a_full_disk_is_told_and_leaves_what_is_there_whole(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", runner_module.write_whole
    written: list[Path] = []

    def full(path: Path, data: bytes) -> None:
        if len(written) == 4:  # in the middle of the second plan
            raise OutputError(f"{path.name} could not be written (No space left on device)")
        written.append(path)
        real(path, data)

    monkeypatch.setattr(runner_module, "write_whole", full)
    with pytest.raises(OutputError, match="No space left"):
        went(tree, out, Here())
    monkeypatch.undo()
    with_mark = list(out.glob("plans/*/submission.json"))
    assert len(with_mark) == 1  # only what is whole carries the mark
    went(tree, out, Here())
    went(tree, tmp_path / "undisturbed", Here())
    assert content(out) == content(tmp_path / "undisturbed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system that holds one report and a part of the next; skip where that is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(tree: Path, tmp_path: Path, small_disk: Path) -> None:
    out = small_disk / "out"
    with pytest.raises(OutputError, match=r"No space left|full"):
        went(tree, out, Here())
    for mark in out.glob("plans/*/submission.json"):
        (name,) = {json.loads(mark.read_text())["name"]}
        files = {f.name: f.read_bytes() for f in mark.parent.iterdir()}
        assert not [n for n in files if n not in {"submission.json", "report.json", "report.html"}]
        assert name.startswith("centre/")
    # Room is made, and the same command goes on from there.
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    went(tree, out, Here())
    went(tree, tmp_path / "undisturbed", Here())
    assert content(out) == content(tmp_path / "undisturbed")


def test_an_interrupt_leaves_whole_results(tree: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", []

    def stop(step: Step) -> None:
        told.append(step)
        if len(told) == 2:
            raise KeyboardInterrupt

    submissions, setup = gather(tree, out, PROTOCOLS)
    with pytest.raises(KeyboardInterrupt):
        run_batch(submissions, out, setup, Here, tell=stop)
    rest = Here()
    went(tree, out, rest)
    assert len(rest.given) == 1
    went(tree, tmp_path / "undisturbed", Here())
    assert content(out) == content(tmp_path / "undisturbed")


def test_one_and_two_processes_give_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        out = tmp_path / f"with-{workers}"
        submissions, setup = gather(tree, out, PROTOCOLS)
        run_batch(submissions, out, setup, lambda workers=workers: LocalEngine(workers, 120.0, 4.0))  # type: ignore[misc]
    went(tree, tmp_path / "here", Here())
    assert content(tmp_path / "with-1") == content(tmp_path / "with-2") == content(tmp_path / "here")


def test_a_root_that_holds_nothing_is_refused_and_takes_no_result_away(tree: Path, tmp_path: Path) -> None:
    went(tree, tmp_path / "out", Here())
    shutil.rmtree(tree)
    tree.mkdir()  # as where a disk is not mounted
    with pytest.raises(UsageError, match="no submission below the root"):
        went(tree, tmp_path / "out", Here())
    store = Store(tmp_path / "out")
    assert [row["name"] for row in store.query("SELECT name FROM plans ORDER BY name")] == [
        "centre/a",
        "centre/b",
        "centre/broken",
    ]
    store.close()
    assert len(list((tmp_path / "out" / "plans").rglob("submission.json"))) == 3


def test_runs_are_written_down(tree: Path, tmp_path: Path) -> None:
    went(tree, tmp_path / "out", Here())
    store = Store(tmp_path / "out")
    (run,) = store.query("SELECT checked, kept, ended FROM runs")
    store.close()
    assert (run["checked"], run["kept"]) == (3, 0)
    assert run["ended"]


def test_the_store_can_be_made_again_from_the_reports(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    went(tree, out, Here())
    page = (out / "cohort.html").read_bytes()

    def rows(table: str) -> list[tuple[object, ...]]:
        store = Store(out)
        found = [tuple(row) for row in store.query(f"SELECT * FROM {table} ORDER BY 1, 2")]
        store.close()
        return found

    before = {table: rows(table) for table in ("rules", "measurements", "inputs")}
    next(out.glob("plans/*/report.json")).parent.joinpath("submission.json").write_text("{")
    assert rebuild(out) == (2, 1)
    went(tree, out, Here())
    assert {table: rows(table) for table in before} == before
    assert (out / "cohort.html").read_bytes() == page


def test_submissions_named_by_urls(tree: Path, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    submissions, setup = gather(tree, tmp_path / "out", PROTOCOLS)
    (one,) = [s for s in submissions if s.name == "centre/a"]
    url = replace(one, sources=(f"file://{one.sources[0]}",))
    here = run(Task(one, setup, "key"))
    assert here.broken is None
    assert run(Task(url, setup, "key")).files == here.files


def test_a_root_that_is_a_url(tmp_path: Path, lay: Lay) -> None:
    fsspec = pytest.importorskip("fsspec")
    root = tmp_path / "in"
    lay("lung-peripheral", root / "a")
    shutil.make_archive(str(root / "b"), "zip", root / "a")
    (root / "notes.txt").write_text("no submission")
    by_path, setup = gather(root, tmp_path / "out", PROTOCOLS)
    by_url, _ = gather(f"file://{root}", tmp_path / "other", PROTOCOLS)
    assert [s.name for s in by_url] == [s.name for s in by_path] == ["a", "b.zip"]
    assert run(Task(by_url[1], setup, "key")).rows.overall == "pass"
    again, _ = gather(f"file://{root}", tmp_path / "other", PROTOCOLS)
    assert again == by_url  # what did not change is known again
    lay("femur", root / "a", prefix="more-")
    changed, _ = gather(f"file://{root}", tmp_path / "other", PROTOCOLS)
    assert [one.stamp == two.stamp for one, two in zip(changed, by_url, strict=True)] == [False, True]
    with pytest.raises(UsageError, match="cannot be listed"):
        gather("nothing-of-the-kind://x", tmp_path / "other", PROTOCOLS)
    # A service without files, as object stores are.
    memory = fsspec.filesystem("memory")
    for file in (root / "a").iterdir():
        memory.pipe(f"/trial/p1/{file.name}", file.read_bytes())
    (one,), _ = gather("memory://trial", tmp_path / "other", PROTOCOLS)
    assert one.name == "p1"


def test_an_empty_folder_of_earlier_courses_is_not_no_earlier_course(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "in" / "a" / "plan")
    (tmp_path / "in" / "a" / "prior").mkdir()
    went(tmp_path / "in", tmp_path / "out", Here())
    store = Store(tmp_path / "out")
    (row,) = store.query("SELECT name, error_code, error_message FROM plans")
    store.close()
    assert (row["name"], row["error_code"]) == ("a/plan", "no-dicom")
    assert "earlier courses" in row["error_message"]
