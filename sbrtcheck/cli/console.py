"""What goes to the terminal: documents to stdout, messages and progress to stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


def emit(text: str) -> None:
    """Write a document to stdout as UTF-8, whatever the console's own encoding."""
    sys.stdout.flush()
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(text)
    else:
        stream.write(text.encode("utf-8"))
        stream.flush()


def terminal_width() -> int:
    """Return the width of the terminal in columns; 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


def say(text: str) -> None:
    """Write one line for the person at the keyboard to stderr."""
    typer.echo(text, err=True)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows the present step on stderr; nothing is shown where stderr is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("Reading") as status:
        yield status.update
