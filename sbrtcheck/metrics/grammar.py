"""The expression grammar: text such as ``D0.03cc[Gy]`` to the metric object that computes it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from typing import ClassVar, Protocol

from sbrtcheck.derived import Derived
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


class Metric(Protocol):
    """What every metric module's ``METRIC`` class offers."""

    id: ClassVar[str]
    unit: ClassVar[str]
    notation: ClassVar[re.Pattern[str]]
    examples: ClassVar[tuple[str, ...]]

    def compute(self, structure: Structure, derived: Derived) -> Interval:
        """Return the metric of one structure; raises NotComputable."""
        ...


@cache
def all_metrics() -> tuple[type[Metric], ...]:
    """Return the ``METRIC`` of every module beside this one, in order of id."""
    package = importlib.import_module("sbrtcheck.metrics")
    modules = (importlib.import_module(f"sbrtcheck.metrics.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted((m.METRIC for m in modules if hasattr(m, "METRIC")), key=lambda metric: metric.id))


def parse_metric(expression: str) -> Metric:
    """Return the metric that ``expression`` names; see the package for the grammar."""
    raise NotImplementedError  # built with the metrics
