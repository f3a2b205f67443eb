"""``sbrtcheck check``: one plan against one or more protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, progress, say
from sbrtcheck.cli.exits import exit_status
from sbrtcheck.cli.options import Json, Plan, PlanUid, Prior, Site


def check(
    plan: Plan,
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", "-p", metavar="PROTOCOL", help="Library id or TOML file; may be repeated."),
    ] = None,
    prior: Prior = None,
    declared: Annotated[
        Path | None, typer.Option("--declared", metavar="FILE", help="Facts that a person declares (TOML).")
    ] = None,
    site: Site = None,
    plan_uid: PlanUid = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report.json and report.html here.")
    ] = None,
    json: Json = False,
) -> None:
    """Check one plan and say what has to be fixed or asked, worst first."""
    from sbrtcheck.pipeline import check as run
    from sbrtcheck.report import render
    from sbrtcheck.report.files import write_reports

    with progress() as step:
        report = run(
            plan,
            protocol or (),
            prior=prior or (),
            declared=declared,
            site=site,
            plan_uid=plan_uid,
            progress=step,
        )
        if out is not None:
            step("Writing the report")
            written = write_reports(report, out)
            say("\n".join(f"wrote {path}" for path in written))
    if json:
        emit(report.to_json())
    else:
        emit(render(report, "text").decode("utf-8"))
    raise typer.Exit(exit_status(report.verdict, report.declared_verdict))
