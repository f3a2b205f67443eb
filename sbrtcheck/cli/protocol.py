"""``sbrtcheck protocol``: what can be checked against, and whether a protocol file is right."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, progress, say
from sbrtcheck.cli.exits import FAILED, MET, UNUSABLE

app = typer.Typer(
    help="List, show, lint, test, compare and exchange protocols; forms and schemas.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="PROTOCOL", help="Library id or TOML file.", show_default=False)]


@app.command(name="list")
def list_() -> None:
    """List the protocols that come with the program."""
    from sbrtcheck.protocol.loading import library, load_protocol

    files = [load_protocol(name).file for name in library()]
    width = max(len(file.id) for file in files)
    emit("".join(f"{file.id:<{width}}  {file.version:<8} {file.title}\n" for file in files))


@app.command()
def show(
    protocol: Name,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page of Markdown with tables.")] = False,
) -> None:
    """Show the rules of a protocol, each with its limit, source and confidence."""
    from sbrtcheck.protocol.loading import load_protocol
    from sbrtcheck.protocol.reference import reference_page
    from sbrtcheck.protocol.text import protocol_text

    emit((reference_page if markdown else protocol_text)(load_protocol(protocol)))


@app.command()
def lint(
    protocol: Annotated[list[str], typer.Argument(metavar="PROTOCOL...", help="Library ids or TOML files.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Report everything wrong or odd at once, with its line; exit status 2 where a file cannot be used."""
    from sbrtcheck.judge.linting import is_usable
    from sbrtcheck.judge.linting import lint as look
    from sbrtcheck.phantom import cases

    found = {name: look(name, cases()) for name in protocol}
    if json_:
        listed = {name: [asdict(problem) for problem in problems] for name, problems in found.items()}
        emit(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
    else:
        for name, problems in found.items():
            emit("".join(f"{name}: {problem}\n" for problem in problems) or f"{name}: no problem found\n")
    if not all(is_usable(problems) for problems in found.values()):
        raise typer.Exit(UNUSABLE)


@app.command(name="test")
def try_(
    protocol: Annotated[list[str], typer.Argument(metavar="PROTOCOL...", help="Library ids or TOML files.")],
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run the [[test]] entries of protocols on synthetic patients; exit status 1 where something else comes out."""
    from sbrtcheck.rehearsal import rehearsal_text, rehearse

    with progress() as step:
        done = [rehearse(name, lambda phantom: step(f"Trying {phantom}")) for name in protocol]
    if json_:
        emit(json.dumps([asdict(one) for one in done], indent=1, ensure_ascii=False) + "\n")
    else:
        emit(rehearsal_text(done))
    raise typer.Exit(MET if all(one.as_expected for one in done) else FAILED)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Library id or TOML file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Library id or TOML file.")],
    on: Annotated[
        Path | None, typer.Option("--on", metavar="RESULTS", help="Folder of reports: which verdicts would change.")
    ] = None,
) -> None:
    """Say what one protocol asks otherwise than another: limits, structures, definitions, never order or comments."""
    from sbrtcheck.judge.again import rejudged
    from sbrtcheck.protocol.diff import diff as compare
    from sbrtcheck.protocol.loading import load_protocol
    from sbrtcheck.results import PlanReport

    before, after = load_protocol(old).file, load_protocol(new).file
    found = compare(before, after)
    emit("".join(f"{difference}\n" for difference in found) or "no difference in meaning\n")
    if on is None:
        return
    changed = unreadable = 0
    for path in sorted(on.rglob("report.json")):
        try:
            report = PlanReport.from_json(path.read_bytes())
        except (OSError, ValueError):
            unreadable += 1
            continue
        for one in rejudged(report, before, after):
            changed += 1
            emit(f"{path.parent.name}: {one.rule} {one.subject}: {one.before} -> {one.after}\n")
    say(f"{changed} results would change" + (f"; {unreadable} reports could not be read" if unreadable else ""))


@app.command()
def form(
    protocol: Annotated[list[str], typer.Argument(metavar="PROTOCOL...", help="Library ids or TOML files.")],
    csv: Annotated[bool, typer.Option("--csv", help="The header of a table for batches instead.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it here; stdout if not given.")
    ] = None,
) -> None:
    """Write an empty form of what a person declares for a protocol."""
    from sbrtcheck.protocol.form import form_csv, form_text
    from sbrtcheck.protocol.loading import load_protocols
    from sbrtcheck.report.files import write_whole

    loaded = load_protocols(protocol)
    text = form_csv(loaded) if csv else form_text(loaded)
    if out is None:
        emit(text)
    else:
        write_whole(out, text.encode("utf-8"))
        say(f"wrote {out}")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="ProKnow JSON, ClearPlan CSV or Eclipse XML.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Protocol file to write.")],
) -> None:
    """Bring along a template of another program; lists what could not be carried over."""
    from sbrtcheck.protocol.exchange import import_protocol, protocol_toml
    from sbrtcheck.report.files import write_whole

    found = import_protocol(file)
    write_whole(out, protocol_toml(found).encode("utf-8"))
    for item in found.left_out:
        say(str(item))
    lost = sum(item.part == "rule" for item in found.left_out)
    say(f"{len(found.data['rules'])} rules carried over, {lost} not; review {out} before use")


@app.command()
def export(
    protocol: Name,
    form_: Annotated[str, typer.Option("--format", metavar="csv|proknow", help="What to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
) -> None:
    """Write a protocol for another program; lists what could not be carried over."""
    from sbrtcheck.errors import UsageError
    from sbrtcheck.protocol.exchange import export_protocol
    from sbrtcheck.protocol.loading import load_protocol
    from sbrtcheck.report.files import write_whole

    if form_ not in {"csv", "proknow"}:
        raise UsageError("there is no such format", remedy="Use --format csv or --format proknow")
    made = export_protocol(load_protocol(protocol).file, "csv" if form_ == "csv" else "proknow")
    write_whole(out, made.text.encode("utf-8"))
    for item in made.left_out:
        say(str(item))
    say(f"wrote {out}")


@app.command()
def schema(
    report: Annotated[bool, typer.Option("--report", help="The schema of `check --json` instead.")] = False,
) -> None:
    """Print the JSON Schema of protocol files, or of the report document."""
    if report:
        from sbrtcheck.results import report_json_schema as build
    else:
        from sbrtcheck.protocol.loading import protocol_json_schema as build
    emit(json.dumps(build(), indent=2, sort_keys=True) + "\n")
