"""What a phantom is made of: targets in a body, a course of treatment, how it was scanned, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from sbrtcheck.model import FloatArray, frozen
from sbrtcheck.phantom.anatomy import Body
from sbrtcheck.phantom.profile import RadialDose
from sbrtcheck.phantom.solids import Ellipsoid, sphere

_COVER_MM: Final = 0.4  # how far outside the PTV the prescription isodose runs, so that all of it is covered

# Directions of a row and of a column of an image, and of the slices, in patient coordinates (PS3.3 C.7.6.2.1.1).
_AXES: Final[Mapping[str, tuple[float, float, float]]] = {
    "HFS": (1.0, 1.0, 1.0),
    "HFP": (-1.0, -1.0, 1.0),
    "FFS": (-1.0, 1.0, -1.0),
    "FFP": (1.0, -1.0, -1.0),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A tumour and the spheres planned around it.

    Attributes
    ----------
    tumour_semi_mm : (float, float, float)
        Half axes of the gross tumour along x, y and z, mm.
    ptv_mm, itv_mm : float
        Radii, mm; without an ITV None.
    fall_mm : float
        How far the dose runs from the prescription to half of it, mm.
    gtv_drawn : bool
        Whether the structure set has a GTV.
    treated : bool
        Whether the plan gives it dose; its prescription stands in the plan in any case.
    """

    centre_mm: tuple[float, float, float]
    tumour_semi_mm: tuple[float, float, float]
    ptv_mm: float
    itv_mm: float | None = None
    fall_mm: float = 8.0
    gtv_drawn: bool = True
    treated: bool = True

    @property
    def tumour(self) -> Ellipsoid:
        """The gross tumour."""
        return Ellipsoid(self.centre_mm, self.tumour_semi_mm)

    @property
    def itv(self) -> Ellipsoid | None:
        """The internal target volume."""
        return None if self.itv_mm is None else sphere(self.centre_mm, self.itv_mm)

    @property
    def ptv(self) -> Ellipsoid:
        """The planning target volume."""
        return sphere(self.centre_mm, self.ptv_mm)

    def dose(self, prescribed_gy: float) -> RadialDose:
        """Return the dose around this target alone."""
        full_mm = self.ptv_mm + _COVER_MM
        return RadialDose(prescribed_gy, full_mm, full_mm + self.fall_mm)


DOSE_MM: Final = 2.5


@dataclass(frozen=True, slots=True)
class Scan:
    """How the patient lay in the scanner.

    Attributes
    ----------
    position : str
        Patient position: HFS, HFP, FFS or FFP.
    to_patient : (4, 4) float
        From the coordinates of the upright phantom to DICOM patient coordinates.
    tilted : bool
        Whether the image planes follow the phantom when ``to_patient`` turns it; else they stay axial.
    dose_mm : float
        Between the voxel centres of the dose, in all directions.
    """

    position: str = "HFS"
    to_patient: FloatArray = field(default_factory=lambda: frozen(np.eye(4)))
    tilted: bool = False
    dose_mm: float = DOSE_MM

    @property
    def axes(self) -> FloatArray:
        """Directions of rows, columns and slices as the columns of a ``(3, 3)`` rotation."""
        upright = np.diag(_AXES[self.position])
        return np.asarray(self.to_patient[:3, :3] @ upright if self.tilted else upright)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A target structure of the structure set: its name and type there, its solid, and what it was drawn for."""

    name: str
    interpreted_type: str
    solid: Ellipsoid
    target: Target


@dataclass(frozen=True, slots=True)
class Course:
    """One course of treatment: its targets and prescription."""

    label: str
    targets: tuple[Target, ...]
    prescribed_gy: float
    fractions: int
    date: str

    def drawn(self) -> tuple[Drawn, ...]:
        """Return the target structures, numbered where there are several targets.

        An ITV has the type CTV: there is none of its own (PS3.3 table C.8-44).
        """
        found: list[Drawn] = []
        for number, target in enumerate(self.targets, start=1):
            suffix = str(number) if len(self.targets) > 1 else ""
            if target.gtv_drawn:
                found.append(Drawn(f"GTV{suffix}", "GTV", target.tumour, target))
            if target.itv is not None:
                found.append(Drawn(f"ITV{suffix}", "CTV", target.itv, target))
            found.append(Drawn(f"PTV{suffix}", "PTV", target.ptv, target))
        return tuple(found)

    def dose_gy(self, points_mm: FloatArray) -> FloatArray:
        """Return the true dose ``(N,)`` at points ``(N, 3)`` of the upright phantom, Gy: the sum over the targets."""
        total = np.zeros(len(points_mm))
        for target in self.targets:
            if target.treated:
                offsets = points_mm - target.centre_mm
                radius = np.sqrt(np.einsum("ij,ij->i", offsets, offsets))
                total += target.dose(self.prescribed_gy).at(radius)
        return total


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier course. With ``scan`` it has a frame of reference of its own, and a registration joins the two."""

    course: Course
    scan: Scan | None = None


@dataclass(frozen=True, slots=True)
class Phantom:
    """A synthetic patient.

    Attributes
    ----------
    case : str
        Its id.
    description : str
        One line.
    not_drawn : frozenset of str
        Organs that the CT shows and the structure set lacks.
    declared : mapping
        Facts for ``--declared``, by key.
    expected : mapping
        The verdict of each rule of getug-storm-01 decided from the plan files, worst over its subjects, when the
        declared facts and the earlier course are given too.
    """

    case: str
    description: str
    body: Body
    course: Course
    declared: Mapping[str, bool | int | date]
    expected: Mapping[str, str]
    not_drawn: frozenset[str] = frozenset()
    scan: Scan = field(default_factory=Scan)
    prior: Prior | None = None
    birth_date: str = "19650301"
    has_dose: bool = True
    has_structures: bool = True
