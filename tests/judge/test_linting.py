"""Lint finds everything at once, with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.judge.linting import Problem, is_usable, lint
from sbrtcheck.protocol.loading import library

HEAD = """schema = "sbrtcheck-protocol/1"
id = "mine"
title = "Mine"
version = "1.0.0"
[[sources]]
id = "s"
title = "S"
level = "primary"
"""


def rule(name: str = "cord", metric: str = "D0.03cc[Gy]", more: str = "", structure: str = "SpinalCord") -> str:
    return (
        f'[[rules]]\nid = "{name}"\ntitle = "T"\ncheck = "dose-metric"\nsource = "s"\nconfidence = "verified"\n'
        f'parameters = {{ metric = "{metric}", structures = ["{structure}"] }}\n{more}'
    )


LIMIT = 'limit = { op = "<=", per_protocol = 30.0, unit = "Gy" }\n'
TESTED = '[[test]]\nphantom = "lung-peripheral"\nexpect = { cord = "pass" }\n'


def found(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    return lint(path)


def test_a_right_file_has_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path, HEAD + rule(more=LIMIT) + TESTED) == ()


@pytest.mark.parametrize(
    ("text", "line", "said", "suggested"),
    [
        ("id = mine\n", 1, "no valid TOML", "quotes"),
        (HEAD + rule(), 9, "needs a limit", ""),
        (HEAD + rule(metric="D30[Gy]", more=LIMIT), 15, "more than one way", ""),
        (HEAD + rule(metric="D30", more=LIMIT), 15, "metric", ""),
        (HEAD + rule(structure="SpinalChord", more=LIMIT), 15, "not a TG-263 name", "SpinalCord"),
        (HEAD + rule(more='limit = { op = "<=", per_protocol = 30.0, unit = "cGy" }\n'), 15, "Gy", ""),
        (
            HEAD + rule(more='limit = { op = "<=", per_protocol = 30.0, variation = 20.0, unit = "Gy" }\n'),
            16,
            "not wider",
            "",
        ),
        (HEAD + rule(more=LIMIT + 'when = "Volume(PTV)[mm] > 3"\n'), 17, r"\[cc\]", ""),
        (HEAD + rule(more=LIMIT).replace('source = "s"', 'source = "t"'), 13, "no source 't'", ""),
        (
            HEAD + rule(more=LIMIT).replace("dose-metric", "dose-metrik"),
            12,
            "no check is called",
            "Did you mean dose-metric",
        ),
        (HEAD + rule(more=LIMIT + "titel = 3\n"), 17, "there is no such key", "Did you mean title"),
        (HEAD.replace('id = "mine"', 'id = "My own"') + rule(more=LIMIT), 2, "match pattern", "spinal-cord-max"),
        (HEAD + rule(more=LIMIT) + rule(more=LIMIT), 18, "stands twice", ""),
        (HEAD.replace('version = "1.0.0"', 'version = "one"') + rule(more=LIMIT), 4, "pattern", ""),
        (
            HEAD.replace('version = "1.0.0"', 'version = "1.0.0"\ninclude = ["nobody"]') + rule(more=LIMIT),
            5,
            "no protocol of that name",
            "",
        ),
        (HEAD + rule(more=LIMIT) + TESTED.replace("cord", "cort"), 19, "no rule 'cort'", ""),
    ],
)
def test_an_error_has_line_and_reason(tmp_path: Path, text: str, line: int | None, said: str, suggested: str) -> None:
    problems = found(tmp_path, text)
    assert not is_usable(problems)
    matching = [p for p in problems if p.severity == "error" and re.search(said, p.message)]
    assert matching, [str(p) for p in problems]
    assert matching[0].line == line
    assert suggested in matching[0].suggestion


def test_all_errors_at_once(tmp_path: Path) -> None:
    text = HEAD + rule("a", metric="D30[Gy]", more=LIMIT) + rule("b") + rule("c", structure="Hart", more=LIMIT)
    assert len([p for p in found(tmp_path, text) if p.severity == "error"]) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + rule(more=LIMIT), "no .* speaks of cord"),
        (HEAD + rule(more=LIMIT).replace("verified", "recalled") + TESTED, "decides nothing"),
        (HEAD + rule(more=LIMIT) + rule("again", more=LIMIT) + TESTED, "limit the same"),
        (
            HEAD
            + rule("cord", "CV12.5Gy[cc]", 'limit = { op = ">=", per_protocol = 1500.0, unit = "cc" }\n', "Lungs")
            + rule("dc", "DC1500cc[Gy]", 'limit = { op = "<=", per_protocol = 12.5, unit = "Gy" }\n', "Lungs")
            + TESTED,
            "limit the same",
        ),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    problems = found(tmp_path, text)
    assert is_usable(problems)
    assert any(re.search(said, p.message) for p in problems), [str(p) for p in problems]


@pytest.mark.parametrize("name", library())
def test_the_library_can_be_used(name: str) -> None:
    assert is_usable(lint(name))


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_bytes_break_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("lint") / "p.toml"
    path.write_bytes(content)
    assert lint(path)


@given(
    st.dictionaries(
        st.sampled_from(["rules", "sources", "tables", "test", "when", "include", "id"]),
        st.recursive(
            st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(st.text("abid", min_size=1, max_size=4), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=5,
    )
)
@settings(max_examples=80, deadline=None)
def test_no_protocol_breaks_it(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    import tomli_w

    path = tmp_path_factory.mktemp("lint") / "p.toml"
    path.write_text(tomli_w.dumps(data), encoding="utf-8")
    assert not is_usable(lint(path))


def test_the_metric_of_a_rule_that_is_wrong_elsewhere_is_looked_at(tmp_path: Path) -> None:
    narrow = LIMIT.replace("unit", "variation = 20.0, unit").replace("Gy", "cGy")
    text = HEAD + rule(metric="D30[Gy]", structure="SpinalChord", more=narrow).replace('"verified"', '"sure"')
    said = [problem.path for problem in found(tmp_path, text)]
    assert said == [
        "rules[0].confidence",
        "rules[0].parameters.metric",
        "rules[0].parameters.structures[0]",
        "rules[0].limit",
    ]


def test_a_phantom_that_does_not_exist_is_told_where_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(HEAD + rule(more=LIMIT) + TESTED.replace("lung-peri", "lung-pery"), encoding="utf-8")
    assert not lint(path)
    (problem,) = lint(path, ("lung-peripheral", "femur"))
    assert str(problem) == (
        "line 18: warning: test[0].phantom: there is no phantom 'lung-perypheral'. Did you mean lung-peripheral?"
    )
    (problem,) = lint(path, ("femur",))
    assert problem.suggestion == "sbrtcheck phantom --list names all"
    assert is_usable((problem,))  # a check needs none
