"""A dose metric of named structures or of targets against a limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.cumulative import cumulative
from sbrtcheck.checks.named import Found, named_in, parts_of
from sbrtcheck.checks.outcomes import no_lesions, not_evaluated, undrawn
from sbrtcheck.checks.undecided import would_decide
from sbrtcheck.checks.units import refuse_other_unit
from sbrtcheck.derived import Derived
from sbrtcheck.errors import MetricSyntaxError, NotComputable
from sbrtcheck.metrics import parse_metric, remarks
from sbrtcheck.metrics.base import OfDoseInGy
from sbrtcheck.metrics.biological import Biological
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


def _known(name: str, info: ValidationInfo) -> str:
    own = (info.context or {}).get("structures", {})
    if not is_known(name) and name not in own:
        raise ValueError(f"{name!r} is not a TG-263 name, and not one of [structures]")
    return name


class Parameters(BaseModel):
    """What is measured, on which structures.

    ``structures`` are TG-263 names, or names of the protocol's own structures, each of which must be there;
    ``of_targets`` measures the outermost target of every lesion instead. ``dose = "cumulative"`` measures in the sum of
    this plan and all earlier courses.
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
            measured = (_measured(Found(targets[n]), task, derived) for n in sorted(targets))
            return no_lesions(derived) or (*measured, *undrawn(derived))
        outcomes: list[Outcome] = []
        for name in task.parameters.structures:
            try:
                found = named_in(name, task.protocol, derived, task.declared.facts.get(_NOT_AT_RISK, ()))
            except NotComputable as missing:
                outcomes.append(_not_made(name, missing, task, derived))
                continue
            if not found:
                outcomes.append(_missing(name, task))
            outcomes += [_measured(one, task, derived) for one in found]
        return tuple(outcomes)


def _not_made(name: str, missing: NotComputable, task: Task, derived: Derived) -> Outcome:
    """Return the outcome of what cannot be made of others; not at risk where it, or all of them, are declared so."""
    parts, declared = parts_of(name, task.protocol), set(task.declared.facts.get(_NOT_AT_RISK, ()))
    drawn = any(named_in(part, task.protocol, derived) for part in parts)
    if parts and not drawn and (parts <= declared or name in declared):
        reason = f"by declaration, nothing that {name} is made of is at risk ({_NOT_AT_RISK}); {missing}"
        return Outcome(name, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    waits_for = (part for part in sorted(parts - declared) if not named_in(part, task.protocol, derived))
    return replace(not_evaluated(str(missing), name), not_drawn=tuple(waits_for))


def _missing(name: str, task: Task) -> Outcome:
    if name in task.declared.facts.get(_NOT_AT_RISK, ()):
        reason = f"by declaration, {name} is not at risk ({_NOT_AT_RISK}); no structure is taken as it"
        return Outcome(name, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    reason = f"no structure is taken as {name}; draw it, name it in the site file, or declare it ({_NOT_AT_RISK})"
    return replace(not_evaluated(reason, name), not_drawn=(name,))


def _measured(one: Found, task: Task, derived: Derived) -> Outcome:
    metric, structure = parse_metric(task.parameters.metric), one.structure
    try:
        if task.parameters.dose == "cumulative":
            measured, found = cumulative(metric, one, task.declared, derived)
        else:
            view = one.within(derived)
            measured, found = metric.compute(structure, view), remarks(metric, structure, view)
    except NotComputable as missing:
        return not_evaluated(one.told(missing), structure.name, None if one.built is not None else structure)
    reason = "; ".join([f"{task.parameters.metric} of {one.where}", *(remark.text for remark in found)])
    told = next((remark.would_decide for remark in found if remark.would_decide), "")
    return Outcome(
        structure.name,
        one.roi_number,
        measured,
        metric.unit,
        task.rule.limit,
        reason=reason,
        evidence=one.evidence,
        would_decide=told or would_decide(one, measured, derived),
    )


CHECK = DoseMetric()
