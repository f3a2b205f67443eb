"""The unit of a limit against the unit of what is measured, while a protocol is bound."""

from __future__ import annotations

from pydantic import ValidationInfo


def refuse_other_unit(info: ValidationInfo, unit: str) -> None:
    """Refuse a rule whose limit is not in the unit of the measurement: 30 Gy would meet a limit of 3000 cGy.

    Parameters
    ----------
    info : ValidationInfo
        Of a ``Parameters`` model; its context holds the rule while a protocol is bound.
    unit : str
        Unit of the measurement, "" for a number without one.

    Raises
    ------
    ValueError
        If the limit of the rule is in another unit.
    """
    rule = (info.context or {}).get("rule")
    if rule is not None and rule.limit is not None and rule.limit.unit != unit:
        raise ValueError(f"{_named(unit)} is measured, but the limit is in {_named(rule.limit.unit)}")


def _named(unit: str) -> str:
    return repr(unit) if unit else "a number without unit"
