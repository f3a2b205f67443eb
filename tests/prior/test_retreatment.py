"""Type of re-irradiation: every branch, and that nothing unknown ends as the lighter kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbrtcheck.prior.retreatment import CumulativeDose, retreatment
from sbrtcheck.results import Interval

APART = Interval(0.0, 0.0, 0.0)
OVERLAPPING = Interval(2.0, 1.0, 3.0)
PERHAPS = Interval(0.0, 0.0, 0.5)


def cord(low: float, high: float, above: float = 60.0) -> CumulativeDose:
    return CumulativeDose("D0.03cc of ROI 4", Interval(low, low, high), above)


CALM, GRAVE, UNSURE = cord(20.0, 30.0), cord(70.0, 80.0), cord(50.0, 70.0)
NOT_MEASURED = CumulativeDose("D0.03cc of ROI 5", None, 60.0)


@pytest.mark.parametrize(
    ("overlap", "cumulative", "same_organ", "kind"),
    [
        (OVERLAPPING, [], None, "type-1"),
        (OVERLAPPING, [CALM], False, "type-1"),
        (APART, [GRAVE], None, "type-2"),
        (APART, [CALM, GRAVE, NOT_MEASURED], False, "type-2"),
        (APART, [CALM], True, "repeat-organ"),
        (APART, [CALM], False, "repeat"),
        (APART, [CALM], None, "open"),
        (APART, [], True, "open"),  # nothing was looked at
        (APART, [UNSURE], True, "open"),
        (APART, [CALM, NOT_MEASURED], False, "open"),
        (PERHAPS, [GRAVE], True, "open"),
        (PERHAPS, [CALM], False, "open"),
        (None, [CALM], False, "open"),
    ],
)
def test_kinds(overlap: Interval | None, cumulative: list[CumulativeDose], same_organ: bool | None, kind: str) -> None:
    assert retreatment(overlap, cumulative, same_organ=same_organ, earlier_known=True).kind == kind


def test_what_is_possible_is_listed_the_gravest_first() -> None:
    found = retreatment(PERHAPS, [UNSURE], same_organ=True, earlier_known=True)
    assert found.possible == ("type-1", "type-2", "repeat-organ")
    assert "type-1, type-2, repeat-organ" in found.text
    assert "D0.03cc of ROI 4" in found.text
    assert retreatment(PERHAPS, [GRAVE], same_organ=None, earlier_known=True).possible == ("type-1", "type-2")


@given(
    overlap=st.sampled_from([APART, OVERLAPPING, PERHAPS, None]),
    cumulative=st.lists(st.sampled_from([CALM, GRAVE, UNSURE, NOT_MEASURED]), max_size=3),
    same_organ=st.sampled_from([True, False, None]),
)
def test_an_earlier_dose_unknown_somewhere_is_never_type_2_or_less(
    overlap: Interval | None, cumulative: list[CumulativeDose], same_organ: bool | None
) -> None:
    found = retreatment(overlap, cumulative, same_organ=same_organ, earlier_known=False)
    assert found.kind in {"type-1", "open"}
    assert "type-1" in found.possible
    assert overlap is OVERLAPPING or "type-2" in found.possible
    if found.kind == "open":
        assert "not known everywhere" in found.text


@given(
    overlap=st.sampled_from([APART, OVERLAPPING, PERHAPS, None]),
    cumulative=st.lists(st.sampled_from([CALM, GRAVE, UNSURE, NOT_MEASURED]), max_size=3),
    same_organ=st.sampled_from([True, False, None]),
    known=st.booleans(),
)
def test_one_possible_kind_is_the_kind(
    overlap: Interval | None, cumulative: list[CumulativeDose], same_organ: bool | None, known: bool
) -> None:
    found = retreatment(overlap, cumulative, same_organ=same_organ, earlier_known=known)
    assert found.possible
    assert (found.kind == "open") == (len(found.possible) > 1)
    assert found.kind in {"open", *found.possible}
    assert "which is a choice" in found.text


def test_unbounded_overlap_and_dose_are_open() -> None:
    unbounded = Interval(0.0, 0.0, float("inf"))
    assert retreatment(unbounded, [CALM], same_organ=False, earlier_known=True).kind == "open"
    assert retreatment(APART, [cord(20.0, float("inf"))], same_organ=False, earlier_known=True).kind == "open"


def test_a_limit_that_is_no_number_rules_nothing_out() -> None:
    assert retreatment(APART, [cord(1.0, 2.0, float("nan"))], same_organ=False, earlier_known=True).kind == "open"


def test_the_isodose_is_named() -> None:
    assert (
        "from 30 % of each prescription"
        in retreatment(OVERLAPPING, [], same_organ=None, earlier_known=True, irradiated_percent=30.0).text
    )
