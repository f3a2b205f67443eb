"""From the verdicts of rules to the verdict of a section."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sbrtcheck.results import RuleResult, Verdict

# What is broken before what is missing, and that before what is close: the order in which a person mends.
_OPEN = (Verdict.ERROR, Verdict.NOT_EVALUATED, Verdict.INDETERMINATE)


def roll_up(results: Sequence[RuleResult], section: Literal["plan", "declared"]) -> Verdict:
    """Return the verdict of a section (DESIGN section 3).

    Any failing rule fails the section, required or not. Then any required rule that is open leaves it open. A rule that
    is not required and open says nothing. A section in which nothing was evaluated is ``not-evaluated``; the declared
    section of protocols that declare nothing is ``not-applicable``.
    """
    own = [result for result in results if result.section == section]
    if not own:
        return Verdict.NOT_APPLICABLE if section == "declared" else Verdict.NOT_EVALUATED
    found = {result.verdict for result in own}
    if Verdict.FAIL in found:
        return Verdict.FAIL
    needed = {result.verdict for result in own if result.required}
    for verdict in _OPEN:
        if verdict in needed:
            return verdict
    if Verdict.VARIATION in found:
        return Verdict.VARIATION
    return Verdict.PASS if Verdict.PASS in found else Verdict.NOT_EVALUATED
