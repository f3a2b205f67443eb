"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Plan = Annotated[
    list[Path],
    typer.Argument(
        metavar="PLAN...",
        help="The exported plan: a folder (any layout, any file names), a zip, or files.",
        show_default=False,
    ),
]
Prior = Annotated[
    list[Path] | None,
    typer.Option("--prior", metavar="DIR", help="Folder or zip of one or more earlier courses; may be repeated."),
]
Site = Annotated[
    Path | None,
    typer.Option("--site", metavar="FILE", help="The clinic's site file (TOML): structure names, roles, choices."),
]
PlanUid = Annotated[
    str | None,
    typer.Option("--plan", metavar="UID", help="SOP instance UID of the plan to take where there are several."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
