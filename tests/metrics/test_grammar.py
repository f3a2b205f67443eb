"""The expression grammar."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbrtcheck.errors import MetricSyntaxError
from sbrtcheck.metrics import all_metrics, metric_text, parse_metric
from sbrtcheck.metrics.dose_at_volume import DoseAtVolume


@pytest.mark.parametrize("metric", all_metrics(), ids=lambda metric: metric.id)
def test_every_example_names_its_own_metric_and_no_other(metric) -> None:
    for example in metric.examples:
        assert isinstance(parse_metric(example), metric)
        assert [m.id for m in all_metrics() if m.notation.fullmatch(example)] == [metric.id]


def test_ids_are_unique_and_sources_named() -> None:
    assert len({metric.id for metric in all_metrics()}) == len(all_metrics())
    for metric in all_metrics():
        assert "References" in (metric.__doc__ or "")


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("D95%[Gy]", "Gy"),
        ("D95%[%]", "%"),
        ("D0.03cc[Gy]", "Gy"),
        ("V20Gy[%]", "%"),
        ("V20Gy[cc]", "cc"),
        ("V100%[%]", "%"),
        ("V100%[cc]", "cc"),
        ("CV12.5Gy[cc]", "cc"),
        ("DC1500cc[Gy]", "Gy"),
        ("Min[Gy]", "Gy"),
        ("Dnearmax[Gy]", "Gy"),
        ("R50", ""),
        ("CI_Paddick", ""),
        ("D2cm[%]", "%"),
        ("Volume[cc]", "cc"),
        ("gEUD(a=-10)[Gy]", "Gy"),
        ("Spill50%[cc]", "cc"),
        ("Spill105%[%]", "%"),
        ("V60Gy[cc]@BED(a/b=10)", "cc"),
        ("HI_ICRU83@EQD2(a/b=3)", ""),
    ],
)
def test_unit_of_the_value(expression: str, unit: str) -> None:
    assert parse_metric(expression).unit == unit
    assert parse_metric(f" {expression} ").unit == unit


def test_numbers_are_read() -> None:
    assert parse_metric("D0.03cc[Gy]") == DoseAtVolume(volume_cm3=0.03, unit="Gy")


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("D30[Gy]", r"D30%\[Gy\] or D30cc\[Gy\]"),
        ("D30", r"D30%\[Gy\] or D30cc\[Gy\]"),
        ("V20[%]", r"V20Gy\[%\]"),
        ("V20", r"V20Gy\[%\]"),
        ("D95%", r"D95%\[Gy\] or D95%\[%\]"),
        ("D0.03cc", r"D0\.03cc\[Gy\]"),
        ("V20Gy", r"V20Gy\[%\] \(of the structure\) or V20Gy\[cc\]"),
        ("CV12.5Gy", r"CV12\.5Gy\[cc\]"),
        ("Max", r"Max\[Gy\] or Max\[%\]"),
        ("D2cm", r"D2cm\[Gy\] or D2cm\[%\]"),
        ("Dnearmin", r"Dnearmin\[Gy\]"),
        ("gEUD(a=8)", r"gEUD\(a=8\)\[Gy\]"),
        ("gEUD[Gy]", r"with which a\? Write gEUD\(a=8\)"),
        ("Spill100[cc]", r"Spill100%\[cc\] or Spill100%\[%\]"),
        ("Spill100%", r"Spill100%\[cc\]"),
    ],
)
def test_text_without_units_is_refused_with_what_would_be_right(expression: str, right: str) -> None:
    with pytest.raises(MetricSyntaxError, match=right):
        parse_metric(expression)


@pytest.mark.parametrize(
    ("expression", "near"), [("d95%[gy]", "D95%"), ("CI_Padick", "CI_Paddick"), ("Mean[cGy]", "Mean")]
)
def test_unknown_text_lists_what_is_near(expression: str, near: str) -> None:
    with pytest.raises(MetricSyntaxError, match=f"unknown metric.*{near}"):
        parse_metric(expression)
    with pytest.raises(MetricSyntaxError, match="Known are"):
        parse_metric("???")


@pytest.mark.parametrize(
    "expression",
    ["D0%[Gy]", "D100%[Gy]", "D0cc[Gy]", "V0Gy[%]", "CV0Gy[cc]", "DC0cc[Gy]", "Spill0%[cc]", "gEUD(a=0)[Gy]"],
)
def test_numbers_that_ask_for_nothing_are_refused(expression: str) -> None:
    with pytest.raises(MetricSyntaxError, match="must"):
        parse_metric(expression)


@pytest.mark.parametrize("suffix", ["@EQD2(a/b=3)", "@BED(a/b=10)", "@EQD2(a/b=2.5)"])
def test_biological_doses_are_read_after_the_metric(suffix: str) -> None:
    assert parse_metric(f"D0.03cc[Gy]{suffix}").unit == "Gy"
    with pytest.raises(MetricSyntaxError, match="can be read in more than one way"):
        parse_metric(f"D30[Gy]{suffix}")


@pytest.mark.parametrize("suffix", ["@EQD2", "@EQD2(3)", "@", "@BED(a/b=-1)", "@RBE(a/b=3)", "@EQD2(a/b=3)@BED(a/b=3)"])
def test_other_suffixes_are_refused(suffix: str) -> None:
    with pytest.raises(MetricSyntaxError, match="cannot read the suffix"):
        parse_metric(f"D0.03cc[Gy]{suffix}")


@pytest.mark.parametrize(
    "expression",
    ["D95%[%]", "V100%[cc]", "Max[%]", "Dnearmin[%]", "gEUD(a=8)[%]", "R50", "CI_Paddick", "D2cm[Gy]", "Spill50%[cc]"],
)
def test_what_is_not_a_dose_in_gy_has_no_biological_dose(expression: str) -> None:
    with pytest.raises(MetricSyntaxError, match="no biologically effective dose"):
        parse_metric(f"{expression}@EQD2(a/b=3)")


def test_alpha_beta_of_0_is_refused() -> None:
    with pytest.raises(MetricSyntaxError, match="above 0"):
        parse_metric("Mean[Gy]@EQD2(a/b=0)")


@given(text=st.text(max_size=20))
def test_any_other_text_is_refused_by_name(text: str) -> None:
    try:
        parse_metric(text)
    except MetricSyntaxError:
        return
    assert [m for m in all_metrics() if m.notation.fullmatch(text.strip().partition("@")[0])]


NUMBERS = st.one_of(
    st.integers(1, 3000).map(float),
    st.floats(min_value=1e-6, max_value=5e3, allow_nan=False),
    st.sampled_from([0.03, 0.035, 12.5, 66.67, 1e-5, 0.1 + 0.2]),
)
EFFECTS = st.one_of(st.just(""), st.sampled_from(["@EQD2(a/b=3)", "@BED(a/b=2.5)", "@EQD2(a/b=10)"]))


@given(st.sampled_from([e for m in all_metrics() for e in m.examples]), NUMBERS, EFFECTS)
def test_reading_and_printing_is_the_identity_for_every_metric(example: str, number: float, effect: str) -> None:
    # Every example, and the same with another number in the place of its first one.
    digits = format(Decimal(repr(number)), "f")
    for expression in (example, re.sub(r"\d+(?:\.\d+)?", digits, example, count=1)):
        try:
            metric = parse_metric(expression + effect)
        except MetricSyntaxError:  # a share above 100 %, or no effect of a dose that is not in gray
            continue
        assert parse_metric(metric_text(metric)) == metric
        assert metric_text(parse_metric(metric_text(metric))) == metric_text(metric)


@pytest.mark.parametrize("metric", all_metrics(), ids=lambda metric: metric.id)
def test_examples_are_printed_as_they_are_written(metric) -> None:
    for example in metric.examples:
        assert metric_text(parse_metric(example)) == example
