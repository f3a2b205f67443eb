"""Dose of an earlier course in a structure of this plan, over every position that the registration leaves open.

The earlier dose is carried into the frame of this plan by moving its grid: nothing is resampled. It is then moved,
by shifts in every direction and by rotations about the structure's centre. What a quantity is in the least and in the
most favourable position bounds it, on top of the numerical error of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.volume import centroid
from sbrtcheck.model import Dose, FloatArray, frozen

# Shifts go along the axes and the space diagonals. The direction furthest from all fourteen is (1, sqrt(3) - 1, 0), so
# shifts are made longer by its length: in a dose that changes evenly, no shift of the stated length does more.
_AXES = tuple(tuple(float(s * (n == axis)) for n in range(3)) for axis in range(3) for s in (-1, 1))
_DIRECTIONS = np.array([*_AXES, *(np.array(d) / np.sqrt(3.0) for d in product((-1.0, 1.0), repeat=3))])
_LONGER = float(np.hypot(1.0, np.sqrt(3.0) - 1.0))


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How far an earlier dose may lie from where its registration puts it."""

    shift_mm: float = 3.0
    rotation_deg: float = 1.0

    def __str__(self) -> str:
        return f"{self.shift_mm:g} mm and {self.rotation_deg:g} degrees"


def displaced_curves(region: Region, dose: Dose, matrix: FloatArray, uncertainty: Uncertainty) -> DvhCurves:
    """Return the DVH of a structure in an earlier dose, with bounds over all positions of that dose.

    Parameters
    ----------
    region : Region
        In the frame of this plan.
    dose : Dose
        In its own frame.
    matrix : (4, 4) float
        Rigid; maps points of the frame of this plan into the frame of the dose.
    uncertainty : Uncertainty

    Returns
    -------
    DvhCurves
        Best estimate as registered. The part that the dose does not reach in some position is unknown in it.

    Raises
    ------
    NotComputable
        If the whole structure lies outside the dose in one of the positions.

    Notes
    -----
    Positions are searched, not all tried: fourteen directions of shift and six rotations. In a dose that bends within
    the shift, a position between them may do a little more.
    """
    back = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    nominal = dvh_curves(region, _moved(dose, back))
    others = [dvh_curves(region, _moved(dose, motion @ back)) for motion in _motions(centroid(region), uncertainty)]
    variants = [dvh for found in others for dvh in (found.best, *found.variants)]
    outside = max([nominal.outside_fraction, *(found.outside_fraction for found in others)])
    return replace(nominal, variants=(*nominal.variants, *variants), outside_fraction=outside)


def _motions(centre_mm: FloatArray, uncertainty: Uncertainty) -> Iterator[FloatArray]:
    """Yield rigid motions ``(4, 4)`` within the uncertainty."""
    if uncertainty.shift_mm > 0.0:
        for direction in _DIRECTIONS:
            motion = np.eye(4)
            motion[:3, 3] = _LONGER * uncertainty.shift_mm * direction
            yield motion
    if uncertainty.rotation_deg > 0.0:
        for axis, sign in product(range(3), (-1.0, 1.0)):
            motion = np.eye(4)
            motion[:3, :3] = _turn(axis, sign * np.deg2rad(uncertainty.rotation_deg))
            motion[:3, 3] = centre_mm - motion[:3, :3] @ centre_mm
            yield motion


def _turn(axis: int, angle: float) -> FloatArray:
    a, b = (n for n in range(3) if n != axis)
    turned = np.eye(3)
    turned[a, a] = turned[b, b] = np.cos(angle)
    turned[a, b], turned[b, a] = -np.sin(angle), np.sin(angle)
    return turned


def _moved(dose: Dose, motion: FloatArray) -> Dose:
    lattice = replace(dose.lattice, to_patient=frozen(motion @ dose.lattice.to_patient))
    return replace(dose, lattice=lattice)
