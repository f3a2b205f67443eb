"""Eclipse clinical protocols in."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange import Imported, imported

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def tags(**texts: object) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in texts.items())


def measure(kind: int = 5, modifier: int = 1, value: object = 30, of: str = "Heart", **more: object) -> str:
    texts = {"Type": kind, "Modifier": modifier, "Value": value, "TypeSpecifier": 0.5, "Absolute": "true"} | more
    texts["ReportDQPValueInAbsoluteUnits"] = texts.pop("Absolute")
    return f'<MeasureItem ID="{of}">{tags(**texts)}</MeasureItem>'


def item(modifier: int = 1, total: object = 20, of: str = "Heart", parameter: object = 10, dose: object = 4) -> str:
    texts = tags(Type=0, Modifier=modifier, Parameter=parameter, Dose=dose, TotalDose=total)
    return f'<Item ID="{of}" Primary="false">{texts}</Item>'


def phase(*limits: str, fractions: int = 5) -> str:
    return f'<Phase ID="P">{tags(FractionCount=fractions)}<Prescription>{"".join(limits)}</Prescription></Phase>'


def xml(*phases: str, structures: str = "") -> bytes:
    template = f"<StructureTemplate><Structures>{structures}</Structures></StructureTemplate>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Protocol {XSI}><Preview ID="Lung 5x10"/>{template}'
        f"<Phases>{''.join(phases)}</Phases></Protocol>"
    ).encode()


def protocol(*limits: str, structures: str = "") -> Imported:
    return imported(xml(phase(*limits), structures=structures))


def only(found: Imported) -> tuple[str, dict[str, Any]]:
    (rule,) = found.data["rules"]
    return rule["parameters"]["metric"], rule["limit"]


def refused(broken: str) -> str:
    found = protocol(item(), broken)
    (lost,) = found.left_out
    assert lost.part == "rule"
    assert len(found.data["rules"]) == 1
    return lost.why


@pytest.mark.parametrize(
    ("kind", "absolute", "expression"),
    [
        (2, "false", "V0.5%[%]"),
        (3, "false", "V0.5Gy[%]"),
        (4, "true", "D0.5%[Gy]"),
        (4, "false", "D0.5%[%]"),
        (5, "true", "D0.5cc[Gy]"),
        (5, "false", "D0.5cc[%]"),
        (8, "true", "Mean[Gy]"),
        (8, "false", "Mean[%]"),
    ],
)
def test_types_that_all_sources_agree_on(kind: int, absolute: str, expression: str) -> None:
    assert only(protocol(measure(kind, Absolute=absolute)))[0] == expression


@pytest.mark.parametrize(("modifier", "op"), [(0, ">"), (1, "<")])
def test_modifiers_that_all_sources_agree_on(modifier: int, op: str) -> None:
    assert only(protocol(measure(modifier=modifier)))[1] == {"op": op, "per_protocol": 30.0, "unit": "Gy"}


@pytest.mark.parametrize(
    ("broken", "readings"),
    [
        (measure(6), ("minimum", "maximum")),
        (measure(7), ("minimum", "maximum")),
        (measure(modifier=3), (">=", "<=")),
        (measure(modifier=4), (">=", "<=")),
        # An absolute volume: cm3 for two programs, mm3 for two others.
        (measure(3, value=1500), ("1500 as cm3", "1.5 cm3")),
        (measure(2, value=1500), ("1500 as cm3", "1.5 cm3")),
        (measure(Absolute="perhaps"), ("Gy", "%")),
    ],
)
def test_codes_that_sources_contradict_each_other_in_are_not_guessed(broken: str, readings: tuple[str, str]) -> None:
    why = refused(broken)
    assert all(reading in why for reading in readings)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (measure(0), "formula is not in the file"),
        (measure(1), "gradient"),
        (measure(99), "type '99' is not known"),
        (measure(modifier=2), "one exact value"),
        (measure(modifier=77), "modifier '77' is not known"),
        (measure(value=""), "nothing to judge it by"),
        (measure(TypeSpecifier=""), "no TypeSpecifier"),
        (measure(value="many"), "no number"),
        (measure(VariationAcceptable=20), "not wider"),
        (measure(of=""), "no structure is named"),
        (measure(of="Xyz"), "surely no name of TG-263"),
        (item(modifier=2), "one exact"),
        (item(modifier=5), "reference point"),
        (item(modifier=6), "gEUD"),
        (item(modifier=12), "modifier '12' is not known"),
        (item(total=""), "no TotalDose"),
        (item(total=2000), "2000 Gy, but 5 fractions of its dose are 20 Gy"),
    ],
)
def test_what_has_no_sure_counterpart_is_left_out_with_the_reason(broken: str, why: str) -> None:
    assert why in refused(broken)


def test_value_that_is_nil_is_no_value() -> None:
    nil = measure().replace("<Value>30</Value>", '<Value xsi:nil="true"/>')
    assert "nothing to judge it by" in refused(nil)


@pytest.mark.parametrize(
    ("modifier", "expected"),
    [
        (0, ("V20Gy[%]", {"op": ">=", "per_protocol": 10.0, "unit": "%"})),
        (1, ("V20Gy[%]", {"op": "<=", "per_protocol": 10.0, "unit": "%"})),
        (7, ("Mean[Gy]", {"op": ">", "per_protocol": 20.0, "unit": "Gy"})),
        (8, ("Mean[Gy]", {"op": "<", "per_protocol": 20.0, "unit": "Gy"})),
        (9, ("Min[Gy]", {"op": ">", "per_protocol": 20.0, "unit": "Gy"})),
        (10, ("Max[Gy]", {"op": "<", "per_protocol": 20.0, "unit": "Gy"})),
    ],
)
def test_plan_objectives(modifier: int, expected: tuple[str, dict[str, Any]]) -> None:
    assert only(protocol(item(modifier))) == expected


def test_variation_and_priority() -> None:
    found = protocol(measure(VariationAcceptable=35, Priority=2))
    assert only(found)[1] == {"op": "<", "per_protocol": 30.0, "variation": 35.0, "unit": "Gy"}
    assert found.data["rules"][0]["definition"] == "priority in the file: 2"


def test_code_of_the_structure_names_what_its_name_does_not() -> None:
    # 7088 is the heart in the Foundational Model of Anatomy (TG-263 table).
    code = '<StructureCode Code="7088" CodeScheme="FMA"/>'
    named = f'<Structure ID="Xyz"><Identification>{code}</Identification></Structure>'
    assert protocol(measure(of="Xyz"), structures=named).data["rules"][0]["parameters"]["structures"] == ["Heart"]


def test_code_that_contradicts_the_name_leaves_the_rule_out() -> None:
    coded = measure(of="Esophagus").replace("<Type>", '<StructureCode Code="7088" CodeScheme="FMA"/><Type>')
    assert refused(coded)


def test_template_of_clinical_goals_has_no_phases() -> None:
    goals = f'<DoseObjectives Version="1.0"><Preview ID="G"/><Prescription>{measure()}</Prescription></DoseObjectives>'
    assert only(imported(goals.encode()))[0] == "D0.5cc[Gy]"


def test_limits_in_two_phases_are_all_listed() -> None:
    with pytest.raises(ProtocolError, match=r"2 problems: phase 1, Item 1.*phase 2, MeasureItem 1"):
        imported(xml(phase(item()), phase(measure())))


def test_a_second_phase_without_limits_does_no_harm() -> None:
    assert only(imported(xml(phase(item()), phase())))[0] == "V20Gy[%]"


def test_objectives_of_the_optimiser_are_listed() -> None:
    objectives = "<ObjectiveTemplate><Objectives><Objective/><Objective/></Objectives></ObjectiveTemplate>"
    found = imported(xml(phase(item()).replace("</Phase>", f"{objectives}</Phase>")))
    (listed,) = found.left_out
    assert listed.what == "2 optimisation objectives"


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><Protocol>&a;</Protocol>',
        b'<?xml version="1.0"?><!DOCTYPE Protocol SYSTEM "file:///etc/passwd"><Protocol/>',
        '<!DOCTYPE x [<!ENTITY a "b">]><Protocol>&a;</Protocol>'.encode("utf-16"),
    ],
)
def test_document_types_are_refused_before_any_entity(content: bytes) -> None:
    with pytest.raises(ProtocolError, match="document type"):
        imported(content)


def test_entities_that_grow_are_never_expanded() -> None:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))
    with pytest.raises(ProtocolError, match="document type"):
        imported(f'<!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><Protocol>&l19;</Protocol>'.encode())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<Protocol>", "no XML"),
        (b"<Protocol>&unknown;</Protocol>", "no XML"),
        (b'<?xml version="1.0" encoding="x-klingon"?><Protocol/>', "no XML"),
        (b"<Plan/>", "its root is 'Plan'"),
        (b"<Protocol/>", "no rules"),
    ],
)
def test_a_file_that_is_no_clinical_protocol_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        imported(content)


def test_deep_nesting_does_no_harm() -> None:
    with pytest.raises(ProtocolError):
        imported(b"<Protocol>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</Protocol>")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_that_the_file_declares(encoding: str) -> None:
    named = encoding.removesuffix("-sig")
    text = xml(phase(item())).decode().replace('encoding="utf-8"', f'encoding="{named}"').replace("Lung", "Lünge")
    assert imported(text.encode(encoding)).data["title"] == "Lünge 5x10"
