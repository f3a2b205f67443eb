"""prior-radiotherapy, target-treated."""

from __future__ import annotations

from typing import Any

import pytest


def uniform(draw: Any, gray: float, **more: Any) -> Any:
    return draw.dose(lambda x, y, z: 0 * x + gray, **more)


def lesion(draw: Any, name: str = "GTV", **case: Any) -> Any:
    return draw.patient([draw.sphere(1, name, (0, 0, 0), 10)], **case)


def test_declared_none_passes_by_declaration(draw: Any, run: Any) -> None:
    found = run("prior-radiotherapy", lesion(draw), prior_radiotherapy_to_target=False)
    assert found.verdicts == {"patient": "pass"}
    assert "by declaration" in found.reason


def test_declared_earlier_treatment_fails(draw: Any, run: Any) -> None:
    assert run("prior-radiotherapy", lesion(draw), prior_radiotherapy_to_target=True).verdict == "fail"


@pytest.mark.parametrize(
    "declared", [{}, {"prior_radiotherapy_to_target": None}, {"prior_radiotherapy_to_target": "no"}]
)
def test_nothing_known_is_not_evaluated(draw: Any, run: Any, declared: dict[str, Any]) -> None:
    assert run("prior-radiotherapy", lesion(draw), **declared).verdict == "not-evaluated"


def test_a_prior_folder_without_courses_is_not_evaluated(draw: Any, run: Any) -> None:
    found = run("prior-radiotherapy", lesion(draw, prior_given=True), prior_radiotherapy_to_target=False)
    assert found.verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("name", "gray", "verdict"),
    [
        ("GTV", 30.0, "fail"),
        ("GTV", 16.0, "fail"),  # inside the 50 % isodose of 30 Gy
        ("GTV", 14.0, "indeterminate"),
        ("GTV", 1.0, "pass"),  # below 5 %
        ("PTV", 30.0, "fail"),  # all of it, so the tumour inside as well
        ("PTV", 14.0, "indeterminate"),
        ("PTV", 1.0, "pass"),
    ],
)
def test_prior_dose_decides(draw: Any, run: Any, name: str, gray: float, verdict: str) -> None:
    derived = lesion(draw, name, priors=(draw.course(uniform(draw, gray), draw.plan((30.0, None))),), prior_given=True)
    assert run("prior-radiotherapy", derived).verdicts == {"lesion 1": verdict}
    # A declaration does not overrule what is measured.
    measured = run("prior-radiotherapy", derived, prior_radiotherapy_to_target=False)
    assert measured.verdict == verdict


def test_a_ptv_half_inside_the_isodose_proves_nothing(draw: Any, run: Any) -> None:
    half = draw.dose(lambda x, y, z: 15.0 - 2.0 * x.clip(-7, 7))
    course = (draw.course(half, draw.plan((30.0, None))),)
    assert run("prior-radiotherapy", lesion(draw, "PTV", priors=course)).verdict == "indeterminate"


def test_declared_yes_and_measured_no_contradict_each_other(draw: Any, run: Any) -> None:
    derived = lesion(draw, priors=(draw.course(uniform(draw, 1.0), draw.plan((30.0, None))),))
    assert run("prior-radiotherapy", derived, prior_radiotherapy_to_target=True).verdict == "indeterminate"


@pytest.mark.parametrize("case", ["frame", "no dose", "no prescription", "nothing", "grid ends"])
def test_a_course_that_cannot_be_mapped_is_never_green(draw: Any, run: Any, case: str) -> None:
    plan = draw.plan((30.0, None))
    course = {
        "frame": draw.course(uniform(draw, 1.0, frame="9.9.9"), plan),
        "no dose": draw.course(plan=plan),
        "no prescription": draw.course(uniform(draw, 1.0)),
        "nothing": draw.course(),
        "grid ends": draw.course(uniform(draw, 1.0, low=0.0), plan),  # seven eighths of the lesion lie outside
    }[case]
    harmless = draw.course(uniform(draw, 0.0), plan)
    found = run("prior-radiotherapy", lesion(draw, priors=(harmless, course)), prior_radiotherapy_to_target=False)
    assert found.verdict in {"not-evaluated", "indeterminate"}
    if case == "frame":
        assert "9.9.9" in found.reason


def test_the_worst_course_decides(draw: Any, run: Any) -> None:
    plan = draw.plan((30.0, None))
    courses = (draw.course(uniform(draw, 0.5), plan), draw.course(uniform(draw, 30.0), plan), draw.course(plan=plan))
    assert run("prior-radiotherapy", lesion(draw, priors=courses)).verdict == "fail"


def treated(draw: Any, gray: float, **case: Any) -> Any:
    return lesion(draw, "PTV", dose=uniform(draw, gray), plan=draw.plan((45.0, None)), **case)


def test_a_treated_target(draw: Any, run: Any) -> None:
    found = run("target-treated", treated(draw, 45.0), progressing_lesions=1)
    assert found.verdicts == {"lesion 1": "pass", "patient": "pass"}
    assert found.outcomes[0].measured.value == pytest.approx(100.0, abs=0.01)  # a uniform dose is exact


def test_scattered_dose_is_no_treatment(draw: Any, run: Any) -> None:
    assert run("target-treated", treated(draw, 2.0), progressing_lesions=1).verdicts["lesion 1"] == "fail"


@pytest.mark.parametrize(("declared", "verdict"), [(2, "indeterminate"), (0, "indeterminate"), (None, "not-evaluated")])
def test_the_number_of_lesions_must_agree(draw: Any, run: Any, declared: int | None, verdict: str) -> None:
    facts = {} if declared is None else {"progressing_lesions": declared}
    assert run("target-treated", treated(draw, 45.0), **facts).verdicts == {"lesion 1": "pass", "patient": verdict}


def test_missing_dose_or_prescription_is_named(draw: Any, run: Any) -> None:
    without_dose = lesion(draw, plan=draw.plan((45.0, None)))
    assert run("target-treated", without_dose).verdicts["lesion 1"] == "not-evaluated"
    found = run("target-treated", lesion(draw, dose=uniform(draw, 45.0)))
    assert found.verdicts["lesion 1"] == "not-evaluated"
    assert "site file" in found.outcomes[0].reason


def test_a_target_outside_the_grid_is_not_green(draw: Any, run: Any) -> None:
    derived = lesion(draw, "PTV", dose=uniform(draw, 45.0, low=5.0), plan=draw.plan((45.0, None)))
    assert run("target-treated", derived).verdicts["lesion 1"] != "pass"
