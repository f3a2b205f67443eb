"""``sbrtcheck results``: what a batch found."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sbrtcheck.cli.console import emit, say, terminal_width
from sbrtcheck.cli.options import Json

if TYPE_CHECKING:
    from sbrtcheck.batch.exports import Kind
    from sbrtcheck.batch.queries import Table
    from sbrtcheck.batch.store import Store

app = typer.Typer(help="List, show, export and sample the results of a batch.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder given to `batch --out`.", show_default=False)]


@contextmanager
def _store(folder: Path) -> Iterator[Store]:
    from sbrtcheck.batch.store import open_store

    store = open_store(folder)
    try:
        yield store
    finally:
        store.close()


@app.command(name="list")
def list_(
    folder: Folder,
    rule: Annotated[str, typer.Option("--rule", help="Only plans in which this rule did not pass.")] = "",
    verdict: Annotated[str, typer.Option("--verdict", help="Only this verdict (with --rule, of the rule).")] = "",
    centre: Annotated[str | None, typer.Option("--centre", help="Only this centre.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="Only checked since, YYYY-MM-DD.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = None,
    json: Json = False,
) -> None:
    """List plans, the worst first."""
    from sbrtcheck.batch.queries import worst_first

    with _store(folder) as store:
        rows = worst_first(store, rule=rule, verdict=verdict, centre=centre, since=since, limit=limit)
    if json:
        keys = (
            "name",
            "id",
            "centre",
            "overall",
            "verdict",
            "declared_verdict",
            "label",
            "plan_uid",
            "closest",
            "replaces",
            "changed",
        )
        found = [{k: r[k] for k in keys} | {"error": r["error_code"], "message": r["error_message"]} for r in rows]
        emit(json_text.dumps(found, indent=1, ensure_ascii=False) + "\n")
        return
    width = max((len(r["name"]) for r in rows), default=0)
    for r in rows:
        why = f"[{r['error_code']}] {r['error_message']}" if r["error_code"] else r["why"] or ""
        told = "" if r["overall"] == "pass" else why
        if r["replaces"]:
            told = f"{told}  (replaces {r['replaces']}: {r['changed']})"
        emit(f"{r['overall']:<14} {r['name']:<{min(width, 48)}}  {told}".rstrip() + "\n")
    say(f"{len(rows)} plans")


@app.command()
def show(folder: Folder, name: Annotated[str, typer.Argument(metavar="PLAN", help="Its name in the list.")]) -> None:
    """Show the report of one plan."""
    from sbrtcheck.batch.queries import plan_named
    from sbrtcheck.batch.resubmission import with_changes
    from sbrtcheck.batch.store import PLANS
    from sbrtcheck.errors import UsageError
    from sbrtcheck.report.text import plan_text
    from sbrtcheck.results import PlanReport

    with _store(folder) as store:
        row = plan_named(store, name)
    if row["error_code"]:
        emit(f"{row['name']}: could not be checked [{row['error_code']}] {row['error_message']}\n")
        return
    try:
        place = folder / PLANS / row["id"]
        report = PlanReport.from_json((place / "report.json").read_bytes())
    except (OSError, ValueError):
        raise UsageError("the report of that plan is gone or damaged", remedy="Run the batch again") from None
    emit(plan_text(with_changes(place, report), width=min(terminal_width(), 120), colour=sys.stdout.isatty()))


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write: .csv, .xlsx or .parquet.")],
    what: Annotated[str, typer.Option("--what", help="plans, rules or measurements.")] = "plans",
) -> None:
    """Export a table as CSV, Excel or Parquet, by the suffix of the file."""
    from sbrtcheck.batch.exports import write_table
    from sbrtcheck.batch.queries import exported
    from sbrtcheck.errors import UsageError

    kinds: dict[str, Kind] = {".csv": "csv", ".xlsx": "xlsx", ".parquet": "parquet"}
    tables: dict[str, Table] = {"plans": "plans", "rules": "rules", "measurements": "measurements"}
    kind, table = kinds.get(out.suffix.lower()), tables.get(what)
    if kind is None:
        raise UsageError("the suffix of the file is none that is known", remedy=f"Use one of {', '.join(kinds)}")
    if table is None:
        raise UsageError("there is no such table", remedy=f"Use one of {', '.join(tables)}")
    with _store(folder) as store:
        columns, rows = exported(store, table)
        write_table(out, kind, columns, rows)
    say(f"wrote {out}")


@app.command()
def sample(
    folder: Folder,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Decides which plans are drawn; written down.")],
    count: Annotated[int, typer.Option("--count", metavar="K", min=1, help="How many.")] = 10,
    json: Json = False,
) -> None:
    """Draw green plans for people to look at, from every centre in turn."""
    from sbrtcheck.batch.queries import sample as draw

    with _store(folder) as store:
        rows = draw(store, seed, count)
    if json:
        emit(json_text.dumps({"seed": seed, "plans": [r["name"] for r in rows]}, indent=1, ensure_ascii=False) + "\n")
        return
    emit("".join(f"{r['overall']:<10} {r['name']}  {folder / 'plans' / r['id'] / 'report.html'}\n" for r in rows))
    say(f"{len(rows)} plans drawn with seed {seed}; the draw is written down in the store")


@app.command()
def rebuild(folder: Folder) -> None:
    """Make the store and the page of all plans again from the reports."""
    from sbrtcheck.batch.rebuild import rebuild as again

    taken, left = again(folder)
    say(f"{taken} plans taken in; the next batch looks at all of them again")
    if left:
        say(f"{left} folders hold no whole result and were left out; the next batch checks those plans again")
