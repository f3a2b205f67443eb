"""Regions: what is inside on each plane, whatever way it was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Contour, Structure, frozen

EXACT = 1e-9  # polygon areas in double precision


def area(*contours: Contour) -> float:
    structure = Structure(roi_number=1, name="", interpreted_type="", contours=contours)
    return float(region_of(structure).areas_mm2.sum())


def test_plain_loop(draw) -> None:
    assert area(draw.rectangle(10, 20, 5.0)) == pytest.approx(200.0, abs=EXACT)


def test_hole_as_a_second_loop_whatever_its_direction(draw) -> None:
    inner = draw.rectangle(4, 4, 0.0)
    turned = Contour(frozen(inner.points_mm[::-1]), "CLOSED_PLANAR")
    for hole in (inner, turned):
        assert area(draw.rectangle(10, 10, 0.0), hole) == pytest.approx(84.0, abs=EXACT)
        assert area(hole, draw.rectangle(10, 10, 0.0)) == pytest.approx(84.0, abs=EXACT)


def test_hole_by_xor_type(draw) -> None:
    loops = [draw.loop([[0, 0], [s, 0], [s, s], [0, s]], 0.0, "CLOSEDPLANAR_XOR") for s in (10.0, 4.0)]
    assert area(*loops) == pytest.approx(84.0, abs=EXACT)


def test_keyhole_walks_an_edge_both_ways(draw) -> None:
    outer = [[-5, -5], [5, -5], [5, 5], [-5, 5], [-5, 0]]
    keyhole = [[-2, 0], [-2, 2], [2, 2], [2, -2], [-2, -2], [-2, 0], [-5, 0]]
    assert area(draw.loop(outer + keyhole, 0.0)) == pytest.approx(100.0 - 16.0, abs=EXACT)


def test_island_in_a_hole(draw) -> None:
    nested = [draw.rectangle(s, s, 0.0) for s in (2.0, 10.0, 6.0)]
    assert area(*nested) == pytest.approx(100.0 - 36.0 + 4.0, abs=EXACT)


def test_several_contours_on_a_plane_add_up(draw) -> None:
    assert area(draw.rectangle(2, 2, 0.0), draw.rectangle(3, 3, 0.0, (10, 0))) == pytest.approx(13.0, abs=EXACT)


def test_repeated_points_and_repeated_first_point_change_nothing(draw) -> None:
    corners = [[0, 0], [0, 0], [10, 0], [10, 10], [10, 10], [10, 10], [0, 10], [0, 0]]
    assert area(draw.loop(corners, 0.0)) == pytest.approx(100.0, abs=EXACT)


def test_figure_of_eight_has_two_lobes(draw) -> None:
    # Its signed area is 0; two triangles of 10 x 5 / 2 are enclosed.
    assert area(draw.loop([[0, 0], [10, 10], [0, 10], [10, 0]], 0.0)) == pytest.approx(50.0, abs=EXACT)


def test_loop_wound_twice_is_outside_by_the_even_odd_rule(draw) -> None:
    # A spiral that holds the inner square twice.
    spiral = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 2], [6, 2], [6, 6], [2, 6], [2, 0]]
    # Even-odd of this ring, counted by hand on a 1 mm grid of points off its lines.
    ring = np.array([*spiral, spiral[0]], dtype=float)
    inside = 0
    for u in np.arange(0.5, 10.0):
        for v in np.arange(0.5, 10.0):
            (u0, v0), (u1, v1) = ring[:-1].T, ring[1:].T
            cut = (v0 > v) != (v1 > v)
            inside += int(np.sum(u < u0[cut] + (v - v0[cut]) * (u1 - u0)[cut] / (v1 - v0)[cut]) % 2)
    assert area(draw.loop(spiral, 0.0)) == pytest.approx(inside, abs=EXACT)


def test_contour_drawn_twice_does_not_cancel_itself(draw) -> None:
    square = draw.rectangle(10, 10, 0.0)
    again = Contour(frozen(np.roll(square.points_mm, 2, axis=0)[::-1]), "CLOSED_PLANAR")
    region = region_of(draw.structure([square, again]))
    assert region.areas_mm2[0] == pytest.approx(100.0, abs=EXACT)
    assert region.repeated == 1


def test_crossing_contours_are_counted(draw) -> None:
    region = region_of(draw.structure([draw.rectangle(10, 10, 0.0), draw.rectangle(10, 10, 0.0, (5, 0))]))
    assert region.crossing == 1
    assert region.areas_mm2[0] == pytest.approx(100.0, abs=EXACT)  # 2 x 100 less twice the 50 shared


def test_degenerate_contours_are_ignored_and_counted(draw) -> None:
    contours = [
        draw.rectangle(10, 10, 0.0),
        draw.loop([[0, 0], [1, 1]], 3.0),
        draw.loop([[0, 0], [1, 1], [2, 2]], 3.0),
        draw.loop([[0, 0], [0, 0], [0, 0]], 3.0),
    ]
    region = region_of(draw.structure(contours))
    assert region.ignored == 3
    assert len(region.w_mm) == 1


def test_one_sub_pixel_contour_does_not_erase_its_slice(draw) -> None:
    region = region_of(draw.structure([draw.rectangle(10, 10, 0.0), draw.rectangle(0.2, 0.2, 0.0, (20, 0))]))
    assert region.areas_mm2[0] == pytest.approx(100.04, abs=EXACT)


def test_contour_with_a_value_that_is_no_number_is_ignored(draw) -> None:
    region = region_of(draw.structure([draw.rectangle(10, 10, 0.0), draw.loop([[0, 0], [np.nan, 1], [2, 0]], 3.0)]))
    assert region.ignored == 1


def test_nothing_closed_has_no_region(draw) -> None:
    point = Contour(frozen(np.zeros((1, 3))), "POINT")
    line = draw.loop([[0, 0], [1, 0], [1, 1]], 0.0, "OPEN_PLANAR")
    for contours in ([], [point, line]):
        with pytest.raises(NotComputable, match="no closed contour"):
            region_of(draw.structure(contours))
    with pytest.raises(NotComputable, match="1 ignored"):
        region_of(draw.structure([draw.loop([[0, 0], [1, 1]], 3.0)]))


def test_contour_that_leaves_its_plane_is_refused(draw) -> None:
    bent = Contour(frozen([[0, 0, 0], [10, 0, 0], [10, 10, 3.0], [0, 10, 0]]), "CLOSED_PLANAR")
    with pytest.raises(NotComputable, match="not planar and parallel"):
        region_of(draw.structure([bent]))


def test_contours_in_different_orientations_are_refused(draw) -> None:
    upright = Contour(frozen([[0, 0, 0], [10, 0, 0], [10, 0, 10], [0, 0, 10]]), "CLOSED_PLANAR")
    with pytest.raises(NotComputable, match="not planar and parallel"):
        region_of(draw.structure([draw.rectangle(10, 10, 0.0), upright]))


def test_planes_within_rounding_are_one_plane(draw) -> None:
    region = region_of(draw.structure([draw.rectangle(2, 2, 5.0), draw.rectangle(2, 2, 5.004, (10, 0))]))
    assert region.w_mm == pytest.approx([5.002], abs=EXACT)


def test_gap_is_reported(draw) -> None:
    region = region_of(draw.box(10, 10, [0.0, 3.0, 6.0, 12.0, 15.0]))
    assert region.step_mm == pytest.approx(3.0, abs=EXACT)
    assert region.gaps == ((6.0, 12.0),)
    assert len(parts(region)) == 1  # one plane missing: the structure goes on


def test_parts_are_separate_lesions_largest_first(draw) -> None:
    contours = [draw.circle(5.0, z) for z in (0.0, 3.0, 6.0)] + [
        draw.circle(8.0, z, centre=(40, 0)) for z in (3.0, 6.0)
    ]
    contours += [draw.circle(5.0, z) for z in (60.0, 63.0)]
    found = parts(region_of(draw.structure(contours)))
    assert [list(part.w_mm) for part in found] == [[3.0, 6.0], [0.0, 3.0, 6.0], [60.0, 63.0]]


def test_lesions_drawn_on_alternating_planes_stay_whole(draw) -> None:
    contours = [draw.circle(8.0, z) for z in (0.0, 2.0, 4.0, 6.0)]
    contours += [draw.circle(5.0, z, centre=(40, 0)) for z in (1.0, 3.0, 5.0)]
    found = parts(region_of(draw.structure(contours)))
    assert [list(part.w_mm) for part in found] == [[0.0, 2.0, 4.0, 6.0], [1.0, 3.0, 5.0]]
    assert [part.step_mm for part in found] == [2.0, 2.0]


def test_branches_are_one_part(draw) -> None:
    contours = [draw.rectangle(30, 10, 0.0), draw.rectangle(8, 8, 3.0, (-10, 0)), draw.rectangle(8, 8, 3.0, (10, 0))]
    assert len(parts(region_of(draw.structure(contours)))) == 1


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_and_direction_of_contours_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    contours = []
    for z in (0.0, 3.0, 6.0):
        for size in (20.0, 12.0, 5.0):
            angle = 2 * np.pi * np.arange(12) / 12
            ring = size * np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.9, 1.1, (12, 1))
            contours.append(Contour(frozen(np.column_stack([ring, np.full(12, z)])), "CLOSED_PLANAR"))
    shuffled = [contours[k] for k in rng.permutation(len(contours))]
    turned = [Contour(frozen(c.points_mm[::-1]), c.geometric_type) for c in shuffled]
    regions = [
        region_of(Structure(roi_number=1, name="", interpreted_type="", contours=tuple(c))) for c in (contours, turned)
    ]
    # The same loops in another order: sums of doubles may differ in the last digits.
    assert volume(regions[0]).value == pytest.approx(volume(regions[1]).value, rel=1e-9)
