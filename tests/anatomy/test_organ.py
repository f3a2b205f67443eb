"""The organ of a lesion."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.anatomy.bones import long_bone_of
from sbrtcheck.anatomy.organ import name_organs
from sbrtcheck.anatomy.organ_kinds import organ_kind, organ_names
from sbrtcheck.naming.tables import standard_names


def finding(draw: Any, *structures: Any) -> Any:
    derived = draw.patient(structures)
    return derived.organ(derived.lesions[0])


def test_a_tumour_inside_a_drawn_organ(draw: Any) -> None:
    found = finding(draw, draw.sphere(1, "GTV", (0, 0, 0), 8), draw.box(2, "Lung_L", (-40, -40, -40), (40, 40, 40)))
    assert (found.organ, found.evidence, found.decisive) == ("lung", "contour", True)
    assert found.roi_numbers == (2,)


def test_left_and_right_lung_are_one_organ(draw: Any) -> None:
    # Half in each: neither alone holds enough, together they do not either, since the two might overlap one another.
    left, right = (
        draw.box(2, "Lung_L", (0, -40, -40), (40, 40, 40)),
        draw.box(3, "Lung_R", (-40, -40, -40), (0, 40, 40)),
    )
    assert finding(draw, draw.sphere(1, "GTV", (20, 0, 0), 8), left, right).organ == "lung"
    assert finding(draw, draw.sphere(1, "GTV", (-20, 0, 0), 8), left, right).organ == "lung"


def test_half_in_half_out_is_not_decided(draw: Any) -> None:
    found = finding(draw, draw.sphere(1, "GTV", (40, 0, 0), 8), draw.box(2, "Liver", (-40, -40, -40), (40, 40, 40)))
    assert not found.decisive
    assert found.unknown_parts == 1


def test_two_organs_that_both_hold_the_tumour_decide_nothing(draw: Any) -> None:
    big = ((-40, -40, -40), (40, 40, 40))
    found = finding(
        draw, draw.sphere(1, "GTV", (0, 0, 0), 8), draw.box(2, "Liver", *big), draw.box(3, "Kidney_R", *big)
    )
    assert found.organ is None
    assert not found.certain


def test_a_ptv_needs_more_of_itself_inside(draw: Any) -> None:
    # A sphere of radius r = 15 whose centre lies 5 mm inside a flat face: h = 20, h2 (3r - h) / 4r3 = 74 % are inside.
    liver = draw.box(2, "Liver", (-60, -60, -60), (5, 60, 60))
    assert not finding(draw, draw.sphere(1, "PTV", (0, 0, 0), 15), liver).decisive
    assert finding(draw, draw.sphere(1, "GTV", (0, 0, 0), 15), liver).decisive


def test_lung_drawn_without_the_tumour_surrounds_it(draw: Any) -> None:
    lung = draw.both(
        draw.box(3, "Lung_L", (-40, -40, -40), (40, 40, 40)), draw.sphere(3, "Lung_L", (0, 0, 0), 8)
    )  # even-odd: a hole
    found = finding(draw, draw.sphere(1, "GTV", (0, 0, 0), 8), draw.sphere(2, "PTV", (0, 0, 0), 14), lung)
    assert (found.organ, found.evidence) == ("lung", "surrounded")


def test_a_tumour_beside_the_lung_is_not_surrounded(draw: Any) -> None:
    lung = draw.box(3, "Lung_L", (9, -40, -40), (60, 40, 40))
    found = finding(draw, draw.sphere(1, "GTV", (0, 0, 0), 8), draw.sphere(2, "PTV", (0, 0, 0), 14), lung)
    assert not found.decisive


def test_names_are_shown_and_decide_nothing(draw: Any) -> None:
    found = finding(draw, draw.sphere(1, "GTV foie", (0, 0, 0), 8))
    assert (found.organ, found.evidence, found.decisive) == ("liver", "name", False)


def test_a_name_that_contradicts_the_contours_blocks_them(draw: Any) -> None:
    lung = draw.box(2, "Lung_R", (-40, -40, -40), (40, 40, 40))
    found = finding(draw, draw.sphere(1, "GTV_Liver", (0, 0, 0), 8), lung)
    assert not found.decisive
    assert "contradict" in found.text


def test_parts_in_two_organs_are_two_organs(draw: Any) -> None:
    gtv = draw.both(draw.sphere(1, "GTV", (-50, 0, 0), 8), draw.sphere(1, "GTV", (50, 0, 0), 7))
    lung, liver = (
        draw.box(2, "Lung_R", (-80, -30, -30), (-20, 30, 30)),
        draw.box(3, "Liver", (20, -30, -30), (80, 30, 30)),
    )
    found = finding(draw, gtv, lung, liver)
    assert found.certain == {"lung", "liver"}
    assert not found.decisive


def test_a_target_is_not_the_organ_that_it_lies_in(draw: Any) -> None:
    # Real Eclipse file: the whole breast typed GTV.
    found = finding(draw, draw.sphere(1, "Breast", (0, 0, 0), 40, kind="GTV"))
    assert not found.decisive


def test_an_organ_that_is_not_drawn_is_unknown(draw: Any) -> None:
    found = finding(draw, draw.sphere(1, "GTV", (0, 0, 0), 8), draw.empty(2, "Lung_L"))
    assert found.organ is None
    assert found.unknown_parts == 1


@pytest.mark.parametrize(
    ("name", "organs"),
    [
        ("PTV poumon D 45Gy", {"lung"}),
        ("GTV_Liver", {"liver"}),
        ("PTV foie", {"liver"}),
        ("PTV_Nebenniere_L", {"adrenal"}),
        ("PTV L3", set()),  # third lumbar vertebra, or third lesion
        ("PTV1", set()),
        ("GTV_LN", {"lymph-node"}),
    ],
)
def test_organs_in_names(name: str, organs: set[str]) -> None:
    assert name_organs(name) == organs


def test_joints_and_marrow_are_no_bones() -> None:
    assert organ_kind("Femur_Joint_L") is None
    assert organ_kind("BoneMarrow") is None
    assert long_bone_of("Femur_Joint_L") is None


def test_every_long_bone_is_a_bone() -> None:
    for name in standard_names():
        if long_bone_of(name):
            organ = organ_kind(name)
            assert organ is not None
            assert organ.kind == "bone"
    assert {"brain", "lung", "bone"} <= organ_names()
