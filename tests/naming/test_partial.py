"""Names under which often only a part is drawn."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from sbrtcheck.model import Structure
from sbrtcheck.naming import SiteFile, match_name, partial_name, surely_partial
from sbrtcheck.naming.partial import _rows
from sbrtcheck.naming.tables import sided_bases, standard_names


def test_a_femur_by_name_does_not_claim_the_whole_bone() -> None:
    # A public template fills Femur_L with a model of head and neck (rs_cfg); the name itself is matched as it stands.
    found = match_name(Structure(1, "Femur_L", "", ()), SiteFile())
    assert found.tg263 == "Femur_L"
    often = partial_name("Femur_L")
    assert often is not None
    assert (often.often, often.source, often.confidence) == ("head and neck only", "rs_cfg", "verified")


@pytest.mark.parametrize(
    ("tg263", "length_mm", "expected"),
    [
        ("Femur_L", 90.0, True),  # head and neck
        ("Femur_R", 299.0, True),
        ("Femur_R", 300.0, False),  # long, and perhaps a part all the same
        ("Humerus_L", 60.0, True),
        ("Femur_Head_L", 60.0, False),  # the name claims no more
        ("SpinalCord", 60.0, False),  # length says nothing
        ("Liver", 60.0, False),
    ],
)
def test_a_contour_too_short_for_its_bone_is_a_part(tg263: str, length_mm: float, expected: bool) -> None:
    assert surely_partial(tg263, length_mm) is expected


def test_every_row_speaks_of_a_known_name() -> None:
    known = standard_names() | sided_bases()
    assert all(any(fnmatchcase(name, row.pattern) for name in known) for row in _rows())
    assert {row.confidence for row in _rows()} == {"verified", "recalled"}
