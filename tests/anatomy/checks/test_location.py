"""organ-excluded, ultra-central, long-bone: nothing that is missing or ambiguous ends green."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

CHEST = ((-90, -60, -60), (90, 60, 60))


def central(draw: Any, *left_out: str, x: float = -60.0) -> list[Any]:
    """Airway, oesophagus and pulmonary vessels as columns near ``x``; numbered by place."""
    names = ("AirWay_Prox", "Trachea", "Esophagus", "A_Pulmonary", "V_Pulmonary")
    return [
        draw.box(20 + n, name, (x - 4, 8.0 * n - 20, -50), (x, 8.0 * n - 14, 50))
        for n, name in enumerate(names)
        if name not in left_out
    ]


def chest(
    draw: Any, *left_out: str, gtv: float = 10.0, ptv: float | None = 15.0, lung: bool = True, at: float = 0.0
) -> Any:
    structures = central(draw, *left_out)
    structures += [draw.sphere(1, "GTV", (at, 0, 0), gtv)]
    structures += [draw.sphere(2, "PTV", (at, 0, 0), ptv)] if ptv is not None else []
    structures += [draw.box(3, "Lungs", *CHEST)] if lung else []
    return draw.patient(structures)


def test_a_peripheral_lesion_is_not_ultra_central(draw: Any, run: Any) -> None:
    found = run("ultra-central", chest(draw))
    assert found.verdict == "pass"
    # The PTV ends at x = -15, the columns begin at x = -60.
    assert found.outcome.measured.value == pytest.approx(45.0, abs=0.5)  # one plane and polygon sagitta
    line = found.outcome.evidence[0]
    assert line.kind == "line"
    assert line.points_mm[0][0] > line.points_mm[1][0]
    assert any("sunset: not" in e.text for e in found.outcome.evidence)


def test_a_ptv_that_touches_is_ultra_central(draw: Any, run: Any) -> None:
    found = run("ultra-central", chest(draw, at=-48.0))
    assert found.verdict == "fail"
    texts = " ".join(e.text for e in found.outcome.evidence)
    assert "sunset: ultra-central" in texts
    assert "haseltine-2015: not" in texts  # the tumour itself is 2 mm away


@pytest.mark.parametrize("missing", ["AirWay_Prox", "Trachea", "Esophagus", "A_Pulmonary", "V_Pulmonary"])
def test_a_missing_structure_is_named_and_never_green(draw: Any, run: Any, missing: str) -> None:
    titles = {
        "AirWay_Prox": "proximal bronchial tree",
        "A_Pulmonary": "pulmonary artery",
        "V_Pulmonary": "pulmonary veins",
    }
    found = run("ultra-central", chest(draw, missing))
    assert found.verdict == "not-evaluated"
    assert titles.get(missing, {"Trachea": "trachea", "Esophagus": "oesophagus"}.get(missing)) in found.reason


def test_contact_decides_even_where_others_are_missing(draw: Any, run: Any) -> None:
    assert run("ultra-central", chest(draw, "V_Pulmonary", "Esophagus", at=-48.0)).verdict == "fail"


def test_great_vessels_clear_the_pulmonary_vessels_and_do_not_convict(draw: Any, run: Any) -> None:
    vessels = draw.box(30, "GreatVes", (-70, -60, -55), (-60, 60, 55))
    far = [*central(draw, "A_Pulmonary", "V_Pulmonary"), vessels, draw.box(3, "Lungs", *CHEST)]
    far += [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    assert run("ultra-central", draw.patient(far)).verdict == "pass"
    near = [draw.box(30, "GreatVes", (-20, -60, -55), (-14, 60, 55)), *far[:3], *far[4:]]
    found = run("ultra-central", draw.patient(near))
    assert found.verdict == "not-evaluated"
    assert "not drawn by itself" in found.reason


def test_one_main_bronchus_convicts_and_does_not_clear(draw: Any, run: Any) -> None:
    def with_bronchus(x: float) -> Any:
        structures = [*central(draw, "AirWay_Prox"), draw.box(30, "Bronchus_Main_L", (x - 4, -3, -5), (x, 3, 5))]
        structures += [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
        return draw.patient([*structures, draw.box(3, "Lungs", *CHEST)])

    assert run("ultra-central", with_bronchus(-13.0)).verdict == "fail"
    found = run("ultra-central", with_bronchus(-50.0))
    assert found.verdict == "not-evaluated"
    assert "in part" in found.reason


def test_an_oesophagus_that_ends_before_the_lesion_clears_nothing(draw: Any, run: Any) -> None:
    structures = [*central(draw, "Esophagus"), draw.box(22, "Esophagus", (-64, -4, 20), (-60, 2, 50))]
    structures += [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    found = run("ultra-central", draw.patient([*structures, draw.box(3, "Lungs", *CHEST)]))
    assert found.verdict == "not-evaluated"
    assert "ends above or below" in found.reason


def test_a_lesion_of_another_organ_is_no_lung_lesion(draw: Any, run: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.box(3, "Liver", *CHEST)]
    assert run("ultra-central", draw.patient(structures)).verdict == "not-applicable"


def test_an_unknown_organ_passes_far_away_and_is_open_near(draw: Any, run: Any) -> None:
    assert run("ultra-central", chest(draw, lung=False)).verdict == "pass"
    assert run("ultra-central", chest(draw, lung=False, at=-48.0)).verdict == "indeterminate"


def test_a_lesion_without_ptv_is_not_cleared(draw: Any, run: Any) -> None:
    found = run("ultra-central", chest(draw, ptv=None))
    assert found.verdict == "not-evaluated"
    assert "no PTV" in found.reason
    # The tumour itself touches: the PTV round it would as well.
    assert run("ultra-central", chest(draw, ptv=None, at=-52.0)).verdict == "fail"


def test_a_lesion_without_gtv_is_cleared_by_its_ptv(draw: Any, run: Any) -> None:
    structures = [*central(draw), draw.sphere(2, "PTV", (0, 0, 0), 15), draw.box(3, "Lungs", *CHEST)]
    assert run("ultra-central", draw.patient(structures)).verdict == "pass"


def test_two_rois_that_claim_one_name_must_agree(draw: Any, run: Any) -> None:
    twin = draw.box(40, "trachea", (-20, -60, -50), (-14, 60, 50))
    structures = [*central(draw), twin, draw.box(3, "Lungs", *CHEST)]
    structures += [draw.sphere(1, "GTV", (0, 0, 0), 10), draw.sphere(2, "PTV", (0, 0, 0), 15)]
    assert run("ultra-central", draw.patient(structures)).verdict == "indeterminate"


def test_every_phase_of_a_tumour_counts(draw: Any, run: Any) -> None:
    structures = [*central(draw), draw.box(3, "Lungs", *CHEST), draw.sphere(2, "PTV", (-40, 0, 0), 19)]
    structures += [draw.sphere(1, "GTV insp", (-40, 0, 0), 10), draw.sphere(4, "GTV exp", (-45, 0, 0), 9)]
    derived = draw.patient(structures)
    (lesion,) = derived.lesions
    assert lesion.gtv.roi_number == 1
    # The edge of the trachea is at (-60, -6): 10.9 mm from the larger phase, 7.2 mm from the other.
    found = run("ultra-central", derived, {"definition": "levy-2024"})
    assert found.verdict == "fail"
    assert found.outcome.measured.value == pytest.approx(np.hypot(15.0, 6.0) - 9.0, abs=0.1)  # polygon sagitta


def test_the_definition_decides(draw: Any, run: Any) -> None:
    near = chest(draw, at=-48.0)  # tumour 2 mm from the trachea, PTV touching
    assert run("ultra-central", near, {"definition": "haseltine-2015"}).verdict == "pass"
    assert run("ultra-central", near, {"definition": "sunset"}).verdict == "fail"
    found = run("ultra-central", near, {"definition": "levy-2024"})
    assert found.verdict == "fail"  # within 10 mm of the trachea
    assert found.outcome.limit.per_protocol == 10.0
    with pytest.raises(ValueError, match="sunset"):
        run("ultra-central", near, {"definition": "sunshine"})


def head(draw: Any, gtv: tuple[float, float, float], *more: Any) -> Any:
    return draw.patient([draw.sphere(1, "GTV", gtv, 6), *more])


def test_a_brain_metastasis_is_found(draw: Any, run: Any) -> None:
    brain = draw.sphere(2, "Brain", (0, 0, 0), 40, spacing=2.0)
    assert run("organ-excluded", head(draw, (10, 0, 0), brain)).verdict == "fail"


def test_clear_of_a_drawn_brain_is_extracerebral(draw: Any, run: Any) -> None:
    brain = draw.sphere(2, "Brain", (0, 0, 0), 40, spacing=2.0)
    found = run("organ-excluded", head(draw, (0, 0, -180), brain))
    assert found.verdict == "pass"
    # Below what is drawn, and within a brain's height of its top: it may lie in a part that was left out.
    assert run("organ-excluded", head(draw, (0, 0, -90), brain)).verdict == "not-evaluated"
    assert run("organ-excluded", head(draw, (90, 0, 0), brain)).verdict == "pass"
    assert found.outcome.evidence[0].kind == "line"


def test_inside_another_organ_is_extracerebral(draw: Any, run: Any) -> None:
    assert run("organ-excluded", head(draw, (0, 0, 0), draw.box(2, "Liver", *CHEST))).verdict == "pass"


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["empty"],
        ["part"],
        ["hole"],
    ],
)
def test_a_lesion_that_cannot_be_placed_is_not_green(draw: Any, run: Any, more: list[str]) -> None:
    hole = draw.sphere(2, "Brain", (0, 0, 0), 40, hole=12.0)
    drawn = {
        "empty": draw.empty(2, "Brain"),
        "part": draw.sphere(2, "Cerebellum", (0, 0, -80), 20, spacing=2.0),
        "hole": hole,  # the brain drawn without the target and a margin
    }
    found = run("organ-excluded", head(draw, (0, 0, 0), *(drawn[m] for m in more)))
    assert found.verdict == "not-evaluated"


def test_contact_with_the_brain_is_open(draw: Any, run: Any) -> None:
    brain = draw.sphere(2, "Brain", (0, 0, 0), 40, spacing=2.0)
    assert run("organ-excluded", head(draw, (44, 0, 0), brain)).verdict == "indeterminate"


def test_a_name_does_not_clear_a_lesion(draw: Any, run: Any) -> None:
    assert run("organ-excluded", draw.patient([draw.sphere(1, "GTV foie", (0, 0, 0), 8)])).verdict == "not-evaluated"
    with pytest.raises(ValueError, match="brain"):
        run("organ-excluded", draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 8)]), {"organ": "hair"})


def test_a_tumour_in_the_femur_fails(draw: Any, run: Any) -> None:
    femur = draw.box(2, "Femur_L", (-15, -15, -60), (15, 15, 60))
    assert run("long-bone", head(draw, (0, 0, 0), femur)).verdict == "fail"
    assert run("long-bone", head(draw, (18, 0, 0), femur)).verdict == "fail"  # in part


@pytest.mark.parametrize("name", ["Femur_Head_R", "TETE_FEMORALE_G", "Humerus_L", "Tibia G", "Ulna_R"])
def test_other_long_bones_in_any_language(draw: Any, run: Any, name: str) -> None:
    assert run("long-bone", head(draw, (0, 0, 0), draw.box(2, name, (-15, -15, -60), (15, 15, 60)))).verdict == "fail"


@pytest.mark.parametrize(
    ("name", "verdict"), [("Liver", "pass"), ("VB_L3", "pass"), ("Rib", "pass"), ("Bone", "not-evaluated")]
)
def test_another_organ_or_bone(draw: Any, run: Any, name: str, verdict: str) -> None:
    assert run("long-bone", head(draw, (0, 0, 0), draw.box(2, name, *CHEST))).verdict == verdict


def test_a_femur_that_is_only_a_head_clears_nothing(draw: Any, run: Any) -> None:
    # The lesion lies in the shaft, below what is drawn under the name of the whole bone.
    part = draw.box(2, "Femur_L", (-15, -15, 40), (15, 15, 60))
    assert run("long-bone", head(draw, (0, 0, 0), part)).verdict == "not-evaluated"


def test_without_bones_and_organs_nothing_is_known(draw: Any, run: Any) -> None:
    assert run("long-bone", head(draw, (0, 0, 0))).verdict == "not-evaluated"


def test_a_ptv_that_reaches_a_bone_proves_nothing(draw: Any, run: Any) -> None:
    femur = draw.box(3, "Femur_L", (10, -15, -60), (30, 15, 60))
    ptv = draw.sphere(2, "PTV", (0, 0, 0), 14)
    assert run("long-bone", draw.patient([ptv, femur])).verdict == "indeterminate"
    with_tumour = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 6), ptv, femur])
    assert run("long-bone", with_tumour).verdict == "not-evaluated"


def test_the_surest_overlap_decides(draw: Any, run: Any) -> None:
    grazed = draw.box(3, "Humerus_L", (6, -15, -60), (30, 15, 60))
    held = draw.box(2, "Femur_L", (-30, -15, -60), (5.5, 15, 60))
    assert run("long-bone", head(draw, (0, 0, 0), grazed, held)).verdict == "fail"


def test_the_protocol_names_the_bones(draw: Any, run: Any) -> None:
    clavicle = head(draw, (0, 0, 0), draw.box(2, "Clavicle_L", (-15, -15, -60), (15, 15, 60)))
    assert run("long-bone", clavicle).verdict == "pass"
    assert run("long-bone", clavicle, {"bones": ["femur", "clavicle"]}).verdict == "fail"
    with pytest.raises(ValueError, match="femur"):
        run("long-bone", clavicle, {"bones": ["stapes"]})
