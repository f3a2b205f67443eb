"""``sbrtcheck measure``: numbers without judgement."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from sbrtcheck.cli.console import emit, progress
from sbrtcheck.cli.options import Json, Plan, PlanUid, Site


class Shape(Enum):
    """What lies between and beyond the drawn planes."""

    shape = "shape"
    slab = "slab"


class Interpolation(Enum):
    """The dose between voxel centres."""

    cubic = "cubic"
    trilinear = "trilinear"


def measure(
    plan: Plan,
    roi: Annotated[
        list[str] | None,
        typer.Option("--roi", metavar="NAME", help="ROI name or number; may be repeated. Default: all."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="EXPR", help="Such as 'D95%[Gy]' or 'V20Gy[%]'; may be repeated."),
    ] = None,
    shape: Annotated[
        Shape,
        typer.Option(help="Between the drawn planes: 'shape' follows the contours, 'slab' extrudes each half way."),
    ] = Shape.shape,
    dose: Annotated[Interpolation, typer.Option(help="Between the voxel centres of the dose.")] = Interpolation.cubic,
    site: Site = None,
    plan_uid: PlanUid = None,
    json: Json = False,
) -> None:
    """Print volumes, diameters and dose metrics, each with its error bounds."""
    from sbrtcheck.model import Method
    from sbrtcheck.pipeline import measure as run

    with progress() as step:
        report = run(
            plan,
            rois=roi or (),
            metrics=metric,
            method=Method(shape.value, dose.value),
            site=site,
            plan_uid=plan_uid,
            progress=step,
        )
    if json:
        emit(report.to_json())
    else:
        from sbrtcheck.report.tables import measure_text

        emit(measure_text(report))
