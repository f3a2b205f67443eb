"""What is missing, unmatched or ambiguous, row by row, and what becomes of every rule on size and place.

Each row of ``location_table.csv`` changes a phantom and states the verdict of each rule, worst over its subjects. The
column ``why`` says what proves that which is green.
"""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from sbrtcheck.derived import Derived, shaped
from sbrtcheck.dicom import load_case
from sbrtcheck.judge import BoundRule, bind, judge
from sbrtcheck.model import Case, Contour, Structure, frozen
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.protocol.declared import Declared
from sbrtcheck.protocol.loading import load_protocol

RULES = (
    "lesion-count",
    "organ-count",
    "lesion-size",
    "measurable-lesion",
    "extracerebral",
    "ultra-central",
    "long-bone",
)
# From worst to best: the verdict of a rule is that of its worst subject.
WORST_FIRST = ("error", "fail", "not-evaluated", "indeterminate", "variation", "pass", "not-applicable")
GREEN = {"pass", "variation", "not-applicable"}
ROWS = tuple(csv.DictReader((Path(__file__).parent / "location_table.csv").read_text(encoding="utf-8").splitlines()))

Structures = list[Structure]


@pytest.fixture(scope="module", autouse=True)
def geometry_once() -> Iterator[None]:
    """Measure a structure that no row changes once: the rows share the outlines of their phantom."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("region_of", "separation", "overlap", "volume"):
            patch.setattr(shaped, name, lru_cache(maxsize=4096)(getattr(shaped, name)))
        yield


@pytest.fixture(scope="module")
def case_of(on_disk: Callable[[str], Path]) -> Callable[[str], Case]:
    """Return a function from the name of a phantom to what is read of its plan."""
    return cache(lambda name: load_case([on_disk(name) / "plan"]).case)


@pytest.fixture(scope="module")
def rules() -> tuple[BoundRule, ...]:
    """The rules on size and place of the trial."""
    return tuple(b for b in bind([load_protocol("getug-storm-01")]) if b.rule.id in RULES)


def named(structures: Structures, name: str) -> int:
    """Return where the last ROI of a name stands."""
    return max(k for k, s in enumerate(structures) if s.name == name)


def change(structures: Structures, roi: str, /, **what: object) -> None:
    place = named(structures, roi)
    structures[place] = replace(structures[place], **what)  # type: ignore[arg-type]


def contours_of(structures: Structures, name: str) -> tuple[Contour, ...]:
    return structures[named(structures, name)].contours


def redrawn(contours: tuple[Contour, ...], shift_mm: tuple[float, ...]) -> tuple[Contour, ...]:
    return tuple(Contour(frozen(c.points_mm + np.array(shift_mm)), c.geometric_type) for c in contours)


def rename(structures: Structures, name: str, new: str) -> None:
    change(structures, name, name=new)


def unmatch(structures: Structures, name: str) -> None:
    """Give a ROI a name that says nothing, and no type."""
    change(structures, name, name=f"x{structures[named(structures, name)].roi_number}", interpreted_type="")


def retype(structures: Structures, name: str, kind: str) -> None:
    change(structures, name, interpreted_type=kind)


def delete(structures: Structures, name: str) -> None:
    del structures[named(structures, name)]


def empty(structures: Structures, name: str) -> None:
    change(structures, name, contours=())


def swap(structures: Structures, name: str, other: str) -> None:
    first, second = named(structures, name), named(structures, other)
    change(structures, name, name=f"was {name}")
    structures[second] = replace(structures[second], name=name)
    structures[first] = replace(structures[first], name=other)


def keep(structures: Structures, name: str, low: str, high: str) -> None:
    """Keep the contours between two heights, mm."""
    kept = [c for c in contours_of(structures, name) if float(low) <= c.points_mm[0, 2] <= float(high)]
    change(structures, name, contours=tuple(kept))


def every(structures: Structures, name: str, number: str) -> None:
    """Keep one contour of so many, as where planes were lost."""
    change(structures, name, contours=contours_of(structures, name)[:: int(number)])


def move(structures: Structures, name: str, *shift: str) -> None:
    change(structures, name, contours=redrawn(contours_of(structures, name), tuple(map(float, shift))))


def copy(structures: Structures, name: str, new: str, *shift: str) -> None:
    """Draw a ROI again, elsewhere, as a ROI of its own."""
    source = structures[named(structures, name)]
    number = max(s.roi_number for s in structures) + 1
    drawn = redrawn(source.contours, tuple(map(float, shift)))
    structures.append(replace(source, roi_number=number, name=new, contours=drawn))


def merge(structures: Structures, name: str, other: str) -> None:
    """Put the contours of the other ROI into the first one."""
    change(structures, name, contours=contours_of(structures, name) + contours_of(structures, other))
    delete(structures, other)


def draw_as(structures: Structures, name: str, kind: str) -> None:
    """Keep the points, as contours of another geometric type."""
    change(structures, name, contours=tuple(Contour(c.points_mm, kind) for c in contours_of(structures, name)))


def other_frame(structures: Structures, name: str) -> None:
    change(structures, name, frame_of_reference_uid="1.2.3.4.5")


CHANGES = MappingProxyType(
    {
        f.__name__: f
        for f in (rename, unmatch, retype, delete, empty, swap, keep, every, move, copy, merge, draw_as, other_frame)
    }
)


def changed(case: Case, changes: str) -> Case:
    """Return a case after the changes of a row: ``unmatch GTV; keep Trachea 16 90``."""
    assert case.structure_set is not None
    structures = list(case.structure_set.structures)
    for one in filter(None, map(str.strip, changes.split(";"))):
        verb, *words = shlex.split(one)
        if verb == "no_ct":
            case = replace(case, image=None)
        elif verb == "no_structures":
            return replace(case, structure_set=None)
        else:
            CHANGES[verb](structures, *words)  # type: ignore[operator]
    return replace(case, structure_set=replace(case.structure_set, structures=tuple(structures)))


def verdicts_of(case: Case, rules: tuple[BoundRule, ...]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for result in judge(rules, Derived(case, SiteFile()), Declared()):
        found.setdefault(result.rule, []).append(result.verdict.value)
    return {rule: min(found[rule], key=WORST_FIRST.index) for rule in RULES}


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['phantom']}: {row['what']}") for row in ROWS])
def test_each_row_ends_as_its_construction_implies(
    row: dict[str, str], case_of: Callable[[str], Case], rules: tuple[BoundRule, ...]
) -> None:
    found = verdicts_of(changed(case_of(row["phantom"]), row["changes"]), rules)
    assert found == {rule: row[rule] for rule in RULES}


def test_every_row_is_one_of_a_kind_and_says_why_it_is_green() -> None:
    labels = [(row["phantom"], row["what"]) for row in ROWS]
    assert len(labels) == len(set(labels))
    changes = [(row["phantom"], row["changes"]) for row in ROWS]
    assert len(changes) == len(set(changes))
    for row in ROWS:
        assert row["why"], row["what"]
        assert {row[rule] for rule in RULES} <= set(WORST_FIRST), row["what"]


def test_the_table_holds_every_rule_green_and_not() -> None:
    for rule in RULES:
        found = {row[rule] for row in ROWS}
        assert found & GREEN, rule
        assert found - GREEN, rule
