"""The list of phantoms: which solid, pose, planes, dose and grid; which are held out of development.

The split is a fixed rule. A size belongs to one side for good (``SIZES``); so do a dose grid spacing and a plane
spacing, except the coarsest of each, 3 mm, which both sides need. Offsets of planes, grids and dose centres come from
seeds that differ by side. Held-out figures are not looked at while working on the engine: they stand in the final
table only.

Lengths are no whole numbers of plane spacings, so that no flat end lies where a count of planes gives it by luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import solids
from fields import LinearDose, RadialDose, falloff, gaussian
from scipy.spatial.transform import Rotation
from solids import Solid, longest_section_mm, section_area_mm2, section_loops
from truth import Truth, truth_of

from sbrtcheck.model import Case, Contour, Dose, FloatArray, Image, Lattice, Structure, StructureSet, frozen

DEVELOPMENT, HELD_OUT = "development", "held-out"
DENSE, COARSE = "dense", "ct-like"

SIZES: dict[str, tuple[tuple[Callable[..., Solid], tuple[float, ...]], ...]] = {
    DEVELOPMENT: (
        *((solids.sphere, (r,)) for r in (2.0, 4.0, 5.0, 8.0, 10.0, 15.0, 20.0)),
        *((solids.cylinder, s) for s in ((3.0, 8.3), (8.0, 14.7), (15.0, 25.4))),
        *((solids.lying_cylinder, s) for s in ((4.0, 12.0), (10.0, 22.0))),
        *((solids.cone, s) for s in ((5.0, 12.4), (12.0, 22.7))),
        *((solids.ring, s) for s in ((10.0, 6.0, 12.3), (16.0, 11.0, 20.6))),
        *((solids.torus, s) for s in ((8.0, 3.0), (13.0, 5.0))),
        *((solids.spheroid, s) for s in ((4.0, 7.0), (12.0, 7.0))),
    ),
    HELD_OUT: (
        *((solids.sphere, (r,)) for r in (2.5, 3.0, 6.0, 7.0, 12.0, 18.0)),
        *((solids.cylinder, s) for s in ((5.0, 11.4), (11.0, 18.7))),
        (solids.lying_cylinder, (7.0, 16.0)),
        (solids.cone, (8.0, 15.6)),
        (solids.ring, (13.0, 8.0, 16.3)),
        (solids.torus, (10.0, 4.0)),
        (solids.spheroid, (6.0, 10.0)),
    ),
}
PLANES_MM = {DEVELOPMENT: (1.0, 2.0, 3.0), HELD_OUT: (1.5, 2.5, 3.0)}
GRIDS_MM = {DEVELOPMENT: (1.0, 2.0, 3.0), HELD_OUT: (1.5, 2.5, 3.0)}
_SEED = {DEVELOPMENT: 20_260_101, HELD_OUT: 77_310_529}
# Every combination of size, planes and grid gets two of these, in turn.
DOSES = ("linear", "gaussian wide", "linear", "gaussian middle", "fall-off", "gaussian narrow")
_MARGIN_MM = 10.0  # of the CT, and at least of the dose, around the solid
_CT_PIXEL_MM = 1.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """One solid, drawn on planes, in a dose on a grid."""

    id: str
    split: str
    drawing: str
    solid: Solid
    planes_mm: float
    grid_mm: float
    field: LinearDose | RadialDose
    structure: Structure
    plane_heights_mm: FloatArray
    lattice: Lattice
    ct_lattice: Lattice

    @cached_property
    def truth(self) -> Truth:
        """True volume and dose metrics of the continuous solid in the continuous dose."""
        return truth_of(self.solid, self.field)

    @property
    def extruded_cm3(self) -> float:
        """Volume of the convention that every drawn plane is a slab: exact areas times the spacing."""
        return sum(section_area_mm2(self.solid, z) for z in self.plane_heights_mm) * self.planes_mm / 1000.0

    @property
    def longest_axial_mm(self) -> float:
        """Longest diameter of any axial section from the first to the last drawn plane, also between them, mm."""
        return longest_section_mm(self.solid, float(self.plane_heights_mm[0]), float(self.plane_heights_mm[-1]))

    @property
    def dose_gy(self) -> FloatArray:
        """Dose at the voxel centres, ``(K, J, I)``, Gy."""
        grid = self.lattice
        k, j, i = np.meshgrid(grid.k_mm, grid.j_mm, grid.i_mm, indexing="ij")
        return self.field.at(np.stack([i, j, k], axis=-1))

    def case(self) -> Case:
        """Return what a reader of its files would deliver, without the detour over files."""
        dose = Dose(frozen(self.dose_gy, np.float32), self.lattice, "PHYSICAL", "", 0.0, ("1",))
        image = Image("1", "", "HFS", self.ct_lattice, lambda k: np.zeros(self.ct_lattice.shape[1:]))
        return Case(structure_set=StructureSet("1", self.id, (self.structure,)), dose=dose, image=image)


def phantoms(split: str, drawing: str | None = None) -> Iterator[Phantom]:
    """Yield the phantoms of one side of the split, always the same ones in the same order."""
    combinations = product(SIZES[split], PLANES_MM[split], GRIDS_MM[split])
    for number, ((make, size), planes, grid) in enumerate(combinations):
        for turn in (0, 3):
            chosen = DOSES[(number + turn + number // len(DOSES)) % len(DOSES)]
            if drawing in (None, DENSE):
                yield _phantom(split, DENSE, 2 * number + (turn > 0), make(*size), planes, grid, chosen)
        if number % 3 == number // 9 % 3 and drawing in (None, COARSE):  # one grid for each plane spacing
            yield _phantom(split, COARSE, number, make(*size), planes, grid, DOSES[number // 3 % len(DOSES)])


def _phantom(split: str, drawing: str, number: int, solid: Solid, planes: float, grid: float, dose: str) -> Phantom:
    rng = np.random.default_rng([_SEED[split], number, len(drawing)])
    placed = solid.placed(_pose(solid, rng), rng.uniform(-20.0, 20.0, 3))
    field = _field(dose, placed, rng)
    low, high = placed.centre_mm - placed.bound_mm, placed.centre_mm + placed.bound_mm
    heights = np.arange(math.ceil((low[2] - _MARGIN_MM) / planes), math.floor((high[2] + _MARGIN_MM) / planes) + 1)
    # Positions in files of scanners and planning systems are whole hundredths of a millimetre.
    heights = np.round(heights * planes + np.round(rng.uniform(0.0, planes), 2), 2)
    chord = None if drawing == DENSE else float(rng.uniform(0.5, 1.0))
    drawn = [(z, loop) for z in heights for loop in section_loops(placed, float(z), rng, chord)]
    contours = tuple(Contour(frozen(loop), "CLOSED_PLANAR") for _, loop in drawn)
    corner = np.floor(low[:2] - _MARGIN_MM)
    columns, rows = np.ceil(high[:2] - low[:2] + 2 * _MARGIN_MM).astype(int) + 1
    ct = Lattice(
        frozen(corner[0] + _CT_PIXEL_MM * np.arange(columns)),
        frozen(corner[1] + _CT_PIXEL_MM * np.arange(rows)),
        frozen(heights),
        frozen(np.eye(4)),
    )
    return Phantom(
        id=f"{split[0]}{drawing[0]}{number:03d}",
        split=split,
        drawing=drawing,
        solid=placed,
        planes_mm=planes,
        grid_mm=grid,
        field=field,
        structure=Structure(1, "TARGET", "PTV", contours),
        plane_heights_mm=np.unique([z for z, _ in drawn]),
        lattice=_grid(low, high, grid, rng),
        ct_lattice=ct,
    )


def _pose(solid: Solid, rng: np.random.Generator) -> FloatArray:
    if solid.family == "lying cylinder":
        turn = rng.uniform(0.0, np.pi)
        axis = np.array([np.cos(turn), np.sin(turn), 0.0])
        return np.column_stack([np.cross(axis, [0.0, 0.0, 1.0]), [0.0, 0.0, 1.0], axis])
    if solid.family == "spheroid":
        return np.asarray(Rotation.random(random_state=rng).as_matrix())
    return np.diag([1.0, -1.0, -1.0]) if rng.random() < 0.5 else np.eye(3)


def _field(kind: str, solid: Solid, rng: np.random.Generator) -> LinearDose | RadialDose:
    """Return a dose scaled to the solid, its centre up to 1 mm off along each axis as a set-up is."""
    reach = solid.bound_mm
    centre = solid.centre_mm + rng.uniform(-1.0, 1.0, 3)
    if kind == "linear":
        direction = rng.normal(size=3)
        steep = min(2.0, 15.0 / reach)  # Gy/mm: 30 Gy across the solid, or what the steepest plans reach
        return LinearDose(kind, 60.0, direction / np.linalg.norm(direction) * steep, centre)
    if kind == "fall-off":
        return falloff(kind, centre, 60.0, reach + 4.0, 6.0)
    sigma = {"wide": 2.0 * reach + 4.0, "middle": max(1.25 * reach, 4.0), "narrow": max(0.8 * reach, 3.0)}
    return gaussian(kind, centre, 60.0, sigma[kind.removeprefix("gaussian ")])


def _grid(low: FloatArray, high: FloatArray, step: float, rng: np.random.Generator) -> Lattice:
    margin = max(_MARGIN_MM, 4 * step)
    first = np.round(low - margin - rng.uniform(0.0, step, 3), 2)
    counts = np.ceil((high + margin - first) / step).astype(int) + 1
    return Lattice(*(frozen(f + step * np.arange(n)) for f, n in zip(first, counts, strict=True)), frozen(np.eye(4)))
