"""A metric of each PTV against limits that a table gives for the volume of the PTV."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.dose_metric import valid_metric
from sbrtcheck.checks.lungs import of_lungs, without_gtv
from sbrtcheck.checks.outcomes import no_lesions, not_evaluated, undrawn
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric, remarks
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.protocol.schema import LimitTable
from sbrtcheck.results import Interval, Limit, Outcome, Verdict


class Parameters(BaseModel):
    """Which metric, and which columns of which table hold its limits.

    ``of_lungs`` measures both lungs without the gross tumours instead of the PTV; the PTV's volume still picks the row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, AfterValidator(valid_metric)]
    table: str
    per_protocol: str
    variation: str
    of_lungs: bool = False

    @model_validator(mode="after")
    def _in_the_file(self, info: ValidationInfo) -> Self:
        tables: dict[str, LimitTable] = {t.id: t for t in (info.context or {}).get("tables", ())}
        if self.table not in tables:
            raise ValueError(f"table: the file has no table {self.table!r}")
        table = tables[self.table]
        missing = [column for column in (self.per_protocol, self.variation) if column not in table.columns]
        if missing:
            raise ValueError(f"table {self.table!r} has no column {missing[0]!r}")
        tiers = zip(_column(self.per_protocol, table), _column(self.variation, table), strict=True)
        if any(variation <= per_protocol for per_protocol, variation in tiers):
            raise ValueError(f"in table {self.table!r}, {self.variation!r} is not wider than {self.per_protocol!r}")
        rule = (info.context or {}).get("rule")
        if rule is not None and table.confidence == "recalled" and rule.confidence != "recalled":
            raise ValueError(f"table {self.table!r} is recalled, so the rule's confidence must be 'recalled' too")
        return self


class ConformityTable:
    """Judge each PTV by the row of its own volume.

    Notes
    -----
    Between rows the limits are interpolated linearly; outside the rows the source gives none, so the rule is not
    applicable. The error of the volume is carried into the limits: the limits shown are those of the best volume, and
    the measured interval is widened by what the limits move within the volume's interval.
    """

    id: ClassVar[str] = "conformity-table"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a PTV."""
        nothing = no_lesions(derived)
        if nothing:
            return nothing
        ptvs = {lesion.ptv.roi_number: lesion.ptv for lesion in derived.lesions if lesion.ptv is not None}
        without = [lesion for lesion in derived.lesions if lesion.ptv is None]
        missing = [not_evaluated("no PTV is drawn for it", lesion.id, lesion.measured) for lesion in without]
        return (*(_one(ptvs[n], task, derived) for n in sorted(ptvs)), *missing, *undrawn(derived))


def _one(ptv: Structure, task: Task, derived: Derived) -> Outcome:
    asked: Parameters = task.parameters
    table = next(t for t in task.protocol.tables if t.id == asked.table)
    first, last = table.rows[0][table.columns.index(table.key)], table.rows[-1][table.columns.index(table.key)]
    try:
        size = derived.volume(ptv)
        if size.high < first or size.low > last:
            reason = f"the PTV holds {size.value:.1f} cm3, the table speaks of {first:g} to {last:g} cm3"
            return Outcome(ptv.name, ptv.roi_number, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        if size.low < first or size.high > last:
            reason = f"the PTV holds {size.low:.2f} to {size.high:.2f} cm3: an end of the table lies inside the error"
            return Outcome(ptv.name, ptv.roi_number, verdict=Verdict.INDETERMINATE, reason=reason)
        metric = parse_metric(asked.metric)
        measured = of_lungs(metric, derived) if asked.of_lungs else metric.compute(ptv, derived)
        found = () if asked.of_lungs else remarks(metric, ptv, derived)
    except NotComputable as lacking:
        return not_evaluated(str(lacking), ptv.name, ptv)
    reason, would_decide = f"{asked.metric}, limits for a PTV of {size.value:.1f} cm3", ""
    for remark in found:
        reason, would_decide = f"{reason}; {remark.text}", remark.would_decide or would_decide
    if asked.of_lungs and without_gtv(derived):
        reason += f"; no GTV is drawn in {', '.join(without_gtv(derived))}, so what encloses it bounds the value"
        would_decide = "the limit lies between the bounds; a GTV would decide"
    unit = metric.unit
    limits = [_at(size.value, column, table) for column in (asked.per_protocol, asked.variation)]
    limit = Limit(op="<", per_protocol=limits[0], variation=limits[1], unit=unit)
    widened = _widened(measured, size, limits, asked, table)
    return Outcome(ptv.name, ptv.roi_number, widened, unit, limit, reason=reason, would_decide=would_decide)


def _at(size_cm3: float, column: str, table: LimitTable) -> float:
    return float(np.interp(size_cm3, _column(table.key, table), _column(column, table)))


def _widened(measured: Interval, size: Interval, limits: list[float], asked: Parameters, table: LimitTable) -> Interval:
    """Return the measurement widened by what the limits move within the interval of the volume."""
    rows = [s for s in _column(table.key, table) if size.low < s < size.high]
    places = [size.low, *rows, size.high]
    fall, rise = 0.0, 0.0
    for column, limit in zip((asked.per_protocol, asked.variation), limits, strict=True):
        there = [_at(place, column, table) for place in places]
        fall, rise = max(fall, limit - min(there)), max(rise, max(there) - limit)
    # None of these quantities can be negative.
    return Interval(measured.value, max(0.0, measured.low - rise), measured.high + fall)


def _column(name: str, table: LimitTable) -> FloatArray:
    return np.array([row[table.columns.index(name)] for row in table.rows])


CHECK = ConformityTable()
