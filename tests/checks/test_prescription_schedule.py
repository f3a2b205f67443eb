"""Schedules of trials against the prescription of each lesion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from sbrtcheck.checks import Task
from sbrtcheck.checks.prescription_schedule import CHECK, Parameters
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Prescription, Structure
from sbrtcheck.protocol import Declared
from sbrtcheck.protocol.loading import load_protocol
from sbrtcheck.results import Outcome, Verdict

FILE = load_protocol("sabr-comet").file
LUNG = next(rule for rule in FILE.rules if rule.id == "comet-lung-schedule")
BONE = next(rule for rule in FILE.rules if rule.id == "comet-bone-schedule")
LIVER = next(rule for rule in FILE.rules if rule.id == "comet-liver-schedule")


def run(
    dose_gy: float,
    fractions: int | None,
    organ: str = "lung",
    *,
    decisive: bool = True,
    source: str = "dose-reference",
    rule: Any = LUNG,
    inside: str = "",
) -> Outcome:
    ptv = Structure(1, "PTV", "PTV", ())
    lesion = SimpleNamespace(id="lesion 1", measured=ptv, outermost=ptv)

    def fractions_of(structure: Structure) -> int:
        if fractions is None:
            raise NotComputable("no number of fractions is stated")
        return fractions

    derived: Any = SimpleNamespace(
        lesions=[lesion],
        grouping=SimpleNamespace(undrawn=()),
        prescribed_to_no_target=(),
        organ=lambda one: SimpleNamespace(
            decisive=decisive, organ=organ, text=f"in the {organ}", roi_numbers=(2,), place=""
        ),
        structures=[ptv, Structure(2, inside, "ORGAN", ())],
        match=lambda structure: SimpleNamespace(tg263=structure.name or None),
        prescription=lambda one: Prescription(dose_gy, fractions, 1, "PTV", source),
        fractions=fractions_of,
    )
    (found,) = CHECK.run(Task(rule, FILE, Parameters.model_validate(rule.parameters), Declared()), derived)
    return found


@pytest.mark.parametrize(
    ("dose_gy", "fractions", "verdict"),
    [
        (54.0, 3, Verdict.PASS),
        (54.004, 3, Verdict.PASS),  # within half of the last written digit
        (54.01, 3, Verdict.FAIL),
        (54.0, 5, Verdict.FAIL),  # dose of one schedule, fractions of another
        (60.0, 8, Verdict.PASS),
        (48.0, 4, Verdict.FAIL),
    ],
)
def test_dose_and_fractions_belong_together(dose_gy: float, fractions: int, verdict: Verdict) -> None:
    assert run(dose_gy, fractions).verdict is verdict


@pytest.mark.parametrize(
    ("dose_gy", "fractions", "verdict"),
    [(45.0, 3, Verdict.PASS), (60.0, 8, Verdict.PASS), (44.9, 3, Verdict.FAIL), (50.0, 2, Verdict.FAIL)],
)
def test_a_range_has_its_ends(dose_gy: float, fractions: int, verdict: Verdict) -> None:
    assert run(dose_gy, fractions, "liver", rule=LIVER).verdict is verdict


@pytest.mark.parametrize(
    ("dose_gy", "fractions", "inside", "verdict"),
    [
        (35.0, 5, "Rib05_L", Verdict.PASS),
        (35.0, 5, "Femur_L", Verdict.FAIL),  # "any bone except femur"
        (35.0, 5, "Bone", Verdict.INDETERMINATE),
        (35.0, 5, "", Verdict.INDETERMINATE),
        (30.0, 3, "VB_L1", Verdict.PASS),
        (30.0, 3, "Rib05_L", Verdict.FAIL),
        (30.0, 3, "Bone_Pelvic", Verdict.INDETERMINATE),
        (30.0, 2, "VB_L1", Verdict.FAIL),
    ],
)
def test_some_schedules_are_for_some_bones(dose_gy: float, fractions: int, inside: str, verdict: Verdict) -> None:
    assert run(dose_gy, fractions, "bone", rule=BONE, inside=inside).verdict is verdict


def test_what_is_not_known_is_never_green() -> None:
    assert run(54.0, None).verdict is Verdict.NOT_EVALUATED
    assert run(54.0, 3, source="beam-dose").verdict is Verdict.NOT_EVALUATED
    assert run(54.0, 3, decisive=False).verdict is Verdict.NOT_EVALUATED
    assert run(10.0, 3, decisive=False).verdict is Verdict.NOT_EVALUATED


def test_another_organ_is_not_asked() -> None:
    assert run(10.0, 1, "bone").verdict is Verdict.NOT_APPLICABLE


def test_the_reason_names_the_schedule_or_all_of_them() -> None:
    assert run(55.0, 5).reason == "55 Gy in 5 fractions: 55 Gy in 5 (at the chest wall, or over 3 cm)"
    assert run(30.0, 1).reason.startswith("30 Gy in 1 fraction is none of 54 Gy in 3 (at most 3 cm, within lung); 55")


@pytest.mark.parametrize(
    "schedule", [{"dose_gy": [60.0, 45.0], "fractions": [3]}, {"dose_gy": [], "fractions": [3]}, {"dose_gy": [1.0]}]
)
def test_a_schedule_that_says_nothing_is_refused(schedule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate({"schedules": [schedule]})
    with pytest.raises(ValidationError):
        Parameters.model_validate({"schedules": [{"dose_gy": [1.0], "fractions": [1]}], "organ": "lungs"})
