"""The result document itself, from which every other format can be made again."""

from __future__ import annotations

from sbrtcheck.report.base import Format
from sbrtcheck.results import PlanReport


def _render(report: PlanReport) -> bytes:
    return report.to_json().encode("utf-8")


FORMAT = Format(id="json", suffix=".json", render=_render)
