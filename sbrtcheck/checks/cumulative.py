"""A metric in the sum of this plan and all earlier courses; never of fewer courses than are known of."""

from __future__ import annotations

import math

from sbrtcheck.checks.named import Found
from sbrtcheck.derived import Derived
from sbrtcheck.dose.biology import Effect
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Metric, Remark, remarks
from sbrtcheck.metrics.biological import Biological
from sbrtcheck.model import Structure
from sbrtcheck.prior.radiobiology import alpha_betas
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.results import Interval

_ANY = "prior_radiotherapy"


def cumulative(
    metric: Metric, found: Found, declared: Declared, derived: Derived
) -> tuple[Interval, tuple[Remark, ...]]:
    """Return a cumulative metric, and what must be known of it.

    Raises
    ------
    NotComputable
        If a course has no dose or is not mapped, if one is declared of which there are no files, or if nothing is known
        of earlier courses: then the dose of this plan alone is only taken where none is declared (prior_radiotherapy).
    """
    structure = found.structure
    lost = declared.without_files([course.date for course in derived.courses])
    if lost:
        raise NotComputable(f"an earlier course is declared and no files of it were given: {'; '.join(map(str, lost))}")
    effect = metric.effect if isinstance(metric, Biological) else None
    of_organ = [Remark(text) for text in _other_alpha_beta(structure, effect, derived)]
    if not derived.courses:
        if derived.case.prior_given:
            raise NotComputable("a folder of earlier courses was given, and no earlier course was found in it")
        if derived.case.summed_with:
            raise NotComputable("a dose beside the plan is its sum with a plan that was not given")
        if declared.facts.get(_ANY) is not False:
            raise NotComputable(f"no earlier course was given (--prior) and none is ruled out by declaration ({_ANY})")
        alone = Remark(f"the dose of this plan alone: no earlier radiotherapy is declared ({_ANY} = false)")
        view = found.within(derived)
        return metric.compute(structure, view), (alone, *remarks(metric, structure, view), *of_organ)
    measured = metric.compute(structure, found.within(derived.cumulative))
    texts = derived.cumulative_remarks(structure, effect)
    would_decide = _would_decide(measured, derived)
    return measured, (*(Remark(text, would_decide) for text in texts), *of_organ)


def _would_decide(measured: Interval, derived: Derived) -> str:
    """Return what would decide where a limit lies inside the bounds of a sum: the registrations widen them most."""
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        return "the earlier dose is not known in all of the structure: one that reaches it would decide"
    errors = [derived.course_uncertainty(number) for number in range(1, len(derived.courses) + 1)]
    if not any(error.shift_mm or error.rotation_deg for error in errors):
        return ""
    listed = ", ".join(dict.fromkeys(map(str, errors)))
    return (
        f"the limit lies inside the error of the sum; a registration known to be better than {listed} may decide "
        "(site file, [registration] or [[courses]])"
    )


def _other_alpha_beta(structure: Structure, effect: Effect | None, derived: Derived) -> list[str]:
    """Return what sources say of an organ's alpha/beta, where none of them says what the rule does."""
    name = derived.match(structure).tg263
    known = alpha_betas(name) if name is not None and effect is not None else ()
    if effect is None or not known or any(one.alpha_beta_gy == effect.alpha_beta_gy for one in known):
        return []
    return [f"the rule takes a/b = {effect.alpha_beta_gy:g} Gy; known are {', '.join(map(str, known))}"]
