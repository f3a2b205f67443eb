"""The same bytes from a Dask cluster, also where one of its workers is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.batch import gather, run_batch
from sbrtcheck.batch.engines import DaskEngine, LocalEngine
from sbrtcheck.batch.runner import Step
from sbrtcheck.errors import UsageError

distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
Lay = Callable[..., Path]
# Dask leaves sockets to the collector when a worker is killed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as local:
        yield local


def test_a_killed_worker_changes_no_byte(tmp_path: Path, lay: Lay, cluster: Any) -> None:
    for number in range(3):
        lay("lung-peripheral", tmp_path / "in" / f"p{number}")
    killed: list[int] = []

    def kill_one(step: Step) -> None:
        if not killed:
            worker = next(iter(cluster.workers.values()))
            killed.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    results = {}
    for name, engine, tell in (
        ("dask", lambda: DaskEngine(cluster.scheduler_address), kill_one),
        ("local", lambda: LocalEngine(2, 120.0, 4.0), lambda step: None),
    ):
        out = tmp_path / name
        submissions, setup = gather(tmp_path / "in", out, ("rtog-0813-0915-conformity",))
        summary = run_batch(submissions, out, setup, engine, tell=tell)
        assert (summary.checked, summary.broken) == (3, 0)
        files = [*out.glob("plans/*/*"), out / "cohort.html"]
        results[name] = {str(f.relative_to(out)): f.read_bytes() for f in sorted(files)}
    assert killed
    assert results["dask"] == results["local"]


def test_no_scheduler_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        DaskEngine("tcp://127.0.0.1:9", timeout_s=0.5)
