"""The run of a batch: what is new or changed is checked, written whole, stored, and told."""

from __future__ import annotations

import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sbrtcheck.batch.cohort import write_cohort
from sbrtcheck.batch.engines import Engine, WorkerLost
from sbrtcheck.batch.resubmission import CHANGES, settle
from sbrtcheck.batch.store import PLANS, Store
from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.task import Broken, Finished, Setup, Task, broken, run
from sbrtcheck.errors import OutputError
from sbrtcheck.report.files import write_whole

_LOCK: Final = "running.lock"
_AHEAD: Final = 2  # tasks in the hands of the engine for each worker: none waits, and a stop leaves little behind
_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One plan that is done.

    Attributes
    ----------
    submission : Submission
    verdict : str
        The worse of the plan's section and the declared one.
    broken : Broken or None
    done, total : int
        Of the plans that this run has to check.
    """

    submission: Submission
    verdict: str
    broken: Broken | None
    done: int
    total: int


@dataclass(slots=True)
class Summary:
    """How a run ended.

    Attributes
    ----------
    checked, kept, gone : int
        Plans that were checked, that stood already, and that are no longer below the root.
    broken, quarantined : int
        Of those that were checked: without a report, and among these those that cost two workers.
    """

    checked: int = 0
    kept: int = 0
    gone: int = 0
    broken: int = 0
    quarantined: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold a batch folder for one run; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    OutputError
        If another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(folder / _LOCK, timeout=0.0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise OutputError(
                "another batch is running in this folder",
                remedy="Wait until it ends, or name another folder with --out",
            ) from None
        yield
    finally:
        lock.close()


def run_batch(
    submissions: Sequence[Submission],
    folder: Path,
    setup: Setup,
    engine: Callable[[], Engine],
    *,
    fresh: bool = False,
    tell: Callable[[Step], None] = lambda step: None,
) -> Summary:
    """Check every submission that is new or changed.

    Parameters
    ----------
    submissions : sequence of Submission
        All that are there now.
    folder : Path
        Receives ``plans/<id>/`` with ``report.json``, ``report.html`` and ``submission.json``, and the store.
    setup : Setup
    engine : callable
        Makes the engine; called only where something has to be checked.
    fresh : bool
        Check everything again.
    tell : callable
        Called after each plan.

    Raises
    ------
    OutputError
        If another run holds the folder, or something cannot be written: what is there stays whole, and the same
        command goes on from there.
    KeyboardInterrupt
        After the workers were ended.
    """
    with only_run(folder):
        store = Store(folder)
        try:
            return _run(submissions, store, setup, engine, fresh, tell)
        finally:
            store.close()


def _run(
    submissions: Sequence[Submission],
    store: Store,
    setup: Setup,
    engine: Callable[[], Engine],
    fresh: bool,
    tell: Callable[[Step], None],
) -> Summary:
    key, known = setup.key, store.known()
    number = store.begin_run(_now(), version("sbrtcheck"), key)
    todo = [s for s in submissions if fresh or not _stands(s, known, key, store.folder)]
    gone = known.keys() - {s.id for s in submissions}
    store.forget(gone)
    summary = Summary(kept=len(submissions) - len(todo), gone=len(gone))
    if todo:
        for done in _results([Task(s, setup, key) for s in todo], engine, summary):
            _write(done, store.folder)
            store.add(done, number)
            summary.checked += 1
            summary.broken += done.broken is not None
            tell(Step(done.submission, done.rows.overall, done.broken, summary.checked, len(todo)))
    counted = store.query("SELECT overall, count(*) FROM plans GROUP BY overall")
    summary.verdicts = Counter({row[0]: row[1] for row in counted})
    settle(store)
    write_cohort(store)
    store.end_run(number, _now(), summary.checked, summary.kept)
    return summary


def _stands(submission: Submission, known: dict[str, tuple[str, str]], key: str, folder: Path) -> bool:
    if known.get(submission.id) != (submission.stamp, key):
        return False
    return (folder / PLANS / submission.id / "submission.json").exists()


def _results(tasks: Sequence[Task], make: Callable[[], Engine], summary: Summary) -> Iterator[Finished]:
    """Yield what tasks give, as they end; a task that costs a worker twice becomes an entry of its own."""
    engine, waiting = make(), deque(tasks)
    lost: Counter[str] = Counter()
    running: dict[Future[Finished], Task] = {}
    ended = False
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * engine.workers:
                task = waiting.popleft()
                running[engine.submit(run, task)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            # In the order in which they were begun: what ends in one moment is stored in one order.
            for future in [f for f in running if f in done]:
                task = running.pop(future)
                try:
                    yield future.result()
                except (WorkerLost, CancelledError) as problem:
                    lost[task.submission.id] += 1
                    if lost[task.submission.id] < _TRIES:
                        waiting.append(task)
                        continue
                    summary.quarantined += 1
                    code = problem.code if isinstance(problem, WorkerLost) else "worker-died"
                    yield broken(task, Broken(code, f"given up after {_TRIES} tries: {problem}"))
        ended = True
    finally:
        engine.close(now=not ended)


def _write(done: Finished, folder: Path) -> None:
    place = folder / PLANS / done.submission.id
    names = {name for name, _ in done.files}
    # Files of an earlier state go first, the mark of wholeness before all others: a stop in between leaves no mixture.
    for name in (CHANGES, "submission.json", "report.json", "report.html"):
        if name in {CHANGES, "submission.json"} or name not in names:
            (place / name).unlink(missing_ok=True)
    for name, content in done.files:
        write_whole(place / name, content)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
