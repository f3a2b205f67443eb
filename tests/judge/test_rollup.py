"""From rules to the verdict of a section."""

from itertools import combinations

import pytest

from sbrtcheck.judge import roll_up
from sbrtcheck.results import RuleResult, Verdict

V = Verdict


def result(verdict: Verdict, *, required: bool = True, section: str = "plan") -> RuleResult:
    return RuleResult(
        rule="r",
        protocol="p",
        section=section,
        required=required,
        subject="patient",
        verdict=verdict,
        reason="",
        source="s",
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([V.PASS], V.PASS),
        ([V.PASS, V.NOT_APPLICABLE], V.PASS),
        ([V.PASS, V.VARIATION], V.VARIATION),
        ([V.VARIATION, V.INDETERMINATE], V.INDETERMINATE),
        ([V.INDETERMINATE, V.NOT_EVALUATED], V.NOT_EVALUATED),
        ([V.NOT_EVALUATED, V.ERROR], V.ERROR),
        ([V.ERROR, V.FAIL], V.FAIL),
        ([V.NOT_APPLICABLE], V.NOT_EVALUATED),  # nothing was evaluated
        ([], V.NOT_EVALUATED),
    ],
)
def test_the_worst_decides(verdicts: list[Verdict], expected: Verdict) -> None:
    assert roll_up([result(v) for v in verdicts], "plan") is expected


def test_what_is_open_for_information_does_not_block_but_a_fail_does() -> None:
    assert roll_up([result(V.PASS), result(V.NOT_EVALUATED, required=False)], "plan") is V.PASS
    assert roll_up([result(V.PASS), result(V.FAIL, required=False)], "plan") is V.FAIL
    assert roll_up([result(V.NOT_EVALUATED, required=False)], "plan") is V.NOT_EVALUATED


def test_green_needs_a_pass_and_nothing_open() -> None:
    for size in (1, 2, 3):
        for chosen in combinations(V, size):
            if roll_up([result(v) for v in chosen], "plan") in {V.PASS, V.VARIATION}:
                assert set(chosen) <= {V.PASS, V.VARIATION, V.NOT_APPLICABLE}
                assert set(chosen) & {V.PASS, V.VARIATION}


def test_sections_do_not_mix() -> None:
    both = [result(V.PASS), result(V.FAIL, section="declared")]
    assert roll_up(both, "plan") is V.PASS
    assert roll_up(both, "declared") is V.FAIL
    assert roll_up([result(V.PASS)], "declared") is V.NOT_APPLICABLE
