"""``sbrtcheck batch``: many plans, overnight."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sbrtcheck.cli.console import emit, say
from sbrtcheck.cli.exits import batch_status
from sbrtcheck.cli.options import Json, Site
from sbrtcheck.errors import UsageError

if TYPE_CHECKING:
    from sbrtcheck.batch.engines import Engine
    from sbrtcheck.batch.runner import Step, Summary

_LINES_EVERY_S = 10.0  # between lines of progress where nobody watches


def batch(
    root: Annotated[
        str,
        typer.Argument(
            metavar="ROOT", help="Folder of submissions: folders, archives, any layout. Or its URL (s3://, file://)."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Receives reports, the table and the cohort page.")],
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", "-p", metavar="PROTOCOL", help="Library id or TOML file; may be repeated."),
    ] = None,
    declared: Annotated[
        Path | None,
        typer.Option(
            "--declared", metavar="CSV", help="Declared facts, one row a plan (sbrtcheck protocol form --csv)."
        ),
    ] = None,
    site: Site = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Processes; as many as cores if not given.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster instead.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Check everything again, not only what changed.")] = False,
    time_limit: Annotated[
        float, typer.Option("--time-limit", metavar="SECONDS", min=1.0, help="After which a plan is given up.")
    ] = 600.0,
    memory_limit: Annotated[
        float, typer.Option("--memory-limit", metavar="GIB", min=0.5, help="Of each process (not on Windows).")
    ] = 4.0,
    json: Json = False,
) -> None:
    """Check every plan below a folder; a second run does only what is new or changed."""
    from sbrtcheck.batch.engines import DaskEngine, LocalEngine
    from sbrtcheck.batch.gathering import gather
    from sbrtcheck.batch.runner import run_batch

    if dask is not None and workers is not None:
        raise UsageError("--workers and --dask exclude each other", remedy="A cluster brings its own workers")

    def engine() -> Engine:
        if dask is not None:
            return DaskEngine(dask, time_limit)
        return LocalEngine(workers or os.cpu_count() or 1, time_limit, memory_limit)

    began = monotonic()
    event = _events(json)
    try:
        with _looking(json) as looked:
            submissions, setup = gather(root, out, protocol or (), site=site, declared=declared, progress=looked)
        event("found", submissions=len(submissions))
        with _telling(json) as tell:
            summary = run_batch(submissions, out, setup, engine, fresh=fresh, tell=tell)
    except KeyboardInterrupt:
        say("interrupted; what is done is kept. The same command goes on from here")
        raise typer.Exit(130) from None
    event("finished", **_counts(summary))
    if not json:
        emit(_told(summary, out, monotonic() - began))
    raise typer.Exit(batch_status(summary.verdicts))


def _counts(summary: Summary) -> dict[str, Any]:
    return {
        "checked": summary.checked,
        "kept": summary.kept,
        "gone": summary.gone,
        "broken": summary.broken,
        "quarantined": summary.quarantined,
        "verdicts": dict(sorted(summary.verdicts.items())),
    }


def _events(json: bool) -> Callable[..., None]:
    def event(name: str, **values: Any) -> None:
        if json:
            emit(json_text.dumps({"event": name, **values}, ensure_ascii=False) + "\n")

    return event


@contextmanager
def _looking(quiet: bool) -> Iterator[Callable[[int], None]]:
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Looking for plans") as status:
        yield lambda done: status.update(f"Looking for plans: {done} folders")


@contextmanager
def _telling(json: bool) -> Iterator[Callable[[Step], None]]:
    """Yield what to do after each plan: an event, a bar, or now and then a line."""
    if json:
        event = _events(json)
        yield lambda step: event(
            "checked",
            submission=step.submission.name,
            verdict=step.verdict,
            error=step.broken.code if step.broken else None,
            done=step.done,
            total=step.total,
        )
    elif sys.stderr.isatty():
        yield from _bar()
    else:
        began = last = monotonic()

        def line(step: Step) -> None:
            nonlocal last
            if (now := monotonic()) - last >= _LINES_EVERY_S or step.done == step.total:
                last = now
                rate = step.done / max(now - began, 1e-9)
                left = (step.total - step.done) / rate
                say(f"{step.done} of {step.total} plans, {60 * rate:.0f} a minute, {left / 60:.0f} min left")

        yield line


def _bar() -> Iterator[Callable[[Step], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("Checking"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        bar, began = shown.add_task("", total=None, rate=""), monotonic()

        def forward(step: Step) -> None:
            rate = 60.0 * step.done / max(monotonic() - began, 1e-9)
            shown.update(bar, total=step.total, completed=step.done, rate=f"{rate:.0f} a minute")

        yield forward


def _told(summary: Summary, out: Path, seconds: float) -> str:
    lines = [f"{verdict:>15}  {count}" for verdict, count in summary.verdicts.most_common()]
    lines.append(f"{summary.checked} checked and {summary.kept} kept in {seconds:.0f} s")
    if summary.broken:
        quarantined = f", {summary.quarantined} of them after two tries" if summary.quarantined else ""
        lines.append(f"{summary.broken} could not be checked{quarantined}; sbrtcheck results list {out} says why")
    if summary.gone:
        lines.append(f"{summary.gone} are no longer there and were dropped")
    return "\n".join([*lines, f"the page of all plans: {out / 'cohort.html'}", ""])
