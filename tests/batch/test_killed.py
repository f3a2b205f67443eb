"""A run that is killed at any moment ends, the next time, with the bytes of one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Lay = Callable[..., Path]
PLANS = 2
_MOMENTS = 3
pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not of Windows")


def begin(root: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sbrtcheck", "batch", str(root), "--out", str(out)]
    return subprocess.Popen(
        [*command, "-p", "rtog-0813-0915-conformity", "--workers", "2", *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def whole(root: Path, out: Path) -> float:
    began = time.monotonic()
    process = begin(root, out)
    _, errors = process.communicate(timeout=120)
    assert process.returncode in {0, 1, 3}, errors
    return time.monotonic() - began


def content(out: Path) -> dict[str, bytes]:
    files = [*out.glob("plans/*/*"), out / "cohort.html"]
    return {str(f.relative_to(out)): f.read_bytes() for f in sorted(files)}


@pytest.fixture
def tree(tmp_path: Path, lay: Lay) -> Path:
    for number in range(PLANS):
        lay("lung-peripheral", tmp_path / "in" / f"p{number}")
    return tmp_path / "in"


def test_killed_at_random_moments(tree: Path, tmp_path: Path) -> None:
    needed = whole(tree, tmp_path / "undisturbed")
    out, moments = tmp_path / "out", random.Random(7)
    for _ in range(_MOMENTS):
        process = begin(tree, out)
        time.sleep(moments.uniform(0.3, 0.9) * needed)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        # What carries the mark of wholeness is whole.
        for mark in out.glob("plans/*/submission.json"):
            assert (mark.parent / "report.json").read_bytes()[-2:] == b"}\n"
    whole(tree, out)
    assert content(out) == content(tmp_path / "undisturbed")


def test_ctrl_c_ends_the_run_and_says_how_to_go_on(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = begin(tree, out)
    deadline = time.monotonic() + 60
    while not list(out.glob("plans/*/submission.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    if process.returncode == 130:  # else it had just ended
        assert b"goes on from here" in errors
        assert b"Traceback" not in errors
    whole(tree, out)
    whole(tree, tmp_path / "undisturbed")
    assert content(out) == content(tmp_path / "undisturbed")
