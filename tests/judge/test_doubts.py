"""Odd contours take the green from what rests on them, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sbrtcheck.anatomy.sanity.finding import ContourFinding
from sbrtcheck.derived import Derived
from sbrtcheck.judge.doubts import doubts
from sbrtcheck.judge.judging import judge
from sbrtcheck.model import Case, FractionGroup, Plan
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol import Declared
from sbrtcheck.results import Evidence, Notice, Outcome, Verdict


def case(*undermines: str, rois: tuple[int, ...] = (4,)) -> Derived:
    derived = Derived(Case(), SiteFile())
    found = ContourFinding(Notice(code="odd", message="ROI 4 is odd"), frozenset(undermines), rois)
    derived.__dict__["contour_findings"] = (found,)  # the cached property
    return derived


@pytest.mark.parametrize(
    ("outcome", "touched"),
    [
        (Outcome("lesion 1", 4), True),
        (Outcome("lesion 1", 5), False),
        (Outcome("lesion 1", 5, evidence=(Evidence(text="near", roi_numbers=(4,)),)), True),
        (Outcome("patient"), True),  # rests on all structures
        (Outcome("patient", evidence=(Evidence(text="only these", roi_numbers=(5,)),)), True),
    ],
)
def test_a_finding_touches_what_rests_on_its_structures(outcome: Outcome, touched: bool) -> None:
    assert bool(doubts("stub", outcome, case("stub"))) is touched
    assert not doubts("another", outcome, case("stub"))


class Bound:
    """A rule whose check says what it is told to."""

    def __init__(self, verdict: Verdict, when: str = "") -> None:
        rule = {"id": "a", "check": "stub", "source": "s", "confidence": "verified"}
        rule |= {"title": "", "section": "plan", "required": True, "definition": "", "definition_is_choice": False}
        rule |= {"when": when, "limit_by_fractions": {}, "excused_by": (), "contradicted_by": "", "priority": 0}
        self.rule = type("Rule", (), rule)
        source = type("Source", (), {"id": "s", "title": "A source"})
        self.protocol = type("Protocol", (), {"id": "p", "sources": (source,), "when": "", "structures": {}})
        self.parameters = None
        self.check = self
        self.verdict = verdict

    def run(self, task: Any, derived: Any) -> tuple[Outcome, ...]:
        return (Outcome("lesion 1", 4, verdict=self.verdict, reason="so it is"),)


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (Verdict.PASS, Verdict.INDETERMINATE),
        (Verdict.VARIATION, Verdict.INDETERMINATE),
        (Verdict.NOT_APPLICABLE, Verdict.INDETERMINATE),
        (Verdict.FAIL, Verdict.FAIL),
        (Verdict.NOT_EVALUATED, Verdict.NOT_EVALUATED),
        (Verdict.ERROR, Verdict.ERROR),
    ],
)
def test_nothing_good_rests_on_an_odd_contour(said: Verdict, becomes: Verdict) -> None:
    (found,) = judge([Bound(said)], case("stub"), Declared())  # type: ignore[list-item]
    assert found.verdict is becomes
    assert found.reason == "so it is; ROI 4 is odd"
    (sound,) = judge([Bound(said)], case("another"), Declared())  # type: ignore[list-item]
    assert sound.verdict is said


@pytest.mark.parametrize(
    ("when", "becomes"),
    [
        ("Fractions = 3", Verdict.NOT_APPLICABLE),  # no contour can be wrong about that
        ("Fractions = 3 or Fractions > 10", Verdict.NOT_APPLICABLE),
        ("Lesions > 1", Verdict.NOT_EVALUATED),  # no target: whether it applies is open
        ("Fractions = 3 and Lesions > 1", Verdict.INDETERMINATE),  # speaks of structures too
    ],
)
def test_what_the_number_of_fractions_decides_rests_on_no_contour(when: str, becomes: Verdict) -> None:
    derived = case("stub")
    plan = Plan("1.2", "P", is_ion=False, prescriptions=(), fraction_groups=(FractionGroup(1, 5, ()),))
    derived.__dict__["case"] = replace(derived.case, plan=plan)
    (found,) = judge([Bound(Verdict.NOT_EVALUATED, when)], derived, Declared())  # type: ignore[list-item]
    assert found.verdict is becomes
    assert ("ROI 4" in found.reason) is (becomes is not Verdict.NOT_APPLICABLE)
    if becomes is Verdict.NOT_APPLICABLE:
        assert found.reason.endswith("does not hold: Fractions is 5")  # once, however often it is asked
