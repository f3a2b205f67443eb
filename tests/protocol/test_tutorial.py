"""The tutorial of docs/protocols.md, followed to the letter."""

from __future__ import annotations

import re
from pathlib import Path

from sbrtcheck.judge.linting import is_usable, lint
from sbrtcheck.protocol.diff import diff
from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.protocol.schema import ProtocolFile, Rule
from sbrtcheck.rehearsal import rehearsal_text, rehearse

PAGE_ROOT = Path(__file__).parents[2]
PAGE = (PAGE_ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)


def written(tmp_path: Path) -> Path:
    path = tmp_path / "my-clinic.toml"
    path.write_text(next(text for kind, text in BLOCKS if kind == "toml"), encoding="utf-8")
    return path


def shown(start: str) -> str:
    return next(text for kind, text in BLOCKS if not kind and text.startswith(start))


def test_what_lint_says(tmp_path: Path) -> None:
    problems = lint(written(tmp_path))
    assert is_usable(problems)
    assert "".join(f"my-clinic.toml: {p}\n" for p in problems) == shown("my-clinic.toml")


def test_what_test_says(tmp_path: Path) -> None:
    assert rehearsal_text([rehearse(written(tmp_path))]) == shown("my-clinic-lung")


def test_what_diff_says(tmp_path: Path) -> None:
    first = written(tmp_path)
    stricter = tmp_path / "stricter.toml"
    text = first.read_text(encoding="utf-8")
    stricter.write_text(text.replace("per_protocol = 26.0", "per_protocol = 24.0"), encoding="utf-8")
    found = diff(load_protocol(first).file, load_protocol(stricter).file)
    assert "".join(f"{one}\n" for one in found) == shown("cord:")


def test_every_key_and_every_protocol_is_on_the_page() -> None:
    for model in (Rule, ProtocolFile):
        for name in model.model_fields:
            assert f"`{name.rstrip('_')}`" in PAGE or f"`[[{name}]]`" in PAGE, name
    assert all(f"`{name}`" in PAGE for name in library())


def test_what_lint_is_said_to_say_is_what_it_says() -> None:
    golden = PAGE_ROOT / "tests" / "judge" / "golden" / "everything_wrong.txt"
    said = set(golden.read_text(encoding="utf-8").splitlines())
    listed = shown("line 4: error").splitlines()
    assert len(listed) > 10
    assert set(listed) <= said


EXAMPLE = PAGE_ROOT / "docs" / "examples" / "my-clinic.toml"


def test_the_example_to_copy_from_is_sound() -> None:
    assert not lint(EXAMPLE)
    done = rehearse(EXAMPLE)
    assert done.as_expected, rehearsal_text([done])
    assert not done.untested
