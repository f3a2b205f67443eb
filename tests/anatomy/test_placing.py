"""What contours, a person, the scan and names say of a place, weighed against one another."""

from typing import Literal

import pytest

from sbrtcheck.anatomy.organ import OrganFinding
from sbrtcheck.anatomy.placing import Seen, weigh

UNKNOWN = OrganFinding(None, "none", frozenset(), 1, "no organ is drawn near it")


def drawn(organ: str, evidence: Literal["contour", "name"] = "contour") -> OrganFinding:
    certain = frozenset({organ}) if evidence == "contour" else frozenset[str]()
    return OrganFinding(organ, evidence, certain, 0 if certain else 1, f"in the {organ} by {evidence}")


def seen(organ: str | None, *against: str) -> Seen:
    return Seen(organ, frozenset(against), "the scan shows it")


def test_a_contour_needs_nobody() -> None:
    assert weigh(drawn("lung"), None, None) == drawn("lung")


def test_a_person_places_what_contours_leave_open() -> None:
    found = weigh(UNKNOWN, "lung", None)
    assert (found.organ, found.evidence, found.certain, found.unknown_parts) == ("lung", "declared", {"lung"}, 0)
    assert found.decisive


def test_a_part_of_an_organ_may_be_declared() -> None:
    found = weigh(UNKNOWN, "Femur_L", None)
    assert (found.organ, found.place) == ("bone", "Femur_L")


@pytest.mark.parametrize(
    ("before", "scan"),
    [
        (drawn("liver"), None),
        (drawn("liver", "name"), None),
        (UNKNOWN, seen("bone")),
        (UNKNOWN, seen(None, "lung")),
    ],
)
def test_a_declaration_that_anything_speaks_against_places_nothing(before: OrganFinding, scan: Seen | None) -> None:
    found = weigh(before, "lung", scan)
    assert (found.organ, found.certain) == (None, frozenset())
    assert found.unknown_parts == 1
    assert "contradict" in found.text
    assert not found.decisive


def test_what_is_no_organ_places_nothing() -> None:
    assert not weigh(UNKNOWN, "left thigh", None).decisive


def test_the_scan_alone_decides_nothing() -> None:
    found = weigh(UNKNOWN, None, seen("lung"))
    assert (found.organ, found.evidence, found.certain) == ("lung", "scan", frozenset())
    assert not found.decisive
    assert found.unknown_parts == 1


def test_a_name_and_the_scan_that_contradict_each_other_place_nothing() -> None:
    found = weigh(drawn("liver", "name"), None, seen("lung"))
    assert (found.organ, found.evidence) == (None, "none")


def test_the_scan_does_not_overrule_a_contour() -> None:
    assert weigh(drawn("liver"), None, seen("lung")).organ == "liver"
