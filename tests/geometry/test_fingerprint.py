"""Structures drawn alike have one fingerprint, however their points are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.geometry.fingerprint import fingerprint
from sbrtcheck.model import Contour, Structure, frozen


def drawn(*contours: np.ndarray, kind: str = "CLOSED_PLANAR", number: int = 1, name: str = "A") -> Structure:
    return Structure(number, name, "", tuple(Contour(frozen(np.asarray(c, float)), kind) for c in contours))


def circle(z: float, radius: float = 10.0, points: int = 40) -> np.ndarray:
    turn = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    return np.round(np.column_stack([radius * np.cos(turn), radius * np.sin(turn), 0 * turn + z]), 4)


LOOPS = (circle(0.0), circle(3.0), circle(6.0, 8.0))
SAME = fingerprint(drawn(*LOOPS))


@given(st.permutations(range(3)), st.integers(0, 39), st.booleans(), st.booleans(), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_order_start_direction_and_digits_do_not_matter(
    order: list[int], start: int, turned: bool, closed: bool, digits: int
) -> None:
    loops = [np.roll(LOOPS[n], start, axis=0)[:: -1 if turned else 1] for n in order]
    if closed:  # the first point once more at the end
        loops = [np.concatenate([loop, loop[:1]]) for loop in loops]
    near = [np.round(loop, max(digits, 3)) for loop in loops]
    assert fingerprint(drawn(*near, number=7, name="B")) == SAME


@pytest.mark.parametrize(
    "other",
    [
        drawn(*LOOPS[:2]),
        drawn(*LOOPS, LOOPS[0]),
        drawn(LOOPS[0] + np.array([0.02, 0, 0]), *LOOPS[1:]),
        drawn(*(loop + np.array([1.0, 0, 0]) for loop in LOOPS)),
        drawn(*LOOPS, kind="OPEN_PLANAR"),
        drawn(LOOPS[0][[0, 2, 1, *range(3, 40)]], *LOOPS[1:]),  # the same points, otherwise joined
        drawn(),
    ],
)
def test_what_is_drawn_otherwise_has_another(other: Structure) -> None:
    assert fingerprint(other) != SAME


def test_ends() -> None:
    assert fingerprint(drawn()) == fingerprint(drawn(np.empty((0, 3))))
    point = drawn(np.array([[1.0, 2.0, 3.0]]), kind="POINT")
    assert fingerprint(point) not in {
        fingerprint(drawn()),
        fingerprint(drawn(np.array([[1.0, 2.0, 3.1]]), kind="POINT")),
    }
