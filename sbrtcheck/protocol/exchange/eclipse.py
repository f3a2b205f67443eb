"""Eclipse clinical protocols and clinical-goal templates: XML with numbered codes.

The format, as far as public programs that read or write it show it: ``Protocol/Phases/Phase/Prescription``, or
``DoseObjectives/Prescription``, holds ``Item`` (plan objectives: ``Modifier``, ``Parameter`` in percent of the volume,
``TotalDose`` in Gy) and ``MeasureItem`` (quality indices: ``Type``, ``Modifier``, ``TypeSpecifier``, ``Value``,
``ReportDQPValueInAbsoluteUnits``, ``VariationAcceptable``). The attribute ``ID`` names the structure.

The codes are documented nowhere, and these programs contradict one another in some of them; what they do not agree on
is not read here:

==========================================  ============================  ===========================
code                                        one reading                   the other
==========================================  ============================  ===========================
``MeasureItem``, ``Type`` 6 and 7           minimum, maximum dose [1]     maximum, minimum dose [2]
``MeasureItem``, ``Modifier`` 3 and 4       at least, at most [1]         at most, at least [2]
``MeasureItem``, absolute volume            cubic centimetres [1] [3]     cubic millimetres [2] [4]
==========================================  ============================  ===========================

References
----------
.. [1] WUSTL-ClinicalDev/ClinicalTemplateReader, ClinicalTemplateReader/Models: TypeEnum.cs, ModifierEnum.cs,
   MeasureItemModifierEnum.cs, MeasureItem.cs, Item.cs; ClinicalTemplate.cs for the units.
.. [2] "Clinical Goals Creator From Excel", excel_to_doseobjectives.py.
.. [3] aclinprot (Python module for clinical protocols): addPlanObjetive, addQualityIndex.
.. [4] Squint (Eclipse script): SquintEclipseProtocol, GetEclipseType and GetEclipseValue.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal

from sbrtcheck.errors import ProtocolError
from sbrtcheck.protocol.exchange.base import CannotCarry, Draft, LeftOut, Reading, one_line
from sbrtcheck.protocol.exchange.text import decimal, plain

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_ROOTS = ("Protocol", "DoseObjectives")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# Type to expression: the braces hold the TypeSpecifier and the unit; of the units the first is the absolute one.
_MEASURES = {
    "2": ("V{}%[{}]", ("cc", "%")),
    "3": ("V{}Gy[{}]", ("cc", "%")),
    "4": ("D{}%[{}]", ("Gy", "%")),
    "5": ("D{}cc[{}]", ("Gy", "%")),
    "8": ("Mean[{1}]", ("Gy", "%")),
}
_OTHER_MEASURES = {
    "0": "a conformity index whose formula is not in the file; CI_RTOG or CI_Paddick may be meant",
    "1": "a gradient measure in cm is not among the metrics",
    "6": "programs that know the format read this type as the minimum dose and as the maximum dose",
    "7": "programs that know the format read this type as the maximum dose and as the minimum dose",
}
_MEASURE_OPS = {"0": ">", "1": "<"}
_OTHER_MEASURE_OPS = {
    "2": "it asks for one exact value, which is no limit",
    "3": "programs that know the format read this modifier as >= and as <=",
    "4": "programs that know the format read this modifier as <= and as >=",
}
# Modifier of a plan objective to operator and expression; the braces hold the dose.
_ITEMS = {
    "0": (">=", "V{}Gy[%]"),
    "1": ("<=", "V{}Gy[%]"),
    "7": (">", "Mean[Gy]"),
    "8": ("<", "Mean[Gy]"),
    "9": (">", "Min[Gy]"),
    "10": ("<", "Max[Gy]"),
}
_OTHER_ITEMS = {
    **dict.fromkeys(("2", "3", "4"), "it asks for one exact minimum, maximum or mean dose, which is no limit"),
    "5": "a dose at a reference point is not among the metrics",
    "6": "an equivalent uniform dose without its parameter; gEUD(a=8)[Gy] may be meant",
}
# A choice of this program: doses in these files have two decimals, and products of them are rounded.
_ROUNDED_GY = Decimal("0.01")


class _NoDoctype(ET.TreeBuilder):
    """Builds a tree and refuses document types: with them come external files and entities that grow without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ProtocolError(
            "the XML file has a document type declaration; clinical protocols have none",
            remedy="Export the protocol anew, or remove the DOCTYPE",
        )


def read_eclipse(content: bytes) -> Reading:
    """Return what a clinical protocol or a template of clinical goals holds.

    Raises
    ------
    ProtocolError
        If it is no XML, has a document type, or is another file.
    """
    root = _root(content)
    preview = root.find("Preview")
    reading = Reading(title=one_line(preview.get("ID", "")) if preview is not None else "")
    codes = {
        s.get("ID", ""): _codes(s.find("Identification"))
        for s in root.findall("StructureTemplate/Structures/Structure")
    }
    if root.tag == "DoseObjectives":
        _prescription(root, "", codes, reading)
        return reading
    phases = root.findall("Phases/Phase")
    used = [
        p for p in phases if p.find("Prescription/Item") is not None or p.find("Prescription/MeasureItem") is not None
    ]
    for number, phase in enumerate(phases, start=1):
        before = f"phase {number}, "
        if len(used) > 1:
            why = "limits stand in several phases, and a rule cannot name its phase; split the file, one phase each"
            reading.found += [LeftOut(f"{before}{w}", _label(e), why) for w, e in _limits(phase)]
        else:
            _prescription(phase, before, codes, reading)
        objectives = phase.findall(".//ObjectiveTemplate//Objective")
        if objectives:
            why = "objectives of the optimiser steer a plan and judge none"
            what = f"{len(objectives)} optimisation objectives"
            reading.found.append(LeftOut(f"{before}ObjectiveTemplate", what, why, "detail"))
    return reading


