"""The unit of a limit against the unit of what is measured, while a protocol is bound."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator


class InUnit(BaseModel):
    """Parameters of a check that always measures in one unit: a limit in another one is refused.

    Attributes
    ----------
    limit_unit : str
        Unit of the measurement, "" for a number without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit_unit: ClassVar[str]

    @model_validator(mode="after")
    def _in_one_unit(self, info: ValidationInfo) -> Self:
        refuse_other_unit(info, self.limit_unit)
        return self


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
    limit = rule.any_limit if rule is not None else None
    if limit is not None and limit.unit != unit:
        raise ValueError(f"{_named(unit)} is measured, but the limit is in {_named(limit.unit)}")


def _named(unit: str) -> str:
    return repr(unit) if unit else "a number without unit"
