"""Coverage that was given up for an organ: an acceptable deviation where the organ stands at its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbrtcheck.protocol.schema import Rule
from sbrtcheck.results import RuleResult, Verdict


def excused(results: Sequence[RuleResult], rules: Mapping[tuple[str, str], Rule]) -> tuple[RuleResult, ...]:
    """Return the results, with failures that an organ at its limit excuses as variations.

    Parameters
    ----------
    results : sequence of RuleResult
    rules : mapping
        By ids of protocol and rule.

    Notes
    -----
    An organ excuses where its rule passes or is a variation, and what was measured lies surely within the stated share
    of its limit: the organ is spared, and barely so. Nothing becomes a pass.
    """
    return tuple(_one(result, results, rules) for result in results)


def _one(result: RuleResult, results: Sequence[RuleResult], rules: Mapping[tuple[str, str], Rule]) -> RuleResult:
    rule = rules.get((result.protocol, result.rule))
    if rule is None or not rule.excused_by or rule.excused_within_percent is None or result.verdict != Verdict.FAIL:
        return result
    for organ in results:
        if organ.protocol != result.protocol or organ.rule not in rule.excused_by:
            continue
        if organ.verdict in {Verdict.PASS, Verdict.VARIATION} and _at_limit(organ, rule.excused_within_percent):
            reason = (
                f"{result.reason}; an acceptable deviation, since {organ.title or organ.rule} ({organ.subject}) stands "
                f"within {rule.excused_within_percent:g} % of its limit"
            )
            return result.model_copy(update={"verdict": Verdict.VARIATION, "borderline": False, "reason": reason})
    return result


def _at_limit(organ: RuleResult, percent: float) -> bool:
    if organ.measured is None or organ.limit is None:
        return False
    room = percent / 100.0 * abs(organ.limit.per_protocol)
    upper = organ.limit.op in {"<=", "<"}
    near = organ.measured.low if upper else organ.measured.high
    return near >= organ.limit.per_protocol - room if upper else near <= organ.limit.per_protocol + room
