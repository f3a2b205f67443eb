"""Structures made of others: reading, printing, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.naming.expression import (
    Combined,
    Expression,
    ExpressionError,
    Margin,
    Name,
    Ring,
    names_of,
    parse_expression,
    replaced,
)

LENGTHS = st.integers(1, 400).map(lambda quarters: quarters / 4.0)
EXPRESSIONS: st.SearchStrategy[Any] = st.recursive(
    st.builds(Name, st.sampled_from(["PTV", "Lung_L", "Lungs-GTV", "ring", "VB_T07"])),
    lambda parts: st.one_of(
        st.builds(
            lambda sign, some: Combined(sign, tuple(some)),
            st.sampled_from(["|", "&", "-"]),
            st.lists(parts, min_size=2, max_size=3),
        ),
        st.builds(lambda part, mm, out: Margin(part, mm if out else -mm), parts, LENGTHS, st.booleans()),
        st.builds(lambda part, a, b: Ring(part, min(a, b), max(a, b) + 0.25), parts, LENGTHS, LENGTHS).filter(
            lambda ring: ring.outer_mm <= 100.0
        ),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_printing_and_reading_is_the_identity(expression: Expression) -> None:
    assert parse_expression(str(expression)) == expression


@given(st.text(alphabet="AB|&-+() ,.5mring", max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(ExpressionError):
        found = parse_expression(text)
        assert parse_expression(str(found)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the name of a structure was expected at 'the end'"),
        ("A | B - C", "more than one way"),
        ("A - B + 5mm", "more than one way"),
        ("A + 5mm | B", "more than one way"),
        ("A + 5mm + 3mm", "more than one way"),
        ("A + B", r"\+ is for margins"),
        ("A + 5", "in mm, such as 5mm"),
        ("A + 0.5cm", "in mm, such as 0.5mm"),
        ("A + 0mm", "changes nothing"),
        ("A + 500mm", "500 mm is more than 100 mm"),
        ("ring(A 3mm)", "inner distance"),
        ("ring(A, 3mm)", "outer distance"),
        ("ring(A, x, 3mm)", "a distance such as 5mm"),
        ("ring(A, 3mm, 5mm", "closing parenthesis"),
        ("ring(A, 5mm, 5mm)", "smaller distance first"),
        ("(A | B", "closing parenthesis"),
        ("A B", "or the end was expected at 'B'"),
        ("A |", "the name of a structure"),
        ("(" * 1000 + "A", "more than 30 parentheses"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        parse_expression(text)


def test_names_and_replacement() -> None:
    expression = parse_expression("ring(A | (B & C), 5mm, 9mm) - (A + 3mm)")
    assert list(names_of(expression)) == ["A", "B", "C", "A"]
    put = {"A": parse_expression("X - Y")}
    assert str(replaced(expression, put.get)) == "ring((X - Y) | (B & C), 5mm, 9mm) - ((X - Y) + 3mm)"


def test_a_hyphen_without_spaces_belongs_to_the_name() -> None:
    assert parse_expression("Lungs-GTV") == Name("Lungs-GTV")
    assert parse_expression("Lungs - GTV") == Combined("-", (Name("Lungs"), Name("GTV")))
    assert parse_expression("Lungs-5mm") == Margin(Name("Lungs"), -5.0)
