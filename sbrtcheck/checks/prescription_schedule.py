"""The prescription of each lesion is one of the schedules of a trial."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.organ import OrganFinding
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
    """Total dose in Gy and number of fractions: one value, or the ends of a range; ``note`` says where.

    ``only_in`` and ``not_in`` are patterns of TG-263 names, such as ``VB*`` for vertebrae.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dose_gy: Ends
    fractions: Ends
    note: str = ""
    only_in: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()

    def suits(self, names: Collection[str]) -> bool | None:
        """Whether it is meant for a lesion within structures of these TG-263 names; None where they do not tell."""
        if not self.only_in and not self.not_in:
            return True
        if not names or any(name.partition("_")[0] == "Bone" for name in names):  # a bone, and nobody knows which
            return None
        inside = any(fnmatchcase(name, pattern) for name in names for pattern in self.only_in or self.not_in)
        return inside == bool(self.only_in)

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
    was found. Which bone it lies in is, where a schedule is for some bones only. A dose that was made up from beam
    doses is no prescription.
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
    if asked.organ and not finding.decisive:
        unknown = f"whether it lies in the {asked.organ} is not known: draw the organ. {stated}"
        return decided(lesion, Verdict.NOT_EVALUATED, unknown, where)
    measured = Interval.exact(prescription.dose_gy)
    verdict, reason = _judged(asked, prescription.dose_gy, fractions, _places(finding, derived))
    return Outcome(
        lesion.id,
        lesion.measured.roi_number,
        measured,
        "Gy",
        verdict=verdict,
        reason=f"{stated}{reason}",
        evidence=(where,),
    )


def _judged(asked: Parameters, dose_gy: float, fractions: int, places: Collection[str]) -> tuple[Verdict, str]:
    """Return the verdict, and the end of a sentence that says why."""
    same = {one: one.suits(places) for one in asked.schedules if one.holds(dose_gy, fractions)}
    suiting = [str(one) for one, suits in same.items() if suits]
    if suiting:
        return Verdict.PASS, f": {'; '.join(suiting)}"
    listed = "; ".join(map(str, asked.schedules))
    if None in same.values():
        return Verdict.INDETERMINATE, f": which bone it lies in is not drawn, and the schedules differ: {listed}"
    if same:
        return Verdict.FAIL, f" is not for {', '.join(sorted(places))}: {listed}"
    return Verdict.FAIL, f" is none of {listed}"


def _places(finding: OrganFinding, derived: Derived) -> frozenset[str]:
    """Return the TG-263 names of what holds a lesion."""
    held = (derived.match(s).tg263 for s in derived.structures if s.roi_number in finding.roi_numbers)
    return frozenset(name for name in (*held, finding.place) if name)


CHECK = PrescriptionSchedule()
