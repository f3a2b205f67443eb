"""Faults that other programs had, each as a test from the written files to the measured number.

The same faults at the level of one function are tested where that function is: hole, keyhole and island in
``geometry/test_region.py``; single slice in ``geometry/test_volume.py``; half-covered grid, D99 of a tiny structure and
a sub-pixel contour in ``test_dvh.py``; frame offsets and orientations in ``dicom/test_dose.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from sbrtcheck import measure
from sbrtcheck.dicom.write import Header, Slices, derived_uid, write_ct, write_dose, write_plan, write_structures
from sbrtcheck.model import Contour, FractionGroup, Lattice, Plan, Prescription, Structure, StructureSet, frozen
from sbrtcheck.results import StructureMeasures

STEP_GY = 1e-5
CENTRE = np.array(
    [7.0, -5.0, 4.0]
)  # off the origin along every axis: any flip of an axis moves the dose by 4 Gy or more
PLANES = np.arange(-8.0, 8.1, 2.0)
POSITIONS = {"HFS": (1, 1, 1), "HFP": (-1, -1, 1), "FFS": (-1, 1, -1), "FFP": (1, -1, -1)}


def square(half: float, z: float, centre=CENTRE) -> np.ndarray:
    corners = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return np.column_stack([corners + centre[:2], np.full(4, z + centre[2])])


def lattice(k_mm, step=(2.0, 2.0), turn=(1, 1, 1)) -> Lattice:
    """Voxel centres whose axes run along ``turn``, wide enough for the structure in any position."""
    i, j = (s * np.arange(-int(40 / s), int(40 / s) + 1) for s in step)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(turn)
    return Lattice(frozen(i), frozen(j), frozen(k_mm), frozen(matrix))


EVEN = np.arange(-30.0, 30.1, 2.5)


class Files:
    """Writes a plan of one structure in a dose, lets a test spoil a file, and measures it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def measured(
        self,
        loops: list[np.ndarray],
        field: Callable,
        grid: Lattice | None = None,
        spoil: Callable[[pydicom.Dataset], None] = lambda dataset: None,
        slices_mm=None,
    ) -> StructureMeasures:
        self.write(loops, field, grid or lattice(EVEN), slices_mm)
        path = self.folder / "RTDOSE.dcm"
        dataset = pydicom.dcmread(path)
        spoil(dataset)
        dataset.save_as(path)
        report = measure(self.folder, metrics=["Mean[Gy]", "D95%[Gy]", "Max[Gy]", "Min[Gy]"])
        self.codes = {notice.code for notice in report.notices}
        return report.structures[0]

    def write(self, loops: list[np.ndarray], field: Callable, grid: Lattice, slices_mm) -> None:
        self.folder.mkdir()
        uids = {kind: derived_uid("faults", kind) for kind in ("study", "frame", "series", "set", "plan", "dose")}
        header = Header("FAULTS", "FAULTS", "19500101", uids["study"], "20260101", uids["frame"], "HFS")
        slices = None
        if slices_mm is not None:
            ct = lattice(slices_mm, (10.0, 10.0))
            slices = Slices(uids["series"], write_ct(self.folder, header, np.zeros(ct.shape), ct, uids["series"]), ct)
        contours = tuple(Contour(frozen(loop), "CLOSED_PLANAR") for loop in loops)
        structure_set = StructureSet(uids["set"], "S", (Structure(1, "PTV", "PTV", contours, uids["frame"]),))
        write_structures(self.folder / "RTSTRUCT.dcm", header, structure_set, colours={1: (255, 0, 0)}, slices=slices)
        prescription = Prescription(45.0, 3, 1, "PTV", "dose-reference")
        group = FractionGroup(1, 3, ((1, 15.0),))
        plan = Plan(uids["plan"], "P", False, (prescription,), (group,), uids["set"], isocentres_mm=((0.0, 0.0, 0.0),))
        write_plan(self.folder / "RTPLAN.dcm", header, plan)
        k, j, i = np.meshgrid(grid.k_mm, grid.j_mm, grid.i_mm, indexing="ij")
        points = np.column_stack([i.ravel(), j.ravel(), k.ravel()])
        values = field(*grid.to_lps(points).T).reshape(grid.shape)
        write_dose(
            self.folder / "RTDOSE.dcm", header, uids["dose"], values, grid, step_gy=STEP_GY, plan_uid=uids["plan"]
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "plan")


def slope(x, y, z) -> np.ndarray:
    return 50.0 + 0.4 * x - 0.3 * y + 0.5 * z


AT_CENTRE = 50.0 + 0.4 * 7.0 + 0.3 * 5.0 + 0.5 * 4.0
# The box is symmetric about its centre in any model of its ends, so the mean of a linear dose is the dose there. Stored
# steps and 32-bit floats are 1e-5 Gy.
EXACT_GY = 1e-3


def box() -> list[np.ndarray]:
    return [square(10.0, z) for z in PLANES]


def stored_falling(dataset: pydicom.Dataset) -> None:
    frames = dataset.pixel_array[::-1]
    offsets = [float(v) for v in dataset.GridFrameOffsetVector]
    dataset.PixelData = np.ascontiguousarray(frames).astype("<u4").tobytes()
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, y, float(z) + offsets[-1]]
    dataset.GridFrameOffsetVector = [v - offsets[-1] for v in reversed(offsets)]


def stored_absolute(dataset: pydicom.Dataset) -> None:
    start = float(dataset.ImagePositionPatient[2])
    dataset.GridFrameOffsetVector = [start + float(v) for v in dataset.GridFrameOffsetVector]


