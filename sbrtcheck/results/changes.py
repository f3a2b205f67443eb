"""What changed between two reports of one plan: an earlier submission and the one that replaces it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sbrtcheck.results.base import Document, Record
from sbrtcheck.results.values import Interval, Limit, Verdict

# cured: failed, met now. settled: was open, met now. new: fails now, and did not or was not asked. lost: was met, is
# open or not asked now. open: failed, and is not known to be cured. still: fails with another number. value: no
# deviation on either side, another number or another way of being open. added, gone: in one of the two reports only.
RuleKind = Literal["cured", "settled", "new", "lost", "open", "still", "value", "added", "gone"]


class RuleChange(Record):
    """One rule on one subject, before and after; None on the side that has none."""

    kind: RuleKind
    protocol: str
    rule: str
    title: str = ""
    section: Literal["plan", "declared"]
    subject: str
    before: Verdict | None
    after: Verdict | None
    value_before: Interval | None = None
    value_after: Interval | None = None
    unit: str = ""
    limit: Limit | None = None  # of the later report


class StructureChange(Record):
    """One structure whose outlines or name changed; volumes in cm3 where a report has them."""

    kind: Literal["redrawn", "renamed", "added", "removed"]
    name: str
    earlier_name: str = ""  # of what was renamed
    volume_before: float | None = None
    volume_after: float | None = None


class Changes(Document):
    """What changed since the earlier report.

    ``remarks`` name what may have changed the verdicts besides the plan: protocols, program, ways of reading.
    """

    schema_: Literal["sbrtcheck-changes/1"] = Field(default="sbrtcheck-changes/1", alias="schema")
    earlier: str = ""  # name of the earlier submission, where there is one
    earlier_plan: str = ""  # SOP instance UID
    plan: str = ""
    verdict_before: Verdict
    verdict_after: Verdict
    declared_before: Verdict
    declared_after: Verdict
    rules: tuple[RuleChange, ...] = ()
    structures: tuple[StructureChange, ...] = ()
    remarks: tuple[str, ...] = ()

    def count(self, *kinds: RuleKind) -> int:
        """Return the number of rules that changed in one of these ways."""
        return sum(rule.kind in kinds for rule in self.rules)
