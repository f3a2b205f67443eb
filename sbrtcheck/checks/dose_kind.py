"""What kind of dose was read: physical, and stored as one whole."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT
from sbrtcheck.derived import Derived
from sbrtcheck.results import Outcome, Verdict


class Parameters(BaseModel):
    """No parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DoseKind:
    """Say what the dose of the plan is.

    Notes
    -----
    The reader takes no dose but in Gy (Dose Units GY), PHYSICAL or EFFECTIVE, of a PLAN, or of fraction groups or beams
    that together are the whole plan once (Dose Summation Type); everything else leaves the case without a dose, and
    this rule not evaluated. A sum of several objects is an acceptable deviation: nobody looked at the sum before.
    """

    id: ClassVar[str] = "dose-kind"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        dose = derived.dose
        if dose.kind != "PHYSICAL":
            reason = f"Dose Type is {dose.kind}; limits in Gy are of physical dose, so export that"
            return (Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason),)
        count = len(dose.sop_instance_uids)
        if count > 1:
            reason = f"the dose in Gy is the sum of {count} RT Dose objects; export one of the whole plan"
            return (Outcome(PATIENT, verdict=Verdict.VARIATION, reason=reason),)
        reason = "one RT Dose in Gy, PHYSICAL, of the whole plan"
        return (Outcome(PATIENT, verdict=Verdict.PASS, reason=reason),)


CHECK = DoseKind()
