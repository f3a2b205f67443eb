"""Numbers as a reader sees them; the only place where anything is rounded.

A rounded number must never tell another story than the verdict: digits are added until the order of every shown number
and every limit is the order of the unrounded ones (40.004 mm against 40 mm is not shown as 40.0 mm).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from sbrtcheck.results import Interval, Limit

# Digits after the point that a reader of a plan is used to: 0.1 mm, 0.01 Gy, 0.01 cm3, 0.1 %.
_DIGITS = {"mm": 1, "cm": 2, "Gy": 2, "cm3": 2, "cc": 2, "%": 1, "years": 0}
_OTHER_DIGITS = 2
_LEAST_SIGNIFICANT = 2  # so that 0.0034 cm3 does not become 0.00 cm3
_FINEST = 4  # ... but 0.0000015 Gy does: no one acts on it, unless a limit lies there
_MOST_DIGITS = 12  # beyond these a number is shown in full
_EXACT = Context(prec=400)  # holds every double in full

_UNKNOWN = "unknown"
_OP = {"<=": "≤", ">=": "≥", "<": "<", ">": ">"}


@dataclass(frozen=True, slots=True)
class Shown:
    """An interval as text, without its unit; the bounds are empty for a number known without error.

    ``low`` is rounded down and ``high`` up, so that what is printed still holds what was measured; an unbounded side
    is ``"unknown"``.
    """

    value: str
    low: str
    high: str
    digits: int

    @property
    def bounds(self) -> str:
        """The bounds in words, empty for a number known without error."""
        if self.low == self.high == _UNKNOWN:
            return "no bound known"
        if self.low == _UNKNOWN:
            return f"at most {self.high}"
        if self.high == _UNKNOWN:
            return f"at least {self.low}"
        return f"{self.low} to {self.high}" if self.low else ""


_LIMIT_CHARACTERS = 8  # a limit that a person wrote is shorter; an interpolated one is not


def shown(measured: Interval, unit: str, limits: Iterable[float] = ()) -> Shown:
    """Return an interval as text.

    Parameters
    ----------
    measured : Interval
        In ``unit``.
    unit : str
        Decides how many digits are sensible.
    limits : iterable of float
        Numbers in ``unit`` that a reader will compare it with; digits are added until the order shows.

    Examples
    --------
    >>> shown(Interval(38.92, 38.61, 39.27), "mm", [40.0])
    Shown(value='38.9', low='38.6', high='39.3', digits=1)
    >>> shown(Interval.exact(40.004), "mm", [40.0]).value
    '40.004'
    """
    exact = measured.low == measured.value == measured.high
    numbers = [measured.value] if exact else [measured.low, measured.value, measured.high]
    roundings = [ROUND_HALF_EVEN] if exact else [ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_CEILING]
    thresholds = [Decimal(repr(float(limit))) for limit in limits]
    digits = _usual_digits(measured.value, unit, exact=exact)
    while True:
        texts = [_text(n, digits, how) for n, how in zip(numbers, roundings, strict=True)]
        if _same_order(numbers, texts, thresholds):
            break
        if digits >= _MOST_DIGITS:
            texts = [exactly(n) if math.isfinite(n) else _UNKNOWN for n in numbers]
            break
        digits += 1
    return Shown(texts[0], "", "", digits) if exact else Shown(texts[1], texts[0], texts[2], digits)


def number(value: float, unit: str) -> str:
    """Return one number, that nobody compares with a limit, with the digits usual for its unit.

    Examples
    --------
    >>> number(33.5103, "cm3")
    '33.51'
    """
    return shown(Interval.exact(value), unit).value


def margin_text(margin: float, unit: str, digits: int) -> str:
    """Return a margin with its sign; one that is not zero is never shown as zero.

    Examples
    --------
    >>> margin_text(-0.004, "mm", 1), margin_text(0.7, "mm", 1), margin_text(0.0, "mm", 1)
    ('-0.004 mm', '+0.7 mm', '0.0 mm')
    """
    if not math.isfinite(margin):
        return _UNKNOWN
    while margin != 0 and digits < _MOST_DIGITS and Decimal(_text(margin, digits, ROUND_HALF_EVEN)) == 0:
        digits += 1
    size = _text(abs(margin), digits, ROUND_HALF_EVEN)
    if margin != 0 and Decimal(size) == 0:
        size = exactly(abs(margin))
    sign = "" if margin == 0 else "+" if margin > 0 else "-"
    return f"{sign}{size} {unit}".rstrip()


def limit_text(limit: Limit, unit: str) -> str:
    """Return a limit in full; one with many digits (interpolated in a table) is shortened and marked as such.

    Examples
    --------
    >>> limit_text(Limit(op="<=", per_protocol=40.0), "mm")
    '≤ 40 mm'
    >>> limit_text(Limit(op="<", per_protocol=1.2, variation=1.5), "")
    '< 1.2 (acceptable variation < 1.5)'
    >>> limit_text(Limit(op="<", per_protocol=4.679332971828846), "")
    '< ≈ 4.6793'
    """
    op, unit = _OP[limit.op], f" {unit}" if unit else ""
    text = f"{op} {_limit_number(limit.per_protocol)}{unit}"
    return (
        text
        if limit.variation is None
        else f"{text} (acceptable variation {op} {_limit_number(limit.variation)}{unit})"
    )


def _limit_number(value: float) -> str:
    full = exactly(value)
    return full if len(full) <= _LIMIT_CHARACTERS else f"≈ {exactly(float(f'{value:.5g}'))}"


def exactly(value: float) -> str:
    """Return every digit of a number, without an exponent or needless zeros.

    Examples
    --------
    >>> exactly(40.0), exactly(0.035), exactly(1500.0)
    ('40', '0.035', '1500')
    """
    text = f"{Decimal(repr(float(value))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def thresholds_of(limit: Limit | None) -> tuple[float, ...]:
    """Return the numbers of a limit that a measurement is compared with."""
    if limit is None:
        return ()
    return (limit.per_protocol,) if limit.variation is None else (limit.per_protocol, limit.variation)


def _usual_digits(value: float, unit: str, *, exact: bool) -> int:
    if exact and not unit and float(value).is_integer():
        return 0  # a count
    digits = _DIGITS.get(unit, _OTHER_DIGITS)
    size = abs(value)
    if 10**-_FINEST <= size < 1:
        digits = max(digits, min(_FINEST, _LEAST_SIGNIFICANT - 1 - math.floor(math.log10(size))))
    return digits


def _text(value: float, digits: int, rounding: str) -> str:
    if not math.isfinite(value):
        return _UNKNOWN
    # The shortest decimal text of a double, not its binary expansion: 39.3 rounded down to one digit is 39.3.
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding, _EXACT)
    return f"{abs(rounded) if rounded == 0 else rounded:f}"  # no minus zero


def _same_order(numbers: list[float], texts: list[str], thresholds: list[Decimal]) -> bool:
    return all(
        _sign(Decimal(repr(float(n))), t) == _sign(Decimal(text), t)
        for n, text in zip(numbers, texts, strict=True)
        if math.isfinite(n)
        for t in thresholds
    )


def _sign(value: Decimal, threshold: Decimal) -> int:
    return (value > threshold) - (value < threshold)
