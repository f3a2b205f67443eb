"""Which results are pictured: each lesion, each measured line, once, and nothing left out in silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sbrtcheck.derived import Derived
from sbrtcheck.model import Case, Contour, FloatArray, Image, Lattice, Structure, StructureSet, frozen
from sbrtcheck.naming import SiteFile
from sbrtcheck.picturing import MOST_SETS, pictured
from sbrtcheck.results import Evidence, Picture, RuleResult, Verdict

FRAME = "1.2.3.4"
CIRCLE = np.linspace(0.0, 2.0 * np.pi, 90, endpoint=False)


def _sphere(number: int, name: str, x_mm: float, radius_mm: float) -> Structure:
    contours = []
    for h in np.arange(-20.0, 22.0, 2.0):
        if abs(h) < radius_mm:
            r = np.sqrt(radius_mm**2 - h**2)
            points = np.column_stack([x_mm + r * np.cos(CIRCLE), r * np.sin(CIRCLE), np.full(len(CIRCLE), h)])
            contours.append(Contour(frozen(points), "CLOSED_PLANAR"))
    return Structure(number, name, "", tuple(contours), FRAME)


GTV, PTV, AIRWAY = _sphere(1, "GTV", 0.0, 10.0), _sphere(2, "PTV", 0.0, 14.0), _sphere(3, "AirWay_Prox", 40.0, 6.0)
MASK = replace(_sphere(-1003, "Trachea", -40.0, 6.0), origin="masks")
CLEAR = ((10.0, 0.0, 0.0), (34.0, 0.0, 0.0))  # from GTV to airway


def _image(frame: str = FRAME) -> Image:
    ticks = [frozen(np.arange(-100.0, 101.0, step)) for step in (4.0, 4.0, 4.0)]
    lattice = Lattice(*ticks, frozen(np.eye(4)))
    return Image("1.7", frame, "HFS", lattice, lambda _: frozen(np.full(lattice.shape[1:], -700.0)))


def _derived(*structures: Structure, image: Image | None = None, masks: tuple[Structure, ...] = ()) -> Derived:
    drawn = StructureSet("1.5", "", structures or (GTV, PTV, AIRWAY))
    return Derived(Case(structure_set=drawn, image=image, advisory=masks), SiteFile())


def _line(points: tuple[tuple[float, float, float], ...], *numbers: int, text: str = "GTV to airway") -> Evidence:
    return Evidence(kind="line", text=text, roi_numbers=numbers, points_mm=points)


def _result(*evidence: Evidence, verdict: Verdict = Verdict.PASS, subject: str = "lesion 1") -> RuleResult:
    return RuleResult(
        rule="r",
        protocol="p",
        section="plan",
        subject=subject,
        verdict=verdict,
        reason="",
        source="",
        evidence=evidence,
    )


def _sets(pictures: tuple[Picture, ...]) -> list[str]:
    """Return the id of each set; its views are three, in order."""
    ids = list(dict.fromkeys(p.id for p in pictures))
    assert [(p.id, p.view) for p in pictures] == [(i, v) for i in ids for v in ("axial", "coronal", "sagittal")]
    return ids


def _drawn(pictures: tuple[Picture, ...], id_: str) -> set[str]:
    return {o.label for p in pictures if p.id == id_ for o in p.outlines if o.kind == "structure"}


def _longest(derived: Derived) -> tuple[tuple[float, float, float], ...]:
    ends: FloatArray = derived.longest_axial_diameter(GTV).ends_mm
    return tuple((float(x), float(y), float(z)) for x, y, z in ends)


def test_each_lesion_is_pictured_without_any_rule() -> None:
    results, pictures = pictured((), _derived(GTV, PTV, _sphere(7, "GTV_2", -60.0, 8.0)))
    assert results == ()
    assert _sets(pictures) == ["1", "2"]
    assert [pictures[n].subject for n in (0, 3)] == ["lesion 1", "lesion 2"]
    assert pictures[0].title == "longest axial diameter of the GTV (GTV)"
    assert _drawn(pictures, "1") == {"GTV", "PTV"}


def test_the_size_of_a_lesion_is_shown_in_its_own_pictures() -> None:
    derived = _derived()
    (result,), pictures = pictured((_result(_line(_longest(derived), 1)),), derived)
    assert _sets(pictures) == ["1"]
    assert (result.evidence[0].picture, result.evidence[0].not_pictured) == ("1", "")


def test_a_distance_is_pictured_once_with_both_its_structures() -> None:
    one, other = _line(CLEAR, 1, 3), _line(CLEAR, 1, 3, text="the same, told otherwise")
    results, pictures = pictured((_result(one), _result(other)), _derived())
    assert _sets(pictures) == ["1", "2"]
    assert [r.evidence[0].picture for r in results] == ["2", "2"]
    assert {"GTV", "AirWay_Prox"} <= _drawn(pictures, "2")
    assert {p.title for p in pictures if p.id == "2"} == {"GTV to airway"}
    assert pictures[3].ends_mm == CLEAR


def test_pictures_change_nothing_but_where_to_look() -> None:
    before = (_result(_line(CLEAR, 1, 3), Evidence(text="said", roi_numbers=(1,)), Evidence(text="read")),)
    after, _ = pictured(before, _derived())
    bare = tuple(e.model_copy(update={"picture": "", "not_pictured": ""}) for e in after[0].evidence)
    assert after[0].model_copy(update={"evidence": bare}) == before[0]
    # What is said of a ROI is to be seen in the pictures of the lesion; what is said of none is not.
    assert [e.picture for e in after[0].evidence] == ["2", "1", ""]


def test_what_nobody_drew_is_drawn_dashed_and_says_so() -> None:
    found = _line(((-10.0, 0.0, 0.0), (-34.0, 0.0, 0.0)), 1, -1003)
    (result,), pictures = pictured((_result(found),), _derived(masks=(MASK,)))
    id_ = result.evidence[0].picture
    outlines = [o for p in pictures if p.id == id_ for o in p.outlines if o.roi_number == -1003]
    assert outlines
    assert {(o.label, o.advisory) for o in outlines} == {("Trachea (from masks)", True)}
    assert "Trachea (from masks)" in next(p for p in pictures if p.id == id_ and p.view == "sagittal").caption


def test_a_place_is_one_point() -> None:
    place = Evidence(kind="point", text="contact", roi_numbers=(1,), points_mm=((3.0, 4.0, 0.0),))
    (result,), pictures = pictured((_result(place),), _derived())
    own = [p for p in pictures if p.id == result.evidence[0].picture]
    assert [p.plane for p in own] == ["axial at z = 0.0 mm", "coronal at y = 4.0 mm", "sagittal at x = 3.0 mm"]
    assert all([o.kind for o in p.outlines if o.kind in {"line", "point"}] == ["point"] for p in own)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (_line(CLEAR, 1, 99), "no structure has the number 99"),
        (_line(CLEAR, 98, 3), "no structure has the number 98"),
        (_line(CLEAR), "it is no line or place on a ROI"),
        (_line((*CLEAR, (0.0, 0.0, 0.0)), 1), "it is no line or place on a ROI"),
    ],
)
def test_what_cannot_be_pictured_says_why(evidence: Evidence, why: str) -> None:
    (result,), pictures = pictured((_result(evidence),), _derived())
    assert _sets(pictures) == ["1"]
    assert (result.evidence[0].picture, result.evidence[0].not_pictured) == ("", why)


def test_a_structure_in_which_nothing_is_drawn_says_why() -> None:
    nothing = Structure(5, "Trachea", "", (), FRAME)
    (result,), _ = pictured((_result(_line(CLEAR, 1, 5)),), _derived(GTV, PTV, nothing))
    assert result.evidence[0].not_pictured == "no closed contour is drawn"


def test_pictures_are_bounded_what_is_not_green_comes_first_and_the_rest_is_said() -> None:
    lines = [_line(((10.0, 0.0, 0.0), (30.0 + n, 0.0, 0.0)), 1, 3) for n in range(MOST_SETS + 4)]
    results = [_result(line) for line in lines[:-1]] + [_result(lines[-1], verdict=Verdict.FAIL)]
    after, pictures = pictured(results, _derived())
    assert len(_sets(pictures)) == MOST_SETS
    assert after[-1].evidence[0].picture == "2"  # after the lesion
    left = [r.evidence[0] for r in after if not r.evidence[0].picture]
    assert len(left) == len(results) + 1 - MOST_SETS
    assert {e.not_pictured for e in left} == {f"a report holds pictures of {MOST_SETS} places at most"}


def test_ct_of_another_frame_of_reference_is_not_behind() -> None:
    _, ours = pictured((), _derived(image=_image()))
    _, theirs = pictured((), _derived(image=_image("9.9")))
    assert all(p.pixels for p in ours)
    assert not any(p.pixels for p in theirs)


def test_the_organ_of_the_lesion_chooses_the_window() -> None:
    lung = _sphere(4, "Lungs", 0.0, 20.0)
    _, pictures = pictured((), _derived(GTV, PTV, lung, image=_image()))
    assert {p.window for p in pictures} == {"lung window, -600 ± 750 HU"}


def test_without_structures_there_is_nothing_to_picture() -> None:
    derived = Derived(Case(), SiteFile())
    before = (_result(Evidence(text="none")),)
    assert pictured(before, derived) == (before, ())
    (result,), pictures = pictured((_result(_line(CLEAR, 1, 3)),), derived)
    assert pictures == ()
    assert result.evidence[0].not_pictured.startswith("no RT Structure Set was found")
