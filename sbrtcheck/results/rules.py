"""Results of rules, and what the reader is told beside them."""

from __future__ import annotations

from typing import Literal

from sbrtcheck.results.base import Record
from sbrtcheck.results.values import Evidence, Interval, Limit, Verdict


class RuleResult(Record):
    """The verdict of one rule on one subject."""

    rule: str
    protocol: str
    title: str = ""
    section: Literal["plan", "declared"]
    required: bool = True
    subject: str
    roi_number: int | None = None
    verdict: Verdict
    borderline: bool = False
    measured: Interval | None = None
    unit: str = ""
    limit: Limit | None = None
    margin: float | None = None  # distance from the interval to the per-protocol limit, positive on the good side
    reason: str
    definition: str = ""  # how the criterion was read
    definition_is_choice: bool = False  # whether the source leaves that to the reader
    source: str
    confidence: str = ""
    evidence: tuple[Evidence, ...] = ()
    not_drawn: tuple[str, ...] = ()  # structures that nobody drew and that a result not evaluated waits for


class Assumption(Record):
    """Something taken in the absence of a statement in the files, and how the reader overrules it."""

    topic: str  # "structure", "dose", "prescription", "definition", "plan", ...
    text: str
    overrule: str = ""  # e.g. the key of the site file


class Notice(Record):
    """Something the reader should know: a stable code, a sentence, the object."""

    code: str
    message: str
    where: str = ""
    severity: Literal["info", "warning", "blocking"] = "warning"


class InputRecord(Record):
    """One file of the submission."""

    sop_instance_uid: str
    modality: str
    sha256: str
    used: bool
    why: str
