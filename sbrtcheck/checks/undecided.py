"""What would decide a dose metric whose limit lies within its bounds."""

from __future__ import annotations

import math

from sbrtcheck.checks.named import Found
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.results import Interval

_MARGIN = "the limit lies inside the error of the margin or of the dose; thinner slices would narrow it"


def would_decide(one: Found, measured: Interval, derived: Derived) -> str:
    """Return what would decide a metric of a structure in the dose of this plan; "" where its own error is all."""
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        try:
            curves = one.within(derived).dvh(one.structure)
        except NotComputable:
            return ""
        if math.isinf(max(dvh.maximum_gy for dvh in curves.variants)):
            return f"{_outside(100.0 * curves.outside_fraction)}, where no dose is known; a larger grid would decide"
    return _MARGIN if one.built is not None and not one.built.is_exact else ""


def _outside(percent: float) -> str:
    if percent == 0.0:  # only what it may hold beyond its last drawn plane
        return "it ends within a slice of the border of the dose grid"
    return f"{f'{percent:.0f} %' if percent >= 1.0 else 'less than 1 %'} of it lies outside the dose grid"
