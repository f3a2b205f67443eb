"""No earlier radiotherapy in a target lesion: by the dose of earlier courses, or by declaration."""

from __future__ import annotations

from itertools import product
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, decided, no_lesions, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Case, Structure
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
    Only "declared none" or a dose that is mapped can lead to a pass, and the reason says which it was. An earlier dose
    decides over a declaration. A course without dose, or not mapped, leaves the lesion not evaluated; indeterminate
    where an earlier target surely holds a part of it. One that is declared without files leaves it not evaluated too,
    unless no target lesion is declared to be treated before. Where no GTV is drawn, the least dose of the target that
    encloses the tumour shows irradiation, and its highest dose the lack of it.
    """

    id: ClassVar[str] = "prior-radiotherapy"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient where only a declaration decides, else one a lesion."""
        if not derived.courses:
            return (_by_declaration(task, derived.case),)
        return no_lesions(derived) or tuple(_one(lesion, task, derived) for lesion in derived.lesions)


def _by_declaration(task: Task, case: Case) -> Outcome:
    facts, known = task.declared.facts, task.declared.earlier_courses
    if facts.get(_FACT) is True:
        return Outcome(PATIENT, verdict=Verdict.FAIL, reason=f"earlier radiotherapy of a target is declared ({_FACT})")
    if case.prior_given:
        return not_evaluated("a folder of earlier courses was given, and no earlier course was found in it")
    if case.summed_with:
        return not_evaluated("a dose beside the plan sums it with a plan that was not given, perhaps an earlier course")
    listed = "; ".join(map(str, known))
    none = next((key for key in (_ANY, _FACT) if facts.get(key) is False), None)
    if known and none != _FACT:
        return not_evaluated(f"earlier radiotherapy is declared and no dose of it was given: {listed}")
    if none is not None:
        which = "no earlier radiotherapy" if none == _ANY else "no earlier radiotherapy of a target lesion"
        also = f"; declared of other places: {listed}" if known else ""
        reason = f"by declaration, not by measurement: {which} ({none} = false){also}"
        return Outcome(PATIENT, verdict=Verdict.PASS, reason=reason)
    return not_evaluated(f"no earlier course was given (--prior) and none is ruled out by declaration ({_FACT})")


def _one(lesion: Lesion, task: Task, derived: Derived) -> Outcome:
    each = product(lesion.all_of_role(lesion.measured_role), range(1, len(derived.courses) + 1))
    found = [_course(tumour, number, lesion.measured_role, task.parameters, derived) for tumour, number in each]
    found += [_undocumented(str(c), task) for c in task.declared.without_files([c.date for c in derived.courses])]
    verdict = next(v for v in _WORST_FIRST if any(f[0] == v for f in found))
    reason = "; ".join(dict.fromkeys(text for v, text in found if v == verdict))
    if verdict is Verdict.FAIL and lesion.doubtful:
        verdict = Verdict.INDETERMINATE
    if task.declared.facts.get(_FACT) is True and verdict is Verdict.PASS:
        verdict = Verdict.INDETERMINATE
        reason += f"; yet earlier radiotherapy of a target lesion is declared ({_FACT})"
    elif verdict is Verdict.PASS:
        reason += "; courses that were not given are not covered"
    if task.declared.facts.get(_ANY) is False:
        reason += f"; yet no earlier radiotherapy at all is declared ({_ANY} = false)"
    evidence = tuple(Evidence(text=text, roi_numbers=(lesion.measured.roi_number,)) for _, text in found)
    return decided(lesion, verdict, reason, *evidence)


def _undocumented(course: str, task: Task) -> Found:
    if task.declared.facts.get(_FACT) is False:
        return Verdict.PASS, f"by declaration, not by measurement, no target lesion lay in: {course} ({_FACT} = false)"
    return Verdict.NOT_EVALUATED, f"an earlier course is declared and no files of it were given: {course}"


def _course(tumour: Structure, number: int, role: str, parameters: Parameters, derived: Derived) -> Found:
    name, course = derived.course_name(number), derived.courses[number - 1]
    if course.dose is None:
        name = f"{name} has no dose ({course.state})"
        if course.structure_set is None:
            return Verdict.NOT_EVALUATED, name
    elif course.dose.kind == "EFFECTIVE":
        return Verdict.NOT_EVALUATED, f"the dose of {name} is weighted for its effect, its prescription is not"
    try:
        found = derived.prior_findings(tumour, number, parameters.treated_isodose_percent)
        if course.dose is None:
            return _by_targets(found, role, name)
        if found.prescribed_gy is None:
            return Verdict.NOT_EVALUATED, f"the prescription of {name} is not known, or not one (site file: courses)"
        verdict, text = _by_dose(found, found.prescribed_gy, role, parameters)
    except NotComputable as reason:
        return Verdict.NOT_EVALUATED, f"{name}: {reason}"
    return verdict, f"{text}: dose of {name}, {found.mapping}; bounds hold for an error of {found.uncertainty}"


def _by_dose(found: PriorFindings, prescribed_gy: float, role: str, parameters: Parameters) -> Found:
    percent = parameters.treated_isodose_percent
    isodose_gy, clear_gy = (p / 100.0 * prescribed_gy for p in (percent, parameters.untreated_below_percent))
    share = found.quantity(f"V{percent:g}%[%]").registered
    highest, lowest = (found.quantity(name).registered for name in ("Max[Gy]", "Min[Gy]"))
    inside = f"{share.value:.0f} % of the {role} lies inside the prior {percent:g} % isodose"
    if share.low >= parameters.treated_share_percent if role == "GTV" else lowest.low >= isodose_gy:
        return Verdict.FAIL, f"{inside} ({isodose_gy:.2f} Gy)"
    most = f"highest prior dose in the {role} {highest.value:.2f} Gy"
    if highest.high < clear_gy:
        less = f"less than {parameters.untreated_below_percent:g} % of the prior {prescribed_gy:g} Gy"
        return Verdict.PASS, f"{most}, {less}"
    if found.unknown_share is not None and found.unknown_share.registered.high > 0.0:
        most += f"; the prior dose grid does not reach {found.unknown_share.numerical.value:.0f} % of it"
    return Verdict.INDETERMINATE, f"{inside}, {most}; neither surely treated before nor surely not"


def _by_targets(found: PriorFindings, role: str, missing: str) -> Found:
    """Judge a course without dose by its targets: where they are, never that nothing was given elsewhere."""
    shares = [(t.overlap_percent, t.roi_number) for t in found.targets if t.overlap_percent is not None]
    held = max(((s.numerical.value, roi) for s, roi in shares if s.registered.low > 0.0), default=None)
    if held is not None:
        holds = f"{held[0]:.0f} % of the {role} lies in its target ROI {held[1]}"
        return Verdict.INDETERMINATE, f"{missing}, and {holds}; its dose would decide"
    away = [(t.distance_mm.numerical.value, t.roi_number) for t in found.targets if t.distance_mm is not None]
    nearest = "; its target ROI {1} is {0:.0f} mm away".format(*min(away)) if away else ""
    return Verdict.NOT_EVALUATED, f"{missing}{nearest}"


CHECK = PriorRadiotherapy()
