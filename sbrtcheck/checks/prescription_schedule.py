"""The prescription of each lesion is one of the schedules of a trial."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ_kinds import organ_names
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import decided, no_lesions, not_evaluated, organ_evidence, unseen
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.results import Interval, Outcome, Verdict

# Prescriptions are written to a hundredth of a gray: half of that is rounding.
_ROUNDING_GY = 0.005


def _known(organ: str) -> str:
    if organ and organ not in organ_names():
        raise ValueError(f"{organ!r} is not one of {', '.join(sorted(organ_names()))}")
    return organ


def _rising(ends: tuple[float, ...]) -> tuple[float, ...]:
    if list(ends) != sorted(ends):
        raise ValueError("a range has its smaller end first")
    return ends


Ends = Annotated[tuple[float, ...], Field(min_length=1, max_length=2), AfterValidator(_rising)]


class Schedule(BaseModel):
    """Total dose in Gy and number of fractions: one value, or the ends of a range; ``note`` says where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dose_gy: Ends
    fractions: Ends
    note: str = ""

    def holds(self, dose_gy: float, fractions: int) -> bool:
        """Whether a prescription is this schedule."""
        doses = self.dose_gy[0] - _ROUNDING_GY <= dose_gy <= self.dose_gy[-1] + _ROUNDING_GY
        return doses and self.fractions[0] <= fractions <= self.fractions[-1]

    def __str__(self) -> str:
        dose, number = (" to ".join(f"{v:g}" for v in ends) for ends in (self.dose_gy, self.fractions))
        return f"{dose} Gy in {number}" + (f" ({self.note})" if self.note else "")


class Parameters(BaseModel):
    """The schedules that are allowed, in one organ or, where none is named, anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedules: tuple[Schedule, ...] = Field(min_length=1)
    organ: Annotated[str, AfterValidator(_known)] = ""


class PrescriptionSchedule:
    """Look for the prescription of each lesion among the schedules.

    Notes
    -----
    Which of several schedules suits the size or the neighbours of a lesion is not judged: the report names the one that
    was found. A dose that was made up from beam doses is no prescription.
    """

    id: ClassVar[str] = "prescription-schedule"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome a lesion."""
        asked = task.parameters
        return no_lesions(derived) or (*(_one(one, asked, derived) for one in derived.lesions), *unseen(derived))


def _one(lesion: Lesion, asked: Parameters, derived: Derived) -> Outcome:
    finding, where = derived.organ(lesion), organ_evidence(lesion, derived)
    if asked.organ and finding.decisive and finding.organ != asked.organ:
        return decided(lesion, Verdict.NOT_APPLICABLE, f"{finding.text}: not in the {asked.organ}", where)
    try:
        prescription, fractions = derived.prescription(lesion.outermost), derived.fractions(lesion.outermost)
    except NotComputable as missing:
        return not_evaluated(str(missing), lesion.id, lesion.measured)
    if prescription.source == "beam-dose":
        reason = "the plan states no prescription, only doses of beams; state it in the site file ([prescriptions])"
        return not_evaluated(reason, lesion.id, lesion.measured)
    stated = f"{prescription.dose_gy:g} Gy in {fractions} fraction" + ("" if fractions == 1 else "s")
    found = [str(one) for one in asked.schedules if one.holds(prescription.dose_gy, fractions)]
    all_of_them = "; ".join(map(str, asked.schedules))
    reason = f"{stated}: {'; '.join(found)}" if found else f"{stated} is none of {all_of_them}"
    if asked.organ and not finding.decisive:
        unknown = f"whether it lies in the {asked.organ} is not known: draw the organ. {stated}"
        return decided(lesion, Verdict.NOT_EVALUATED, unknown, where)
    verdict = Verdict.PASS if found else Verdict.FAIL
    measured = Interval.exact(prescription.dose_gy)
    return Outcome(
        lesion.id, lesion.measured.roi_number, measured, "Gy", verdict=verdict, reason=reason, evidence=(where,)
    )


CHECK = PrescriptionSchedule()
