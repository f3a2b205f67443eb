"""Which prescription belongs to a structure: stated for it, named like it, or the only one of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Plan, Prescription, Structure
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.naming.text import key, tokens

_REMEDY = "State it in the site file: [prescriptions], ROI name = { dose_gy = ..., fractions = ... }"


def prescription_of(
    structure: Structure | None,
    structures: Sequence[Structure],
    lesions: Sequence[Lesion],
    plan: Plan | None,
    site: SiteFile,
) -> Prescription:
    """Return the prescription of a structure, or of the plan as a whole.

    Parameters
    ----------
    structure : Structure or None
        A target, or any other structure, for which the plan must have a single prescription; None asks for that too.
    structures : sequence of Structure
        All structures, to find the ROI that a prescription names.

    Raises
    ------
    NotComputable
        If there is none, or several that contradict each other.

    Notes
    -----
    In this order: the site file, a dose reference that names the ROI, a prescription named like the ROI, the same for
    the other targets of its lesion (outermost first), and the only prescription of the plan unless that one names the
    target of another lesion. Prescriptions in different numbers of fractions are steps of one treatment, whose sum or
    order the files do not tell.
    """
    stated = {p: _target_of(p, structures) for p in plan.prescriptions} if plan else {}
    by_site = {s.roi_number: p for s in structures if (p := _from_site(s, site)) is not None}
    own = [lesion for lesion in lesions if structure and structure.roi_number in _numbers(lesion)]
    if structure is None or not own:
        found = _one(by_site.values() or stated, "the plan")
        if found is None:
            raise NotComputable("no prescription is stated", remedy=_REMEDY)
        return found
    order = [structure] + [m.structure for lesion in own for m in reversed(lesion.members)]
    for target in order:
        if target.roi_number in by_site:
            return by_site[target.roi_number]
    others = {number for lesion in lesions for number in _numbers(lesion)} - {t.roi_number for t in order}
    if len({p.fractions for p, roi in stated.items() if roi not in others}) > 1:
        listed = ", ".join(
            f"{p.dose_gy:g} Gy in {p.fractions or '?'}" for p, roi in stated.items() if roi not in others
        )
        what = f"several prescriptions in different numbers of fractions may belong to {structure.where}: {listed}"
        raise NotComputable(what, remedy=_REMEDY, where=structure.where)
    for target in order:
        found = _one((p for p, roi in stated.items() if roi == target.roi_number), target.where)
        if found is not None:
            return found
    if others & set(by_site):
        raise NotComputable(f"no prescription is stated for {structure.where}", remedy=_REMEDY, where=structure.where)
    found = _one((p for p, roi in stated.items() if roi not in others), structure.where)
    if found is None:
        what = "the prescription names another target" if stated else "no prescription is stated"
        raise NotComputable(f"{what}, none is known for {structure.where}", remedy=_REMEDY, where=structure.where)
    return found


def _numbers(lesion: Lesion) -> set[int]:
    return {m.structure.roi_number for m in lesion.members}


def _from_site(structure: Structure, site: SiteFile) -> Prescription | None:
    stated = site.prescriptions.get(structure.name.strip())
    if stated is None:
        return None
    return Prescription(stated.dose_gy, stated.fractions, structure.roi_number, structure.name, "site-file")


def _target_of(prescription: Prescription, structures: Iterable[Structure]) -> int | None:
    """Return the ROI that a prescription names: by number, or by the longest ROI name in its description."""
    if prescription.target_roi is not None:
        return prescription.target_roi
    named = [s for s in structures if s.is_closed and _names(prescription.target_name, s.name)]
    longest = max((len(key(s.name)) for s in named), default=0)
    best = [s for s in named if len(key(s.name)) == longest]
    return best[0].roi_number if len(best) == 1 else None


def _names(description: str, roi_name: str) -> bool:
    """Whether the words of a description hold the name of a ROI, wherever these are split."""
    words, wanted = tokens(description), "".join(tokens(roi_name))
    spans = ("".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return bool(wanted) and wanted in spans


def _one(prescriptions: Iterable[Prescription], where: str) -> Prescription | None:
    """Return the only prescription, None where there is none."""
    found = list(prescriptions)
    doses = {(p.dose_gy, p.fractions) for p in found}
    if len(doses) > 1:
        listed = ", ".join(f"{p.dose_gy:g} Gy" for p in found)
        raise NotComputable(f"several prescriptions for {where}: {listed}", remedy=_REMEDY, where=where)
    return found[0] if found else None


def fractions_of(
    structure: Structure,
    prescription: Callable[[Structure], Prescription],
    structures: Sequence[Structure],
    plan: Plan | None,
    site: SiteFile,
) -> int:
    """Return the number of fractions in which the dose of a structure is given.

    Parameters
    ----------
    structure : Structure
    prescription : callable
        The prescription of a structure; raises NotComputable.
    structures : sequence of Structure
        All structures, for what the site file states.

    Raises
    ------
    NotComputable
        If the prescription states none, and those of the plan state none or several numbers.

    Notes
    -----
    Where no single prescription belongs to the structure (an organ between two targets), all of the plan must agree.
    """
    try:
        stated = prescription(structure).fractions
    except NotComputable:
        stated = None
    if stated is not None:
        return stated
    all_of_plan = [p for s in structures if (p := _from_site(s, site)) is not None]
    all_of_plan = all_of_plan or list(plan.prescriptions if plan is not None else ())
    numbers = {p.fractions for p in all_of_plan}
    only = numbers.pop() if len(numbers) == 1 else None
    if only is None:
        what = "no number of fractions is stated, or not the same one for all prescriptions of the plan"
        raise NotComputable(what, remedy=_REMEDY)
    return only
