"""Every definition of an ultra-central lesion: what its sources say, and what it makes of lesions at known distances.

``FACTS`` holds the definitions as gathered from their sources, by their name in the table: target, distance (or the
operation), structures, confidence. The structures of each test are boxes beside a ball: every distance is plain to see.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.anatomy.ultracentral import Definition, evaluate, reach, tables
from sbrtcheck.naming.tables import standard_names

GTV, PTV = 10.0, 15.0  # radii of the targets round the origin
DISTANCES = {"touch": 0.0, "overlap": 0.0, "touch_or_invade": 0.0, "directly_involves": 0.0}
Fact = tuple[str, str | float, tuple[str, ...], str]
FACTS: dict[str, tuple[Fact, ...]] = {
    "sunset": (("PTV", "touch", ("pbt", "esophagus", "pulmonary_vein", "pulmonary_artery"), "verified"),),
    "ptv-airway": (("PTV", "overlap", ("trachea", "main_bronchi"), "verified"),),
    "ptv-heart-vessels": (("PTV", "touch", ("pbt", "heart", "great_vessels"), "verified"),),
    "lenglet-2019": (("PTV", "overlap", ("pbt", "esophagus", "great_vessels", "pericardial_pleura"), "verified"),),
    "swaminath-2024": (("GTV", "touch", ("pbt", "mediastinal_organs"), "verified"),),
    "levy-2024": (("GTV", 10.0, ("trachea", "main_bronchi"), "verified"),),
    "rim-2024": (("GTV", "touch_or_invade", ("pbt",), "verified"),),
    "gtv-airway": (("GTV", "directly_involves", ("pbt", "trachea"), "verified"),),
    "haseltine-2015": (("GTV", "touch", ("pbt",), "verified"),),
    "hilus-10mm": (("GTV", 10.0, ("trachea", "main_bronchi", "intermediate_bronchus", "lobar_bronchi"), "recalled"),),
}
CENTRAL: dict[str, tuple[Fact, ...]] = {
    "rtog-0813": (
        ("GTV", 20.0, ("pbt",), "recalled"),
        ("PTV", "touch", ("mediastinal_pleura", "pericardial_pleura"), "recalled"),
    ),
    "wide-mediastinal": (
        (
            "GTV",
            20.0,
            (
                "pbt",
                "trachea",
                "esophagus",
                "heart",
                "brachial_plexus",
                "great_vessels",
                "spinal_cord",
                "phrenic_nerve",
                "recurrent_laryngeal_nerve",
            ),
            "verified",
        ),
    ),
}


def clauses(definition: Definition) -> tuple[Fact, ...]:
    return tuple(
        (role, clause.distance_mm, clause.structures, definition.confidence)
        for clause in definition.clauses
        for role in clause.targets
    )


def plain(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    return tuple((t, DISTANCES[op] if isinstance(op, str) else op, s, c) for t, op, s, c in facts)


def test_every_definition_says_what_its_source_says() -> None:
    found = {name: clauses(d) for name, d in tables().definitions.items() if name != "inclusive"}
    assert found == {name: plain(facts) for name, facts in FACTS.items()}
    assert {name: clauses(d) for name, d in tables().central.items()} == {n: plain(f) for n, f in CENTRAL.items()}


def test_the_inclusive_definition_is_a_choice_and_holds_every_contact_of_airway_oesophagus_and_pulmonary_vessels() -> (
    None
):
    inclusive = tables().definitions["inclusive"]
    assert inclusive.confidence == "derived"
    assert "choice" in inclusive.source
    (clause,) = inclusive.clauses
    assert set(clause.targets) == {"GTV", "PTV"}
    assert set(clause.structures) == {"pbt", "trachea", "esophagus", "pulmonary_artery", "pulmonary_vein"}
    assert clause.distance_mm == 0.0


def test_every_group_is_made_of_known_names_and_is_asked_for() -> None:
    groups = tables().groups | tables().central_groups
    for group in groups.values():
        for name in (*group.inside, *group.goes_on_as, *(n for names in group.within for n in names)):
            # No TG-263 name: the airway as a whole, as the scan and masks show it.
            assert name in standard_names() | {"AirWay"}, name
    asked = {s for d in tables().definitions.values() for c in d.clauses for s in c.structures}
    central = {s for d in tables().central.values() for c in d.clauses for s in c.structures}
    assert asked == set(tables().groups)
    assert central - asked == set(tables().central_groups)


# One set of names that together are each group, or hold it; () where nothing drawn is ever the whole of it.
WHOLE: dict[str, tuple[str, ...]] = {
    "pbt": ("AirWay_Prox",),
    "trachea": ("Trachea",),
    "main_bronchi": ("Bronchus_Main_L", "Bronchus_Main_R"),
    "intermediate_bronchus": ("AirWay_Prox",),
    "lobar_bronchi": ("AirWay_Prox",),
    "esophagus": ("Esophagus",),
    "pulmonary_artery": ("A_Pulmonary",),
    "pulmonary_vein": ("V_Pulmonary",),
    "great_vessels": ("GreatVes",),
    "heart": ("Heart",),
    "pericardial_pleura": (),
    "mediastinal_organs": (),
}
TOUCHED = {
    "pericardial_pleura": "Pericardium",
    "mediastinal_organs": "Heart",
    "intermediate_bronchus": "",
    "lobar_bronchi": "",
}
FAR = 70.0
ALL = tuple(tables().definitions)


def columns(
    draw: Any, *left_out: str, at: dict[str, float] | None = None, low: float = -60.0, high: float = 60.0
) -> Any:
    """Draw every structure of every group as a column, its near face at x = ``at`` or far away, side by side in y."""
    names = sorted({n for names in WHOLE.values() for n in names} | {"Pericardium"})
    found = []
    for number, name in enumerate(names, start=20):
        x = (at or {}).get(name, FAR)
        if name not in left_out:
            found.append(draw.box(number, name, (x, -8, low), (x + 5, 8, high)))
    return found


def state_of(draw: Any, definition: str, structures: list[Any], *targets: Any) -> Any:
    drawn = targets or (draw.sphere(1, "GTV", (0, 0, 0), GTV), draw.sphere(2, "PTV", (0, 0, 0), PTV))
    derived = draw.patient([*drawn, *structures])
    (lesion,) = derived.lesions
    return evaluate(tables().definitions[definition], lesion, derived.named, derived)


def radius(role: str) -> float:
    return GTV if role == "GTV" else PTV


def between_planes(draw: Any, number: int, name: str, size: float) -> Any:
    """Draw a ball round the origin on planes 3 mm apart, half way between two of them."""
    heights = np.arange(-16.5, 17.0, 3.0)
    discs = tuple(draw.circle((0, 0, 0), float(z), float(np.sqrt(size**2 - z**2))) for z in heights if abs(z) < size)
    return replace(draw.empty(number, name), contours=discs)


def never_cleared(definition: str) -> bool:
    """Whether the definition names something that no contour is the whole of."""
    return any(not WHOLE[s] for c in tables().definitions[definition].clauses for s in c.structures)


@pytest.mark.parametrize("definition", ALL)
def test_far_from_everything_is_outside(draw: Any, definition: str) -> None:
    found = state_of(draw, definition, columns(draw))
    assert found.state == ("unknown" if never_cleared(definition) else "outside")


@pytest.mark.parametrize("definition", ALL)
def test_each_structure_just_inside_just_outside_and_on_the_edge(draw: Any, definition: str) -> None:
    for clause in tables().definitions[definition].clauses:
        role = max(clause.targets, key=radius)
        edge = radius(role) + clause.distance_mm
        for group in clause.structures:
            name = TOUCHED.get(group, WHOLE[group][0] if WHOLE[group] else "")
            if not name:
                continue  # only what holds it is ever drawn: it can clear, not convict
            inside = state_of(draw, definition, columns(draw, at={name: edge - 1.0}))
            assert inside.state == "inside", (group, name)
            assert inside.distance_mm == clause.distance_mm
            outside = state_of(draw, definition, columns(draw, at={name: edge + 1.5}))
            assert outside.state == ("unknown" if never_cleared(definition) else "outside"), (group, name)
            # No plane through the middle: 0.08 to 0.11 mm less are drawn, which lie between planes if anywhere.
            targets = [between_planes(draw, n, r, radius(r)) for n, r in ((1, "GTV"), (2, "PTV"))]
            # What holds the structure comes as near: it would clear it otherwise.
            holding = {outer for names in tables().groups[group].within for outer in names}
            on_it = state_of(draw, definition, columns(draw, at=dict.fromkeys({name} | holding, edge - 0.04)), *targets)
            inferred = holding and any(not tables().groups[g].complete for g in clause.structures)
            expected = "unknown" if never_cleared(definition) or inferred else "straddles"
            assert on_it.state == expected, (group, name)


@pytest.mark.parametrize("definition", ALL)
def test_each_missing_structure_leaves_it_open_and_is_named(draw: Any, definition: str) -> None:
    for clause in tables().definitions[definition].clauses:
        for group in clause.structures:
            left_out = set(WHOLE[group]) | ({"Heart"} if group == "mediastinal_organs" else set())
            left_out |= {n for names in tables().groups[group].within for n in names} | {"Pericardium"}
            found = state_of(draw, definition, columns(draw, *left_out))
            assert found.state == "unknown", group
            assert any(tables().groups[group].title in what for what in found.missing), group


@pytest.mark.parametrize("definition", ALL)
def test_a_missing_target_is_bounded_by_the_others(draw: Any, definition: str) -> None:
    roles = {r for c in tables().definitions[definition].clauses for r in c.targets}
    gtv, ptv = draw.sphere(1, "GTV", (0, 0, 0), GTV), draw.sphere(2, "PTV", (0, 0, 0), PTV)
    without_gtv = state_of(draw, definition, columns(draw), ptv)
    without_ptv = state_of(draw, definition, columns(draw), gtv)
    open_or = "unknown" if never_cleared(definition) else "outside"
    assert without_gtv.state == open_or  # the PTV encloses it
    assert without_ptv.state == ("unknown" if "PTV" in roles else open_or)
    if "PTV" in roles:
        assert any("no PTV" in what for what in without_ptv.missing)


@pytest.mark.parametrize("definition", ALL)
@pytest.mark.parametrize(("low", "high"), [(20.0, 60.0), (-60.0, -20.0), (-2.0, 2.0), (-60.0, 9.0)])
def test_structures_cut_above_below_or_beside_the_lesion_clear_nothing(
    draw: Any, definition: str, low: float, high: float
) -> None:
    found = state_of(draw, definition, columns(draw, low=low, high=high))
    assert found.state == "unknown"
    assert never_cleared(definition) or any("ends above or below" in what for what in found.missing)


@pytest.mark.parametrize("definition", ["inclusive", "sunset", "levy-2024", "hilus-10mm"])
def test_contact_with_a_cut_structure_is_contact(draw: Any, definition: str) -> None:
    found = state_of(draw, definition, columns(draw, low=-4.0, high=4.0, at={"Trachea": 8.0, "Esophagus": 8.0}))
    assert found.state == "inside"


def test_what_was_cut_off_is_no_nearer_than_the_rest_reaches_past_the_lesion(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "GTV", (0, 0, 0), GTV),
            draw.sphere(2, "PTV", (0, 0, 0), PTV),
            draw.box(3, "Esophagus", (60, -8, -40), (65, 8, 90)),
        ]
    )
    (lesion,) = derived.lesions
    found = reach("esophagus", "PTV", lesion, derived.named, derived)
    # The last circle of the PTV lies at 14 mm, one plane of 1 mm is left for its cap, and the contour ends at -40 mm.
    assert found.low_mm == pytest.approx(25.0, abs=1e-6)
    assert found.measured.value == pytest.approx(45.0, abs=0.01)  # polygon of 240 corners


@pytest.mark.parametrize("definition", ALL)
def test_a_target_in_doubt_clears_nothing(draw: Any, definition: str) -> None:
    ptv = draw.sphere(2, "PTV", (0, 0, 0), PTV, kind="ORGAN")
    found = state_of(draw, definition, columns(draw), draw.sphere(1, "GTV", (0, 0, 0), GTV), ptv)
    roles = {r for c in tables().definitions[definition].clauses for r in c.targets}
    assert found.state == ("unknown" if "PTV" in roles or never_cleared(definition) else "outside")
    if "PTV" in roles:
        assert any("in doubt whether ROI 2 is the PTV" in what for what in found.missing)


def test_contact_of_a_target_in_doubt_is_marked(draw: Any) -> None:
    gtv, ptv = draw.sphere(1, "GTV", (0, 0, 0), GTV), draw.sphere(2, "PTV", (0, 0, 0), PTV, kind="ORGAN")
    found = state_of(draw, "sunset", columns(draw, at={"Esophagus": 14.0}), gtv, ptv)
    assert found.state == "inside"
    assert found.doubtful
    sure = state_of(draw, "inclusive", columns(draw, at={"Esophagus": 9.0}), gtv, ptv)
    assert sure.state == "inside"
    assert not sure.doubtful


def tree(draw: Any, number: int, name: str, low: float, high: float, *, division: float = 20.0, x: float = 60.0) -> Any:
    """Draw an airway: one tube down to the division, two branches below it that part by 1 mm a mm."""
    contours = []
    for z in np.arange(low, high + 0.5, 1.0):
        apart = max(division - z, 0.0)
        sides = (-apart - 5.0, apart + 5.0) if apart else (0.0,)
        contours += [draw.circle((x, side, float(z)), 0.0, 4.0) for side in sides]
    return replace(draw.empty(number, name), contours=tuple(contours))


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (-8.0, 45.0, "outside"),  # a whole tree that ends above the lesion
        (2.0, 45.0, "unknown"),  # 18 mm below the division: the rest may be missing
        (21.0, 45.0, "unknown"),  # cut above the division
        (-8.0, 15.0, "unknown"),  # without its trunk
    ],
)
def test_a_bronchial_tree_above_the_lesion_is_whole_if_it_divides_and_goes_on(
    draw: Any, low: float, high: float, state: str
) -> None:
    gtv, ptv = draw.sphere(1, "GTV", (0, 0, -40), GTV), draw.sphere(2, "PTV", (0, 0, -40), PTV)
    found = state_of(draw, "rim-2024", [tree(draw, 30, "AirWay_Prox", low, high)], gtv, ptv)
    assert found.state == state


def test_the_trachea_ends_where_the_bronchial_tree_takes_over(draw: Any) -> None:
    gtv, ptv = draw.sphere(1, "GTV", (0, 0, -40), GTV), draw.sphere(2, "PTV", (0, 0, -40), PTV)

    def state(trachea_low: float) -> str:
        trachea = draw.box(31, "Trachea", (56, -4, trachea_low), (64, 4, 120))
        return str(state_of(draw, "gtv-airway", [tree(draw, 30, "AirWay_Prox", -8.0, 45.0), trachea], gtv, ptv).state)

    assert state(40.0) == "outside"
    assert state(60.0) == "unknown"  # 1.5 cm between the two


def lobes(draw: Any, low: float = -30.0) -> list[Any]:
    left, right = (
        draw.box(n, name, (60, y, low), (65, y + 8, 25))
        for n, name, y in ((32, "Bronchus_L", 4), (33, "Bronchus_R", -12))
    )
    return [draw.box(31, "Trachea", (60, -6, 20), (65, 6, 120)), left, right]


def test_the_proximal_tree_is_built_of_trachea_and_both_bronchial_trees(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), GTV), *lobes(draw)])
    (lesion,) = derived.lesions
    found = reach("pbt", "GTV", lesion, derived.named, derived)
    assert found.built_of == ("Bronchus_L", "Bronchus_R", "Trachea")
    assert found.low_mm > 15.0
    assert any("only within Bronchus_L, Bronchus_R, Trachea" in what for what in found.missing)
    assert state_of(draw, "rim-2024", lobes(draw), draw.sphere(1, "GTV", (0, 0, 0), GTV)).state == "outside"


@pytest.mark.parametrize("missing", ["Trachea", "Bronchus_L", "Bronchus_R"])
def test_a_tree_built_in_part_is_named_part_by_part(draw: Any, missing: str) -> None:
    parts = [s for s in lobes(draw) if s.name != missing]
    found = state_of(draw, "rim-2024", parts, draw.sphere(1, "GTV", (0, 0, 0), GTV))
    assert found.state == "unknown"
    for name in {"Bronchus_L", "Bronchus_R"} - {missing}:
        assert any("drawn only in part" in what and name in what for what in found.missing)


def test_central_definitions_are_evaluated_alike(draw: Any) -> None:
    wide = tables().central["wide-mediastinal"]
    for x, state in ((29.0, "inside"), (31.5, "unknown")):
        cord = draw.box(3, "SpinalCord", (x, -8, -60), (x + 5, 8, 60))
        derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), GTV), cord])
        assert evaluate(wide, derived.lesions[0], derived.named, derived).state == state
