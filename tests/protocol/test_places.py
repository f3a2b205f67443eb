"""Lines of key paths."""

from __future__ import annotations

from sbrtcheck.protocol.places import line_of, lines_by_path

TEXT = '''schema = "x"
summary = """two
rules = not a key
lines"""

[[sources]]
id = "a"

[[rules]]
id = "r"
limit = { op = "<=", per_protocol = 1 }

[[rules]]
id = "s"
[rules.parameters]
metric = "D95%[Gy]"
'''


def test_tables_and_keys_have_their_lines() -> None:
    lines = lines_by_path(TEXT)
    assert lines["schema"] == 1
    assert lines["summary"] == 2
    assert "rules" not in lines
    assert (lines["sources[0]"], lines["sources[0].id"]) == (6, 7)
    assert (lines["rules[0].limit"], lines["rules[1]"]) == (11, 13)
    assert lines["rules[1].parameters.metric"] == 16


def test_what_has_no_line_has_that_of_what_holds_it() -> None:
    lines = lines_by_path(TEXT)
    assert line_of("rules[0].limit.per_protocol", lines) == 11
    assert line_of("rules[1].source", lines) == 13
    assert line_of("nothing", lines) is None


def test_quoted_dotted_and_many_lines() -> None:
    text = """[structures."Lungs-GTV"]
derived = "Lungs - GTV"  # one [
[[tables]]
rows = [
    [1.8],
    ["x = 1"]
]
key = "a"
[[rules]]
limit.op = "<="
'id' = "r"
"""
    lines = lines_by_path(text)
    assert lines["structures.Lungs-GTV.derived"] == 2
    assert lines["tables[0].key"] == 8
    assert lines["rules[0].limit.op"] == 10
    assert lines["rules[0].id"] == 11
    assert set(lines) == {
        "structures.Lungs-GTV",
        "structures.Lungs-GTV.derived",
        "tables[0]",
        "tables[0].rows",
        "tables[0].key",
        "rules[0]",
        "rules[0].limit.op",
        "rules[0].id",
    }
