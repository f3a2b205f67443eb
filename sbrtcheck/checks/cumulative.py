"""A metric in the sum of this plan and all earlier courses; never of fewer courses than are known of."""

from __future__ import annotations

from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.base import Metric, Remark, remarks
from sbrtcheck.metrics.biological import Biological
from sbrtcheck.model import Structure
from sbrtcheck.prior.radiobiology import alpha_betas
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.results import Interval

_ANY = "prior_radiotherapy"


def cumulative(
    metric: Metric, structure: Structure, declared: Declared, derived: Derived
) -> tuple[Interval, tuple[Remark, ...]]:
    """Return a cumulative metric, and what must be known of it.

    Raises
    ------
    NotComputable
        If a course has no dose or is not mapped, if one is declared of which there are no files, or if nothing is known
        of earlier courses: then the dose of this plan alone is only taken where none is declared (prior_radiotherapy).
    """
    lost = declared.without_files([course.date for course in derived.courses])
    if lost:
        raise NotComputable(f"an earlier course is declared and no files of it were given: {'; '.join(map(str, lost))}")
    if not derived.courses:
        if derived.case.prior_given:
            raise NotComputable("a folder of earlier courses was given, and no earlier course was found in it")
        if declared.facts.get(_ANY) is not False:
            raise NotComputable(f"no earlier course was given (--prior) and none is ruled out by declaration ({_ANY})")
        alone = Remark(f"the dose of this plan alone: no earlier radiotherapy is declared ({_ANY} = false)")
        return metric.compute(structure, derived), (alone, *remarks(metric, structure, derived))
    effect = metric.effect if isinstance(metric, Biological) else None
    measured = metric.compute(structure, derived.cumulative)
    found = [Remark(text) for text in derived.cumulative_remarks(structure, effect)]
    if effect is not None:
        found += [Remark(text) for text in _other_alpha_beta(structure, effect.alpha_beta_gy, derived)]
    return measured, tuple(found)


def _other_alpha_beta(structure: Structure, alpha_beta_gy: float, derived: Derived) -> list[str]:
    """Return what sources say of an organ's alpha/beta, where none of them says what the rule does."""
    name = derived.match(structure).tg263
    known = alpha_betas(name) if name is not None else ()
    if not known or any(one.alpha_beta_gy == alpha_beta_gy for one in known):
        return []
    return [f"the rule takes a/b = {alpha_beta_gy:g} Gy; known are {', '.join(map(str, known))}"]
