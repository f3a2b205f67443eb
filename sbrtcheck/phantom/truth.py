"""What is true of a phantom, from its formulae alone: the numbers to hold a measurement against.

Nothing here looks at contours, voxels or the code that measures them. A tumour or target is an ellipsoid, so its
volume is ``4/3 pi a b c`` and its longest diameters are axes. Around a treated target the dose depends on the distance
``r`` from its centre alone and falls with it. So the hottest part ``v`` of a concentric sphere of radius ``R`` is the
sphere of radius ``R v^(1/3)`` and D95% is ``D(R 0.95^(1/3))``; an isodose is a sphere whose radius is the inverse of
``D``; and the highest dose at 2 cm or more from the PTV is ``D(R + 20 mm)``. The mean is a quadrature over shells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sbrtcheck.phantom.profile import RadialDose
from sbrtcheck.phantom.spec import Drawn, Phantom, Target

_FOREIGN_GY: Final = 1e-3  # dose of another target that still counts as none


@dataclass(frozen=True, slots=True)
class Truth:
    """One true number.

    Attributes
    ----------
    roi_name : str
        As the structure set calls the structure.
    quantity : str
        ``volume_cc``, ``longest_axial_diameter_mm``, ``longest_3d_diameter_mm``, or a metric expression such as
        ``D95%[Gy]``, whose unit it has; ``R50`` and ``R100`` have none.
    """

    roi_name: str
    quantity: str
    value: float


def truths(phantom: Phantom) -> tuple[Truth, ...]:
    """Return the true numbers of every drawn target of a phantom.

    Doses are given for spheres in a target that is treated and that no other target adds more than 0.001 Gy to;
    conformity for the PTV of a plan with one target.
    """
    if not phantom.has_structures:
        return ()
    found: list[Truth] = []
    for drawn in phantom.course.drawn():
        found += _sizes(drawn)
        if phantom.has_dose and _alone(drawn.target, phantom):
            profile = drawn.target.dose(phantom.course.prescribed_gy)
            if len(set(drawn.solid.semi_mm)) == 1:
                found += _doses(drawn.name, drawn.solid.semi_mm[0], profile)
            if drawn.interpreted_type == "PTV" and len(phantom.course.targets) == 1:
                found += _conformity(drawn.name, drawn.target, profile)
    return tuple(found)


def _sizes(drawn: Drawn) -> Iterator[Truth]:
    semi = drawn.solid.semi_mm
    yield Truth(drawn.name, "volume_cc", drawn.solid.volume_cm3)
    yield Truth(drawn.name, "longest_axial_diameter_mm", 2 * max(semi[:2]))
    yield Truth(drawn.name, "longest_3d_diameter_mm", 2 * max(semi))


def _doses(name: str, radius_mm: float, profile: RadialDose) -> Iterator[Truth]:
    for percent in (2, 50, 95, 98):
        yield Truth(name, f"D{percent}%[Gy]", profile.hottest_gy(percent / 100, radius_mm))
    yield Truth(name, "V100%[%]", 100 * profile.share_at(profile.prescribed_gy, radius_mm))
    yield Truth(name, "Min[Gy]", profile.hottest_gy(1.0, radius_mm))
    yield Truth(name, "Mean[Gy]", profile.mean_gy(radius_mm))
    yield Truth(name, "Max[Gy]", profile.hottest_gy(0.0, radius_mm))


def _conformity(name: str, target: Target, profile: RadialDose) -> Iterator[Truth]:
    true = profile.conformity(target.ptv_mm)
    yield Truth(name, "R100", true.r100)
    yield Truth(name, "R50", true.r50)
    yield Truth(name, "D2cm[%]", true.d2cm_percent)


def _alone(target: Target, phantom: Phantom) -> bool:
    """Whether the target is treated and the others add next to nothing to it, at the side that they are nearest to."""
    if not target.treated:
        return False
    foreign_gy = 0.0
    for other in phantom.course.targets:
        if other is not target and other.treated:
            gap_mm = float(np.linalg.norm(np.subtract(other.centre_mm, target.centre_mm))) - target.ptv_mm
            foreign_gy += float(other.dose(phantom.course.prescribed_gy).at(np.array(gap_mm)))
    return foreign_gy <= _FOREIGN_GY
