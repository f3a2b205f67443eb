"""What would decide a dose metric that leaves the dose grid."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.checks.named import Found
from sbrtcheck.checks.undecided import would_decide
from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

CORD = Found(Structure(5, "SpinalCord", "ORGAN", ()))
OPEN = Interval(1.0, 0.5, np.inf)


def case(outside: float, hottest: float) -> Any:
    best = Dvh(np.array([2.0, 1.0]), np.array([1.0, 1.0]))
    hot = Dvh(np.array([hottest, 1.0]), np.array([1.0, 1.0]))
    curves = DvhCurves(best=best, variants=(best, hot), outside_fraction=outside, roi_number=5)
    return SimpleNamespace(dvh=lambda structure: curves)


@pytest.mark.parametrize(
    ("outside", "said"),
    [
        (0.42, "42 % of it lies outside the dose grid"),
        (0.001, "less than 1 % of it lies outside the dose grid"),
        (0.0, "it ends within a slice of the border of the dose grid"),
    ],
)
def test_what_leaves_the_grid_is_named(outside: float, said: str) -> None:
    assert would_decide(CORD, OPEN, case(outside, np.inf)).startswith(said)


def test_nothing_is_said_where_the_grid_is_not_the_reason() -> None:
    assert would_decide(CORD, Interval(1.0, 0.5, 2.0), case(0.42, np.inf)) == ""
    assert would_decide(CORD, OPEN, case(0.0, 3.0)) == ""

    def missing(structure: Structure) -> DvhCurves:
        raise NotComputable("there is no dose")

    nothing: Any = SimpleNamespace(dvh=missing)
    assert would_decide(CORD, OPEN, nothing) == ""
