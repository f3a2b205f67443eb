"""No earlier radiotherapy in a target lesion: by the dose of earlier courses, or by declaration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.checks.base import Task
from sbrtcheck.checks.outcomes import PATIENT, decided, no_lesions, not_evaluated
from sbrtcheck.derived import Derived
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.prior.overlap import PriorDose
from sbrtcheck.results import Evidence, Outcome, Verdict

_FACT = "prior_radiotherapy_to_target"
_WORST_FIRST = (Verdict.FAIL, Verdict.NOT_EVALUATED, Verdict.INDETERMINATE, Verdict.PASS)


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
    it was. An earlier dose decides over a declaration. A course whose dose is missing or cannot be mapped leaves the
    lesion not evaluated. Bounds hold over the error of the registration. Where no GTV is drawn, the least dose of the
    target that encloses the tumour shows irradiation, and its highest dose the lack of it.
    """

    id: ClassVar[str] = "prior-radiotherapy"
    Parameters: ClassVar[type[BaseModel]] = Parameters
    needs_limit: ClassVar[bool] = False

    def run(self, task: Task, derived: Derived) -> tuple[Outcome, ...]:
        """Return one outcome for the patient where only a declaration decides, else one a lesion."""
        declared = task.declared.facts.get(_FACT)
        if not derived.case.priors:
            return (_by_declaration(declared, derived.case.prior_given),)
        return no_lesions(derived) or tuple(_one(lesion, task, declared, derived) for lesion in derived.lesions)


def _by_declaration(declared: object, prior_given: bool) -> Outcome:
    if declared is True:
        reason = f"earlier radiotherapy of a target lesion is declared ({_FACT})"
        return Outcome(PATIENT, verdict=Verdict.FAIL, reason=reason)
    if prior_given:
        return not_evaluated("a folder of earlier courses was given, and no earlier course was found in it")
    if declared is False:
        reason = f"by declaration, not by measurement: no earlier radiotherapy of a target lesion ({_FACT} = false)"
        return Outcome(PATIENT, verdict=Verdict.PASS, reason=reason)
    return not_evaluated(f"no earlier course was given (--prior) and none is ruled out by declaration ({_FACT})")


def _one(lesion: Lesion, task: Task, declared: object, derived: Derived) -> Outcome:
    try:
        tumours = lesion.all_of_role(lesion.measured_role)
        courses = [course for tumour in tumours for course in derived.prior_doses(tumour)]
    except NotComputable as missing:
        return not_evaluated(str(missing), lesion.id, lesion.measured)
    found = [_course(course, lesion, task.parameters) for course in courses]
    verdict = next(v for v in _WORST_FIRST if any(f[0] == v for f in found))
    if verdict is Verdict.FAIL and lesion.doubtful:
        verdict = Verdict.INDETERMINATE
    reason = "; ".join(text for v, text in found if v == verdict) or found[0][1]
    if declared is True and verdict is Verdict.PASS:
        verdict = Verdict.INDETERMINATE
        reason += f"; yet earlier radiotherapy of a target lesion is declared ({_FACT})"
    elif verdict is Verdict.PASS:
        reason += "; courses that were not given are not covered"
    told = (
        text if course.text in text else f"{text}; {course.text}"
        for (_, text), course in zip(found, courses, strict=True)
    )
    evidence = tuple(Evidence(text=text, roi_numbers=(lesion.measured.roi_number,)) for text in told)
    return decided(lesion, verdict, reason, *evidence)


def _course(course: PriorDose, lesion: Lesion, parameters: Parameters) -> tuple[Verdict, str]:
    if course.curves is None:
        return Verdict.NOT_EVALUATED, course.text
    if course.prescribed_gy is None:
        return Verdict.NOT_EVALUATED, f"{course.text}, but its prescription is not known or not one"
    try:
        return _by_dose(course.curves, course.prescribed_gy, lesion, parameters)
    except NotComputable as missing:
        return Verdict.NOT_EVALUATED, str(missing)


def _by_dose(curves: DvhCurves, prescribed_gy: float, lesion: Lesion, parameters: Parameters) -> tuple[Verdict, str]:
    role = lesion.measured_role
    isodose_gy = parameters.treated_isodose_percent / 100.0 * prescribed_gy
    clear_gy = parameters.untreated_below_percent / 100.0 * prescribed_gy
    highest, lowest = curves.interval(lambda d: d.maximum_gy), curves.interval(lambda d: d.minimum_gy)
    share = curves.interval(lambda d: 100.0 * d.volume_at_least(isodose_gy) / d.total_cm3)
    inside = f"{share.value:.0f} % of the {role} lies inside the prior {parameters.treated_isodose_percent:g} % isodose"
    treated = share.low >= parameters.treated_share_percent if role == "GTV" else lowest.low >= isodose_gy
    if treated:
        return Verdict.FAIL, f"{inside} ({isodose_gy:.2f} Gy)"
    most = f"highest prior dose in the {role} {highest.value:.2f} Gy"
    if highest.high < clear_gy:
        return (
            Verdict.PASS,
            f"{most}, less than {parameters.untreated_below_percent:g} % of the prior {prescribed_gy:g} Gy",
        )
    reason = f"{inside}, {most}"
    if curves.outside_fraction > 0:
        reason += f"; the prior dose grid does not reach {100 * curves.outside_fraction:.0f} % of it"
    return Verdict.INDETERMINATE, f"{reason}: neither surely treated before nor surely not"


CHECK = PriorRadiotherapy()
