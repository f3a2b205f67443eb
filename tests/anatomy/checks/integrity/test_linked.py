"""Files that belong together, approval, kind of dose, and the declared prescription."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.model import Prescription

DOSE, PLAN, CT, FRAME = (
    "RT Dose to RT Plan",
    "RT Plan to RT Structure Set",
    "RT Structure Set to CT",
    "frame of reference",
)


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {subject: str(result.verdict) for subject, result in found.items()}


@pytest.fixture
def parts(build: Any) -> dict[str, Any]:
    return {"plan": build.plan(), "dose": build.dose(), "image": build.image(2.0 * np.arange(10))}


def both(build: Any, judged: Any, parts: dict[str, Any]) -> dict[str, str]:
    patient = build.patient([], **parts)
    return verdicts(judged("files-linked", patient) | judged("correct-ct", patient))


def test_files_of_one_plan_pass(build: Any, judged: Any, parts: dict[str, Any]) -> None:
    assert both(build, judged, parts) == dict.fromkeys((DOSE, PLAN, CT, FRAME), "pass")


@pytest.mark.parametrize(
    ("part", "change", "link", "verdict"),
    [
        ("dose", {"referenced_plan_uids": ("9.9",)}, DOSE, "fail"),
        ("dose", {"referenced_plan_uids": ("1.8", "9.9")}, DOSE, "fail"),
        ("dose", {"referenced_plan_uids": ()}, DOSE, "not-evaluated"),
        ("dose", {"frame_of_reference_uid": "9.9"}, FRAME, "fail"),
        ("dose", {"frame_of_reference_uid": ""}, FRAME, "not-evaluated"),
        ("plan", {"referenced_structure_set_uid": "9.9"}, PLAN, "fail"),
        ("plan", {"referenced_structure_set_uid": ""}, PLAN, "not-evaluated"),
        ("plan", {"frame_of_reference_uid": "9.9"}, FRAME, "fail"),
        ("image", {"frame_of_reference_uid": "9.9"}, FRAME, "fail"),
    ],
)
def test_one_wrong_link_is_seen_alone(
    build: Any, judged: Any, parts: dict[str, Any], part: str, change: Any, link: str, verdict: str
) -> None:
    found = both(build, judged, parts | {part: replace(parts[part], **change)})
    assert found.pop(link) == verdict
    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize(("slices", "verdict"), [(("9.1", "9.2"), "fail"), (("1.7.0", "9.2"), "not-evaluated")])
def test_another_or_an_incomplete_ct(
    build: Any, judged: Any, parts: dict[str, Any], slices: tuple[str, ...], verdict: str
) -> None:
    image = parts["image"]
    another = replace(image, series_instance_uid="9") if verdict == "fail" else image
    assert both(build, judged, parts | {"image": another, "slices": slices})[CT] == verdict


def test_all_in_another_frame_than_the_structures_fails(build: Any, judged: Any, parts: dict[str, Any]) -> None:
    moved = {name: replace(part, frame_of_reference_uid="9.9") for name, part in parts.items()}
    assert both(build, judged, moved)[FRAME] == "fail"


def test_nothing_passes_where_everything_is_missing(build: Any, judged: Any, draw: Any) -> None:
    for rule in ("files-linked", "correct-ct"):
        for patient in (build.patient([]), draw.patient(None)):
            assert set(verdicts(judged(rule, patient)).values()) == {"not-evaluated"}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("APPROVED", "pass"),
        ("REJECTED", "fail"),
        ("UNAPPROVED", "not-evaluated"),
        ("", "not-evaluated"),
        ("approved?", "not-evaluated"),
    ],
)
def test_approval(build: Any, judged: Any, status: str, verdict: str) -> None:
    patient = build.patient([], plan=build.plan(approval_status=status))
    assert judged("approval", patient)["patient"].verdict == verdict


def test_without_plan_there_is_no_approval(build: Any, judged: Any) -> None:
    assert judged("approval", build.patient([]))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [({}, "pass"), ({"kind": "EFFECTIVE"}, "fail"), ({"sop_instance_uids": ("1.9", "1.10")}, "variation")],
)
def test_kind_of_dose(build: Any, judged: Any, change: dict[str, Any], verdict: str) -> None:
    assert judged("dose-kind", build.patient([], dose=build.dose(**change)))["patient"].verdict == verdict
    assert judged("dose-kind", build.patient([]))["patient"].verdict == "not-evaluated"


@pytest.mark.parametrize(
    ("dose", "fractions", "verdict"),
    [
        (50.0, 5, "pass"),
        (50, 5, "pass"),
        (50.004, 5, "pass"),  # rounding of a hundredth of a gray
        (50.01, 5, "fail"),
        (48.0, 5, "fail"),
        (50.0, 4, "fail"),
        (None, 5, "not-evaluated"),
        (50.0, None, "not-evaluated"),
        (True, 5, "not-evaluated"),
        ("50", 5, "not-evaluated"),
    ],
)
def test_declared_prescription(build: Any, judged: Any, dose: Any, fractions: Any, verdict: str) -> None:
    facts = {"prescription_dose_gy": dose, "prescription_fractions": fractions}
    found = judged("prescription-as-declared", build.patient([], plan=build.plan()), **facts)
    assert found["patient"].verdict == verdict


@pytest.mark.parametrize(
    ("prescriptions", "verdict"),
    [
        ((), "not-evaluated"),
        ((Prescription(50.0, 5, None, "", "beam-dose"),), "not-evaluated"),
        (
            (Prescription(50.0, 5, 1, "", "dose-reference"), Prescription(45.0, 5, 2, "", "dose-reference")),
            "not-evaluated",
        ),
        ((Prescription(50.0, 5, 1, "", "dose-reference"), Prescription(50.0, 5, 2, "", "dose-reference")), "pass"),
        ((Prescription(50.0, None, 1, "", "dose-reference"),), "not-evaluated"),
        ((Prescription(48.0, None, 1, "", "dose-reference"),), "fail"),
    ],
)
def test_only_one_stated_prescription_can_be_compared(
    build: Any, judged: Any, prescriptions: Any, verdict: str
) -> None:
    patient = build.patient([], plan=build.plan(prescriptions=prescriptions))
    found = judged("prescription-as-declared", patient, prescription_dose_gy=50.0, prescription_fractions=5)
    assert found["patient"].verdict == verdict
    without = judged("prescription-as-declared", build.patient([]), prescription_dose_gy=50.0, prescription_fractions=5)
    assert without["patient"].verdict == "not-evaluated"
