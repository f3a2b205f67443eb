"""``sbrtcheck demo``: write a phantom, check it, say where the report is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sbrtcheck.cli.check import check
from sbrtcheck.cli.console import say

_CASE = "lung-peripheral"
_PROTOCOLS = ["getug-storm-01", "rtog-0813-0915-conformity"]


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")] = Path("sbrtcheck-demo"),
) -> None:
    """Write a synthetic lung patient, check the plan against two protocols, and say where the report is."""
    from sbrtcheck.phantom import write_phantom

    patient = out / "patient"
    if not (patient / "plan").is_dir():
        say(f"Writing the synthetic patient '{_CASE}' to {patient}")
        write_phantom(_CASE, patient)
    say(
        f"Checking it: sbrtcheck check {patient / 'plan'} --declared {patient / 'declared.toml'} "
        + " ".join(f"-p {name}" for name in _PROTOCOLS)
        + f" --out {out / 'report'}"
    )
    check([patient / "plan"], _PROTOCOLS, declared=patient / "declared.toml", out=out / "report")