def stored_absolute_and_falling(dataset: pydicom.Dataset) -> None:
    stored_falling(dataset)
    stored_absolute(dataset)


UNEVEN = np.concatenate([np.arange(-30.0, 0.0, 3.0), np.arange(0.0, 12.0, 1.5), np.arange(12.0, 31.0, 4.0)])


@pytest.mark.parametrize("k_mm", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize(
    "spoil",
    [lambda dataset: None, stored_falling, stored_absolute, stored_absolute_and_falling],
    ids=["rising", "falling", "absolute", "absolute and falling"],
)
def test_frame_offsets_of_any_kind_give_the_same_dose(files, k_mm, spoil) -> None:
    found = files.measured(box(), slope, lattice(k_mm), spoil)
    assert found.metrics["Mean[Gy]"].value == pytest.approx(AT_CENTRE, abs=EXACT_GY)
    # From corner to corner the dose spans 0.4 x 20 + 0.3 x 20 Gy, and 0.5 Gy/mm x 16 mm between the outermost planes.
    assert found.metrics["Max[Gy]"].high >= AT_CENTRE + 11.0 - EXACT_GY
    assert found.metrics["Min[Gy]"].low <= AT_CENTRE - 11.0 + EXACT_GY


@pytest.mark.parametrize("position", POSITIONS)
def test_prone_and_feet_first_with_non_square_pixels(files, position: str) -> None:
    found = files.measured(box(), slope, lattice(EVEN, (2.0, 3.5), POSITIONS[position]))
    assert found.metrics["Mean[Gy]"].value == pytest.approx(AT_CENTRE, abs=EXACT_GY)


def bowl(x, y, z) -> np.ndarray:
    return 20.0 + 0.1 * ((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2) + 0.0 * z


def keyhole(z: float) -> np.ndarray:
    outer, inner = square(10.0, z), square(6.0, z)[::-1]
    # In to the hole, round it the other way, and back along the same line.
    return np.vstack([outer, outer[:1], inner[-1:], inner, outer[:1]])


DRAWINGS = {
    "filled": (lambda z: [square(10.0, z)], 100.0, 10.0**4),
    "hole as a second loop": (lambda z: [square(10.0, z), square(6.0, z)], 100.0 - 36.0, 10.0**4 - 6.0**4),
    "hole listed first, wound alike": (lambda z: [square(6.0, z), square(10.0, z)], 64.0, 10.0**4 - 6.0**4),
    "keyhole": (lambda z: [keyhole(z)], 100.0 - 36.0, 10.0**4 - 6.0**4),
    "island in a hole": (
        lambda z: [square(10.0, z), square(6.0, z), square(3.0, z)],
        100.0 - 36.0 + 9.0,
        10.0**4 - 6.0**4 + 3.0**4,
    ),
}


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_holes_are_neither_filled_nor_added_and_islands_are_kept(files, drawing: str) -> None:
    loops, area, fourth_powers = DRAWINGS[drawing]
    found = files.measured([loop for z in PLANES for loop in loops(z)], bowl)
    # 9 planes of 2 mm, with flat ends: 18 mm long. `area` is a quarter of the area of a plane, mm2.
    assert found.volume_cc.value == pytest.approx(4 * area * 18.0 / 1000.0, rel=1e-6)
    # The mean of x2 + y2 over a square of half side a is 2/3 a2; squares add and subtract with their areas. 0.01 Gy:
    # cells cut by a side, which lies between voxels, take the dose at their middle.
    assert found.metrics["Mean[Gy]"].value == pytest.approx(20.0 + 0.1 * 2 / 3 * fourth_powers / area, abs=0.01)


def test_one_slice_is_as_thick_as_the_slices_of_the_images(files) -> None:
    found = files.measured([square(10.0, 0.0)], slope, slices_mm=4.0 + 3.0 * np.arange(-5, 6))
    # Nobody knows where its ends are: the shape tapers a little within the 3 mm. A volume of 0 cc is the fault.
    assert found.volume_cc.value == pytest.approx(400.0 * 3.0 / 1000.0, rel=0.01)
    assert found.volume_cc.low <= 1.2 <= found.volume_cc.high
    assert found.metrics["Mean[Gy]"].value == pytest.approx(AT_CENTRE, abs=EXACT_GY)


def test_missing_planes_are_told_and_bounded(files) -> None:
    # Two planes of the upper half were not exported: with them the mean is the dose at the centre.
    kept = [loop for z, loop in zip(PLANES, box(), strict=True) if z not in (2.0, 4.0)]
    found = files.measured(kept, slope)
    assert "planes-missing" in files.codes
    for interval, truth in ((found.volume_cc, 400.0 * 18.0 / 1000.0), (found.metrics["Mean[Gy]"], AT_CENTRE)):
        assert interval.low <= truth <= interval.high
    # Nothing may be there over some 4 of 18 mm.
    assert found.volume_cc.low < 0.85 * found.volume_cc.high


@pytest.mark.parametrize("edge", [9.0, 10.0, 10.5])
def test_sides_on_centres_and_edges_of_voxels(files, edge: float) -> None:
    # Voxel centres lie at even millimetres, their edges at odd ones; the centre of the box is at 7 and -5.
    found = files.measured([square(edge, z) for z in PLANES], slope)
    assert found.volume_cc.value == pytest.approx(4 * edge**2 * 18.0 / 1000.0, rel=1e-6)
    assert found.metrics["Mean[Gy]"].value == pytest.approx(AT_CENTRE, abs=EXACT_GY)
