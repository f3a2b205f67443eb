"""Every protocol of the library comes out on phantoms as its own tests say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbrtcheck.protocol.loading import library
from sbrtcheck.rehearsal import rehearsal_text, rehearse


@pytest.mark.parametrize("name", library())
def test_what_must_come_out_does(name: str) -> None:
    done = rehearse(name)
    assert done.tried
    assert done.as_expected, rehearsal_text([done])


def test_the_trial_is_tested_rule_by_rule() -> None:
    from sbrtcheck.protocol.loading import load_protocol

    file = load_protocol("getug-storm-01").file
    assert {rule.id for rule in file.rules} == {rule for test in file.test for rule in test.expect}


def test_what_differs_is_told(tmp_path: Path) -> None:
    text = Path(__file__).parents[2].joinpath("sbrtcheck/protocol/library/rtog-0813-0915-conformity.toml").read_text()
    wrong = tmp_path / "wrong.toml"
    head, _, _ = text.partition("[[test]]")
    wrong.write_text(head + '[[test]]\nphantom = "conformity-poor"\nexpect = { conformity-r50 = "pass" }\n')
    done = rehearse(wrong)
    assert not done.as_expected
    assert "fail instead of pass" in rehearsal_text([done])
    assert "conformity-v20" in done.untested
