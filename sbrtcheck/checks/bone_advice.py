"""What stands beside the contours of bones: masks, the planning CT, and names that promise too much."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.anatomy.bones import long_bone_of
from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.tissue import BoneEvidence
from sbrtcheck.checks.outcomes import nearest
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.naming.partial import partial_name
from sbrtcheck.results import Evidence


def bone_of(structure: Structure, derived: Derived) -> str | None:
    """Return the long bone that a structure is taken for, None for any other structure."""
    tg263 = derived.match(structure).tg263
    return long_bone_of(tg263) if tg263 is not None else None


def on_scan(lesion: Lesion, derived: Derived) -> BoneEvidence | None:
    """Return what the planning CT shows of bone at a lesion, None where it cannot be used."""
    try:
        return derived.bone_on_scan(lesion)
    except NotComputable:
        return None


def often_drawn(drawn: Sequence[Structure], derived: Derived) -> str:
    """Return what is often drawn under the names of these bones instead of the whole."""
    names = (derived.match(s).tg263 for s in drawn)
    parts = sorted({found.often for name in names if name and (found := partial_name(name)) is not None})
    return f"of which often only a part is drawn ({'; '.join(parts)})" if parts else "which may be drawn in part"


def in_masks(lesion: Lesion, bones: frozenset[str], derived: Derived) -> Evidence | None:
    """Return how masks show a long bone at the lesion, None where they do not; it decides nothing."""
    masks = [
        mask for mask in derived.case.advisory if long_bone_of(mask.name) in bones and _may_touch(lesion, mask, derived)
    ]
    return next(iter(nearest(lesion, masks, derived)), None)


def _may_touch(lesion: Lesion, mask: Structure, derived: Derived) -> bool:
    try:
        return derived.separation(lesion.measured, mask).distance.low <= 0.0
    except NotComputable:
        return False
