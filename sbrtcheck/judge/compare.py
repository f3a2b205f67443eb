"""A measured interval against a limit: the only place where the two meet."""

from __future__ import annotations

import math

from sbrtcheck.results import Interval, Limit, Verdict


def compare(measured: Interval, limit: Limit) -> tuple[Verdict, bool]:
    """Return the verdict of a measurement, and whether it is borderline.

    The whole interval inside the per-protocol limit passes; the whole interval beyond the last limit fails; what surely
    stays within the variation limit is a variation, borderline where it may also be per protocol. Everything else is
    indeterminate: the limit that decides between acceptable and not lies inside the error (DESIGN section 3).

    Examples
    --------
    >>> compare(Interval(39.9, 39.8, 40.0), Limit(op="<=", per_protocol=40.0, unit="mm"))
    (<Verdict.PASS: 'pass'>, False)
    """
    best, worst = (measured.low, measured.high) if limit.op in {"<=", "<"} else (measured.high, measured.low)
    last = limit.per_protocol if limit.variation is None else limit.variation
    if _meets(worst, limit.op, limit.per_protocol):
        return Verdict.PASS, False
    if not _meets(best, limit.op, last):
        return Verdict.FAIL, False
    if limit.variation is not None and _meets(worst, limit.op, last):
        return Verdict.VARIATION, _meets(best, limit.op, limit.per_protocol)
    return Verdict.INDETERMINATE, False


def margin(measured: Interval, limit: Limit) -> float | None:
    """Return how far the worse end of a measurement is inside the per-protocol limit; negative beyond it.

    None where the worse end is unknown.
    """
    room = limit.per_protocol - measured.high if limit.op in {"<=", "<"} else measured.low - limit.per_protocol
    return room if math.isfinite(room) else None


def _meets(value: float, op: str, limit: float) -> bool:
    match op:
        case "<=":
            return value <= limit
        case "<":
            return value < limit
        case ">=":
            return value >= limit
        case _:
            return value > limit
