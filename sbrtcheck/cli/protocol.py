"""``sbrtcheck protocol``: what can be checked against, and whether a protocol file is right."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, say

app = typer.Typer(help="List, show and lint protocols; print the schemas.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="PROTOCOL", help="Library id or TOML file.", show_default=False)]


@app.command(name="list")
def list_() -> None:
    """List the protocols that come with the program."""
    from sbrtcheck.protocol.loading import library, load_protocol

    files = [load_protocol(name).file for name in library()]
    width = max(len(file.id) for file in files)
    emit("".join(f"{file.id:<{width}}  {file.version:<8} {file.title}\n" for file in files))


@app.command()
def show(protocol: Name) -> None:
    """Show the rules of a protocol, each with its limit, source and confidence."""
    from sbrtcheck.protocol.loading import load_protocol
    from sbrtcheck.protocol.text import protocol_text

    emit(protocol_text(load_protocol(protocol)))


@app.command()
def lint(protocol: Name) -> None:
    """Report every problem of a protocol file at once; exit status 2 when there is one."""
    from sbrtcheck.judge import bind
    from sbrtcheck.protocol.loading import load_protocol

    loaded = load_protocol(protocol)
    bind([loaded])
    say(f"{loaded.file.id} {loaded.file.version}: {len(loaded.file.rules)} rules, no problem found")


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
