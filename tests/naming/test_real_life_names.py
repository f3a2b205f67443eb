"""Names as they stand in real exports, and what each is: ``real_life_names.csv`` beside this file.

Expected values are what a dosimetrist would say, written down by hand; "unknown" wherever two would disagree.
"""

from __future__ import annotations

import csv
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.model import Code, Contour, Structure, frozen
from sbrtcheck.naming import SiteFile, TargetRole, judge_role, match, match_name
from sbrtcheck.naming.tables import aliases_by_key, base_of, names_by_key, side_words, standard_names, target_words
from sbrtcheck.naming.text import key, tokens

SQUARE = Contour(frozen([[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0]]), "CLOSED_PLANAR")
TABLE = Path(__file__).with_name("real_life_names.csv")
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
NAMES = sorted({row["name"] for row in ROWS})


def roi(name: str, kind: str = "") -> Structure:
    return Structure(1, name, kind, (SQUARE,))


def matched(name: str, kind: str = "") -> str | None:
    return match_name(roi(name, kind), SiteFile()).tg263


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(ROWS) >= 250
    assert sum(not row["tg263"] and not row["role"] for row in ROWS) >= 60  # unknown ones count as much


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['name']}:{row['type']}" for row in ROWS])
def test_each_name_is_what_people_mean_by_it(row: dict[str, str]) -> None:
    structure = roi(row["name"], row["type"])
    found = match_name(structure, SiteFile())
    assert found.tg263 == (row["tg263"] or None), found.how
    assert found.how
    role = judge_role(structure, SiteFile())
    if isinstance(role, TargetRole):
        assert (role.role, role.doubtful) == (row["role"], row["doubtful"] == "yes"), role.how
    else:
        assert not row["role"]


@pytest.mark.parametrize("name", NAMES)
def test_composed_and_decomposed_accents_are_one_name(name: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert matched(composed) == matched(decomposed)
    assert judge_role(roi(composed), SiteFile()) == judge_role(roi(decomposed), SiteFile())


def test_every_match_says_how_and_whether_it_is_only_recalled() -> None:
    recalled, seen, mixed = (match_name(roi(n), SiteFile()).how for n in ("Poumons", "Moelle", "Poumon droit"))
    assert "alias 'Poumons' (recalled)" in recalled
    assert "recalled" not in seen  # MOELLE was seen in a source, "Moelle épinière" is another row
    assert "(recalled)" in mixed
    assert match_name(roi("Lung_L"), SiteFile()).how == "TG-263 name"
    coded = Structure(1, "x", "", (), codes=(Code("10200004", "SCT", "Liver"),))
    assert match_name(coded, SiteFile()).how == "code 10200004 (SCT)"


def test_codes_that_contradict_each_other_match_nothing_and_the_same_twice_is_once() -> None:
    liver, fma_liver, kidney = (
        Code("10200004", "SCT", "Liver"),
        Code("7197", "FMA", "Liver"),
        Code("7204", "FMA", "Right kidney"),
    )
    assert match_name(Structure(1, "x", "", (), codes=(liver, fma_liver)), SiteFile()).tg263 == "Liver"
    # The name agrees with one of them: that does not settle it.
    assert match_name(Structure(1, "Liver", "", (), codes=(liver, kidney)), SiteFile()).tg263 is None


def test_similar_names_never_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [matched(row["name"], row["type"]) for row in ROWS]
    monkeypatch.setattr(match, "get_close_matches", lambda *_, **__: [])
    assert [matched(row["name"], row["type"]) for row in ROWS] == before


def test_a_name_does_not_depend_on_the_names_beside_it() -> None:
    forwards = {name: matched(name) for name in NAMES}
    shuffled = NAMES.copy()
    random.Random(1).shuffle(shuffled)
    assert {name: matched(name) for name in shuffled} == forwards


@pytest.mark.parametrize("name", sorted({row["tg263"] for row in ROWS if row["tg263"]}))
def test_what_was_matched_matches_itself(name: str) -> None:
    assert matched(name) == name


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(sorted({*standard_names(), *(a.alias for found in aliases_by_key().values() for a in found)})),
    place=st.integers(1, 30),
    extra=st.sampled_from(["q", "x", "qu", "xx"]),
)
def test_a_name_with_a_letter_too_many_is_unknown(name: str, place: int, extra: str) -> None:
    # No TG-263 name, alias, level or side comes about by these letters; every such name stays close to a known one.
    place = min(place, len(name) - 1)
    if name[place - 1].isalpha() and name[place].isalpha():
        assert matched(name[:place] + extra + name[place:]) is None


@settings(deadline=None, max_examples=150)
@given(name=st.sampled_from([n for n in sorted(standard_names()) if len(n) > 5]), place=st.integers(1, 40))
def test_a_name_with_a_letter_too_few_is_unknown_or_another_name(name: str, place: int) -> None:
    place = min(place, len(name) - 1)
    shorter = name[:place] + name[place + 1 :]
    found = matched(shorter)
    if found is not None:
        words = [w for w in tokens(shorter) if w not in side_words()]
        spelt = {key(shorter), "".join(words), "".join(tokens(shorter))}
        known = {*names_by_key(), *aliases_by_key()}
        assert spelt & known or found.startswith(("VB_", "Rib")), found


def test_no_alias_is_spelt_like_another_standard_name() -> None:
    clashes = [
        (alias.alias, alias.tg263, names_by_key()[spelling])
        for spelling, found in aliases_by_key().items()
        for alias in found
        if spelling in names_by_key() and base_of(names_by_key()[spelling]) != base_of(alias.tg263)
    ]
    assert not clashes


def test_every_alias_has_a_source_and_a_confidence() -> None:
    rows = [alias for found in aliases_by_key().values() for alias in found]
    assert {alias.confidence for alias in rows} == {"verified", "recalled"}
    assert all(alias.source and (alias.source != "own" or alias.confidence == "recalled") for alias in rows)
    assert {alias.language for alias in rows} == {"en", "fr", "de"}
    assert set(target_words().values()) == {"helper", "doubt", "gross", "bed", "planning", "phase", "node"}


def test_two_structures_of_one_name_are_matched_each_by_itself() -> None:
    both = [Structure(number, "Lung_L", "", (SQUARE,)) for number in (3, 7)]
    assert [(m.roi_number, m.tg263) for m in (match_name(s, SiteFile()) for s in both)] == [
        (3, "Lung_L"),
        (7, "Lung_L"),
    ]


@pytest.mark.parametrize("prefix", ["~", "z", "z_", "z "])
@pytest.mark.parametrize("name", ["Lung_L", "Heart", "PTV", "GTV"])
def test_helper_prefixes_hide_organs_and_targets(prefix: str, name: str) -> None:
    assert matched(prefix + name) is None
    assert not isinstance(judge_role(roi(prefix + name, "PTV"), SiteFile()), TargetRole)
