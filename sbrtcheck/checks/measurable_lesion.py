"""Number of lesions measurable under RECIST 1.1; the limit has no unit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from sbrtcheck.anatomy.recist import Criteria, Measurability
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, lesions, no_lesions
from sbrtcheck.checks.units import InUnit
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.results import Evidence, Interval, Outcome


class Parameters(InUnit):
    """What makes a lesion measurable; the protocol file states the numbers and their sources."""

    limit_unit: ClassVar[str] = ""

    longest_axial_mm: float = Field(gt=0)  # a lesion that is not a node
    node_short_axis_mm: float = Field(gt=0)
    thick_slice_mm: float = Field(gt=0)  # slices thicker than this ask for more
    thick_slice_factor: float = Field(gt=0)  # ... this many times the spacing


class MeasurableLesion:
    """Count the lesions that RECIST 1.1 calls measurable, as far as contours can tell (``anatomy.recist``)."""

    id: ClassVar[str] = "measurable-lesion"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = True

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient."""
        nothing = no_lesions(derived)
        if nothing:
            return nothing
        criteria = Criteria(**task.parameters.model_dump())
        evidence, surely, perhaps = [], 0, 0
        for lesion in derived.lesions:
            try:
                found = derived.measurability(lesion, criteria)
            except NotComputable as missing:
                found = Measurability(None, str(missing))
            surely += found.measurable is True
            perhaps += found.measurable is None
            word = {True: "measurable", False: "not measurable", None: "open whether measurable"}[found.measurable]
            number = lesion.measured.roi_number
            evidence.append(Evidence(text=f"{lesion.id}: {word}; {found.reason}", roi_numbers=(number,)))
        reason = f"surely measurable: {lesions(surely)}, perhaps: {perhaps}"
        if perhaps and not surely:
            reason += f"; {evidence[0].text}"
        return (
            Outcome(
                PATIENT,
                measured=Interval(surely, surely, surely + perhaps),
                limit=task.rule.limit,
                reason=reason,
                evidence=tuple(evidence),
            ),
        )


CHECK = MeasurableLesion()
