"""Dose on a grid, and the dose-volume histograms that the planning system stored beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sbrtcheck.model.arrays import DoseArray, FloatArray
from sbrtcheck.model.lattice import Lattice


@dataclass(frozen=True, slots=True, eq=False)
class TpsDvh:
    """A cumulative DVH of the planning system, read from DVH Sequence.

    Attributes
    ----------
    dose_gy : (N,) float
        Rising bin edges, Gy.
    volume_cm3 : (N,) float
        Volume receiving at least that dose, cm3.
    minimum_gy, mean_gy, maximum_gy : float or None
        The stored statistics, Gy, after a quirk has put a wrong unit right; None where absent or not to be trusted.
    """

    roi_number: int
    dose_gy: FloatArray
    volume_cm3: FloatArray
    minimum_gy: float | None = None
    mean_gy: float | None = None
    maximum_gy: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Dose:
    """Absorbed dose of the whole plan, Gy, summed from one or more RT Dose objects.

    Attributes
    ----------
    dose_gy : (K, J, I) float32, read-only
        Dose at the voxel centres of ``lattice``.
    quantisation_gy : float
        Half of the step in which dose was stored, summed over the objects added, Gy.
    """

    dose_gy: DoseArray
    lattice: Lattice
    kind: Literal["PHYSICAL", "EFFECTIVE"]
    frame_of_reference_uid: str
    quantisation_gy: float
    sop_instance_uids: tuple[str, ...]
    referenced_plan_uids: tuple[str, ...] = ()
    tps_dvhs: tuple[TpsDvh, ...] = ()
