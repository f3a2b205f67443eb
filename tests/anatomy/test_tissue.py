"""Lung and bone on CT, in blocks of tissue of known shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sbrtcheck.anatomy.scan import Scan
from sbrtcheck.anatomy.tissue import bone_evidence, find_lung, lung_evidence
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Lattice, Structure, frozen

Tissue = Callable[[np.ndarray], np.ndarray]  # which points (..., 3) it holds
HALF_MM = np.array([150.0, 100.0, 120.0])  # of the scan


def scan_with(*tissues: tuple[Tissue, float], step: float = 2.0, z_mm: tuple[float, float] = (-120.0, 120.0)) -> Scan:
    """A body of soft tissue in air, and what is put into it."""
    x, y = (np.arange(-h, h + 0.1, step) for h in HALF_MM[:2])
    z = np.arange(z_mm[0], z_mm[1] + 0.1, step)
    points = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1)
    hu = np.where((points[..., 0] / 140.0) ** 2 + (points[..., 1] / 95.0) ** 2 <= 1.0, 40.0, -1000.0)
    for tissue, value in tissues:
        hu[tissue(points)] = value
    return Scan(frozen(hu, np.int16), Lattice(frozen(x), frozen(y), frozen(z), frozen(np.eye(4))), "1.2.3")


def ball(centre: tuple[float, float, float], radius: float) -> Tissue:
    return lambda p: np.linalg.norm(p - np.array(centre), axis=-1) <= radius


def rod(middle: tuple[float, float, float], along: tuple[float, float, float], length: float, radius: float) -> Tissue:
    axis = np.array(along) / np.linalg.norm(along)

    def holds(p: np.ndarray) -> np.ndarray:
        arms = p - np.array(middle)
        at = arms @ axis
        return (np.abs(at) <= 0.5 * length) & (np.linalg.norm(arms - at[..., None] * axis, axis=-1) <= radius)

    return holds


def bow(centre: tuple[float, float, float], radius: float, thick: float, half_angle: float) -> Tissue:
    """A rib: part of a ring in an axial plane about ``centre``, open towards -x."""

    def holds(p: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(p - np.array(centre), -1, 0)
        off = np.hypot(np.hypot(x, y) - radius, z)
        return (off <= thick) & (np.abs(np.arctan2(y, x)) <= half_angle)

    return holds


def block(centre: tuple[float, float, float], size: tuple[float, float, float]) -> Tissue:
    return lambda p: (np.abs(p - np.array(centre)) <= 0.5 * np.array(size)).all(axis=-1)


def femur(
    along: tuple[float, float, float] = (0.1, 0.1, 1.0), length: float = 260.0
) -> tuple[tuple[Tissue, float], ...]:
    """A shaft 28 mm wide, its cortex 6 mm thick, round yellow marrow."""
    return (rod((50, 0, 0), along, length, 14.0), 1300.0), (rod((50, 0, 0), along, length, 8.0), -60.0)


def target(centre: tuple[float, float, float], radius: float = 12.0) -> Region:
    angle = 2.0 * np.pi * np.arange(60) / 60
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    contours = []
    for n in range(-int(radius / 3.0), int(radius / 3.0) + 1):
        r = np.sqrt(radius**2 - (3.0 * n) ** 2)
        if r > 1.0:
            xy = np.array(centre[:2]) + r * ring
            contours.append(Contour(frozen(np.column_stack([xy, np.full(60, centre[2] + 3.0 * n)])), "CLOSED_PLANAR"))
    return region_of(Structure(1, "GTV", "GTV", tuple(contours)))


class TestBone:
    @pytest.mark.parametrize(
        "along", [(0.0, 0.0, 1.0), (0.1, 0.1, 1.0), (0.5, 0.0, 1.0), (1.0, 0.1, 0.2), (0.2, 1.0, 0.1), (0.6, 0.0, 0.8)]
    )
    def test_a_femur_in_any_direction_is_a_shaft(self, along: tuple[float, float, float]) -> None:
        found = bone_evidence(target((50, 0, 0)), "GTV", scan_with(*femur(along)))
        assert found.kind == "shaft"
        assert found.shaft_mm is not None
        assert found.shaft_mm.low == 0.0
        assert "straight cortical shaft" in found.text

    @pytest.mark.parametrize("step", [1.5, 3.0, 4.0])
    def test_at_any_voxel_size(self, step: float) -> None:
        assert bone_evidence(target((50, 0, 0)), "GTV", scan_with(*femur(), step=step)).kind == "shaft"

    @pytest.mark.parametrize("radius", [5.0, 7.0, 16.0])
    def test_thin_and_solid_shafts(self, radius: float) -> None:
        # As a fibula, a humerus and a sclerotic femur.
        scan = scan_with((rod((50, 0, 0), (0.1, 0.0, 1.0), 240.0, radius), 800.0))
        assert bone_evidence(target((50, 0, 0)), "GTV", scan).kind == "shaft"

    def test_beside_a_shaft_counts_as_next_to_it_up_to_10_mm(self) -> None:
        scan = scan_with(*femur((0.0, 0.0, 1.0)))
        near = bone_evidence(target((50 - 14 - 12 - 6, 0, 0)), "GTV", scan)
        assert near.kind == "shaft"
        assert near.shaft_mm is not None
        assert near.shaft_mm.low <= 6.0 <= near.shaft_mm.high
        far = bone_evidence(target((50 - 14 - 12 - 40, 0, 0)), "GTV", scan)
        assert far.kind == "no-bone"
        assert far.shaft_mm is not None
        assert far.shaft_mm.low <= 40.0 <= far.shaft_mm.high
        assert "the nearest straight cortical shaft" in far.text

    @pytest.mark.parametrize(
        ("name", "tissue", "value", "at"),
        [
            ("rib", bow((-20, 0, 0), 110.0, 6.0, 0.9), 700.0, (90, 0, 0)),
            ("short rib", bow((-20, 0, 0), 110.0, 6.0, 0.5), 700.0, (90, 0, 0)),
            ("vertebra", block((0, 30, 0), (42, 34, 26)), 300.0, (0, 30, 0)),
            ("pelvis", block((0, 30, 0), (120, 14, 120)), 700.0, (0, 30, 0)),
            ("contrast medium in an aorta", rod((0, 30, 0), (0, 0, 1), 240.0, 13.0), 300.0, (0, 30, 0)),
            ("a short piece of bone", rod((0, 30, 0), (0, 0, 1), 50.0, 12.0), 900.0, (0, 30, 0)),
            ("calcified node", ball((0, 30, 0), 8.0), 600.0, (0, 30, 0)),
        ],
    )
    def test_other_dense_things_stay_open(
        self, name: str, tissue: Tissue, value: float, at: tuple[float, float, float]
    ) -> None:
        found = bone_evidence(target(at), "GTV", scan_with((tissue, value)))
        assert found.kind == "open", name
        assert found.shaft_mm is None
        assert "density does not tell" in found.text

    def test_a_spine_of_vertebrae_and_discs_is_no_shaft(self) -> None:
        bodies = [(block((0, 30, z), (42, 34, 24)), 350.0) for z in range(-105, 106, 30)]
        assert bone_evidence(target((0, 30, 0)), "GTV", scan_with(*bodies)).kind == "open"

    def test_the_shell_of_a_spine_is_too_wide_for_a_shaft(self) -> None:
        # Fused: 46 mm wide, its cortex 4 mm thick.
        spine = (rod((0, 30, 0), (0, 0, 1), 240.0, 23.0), 900.0), (rod((0, 30, 0), (0, 0, 1), 240.0, 19.0), 120.0)
        assert bone_evidence(target((0, 30, 0)), "GTV", scan_with(*spine)).kind == "open"

    def test_soft_tissue_holds_no_bone(self) -> None:
        found = bone_evidence(target((0, 0, 0)), "GTV", scan_with())
        assert found.kind == "no-bone"
        assert found.bone_mm is None

    def test_the_distance_of_bone(self) -> None:
        found = bone_evidence(target((0, 0, 0)), "PTV", scan_with((block((40, 0, 0), (40, 40, 40)), 500.0)))
        assert found.bone_mm is not None
        assert found.bone_mm.low <= 8.0 <= found.bone_mm.high  # from 12 mm to 20 mm
        assert "PTV" in found.text

    def test_what_is_not_scanned_stays_open(self) -> None:
        found = bone_evidence(target((0, 0, 112)), "GTV", scan_with())
        assert found.kind == "open"
        assert "does not reach all of it" in found.text
        with pytest.raises(NotComputable, match="does not reach the target"):
            bone_evidence(target((0, 0, 300)), "GTV", scan_with())

    def test_metal_is_told(self) -> None:
        found = bone_evidence(target((0, 0, 0)), "GTV", scan_with((ball((0, 0, 0), 4.0), 3071.0)))
        assert found.kind == "open"
        assert "metal" in found.text


LUNGS = (ball((-75, 0, 0), 55.0), -800.0), (ball((75, 0, 0), 55.0), -800.0)


class TestLung:
    def test_a_solid_tumour_in_lung_is_told_by_its_shell(self) -> None:
        lung = find_lung(scan_with(*LUNGS, (ball((75, 0, 0), 12.0), 40.0)))
        assert lung.volume_cm3 == pytest.approx(2 * 4 / 3 * np.pi * 5.5**3, rel=0.05)  # voxels of 2 mm in 110 mm
        found = lung_evidence(target((75, 0, 0)), "GTV", lung)
        assert found.kind == "in-lung"
        assert found.shell.value > 0.9
        assert found.target.value < 0.1  # voxels at its edge
        assert "around the GTV" in found.text

    def test_half_in_the_wall_is_beside(self) -> None:
        # The middle of the target lies on the lung's surface, which is nearly flat over 44 mm.
        found = lung_evidence(target((75, -55, 0)), "PTV", find_lung(scan_with(*LUNGS)))
        assert found.kind == "beside-lung"
        assert found.target.low < 0.45 < found.target.high
        assert 0.0 < found.shell.low < 0.5

    def test_far_from_lung(self) -> None:
        found = lung_evidence(target((0, 60, 90)), "GTV", find_lung(scan_with(*LUNGS)))
        assert found.kind == "no-lung"
        assert found.shell.high == 0.0

    def test_what_is_not_scanned_may_be_lung(self) -> None:
        found = lung_evidence(target((0, 60, 115)), "GTV", find_lung(scan_with(*LUNGS)))
        assert found.kind == "beside-lung"
        assert found.shell.value == 0.0
        assert found.shell.high > 0.2

    @pytest.mark.parametrize(
        ("name", "tissue", "value"),
        [
            ("nothing but tissue", ball((0, 0, 0), 20.0), 40.0),
            ("gas in the stomach", ball((40, -20, 0), 40.0), -1000.0),
            ("a little air", ball((40, -20, 0), 20.0), -800.0),
            ("the foam of a couch", block((0, 60, 0), (160, 24, 200)), -900.0),
            ("lung cut open by the edge of the images", block((0, 0, 0), (400, 60, 60)), -800.0),
        ],
    )
    def test_what_is_no_lung(self, name: str, tissue: Tissue, value: float) -> None:
        with pytest.raises(NotComputable, match="no air-filled lung"):
            find_lung(scan_with((tissue, value)))
