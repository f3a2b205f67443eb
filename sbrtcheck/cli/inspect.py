"""``sbrtcheck inspect``: what is in a submission."""

from __future__ import annotations

from sbrtcheck.cli.console import emit, progress
from sbrtcheck.cli.options import Json, Plan, PlanUid, Prior, Site


def inspect(
    plan: Plan,
    prior: Prior = None,
    site: Site = None,
    plan_uid: PlanUid = None,
    json: Json = False,
) -> None:
    """Say what is there, how it links, and what is wrong with it."""
    from sbrtcheck.pipeline import inspect as run

    with progress() as step:
        report = run(plan, prior=prior or (), site=site, plan_uid=plan_uid, progress=step)
    if json:
        emit(report.to_json())
    else:
        from sbrtcheck.report.tables import inspect_text

        emit(inspect_text(report))
