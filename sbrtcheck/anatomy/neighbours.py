"""Targets of other lesions that lie in the same dose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval, Notice


def others_in_isodose(
    structure: Structure, lesions: Sequence[Lesion], highest_gy: Callable[[Structure], Interval], level_gy: float
) -> tuple[Structure, ...]:
    """Return the outermost target of each other lesion that may receive a dose somewhere.

    Parameters
    ----------
    structure : Structure
        Its own lesions, and the targets that these share with others, are left out.
    lesions : sequence of Lesion
    highest_gy : callable
        Highest dose in a target, Gy; raises NotComputable, and what is not known is taken as inside.
    level_gy : float

    Returns
    -------
    tuple of Structure
        By ROI number.
    """
    own = {structure.roi_number}
    for lesion in lesions:
        numbers = {m.structure.roi_number for m in lesion.members}
        if structure.roi_number in numbers:
            own |= numbers
    found = {}
    for lesion in lesions:
        outside = [m.structure for m in lesion.members if m.structure.roi_number not in own]
        if outside and _may_receive(outside[-1], highest_gy, level_gy):
            found[outside[-1].roi_number] = outside[-1]
    return tuple(found[number] for number in sorted(found))


def _may_receive(target: Structure, highest_gy: Callable[[Structure], Interval], level_gy: float) -> bool:
    try:
        return highest_gy(target).high >= level_gy
    except NotComputable:
        return True


def shared_isodoses(found: Iterable[tuple[int, float, tuple[Structure, ...]]]) -> tuple[Notice, ...]:
    """Return what the reader is told of indices that count the dose around other targets.

    Parameters
    ----------
    found : iterable of (int, float, tuple of Structure)
        ROI number of what was measured, dose of the isodose, Gy, and the other targets in it.
    """
    measured: dict[tuple[float, str], list[int]] = {}
    for number, level_gy, others in found:
        if others:
            measured.setdefault((level_gy, ", ".join(other.where for other in others)), []).append(number)
    return tuple(
        Notice(
            code="other-target-in-isodose",
            message=f"other targets ({listed}) may receive {level_gy:.4g} Gy or more: isodose volumes and indices that "
            f"count this dose wherever it lies only bound what {_rois(numbers)} alone would give",
            where=_rois(numbers),
        )
        for (level_gy, listed), numbers in sorted(measured.items(), key=lambda item: (sorted(item[1]), item[0]))
    )


def _rois(numbers: Sequence[int]) -> str:
    return ", ".join(f"ROI {number}" for number in sorted(numbers))
