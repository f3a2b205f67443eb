"""Declared facts that the plan files contradict: one of the two is wrong, so nothing declared passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sbrtcheck.protocol.schema import Rule
from sbrtcheck.results import RuleResult, Verdict


def contradicted(results: Sequence[RuleResult], rules: Mapping[tuple[str, str], Rule]) -> tuple[RuleResult, ...]:
    """Return the results; a declared one that passes fails where the rule that contradicts it surely fails.

    Parameters
    ----------
    results : sequence of RuleResult
    rules : mapping
        By ids of protocol and rule; ``contradicted_by`` names a rule of the same protocol.
    """
    failed = {(r.protocol, r.rule): r for r in reversed(results) if r.verdict is Verdict.FAIL}
    found = []
    for result in results:
        rule = rules.get((result.protocol, result.rule))
        against = failed.get((result.protocol, rule.contradicted_by)) if rule is not None else None
        if against is None or result.verdict is not Verdict.PASS:
            found.append(result)
            continue
        reason = f"{result.reason}; but the plan files show: {against.reason} ({against.title or against.rule})"
        found.append(result.model_copy(update={"verdict": Verdict.FAIL, "reason": reason}))
    return tuple(found)
