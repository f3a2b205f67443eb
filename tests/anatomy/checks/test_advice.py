"""What nobody drew: masks ask for a contour, a person may declare an organ; nothing of it is silently green."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.anatomy.places import Places
from sbrtcheck.naming.site import SiteAnatomy, SiteFile

CHEST = ((-90, -60, -60), (90, 60, 60))
COLUMNS = ("AirWay_Prox", "Trachea", "Esophagus", "A_Pulmonary", "V_Pulmonary")
DECISIVE = SiteFile(anatomy=SiteAnatomy(masks="decisive"))


def columns(draw: Any, x: float) -> list[Any]:
    """Airway, oesophagus and pulmonary vessels as columns that end at ``x``."""
    return [draw.box(20 + n, name, (x - 4, 8.0 * n - 20, -50), (x, 8.0 * n - 14, 50)) for n, name in enumerate(COLUMNS)]


def lesion(draw: Any) -> list[Any]:
    """A tumour of 10 mm in a PTV of 15 mm at the origin."""
    return [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]


def chest(draw: Any, drawn: list[Any], masks: list[Any], **more: Any) -> Any:
    structures = [*lesion(draw), draw.box(3, "Lungs", *CHEST), *drawn]
    return draw.patient(structures, masks=[draw.mask(m) for m in masks], **more)


def test_masks_that_touch_ask_for_a_contour(draw: Any, run: Any) -> None:
    found = run("ultra-central", chest(draw, [], columns(draw, -12.0)))
    assert found.verdict == "indeterminate"
    assert "draw it by hand" in found.reason
    assert "(masks)" in found.reason


def test_masks_far_away_leave_the_rule_open(draw: Any, run: Any) -> None:
    found = run("ultra-central", chest(draw, [], columns(draw, -60.0)))
    assert found.verdict == "not-evaluated"
    assert any("(masks) 45." in e.text for e in found.outcome.evidence)  # shown all the same


def test_the_edge_of_a_voxel_is_reason_to_ask(draw: Any, run: Any) -> None:
    # 0.8 mm away, and the edge of the mask is known to 1 mm.
    assert run("ultra-central", chest(draw, [], columns(draw, -15.8))).verdict == "indeterminate"


def test_masks_contradict_a_contour_only_by_contact(draw: Any, run: Any) -> None:
    far = columns(draw, -60.0)
    assert run("ultra-central", chest(draw, far, columns(draw, -15.8))).verdict == "pass"
    assert run("ultra-central", chest(draw, far, columns(draw, -12.0))).verdict == "indeterminate"


def test_masks_stand_in_where_the_clinic_says_so(draw: Any, run: Any) -> None:
    assert run("ultra-central", chest(draw, [], columns(draw, -60.0), site=DECISIVE)).verdict == "pass"
    # Contact of the outlines is no proof: the true edge may lie a voxel away.
    assert run("ultra-central", chest(draw, [], columns(draw, -12.0), site=DECISIVE)).verdict == "indeterminate"


def test_a_long_bone_in_the_masks_asks_for_a_contour(draw: Any, run: Any) -> None:
    bone = draw.box(30, "Femur_L", (-20, -20, -50), (20, 20, 50))
    found = run("long-bone", draw.patient(lesion(draw), masks=[draw.mask(bone)]))
    assert found.verdict == "indeterminate"
    assert "Femur_L in the masks" in found.reason
    away = draw.box(30, "Femur_L", (100, -20, -50), (140, 20, 50))
    assert run("long-bone", draw.patient(lesion(draw), masks=[draw.mask(away)])).verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("place", "verdicts"),
    [
        ("liver", ("not-applicable", "pass", "pass")),
        ("Femur_L", ("not-applicable", "fail", "pass")),
        ("Rib05_L", ("not-applicable", "pass", "pass")),
        ("bone", ("not-applicable", "not-evaluated", "pass")),
        ("brain", ("not-applicable", "pass", "fail")),
        ("lung", ("not-evaluated", "pass", "pass")),
    ],
)
def test_a_declared_place_decides_where_nothing_is_drawn(
    draw: Any, run: Any, place: str, verdicts: tuple[str, str, str]
) -> None:
    patient = draw.patient(lesion(draw), places=Places({"GTV": place}))
    found = tuple(run(check, patient).verdict for check in ("ultra-central", "long-bone", "organ-excluded"))
    assert found == verdicts
    assert "declared to lie in" in run("organ-excluded", patient).reason


def test_a_declared_place_that_a_contour_contradicts_decides_nothing(draw: Any, run: Any) -> None:
    patient = draw.patient([*lesion(draw), draw.box(3, "Liver", *CHEST)], places=Places({"GTV": "lung"}))
    for check in ("long-bone", "organ-excluded", "organ-count"):
        assert run(check, patient).verdict in {"not-evaluated", "pass"}
    assert run("organ-excluded", patient).verdict == "not-evaluated"
    assert "contradict" in patient.organ(patient.lesions[0]).text


def test_two_declared_places_of_one_lesion_decide_nothing(draw: Any, run: Any) -> None:
    patient = draw.patient(lesion(draw), places=Places({"GTV": "lung", "PTV": "liver"}))
    assert run("organ-excluded", patient).verdict == "not-evaluated"


def test_what_is_declared_for_no_target_is_told(draw: Any) -> None:
    patient = draw.patient(lesion(draw), places=Places({"GTV 7": "lung"}))
    assert [n.code for n in patient.notices] == ["declared-for-no-target"]


def test_a_bone_lesion_is_measurable_by_a_declared_soft_tissue_part(draw: Any, run: Any) -> None:
    structures = [*lesion(draw), draw.box(3, "Bone_Ilium_L", *CHEST)]
    image = draw.image(2.0)
    assert run("measurable-lesion", draw.patient(structures, image=image)).verdict == "indeterminate"
    declared = draw.patient(structures, image=image, places=Places(soft_tissue=frozenset({"GTV"})))
    found = run("measurable-lesion", declared)
    assert found.verdict == "pass"
    assert any("declared measurable" in e.text for e in found.outcome.evidence)


def test_masks_show_an_organ_and_place_nothing(draw: Any, run: Any) -> None:
    lungs = draw.mask(draw.box(3, "Lungs", *CHEST))
    patient = draw.patient(lesion(draw), masks=[lungs])
    found = patient.organ(patient.lesions[0])
    assert (found.organ, found.decisive) == ("lung", False)
    assert "by masks" in found.text
    assert run("organ-excluded", patient).verdict == "not-evaluated"
    decisive = draw.patient(lesion(draw), masks=[lungs], site=DECISIVE)
    assert run("organ-excluded", decisive).verdict == "pass"


def test_masks_speak_against_a_declared_place(draw: Any, run: Any) -> None:
    lungs = draw.mask(draw.box(3, "Lungs", *CHEST))
    patient = draw.patient(lesion(draw), masks=[lungs], places=Places({"GTV": "liver"}))
    assert run("organ-excluded", patient).verdict == "not-evaluated"
