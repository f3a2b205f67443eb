"""Stored results against the limits of another protocol: which verdicts would change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sbrtcheck.judge.compare import compare
from sbrtcheck.judge.required import RULE as REQUIRED
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.results import PlanReport, RuleResult, Verdict


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One stored result whose verdict would be another, or that only a new check can tell.

    Attributes
    ----------
    before, after : str
        Verdicts; ``after`` is ``"needs a new check"`` where what is measured or when the rule applies changed as well.
    """

    rule: str
    subject: str
    before: str
    after: str


def rejudged(report: PlanReport, old: ProtocolFile, new: ProtocolFile) -> Iterator[Rejudged]:
    """Yield what would change in a report made with ``old``."""
    before, after = {r.id: r for r in old.rules}, {r.id: r for r in new.rules}
    for result in report.results:
        if result.protocol != old.id or result.rule == REQUIRED:
            continue
        rule = after.get(result.rule)
        if rule is None:
            yield Rejudged(result.rule, result.subject, str(result.verdict), "no such rule")
            continue
        same = (old.structures, old.when) == (new.structures, new.when)  # what names stand for, and when rules apply
        verdict = _again(result, before.get(result.rule), rule) if same else "needs a new check"
        if verdict != str(result.verdict):
            yield Rejudged(result.rule, result.subject, str(result.verdict), verdict)
    stored = {result.rule for result in report.results if result.protocol == old.id}
    for name in after.keys() - stored:
        yield Rejudged(name, "", "no such rule", "needs a new check")


def _again(result: RuleResult, old: Rule | None, new: Rule) -> str:
    if old is None or _asked(old) != _asked(new):
        return "needs a new check"
    if old.any_limit == new.any_limit and old.limit_by_fractions == new.limit_by_fractions:
        return str(result.verdict) if old.confidence == new.confidence else "needs a new check"
    if result.measured is None or result.limit is None or new.limit is None or new.limit.unit != result.unit:
        return "needs a new check"
    if "recalled" in {old.confidence, new.confidence} or result.verdict in {Verdict.ERROR, Verdict.NOT_APPLICABLE}:
        return "needs a new check"
    return str(compare(result.measured, new.limit)[0])


def _asked(rule: Rule) -> tuple[object, ...]:
    return rule.check, rule.parameters, rule.section, rule.when, rule.excused_by
