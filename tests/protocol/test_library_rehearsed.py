"""Every protocol of the library comes out on phantoms as its own tests say."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbrtcheck.protocol.loading import library, load_protocol
from sbrtcheck.rehearsal import rehearsal_text, rehearse


@pytest.mark.parametrize("name", library())
def test_what_must_come_out_does(name: str) -> None:
    done = rehearse(name)
    assert done.tried
    assert done.as_expected, rehearsal_text([done])


# No phantom has a tumour in a lymph node or an adrenal gland, and isocentres are told for information only.
UNDECIDED = {"br001-node-schedule", "comet-adrenal-schedule", "isocentre"}
DECIDED = {"pass", "variation", "fail"}


@pytest.mark.parametrize("name", library())
def test_every_rule_is_tested_and_every_verified_one_is_seen_to_decide(name: str) -> None:
    file = load_protocol(name).file
    expected: dict[str, set[str]] = {rule.id: set() for rule in file.rules}
    for test in file.test:
        for rule, verdict in test.expect.items():
            expected[rule].add(verdict)
    assert all(expected.values())
    verified = {rule.id for rule in file.rules if rule.confidence == "verified"} - UNDECIDED
    assert {rule for rule in verified if not expected[rule] & DECIDED} == set()


def test_a_volume_of_an_organ_that_is_drawn_in_parts_is_that_of_all_parts() -> None:
    """Three cm3 of the trachea and three of the bronchi are six of what TG-101 names as one organ."""
    rules = {rule.id: rule.parameters for rule in load_protocol("aapm-tg-101").file.rules}
    assert rules["trachea-large-bronchi-volume"] == {"metric": "D4cc[Gy]", "structures": ["TracheaBronchi"]}
    assert rules["optic-pathway-volume"] == {"metric": "D0.2cc[Gy]", "structures": ["OpticPathway"]}
    assert rules["femoral-heads-volume-3fx-5fx"] == {"metric": "D10cc[Gy]", "structures": ["FemurHeads"]}


def test_what_differs_is_told(tmp_path: Path) -> None:
    text = Path(__file__).parents[2].joinpath("sbrtcheck/protocol/library/rtog-0813-0915-conformity.toml").read_text()
    wrong = tmp_path / "wrong.toml"
    head, _, _ = text.partition("[[test]]")
    wrong.write_text(head + '[[test]]\nphantom = "conformity-poor"\nexpect = { conformity-r50 = "pass" }\n')
    done = rehearse(wrong)
    assert not done.as_expected
    assert "fail instead of pass" in rehearsal_text([done])
    assert "conformity-v20" in done.untested
