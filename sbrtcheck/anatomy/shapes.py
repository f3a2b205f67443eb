"""What places a lesion: regions, volumes, overlaps and distances, computed once elsewhere."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sbrtcheck.geometry.distance import Separation
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import FloatArray, Structure
from sbrtcheck.results import Interval

# Contours are drawn on planes; what they stand for reaches at most one plane spacing further. Boxes that are further
# apart than this cannot overlap for any spacing met in practice (planning CT has slices of at most 10 mm).
_REACH_MM = 20.0


class Shapes(Protocol):
    """Geometry of structures, memoised; every method raises NotComputable where nothing closed is drawn."""

    def region(self, structure: Structure) -> Region:
        """Return the region of a structure."""
        ...

    def parts(self, structure: Structure) -> tuple[Region, ...]:
        """Return the separate parts of a structure, largest first."""
        ...

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        ...

    def overlap(self, a: Structure, b: Structure) -> Interval:
        """Return the volume common to two structures, cm3."""
        ...

    def separation(self, a: Structure, b: Structure) -> Separation:
        """Return the shortest distance between two structures, mm."""
        ...


def other_frame(a: str, b: str) -> bool:
    """Whether two frames of reference are surely not the same; a missing one is that of the files it is linked with."""
    return bool(a and b and a != b)


def box_of(structure: Structure) -> FloatArray | None:
    """Return the corners of the box around all closed contours, ``(2, 3)`` LPS mm, or None where nothing is drawn."""
    drawn = [
        c.points_mm
        for c in structure.contours
        if c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"} and len(c.points_mm)
    ]
    if not drawn:
        return None
    points = np.concatenate(drawn)
    return np.stack([points.min(axis=0), points.max(axis=0)])


def far_apart(a: Structure, b: Structure) -> bool:
    """Whether the boxes of two structures prove that they cannot overlap."""
    first, second = box_of(a), box_of(b)
    if first is None or second is None:
        return False
    return bool(np.any(first[0] - second[1] > _REACH_MM) or np.any(second[0] - first[1] > _REACH_MM))


def within_box(inner: Structure, outer: Structure) -> bool:
    """Whether the box of ``inner`` lies wholly in the box of ``outer``."""
    first, second = box_of(inner), box_of(outer)
    if first is None or second is None:
        return False
    return bool(np.all(first[0] >= second[0]) and np.all(first[1] <= second[1]))
