"""Frames joined by registrations: directions, chains, contradictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.model import FloatArray, Registration, frozen
from sbrtcheck.prior.mapping import find_mapping

LANDMARK = np.array([[10.0, -25.0, 70.0]])  # as far from any symmetry as can be


def rigid(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    matrix[:3, 3] = rng.uniform(-80.0, 80.0, 3)
    return matrix


def joined(start: str, end: str, matrix: FloatArray, uid: str = "1.1") -> Registration:
    return Registration(uid, start, end, frozen(matrix), "RIGID")


def moved(matrix: FloatArray) -> FloatArray:
    return LANDMARK @ matrix[:3, :3].T + matrix[:3, 3]


def test_one_frame_needs_no_registration() -> None:
    found = find_mapping((), "1", "1")
    np.testing.assert_array_equal(found.through(LANDMARK), LANDMARK)
    assert found.registrations == ()


def test_a_registration_is_walked_in_its_own_direction_and_backwards() -> None:
    matrix = rigid(1)
    there = find_mapping((joined("now", "then", matrix),), "now", "then")
    np.testing.assert_allclose(there.through(LANDMARK), moved(matrix), atol=1e-9)
    # An object that maps the earlier frame into this one must be inverted; as it stands it is far off.
    back = find_mapping((joined("then", "now", matrix),), "now", "then")
    np.testing.assert_allclose(back.through(moved(matrix)), LANDMARK, atol=1e-9)
    assert np.linalg.norm(back.through(LANDMARK) - moved(matrix)) > 10.0
    assert "inverted" in back.text
    assert "inverted" not in there.text


def test_chains_are_walked_in_order() -> None:
    first, second = rigid(2), rigid(3)
    chain = (joined("now", "between", first, "1.1"), joined("then", "between", second, "1.2"))
    found = find_mapping(chain, "now", "then")
    expected = np.linalg.inv(second) @ first
    np.testing.assert_allclose(found.through(LANDMARK), moved(expected), atol=1e-9)
    assert found.registrations == ("1.1", "1.2")
    assert np.linalg.norm(moved(expected) - moved(first @ np.linalg.inv(second))) > 10.0


@pytest.mark.parametrize(("start", "end"), [("now", "elsewhere"), ("", "then"), ("now", "")])
def test_what_nothing_joins_is_not_mapped(start: str, end: str) -> None:
    with pytest.raises(NotComputable, match="frame of reference"):
        find_mapping((joined("now", "then", rigid(4)),), start, end)


def test_two_ways_that_contradict_each_other_are_none() -> None:
    matrix, other = rigid(5), rigid(5)
    other[0, 3] += 2.0
    with pytest.raises(NotComputable, match=r"contradict each other by 2\.0 mm: 1\.1, 1\.2"):
        find_mapping((joined("now", "then", matrix), joined("now", "then", other, "1.2")), "now", "then")
    other[0, 3] -= 1.9  # 0.1 mm: rounding of another program
    both = (joined("now", "then", matrix), joined("now", "then", other, "1.2"))
    assert find_mapping(both, "now", "then").registrations == ("1.1",)


def test_a_detour_that_contradicts_is_noticed() -> None:
    direct = joined("now", "then", rigid(6), "1.1")
    detour = (joined("now", "between", rigid(7), "1.2"), joined("between", "then", rigid(8), "1.3"))
    with pytest.raises(NotComputable, match="contradict"):
        find_mapping((direct, *detour), "now", "then")


def test_a_matrix_that_stretches_is_not_rigid() -> None:
    matrix = np.diag([1.0, 1.0, 1.02, 1.0])
    assert not find_mapping((joined("now", "then", matrix),), "now", "then").is_rigid
    assert find_mapping((joined("now", "then", rigid(9)),), "now", "then").is_rigid


def test_an_identity_is_told_from_a_small_move() -> None:
    assert find_mapping((), "1", "1").is_identity
    assert find_mapping((joined("then", "now", np.eye(4)),), "now", "then").is_identity
    moved_a_little = np.eye(4)
    moved_a_little[0, 3] = 1e-6
    assert not find_mapping((joined("now", "then", moved_a_little),), "now", "then").is_identity


def test_the_kind_of_each_step_is_told() -> None:
    chain = (joined("now", "a", rigid(1)), Registration("1.2", "then", "a", frozen(np.diag([1, 1, 2, 1])), "AFFINE"))
    found = find_mapping(chain, "now", "then")
    assert found.text == "it is mapped through the registration 1.1 (rigid), 1.2 (affine, inverted)"


def test_chains_of_four_are_walked_and_of_five_are_not() -> None:
    chain = [joined(str(n), str(n + 1), rigid(n), f"1.{n}") for n in range(5)]
    assert len(find_mapping(chain, "0", "4").registrations) == 4
    with pytest.raises(NotComputable, match="no registration joins them"):
        find_mapping(chain, "0", "5")


@given(st.integers(0, 10_000), st.permutations(range(3)), st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_there_and_back_is_where_one_was(seed: int, order: list[int], backwards: list[bool]) -> None:
    frames = ["now", "a", "b", "then"]
    chain = []
    for n in range(3):
        start, end = (frames[n + 1], frames[n]) if backwards[n] else (frames[n], frames[n + 1])
        chain.append(joined(start, end, rigid(seed + n), f"1.{n}"))
    given_order = [chain[n] for n in order]
    there, back = find_mapping(given_order, "now", "then"), find_mapping(given_order, "then", "now")
    np.testing.assert_allclose(back.through(there.through(LANDMARK)), LANDMARK, atol=1e-8)
    np.testing.assert_allclose(there.matrix, find_mapping(chain, "now", "then").matrix, atol=1e-12)
