"""Reading protocol files."""

import contextlib
import hashlib
import importlib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import DeclaredFileError, ProtocolError, UnknownProtocol
from sbrtcheck.judge import bind
from sbrtcheck.protocol.declared import known_keys, load_declared
from sbrtcheck.protocol.loading import library, load_protocol, protocol_json_schema
from sbrtcheck.protocol.text import protocol_text

HEAD = """
schema = "sbrtcheck-protocol/1"
id = "mine"
title = "Mine"
version = "1.0.0"
[[sources]]
id = "s"
title = "A source"
level = "primary"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", library())
def test_the_library_loads_binds_and_fits_its_schema(name: str) -> None:
    loaded = load_protocol(name)
    content = (files("sbrtcheck.protocol") / "library" / f"{name}.toml").read_bytes()
    assert loaded.file.id == name
    assert loaded.sha256 == hashlib.sha256(content).hexdigest()
    assert len(bind([loaded])) == len(loaded.file.rules)
    jsonschema.validate(tomllib.loads(content.decode("utf-8")), protocol_json_schema())
    text = protocol_text(loaded)
    assert all(rule.id in text for rule in loaded.file.rules)


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD
        + """
[[rules]]
id = "Not Kebab"
title = ""
check = "lesion-size"
limit = { op = "about", per_protocol = 40.0, unit = "mm" }
source = "s"
confidence = "certain"
colour = "red"
""",
    )
    with pytest.raises(ProtocolError) as error:
        load_protocol(path)
    for place in ("rules[0].id", "rules[0].title", "rules[0].limit.op", "rules[0].confidence", "rules[0].colour"):
        assert place in str(error.value)
    assert "has 5 problems" in str(error.value)  # and no sixth that says there is no rule at all


def test_parts_and_links_are_reported_together(tmp_path: Path) -> None:
    rule = '[[rules]]\nid = "{}"\ntitle = "A"\ncheck = "c"\nsource = "{}"\nconfidence = "verified"\n'
    text = HEAD + rule.format("Not Kebab", "t") + rule.format("twice", "s") + rule.format("twice", "u")
    with pytest.raises(ProtocolError) as error:
        load_protocol(write(tmp_path, text))
    said = str(error.value)
    assert "4 problems" in said
    for place in (
        "rules[0].id",
        "'twice' stands twice",
        "rules[0].source: no source 't'",
        "rules[2].source: no source 'u'",
    ):
        assert place in said


def test_links_alone_are_reported_one_by_one(tmp_path: Path) -> None:
    rule = '[[rules]]\nid = "a"\ntitle = "A"\ncheck = "c"\nsource = "t"\nconfidence = "verified"\n'
    with pytest.raises(ProtocolError, match="has 3 problems"):
        load_protocol(write(tmp_path, HEAD + rule + rule))


@pytest.mark.parametrize(("confidence", "accepted"), [("recalled", True), ("derived", True), ("verified", False)])
def test_what_no_page_shows_is_not_verified(tmp_path: Path, confidence: str, accepted: bool) -> None:
    head = HEAD.replace("primary", "none")
    path = write(
        tmp_path, f'{head}[[rules]]\nid = "a"\ntitle = "A"\ncheck = "c"\nsource = "s"\nconfidence = "{confidence}"\n'
    )
    if accepted:
        load_protocol(path)
    else:
        with pytest.raises(ProtocolError, match=r"rules\[0\]\.confidence"):
            load_protocol(path)


STORM_LINES = (files("sbrtcheck.protocol") / "library" / "getug-storm-01.toml").read_text(encoding="utf-8").splitlines()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, len(STORM_LINES) - 1), min_size=1, max_size=3),
    st.sampled_from(
        ["", "x = 1", "[[rules]]", 'id = "lesion-count"', "limit = 3", 'source = "nowhere"', "parameters = []"]
    ),
)
def test_a_damaged_file_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, damaged: list[int], text: str
) -> None:
    lines = [text if number in damaged else line for number, line in enumerate(STORM_LINES)]
    path = write(tmp_path_factory.mktemp("damaged"), "\n".join(lines))
    with contextlib.suppress(ProtocolError):
        bind([load_protocol(path)])


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    # Editors on Windows write one.
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(STORM_LINES).encode())
    assert load_protocol(path).file.id == "getug-storm-01"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            'source = "s"\nlimit = { op = "<=", per_protocol = true }',
            r"rules\[0\]\.limit: per_protocol must be a number",
        ),
        ('source = "s"\nlimit = { op = "<=", per_protocol = "40" }', "per_protocol must be a number"),
        ('source = "t"', "no source 't'"),
        ('source = "s"\nlimit = { op = "<=", per_protocol = 40.0, variation = 39.0 }', "not wider"),
        ('source = "s"\nlimit = { op = ">=", per_protocol = 40.0, variation = 41.0 }', "not wider"),
        ('source = "s"\ndefinition_is_choice = true', "needs the definition"),
        ('source = "s"\nlimit = { op = "<=", per_protocol = nan }', "finite"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, rule: str, said: str) -> None:
    text = f'{HEAD}[[rules]]\nid = "a"\ntitle = "A"\ncheck = "lesion-size"\nconfidence = "verified"\n{rule}\n'
    with pytest.raises(ProtocolError, match=said):
        load_protocol(write(tmp_path, text))


def test_a_rule_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rule = '[[rules]]\nid = "a"\ntitle = "A"\ncheck = "c"\nsource = "s"\nconfidence = "verified"\n'
    with pytest.raises(ProtocolError, match="'a' stands twice"):
        load_protocol(write(tmp_path, HEAD + rule + rule))


def test_an_unknown_name_offers_the_library() -> None:
    with pytest.raises(UnknownProtocol, match=r"Did you mean getug-storm-01.*rtog-0813-0915-conformity"):
        load_protocol("getug-storm")


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="not valid TOML"):
        load_protocol(write(tmp_path, "schema = "))
    path = tmp_path / "latin.toml"
    path.write_bytes(b'title = "\xe9"')
    with pytest.raises(ProtocolError, match="not valid TOML"):
        load_protocol(path)


def table(**changes: Any) -> str:
    values = {"key": '"a"', "columns": '["a", "b"]', "rows": "[[1.0, 2.0], [2.0, 3.0]]"} | changes
    body = "".join(f"{name} = {value}\n" for name, value in values.items())
    rule = '[[rules]]\nid = "r"\ntitle = "R"\ncheck = "c"\nsource = "s"\nconfidence = "verified"\n'
    return f'{HEAD}[[tables]]\nid = "t"\nsource = "s"\nconfidence = "verified"\n{body}{rule}'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": '"c"'}, "not one of the columns"),
        ({"rows": "[[1.0, 2.0], [2.0]]"}, "holds 1 values for 2 columns"),
        ({"rows": "[[2.0, 2.0], [1.0, 3.0]]"}, "must rise"),
        ({"rows": "[[1.0, 2.0]]"}, "at least 2"),
        ({"rows": "[[1.0, true], [2.0, 3.0]]"}, r"tables\[0\]\.rows\[0\]\[1\]"),
    ],
)
def test_tables_are_checked(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    load_protocol(write(tmp_path, table()))
    with pytest.raises(ProtocolError, match=said):
        load_protocol(write(tmp_path, table(**changes)))


def declared(folder: Path, text: str) -> Path:
    path = folder / "declared.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_declared_facts_are_read_for_the_protocols_at_hand(tmp_path: Path) -> None:
    storm = load_protocol("getug-storm-01")
    assert {"progressing_lesions", "prior_radiotherapy_to_target", "first_ct_date"} <= known_keys([storm])
    good = declared(tmp_path, 'schema = "sbrtcheck-declared/1"\n[facts]\nwho_status = 1\n')
    assert load_declared(good, [storm]).facts == {"who_status": 1}


def test_what_is_not_at_risk_has_a_standard_name_or_one_of_the_protocol(tmp_path: Path) -> None:
    tg101 = load_protocol("aapm-tg-101")
    text = 'schema = "sbrtcheck-declared/1"\n[facts]\norgans_not_at_risk = ["Rectum", "OpticPathway"{}]\n'
    good = declared(tmp_path, text.format(""))
    assert load_declared(good, [tg101]).facts == {"organs_not_at_risk": ["Rectum", "OpticPathway"]}
    with pytest.raises(DeclaredFileError, match="'OpticPath' is neither"):
        load_declared(declared(tmp_path, text.format(', "OpticPath"')), [tg101])
    with pytest.raises(DeclaredFileError, match="'OpticPathway' is neither"):
        load_declared(good, [load_protocol("rtog-lung-maxima")])


@pytest.mark.parametrize(
    ("check", "key", "value"),
    [("prior-radiotherapy", "prior_radiotherapy_to_target", True), ("target-treated", "progressing_lesions", 2)],
)
def test_a_fact_that_a_check_of_the_plan_reads_may_be_declared(
    tmp_path: Path, check: str, key: str, value: object
) -> None:
    rule = f'[[rules]]\nid = "a"\ntitle = "A"\ncheck = "{check}"\nsource = "s"\nconfidence = "verified"\n'
    own = load_protocol(write(tmp_path, HEAD + rule))
    assert key in known_keys([own])
    path = declared(tmp_path, f'schema = "sbrtcheck-declared/1"\n[facts]\n{key} = {str(value).lower()}\n')
    assert load_declared(path, [own]).facts == {key: value}
    # The check itself must look at that key and no other.
    module = importlib.import_module(f"sbrtcheck.checks.{check.replace('-', '_')}")
    assert f'"{key}"' in Path(str(module.__file__)).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('schema = "sbrtcheck-declared/1"\n[facts]\nwho_statsu = 1\n', r"facts\.who_statsu: no protocol asks for it"),
        ("[facts]\nwho_status = 1\n", "schema"),
        ('schema = "sbrtcheck-declared/1"\nfacts = 3\n', "must be a table"),
        ('schema = "sbrtcheck-declared/1"\nextra = 3\n', "extra: unknown"),
        ("who_status =", "not TOML"),
    ],
)
def test_a_wrong_declared_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DeclaredFileError, match=said):
        load_declared(declared(tmp_path, text), [load_protocol("getug-storm-01")])


def test_a_missing_declared_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclaredFileError, match="cannot be read"):
        load_declared(tmp_path / "no.toml", [])
