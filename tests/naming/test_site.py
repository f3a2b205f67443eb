"""The site file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbrtcheck.errors import SiteFileError
from sbrtcheck.naming import SiteFile, load_site

GOOD = """
schema = "sbrtcheck-site/1"
[structures]
"Bronch_prox" = "AirWay_Prox"
"Sonde" = "ignore"
[targets]
"PTV_6000" = "PTV"
"PTV aide" = "ignore"
[prescriptions]
"PTV_6000" = { dose_gy = 60.0, fractions = 8 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_site_file_is_read(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD))
    assert site.structures == {"Bronch_prox": "AirWay_Prox", "Sonde": "ignore"}
    assert site.targets["PTV_6000"] == "PTV"
    assert site.prescriptions["PTV_6000"].dose_gy == 60.0
    assert len(site.sha256) == 64


def test_an_empty_site_file_says_nothing(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, 'schema = "sbrtcheck-site/1"'))
    assert not site.structures
    assert not SiteFile().targets


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    text = """
schema = "sbrtcheck-site/1"
colour = "red"
[structures]
"X" = "Lnug_L"
[targets]
"Y" = "BTV"
[prescriptions]
"Z" = { dose_gy = -1 }
"""
    with pytest.raises(SiteFileError) as caught:
        load_site(write(tmp_path, text))
    for part in ("colour", "structures.X", "Lung_L", "targets.Y", "prescriptions.Z.dose_gy"):
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["schema = ", "[structures]", 'schema = "other/1"', "\x00"])
def test_what_is_no_site_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SiteFileError):
        load_site(write(tmp_path, text))


def test_other_bytes_and_missing_files_are_refused_without_their_path(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SiteFileError, match="UTF-8"):
        load_site(path)
    with pytest.raises(SiteFileError) as caught:
        load_site(tmp_path / "Smith^John.toml")
    assert "Smith" not in str(caught.value)


def test_masks_are_advisory_unless_the_site_says_otherwise(tmp_path: Path) -> None:
    assert load_site(write(tmp_path, 'schema = "sbrtcheck-site/1"')).anatomy.masks == "advisory"
    text = 'schema = "sbrtcheck-site/1"\n[anatomy]\nmasks = "{}"'
    assert load_site(write(tmp_path, text.format("decisive"))).anatomy.masks == "decisive"
    with pytest.raises(SiteFileError, match=r"anatomy\.masks"):
        load_site(write(tmp_path, text.format("Decisive")))
