"""Reports: pure renderers of the result document, one format a module.

A format is a module beside this one that ends in ``FORMAT``. Modules are imported when a report is first rendered, and
each of them leaves what is slow to import (matplotlib, jinja2) to the moment it draws.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from sbrtcheck.errors import UsageError
from sbrtcheck.report.base import Format
from sbrtcheck.results import PlanReport

__all__ = ["Format", "formats", "render"]


def render(report: PlanReport, format_id: str) -> bytes:
    """Return a report in one format.

    Parameters
    ----------
    report : PlanReport
        From a check, or read again from its JSON.
    format_id : str
        One of ``formats()``.

    Raises
    ------
    UsageError
        If there is no such format.
    """
    known = _all_formats()
    if format_id not in known:
        raise UsageError(f"no report format is called {format_id!r}", remedy=f"Known formats: {', '.join(known)}")
    return known[format_id].render(report)


def formats() -> tuple[str, ...]:
    """Return the ids of all formats, in order."""
    return tuple(_all_formats())


@cache
def _all_formats() -> dict[str, Format]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    found = (module.FORMAT for module in modules if hasattr(module, "FORMAT"))
    return {each.id: each for each in sorted(found, key=lambda each: each.id)}
