"""Checks SBRT plans against protocols, with numerical error bounds on every number.

The public interface: ``check``, ``measure`` and ``inspect`` run the whole way from files to a result document;
``load_case`` and ``load_protocol`` read the two inputs; the result types are in ``sbrtcheck.results``, the errors in
``sbrtcheck.errors``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sbrtcheck.dicom import load_case
    from sbrtcheck.errors import NotComputable, SbrtcheckError
    from sbrtcheck.pipeline import check, inspect, measure
    from sbrtcheck.protocol.loading import load_protocol
    from sbrtcheck.results import InspectReport, Interval, MeasureReport, PlanReport, RuleResult, Verdict

__all__ = [
    "InspectReport",
    "Interval",
    "MeasureReport",
    "NotComputable",
    "PlanReport",
    "RuleResult",
    "SbrtcheckError",
    "Verdict",
    "check",
    "inspect",
    "load_case",
    "load_protocol",
    "measure",
]

# Loaded on first use: `sbrtcheck --help` and a script that only reads reports need neither numpy nor pydicom.
_HOMES = {
    "check": "sbrtcheck.pipeline",
    "inspect": "sbrtcheck.pipeline",
    "measure": "sbrtcheck.pipeline",
    "load_case": "sbrtcheck.dicom",
    "load_protocol": "sbrtcheck.protocol.loading",
    "NotComputable": "sbrtcheck.errors",
    "SbrtcheckError": "sbrtcheck.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sbrtcheck' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "sbrtcheck.results")), name)
