"""Odd contours: each kind is found where it is built in, and nothing is found where all is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.anatomy.sanity import ContourFinding, contour_findings
from sbrtcheck.anatomy.sanity.scan import share_outside
from sbrtcheck.anatomy.sanity.sides import side_of
from sbrtcheck.checks.base import all_checks
from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.geometry.region import region_of
from sbrtcheck.model import Contour, FloatArray, Image, Lattice, Structure, frozen
from sbrtcheck.naming import SiteFile
from sbrtcheck.naming.tables import standard_names
from sbrtcheck.phantom import write_phantom

FRAME = "1.2.3.4"  # as in conftest


def find(derived: Derived) -> tuple[ContourFinding, ...]:
    def tg263_of(structure: Structure) -> str | None:
        return derived.match(structure).tg263

    return contour_findings(derived.case, derived.targets, tg263_of, derived)


def codes(derived: Derived) -> list[str]:
    return [f.notice.code for f in find(derived)]


def turned(axis: tuple[float, float, float], degrees: float) -> FloatArray:
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    rotation = Rotation.from_rotvec(np.radians(degrees) * np.asarray(axis) / np.linalg.norm(axis))
    matrix[:3, :3] = rotation.as_matrix()
    return frozen(matrix)


def ct(low: float, high: float, *, spacing: float = 2.0, half_width: float = 250.0, x: float = 0.0) -> Image:
    """Return a CT from z ``low`` to ``high`` around x, y = 0."""
    across = np.linspace(-half_width, half_width, 101)
    k = low + spacing * np.arange(round((high - low) / spacing) + 1)
    lattice = Lattice(frozen(across + x), frozen(across), frozen(k), frozen(np.eye(4)))
    uids = tuple(f"1.7.{n}" for n in range(len(k)))
    return Image("1.7", FRAME, "HFS", lattice, lambda _: frozen(np.zeros((101, 101))), uids)


# --- sides ---


def lungs(draw: Any, left_x: float, right_x: float) -> list[Structure]:
    return [
        draw.sphere(1, "Lung_L", (left_x, 0, 0), 40, spacing=5),
        draw.sphere(2, "Lung_R", (right_x, 0, 0), 40, spacing=5),
    ]


def cord(draw: Any) -> Any:
    return draw.box(9, "SpinalCord", (-5, 60, -40), (5, 70, 40), spacing=5)


def test_lungs_on_their_sides_are_in_order(draw: Any) -> None:
    assert codes(draw.patient(lungs(draw, 80, -80))) == []


@pytest.mark.parametrize("with_cord", [True, False])
def test_swapped_lungs_are_found_by_themselves(draw: Any, with_cord: bool) -> None:
    structures = lungs(draw, -80, 80) + ([cord(draw)] if with_cord else [])
    (found,) = find(draw.patient(structures))
    assert found.notice.code == "sides-swapped"
    assert found.notice.severity == "blocking"
    assert found.roi_numbers == (1, 2)


def test_one_lung_on_the_wrong_side_of_the_cord_is_found(draw: Any) -> None:
    (found,) = find(draw.patient([lungs(draw, -80, 0)[0], cord(draw)]))
    assert found.notice.code == "wrong-side"
    assert "ROI 1" in found.notice.message
    assert "ROI 9 (SpinalCord)" in found.notice.message
    assert "dose-metric" in found.undermines


def test_two_names_for_one_lung_leave_the_wrong_one_to_the_cord(draw: Any) -> None:
    structures = [*lungs(draw, -80, -81), cord(draw)]
    assert [f.roi_numbers for f in find(draw.patient(structures))] == [(1,)]
    assert codes(draw.patient(structures[:2])) == []  # and without it nobody knows


@pytest.mark.parametrize("x", [-60.0, -19.0, 0.0, 60.0])
def test_a_single_side_without_a_midline_says_nothing(draw: Any, x: float) -> None:
    femur = draw.box(1, "Femur_L", (x - 15, -15, -40), (x + 15, 15, 40), spacing=5)
    skin = draw.box(2, "BODY", (x - 60 - x / 2, -80, -40), (x + 60, 80, 40), spacing=5)
    assert codes(draw.patient([femur, skin])) == []


def test_the_outline_of_one_leg_is_no_midline(draw: Any) -> None:
    femur = draw.box(1, "Femur_L", (-60, -15, -40), (-30, 15, 40), spacing=5)
    assert codes(draw.patient([femur, draw.box(2, "BODY", (-80, -80, -40), (80, 80, 40), spacing=5)])) == []


def test_organs_of_the_midline_that_disagree_leave_it_open(draw: Any) -> None:
    shifted = draw.box(8, "VB_T07", (-80, 40, -10), (-40, 60, 10), spacing=5)
    lung = draw.sphere(1, "Lung_L", (-45, 0, 0), 20, spacing=5)
    assert codes(draw.patient([lung, cord(draw)])) == ["wrong-side"]
    assert codes(draw.patient([lung, cord(draw), shifted])) == []


def test_the_outline_of_a_trunk_tells_the_midline_but_not_to_a_centimetre(draw: Any) -> None:
    skin = draw.box(2, "BODY", (-160, -80, -40), (160, 80, 40), spacing=5)
    for x, expected in ((-60.0, ["wrong-side"]), (-25.0, [])):
        assert codes(draw.patient([draw.sphere(1, "Kidney_L", (x, 0, 0), 20, spacing=5), skin])) == expected


def test_the_middle_of_the_images_alone_only_raises_a_question(draw: Any) -> None:
    kidney = draw.sphere(1, "Kidney_L", (-80, 0, 0), 20, spacing=5)
    (found,) = find(draw.patient([kidney], image=ct(-100, 100)))
    assert found.notice.code == "wrong-side"
    assert "the middle of the images alone" in found.notice.message
    assert not found.undermines
    # A leg put into the middle of the scanner.
    assert codes(draw.patient([kidney], image=ct(-100, 100, x=-90))) == []


@pytest.mark.parametrize("name", ["Atrium_L", "Ventricle_R", "V_Brachioceph_L", "VB_L", "SpinalCord"])
def test_what_lies_on_either_side_has_none(draw: Any, name: str) -> None:
    x = -60.0 if name.endswith("L") else 60.0
    assert (
        codes(
            draw.patient([draw.sphere(1, name, (x, 0, 0), 15, spacing=5), draw.box(9, "Brain", (-5, 0, -9), (5, 9, 9))])
        )
        == []
    )


def test_a_target_named_for_the_other_side_is_found(draw: Any) -> None:
    for name, expected in (("PTV poumon D 45Gy", ["target-wrong-side"]), ("PTV poumon G", []), ("PTV 1", [])):
        target = draw.sphere(1, name, (60, 0, 0), 15, spacing=3)
        assert codes(draw.patient([target, cord(draw)])) == expected


def test_no_description_is_ever_asked_for_a_side() -> None:
    # A public map calls Femur_Neck_L "Femur Neck Right": only the name counts.
    assert side_of("Femur_Neck_L") == "L"


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(standard_names())))
def test_sides_come_in_pairs(name: str) -> None:
    side = side_of(name)
    if side is not None and name.endswith(("_L", "_R")):
        other = f"{name[:-1]}{'R' if side == 'L' else 'L'}"
        assert other not in standard_names() or side_of(other) == ("R" if side == "L" else "L")


# --- targets ---


def test_a_tumour_inside_its_ptv_is_in_order(draw: Any) -> None:
    inside = [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    assert codes(draw.patient(inside)) == []
    equal = [draw.sphere(1, "GTV", (0, 0, 0), 15), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    assert codes(draw.patient(equal)) == []
    pixels = [draw.box(1, "GTV", (-10, -10, -10), (10, 10, 10)), draw.box(2, "PTV", (-10, -10, -10), (9.9, 10, 10))]
    assert codes(draw.patient(pixels)) == []  # 0.1 of 20 mm: half a percent, rounding


@pytest.mark.parametrize("role", ["GTV", "CTV", "ITV"])
def test_a_tumour_that_sticks_out_of_its_ptv_is_found_with_both_structures(draw: Any, role: str) -> None:
    low, high = (-10.0, -10.0, -10.0), (10.0, 10.0, 10.0)
    targets = [draw.box(3, role, low, high), draw.box(5, "PTV", low, (6.0, 10.0, 10.0))]
    (found,) = find(draw.patient(targets))
    assert found.notice.code == "target-outside-ptv"
    assert found.roi_numbers == (3, 5)
    assert "ROI 3" in found.notice.message
    assert "ROI 5" in found.notice.message
    # 4 of 20 mm.
    assert "20 %" in found.notice.message
    assert {"ultra-central", "target-treated"} <= found.undermines


def test_two_ptvs_hold_a_tumour_together(draw: Any) -> None:
    low, high = (-10.0, -10.0, -10.0), (10.0, 10.0, 10.0)
    halves = [draw.box(2, "PTV1", low, (1.0, 10.0, 10.0)), draw.box(3, "PTV2", (-1.0, -10.0, -10.0), high)]
    assert "target-outside-ptv" not in codes(draw.patient([draw.box(1, "GTV", low, high), *halves]))


def test_a_tumour_without_a_ptv_and_a_target_in_doubt_reach_out_of_nothing(draw: Any) -> None:
    gtv, far = draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (80, 0, 0), 15)
    assert "target-outside-ptv" not in codes(draw.patient([gtv, far]))
    doubtful = draw.sphere(1, "Breast", (10, 0, 0), 30, kind="GTV", spacing=3)
    assert "target-outside-ptv" not in codes(draw.patient([doubtful, draw.sphere(2, "PTV", (0, 0, 0), 15)]))


def without(structure: Structure, *heights: float) -> Structure:
    kept = tuple(c for c in structure.contours if not any(abs(c.points_mm[0, 2] - z) < 0.1 for z in heights))
    return replace(structure, contours=kept)


def test_missing_planes_of_a_target_undermine_its_size(draw: Any) -> None:
    gtv = without(draw.sphere(1, "GTV", (0, 0, 0), 10), 2.0, 3.0)
    (found,) = find(draw.patient([gtv]))
    assert found.notice.code == "planes-missing"
    assert "lesion-size" in found.undermines
    assert found.notice in draw_notices(draw.patient([gtv]))  # told once, not twice in other words


def draw_notices(derived: Derived) -> tuple[object, ...]:
    for target in derived.targets:
        derived.region(target.structure)
    return derived.notices


def test_two_pieces_at_different_heights_are_no_gap(draw: Any) -> None:
    both = draw.both(draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(1, "GTV", (60, 0, 60), 10))
    assert "planes-missing" not in codes(draw.patient([both]))


def test_missing_planes_of_the_airway_count_only_near_a_target(draw: Any) -> None:
    airway = without(draw.box(2, "Trachea", (-8, -8, -60), (8, 8, 60), spacing=3), *range(0, 21, 3))
    for z, expected in ((10.0, ["planes-missing"]), (-50.0, []), (70.0, [])):
        derived = draw.patient([draw.sphere(1, "PTV", (60, 0, z), 10), airway])
        assert codes(derived) == expected
        assert all(f.undermines == {"ultra-central"} and f.roi_numbers == (1, 2) for f in find(derived))


def test_a_stray_piece_is_found_and_a_second_lesion_is_none(draw: Any) -> None:
    gtv = draw.sphere(1, "GTV", (0, 0, 0), 10)
    click = replace(gtv, contours=(*gtv.contours, draw.circle((25, 0, 0), 0.0, 1.5)))
    (found,) = find(draw.patient([click]))
    assert found.notice.code == "stray-fragment"
    assert "x 25, y 0, z 0" in found.notice.message
    assert {"lesion-count", "lesion-size"} <= found.undermines
    second = draw.both(gtv, draw.sphere(1, "GTV", (40, 0, 0), 5))
    beside = replace(gtv, contours=(*gtv.contours, draw.circle((13, 0, 0), 0.0, 1.5)))  # 1.5 mm away: a ragged edge
    alone = draw.sphere(1, "GTV", (0, 0, 0), 1.4)
    for other in (second, beside, alone):
        assert "stray-fragment" not in codes(draw.patient([other]))


def test_a_stray_piece_of_an_organ_counts_only_near_a_target(draw: Any) -> None:
    airway = draw.box(2, "Trachea", (-8, -8, -60), (8, 8, 60), spacing=3)
    for x, expected in ((50.0, ["stray-fragment"]), (-90.0, [])):
        click = replace(airway, contours=(*airway.contours, draw.circle((x, 0, 0), 0.0, 1.5)))
        assert codes(draw.patient([draw.sphere(1, "PTV", (60, 0, 0), 10), click])) == expected


# --- the ends of images and dose ---


def test_a_target_within_the_images_is_in_order(draw: Any) -> None:
    assert codes(draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 10)], image=ct(-40, 40))) == []
    assert codes(draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 10)])) == []


@pytest.mark.parametrize(("low", "code"), [(-11.0, []), (-10.0, ["target-cut-by-scan"]), (-8.0, ["target-past-ct"])])
def test_a_target_at_the_end_of_the_images_is_found(draw: Any, low: float, code: list[str]) -> None:
    # Slices 2 mm apart: the scan reaches 1 mm beyond its last slice. The target begins at -9 mm, or 2 mm too low.
    bottom = -11.0 if code == ["target-past-ct"] else -9.0
    target = draw.box(1, "GTV", (-9, -9, bottom), (9, 9, 9))
    found = find(draw.patient([target], image=ct(low, 41 + low % 2)))
    assert [f.notice.code for f in found] == code
    assert all("lesion-size" in f.undermines for f in found)


def test_a_target_beside_the_images_is_found(draw: Any) -> None:
    target = draw.box(1, "GTV", (90, -9, -9), (110, 9, 9))
    (found,) = find(draw.patient([target], image=ct(-40, 40, half_width=100)))
    assert found.notice.code == "target-past-ct"
    assert "45 %" in found.notice.message  # the images end half of a 2 mm pixel beyond 100: 9 of 20 mm


def test_slices_missing_from_the_input_cut_nothing(draw: Any) -> None:
    derived = draw.patient([draw.box(1, "GTV", (-9, -9, -9), (9, 9, 9))], image=ct(-4, 4))
    assert codes(derived) == ["target-past-ct"]
    structure_set = derived.case.structure_set
    assert structure_set is not None
    more = replace(structure_set, referenced_image_uids=(*derived.case.image.sop_instance_uids, "1.7.99"))
    assert codes(Derived(replace(derived.case, structure_set=more), derived.site)) == []
    one = ct(0, 0)
    assert codes(draw.patient([draw.box(1, "GTV", (-9, -9, -9), (9, 9, 9))], image=one)) == []


def test_images_of_another_frame_cut_nothing(draw: Any) -> None:
    other = replace(ct(-4, 4), frame_of_reference_uid="9.9")
    assert codes(draw.patient([draw.box(1, "GTV", (-9, -9, -9), (9, 9, 9))], image=other)) == []


def test_a_target_past_the_dose_grid_is_found_with_its_share(draw: Any) -> None:
    dose = draw.dose(lambda x, _y, _z: x * 0 + 50.0)  # -100 to 100 mm
    for x, expected in ((80.0, []), (95.0, ["target-past-dose"])):
        found = find(draw.patient([draw.box(1, "PTV", (x - 10, -10, -10), (x + 10, 10, 10))], dose=dose))
        assert [f.notice.code for f in found] == expected
        if found:
            assert "25.0 %" in found[0].notice.message  # 5 of 20 mm
            assert found[0].undermines == {"dose-metric", "conformity-table", "target-treated"}


def test_a_whole_organ_cut_far_from_all_targets_is_told_and_undermines_nothing(draw: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 60), 10), draw.box(2, "Liver", (-50, -50, -40), (50, 50, 0), spacing=2)]
    (found,) = find(draw.patient(structures, image=ct(-40, 120)))
    assert found.notice.code == "organ-cut-by-scan"
    assert found.notice.severity == "info"
    assert not found.undermines


def test_an_airway_cut_near_a_target_undermines_its_distance(draw: Any) -> None:
    airway = draw.box(2, "Trachea", (-8, -8, 0), (8, 8, 80), spacing=2)
    for z, expected in ((60.0, ["organ-cut-near-target"]), (40.0, [])):
        found = find(draw.patient([draw.sphere(1, "PTV", (60, 0, z), 10, spacing=2), airway], image=ct(-40, 80)))
        assert [f.notice.code for f in found] == expected
        if found:
            assert "10 mm from ROI 1" in found[0].notice.message or "12 mm from ROI 1" in found[0].notice.message
            assert "ultra-central" in found[0].undermines
    # No check asks how far a lesion is from a muscle, and no scan holds it whole.
    muscle = draw.box(2, "Musc", (-8, -8, 0), (8, 8, 80), spacing=2)
    assert codes(draw.patient([draw.sphere(1, "PTV", (60, 0, 60), 10, spacing=2), muscle], image=ct(-40, 80))) == []


@settings(deadline=None, max_examples=25)
@given(degrees=st.floats(0, 90), axis=st.sampled_from([(0, 0, 1), (1, 0, 0), (1, 1, 1)]), limit=st.floats(-12, 12))
def test_the_share_outside_does_not_depend_on_how_box_and_planes_are_turned(
    degrees: float, axis: tuple[float, float, float], limit: float
) -> None:
    # A box of grid coordinates that ends at x = limit, and 20 x 20 mm outlines, turned together.
    matrix = turned(axis, degrees)
    corners = np.array([(-10, -10), (10, -10), (10, 10), (-10, 10)])
    planes = [np.column_stack([corners, np.full(4, z)]) @ matrix[:3, :3].T for z in range(-5, 6)]
    structure = Structure(1, "x", "", tuple(Contour(frozen(p), "CLOSED_PLANAR") for p in planes))
    wide = np.linspace(-100, 100, 3)
    lattice = Lattice(frozen(wide), frozen(wide), frozen(wide), matrix)
    low, high = np.full(3, -100.0), np.array([limit, 100.0, 100.0])
    expected = float(np.clip((10 - limit) / 20, 0, 1))
    # Stored coordinates carry rounding of 1e-12 mm; outlines are 20 mm wide.
    assert share_outside(region_of(structure), lattice, low, high) == pytest.approx(expected, abs=1e-6)


# --- laws ---


def test_nothing_is_found_without_structures_or_in_empty_ones(draw: Any) -> None:
    nobody = draw.patient(None)
    assert contour_findings(nobody.case, (), lambda _: None, nobody) == ()
    assert find(draw.patient([draw.empty(1, "GTV"), draw.empty(2, "Lung_L")], image=ct(-40, 40))) == ()


def test_every_check_that_is_undermined_exists(draw: Any) -> None:
    gtv = draw.sphere(1, "GTV", (0, 0, 0), 10)
    odd = [
        replace(without(gtv, 2.0, 3.0), contours=(*without(gtv, 2.0, 3.0).contours, draw.circle((25, 0, 0), 0.0, 1.5))),
        draw.sphere(2, "PTV", (5, 0, 0), 10),
        draw.sphere(3, "Kidney_L", (-60, 0, 0), 15, spacing=5),
        cord(draw),
    ]
    found = find(draw.patient(odd, image=ct(-9, 40)))
    assert {"planes-missing", "stray-fragment", "target-outside-ptv", "wrong-side"} <= {f.notice.code for f in found}
    assert {check for f in found for check in f.undermines} <= set(all_checks())
    assert find(draw.patient(odd, image=ct(-9, 40))) == found  # same case, same findings
    assert all(f.roi_numbers for f in found)


# --- no false alarm ---


def read(folder: Path) -> Derived:
    return Derived(load_case((folder,), prior=(), plan_uid=None).case, SiteFile())


@pytest.mark.parametrize(
    "case",
    ["lung-peripheral", "lung-peripheral-oblique", "lung-peripheral-feet-first-prone", "vertebra", "femur", "brain"],
)
def test_ordinary_patients_in_any_position_are_in_order(case: str, tmp_path: Path) -> None:
    write_phantom(case, tmp_path / case)
    assert codes(read(tmp_path / case / "plan")) == []


def test_kidneys_below_the_scan_are_told_of_and_no_more(tmp_path: Path) -> None:
    # Their lower poles lie 20 mm below the lowest slice.
    write_phantom("three-organs", tmp_path / "torso")
    found = find(read(tmp_path / "torso" / "plan"))
    assert [(f.notice.code, f.notice.severity) for f in found] == [("organ-cut-by-scan", "info")] * 2


def test_a_real_plan_with_one_of_98_slices_is_in_order() -> None:
    assert codes(read(Path(__file__).parents[2] / "fixtures" / "real" / "eclipse-breast-dvh")) == []
