"""Where tasks run: processes of this machine, or a Dask cluster. Both look like ``concurrent.futures.Executor``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import get_context
from threading import Timer
from typing import Any, Final, Protocol

from sbrtcheck.errors import UsageError

# Numerical libraries start a thread for every core; with one process a core they would only stand in each other's way.
_ONE_THREAD: Final[Mapping[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


# One arena of memory a process instead of one a thread: what a plan frees can be used by the next (glibc; else unused).
_ONE_ARENA: Final[Mapping[str, str]] = {"MALLOC_ARENA_MAX": "1"}


class WorkerLost(Exception):
    """A worker died or ran out of time with a task in its hands."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Engine(Protocol):
    """What the runner needs of an executor."""

    workers: int

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Start a task; its future raises WorkerLost where the worker was lost."""
        ...

    def close(self, *, now: bool) -> None:
        """End all workers; with ``now`` also those that still have a task."""
        ...


class LocalEngine:
    """Processes of this machine, each with one thread and, where the system can, a limit on its memory.

    Parameters
    ----------
    workers : int
    time_limit_s : float
        After which a plan is given up.
    memory_gib : float
        After which a worker fails with MemoryError (Linux and macOS).

    Notes
    -----
    A worker that dies takes only its own task along: that is why this is not the pool of the standard library, in which
    one dead process ends all tasks.
    """

    def __init__(self, workers: int, time_limit_s: float, memory_gib: float) -> None:
        from pebble import ProcessPool

        os.environ.update({**_ONE_THREAD, **_ONE_ARENA})  # inherited by the workers; this process computes nothing
        self.workers = workers
        self._limit = time_limit_s
        self._pool = ProcessPool(
            max_workers=workers, initializer=_begin, initargs=(memory_gib,), context=get_context("spawn")
        )

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Start a task."""
        from pebble import ProcessExpired

        inner = self._pool.schedule(function, args=args, timeout=self._limit)
        outer: Future[Any] = Future()

        def passed_on(done: Future[Any]) -> None:
            try:
                outer.set_result(done.result())
            except ProcessExpired:
                outer.set_exception(WorkerLost("worker-died", "the worker that checked it died"))
            except TimeoutError:
                outer.set_exception(WorkerLost("time-limit", f"it took longer than {self._limit:g} s"))
            except MemoryError:
                outer.set_exception(WorkerLost("memory-limit", "it needs more memory than a worker may have"))
            except BaseException as problem:
                outer.set_exception(problem)

        inner.add_done_callback(passed_on)
        return outer

    def close(self, *, now: bool) -> None:
        """End all workers."""
        if now:
            self._pool.stop()
        else:
            self._pool.close()
        self._pool.join()


class DaskEngine:
    """A Dask distributed cluster.

    Parameters
    ----------
    address : str
        Of its scheduler: ``tcp://host:8786``.
    time_limit_s : float
        After which the worker that checks a plan ends itself; Dask starts it anew and gives the plan to another one,
        as often as the scheduler allows (``distributed.scheduler.allowed-failures``).
    timeout_s : float
        How long to wait for the answer of the scheduler.

    Raises
    ------
    UsageError
        If the extra is not installed, or nothing answers at the address.
    """

    def __init__(self, address: str, time_limit_s: float, timeout_s: float = 10.0) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UsageError(
                "a Dask cluster needs the extra cluster", remedy='pip install "sbrtcheck[cluster]"'
            ) from None
        try:
            self._client = Client(address, timeout=timeout_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as problem:
            raise UsageError(
                f"no Dask scheduler answers at that address ({type(problem).__name__})",
                remedy="Give the address that dask scheduler printed, such as tcp://host:8786",
            ) from None
        self.workers = max(1, sum(self._client.nthreads().values()))
        self._limit = time_limit_s

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Start a task; Dask itself gives it to another worker where one is lost."""
        from distributed import KilledWorker

        inner = self._client.submit(_within, self._limit, function, *args, pure=False)
        outer: Future[Any] = Future()

        def passed_on(done: Any) -> None:
            try:
                outer.set_result(done.result())
            except KilledWorker:
                outer.set_exception(
                    WorkerLost(
                        "worker-died", f"every worker that checked it died, or took longer than {self._limit:g} s"
                    )
                )
            except MemoryError:
                outer.set_exception(WorkerLost("memory-limit", "it needs more memory than a worker may have"))
            except BaseException as problem:
                outer.set_exception(problem)
            finally:
                done.release()

        inner.add_done_callback(passed_on)
        return outer

    def close(self, *, now: bool) -> None:
        """Leave the cluster; its workers stay."""
        self._client.close()


def _within(limit_s: float, function: Callable[..., Any], /, *args: Any) -> Any:
    """Run a task in a process that ends, with whatever else it does, when the task takes too long."""
    end = Timer(limit_s, os._exit, (1,))
    end.daemon = True
    end.start()
    try:
        return function(*args)
    finally:
        end.cancel()


def _begin(memory_gib: float) -> None:
    import signal

    # Ctrl-C goes to every process of the terminal; the runner alone decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        limit = int(memory_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
