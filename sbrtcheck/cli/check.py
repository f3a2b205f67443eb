"""``sbrtcheck check``: one plan against one or more protocols."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, progress, say, terminal_width
from sbrtcheck.cli.exits import exit_status
from sbrtcheck.cli.options import Json, Plan, PlanUid, Prior, Site


def check(
    plan: Plan,
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", "-p", metavar="PROTOCOL", help="Library id or TOML file; may be repeated."),
    ] = None,
    prior: Prior = None,
    anatomy: Annotated[
        Path | None,
        typer.Option(
            "--anatomy",
            metavar="DIR",
            help="Segmentation masks (NIfTI, DICOM SEG, RT Structure Set): advice, never green.",
        ),
    ] = None,
    declared: Annotated[
        Path | None, typer.Option("--declared", metavar="FILE", help="Facts that a person declares (TOML).")
    ] = None,
    site: Site = None,
    plan_uid: PlanUid = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report.json and report.html here.")
    ] = None,
    export_dose: Annotated[
        Path | None,
        typer.Option(
            "--export-dose",
            metavar="DIR",
            help="Write RT Dose objects to show in a viewer: each earlier course on the grid of this plan, the sum of "
            "all as physical dose, and as EQD2 or BED for each alpha/beta of a cumulative rule of the protocols.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check one plan and say what has to be fixed or asked, worst first."""
    from sbrtcheck.pipeline import check as run
    from sbrtcheck.report.files import write_reports
    from sbrtcheck.report.text import plan_text

    with progress() as step:
        report = run(
            plan,
            protocol or (),
            prior=prior or (),
            anatomy=anatomy,
            declared=declared,
            site=site,
            plan_uid=plan_uid,
            export_dose=export_dose,
            progress=step,
        )
        if out is not None:
            step("Writing the report")
            for path in write_reports(report, out):
                say(f"wrote {path}")
    if export_dose is not None:
        for notice in report.notices:
            if notice.code in {"dose-exported", "dose-not-exported"}:
                say(f"{notice.code}: {notice.message} {notice.where}".rstrip())
    if json:
        emit(report.to_json())
    else:
        emit(plan_text(report, width=min(terminal_width(), 120), colour=sys.stdout.isatty()))
    raise typer.Exit(exit_status(report.verdict, report.declared_verdict))
