"""Running bound rules on a case, and what becomes of each outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sbrtcheck.checks import Task
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.judge.binding import BoundRule
from sbrtcheck.judge.compare import compare, margin
from sbrtcheck.judge.conditions import decided, limit_of
from sbrtcheck.judge.contradictions import contradicted
from sbrtcheck.judge.doubts import doubts
from sbrtcheck.judge.excuses import excused
from sbrtcheck.judge.required import undrawn
from sbrtcheck.protocol.conditions import of_plan_alone, parse_condition
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.results import Interval, Outcome, RuleResult, Verdict

_OWN_ERROR = "the limit lies inside the numerical error; thinner slices or a finer dose grid would decide"
_ONE_SIDED = "the value is known from one side only, and that side does not decide"
_UNSURE_SOURCE = "the value that decides is only recalled, not seen in a source, so this cannot decide"


def judge(bound: Sequence[BoundRule], derived: Derived, declared: Declared) -> tuple[RuleResult, ...]:
    """Return the results of all rules, by protocol and priority, and by subject as each check gives them.

    Before the rules of a protocol stand the structures that it requires and that nobody drew.
    """
    results: list[RuleResult] = []
    for protocol in {one.protocol.id: one.protocol for one in bound}.values():
        results += undrawn(protocol, derived)
        own = [one for one in bound if one.protocol.id == protocol.id]
        for one in sorted(own, key=lambda one: one.rule.priority or math.inf):
            rule, maker, outcomes = _applied(one, derived, declared)
            results += [_result(rule, maker, outcome, derived) for outcome in outcomes]
    rules = {(one.protocol.id, one.rule.id): one.rule for one in bound}
    return contradicted(excused(results, rules), rules)


def _applied(bound: BoundRule, derived: Derived, declared: Declared) -> tuple[BoundRule, str, tuple[Outcome, ...]]:
    """Return a rule with the limit that applies, who made its outcomes, and these.

    The maker is the check, or nobody where the number of fractions alone decides: no contour can be wrong about that.
    Where a condition is open, no outcome decides.
    """
    maker, nobody = bound.rule.check, ""
    open_ = []
    for text in (bound.protocol.when, bound.rule.when):
        if not text:
            continue
        found, why = decided(text, bound.protocol, derived)
        if found is False:
            reason = f"the condition {text!r} does not hold: {why}"
            by = nobody if of_plan_alone(parse_condition(text, None)) else maker
            return bound, by, (Outcome("patient", verdict=Verdict.NOT_APPLICABLE, reason=reason),)
        if found is None:
            open_.append(f"whether the condition {text!r} holds is open: {why}")
    if bound.rule.limit_by_fractions:
        try:
            limit = limit_of(bound.rule.limit_by_fractions, derived)
        except NotComputable as missing:
            return bound, nobody, (Outcome("patient", verdict=Verdict.NOT_EVALUATED, reason=str(missing)),)
        bound = replace(bound, rule=bound.rule.model_copy(update={"limit": limit}))
    outcomes = _run(bound, derived, declared)
    if open_:
        outcomes = tuple(_undecided(outcome, bound, "; ".join(open_)) for outcome in outcomes)
    return bound, maker, outcomes


def _undecided(outcome: Outcome, bound: BoundRule, why: str) -> Outcome:
    """Return an outcome that may not apply: whatever it says, it is at most indeterminate."""
    verdict, _, reason = _verdict(bound, outcome, "")
    if verdict in {Verdict.NOT_EVALUATED, Verdict.ERROR, Verdict.NOT_APPLICABLE}:
        return outcome
    return replace(outcome, verdict=Verdict.INDETERMINATE, reason=f"{why}; {reason}" if reason else why)


def _run(bound: BoundRule, derived: Derived, declared: Declared) -> tuple[Outcome, ...]:
    task = Task(bound.rule, bound.protocol, bound.parameters, declared)
    try:
        outcomes = bound.check.run(task, derived)
    except NotComputable as missing:
        return (Outcome("patient", verdict=Verdict.NOT_EVALUATED, reason=str(missing)),)
    except Exception as error:  # a broken check must not take the others with it, nor hide
        # The text of a foreign exception may quote a file, so only its kind is shown.
        reason = f"the check failed with {type(error).__name__}; this is a fault of the program, please report it"
        return (Outcome("patient", verdict=Verdict.ERROR, reason=reason),)
    if not outcomes:
        return (
            Outcome("patient", verdict=Verdict.ERROR, reason="the check said nothing; this is a fault of the program"),
        )
    return outcomes


def _result(bound: BoundRule, maker: str, outcome: Outcome, derived: Derived) -> RuleResult:
    rule, source = bound.rule, {s.id: s for s in bound.protocol.sources}[bound.rule.source]
    accepted = derived.site.accepted.get(f"{bound.protocol.id}/{rule.id}", "")
    verdict, borderline, reason = _verdict(bound, outcome, accepted)
    odd = doubts(maker, outcome, derived)
    if odd:
        # What is wrong with a contour can hide a failure, so nothing good rests on it; a failure stays one.
        reason = f"{reason}; {'; '.join(odd)}"
        if verdict in {Verdict.PASS, Verdict.VARIATION, Verdict.NOT_APPLICABLE}:
            verdict, borderline = Verdict.INDETERMINATE, False
    measured_limit = outcome.limit if outcome.measured is not None else None
    return RuleResult(
        rule=rule.id,
        protocol=bound.protocol.id,
        title=rule.title,
        section=rule.section,
        required=rule.required,
        subject=outcome.subject,
        roi_number=outcome.roi_number,
        verdict=verdict,
        borderline=borderline,
        measured=outcome.measured,
        unit=outcome.unit,
        limit=outcome.limit,
        margin=margin(outcome.measured, measured_limit) if outcome.measured and measured_limit else None,
        reason=reason,
        definition=rule.definition,
        definition_is_choice=rule.definition_is_choice,
        source=source.title,
        confidence=rule.confidence,
        evidence=outcome.evidence,
        not_drawn=outcome.not_drawn if verdict is Verdict.NOT_EVALUATED else (),
    )


def _verdict(bound: BoundRule, outcome: Outcome, accepted: str) -> tuple[Verdict, bool, str]:
    if outcome.verdict is not None:
        verdict, borderline, reason = outcome.verdict, False, outcome.reason
    elif outcome.measured is None or outcome.limit is None:
        return Verdict.ERROR, False, "the check gave neither a verdict nor a measurement with a limit"
    elif outcome.unit != outcome.limit.unit:
        units = f"measured in {outcome.unit or 'no unit'!r}, limit in {outcome.limit.unit or 'no unit'!r}"
        return Verdict.ERROR, False, f"{units}: the protocol must state the limit in the unit of the measurement"
    else:
        verdict, borderline = compare(outcome.measured, outcome.limit)
        reason = outcome.reason
        if verdict is Verdict.INDETERMINATE:
            decide = outcome.would_decide or (_OWN_ERROR if _bounded(outcome.measured) else _ONE_SIDED)
            reason = f"{reason}; {decide}" if reason else decide
    if bound.rule.confidence == "recalled" and verdict in {Verdict.PASS, Verdict.VARIATION, Verdict.FAIL}:
        if accepted:
            taken = f"the value is only recalled, and accepted in the site file ({accepted})"
            return verdict, borderline, f"{reason}; {taken}" if reason else taken
        return Verdict.INDETERMINATE, False, f"{reason}; {_UNSURE_SOURCE}" if reason else _UNSURE_SOURCE
    return verdict, borderline, reason or _plain_reason(verdict)


def _bounded(measured: Interval) -> bool:
    return math.isfinite(measured.low) and math.isfinite(measured.high)


def _plain_reason(verdict: Verdict) -> str:
    return {
        Verdict.PASS: "the whole interval meets the limit",
        Verdict.VARIATION: "beyond the per-protocol limit, within the acceptable deviation",
        Verdict.FAIL: "the whole interval is beyond the limit",
    }.get(verdict, verdict.value)
