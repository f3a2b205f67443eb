"""A metric of both lungs without the gross tumours."""

from __future__ import annotations

from collections.abc import Iterable

from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import Metric
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval


def without_gtv(derived: Derived) -> tuple[str, ...]:
    """Return the lesions whose gross tumour is not drawn."""
    return tuple(lesion.id for lesion in derived.lesions if lesion.gtv is None)


def of_lungs(metric: Metric, derived: Derived) -> Interval:
    """Return a metric of both lungs without the gross tumours.

    Where a gross tumour is not drawn, lungs with and without the target that encloses it are the bounds: a treated
    tumour gets more dose than lung does on average, so the more of it is left out, the lower are dose and volume.

    Raises
    ------
    NotComputable
        If both lungs are not there once each, or the metric cannot be computed.
    """
    lungs = _both(derived)
    tumours = _by_number(lesion.gtv for lesion in derived.lesions)
    found = [metric.compute(derived.composed("Lungs-GTV", lungs, tumours), derived)]
    if without_gtv(derived):
        inner = _by_number(lesion.gtv or lesion.measured for lesion in derived.lesions)
        found.append(metric.compute(derived.composed("Lungs-Targets", lungs, inner), derived))
    return Interval(found[0].value, min(f.low for f in found), max(f.high for f in found))


def _both(derived: Derived) -> tuple[Structure, ...]:
    whole = derived.named("Lungs")
    sides = (derived.named("Lung_L"), derived.named("Lung_R"))
    if len(whole) == 1:
        return whole
    if not whole and all(len(side) == 1 for side in sides):
        return (*sides[0], *sides[1])
    raise NotComputable(
        "both lungs are needed, once each",
        remedy="Draw Lungs, or Lung_L and Lung_R, or name them in the site file",
    )


def _by_number(structures: Iterable[Structure | None]) -> tuple[Structure, ...]:
    found = {structure.roi_number: structure for structure in structures if structure is not None}
    return tuple(found[number] for number in sorted(found))
