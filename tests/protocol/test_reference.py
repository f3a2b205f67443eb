"""The pages of the library: what stands in docs/protocols is what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.protocol.reference import reference_page

PAGES = Path(__file__).parents[2] / "docs" / "protocols"


@pytest.mark.parametrize("name", library())
def test_the_page_is_that_of_the_file(name: str) -> None:
    written = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert written == reference_page(load_protocol(name)), (
        f"write it anew: sbrtcheck protocol show {name} --markdown > docs/protocols/{name}.md"
    )


def test_there_is_a_page_for_each_protocol_and_none_besides() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(library())


@pytest.mark.parametrize("name", library())
def test_every_limit_source_and_confidence_is_on_the_page(name: str) -> None:
    file, page = load_protocol(name).file, reference_page(load_protocol(name))
    rows = {m.group(1): m.group(0) for m in re.finditer(r"^\| `([^`]+)` \|.*$", page, re.MULTILINE)}
    for rule in file.rules:
        row = rows[rule.id]
        assert f"`{rule.source}`" in row
        assert rule.confidence in row
        for limit in (rule.limit, *rule.limit_by_fractions.values()):
            if limit is not None:
                assert f"{limit.per_protocol:g}" in row
                assert limit.variation is None or f"{limit.variation:g}" in row
        assert len(re.findall(r"(?<!\\)\|", row)) == 6  # no sign of a text breaks the table


def test_signs_of_html_and_tables_are_shown_as_they_are(tmp_path: Path) -> None:
    text = (PAGES.parents[1] / "sbrtcheck/protocol/library/stomp.toml").read_text(encoding="utf-8")
    path = tmp_path / "odd.toml"
    path.write_text(text.replace("At most 3 lesions", "<b>At | most</b>"), encoding="utf-8")
    page = reference_page(load_protocol(path))
    assert "&lt;b>At \\| most&lt;/b>" in page
    assert "<b>" not in page
