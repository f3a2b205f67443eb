"""Expressions and limits of constraint tables (``D0.035cc[Gy]``, ``<=25``) in the notation of this program."""

from __future__ import annotations

import re
from decimal import Decimal

from sbrtcheck.protocol.exchange.base import CannotCarry, one_line
from sbrtcheck.protocol.exchange.text import decimal, decimals, plain

_CUBIC_CENTIMETRES = re.compile(r"cm³|cm\^?3|ccm|cc", re.IGNORECASE)
_GRAY = re.compile(r"(?<![a-z])(?P<centi>c?)gy(?![a-z])", re.IGNORECASE)
_STATISTIC = re.compile(r"d?(?P<kind>min|max|mean)(?=$|\[)", re.IGNORECASE)
_KIND = re.compile(r"(?:dc|cv|d|v)(?=\d)", re.IGNORECASE)
_DOSE_IN_CGY = re.compile(r"(?P<number>\d+(?:\.\d+)?)cGy")
_INDEX = re.compile(r"(?:CI|CN|GI|HI|RI)\d+(?:\.\d+)?(?:%|c?Gy)?(?:\[[^\]]*\])?", re.IGNORECASE)
_LIMIT = re.compile(r"(?P<op><=|>=|<|>)?(?P<number>[+-]?\d+(?:[.,]\d+)?)(?P<unit>\D*)")
_CENTI = Decimal(100)


def expression(text: str) -> tuple[str, Decimal]:
    """Return an expression with Gy, cc and points, and what a limit in its unit is to be divided by.

    Parameters
    ----------
    text : str
        As a table writes it: spaces, ``cm3``, decimal commas, ``Dmean``, ``cGy``.

    Returns
    -------
    str
        Notation of this program, not yet looked at by its grammar.
    Decimal
        100 where the value was in cGy, else 1.

    Raises
    ------
    CannotCarry
        If it names an index whose formula it does not say, or holds a number that can be read in two ways.

    Examples
    --------
    >>> expression("d 0,035 cm3 [Gy]"), expression("V2000cGy[%]"), expression("Dmean[cGy]")
    (('D0.035cc[Gy]', Decimal('1')), ('V20Gy[%]', Decimal('1')), ('Mean[Gy]', Decimal('100')))
    """
    base, at, suffix = "".join(text.split()).partition("@")
    if _INDEX.fullmatch(base):
        raise CannotCarry(
            f"the name {one_line(base)!r} does not say the formula; "
            "write CI_Paddick, CI_RTOG, GI_Paddick, R50, R100 or HI_ICRU83"
        )
    base = _GRAY.sub(lambda found: f"{found['centi'].lower()}Gy", _CUBIC_CENTIMETRES.sub("cc", decimals(base)))
    base = _STATISTIC.sub(lambda found: found["kind"].capitalize(), base, count=1) if _STATISTIC.match(base) else base
    base = _KIND.sub(lambda found: found.group().upper(), base, count=1) if _KIND.match(base) else base
    base = _DOSE_IN_CGY.sub(lambda found: f"{plain(decimal(found['number']) / _CENTI)}Gy", base)
    in_cgy = base.endswith("[cGy]")
    return base.replace("[cGy]", "[Gy]") + at + suffix, _CENTI if in_cgy else Decimal(1)


def limit(text: str, unit: str, op: str = "") -> tuple[str, Decimal]:
    """Return the operator and the number of a limit.

    Parameters
    ----------
    text : str
        ``<=25``, ``>= 95``, ``< 25,5 Gy``.
    unit : str
        The unit the number must be in, if it names one.
    op : str
        The operator of a limit that stands without one; "" where it must have its own.

    Raises
    ------
    CannotCarry
        If it has no operator, another operator than ``op``, another unit, or no number.

    Examples
    --------
    >>> limit("≤ 25,5 Gy", "Gy"), limit("30", "Gy", op="<=")
    (('<=', Decimal('25.5')), ('<=', Decimal('30.0')))
    """
    spelt = "".join(text.split()).replace("≤", "<=").replace("≥", ">=").replace("=<", "<=").replace("=>", ">=")
    found = _LIMIT.fullmatch(spelt)
    if found is None:
        raise CannotCarry(f"the limit {one_line(text)!r} is not an operator (<=, <, >=, >) and a number")
    if not (found["op"] or op):
        raise CannotCarry(
            f"is {one_line(text)!r} at most or at least? Write <={found['number']} or >={found['number']}"
        )
    if op and (found["op"] or op) != op:
        raise CannotCarry(f"limit and variation have different operators, {op} and {found['op']}")
    if _unit(found["unit"]) not in {"", _unit(unit)}:
        raise CannotCarry(f"the metric is in {unit or 'no unit'}, but its limit in {found['unit']}")
    return found["op"] or op, decimal(found["number"])


def _unit(text: str) -> str:
    return _GRAY.sub(lambda found: f"{found['centi'].lower()}Gy", _CUBIC_CENTIMETRES.sub("cc", text))


def unit_of(text: str) -> str:
    """Return what stands in the brackets of an expression as a table writes it, "" where there are none."""
    found = re.search(r"\[([^\]]*)\]", text)
    return found[1].strip() if found else ""
