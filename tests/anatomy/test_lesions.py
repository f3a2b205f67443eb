"""Targets grouped into lesions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def roles(lesion: Any) -> dict[str, int]:
    return {role: s.roi_number for role, s in lesion.by_role.items() if s is not None}


def test_nested_targets_are_one_lesion(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(7, "GTV", (0, 0, 0), 10),
            draw.sphere(2, "ITV", (0, 0, 1), 13),
            draw.sphere(3, "CTV", (0, 0, 0), 15),
            draw.sphere(1, "PTV", (0, 0, 0), 20),
        ]
    )
    (lesion,) = derived.lesions
    assert roles(lesion) == {"GTV": 7, "ITV": 2, "CTV": 3, "PTV": 1}
    assert lesion.id == "lesion 1"
    assert lesion.measured.roi_number == 7
    assert lesion.outermost.roi_number == 1
    assert derived.grouping.count.value == 1
    assert derived.grouping.count.low == derived.grouping.count.high == 1
    assert not derived.grouping.remarks


def test_two_lesions_are_numbered_by_roi_of_the_tumour(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "PTV1", (0, 0, 0), 15),
            draw.sphere(2, "PTV2", (80, 0, 0), 15),
            draw.sphere(4, "GTV1", (0, 0, 0), 10),
            draw.sphere(3, "GTV2", (80, 0, 0), 10),
        ]
    )
    assert [roles(lesion) for lesion in derived.lesions] == [{"GTV": 3, "PTV": 2}, {"GTV": 4, "PTV": 1}]
    assert derived.grouping.count.high == derived.grouping.count.low == 2


def test_two_tumours_in_one_ptv_are_two_lesions(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "GTV1", (-15, 0, 0), 5),
            draw.sphere(2, "GTV2", (15, 0, 0), 5),
            draw.sphere(3, "PTV", (0, 0, 0), 30),
        ]
    )
    assert [roles(lesion) for lesion in derived.lesions] == [{"GTV": 1, "PTV": 3}, {"GTV": 2, "PTV": 3}]
    assert any("encloses" in remark for remark in derived.grouping.remarks)


def test_phases_of_one_lesion_in_its_itv_may_be_one(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "GTV insp", (0, 0, -8), 5),
            draw.sphere(2, "GTV exp", (0, 0, 8), 5),
            draw.sphere(3, "ITV", (0, 0, 0), 16),
        ]
    )
    assert derived.grouping.count.low == 1
    assert derived.grouping.count.high == 2


def test_two_ptvs_round_one_tumour_are_one_lesion(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "GTV", (0, 0, 0), 8),
            draw.sphere(2, "PTV_High", (0, 0, 0), 12),
            draw.sphere(3, "PTV_Low", (0, 0, 0), 18),
        ]
    )
    (lesion,) = derived.lesions
    assert lesion.ptv.roi_number == 3  # the outermost
    assert len(lesion.members) == 3


def test_a_ptv_without_tumour_is_a_lesion_of_its_own(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 8), draw.sphere(2, "PTV2", (60, 0, 0), 12)])
    assert [lesion.measured_role for lesion in derived.lesions] == ["GTV", "PTV"]


def test_one_roi_with_two_parts_is_one_lesion_or_two(draw: Any) -> None:
    both = draw.both(draw.sphere(1, "GTV", (0, 0, 0), 8), draw.sphere(1, "GTV", (50, 0, 0), 8))
    derived = draw.patient([both])
    (lesion,) = derived.lesions
    assert lesion.parts == 2
    count = derived.grouping.count
    assert (count.low, count.value, count.high) == (1, 2, 2)
    assert any("2 separate parts" in remark for remark in derived.grouping.remarks)


def test_a_part_of_a_ptv_that_holds_no_tumour_is_not_forgotten(draw: Any) -> None:
    ptv = draw.both(draw.sphere(2, "PTV", (0, 0, 0), 14), draw.sphere(2, "PTV", (60, 0, 0), 14))
    derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 8), ptv])
    assert len(derived.lesions) == 2
    assert derived.lesions[1].measured_role == "PTV"
    count = derived.grouping.count
    assert (count.low, count.high) == (1, 2)


def test_a_gtv_round_two_others_in_two_parts_is_their_union(draw: Any) -> None:
    union = draw.both(draw.sphere(3, "GTV_total", (0, 0, 0), 8), draw.sphere(3, "GTV_total", (50, 0, 0), 8))
    derived = draw.patient([draw.sphere(1, "GTV1", (0, 0, 0), 8), draw.sphere(2, "GTV2", (50, 0, 0), 8), union])
    assert [lesion.gtv.roi_number for lesion in derived.lesions] == [1, 2]
    assert derived.grouping.count.low == derived.grouping.count.high == 2


def test_two_gtvs_that_overlap_in_part_are_reported(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "GTV1", (0, 0, 0), 10), draw.sphere(2, "GTV2", (17, 0, 0), 10)])
    count = derived.grouping.count
    assert (count.low, count.value, count.high) == (1, 2, 2)
    assert any("overlap in part" in remark for remark in derived.grouping.remarks)


def test_an_empty_target_widens_the_count_and_leaves_a_notice(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "GTV1", (0, 0, 0), 10), draw.empty(2, "GTV2", "GTV")])
    count = derived.grouping.count
    assert (count.low, count.value, count.high) == (1, 1, 2)
    assert [n.code for n in derived.notices] == ["empty-target"]


def test_a_target_in_doubt_widens_the_count(draw: Any) -> None:
    derived = draw.patient(
        [draw.sphere(1, "GTV1", (0, 0, 0), 10), draw.sphere(2, "Breast", (80, 0, 0), 30, kind="GTV")]
    )
    count = derived.grouping.count
    assert (count.low, count.high) == (1, 2)
    assert derived.lesions[1].doubtful


def test_a_target_in_doubt_is_measured_last(draw: Any, run: Any) -> None:
    # Real Eclipse file: "Breast" typed GTV round the tumour bed.
    breast = draw.sphere(1, "Breast", (0, 0, 0), 30, kind="GTV", spacing=2.0)
    derived = draw.patient([breast, draw.sphere(2, "GTV", (0, 0, 0), 8)])
    (lesion,) = derived.lesions
    assert lesion.gtv.roi_number == 2
    # It may be the tumour all the same.
    assert run("lesion-size", derived).verdict == "indeterminate"


def test_without_targets_there_is_no_count(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "Liver", (0, 0, 0), 40)])
    assert derived.lesions == ()
    assert derived.grouping.count is None


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.permutations([-90.0, -30.0, 30.0, 90.0]), number=st.integers(1, 4))
def test_apart_lesions_are_counted_exactly_in_any_order(draw: Any, places: list[float], number: int) -> None:
    structures = [draw.sphere(n, f"GTV{n}", (x, 0, 0), 6, spacing=2.0) for n, x in enumerate(places[:number], start=1)]
    structures += [draw.sphere(n + 10, f"PTV{n}", (x, 0, 0), 10, spacing=2.0) for n, x in enumerate(places[:number])]
    derived = draw.patient(structures)
    assert derived.grouping.count.low == derived.grouping.count.high == number
    for lesion in derived.lesions:
        # each PTV goes to the tumour that it was drawn round, whatever the numbers
        assert lesion.gtv.contours[0].points_mm[:, 0].mean() == pytest.approx(
            lesion.ptv.contours[0].points_mm[:, 0].mean(), abs=1e-6
        )
