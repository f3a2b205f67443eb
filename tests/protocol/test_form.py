"""Forms of declared facts, and tables of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sbrtcheck.errors import DeclaredFileError
from sbrtcheck.protocol.declared import Declared, EarlierCourse, known_keys, load_declared
from sbrtcheck.protocol.declared_csv import read_declared_csv
from sbrtcheck.protocol.form import form_csv, form_text, questions
from sbrtcheck.protocol.loading import load_protocol

STORM = load_protocol("getug-storm-01")


def test_every_fact_that_is_asked_for_is_in_the_form() -> None:
    assert {q.key for q in questions([STORM])} == known_keys([STORM])
    assert all(f"# {key} = " in form_text([STORM]) for key in known_keys([STORM]))


def test_files_of_one_course_stand_for_one_declared_course() -> None:
    right, left = EarlierCourse("right lung", "2020"), EarlierCourse("left lung", "2020")
    dated = EarlierCourse("brain", "20200301")
    declared = Declared(earlier_courses=(right, left, dated))
    assert declared.without_files([]) == (right, left, dated)
    assert declared.without_files(["20200301"]) == (right, left)  # the most precise takes them
    assert declared.without_files(["20200301", "20200601"]) == (left,)
    assert declared.without_files(["20200301", "20200601", "20200901"]) == ()
    assert declared.without_files(["20210601"]) == (right, left, dated)


def test_an_untouched_form_declares_nothing(tmp_path: Path) -> None:
    path = tmp_path / "form.toml"
    path.write_text(form_text([STORM]), encoding="utf-8")
    declared = load_declared(path, [STORM])
    assert dict(declared.facts) == {}
    assert declared.earlier_courses == ()


def test_a_filled_form_is_read(tmp_path: Path) -> None:
    path = tmp_path / "form.toml"
    path.write_text(
        re.sub(r"(?m)^# (\w+ = )", r"\1", form_text([STORM]).split("[facts]")[0]) + "[facts]\n", encoding="utf-8"
    )
    filled = form_text([STORM])
    head, facts = filled.split("[facts]")
    path.write_text(head + "[facts]" + re.sub(r"(?m)^# (\w+ = )", r"\1", facts), encoding="utf-8")
    assert set(load_declared(path, [STORM]).facts) == known_keys([STORM])


def test_a_table_becomes_files_of_facts(tmp_path: Path) -> None:
    tg101 = load_protocol("aapm-tg-101")
    head = "submission,who_status,consent,first_ct_date,age_years,organs_not_at_risk"
    text = f"{head}\na/one,1,true,2026-01-31,60.5,Bladder;Rectum\nb,,,,,\n"
    found = read_declared_csv(text.encode("utf-8-sig"), [STORM, tg101])
    assert set(found) == {"a/one", "b"}
    path = tmp_path / "declared.toml"
    path.write_text(found["a/one"], encoding="utf-8")
    facts = load_declared(path, [STORM, tg101]).facts
    assert facts["who_status"] == 1
    assert facts["consent"] is True
    assert str(facts["first_ct_date"]) == "2026-01-31"
    assert facts["age_years"] == 60.5
    assert facts["organs_not_at_risk"] == ["Bladder", "Rectum"]
    path.write_text(found["b"], encoding="utf-8")
    assert dict(load_declared(path, [STORM]).facts) == {}


def test_the_header_of_the_form_can_be_read() -> None:
    assert read_declared_csv(form_csv([STORM]).encode(), [STORM]) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"who_status\n1\n", "no column submission"),
        (b"submission,who_statsu\na,1\n", "no protocol asks for 'who_statsu'"),
        (b"submission,who_status\n,1\n", "line 2: it does not say whose"),
        (b"submission,who_status\na,1\na,2\n", "line 3: a second row"),
        (b"submission,who_status\na,1,2\n", "line 2: more cells"),
        ("submission,who_status\né,1\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(content: bytes, said: str) -> None:
    with pytest.raises(DeclaredFileError, match=said):
        read_declared_csv(content, [STORM])
