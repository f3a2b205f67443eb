"""Approval of the plan."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.results import Outcome, Verdict


class Parameters(BaseModel):
    """No parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Approval:
    """Read Approval Status (300E,0002) of the plan.

    Notes
    -----
    APPROVED passes and REJECTED fails. A plan that nobody has reviewed yet lacks its approval, as one that does not say
    does: not evaluated. The status is one for all reviewers: it does not tell a physician from a physicist.
    """

    id: ClassVar[str] = "approval"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        plan = derived.case.plan
        if plan is None:
            return (not_evaluated("no usable RT Plan was found"),)
        match plan.approval_status:
            case "APPROVED":
                return (Outcome(PATIENT, verdict=Verdict.PASS, reason="the plan is APPROVED"),)
            case "REJECTED":
                return (Outcome(PATIENT, verdict=Verdict.FAIL, reason="the plan is REJECTED"),)
            case "UNAPPROVED":
                return (not_evaluated("the plan is UNAPPROVED: approve it and export it again"),)
            case _:
                return (not_evaluated("the plan states no approval that can be read (Approval Status)"),)


CHECK = Approval()
