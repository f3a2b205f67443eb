"""Structures of a protocol on a patient: own names, aliases, what is made of others; rules and conditions on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.checks.named import named_in
from sbrtcheck.derived import Derived
from sbrtcheck.errors import NotComputable
from sbrtcheck.judge import bind, judge
from sbrtcheck.judge.conditions import decided
from sbrtcheck.metrics import parse_metric
from sbrtcheck.model import Case, Contour, Dose, Lattice, Plan, Prescription, Structure, StructureSet, frozen
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol import Declared, ProtocolFile
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.results import RuleResult, Verdict

FRAME = "1.2.3"
TURN = np.linspace(0.0, 2.0 * np.pi, 120, endpoint=False)


def ball(number: int, name: str, centre: tuple[float, float, float], radius: float, step: float = 1.0) -> Structure:
    heights = np.arange(-radius + 0.5 * step, radius, step)
    rings = [
        Contour(
            frozen(np.column_stack([centre[0] + r * np.cos(TURN), centre[1] + r * np.sin(TURN), 0 * TURN + z])),
            "CLOSED_PLANAR",
        )
        for z, r in ((centre[2] + h, float(np.sqrt(radius**2 - h * h))) for h in heights)
    ]
    return Structure(number, name, "", tuple(rings), FRAME)


def ramp() -> Dose:
    """1 Gy a millimetre of x: 20 Gy at x = 0."""
    ticks = frozen(np.arange(-60.0, 61.0, 2.0))
    values = np.broadcast_to(np.clip(ticks + 20.0, 0.0, None), (len(ticks),) * 3)
    return Dose(
        frozen(values, np.float32), Lattice(ticks, ticks, ticks, frozen(np.eye(4))), "PHYSICAL", FRAME, 0.0, ("1.9",)
    )


LUNG_L, LUNG_R = ball(1, "Lung_L", (-25.0, 0.0, 0.0), 20.0), ball(2, "Lung_R", (25.0, 0.0, 0.0), 20.0)
GTV, PTV = ball(3, "GTV", (25.0, 0.0, 0.0), 6.0), ball(4, "PTV", (25.0, 0.0, 0.0), 8.0)
CORD = ball(5, "SpinalCord", (0.0, 40.0, 0.0), 5.0)


def patient(*structures: Structure, site: SiteFile | None = None) -> Derived:
    plan = Plan("1.8", "P", False, (Prescription(50.0, 5, 4, "PTV", "plan"),), ())
    drawn = StructureSet("1.5", "S", tuple(sorted(structures, key=lambda s: s.roi_number)))
    return Derived(Case(plan, drawn, ramp()), site or SiteFile())


ALL = (LUNG_L, LUNG_R, GTV, PTV, CORD)
RULE = {"id": "a", "title": "A", "check": "dose-metric", "source": "s", "confidence": "verified"}


def protocol(structures: dict[str, Any], *rules: dict[str, Any], **more: Any) -> ProtocolFile:
    head = {"schema": "sbrtcheck-protocol/1", "id": "test", "title": "T", "version": "1.0.0"}
    parts = {"sources": [{"id": "s", "title": "S", "level": "primary"}], "structures": structures}
    age = RULE | {"check": "patient-age", "limit": {"op": ">=", "per_protocol": 18.0, "unit": "years"}}
    return ProtocolFile.model_validate(head | parts | more | {"rules": list(rules) or [age]})


def ball_cm3(radius: float) -> float:
    return 4.0 / 3.0 * np.pi * radius**3 / 1000.0


def derived_volume(text: str, *structures: Structure) -> tuple[float, float, float]:
    case = patient(*(structures or ALL))
    (found,) = named_in("Own", protocol({"Own": {"derived": text}}), case)
    volume = found.within(case).volume(found.structure)
    return volume.value, volume.low, volume.high


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("Lung_L | Lung_R", 2.0 * ball_cm3(20.0)),
        ("(Lung_L | Lung_R) - GTV", 2.0 * ball_cm3(20.0) - ball_cm3(6.0)),
        ("Lung_R & PTV", ball_cm3(8.0)),
        ("PTV - GTV", ball_cm3(8.0) - ball_cm3(6.0)),
        ("PTV + 5mm", ball_cm3(13.0)),
        ("PTV - 3mm", ball_cm3(5.0)),
        ("ring(PTV, 4mm, 10mm)", ball_cm3(18.0) - ball_cm3(12.0)),
        ("ring(PTV, 0mm, 10mm)", ball_cm3(18.0) - ball_cm3(8.0)),
        ("Lung_R - (PTV + 5mm)", ball_cm3(20.0) - ball_cm3(13.0)),
    ],
)
def test_volumes_in_closed_form(text: str, true: float) -> None:
    value, low, high = derived_volume(text)
    assert low <= true <= high
    # Planes of 1 mm: each ball is known to 1 %, and differences of balls to a few.
    assert value == pytest.approx(true, rel=0.03)


def test_what_is_drawn_stands_where_the_rest_cannot_be_made() -> None:
    lungs = replace(LUNG_L, roi_number=7, name="Lungs")
    both = protocol({"Lungs": {"derived": "Lung_L | Lung_R"}})
    assert [f.where for f in named_in("Lungs", both, patient(LUNG_L, lungs))] == [lungs.where]
    assert [f.where for f in named_in("Lungs", both, patient(LUNG_L, LUNG_R, lungs))] == [lungs.where, "Lungs"]


def test_a_lung_that_was_removed_is_left_out_by_declaration_only() -> None:
    both = protocol({"Own": {"derived": "(Lung_L | Lung_R) - GTV"}})
    with pytest.raises(NotComputable):
        named_in("Own", both, patient(LUNG_R, GTV))
    case = patient(LUNG_R, GTV)
    (one,) = named_in("Own", both, case, ["Lung_L"])
    assert one.evidence[0].text.endswith("; without Lung_L, by declaration not at risk)")
    # Planes of 1 mm: each ball is known to 1 %.
    assert one.within(case).volume(one.structure).value == pytest.approx(ball_cm3(20.0) - ball_cm3(6.0), rel=0.03)
    # What is drawn is there, whatever is declared, and what is taken away from another is never left out.
    (whole,) = named_in("Own", both, patient(*ALL), ["Lung_L"])
    assert "without" not in whole.evidence[0].text
    with pytest.raises(NotComputable):
        named_in("Own", both, patient(LUNG_R), ["Lung_L", "GTV"])


def test_own_names_within_own_names() -> None:
    case = patient(*ALL)
    own = {"Both": {"derived": "Lung_L | Lung_R"}, "Own": {"derived": "Both - GTV"}}
    (found,) = named_in("Own", protocol(own), case)
    assert found.evidence[0].text == (
        "Own is made by test: (Lung_L | Lung_R) - GTV (Lung_L ROI 1, Lung_R ROI 2, GTV ROI 3)"
    )
    assert found.evidence[0].roi_numbers == (1, 2, 3)
    assert (found.roi_number, found.where) == (None, "Own")
    again = named_in("Own", protocol(own), case)[0]
    assert again.structure is found.structure  # kept with the case


@pytest.mark.parametrize(
    ("structures", "text", "said"),
    [
        ((LUNG_L,), "Lung_L | Lung_R", "Own cannot be made: no structure is taken as Lung_R"),
        ((LUNG_L,), "PTV + 5mm", "no structure is taken as PTV"),
        ((PTV, Structure(9, "PTV2", "PTV", (), FRAME)), "PTV + 5mm", "nothing is drawn in ROI 9"),
        ((CORD, replace(CORD, roi_number=8)), "SpinalCord + 3mm", "ROI 5, ROI 8 are all taken as SpinalCord"),
        ((PTV, CORD), "PTV & SpinalCord", "nothing is left"),
        ((PTV, replace(CORD, frame_of_reference_uid="1.9")), "PTV | SpinalCord", "different frames"),
    ],
)
def test_what_cannot_be_made_says_why(structures: tuple[Structure, ...], text: str, said: str) -> None:
    with pytest.raises(NotComputable, match=said):
        named_in("Own", protocol({"Own": {"derived": text}}), patient(*structures))


def test_bounds_reach_doses() -> None:
    case = patient(*ALL)
    (found,) = named_in("Own", protocol({"Own": {"derived": "SpinalCord + 5mm"}}), case)
    view = found.within(case)
    # A ball of 10 mm about x = 0: 20 Gy in its middle, 30 Gy at its hottest point, half of it above 20 Gy.
    hottest = parse_metric("Max[Gy]").compute(found.structure, view)
    assert hottest.low <= 30.0 <= hottest.high
    half = parse_metric("V20Gy[%]").compute(found.structure, view)
    assert half.low <= 50.0 <= half.high
    mean = parse_metric("Mean[Gy]").compute(found.structure, view)
    assert mean.low <= 20.0 <= mean.high
    assert mean.value == pytest.approx(20.0, abs=0.2)  # symmetric; the grid is 2 mm and 2 Gy
    beyond = parse_metric("D2cm[Gy]").compute(found.structure, view)
    assert beyond.low <= beyond.value <= beyond.high


def named(name: str, own: dict[str, Any], *structures: Structure, site: SiteFile | None = None) -> tuple[int, ...]:
    found = named_in(name, protocol({name: own}), patient(*structures, site=site))
    return tuple(one.structure.roi_number for one in found)


def test_aliases_take_only_what_nobody_else_is() -> None:
    odd = ball(7, "Moignon X", (0.0, 0.0, 0.0), 5.0)
    assert named("Stump", {"aliases": ["moignon x"]}, *ALL, odd) == (7,)
    assert named("Stump", {"aliases": ["something"]}, *ALL, odd) == ()
    assert named("SpinalCord", {"aliases": ["MOIGNON_X"]}, *ALL, odd) == (5, 7)
    lung = ball(8, "Lung", (0.0, 0.0, 0.0), 5.0)
    assert named("Lung_L", {"aliases": ["Lung"]}, CORD, lung) == (8,)  # known, but for its side
    assert named("Lung_L", {"aliases": ["Lung_L"]}, CORD, LUNG_L) == (1,)  # once
    for said in ("ignore", "Heart"):  # the site file speaks last
        site = SiteFile(structures={"Moignon X": said})
        assert named("Stump", {"aliases": ["Moignon X"]}, *ALL, odd, site=site) == ()


def result(file: ProtocolFile, case: Derived, declared: Declared | None = None) -> tuple[RuleResult, ...]:
    return judge(bind([LoadedProtocol(file, "0")]), case, declared or Declared())


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("Volume(Own)[cc] > 9", True),  # a ball of 13 mm holds 9.2 cm3
        ("Volume(Own)[cc] > 100", False),
        ("Volume(Own)[cc] > 9.2", None),  # inside the error
        ("Overlap(Own, Lung_R)[cc] > 1", True),
        ("Overlap(Own, Lung_L)[cc] > 0", False),
        ("Distance(Own, SpinalCord)[mm] < 60", True),
        ("Distance(Own, SpinalCord)[mm] < 20", False),
        ("Max[Gy] of Own > 50", True),
        ("Volume(Heart)[cc] > 0", None),
        ("Lesions == 1", None),
        ("Lesions <= 1", True),
        ("Lesions(lung) >= 1", True),
        ("Lesions(liver) >= 1", False),
        ("DosePerFraction[Gy] >= 10", True),
        ("DosePerFraction[Gy] > 10", False),
        ("Prescription[Gy] >= 50", True),
    ],
)
def test_conditions_on_a_patient(when: str, expected: bool | None) -> None:
    if "==" in when:
        with pytest.raises(ValueError, match="expected"):
            protocol({}, when=when)
        return
    file = protocol({"Own": {"derived": "PTV + 5mm"}}, when=when)
    found, why = decided(when, file, patient(*ALL))
    assert found is expected, why
    assert why


def test_an_undrawn_target_keeps_a_condition_open() -> None:
    case = patient(*ALL, Structure(9, "PTV2", "PTV", (), FRAME))
    found, why = decided("Overlap(PTV, SpinalCord)[cc] > 0", protocol({}), case)
    assert found is None
    assert "ROI 9" in why


def test_a_fault_in_a_condition_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = patient(*ALL)
    monkeypatch.setattr(type(case), "volume", lambda *_: 1 / 0)
    assert decided("Volume(PTV)[cc] > 1", protocol({}), case) == (
        None,
        "it failed with ZeroDivisionError; this is a fault of the program, please report it",
    )


@pytest.mark.parametrize(
    ("limit", "expected"), [(40.0, Verdict.PASS), (20.0, Verdict.FAIL), (30.0, Verdict.INDETERMINATE)]
)
def test_a_rule_on_a_structure_of_its_own(limit: float, expected: Verdict) -> None:
    rule = RULE | {
        "parameters": {"metric": "Max[Gy]", "structures": ["Cord_PRV"]},
        "limit": {"op": "<=", "per_protocol": limit, "unit": "Gy"},
    }
    file = protocol({"Cord_PRV": {"derived": "SpinalCord + 5mm"}}, rule)
    (found,) = result(file, patient(*ALL))
    assert found.verdict is expected, found.reason
    assert (found.subject, found.roi_number) == ("Cord_PRV", None)
    assert "SpinalCord ROI 5" in found.evidence[0].text
    (missing,) = result(file, patient(PTV))
    assert missing.verdict is Verdict.NOT_EVALUATED
    assert "no structure is taken as SpinalCord" in missing.reason
    assert missing.not_drawn == ("SpinalCord",)
    (spared,) = result(file, patient(PTV), Declared({"organs_not_at_risk": ["SpinalCord"]}))
    assert spared.verdict is Verdict.NOT_APPLICABLE
    (by_its_name,) = result(file, patient(PTV), Declared({"organs_not_at_risk": ["Cord_PRV"]}))
    assert by_its_name.verdict is Verdict.NOT_APPLICABLE
    twice = patient(CORD, replace(CORD, roi_number=8))  # drawn, so it counts, whatever is declared
    (open_,) = result(file, twice, Declared({"organs_not_at_risk": ["SpinalCord"]}))
    assert open_.verdict is Verdict.NOT_EVALUATED
    assert not open_.not_drawn  # drawing is not what would help


def test_a_structure_of_which_only_a_part_is_at_risk_stays_open() -> None:
    rule = RULE | {
        "parameters": {"metric": "Max[Gy]", "structures": ["Rest"]},
        "limit": {"op": "<=", "per_protocol": 100.0, "unit": "Gy"},
    }
    file = protocol({"Rest": {"derived": "Lung_R - Heart"}}, rule)
    (found,) = result(file, patient(*ALL), Declared({"organs_not_at_risk": ["Heart"]}))
    assert found.verdict is Verdict.NOT_EVALUATED
    assert not found.not_drawn  # the heart is missing, and to declare it once more would not help


def test_messages_name_no_number_that_nobody_knows() -> None:
    rule = RULE | {
        "parameters": {"metric": "D500cc[Gy]", "structures": ["Cord_PRV"]},
        "limit": {"op": "<=", "per_protocol": 100.0, "unit": "Gy"},
    }
    (found,) = result(protocol({"Cord_PRV": {"derived": "SpinalCord + 5mm"}}, rule), patient(*ALL))
    assert found.verdict is Verdict.NOT_EVALUATED
    assert "[Cord_PRV]" in found.reason
    assert "-10" not in found.reason


def test_a_cumulative_rule_on_a_structure_of_its_own() -> None:
    rule = RULE | {
        "parameters": {"metric": "Max[Gy]", "structures": ["Cord_PRV"], "dose": "cumulative"},
        "limit": {"op": "<=", "per_protocol": 40.0, "unit": "Gy"},
    }
    file = protocol({"Cord_PRV": {"derived": "SpinalCord + 5mm"}}, rule)
    (open_,) = result(file, patient(*ALL))
    assert open_.verdict is Verdict.NOT_EVALUATED
    (found,) = result(file, patient(*ALL), Declared({"prior_radiotherapy": False}))
    assert found.verdict is Verdict.PASS
    assert found.measured is not None
    assert found.measured.low <= 30.0 <= found.measured.high


def test_required_structures() -> None:
    own = {
        "Heart": {"required": True},
        "SpinalCord": {"required": True},
        "Ring": {"derived": "Heart + 5mm", "required": True},
    }
    found = [r for r in result(protocol(own), patient(*ALL)) if r.rule == "required-structure"]
    assert [(r.subject, r.verdict) for r in found] == [
        ("Heart", Verdict.NOT_EVALUATED),
        ("Ring", Verdict.NOT_EVALUATED),
    ]
    assert "no structure is taken as Heart" in found[1].reason
    empty = Structure(9, "Heart", "", (), FRAME)
    assert any(
        r.rule == "required-structure" for r in result(protocol({"Heart": {"required": True}}), patient(*ALL, empty))
    )
    elsewhere = protocol({"Heart": {"required": True}}, when="Fractions > 5")
    assert not any(r.rule == "required-structure" for r in result(elsewhere, patient(*ALL)))
    all_there = result(protocol({"SpinalCord": {"required": True}}), patient(*ALL))
    assert [r.rule for r in all_there] == ["a"]  # that it is there is no pass
