"""lesion-count, organ-count, measurable-lesion."""

from __future__ import annotations

from typing import Any

import pytest

BIG = ((-40, -40, -40), (40, 40, 40))


def spheres(draw: Any, number: int) -> list[Any]:
    return [draw.sphere(n, f"GTV{n}", (50.0 * n - 120.0, 0, 0), 7, spacing=2.0) for n in range(1, number + 1)]


@pytest.mark.parametrize(("number", "verdict"), [(1, "pass"), (3, "pass"), (4, "fail")])
def test_lesions_are_counted(draw: Any, run: Any, number: int, verdict: str) -> None:
    found = run("lesion-count", draw.patient(spheres(draw, number)))
    assert found.verdicts == {"patient": verdict}
    assert found.outcome.measured.value == number


def test_a_limit_inside_the_doubt_is_not_decided(draw: Any, run: Any) -> None:
    structures = [*spheres(draw, 3), draw.empty(9, "GTV9")]
    assert run("lesion-count", draw.patient(structures)).verdict == "indeterminate"


@pytest.mark.parametrize("check", ["lesion-count", "organ-count", "lesion-size", "measurable-lesion", "organ-excluded"])
@pytest.mark.parametrize("name", ["Liver", "GTV"])
def test_without_a_drawn_target_nothing_is_evaluated(draw: Any, run: Any, check: str, name: str) -> None:
    structure = draw.empty(1, name) if name == "GTV" else draw.sphere(1, name, (0, 0, 0), 30)
    found = run(check, draw.patient([structure]))
    assert found.verdict == "not-evaluated"
    assert "site file" in found.reason


def test_two_lesions_lie_in_two_organs_at_most(draw: Any, run: Any) -> None:
    found = run("organ-count", draw.patient(spheres(draw, 2)))
    assert found.verdict == "pass"
    assert (found.outcome.measured.low, found.outcome.measured.high) == (1, 2)


def test_three_lesions_in_unknown_organs_are_not_decided(draw: Any, run: Any) -> None:
    assert run("organ-count", draw.patient(spheres(draw, 3))).verdict == "indeterminate"


def test_three_lesions_in_both_lungs_are_in_one_organ(draw: Any, run: Any) -> None:
    lungs = [
        draw.box(10, "Lung_L", (-100, -40, -20), (-45, 40, 20)),
        draw.box(11, "Lung_R", (-44, -40, -20), (90, 40, 20)),
    ]
    found = run("organ-count", draw.patient([*spheres(draw, 3), *lungs]))
    assert found.verdict == "pass"
    assert found.outcome.measured.high == 1


def test_three_organs_are_too_many(draw: Any, run: Any) -> None:
    organs = [
        draw.box(10, "Lung_L", (-100, -40, -20), (-45, 40, 20)),
        draw.box(11, "Liver", (-44, -40, -20), (5, 40, 20)),
        draw.box(12, "Kidney_R", (6, -40, -20), (90, 40, 20)),
    ]
    found = run("organ-count", draw.patient([*spheres(draw, 3), *organs]))
    assert found.verdict == "fail"
    assert found.outcome.measured.low == 3


def test_an_organ_by_name_only_does_not_narrow_the_count(draw: Any, run: Any) -> None:
    structures = [draw.sphere(n, f"GTV{n} foie", (50.0 * n - 120.0, 0, 0), 7, spacing=2.0) for n in (1, 2, 3)]
    found = run("organ-count", draw.patient(structures))
    assert found.verdict == "indeterminate"
    assert found.outcome.measured.value == 1


@pytest.mark.parametrize(
    ("radius", "organ", "verdict"),
    [(7, "Lung_L", "pass"), (4, "Lung_L", "fail"), (7, "VB_L1", "indeterminate"), (7, "", "indeterminate")],
)
def test_measurable_lesions(draw: Any, run: Any, radius: float, organ: str, verdict: str) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), radius)]
    structures += [draw.box(2, organ, *BIG)] if organ else []
    assert run("measurable-lesion", draw.patient(structures)).verdict == verdict


def test_one_measurable_lesion_is_enough(draw: Any, run: Any) -> None:
    lung = draw.box(10, "Lung_L", (-100, -40, -20), (-45, 40, 20))
    assert run("measurable-lesion", draw.patient([*spheres(draw, 3), lung])).verdict == "pass"


def test_thick_slices_ask_for_larger_lesions(draw: Any, run: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), 7), draw.box(2, "Lung_L", *BIG)]
    found = run("measurable-lesion", draw.patient(structures, image=draw.image(8.0)))
    assert found.verdict == "indeterminate"
    assert "16 mm" in found.reason
