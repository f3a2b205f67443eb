"""No earlier radiotherapy in a target lesion: by the dose of earlier courses, or by declaration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, decided, no_lesions, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.prior.mapped import PriorFindings
from sbrtcheck.results import Evidence, Outcome, Verdict

_FACT, _ANY = "prior_radiotherapy_to_target", "prior_radiotherapy"
_WORST_FIRST = (Verdict.FAIL, Verdict.NOT_EVALUATED, Verdict.INDETERMINATE, Verdict.PASS)
Found = tuple[Verdict, str]


class Parameters(BaseModel):
    """From which prior dose on a lesion counts as treated before: choices, which the protocol file states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    treated_isodose_percent: float = Field(gt=0)  # percent of the prior prescription
    treated_share_percent: float = Field(gt=0, le=100)  # share of the tumour inside that isodose
    untreated_below_percent: float = Field(gt=0)  # highest prior dose in the tumour, percent of the prior prescription


class PriorRadiotherapy:
    """Look for the dose of earlier courses in each lesion.

    Notes
    -----
    Only "declared none" without earlier files, or a dose that is mapped, can lead to a pass, and the reason says which
    it was. An earlier dose decides over a declaration. A course whose dose is missing or cannot be mapped, and one that
    is declared and of which there are no files, leave the lesion not evaluated. Bounds hold over the error of the
    registration. Where no GTV is drawn, the least dose of the target that encloses the tumour shows irradiation, and
    its highest dose the lack of it.
    """

    id: ClassVar[str] = "prior-radiotherapy"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient where only a declaration decides, else one a lesion."""
        if not derived.courses:
            return (_by_declaration(task, derived.case.prior_given),)
        return no_lesions(derived) or tuple(_one(lesion, task, derived) for lesion in derived.lesions)


def _by_declaration(task: Task, prior_given: bool) -> Outcome:
    facts, known = task.declared.facts, task.declared.earlier_courses
    if facts.get(_FACT) is True:
        reason = f"earlier radiotherapy of a target lesion is declared ({_FACT})"
        return Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason)
    if prior_given:
        return not_evaluated("a folder of earlier courses was given, and no earlier course was found in it")
    none = next((key for key in (_ANY, _FACT) if facts.get(key) is False), None)
    if known and none != _FACT:
        return not_evaluated(
            f"earlier radiotherapy is declared and no dose of it was given: {'; '.join(map(str, known))}"
        )
    if none is not None:
        which = "no earlier radiotherapy" if none == _ANY else "no earlier radiotherapy of a target lesion"
        also = f"; declared of other places: {'; '.join(map(str, known))}" if known else ""
        reason = f"by declaration, not by measurement: {which} ({none} = false){also}"
        return Outcome(PATIENT, verdict=Verdict.PASS, reason=reason)
    return not_evaluated(f"no earlier course was given (--prior) and none is ruled out by declaration ({_FACT})")


def _one(lesion: Lesion, task: Task, derived: Derived) -> Outcome:
    tumours = lesion.all_of_role(lesion.measured_role)
    found = [
        _course(tumour, number, lesion.measured_role, task.parameters, derived)
        for tumour in tumours
        for number in range(1, len(derived.courses) + 1)
    ]
    open_ = task.declared.without_files([course.date for course in derived.courses])
    found += [
        (Verdict.NOT_EVALUATED, f"an earlier course is declared and no files of it were given: {c}") for c in open_
    ]
    verdict = next(v for v in _WORST_FIRST if any(f[0] == v for f in found))
    if verdict is Verdict.FAIL and lesion.doubtful:
        verdict = Verdict.INDETERMINATE
    reason = "; ".join(dict.fromkeys(text for v, text in found if v == verdict)) or found[0][1]
    if task.declared.facts.get(_FACT) is True and verdict is Verdict.PASS:
        verdict = Verdict.INDETERMINATE
        reason += f"; yet earlier radiotherapy of a target lesion is declared ({_FACT})"
    elif verdict is Verdict.PASS:
        reason += "; courses that were not given are not covered"
    if task.declared.facts.get(_ANY) is False:
        reason += f"; yet no earlier radiotherapy at all is declared ({_ANY} = false)"
    evidence = tuple(Evidence(text=text, roi_numbers=(lesion.measured.roi_number,)) for _, text in found)
    return decided(lesion, verdict, reason, *evidence)


def _course(tumour: Structure, number: int, role: str, parameters: Parameters, derived: Derived) -> Found:
    name = derived.course_name(number)
    try:
        found = derived.prior_findings(tumour, number, parameters.treated_isodose_percent)
        if derived.courses[number - 1].dose is None:
            return Verdict.NOT_EVALUATED, f"{name} has no dose ({derived.courses[number - 1].state}){_targets(found)}"
        if found.prescribed_gy is None:
            return (
                Verdict.NOT_EVALUATED,
                f"the prescription of {name} is not known, or not one; state it in the site file",
            )
        verdict, text = _by_dose(found, found.prescribed_gy, role, parameters)
    except NotComputable as missing:
        return Verdict.NOT_EVALUATED, f"{name}: {missing}"
    return (
        verdict,
        f"{text}: dose of {name}, {found.mapping}; bounds hold for {found.uncertainty} of error in its place",
    )


def _by_dose(found: PriorFindings, prescribed_gy: float, role: str, parameters: Parameters) -> Found:
    percent = parameters.treated_isodose_percent
    isodose_gy, clear_gy = (p / 100.0 * prescribed_gy for p in (percent, parameters.untreated_below_percent))
    share = found.quantity(f"V{percent:g}%[%]").registered
    highest, lowest = (found.quantity(name).registered for name in ("Max[Gy]", "Min[Gy]"))
    inside = f"{share.value:.0f} % of the {role} lies inside the prior {percent:g} % isodose"
    treated = share.low >= parameters.treated_share_percent if role == "GTV" else lowest.low >= isodose_gy
    if treated:
        return Verdict.FAIL, f"{inside} ({isodose_gy:.2f} Gy)"
    most = f"highest prior dose in the {role} {highest.value:.2f} Gy"
    if highest.high < clear_gy:
        less = f"less than {parameters.untreated_below_percent:g} % of the prior {prescribed_gy:g} Gy"
        return Verdict.PASS, f"{most}, {less}"
    unknown = found.unknown_share
    if unknown is not None and unknown.registered.high > 0.0:
        most += f"; the prior dose grid does not reach {unknown.numerical.value:.0f} % of it"
    return Verdict.INDETERMINATE, f"{inside}, {most}; neither surely treated before nor surely not"


def _targets(found: PriorFindings) -> str:
    """Return what the targets of a course without dose tell: where they are, never that nothing was given."""
    away = [(t.distance_mm.numerical.value, t) for t in found.targets if t.distance_mm is not None]
    if not away:
        return ""
    distance_mm, nearest = min(away, key=lambda one: one[0])
    overlap = nearest.overlap_percent
    if overlap is not None and overlap.registered.low > 0.0:
        return f"; {overlap.numerical.value:.0f} % of this target lies in its target ROI {nearest.roi_number}"
    return f"; its target ROI {nearest.roi_number} is {distance_mm:.0f} mm away"


CHECK = PriorRadiotherapy()
