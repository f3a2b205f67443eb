"""What holds for every format: encodings, sizes, odd bytes, and the protocol file that comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sbrtcheck.errors import ProtocolError
from sbrtcheck.judge import bind
from sbrtcheck.protocol.exchange import Imported, Kind, import_protocol, imported, protocol_toml
from sbrtcheck.protocol.loading import LoadedProtocol, load_protocol

TABLE = "TemplateId,TemplateAliases,DVHObjective,Goal,Notes\nHeart,,Max[Gy],<=30,Épaisseur\n"
SCORECARD = json.dumps(
    {
        "name": 'Lung "A"\n# x\u2028',
        "computed": [{"type": "MAX_DOSE_ROI", "roi_name": "Heart", "objectives": [{"label": "PASS", "max": 3},
                                                                                {"label": "FAIL"}]}],
    }
)  # fmt: skip
PROTOCOL = (
    '<DoseObjectives><Preview ID="G"/><Prescription><Item ID="Heart"><Modifier>1</Modifier><Parameter>5</Parameter>'
    "<TotalDose>20</TotalDose></Item></Prescription></DoseObjectives>"
)
FILES: tuple[tuple[Kind, str], ...] = (("clearplan", TABLE), ("proknow", SCORECARD), ("eclipse-xml", PROTOCOL))


def loaded(found: Imported, tmp_path: Path) -> LoadedProtocol:
    path = tmp_path / "imported.toml"
    path.write_text(protocol_toml(found), encoding="utf-8")
    return load_protocol(path)


@pytest.mark.parametrize(("kind", "text"), FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_format_is_told_from_the_content_in_any_encoding_with_a_mark(kind: Kind, text: str, encoding: str) -> None:
    found = imported(text.encode(encoding))
    assert (found.kind, len(found.data["rules"])) == (kind, 1)


@pytest.mark.parametrize(("kind", "text"), FILES)
def test_what_comes_out_is_a_protocol_that_can_be_judged_with(kind: Kind, text: str, tmp_path: Path) -> None:
    protocol = loaded(imported(text.encode(), kind), tmp_path)
    bind([protocol])
    (source,) = protocol.file.sources
    assert source.level == "secondary"
    assert "SHA-256" in source.title


def test_no_number_is_called_verified() -> None:
    # Nobody compared it with a publication.
    assert {rule["confidence"] for _, text in FILES for rule in imported(text.encode()).data["rules"]} == {"derived"}


def test_western_european_spreadsheet_is_read_and_the_guess_is_told() -> None:
    found = imported(TABLE.encode("cp1252"))
    assert "Épaisseur" in found.data["rules"][0]["definition"]
    assert [item.what for item in found.left_out] == ["encoding"]


@pytest.mark.parametrize("content", [TABLE.encode("utf-16-le"), b"\xff\xfe\x00", b"a\x81,b", b"\0"])
def test_bytes_in_no_known_encoding_are_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError, match="not text in a known encoding"):
        imported(content)


def test_a_file_larger_than_any_template_is_refused_unread() -> None:
    with pytest.raises(ProtocolError, match="no template"):
        imported(b"<" * 5_000_001)


@pytest.mark.parametrize(
    "row",
    [
        "Heart,,D" + "9" * 100_000 + "cc[Gy],<=3,",
        "Heart,,Max[Gy],<=" + "9" * 100_000 + ",",
        "H" * 100_000 + ",,Max[Gy],<=3,",
        "Heart," + "H" * 100_000 + ",Max[Gy],<=3,",
    ],
    ids=["expression", "limit", "structure", "other name"],
)
def test_cells_without_end_are_left_out_at_once(row: str) -> None:
    (lost,) = imported((TABLE + row).encode()).left_out
    assert "100 characters" in lost.why


def test_more_limits_than_any_template_holds_are_refused() -> None:
    with pytest.raises(ProtocolError, match="2001 entries"):
        imported((TABLE + "Heart,,Max[Gy],<=3,\n" * 2000).encode())


def test_file_by_path(tmp_path: Path) -> None:
    path = tmp_path / "whatever.txt"
    path.write_text(TABLE, encoding="utf-8")
    assert import_protocol(path) == imported(path.read_bytes())
    with pytest.raises(ProtocolError, match="cannot be read") as missing:
        import_protocol(tmp_path / "of-a-patient.csv")
    assert "of-a-patient" not in str(missing.value)


def test_what_was_left_out_stands_in_the_file_as_comments_and_in_its_summary(tmp_path: Path) -> None:
    odd = 'Heart,,D30[Gy],<=20,\n"Li\nver\x07",,"D1cc[Gy]\nrules = []",<=20,\nHeart,,Max[Gy],<=20\x1b\x07,\n'
    found = imported((TABLE + odd).encode())
    text = protocol_toml(found)
    assert text.startswith("# Imported (clearplan): rules carried over: 1, not carried over: 3.")
    assert "# - row 3: Heart D30[Gy] <= 20: not carried over" in text
    file = loaded(found, tmp_path).file
    assert "3 of its rules could not be carried over" in file.summary
    assert len(file.rules) == 1


def test_same_bytes_give_the_same_text() -> None:
    assert protocol_toml(imported(SCORECARD.encode())) == protocol_toml(imported(SCORECARD.encode()))


def survives(content: bytes, kind: Kind | None) -> None:
    try:
        found = imported(content, kind)
    except ProtocolError:
        return
    assert found.data["rules"]
    assert str(found.left_out) is not None
    protocol_toml(found).encode()


KINDS = st.sampled_from([None, "proknow", "clearplan", "eclipse-xml"])
CELLS = st.text(max_size=12) | st.sampled_from(
    ["Heart", "PTV", "D2cc[Gy]", "V20Gy[%]", "<=3", ">=1,5", "=1", "D" + "9" * 400 + "cc[Gy]", "<=" + "9" * 400, "²"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["label", "min", "max", "type", "roi_name", "arg_1", "arg_2", "objectives"]), inner, max_size=4
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), kind=KINDS)
@example(content=b"<Protocol><Phases/><Prescription", kind=None)
@example(content=b'{"computed": [{"arg_1": 1e99999}]}', kind=None)
def test_any_bytes_end_in_a_protocol_or_in_a_protocol_error(content: bytes, kind: Kind | None) -> None:
    survives(content, kind)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=4))
def test_any_table_ends_in_a_protocol_or_in_a_protocol_error(rows: list[list[str]]) -> None:
    lines = [",".join(f'"{cell.replace(chr(34), "")}"' for cell in row) for row in rows]
    survives("\n".join(["TemplateId,DVHObjective,Goal,Variation,Notes", "Heart,Max[Gy],<=3,,", *lines]).encode(), None)


@settings(max_examples=100, deadline=None)
@given(computed=st.lists(JSON, max_size=3), custom=JSON, name=JSON)
def test_any_scorecard_ends_in_a_protocol_or_in_a_protocol_error(
    computed: object, custom: object, name: object
) -> None:
    text = json.dumps({"name": name, "computed": computed, "custom": custom})
    survives(text.encode(), "proknow")


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(CELLS, min_size=5, max_size=5), tag=st.sampled_from(["Item", "MeasureItem"]))
def test_any_clinical_protocol_ends_in_a_protocol_or_in_a_protocol_error(texts: list[str], tag: str) -> None:
    names = ("Type", "Modifier", "Value", "TypeSpecifier", "TotalDose")
    inner = "".join(f"<{n}>{t.replace('&', '').replace('<', '&lt;')}</{n}>" for n, t in zip(names, texts, strict=True))
    goals = f'<DoseObjectives><Prescription><{tag} ID="Heart">{inner}</{tag}></Prescription></DoseObjectives>'
    survives(goals.encode("utf-8", "replace"), "eclipse-xml")
