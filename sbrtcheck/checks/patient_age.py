"""Age of the patient at the date of the plan, years, as far as the DICOM files show it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, not_evaluated
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.results import Interval, Outcome


class Parameters(InUnit):
    """No parameters."""

    limit_unit: ClassVar[str] = "years"


class PatientAge:
    """Measure the age from the birth date or the age that the files state."""

    id: ClassVar[str] = "patient-age"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        age = derived.case.patient_age_years
        if age is None:
            return (not_evaluated("the files state neither an age nor a birth date (often removed with the identity)"),)
        reason = "age at the date of the plan, as the files state it"
        return (
            Outcome(
                PATIENT, measured=Interval.exact(age), unit=Parameters.limit_unit, limit=task.rule.limit, reason=reason
            ),
        )


CHECK = PatientAge()
