"""The command tree and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer

from sbrtcheck.cli import batch, check, compare, demo, inspect, measure, phantom, protocol, results
from sbrtcheck.cli.exits import UNUSABLE
from sbrtcheck.errors import SbrtcheckError

app = typer.Typer(
    name="sbrtcheck",
    help="Check SBRT plans against protocols: every number with its error bounds, nothing missing ever green.",
    epilog="Exit status: 0 pass or acceptable variation, 1 fail, 2 wrong usage or unusable input, 3 not decided.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(name="check")(check.check)
app.command(name="measure")(measure.measure)
app.command(name="inspect")(inspect.inspect)
app.command(name="compare")(compare.compare)
app.command(name="batch")(batch.batch)
app.add_typer(protocol.app, name="protocol")
app.add_typer(results.app, name="results")
app.command(name="phantom")(phantom.phantom)
app.command(name="demo")(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sbrtcheck {version('sbrtcheck')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line and leave with its exit status; errors go to stderr without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # ROI names may hold characters that a Windows console cannot show; a report must not die of that.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SbrtcheckError as error:
        typer.echo(f"sbrtcheck: error [{error.code}] {error}", err=True)
        sys.exit(UNUSABLE)
    except MemoryError:
        typer.echo("sbrtcheck: error [memory] not enough memory for these files", err=True)
        sys.exit(UNUSABLE)
    except Exception as error:
        # The text of an unforeseen exception may quote a file, so only its kind is shown.
        typer.echo(
            f"sbrtcheck: error [internal] unexpected {type(error).__name__}; no result was written. "
            "Run the same call from Python (sbrtcheck.check) to see where it arises.",
            err=True,
        )
        sys.exit(UNUSABLE)
