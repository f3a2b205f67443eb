"""``sbrtcheck compare``: what a later report says otherwise than an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sbrtcheck.cli.console import emit
from sbrtcheck.cli.exits import FAILED, MET
from sbrtcheck.cli.options import Json
from sbrtcheck.errors import UsageError

if TYPE_CHECKING:
    from sbrtcheck.results import PlanReport, RuleKind

_WORSE: tuple[RuleKind, ...] = ("new", "lost", "gone")


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The earlier report.json, or the folder that holds it.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The later one.")],
    json: Json = False,
) -> None:
    """Say what changed between two reports of a plan, and what is cured; exit status 1 where something is worse."""
    from sbrtcheck.changes import changes
    from sbrtcheck.report.changes import changes_text

    found = changes(_read(old), _read(new))
    emit(found.to_json() if json else changes_text(found))
    raise typer.Exit(FAILED if found.count(*_WORSE) else MET)


def _read(path: Path) -> PlanReport:
    from sbrtcheck.results import PlanReport

    file = path / "report.json" if path.is_dir() else path
    try:
        return PlanReport.from_json(file.read_bytes())
    except OSError:
        raise UsageError(f"{file.name} cannot be read", remedy="Name the report.json that check --out wrote") from None
    except ValueError:
        raise UsageError(
            f"{file.name} is no report of this program, or of another version",
            remedy="Name the report.json that check --out wrote",
        ) from None
