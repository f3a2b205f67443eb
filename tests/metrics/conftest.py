"""A stand-in for the derived quantities of a case: one structure in a dose of known shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sbrtcheck.dose.biology import Effect, effective_curves
from sbrtcheck.dose.dvh import Dvh, DvhCurves, dvh_curves
from sbrtcheck.dose.isodose import isodose_volume, maximum_beyond
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Contour, Dose, FloatArray, Lattice, Structure, frozen
from sbrtcheck.results import Interval

Field = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


class OneStructure:
    """What metrics ask of ``Derived``, for a sphere around the origin."""

    others: tuple[Structure, ...] = ()  # that receive ``others_gy`` at most
    others_gy = 0.0

    def __init__(self, radius: float, field: Field, prescribed_gy: float | None, half: float = 60.0) -> None:
        ticks = frozen(2.5 * np.arange(-int(half / 2.5), int(half / 2.5) + 1))
        lattice = Lattice(ticks, ticks, ticks, frozen(np.eye(4)))
        z, y, x = np.meshgrid(ticks, ticks, ticks, indexing="ij")
        self.dose = Dose(frozen(field(x, y, z), np.float32), lattice, "PHYSICAL", "", 0.0, ("1.2",))
        angle = 2.0 * np.pi * np.arange(160) / 160
        circle = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(160)])
        heights = -radius + (0.4 + np.arange(int(radius) + 1)) * 2.0
        contours = [
            Contour(frozen(circle * np.sqrt(radius**2 - h**2) + [0.0, 0.0, h]), "CLOSED_PLANAR")
            for h in heights
            if abs(h) < radius
        ]
        self.structure = Structure(7, "PTV", "PTV", tuple(contours))
        self._prescribed_gy = prescribed_gy

    def region(self, structure: Structure) -> Region:
        return region_of(structure)

    def volume(self, structure: Structure) -> Interval:
        return volume(self.region(structure))

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        return isodose_volume(self.dose, level_gy)

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        return maximum_beyond(self.dose, self.region(structure), distance_mm)

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        return self.others if level_gy <= self.others_gy else ()

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        return effective_curves(self.dvh(structure), effect, self.fractions(structure))

    def fractions(self, structure: Structure) -> int:
        return 5

    def dvh(self, structure: Structure) -> DvhCurves:
        return dvh_curves(self.region(structure), self.dose)

    def prescribed_gy(self, structure: Structure | None) -> float:
        if self._prescribed_gy is None:
            raise NotComputable("no dose is prescribed")
        return self._prescribed_gy


class Given:
    """A stand-in whose histogram is written down."""

    structure = Structure(7, "Cord", "ORGAN", ())

    def __init__(
        self,
        curves: DvhCurves,
        prescribed_gy: float | None = None,
        volume_cm3: Interval | None = None,
        fractions: int | None = 5,
    ) -> None:
        self._curves = curves
        self._fractions = fractions
        self._prescribed_gy = prescribed_gy
        self._volume = volume_cm3 or Interval.exact(curves.best.total_cm3)

    def dvh(self, structure: Structure) -> DvhCurves:
        return self._curves

    def volume(self, structure: Structure) -> Interval:
        return self._volume

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        return effective_curves(self._curves, effect, self.fractions(structure))

    def fractions(self, structure: Structure) -> int:
        if self._fractions is None:
            raise NotComputable("no number of fractions is stated")
        return self._fractions

    def prescribed_gy(self, structure: Structure | None) -> float:
        if self._prescribed_gy is None:
            raise NotComputable("no dose is prescribed")
        return self._prescribed_gy


def ramp(total_cm3: float = 10.0, shift_gy: float = 0.0) -> Dvh:
    """20 Gy at the hot end, falling evenly to 0 Gy over the volume, in samples of 0.02 Gy."""
    dose = np.linspace(20.0, 0.0, 1001)
    return Dvh(dose + shift_gy, np.full(1001, total_cm3 / 1001))


@pytest.fixture(scope="session")
def ramp_dvh() -> Callable[..., Dvh]:
    return ramp


@pytest.fixture(scope="session")
def given_curves() -> type[Given]:
    return Given


@pytest.fixture(scope="session")
def ball() -> OneStructure:
    """A target of radius 12 mm in a dose that falls by 1 Gy a millimetre from 60 Gy; 45 Gy (15 mm) prescribed."""
    return OneStructure(12.0, lambda x, y, z: np.maximum(60.0 - np.sqrt(x**2 + y**2 + z**2), 0.0), 45.0)


@pytest.fixture(scope="session")
def one_structure() -> type[OneStructure]:
    return OneStructure
