"""Odd contours take the green from what rests on them, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.anatomy.sanity.finding import ContourFinding
from sbrtcheck.derived import Derived
from sbrtcheck.judge.doubts import doubts
from sbrtcheck.judge.judging import judge
from sbrtcheck.model import Case
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

    def __init__(self, verdict: Verdict) -> None:
        rule = {"id": "a", "check": "stub", "source": "s", "confidence": "verified"}
        rule |= {"title": "", "section": "plan", "required": True, "definition": "", "definition_is_choice": False}
        rule |= {"when": "", "limit_by_fractions": {}, "excused_by": (), "contradicted_by": "", "priority": 0}
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
