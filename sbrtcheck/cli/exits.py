"""Exit status of a verdict (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Mapping

from sbrtcheck.results import Verdict

MET = 0
FAILED = 1
UNUSABLE = 2
UNDECIDED = 3


def exit_status(plan: Verdict, declared: Verdict) -> int:
    """Return the exit status of a report: the worse of its two sections.

    A section without rules is ``not-applicable`` and has no say; a report in which neither section has a verdict is
    not decided.

    Examples
    --------
    >>> exit_status(Verdict.PASS, Verdict.NOT_APPLICABLE), exit_status(Verdict.PASS, Verdict.NOT_EVALUATED)
    (0, 3)
    """
    verdicts = {plan, declared} - {Verdict.NOT_APPLICABLE}
    if Verdict.FAIL in verdicts:
        return FAILED
    return MET if verdicts and verdicts <= {Verdict.PASS, Verdict.VARIATION} else UNDECIDED


def batch_status(verdicts: Mapping[str, int]) -> int:
    """Return the exit status of a batch: that of its worst plan; a batch without plans is not decided.

    Examples
    --------
    >>> batch_status({"pass": 40, "fail": 1}), batch_status({"pass": 40}), batch_status({})
    (1, 0, 3)
    """
    found = {Verdict(verdict) for verdict, count in verdicts.items() if count}
    if Verdict.FAIL in found:
        return FAILED
    return MET if found and found <= {Verdict.PASS, Verdict.VARIATION} else UNDECIDED
