"""A dose metric of named structures or of targets against a limit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.cumulative import cumulative
from sbrtcheck.checks.outcomes import no_lesions, not_evaluated, undrawn
from sbrtcheck.checks.units import refuse_other_unit
from sbrtcheck.derived import Derived
from sbrtcheck.errors import MetricSyntaxError, NotComputable
from sbrtcheck.metrics import parse_metric, remarks
from sbrtcheck.metrics.base import OfDoseInGy
from sbrtcheck.metrics.biological import Biological
from sbrtcheck.model import Structure
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Outcome, Verdict

_NOT_AT_RISK = "organs_not_at_risk"


def valid_metric(text: str) -> str:
    """Return a metric expression that can be read; raises ValueError with what would be right."""
    try:
        parse_metric(text)
    except MetricSyntaxError as error:
        raise ValueError(str(error)) from None
    return text


def _known(name: str) -> str:
    if not is_known(name):
        raise ValueError(f"{name!r} is not a TG-263 name")
    return name


class Parameters(BaseModel):
    """What is measured, on which structures.

    ``structures`` are TG-263 names, each of which must be there; ``of_targets`` measures the outermost target of every
    lesion instead. ``dose = "cumulative"`` measures in the sum of this plan and all earlier courses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, AfterValidator(valid_metric)]
    structures: tuple[Annotated[str, AfterValidator(_known)], ...] = ()
    of_targets: bool = False
    dose: Literal["plan", "cumulative"] = "plan"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.structures) == self.of_targets:
            raise ValueError("name either structures or of_targets = true")
        return self

    @model_validator(mode="after")
    def _has_a_sum(self) -> Self:
        metric = parse_metric(self.metric)
        own = metric.base if isinstance(metric, Biological) else metric
        if self.dose == "cumulative" and not (isinstance(own, OfDoseInGy) and own.in_gy):
            raise ValueError(
                f"{self.metric!r} has no cumulative value: prescriptions, isodoses of the whole body and volumes "
                "belong to one plan; use doses in Gy within a structure, such as D0.03cc[Gy]"
            )
        return self

    @model_validator(mode="after")
    def _in_one_unit(self, info: ValidationInfo) -> Self:
        refuse_other_unit(info, parse_metric(self.metric).unit)
        return self


class DoseMetric:
    """Measure one metric on each structure that the rule names."""

    id: ClassVar[str] = "dose-metric"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a structure, and one for each name that no structure has."""
        if task.parameters.of_targets:
            targets = {lesion.outermost.roi_number: lesion.outermost for lesion in derived.lesions}
            measured = (_measured(targets[n], task, derived) for n in sorted(targets))
            return no_lesions(derived) or (*measured, *undrawn(derived))
        outcomes: list[Outcome] = []
        for name in task.parameters.structures:
            found = derived.named(name)
            if not found:
                outcomes.append(_missing(name, task))
            outcomes += [_measured(structure, task, derived) for structure in found]
        return tuple(outcomes)


def _missing(name: str, task: Task) -> Outcome:
    if name in task.declared.facts.get(_NOT_AT_RISK, ()):
        reason = f"by declaration, {name} is not at risk ({_NOT_AT_RISK}); no structure is taken as it"
        return Outcome(name, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    return not_evaluated(
        f"no structure is taken as {name}; draw it, name it in the site file, or declare it ({_NOT_AT_RISK})", name
    )


def _measured(structure: Structure, task: Task, derived: Derived) -> Outcome:
    metric = parse_metric(task.parameters.metric)
    try:
        if task.parameters.dose == "cumulative":
            measured, found = cumulative(metric, structure, task.declared, derived)
        else:
            measured, found = metric.compute(structure, derived), remarks(metric, structure, derived)
    except NotComputable as missing:
        return not_evaluated(str(missing), structure.name, structure)
    reason = "; ".join([f"{task.parameters.metric} of {structure.where}", *(remark.text for remark in found)])
    would_decide = next((remark.would_decide for remark in found if remark.would_decide), "")
    return Outcome(
        structure.name,
        structure.roi_number,
        measured,
        metric.unit,
        task.rule.limit,
        reason=reason,
        would_decide=would_decide,
    )


CHECK = DoseMetric()
