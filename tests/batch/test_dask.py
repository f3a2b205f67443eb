"""The same bytes from a Dask cluster, also where one of its workers is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.batch.engines import DaskEngine, LocalEngine, WorkerLost
from sbrtcheck.batch.gathering import gather
from sbrtcheck.batch.runner import Step, run_batch
from sbrtcheck.errors import UsageError

distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
dask = pytest.importorskip("dask", reason="needs the extra cluster")
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
        ("dask", lambda: DaskEngine(cluster.scheduler_address, 120.0), kill_one),
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


def test_a_plan_that_takes_too_long_costs_its_worker_and_nothing_else() -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as local,
    ):
        engine = DaskEngine(local.scheduler_address, time_limit_s=1.0)
        with pytest.raises(WorkerLost, match="longer than 1 s"):
            engine.submit(time.sleep, 60.0).result(timeout=50.0)
        assert engine.submit(abs, -1).result(timeout=50.0) == 1  # by the worker that was started in its place
        engine.close(now=False)


def test_no_scheduler_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        DaskEngine("tcp://127.0.0.1:9", 1.0, timeout_s=0.5)
