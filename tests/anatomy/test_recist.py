"""Measurability under RECIST 1.1."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.anatomy.lesions import Lesion, Target
from sbrtcheck.anatomy.organ import OrganFinding
from sbrtcheck.anatomy.recist import judge_measurable
from sbrtcheck.model import Structure
from sbrtcheck.naming.roles import TargetRole
from sbrtcheck.results import Interval

LUNG = OrganFinding("lung", "contour", frozenset({"lung"}), 0, "")
BONE = OrganFinding("bone", "contour", frozenset({"bone"}), 0, "")
NODE = OrganFinding("lymph-node", "contour", frozenset({"lymph-node"}), 0, "")
UNKNOWN = OrganFinding(None, "none", frozenset(), 1, "")


def lesion(role: Any = "GTV", *, node: bool = False, doubtful: bool = False) -> Lesion:
    drawn = Structure(1, role, "", ())
    found: dict[str, Structure | None] = {r.lower(): drawn if r == role else None for r in ("GTV", "CTV", "ITV", "PTV")}
    member = Target(drawn, TargetRole(1, role, "name", doubtful, node))
    return Lesion("lesion 1", **found, members=(member,), doubtful=doubtful)


def mm(value: float, error: float = 0.2) -> Interval:
    return Interval(value, value - error, value + error)


@pytest.mark.parametrize(
    ("what", "axial", "short", "spacing", "organ", "expected"),
    [
        (lesion(), 12.0, 9.0, 2.0, LUNG, True),
        (lesion(), 10.2, 9.0, 5.0, LUNG, True),  # 10.0 mm at the least is 10 mm
        (lesion(), 10.1, 9.0, 2.0, LUNG, None),
        (lesion(), 9.0, 8.0, 2.0, LUNG, False),
        (lesion(), 9.0, 8.0, None, UNKNOWN, False),  # too small, wherever it lies
        (lesion(), 14.0, 9.0, 8.0, LUNG, None),  # 8 mm slices ask for 16 mm
        (lesion(), 17.0, 9.0, 8.0, LUNG, True),
        (lesion(), 17.0, 9.0, None, LUNG, None),
        (lesion(), 30.0, 20.0, 2.0, UNKNOWN, None),  # bone or node, perhaps
        (lesion(), 30.0, 20.0, 2.0, BONE, None),  # soft-tissue part is not shown
        (lesion(node=True), 30.0, 16.0, 2.0, LUNG, True),
        (lesion(node=True), 30.0, 14.0, 2.0, LUNG, None),  # only called a node
        (lesion(), 30.0, 14.0, 2.0, NODE, False),
        (lesion(), 30.0, 15.1, 2.0, NODE, None),
        (lesion("PTV"), 30.0, 20.0, 2.0, LUNG, None),
        (lesion("PTV"), 9.0, 8.0, 2.0, LUNG, False),  # even the PTV is too small
        (lesion(doubtful=True), 30.0, 20.0, 2.0, LUNG, None),
    ],
)
def test_measurability(what: Lesion, axial: float, short: float, spacing: float, organ: Any, expected: Any) -> None:
    found = judge_measurable(what, mm(axial), mm(short), spacing, organ)
    assert found.measurable is expected
    assert found.reason
