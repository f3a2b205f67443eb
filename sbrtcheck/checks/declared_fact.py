"""A fact that a person declares: present, of the right kind, and what the protocol asks for."""

from __future__ import annotations

import calendar
import datetime as dt
import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.protocol.schema import FACT_KEY
from sbrtcheck.results import Evidence, Interval, Outcome, Verdict

_KINDS: dict[str, tuple[type, ...]] = {
    "yes-no": (bool,),
    "whole-number": (int,),
    "number": (int, float),
    "text": (str,),
    "date": (dt.date,),
}


def _key(text: str) -> str:
    if not FACT_KEY.fullmatch(text):
        raise ValueError("a key is lower case words joined by underscores")
    return text


class Parameters(BaseModel):
    """Which fact, and what it must be.

    Attributes
    ----------
    key : str
        Key of the fact in the declared file.
    kind : str
        What may be written there.
    equals, one_of
        What is accepted; neither means that the fact only has to be declared.
    least : int
        Smallest number that makes sense; a smaller one fails.
    months_after : str
        For a date: key of an earlier date, with ``months`` the least distance in calendar months.
    agrees_with : str
        ``lesion-count``: a number that also has to agree with the lesions drawn in the plan.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, AfterValidator(_key)]
    kind: Literal["yes-no", "whole-number", "number", "text", "date"]
    equals: bool | None = None
    one_of: tuple[str, ...] = ()
    least: int | None = None
    months_after: Annotated[str, AfterValidator(_key)] | None = None
    months: int | None = None
    agrees_with: Literal["lesion-count"] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.equals is not None) != (self.kind == "yes-no"):
            raise ValueError("equals goes with kind = 'yes-no', and that kind needs it")
        if self.one_of and self.kind != "text":
            raise ValueError("one_of goes with kind = 'text'")
        if (self.months_after is None) != (self.months is None) or (self.months_after and self.kind != "date"):
            raise ValueError("months_after and months go together, with kind = 'date'")
        if self.least is not None and self.kind != "whole-number":
            raise ValueError("least goes with kind = 'whole-number'")
        if self.agrees_with and self.kind != "whole-number":
            raise ValueError("agrees_with goes with kind = 'whole-number'")
        return self

    @model_validator(mode="after")
    def _limit_only_for_numbers(self, info: ValidationInfo) -> Self:
        rule = (info.context or {}).get("rule")
        if rule is not None and rule.any_limit is not None and self.kind not in {"whole-number", "number"}:
            raise ValueError(f"a limit goes with a number, not with kind = {self.kind!r}")
        return self


class DeclaredFact:
    """Judge one declared fact; what is not declared is not evaluated."""

    id: ClassVar[str] = "declared-fact"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool | None] = None  # a number has one, a word has none

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        asked: Parameters = task.parameters
        value = _declared(asked.key, asked.kind, task)
        if isinstance(value, Outcome):
            return (value,)
        if asked.agrees_with is not None:
            contradiction = _against_the_plan(int(value), derived)
            if contradiction is not None:
                return (contradiction,)
        if asked.months_after is not None:
            return (_apart(value, asked, task),)
        if asked.least is not None and value < asked.least:
            reason = f"declared: {asked.key} = {value}, less than {asked.least}"
            return (Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason),)
        if task.rule.limit is not None:
            limit = task.rule.limit
            number, reason = Interval.exact(float(value)), f"declared: {asked.key} = {value}"
            return (Outcome(PATIENT, measured=number, unit=limit.unit, limit=limit, reason=reason),)
        return (_as_asked(value, asked),)


def _declared(key: str, kind: str, task: Task) -> Any:
    """Return a declared value, or the outcome that says what is wrong with it."""
    if key not in task.declared.facts:
        return Outcome(PATIENT, verdict=Verdict.NOT_EVALUATED, reason=f"{key} is not declared")
    value = task.declared.facts[key]
    fits = isinstance(value, _KINDS[kind]) and (kind == "yes-no") == isinstance(value, bool)
    if not fits or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return Outcome(PATIENT, verdict=Verdict.NOT_EVALUATED, reason=f"{key} is declared, but not as a {kind}")
    return value


def _as_asked(value: Any, asked: Parameters) -> Outcome:
    if asked.equals is not None:
        accepted = value is asked.equals
    elif asked.one_of:
        accepted = value in asked.one_of
    else:
        reason = f"{asked.key} is declared, and the protocol does not say what it accepts: the reader judges it"
        return Outcome(PATIENT, verdict=Verdict.INDETERMINATE, reason=reason, evidence=(_said(asked.key, value),))
    verdict = Verdict.PASS if accepted else Verdict.FAIL
    return Outcome(PATIENT, verdict=verdict, reason=f"declared: {asked.key} = {_shown(value)}")


def _apart(later: dt.date, asked: Parameters, task: Task) -> Outcome:
    earlier = _declared(str(asked.months_after), "date", task)
    if isinstance(earlier, Outcome):
        return earlier
    year, month = divmod(earlier.year * 12 + earlier.month - 1 + int(asked.months or 0), 12)
    # The same day of the later month; a month that is too short ends earlier, which asks for no more than the calendar.
    due = min(earlier.day, calendar.monthrange(year, month + 1)[1])
    met = (later.year, later.month, later.day) >= (year, month + 1, due)
    reason = f"declared: {asked.months_after} = {earlier}, {asked.key} = {later}; {asked.months} months are asked for"
    return Outcome(PATIENT, verdict=Verdict.PASS if met else Verdict.FAIL, reason=reason)


def _against_the_plan(declared: int, derived: Derived) -> Outcome | None:
    """Return a failing outcome where the number of lesions drawn surely contradicts what is declared."""
    try:
        count = derived.grouping.count
    except NotComputable:
        return None
    if count is None or count.low <= declared <= count.high:
        return None
    reason = f"{declared} lesions are declared, {count.value:g} are drawn in the plan: one of the two is wrong"
    return Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason)


def _said(key: str, value: Any) -> Evidence:
    return Evidence(text=f"declared: {key} = {_shown(value)}")


def _shown(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


CHECK = DeclaredFact()
