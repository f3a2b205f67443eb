"""The airway in synthetic chests of known geometry, in every position, cut, blocked and leaking; and in a real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from sbrtcheck.anatomy.airway import Airway, find_airway
from sbrtcheck.anatomy.scan import scan_of
from sbrtcheck.errors import NotComputable, UnreadableFile
from sbrtcheck.geometry.distance import separation
from sbrtcheck.geometry.region import region_of
from sbrtcheck.model import Image, Lattice, frozen

REAL = Path(__file__).parents[3] / "shared" / "data" / "real" / "philips-4dct-thorax-phase00"

CARINA = (0.0, 10.0, 0.0)
LEFT_END, RIGHT_END = (45.0, 14.0, -28.0), (-34.0, 12.0, -32.0)


@dataclass(frozen=True)
class Chest:
    """A body 320 x 220 mm wide, two lungs, and a tube tree with walls of 2 mm; LPS, mm."""

    lungs: tuple[tuple[float, ...], ...] = ((-85.0, 5.0, 0.0), (85.0, 5.0, 0.0))
    lung_hu: float = -780.0
    top: float = 110.0  # of the trachea
    tubes: tuple[tuple[Sequence[float], Sequence[float], float], ...] = (
        (CARINA, LEFT_END, 6.0),
        (CARINA, RIGHT_END, 7.0),
    )
    comb: bool = False  # thin clefts of air-poor lung at the end of the right bronchus, about 55 cm3 in all
    open_hole: tuple[float, float, float] | None = None  # centre of a cavity of air
    hole_mm: float = 0.0

    def hu(self, p: np.ndarray) -> np.ndarray:
        x, y = p[..., 0], p[..., 1]
        hu = np.where((x / 160.0) ** 2 + (y / 110.0) ** 2 <= 1.0, 30.0, -1000.0)
        for centre in self.lungs:
            arms = (p - np.array(centre)) / np.array([52.0, 80.0, 120.0])
            hu[(arms**2).sum(axis=-1) <= 1.0] = self.lung_hu
        trachea = ((0.0, 0.0, self.top), CARINA, 9.0)
        for wall, value in ((2.0, 30.0), (0.0, -1000.0)):
            for start, end, radius in (trachea, *self.tubes):
                hu[_from_segment(p, np.array(start), np.array(end)) <= radius + wall] = value
        if self.comb:
            box = (x > -95.0) & (x < -40.0) & (np.abs(y - 10.0) < 22.0) & (np.abs(p[..., 2] + 40.0) < 20.0)
            hu[box & ((np.mod(y, 12.0) < 5.0) | (x > -50.0)) & (hu > -900.0)] = -880.0
        if self.open_hole is not None:
            hu[np.linalg.norm(p - np.array(self.open_hole), axis=-1) <= self.hole_mm] = -1000.0
        return hu


def _from_segment(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = np.clip((p - a) @ (b - a) / float((b - a) @ (b - a)), 0.0, 1.0)
    return np.linalg.norm(p - a - along[..., None] * (b - a), axis=-1)


def lattice_of(
    step: tuple[float, float, float] = (3.0, 3.0, 3.0),
    turn: np.ndarray | None = None,
    z_mm: tuple[float, float] = (-75.0, 105.0),
) -> Lattice:
    """Slices over the chest; ``turn`` holds the directions of i, j, k in its columns."""
    half = np.array([175.0, 125.0, 0.5 * (z_mm[1] - z_mm[0])])
    turn = np.eye(3) if turn is None else turn
    size = np.abs(turn).T @ half if np.allclose(np.abs(turn).max(axis=0), 1.0) else half
    ticks = [frozen(d * np.arange(int(2.0 * s / d) + 1)) for d, s in zip(step, size, strict=True)]
    to_patient = np.eye(4)
    to_patient[:3, :3] = turn
    middle = np.array([0.5 * t[-1] for t in ticks])
    to_patient[:3, 3] = np.array([0.0, 0.0, 0.5 * sum(z_mm)]) - turn @ middle
    return Lattice(*ticks, frozen(to_patient))


def image_of(chest: Chest, lattice: Lattice, noise_hu: float = 20.0) -> Image:
    j, i = np.meshgrid(lattice.j_mm, lattice.i_mm, indexing="ij")

    def read_slice(k: int) -> np.ndarray:
        grid = np.stack([i, j, np.full_like(i, lattice.k_mm[k])], axis=-1)
        points = lattice.to_lps(grid.reshape(-1, 3)).reshape(grid.shape)
        return chest.hu(points) + np.random.default_rng(k).normal(0.0, noise_hu, i.shape)

    return Image("1.2", "1.2.3", "HFS", lattice, read_slice)


def found(chest: Chest | None = None, lattice: Lattice | None = None) -> Airway:
    return find_airway(scan_of(image_of(chest or Chest(), lattice or lattice_of())))


def points_of(airway: Airway, mask: np.ndarray) -> np.ndarray:
    k, j, i = np.nonzero(mask)
    at = airway.lattice
    return at.to_lps(np.column_stack([at.i_mm[i], at.j_mm[j], at.k_mm[k]]))


def assert_found(airway: Airway) -> None:
    """Every voxel lies in the lumen that was built, to the stated error, and both bronchi reach their ends."""
    e = airway.edge_mm
    trachea, left, right = (points_of(airway, m) for m in (airway.trachea, airway.left, airway.right))
    carina = np.array(CARINA)
    ends = ((np.array([0.0, 0.0, 110.0]), 9.0), (np.array(LEFT_END), 6.0), (np.array(RIGHT_END), 7.0))
    # Just above where they part the two bronchi are still one lumen, which counts as trachea.
    assert np.min([_from_segment(trachea, end, carina) - radius for end, radius in ends], axis=0).max() <= e
    for branch, (end, radius) in zip((left, right), ends[1:], strict=True):
        off = np.minimum(_from_segment(branch, end, carina) - radius, np.linalg.norm(branch - carina, axis=1) - 9.0)
        assert off.max() <= e
    assert left[:, 0].mean() > 10.0
    assert right[:, 0].mean() < -10.0
    # The ends are half balls; the last voxel lies within the stated error of the end of the axis.
    assert np.linalg.norm(left - np.array(LEFT_END), axis=1).min() <= e
    assert np.linalg.norm(right - np.array(RIGHT_END), axis=1).min() <= e
    # Two tubes of 6 and 7 mm at right angles part where their walls do, at most 15 mm below the joint of their axes.
    assert np.linalg.norm(airway.carina_mm - np.array(CARINA)) <= 15.0 + e


# Gas beside the tree instead of lung, as in loops of bowel.
GAS = Chest(
    lungs=((-90.0, 0.0, 0.0), (90.0, 0.0, 0.0)),
    lung_hu=-1000.0,
    tubes=((CARINA, (28.0, 14.0, -28.0), 6.0), (CARINA, (-24.0, 12.0, -28.0), 7.0)),
)
SUPINE = np.eye(3)
PRONE = np.diag([-1.0, -1.0, 1.0])
FEET_FIRST = np.diag([-1.0, 1.0, -1.0])
MIRRORED = np.diag([1.0, 1.0, -1.0])
CORONAL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def leaning(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


@pytest.mark.parametrize("turn", [SUPINE, PRONE, FEET_FIRST, MIRRORED, CORONAL, leaning(20.0)])
def test_found_in_every_position(turn: np.ndarray) -> None:
    assert_found(found(lattice=lattice_of(turn=turn)))


@pytest.mark.parametrize("step", [(2.0, 2.0, 1.0), (4.0, 4.0, 5.0), (1.0, 1.0, 3.0)])
def test_found_at_any_voxel_size(step: tuple[float, float, float]) -> None:
    assert_found(found(lattice=lattice_of(step)))


def test_emphysema_and_expiration_leave_the_walls_to_hold() -> None:
    for lung_hu in (-930.0, -600.0):
        assert_found(found(Chest(lung_hu=lung_hu)))


def test_structures_carry_the_numbers_asked_for_and_measure_like_drawn_ones() -> None:
    airway = found()
    trachea, left, right = airway.structures(-5)
    assert [s.roi_number for s in (trachea, left, right)] == [-5, -6, -7]
    assert "from CT" in left.name
    assert left.frame_of_reference_uid == "1.2.3"
    # Both bronchi hang on the trachea: nothing but one slice lies between.
    for bronchus in (left, right):
        assert separation(region_of(trachea), region_of(bronchus)).distance.low <= airway.lattice.spacing_mm[2]


def test_limits_are_stated() -> None:
    whole = found(Chest(top=80.0))
    assert not any("scan" in text for text in whole.limits)
    cut = found(Chest(top=150.0), lattice_of(z_mm=(-24.0, 90.0)))
    assert any("above the scan" in text for text in cut.limits)
    assert any("below the scan" in text for text in cut.limits)


@pytest.mark.parametrize(
    ("chest", "z_mm", "reason"),
    [
        (Chest(), (30.0, 105.0), "ends at the lower end of the scan"),
        (Chest(tubes=()), (-75.0, 105.0), "without parting"),
        (Chest(tubes=((CARINA, LEFT_END, 6.0),)), (-75.0, 105.0), "without parting"),
        (Chest(tubes=((CARINA, (5.0, 9.0, -6.0), 5.0), (CARINA, RIGHT_END, 7.0))), (-75.0, 105.0), "without parting"),
        (
            Chest(tubes=((CARINA, (4.0, 50.0, -30.0), 6.0), (CARINA, (0.0, -30.0, -30.0), 6.0))),
            (-75.0, 105.0),
            "left and",
        ),
        (Chest(), (-75.0, -40.0), "no round column of air"),
        (Chest(lungs=()), (-75.0, 105.0), "no lung on the left"),
        (GAS, (-75.0, 105.0), "no lung on the left"),
        (Chest(lungs=((85.0, 5.0, 0.0),)), (-75.0, 105.0), "no lung on the right"),
    ],
)
def test_what_is_no_airway_has_no_answer(chest: Chest, z_mm: tuple[float, float], reason: str) -> None:
    with pytest.raises(NotComputable, match=reason):
        found(chest, lattice_of(z_mm=z_mm))


def test_a_bronchus_that_opens_into_lung_as_thin_as_air_has_no_answer() -> None:
    # A tube that ends inside the lung without a wall, and lung that is as empty as the lumen.
    tubes = ((CARINA, LEFT_END, 6.0), (CARINA, (-60.0, 12.0, -50.0), 7.0))
    wide_open = Chest(tubes=tubes, lung_hu=-1000.0, open_hole=(-62.0, 12.0, -52.0), hole_mm=20.0)
    for noise_hu in (0.0, 20.0):
        with pytest.raises(NotComputable, match="cannot be told from that of the lung"):
            find_airway(scan_of(image_of(wide_open, lattice_of(), noise_hu)))


def test_a_leak_into_thin_clefts_is_a_sudden_gain() -> None:
    tubes = ((CARINA, LEFT_END, 6.0), (CARINA, (-46.0, 12.0, -40.0), 7.0))
    scan = scan_of(image_of(Chest(tubes=tubes, comb=True), lattice_of()))
    airway = find_airway(scan)
    # The tube holds 9.4 cm3; the clefts within 60 mm of the carina as much again.
    assert float(airway.right.sum()) * scan.voxel_cm3 < 12.0


def test_a_cavity_on_a_bronchus_is_wider_than_the_trachea() -> None:
    # 40 mm across, in the mediastinum, where soft tissue is near everywhere at its edge.
    cavity = Chest(lungs=((-110.0, 5.0, 0.0), (110.0, 5.0, 0.0)), open_hole=(-34.0, 12.0, -40.0), hole_mm=20.0)
    with pytest.raises(NotComputable, match="wider"):
        found(cavity)


def test_denser_lung_does_not_take_part() -> None:
    # The right bronchus ends open in lung of -780 HU: the threshold tells them apart.
    tubes = ((CARINA, LEFT_END, 6.0), (CARINA, (-60.0, 12.0, -40.0), 7.0))
    airway = found(Chest(tubes=tubes, open_hole=(-60.0, 12.0, -40.0), hole_mm=9.0))
    off = _from_segment(points_of(airway, airway.right), np.array(CARINA), np.array([-60.0, 12.0, -40.0]))
    assert off.max() <= 9.0 + airway.edge_mm  # the hole is 2 mm wider than the tube


class TestScan:
    def test_upright_whatever_the_order_of_voxels(self) -> None:
        for turn in (SUPINE, PRONE, FEET_FIRST, MIRRORED, CORONAL):
            scan = scan_of(image_of(Chest(), lattice_of((4.0, 4.0, 4.0), turn), noise_hu=0.0))
            assert np.allclose(scan.lattice.to_patient[:3, :3], np.eye(3))
            grid = np.array([[0.0, 0.0, 40.0], [60.0, 0.0, 0.0], [0.0, 60.0, 0.0]])  # trachea, lung, tissue behind
            at = scan.lattice.to_grid(grid)
            k, j, i = (
                np.abs(t - at[:, a, None]).argmin(axis=1)
                for a, t in ((2, scan.lattice.k_mm), (1, scan.lattice.j_mm), (0, scan.lattice.i_mm))
            )
            assert scan.hu[k, j, i].tolist() == [-1000, -780, 30]

    def test_blocks_are_means_at_their_centres(self) -> None:
        lattice = lattice_of((1.0, 1.0, 2.0))
        whole = image_of(Chest(), lattice)
        scan = scan_of(whole)
        assert scan.steps_mm == pytest.approx((2.0, 2.0, 2.0))
        expected = whole.read_slice(7)[20:22, 30:32].clip(-1024, 3071).mean()
        assert scan.hu[7, 10, 15] == pytest.approx(expected, abs=0.5)  # rounded to whole HU
        assert scan.lattice.to_lps(
            np.array([[scan.lattice.i_mm[15], scan.lattice.j_mm[10], scan.lattice.k_mm[7]]])
        ) == (pytest.approx(lattice.to_lps(np.array([[30.5, 20.5, 14.0]]))))

    def test_slices_that_are_missing_uneven_or_thick(self) -> None:
        lattice = lattice_of((4.0, 4.0, 4.0))
        k = lattice.k_mm
        for ticks, reason in (
            (np.delete(k, 9), "missing"),
            (np.where(np.arange(len(k)) > 9, k + 1.0, k), "uneven"),
            (3.0 * k, "12.0 mm wide"),
            (k[:1], "single slice"),
        ):
            image = image_of(Chest(), replace(lattice, k_mm=frozen(ticks)))
            with pytest.raises(NotComputable, match=reason):
                scan_of(image)

    def test_slices_that_lean_too_far(self) -> None:
        with pytest.raises(NotComputable, match="lean"):
            scan_of(image_of(Chest(), lattice_of((4.0, 4.0, 4.0), leaning(40.0))))

    def test_values_that_are_not_hounsfield_units(self) -> None:
        image = image_of(Chest(), lattice_of((4.0, 4.0, 4.0)))
        for change, reason in (
            (lambda hu: hu + 1024.0, "air"),
            (lambda hu: np.where(hu > -500.0, 900.0, hu), "soft tissue"),
            (lambda hu: hu * np.nan, "no numbers"),
            (lambda hu: hu[1:], "wrong shape"),
        ):
            changed = replace(image, read_slice=lambda k, change=change: change(image.read_slice(k)))
            with pytest.raises(NotComputable, match=reason):
                scan_of(changed)

    def test_a_slice_that_cannot_be_read(self) -> None:
        def read_slice(k: int) -> np.ndarray:
            raise UnreadableFile("damaged")

        image = replace(image_of(Chest(), lattice_of()), read_slice=read_slice, sop_instance_uids=("1.9",) * 61)
        with pytest.raises(NotComputable, match=r"cannot be read: damaged \[1\.9\]"):
            scan_of(image)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real CT is not in the repository")
def test_a_real_chest_with_voxels_of_5_mm() -> None:
    from sbrtcheck.dicom import load_case

    image = load_case([REAL]).case.image
    assert image is not None
    scan = scan_of(image)
    airway = find_airway(scan)
    # Read off the slices by eye: the last slice with one lumen is at z = 1.5 mm, the two lumina of the next are centred
    # about x = -33 and -10 mm, y = 69 mm. Half a voxel of each axis is the accuracy of such a reading.
    assert airway.carina_mm == pytest.approx([-21.5, 69.0, -4.5], abs=5.0)
    trachea, left, right = (points_of(airway, m) for m in (airway.trachea, airway.left, airway.right))
    assert trachea[:, 2].max() == pytest.approx(115.5)  # the top slice
    # The left bronchus ends at x = 28 mm, z = -28.5 mm; the right goes on as intermediate bronchus below z = -30 mm.
    assert left.max(axis=0)[0] == pytest.approx(28.0, abs=10.0)
    assert left[:, 2].min() == pytest.approx(-28.5, abs=6.0)
    assert right[:, 0].min() == pytest.approx(-50.0, abs=10.0)
    assert right[:, 2].min() < -30.0
    # No leak: a few cm3 each, where lung beside them holds litres, and nothing of it lies out in the lung.
    volumes = [float(m.sum()) * scan.voxel_cm3 for m in (airway.trachea, airway.left, airway.right)]
    assert volumes[0] == pytest.approx(36.0, abs=3 * 6.8)  # mean and three standard deviations, Kamel 2009
    assert max(volumes[1:]) < 13.0  # a tube 15 mm wide and 75 mm long
