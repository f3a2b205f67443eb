"""Which ROIs are targets."""

from __future__ import annotations

import pytest

from sbrtcheck.model import Contour, Structure, frozen
from sbrtcheck.naming import NotATarget, SiteFile, TargetRole, judge_role, target_role

SQUARE = Contour(frozen([[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0]]), "CLOSED_PLANAR")
POINT = Contour(frozen([[0, 0, 0]]), "POINT")


def role(name: str, kind: str = "", site: SiteFile | None = None) -> TargetRole | None:
    return target_role(Structure(1, name, kind, (SQUARE,)), site or SiteFile())


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("PTV", "PTV", "PTV"),
        ("ptv_4000", "", "PTV"),
        ("PTV54", "", "PTV"),
        ("PTV1_50Gy", "PTV", "PTV"),
        ("PTV2_14 G", "PTV", "PTV"),
        ("PTVT_42.7", "", "PTV"),
        ("PTVNODULE", "", "PTV"),
        ("PTV_PRST_4000_5", "", "PTV"),
        ("PTV_Liver_2000x3", "", "PTV"),
        ("PTV^Physician1", "", "PTV"),
        ("PTV-03", "", "PTV"),  # cropped 3 mm from the skin
        ("PTV!", "", "PTV"),
        ("PTV poumon D 45Gy", "", "PTV"),
        ("PTV L3", "", "PTV"),
        ("GTV-T", "", "GTV"),
        ("GTVp1_CT1PT1", "", "GTV"),
        ("GTV insp", "", "GTV"),
        ("1 GTV", "", "GTV"),
        ("iGTV_Tumour", "", "ITV"),
        ("IGTVp", "GTV", "ITV"),
        ("ITV_MIP", "CTV", "ITV"),  # systems without the type ITV write CTV, GTV or PTV
        ("CTV_A_Aorta", "", "CTV"),
        ("Borders", "CTV", "CTV"),  # type alone
        ("Cube101010", "PTV", "PTV"),
    ],
)
def test_targets_by_name_and_type(name: str, kind: str, expected: str) -> None:
    found = role(name, kind)
    assert found is not None
    assert found.role == expected
    assert not found.doubtful


@pytest.mark.parametrize(
    "name",
    [
        "PTV-GTV",
        "Lungs-GTV",
        "Body-PTV",
        "PTV-SpinalCord_PRV",
        "PTVopt",
        "zPTVopt",
        "z_PTV",
        "~PTV",
        "opt PTV",
        "Ring 2cm",
        "PTV_Ring",
        "PTV+2cm",
        "PTV 2cm",
        "ptv2 push",
        "Dose 95% PTV",
        "PTV moins rectum",
        "PTV_PRV",
    ],
)
def test_helper_structures_are_no_targets_even_with_the_type_of_one(name: str) -> None:
    found = judge_role(Structure(1, name, "PTV", (SQUARE,)), SiteFile())
    assert isinstance(found, NotATarget)
    assert found.why


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("Breast", "GTV", "GTV"),  # real Eclipse file: an organ typed GTV
        ("LN_Ax_L", "CTV", "CTV"),
        ("PTV", "ORGAN", "PTV"),
        ("PTV-rectum", "PTV", "PTV"),  # subtraction, or a PTV of the rectum
        ("Liver PTV", "", "PTV"),  # of the liver, or liver without it
        ("tumor", "ORGAN", "GTV"),  # real Monaco file
        ("TargetVolume", "", "PTV"),  # real OpenTPS file
    ],
)
def test_what_name_and_type_leave_open_is_a_target_in_doubt(name: str, kind: str, expected: str) -> None:
    found = role(name, kind)
    assert found is not None
    assert found.role == expected
    assert found.doubtful


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Lung_L", "ORGAN"), ("BODY", "EXTERNAL"), ("Nodes", "AVOIDANCE"), ("ROI-1", ""), ("", ""), ("Tumor Bed", "")],
)
def test_everything_else_is_no_target(name: str, kind: str) -> None:
    assert judge_role(Structure(1, name, kind, (SQUARE,)), SiteFile()) is None


def test_a_point_that_names_a_target_is_none() -> None:
    # Real Pinnacle file: the prescription stands in the name of a POINT.
    found = judge_role(Structure(3, "rx 1: H&N PTV1 50 Gy: 200 cGy x 25", "MARKER", (POINT,)), SiteFile())
    assert isinstance(found, NotATarget)


@pytest.mark.parametrize("name", ["GTVn", "GTVN", "PTVn1", "GTV_LN", "PTV ganglion", "CTV_N"])
def test_nodes_are_told_by_name(name: str) -> None:
    found = role(name)
    assert found is not None
    assert found.node


@pytest.mark.parametrize("name", ["PTV n°1", "PTV 1", "PTV_Neck", "GTV_Prim"])
def test_a_number_is_no_node(name: str) -> None:
    found = role(name)
    assert found is not None
    assert not found.node


@pytest.mark.parametrize(("name", "phase"), [("GTV 50%", True), ("GTV insp", True), ("GTV", False), ("PTV 95%", False)])
def test_phases_are_told_by_name(name: str, phase: bool) -> None:
    found = role(name)
    assert found is not None
    assert found.phase is phase


def test_the_site_file_decides_first() -> None:
    site = SiteFile(targets={"PTV-GTV": "PTV", "PTV": "ignore", "Volume 7": "GTV"})
    found = role("PTV-GTV", "PTV", site)
    assert found is not None
    assert found.role == "PTV"
    assert role("PTV", "PTV", site) is None
    found = role("Volume 7", "", site)
    assert found is not None
    assert found.role == "GTV"
