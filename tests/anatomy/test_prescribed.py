"""Which prescription belongs to a target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.naming import SiteFile, SitePrescription


def two_lesions(draw: Any) -> list[Any]:
    return [
        draw.sphere(1, "GTV1", (0, 0, 0), 8),
        draw.sphere(2, "PTV1", (0, 0, 0), 12),
        draw.sphere(3, "GTV2", (60, 0, 0), 8),
        draw.sphere(4, "PTV2", (60, 0, 0), 12),
        draw.box(5, "Liver", (-90, -90, -90), (90, -60, 90)),
    ]


def prescribed(derived: Any, number: int) -> float:
    (structure,) = (s for s in derived.structures if s.roi_number == number)
    return derived.prescribed_gy(structure)


def test_a_dose_reference_names_its_target(draw: Any) -> None:
    derived = draw.patient(two_lesions(draw), plan=draw.plan((45.0, 2), (50.0, 4)))
    assert prescribed(derived, 2) == 45.0
    assert prescribed(derived, 4) == 50.0
    assert prescribed(derived, 1) == 45.0  # of the same lesion
    with pytest.raises(NotComputable, match="several prescriptions"):
        prescribed(derived, 5)
    with pytest.raises(NotComputable, match=r"45 Gy.*50 Gy"):
        derived.prescribed_gy(None)


def test_the_only_prescription_is_that_of_every_target(draw: Any) -> None:
    derived = draw.patient(two_lesions(draw), plan=draw.plan((45.0, None)))
    assert [prescribed(derived, n) for n in (1, 2, 3, 4, 5)] == [45.0] * 5
    assert derived.prescribed_gy(None) == 45.0


def test_a_prescription_of_another_target_is_not_borrowed(draw: Any) -> None:
    derived = draw.patient(two_lesions(draw), plan=draw.plan((45.0, 2)))
    with pytest.raises(NotComputable, match="names another target") as caught:
        prescribed(derived, 4)
    assert "site file" in str(caught.value)


def test_a_description_names_a_target_wherever_it_is_split(draw: Any) -> None:
    structures = [draw.sphere(9, "PTV1_50Gy", (0, 0, 0), 12), draw.sphere(10, "PTV2", (60, 0, 0), 12)]
    plan = draw.plan((50.0, None), name="rx 1: H&N PTV1 50 Gy:  200 cGy x 25")
    derived = draw.patient(structures, plan=plan)
    assert prescribed(derived, 9) == 50.0
    with pytest.raises(NotComputable):
        prescribed(derived, 10)


def test_ptv1_is_not_ptv10(draw: Any) -> None:
    structures = [draw.sphere(9, "PTV1", (0, 0, 0), 12), draw.sphere(10, "PTV10", (60, 0, 0), 12)]
    derived = draw.patient(structures, plan=draw.plan((50.0, None), name="PTV10"))
    assert prescribed(derived, 10) == 50.0
    with pytest.raises(NotComputable):
        prescribed(derived, 9)


def test_steps_of_one_treatment_are_not_told_apart(draw: Any) -> None:
    # As in a real Pinnacle plan: 50 Gy in 25 fractions to PTV1, then 6 Gy in 3 to PTV3, one summed dose.
    structures = [draw.sphere(9, "PTV1", (0, 0, 0), 16), draw.sphere(11, "PTV3", (0, 0, 0), 12)]
    first, second = draw.plan((50.0, 9), fractions=25), draw.plan((6.0, 11), fractions=3)
    plan = replace(first, prescriptions=first.prescriptions + second.prescriptions)
    with pytest.raises(NotComputable, match="different numbers of fractions"):
        prescribed(draw.patient(structures, plan=plan), 9)


def test_an_integrated_boost_has_its_own_dose(draw: Any) -> None:
    structures = [draw.sphere(1, "PTV_Low", (0, 0, 0), 16), draw.sphere(2, "PTV_High", (0, 0, 0), 12)]
    derived = draw.patient(structures, plan=draw.plan((40.0, 1), (50.0, 2)))
    assert prescribed(derived, 1) == 40.0
    assert prescribed(derived, 2) == 50.0


def test_the_site_file_decides_first(draw: Any) -> None:
    site = SiteFile(prescriptions={"PTV1": SitePrescription(dose_gy=30.0, fractions=3)})
    derived = draw.patient(two_lesions(draw), plan=draw.plan((45.0, 2), (50.0, 4)), site=site)
    assert prescribed(derived, 1) == 30.0
    assert prescribed(derived, 4) == 50.0


def test_two_doses_for_one_target_contradict_each_other(draw: Any) -> None:
    derived = draw.patient(two_lesions(draw), plan=draw.plan((45.0, 2), (46.0, 2)))
    with pytest.raises(NotComputable, match="several prescriptions for ROI 2"):
        prescribed(derived, 2)


@pytest.mark.parametrize("with_plan", [False, True])
def test_no_prescription_is_not_zero(draw: Any, with_plan: bool) -> None:
    derived = draw.patient(two_lesions(draw), plan=draw.plan() if with_plan else None)
    with pytest.raises(NotComputable, match="no prescription"):
        prescribed(derived, 2)
    with pytest.raises(NotComputable, match="no prescription"):
        derived.prescribed_gy(None)
