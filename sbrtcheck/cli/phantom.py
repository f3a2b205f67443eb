"""``sbrtcheck phantom``: synthetic patients with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, say


def phantom(
    case: Annotated[str | None, typer.Argument(help="Which patient; see --list.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Argument(help="A new or empty folder.", show_default=False)] = None,
    show: Annotated[bool, typer.Option("--list", help="List the patients and leave.")] = False,
) -> None:
    """Write a synthetic patient as DICOM, for trying out and for commissioning."""
    from sbrtcheck.errors import UsageError
    from sbrtcheck.phantom import cases, describe, write_phantom

    if show:
        width = max(len(name) for name in cases())
        emit("".join(f"{name:<{width}}  {describe(name)}\n" for name in cases()))
        return
    if case is None or out is None:
        raise UsageError("a case and a folder are needed", remedy="sbrtcheck phantom CASE OUT, or --list")
    write_phantom(case, out)
    say(f"wrote {out}")
