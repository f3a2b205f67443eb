"""How a batch grows: resume, store, queries and page of all plans, with a stand-in for the check.

``python tests/benchmarks/batch_scale.py OUT --plans 5000 --slices 100`` writes a tree of tiny DICOM files (a plan,
structures, a dose and the slices of a CT in every folder, UIDs of their own), runs the batch over it with an engine
that returns a made-up result at once, and times a second run over what stands. What is real: the tree, the finding, the
store, the files, the page. What is not: the check and the size of the reports.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.queries import worst_first
from sbrtcheck.batch.rows import PlanRows
from sbrtcheck.batch.runner import run_batch
from sbrtcheck.batch.store import FILE, Store
from sbrtcheck.batch.task import Finished, Task

CENTRES, RULES = 12, 16
_VERDICTS = ("pass", "fail", "indeterminate", "variation", "not-evaluated")
_WEIGHTS = (70, 8, 6, 8, 8)
_CLASSES = {
    "RTPLAN": b"1.2.840.10008.5.1.4.1.1.481.5",
    "RTSTRUCT": b"1.2.840.10008.5.1.4.1.1.481.3",
    "RTDOSE": b"1.2.840.10008.5.1.4.1.1.481.2",
    "CT": b"1.2.840.10008.5.1.4.1.1.2",
}


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    """Return one element, explicit little endian."""
    value += b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + kind
    if kind == b"SQ":
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def item(content: bytes) -> bytes:
    """Return the content of a sequence of one item."""
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def tiny(kind: str, uid: bytes, plan: int, refers_to: bytes = b"") -> bytes:
    """Return a file of which the batch reads no more than this before it is checked."""
    sop = _CLASSES[kind]
    meta = element(2, 2, b"UI", sop) + element(2, 3, b"UI", uid) + element(2, 16, b"UI", b"1.2.840.10008.1.2.1")
    series = b"2.25.9%09d" % plan
    body = element(8, 0x16, b"UI", sop) + element(8, 0x18, b"UI", uid) + element(16, 32, b"LO", b"P%09d" % plan)
    body += element(32, 13, b"UI", b"2.25.8%09d" % plan) + element(32, 14, b"UI", series)
    reference = item(element(8, 0x1155, b"UI", refers_to))
    if kind == "RTPLAN":
        body += element(0x300C, 0x60, b"SQ", reference)
    elif kind == "RTDOSE":
        body += element(0x300C, 2, b"SQ", reference)
    elif kind == "RTSTRUCT":
        of_series = item(element(32, 14, b"UI", series))
        study = item(element(0x3006, 0x14, b"SQ", of_series))
        body += element(0x3006, 0x10, b"SQ", item(element(0x3006, 0x12, b"SQ", study)))
    return b"\0" * 128 + b"DICM" + element(2, 0, b"UL", len(meta).to_bytes(4, "little")) + meta + body


def write_tree(root: Path, plans: int, slices: int) -> None:
    """Write the folders."""
    for n in range(plans):
        folder = root / f"centre-{n % CENTRES + 1:02d}" / f"plan-{n:06d}"
        folder.mkdir(parents=True)
        uids = {kind: b"2.25.%d%09d" % (k, n) for k, kind in enumerate(_CLASSES, start=1)}
        refers = {"RTPLAN": uids["RTSTRUCT"], "RTDOSE": uids["RTPLAN"], "RTSTRUCT": b""}
        for kind, refers_to in refers.items():
            (folder / f"{kind}.dcm").write_bytes(tiny(kind, uids[kind], n, refers_to))
        for k in range(slices):
            (folder / f"CT-{k:03d}.dcm").write_bytes(tiny("CT", uids["CT"] + b".%d" % k, n))


class Standing:
    """An engine whose tasks are done at once."""

    workers = 2

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Return a made-up result."""
        future: Future[Any] = Future()
        future.set_result(made_up(args[0]))
        return future

    def close(self, *, now: bool) -> None:
        """Nothing is open."""


def made_up(task: Task) -> Finished:
    """Return a result as a check would, from the name of the submission."""
    dice = random.Random(task.submission.name)
    rules = []
    for number in range(RULES):
        verdict = dice.choices(_VERDICTS, _WEIGHTS)[0]
        margin = dice.gauss(0.2 if verdict == "pass" else -0.1, 0.15)
        value = 30.0 - margin
        rules.append(
            (
                "made-up",
                f"rule-{number:02d}",
                "plan",
                "lesion 1",
                verdict,
                value,
                value - 0.1,
                value + 0.1,
                "Gy",
                "<=",
                30.0,
                margin,
                margin / 30.0,
                "because",
            )
        )
    overall = "fail" if any(rule[4] == "fail" for rule in rules) else "pass"
    sizes = (("lesion 1", "volume_cc", 3.0, 2.9, 3.1, "cc"),)
    rows = PlanRows(overall, "not-applicable", overall, "2.25.1", "SBRT", tuple(rules), sizes, created="20260101")
    files = (("report.json", b"{}\n"), ("submission.json", b"{}\n"))
    return Finished(task.submission, task.setup_key, files, rows)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took."""
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.2f} s", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--plans", type=int, default=5000)
    parser.add_argument("--slices", type=int, default=100)
    given = parser.parse_args()
    root, results = given.out / "in", given.out / "results"
    with timed(f"writing {given.plans} folders of {given.slices + 3} files"):
        write_tree(root, given.plans, given.slices)
    for name in ("first run, with the check stood in for", "second run over what stands"):
        with timed(name):
            with timed("  looking and finding"):
                submissions, setup = gather(root, results, ("getug-storm-01",))
            summary = run_batch(submissions, results, setup, Standing)
        print(f"  {summary.checked} checked, {summary.kept} kept")
    store = Store(results)
    for asked in ({}, {"rule": "rule-03"}, {"centre": "centre-03"}, {"verdict": "fail", "limit": 50}):
        with timed(f"query {asked}"):
            worst_first(store, **asked)  # type: ignore[arg-type]
    store.close()
    for path in (results / FILE, results / "cohort.html"):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
