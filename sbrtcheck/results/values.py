"""Verdicts, intervals, limits and outcomes: what everything that is measured and judged is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema


class Verdict(StrEnum):
    """Verdict of a rule, or of a whole section (DESIGN section 3)."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    VARIATION = "variation"
    FAIL = "fail"
    INDETERMINATE = "indeterminate"
    NOT_EVALUATED = "not-evaluated"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


def _null_if_unbounded(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _bound_type(unbounded: float, side: str) -> Any:
    return Annotated[
        float,
        BeforeValidator(lambda v: unbounded if v is None else v),
        PlainSerializer(_null_if_unbounded, return_type=float | None),
        WithJsonSchema({"type": ["number", "null"], "description": f"{side} bound; null where none is known"}),
    ]


if TYPE_CHECKING:
    _Low = float
    _High = float
else:
    _Low = _bound_type(-math.inf, "lower")
    _High = _bound_type(math.inf, "upper")


@dataclass(frozen=True, slots=True)
class Interval:
    """A best estimate and bounds of our own numerical error; an infinite bound means that none is known.

    Raises
    ------
    ValueError
        If the value is not finite or the bounds do not hold it.

    Examples
    --------
    >>> Interval(39.0, 38.0, 40.0).scaled(0.5).high
    20.0
    """

    value: float
    low: _Low
    high: _High

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not self.low <= self.value <= self.high:
            raise ValueError(f"not an interval: {self.low} <= {self.value} <= {self.high}")

    @classmethod
    def exact(cls, value: float) -> Self:
        """Return the interval of a number known without error (a count, a stated value)."""
        return cls(value, value, value)

    def scaled(self, factor: float) -> Interval:
        """Return the interval times a positive constant."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


Point = tuple[float, float, float]  # x, y, z in patient coordinates (LPS), mm


class Limit(BaseModel):
    """What a measurement is judged against.

    ``per_protocol`` separates pass from variation, ``variation`` separates variation from fail; without ``variation``
    there is no acceptable deviation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    op: Literal["<=", "<", ">=", ">"]
    per_protocol: float
    variation: float | None = None
    unit: str = ""


class Evidence(BaseModel):
    """Why a result is what it is: a sentence, and where to look.

    ``points_mm`` are patient points (LPS, mm): two ends of a measured line, or a centroid. ``picture`` is the id of the
    pictures that show it; where it has points and no pictures, ``not_pictured`` says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["line", "point", "text"] = "text"
    text: str
    roi_numbers: tuple[int, ...] = ()
    points_mm: tuple[Point, ...] = ()
    picture: str = ""
    not_pictured: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found for one subject, before it is judged.

    Either ``measured`` and ``limit`` are given and the judge compares them, or the check itself states ``verdict``.

    Attributes
    ----------
    subject : str
        ``"patient"``, a lesion id (``"lesion 1"``) or a ROI name.
    measured : Interval or None
        In ``unit``.
    reason : str
        One sentence for the reader. For ``not-evaluated`` it names what is missing; for ``indeterminate``, what would
        decide.
    would_decide : str
        What would decide where the limit lies inside the measured interval; "" where that is our own numerical error.
    not_drawn : tuple of str
        Names of the structures that nobody drew, where that alone is missing.
    """

    subject: str
    roi_number: int | None = None
    measured: Interval | None = None
    unit: str = ""
    limit: Limit | None = None
    verdict: Verdict | None = None
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    would_decide: str = ""
    not_drawn: tuple[str, ...] = ()