def _root(content: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  (no document type, so no entities)
    try:
        parser.feed(content)
        root = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ProtocolError(f"the file to import is no XML: {one_line(error)}", remedy="Export it anew") from error
    if not isinstance(root, ET.Element):
        raise ProtocolError("the file to import is no XML: it is empty", remedy="Export it anew")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag not in _ROOTS:
        raise ProtocolError(
            f"the XML file is no clinical protocol: its root is {one_line(root.tag)!r}",
            remedy=f"Choose a file whose root is {' or '.join(_ROOTS)}",
        )
    return root


def _limits(parent: ET.Element) -> Iterator[tuple[str, ET.Element]]:
    for kind in ("Item", "MeasureItem"):
        for number, element in enumerate(parent.findall(f"Prescription/{kind}"), start=1):
            yield f"{kind} {number}", element


def _prescription(
    parent: ET.Element, before: str, codes: dict[str, tuple[tuple[str, str], ...]], reading: Reading
) -> None:
    fractions = _text(parent, "FractionCount")
    for place, element in _limits(parent):
        where, name = f"{before}{place}", element.get("ID", "")
        try:
            draft = _item(element, fractions) if element.tag == "Item" else _measure(element)
        except CannotCarry as reason:
            reading.found.append(LeftOut(where, _label(element), str(reason)))
            continue
        metric, op, value, variation = draft
        known = codes.get(name, ()) + _codes(element)
        note = f"priority in the file: {priority}" if (priority := _text(element, "Priority")) else ""
        reading.found.append(
            Draft(
                where, (name,), metric, op, float(value), None if variation is None else float(variation), note, known
            )
        )


def _item(item: ET.Element, fractions: str) -> tuple[str, str, Decimal, None]:
    """Return expression, operator and limit of a plan objective."""
    modifier = _text(item, "Modifier")
    if modifier not in _ITEMS:
        raise CannotCarry(_OTHER_ITEMS.get(modifier, f"its modifier {modifier!r} is not known"))
    op, pattern = _ITEMS[modifier]
    dose = _number(item, "TotalDose")
    if fractions and _text(item, "Dose"):
        each = _number(item, "Dose")
        product = each * decimal(fractions)
        if abs(product - dose) > _ROUNDED_GY * decimal(fractions):
            raise CannotCarry(
                f"its total dose is {plain(dose)} Gy, but {fractions} fractions of its dose are {plain(product)} Gy"
            )
    if "{}" in pattern:
        return pattern.format(plain(dose)), op, _number(item, "Parameter"), None
    return pattern, op, dose, None


def _measure(item: ET.Element) -> tuple[str, str, Decimal, Decimal | None]:
    """Return expression, operator, limit and variation of a quality index."""
    kind, modifier = _text(item, "Type"), _text(item, "Modifier")
    if kind not in _MEASURES:
        raise CannotCarry(_OTHER_MEASURES.get(kind, f"its type {kind!r} is not known"))
    if not _text(item, "Value"):
        raise CannotCarry("it has no value, so there is nothing to judge it by")
    if modifier not in _MEASURE_OPS:
        raise CannotCarry(_OTHER_MEASURE_OPS.get(modifier, f"its modifier {modifier!r} is not known"))
    pattern, units = _MEASURES[kind]
    absolute = _BOOLEANS.get(_text(item, "ReportDQPValueInAbsoluteUnits").lower())
    if absolute is None:
        raise CannotCarry(f"is its value in {units[0]} or in {units[1]}? ReportDQPValueInAbsoluteUnits is missing")
    unit = units[0] if absolute else units[1]
    value = _number(item, "Value")
    if unit == "cc":
        raise CannotCarry(
            f"programs that know the format read {plain(value)} as cm3 and as mm3 ({plain(value / 1000)} cm3)"
        )
    specifier = plain(_number(item, "TypeSpecifier")) if "{}" in pattern else ""
    variation = _number(item, "VariationAcceptable") if _text(item, "VariationAcceptable") else None
    metric = pattern.format(specifier, unit)
    return metric, _MEASURE_OPS[modifier], value, variation


def _text(parent: ET.Element, tag: str) -> str:
    child = parent.find(tag)
    if child is None or child.get(_NIL, "").strip().lower() in {"true", "1"}:
        return ""
    return (child.text or "").strip()


def _number(parent: ET.Element, tag: str) -> Decimal:
    text = _text(parent, tag)
    if not text:
        raise CannotCarry(f"it has no {tag}")
    return decimal(text)


def _codes(parent: ET.Element | None) -> tuple[tuple[str, str], ...]:
    """Return the code of a structure, as attributes or as elements, if it has its scheme."""
    found = parent.find("StructureCode") if parent is not None else None
    if found is None:
        return ()
    scheme = found.get("CodeScheme") or _text(found, "CodeScheme")
    value = found.get("Code") or _text(found, "Code")
    return ((scheme, value),) if scheme and value else ()


def _label(element: ET.Element) -> str:
    tags = ("Type", "Modifier", "Parameter", "TotalDose", "TypeSpecifier", "Value")
    return one_line(
        " ".join([element.get("ID", ""), *(f"{tag} {text}" for tag in tags if (text := _text(element, tag)))])
    )
