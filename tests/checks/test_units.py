"""A limit in another unit than the measurement is refused while the protocol is bound."""

import pytest
from pydantic import BaseModel, ValidationError

from sbrtcheck.checks import all_checks
from sbrtcheck.checks.units import InUnit
from sbrtcheck.errors import ProtocolError
from sbrtcheck.judge import bind
from sbrtcheck.protocol import Rule
from sbrtcheck.protocol.loading import LoadedProtocol, load_protocol

MEASURED_IN = {
    "lesion-size": "mm",
    "target-treated": "%",
    "lesion-count": "",
    "organ-count": "",
    "measurable-lesion": "",
    "patient-age": "years",
    "spacing": "mm",
    "fraction-dose": "%",
    "dose-maximum": "",
}
PARAMETERS = {
    "measurable-lesion": {
        "longest_axial_mm": 10.0,
        "node_short_axis_mm": 15.0,
        "thick_slice_mm": 5.0,
        "thick_slice_factor": 2.0,
    },
    "spacing": {"of": "dose-grid"},
}


def validated(check: str, unit: str) -> BaseModel:
    rule = Rule.model_validate(
        {"id": "r", "title": "R", "check": check, "source": "s", "confidence": "verified"}
        | {"limit": {"op": "<=", "per_protocol": 4.0, "unit": unit}}
    )
    asked = PARAMETERS.get(check, {})
    return all_checks()[check].Parameters.model_validate(asked, context={"tables": (), "rule": rule})


@pytest.mark.parametrize("check", sorted(MEASURED_IN))
def test_only_the_unit_of_the_measurement_is_taken(check: str) -> None:
    validated(check, MEASURED_IN[check])
    for other in {"mm", "cm", "%", "Gy", "years", ""} - {MEASURED_IN[check]}:
        with pytest.raises(ValidationError, match="is measured, but the limit is in"):
            validated(check, other)


def test_every_check_that_needs_a_limit_refuses_another_unit() -> None:
    # dose-metric measures in the unit of its metric, and a declared fact has the unit that its limit says.
    others = {check.id for check in all_checks().values() if check.needs_limit} - {"dose-metric"}
    assert others == set(MEASURED_IN)
    assert all(issubclass(all_checks()[check].Parameters, InUnit) for check in others)


def test_lint_names_every_wrong_unit_of_a_protocol() -> None:
    loaded = load_protocol("getug-storm-01")
    limits = {"lesion-size": "cm", "all-sites-treated": "Gy", "lesion-count": "mm"}
    rules = tuple(
        rule.model_copy(update={"limit": rule.limit.model_copy(update={"unit": limits[rule.id]})})
        if rule.id in limits and rule.limit is not None
        else rule
        for rule in loaded.file.rules
    )
    with pytest.raises(ProtocolError) as refused:
        bind([LoadedProtocol(loaded.file.model_copy(update={"rules": rules}), loaded.sha256)])
    for rule in limits:
        assert f"({rule})" in str(refused.value)
