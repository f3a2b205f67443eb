"""Stored DVHs with the traps of their units, all the way to our numbers beside theirs."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.derived import Derived
from sbrtcheck.naming import SiteFile

CM3 = 0.8 * 0.4 * 0.45  # three planes 1.5 mm apart


def compared(read, build, **changes):
    """Read 50 Gy everywhere in a box, with a stored DVH, and return stored statistics, comparison and notices."""
    square = [-9.0, -19.0, -1.0, -19.0, -1.0, -15.0, -9.0, -15.0]
    planes = [
        build.contour([c for x, y in zip(square[::2], square[1::2], strict=True) for c in (x, y, z)])
        for z in (-28.5, -27.0, -25.5)
    ]
    item = build.make(
        DVHType="CUMULATIVE",
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DVHDoseScaling=1.0,
        DVHVolumeUnits="CM3",
        DVHNumberOfBins=2,
        DVHReferencedROISequence=[build.make(ReferencedROINumber=1, DVHROIContributionType="INCLUDED")],
        DVHData=[50.0, CM3, 0.1, CM3],
        DVHMinimumDose=50.0,
        DVHMaximumDose=50.0,
        DVHMeanDose=50.0,
    )
    for keyword, value in changes.items():
        setattr(item, keyword, value)
    dose = build.dose(values=np.full((3, 4, 5), 50_000))
    dose.ReferencedStructureSetSequence = [build.reference(build.STRUCTURES, "structures")]
    dose.DVHSequence = [item]
    reading = read(build.plan(), build.structures(rois={1: ("PTV", "PTV", planes)}), dose)
    derived = Derived(reading.case, SiteFile())
    (structure,) = derived.structures
    found = derived.against_tps(structure)
    return derived.tps_dvh(structure), found, {n.code for n in (*reading.notices, *derived.notices)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DVHMinimumDose": 100.0, "DVHMeanDose": 100.0, "DVHMaximumDose": 100.0},  # percent of 50 Gy
        {"DVHDoseScaling": 0.01, "DVHData": [5000.0, CM3, 10.0, CM3]},
        {"DVHType": "DIFFERENTIAL", "DVHData": [50.0, 0.0, 0.1, CM3]},
    ],
)
def test_the_same_dose_in_any_dress_is_the_same(read, build, changes) -> None:
    stored, found, codes = compared(read, build, **changes)
    assert (stored.minimum_gy, stored.mean_gy, stored.maximum_gy) == pytest.approx((50.0, 50.0, 50.0))
    assert found.difference_gy == pytest.approx(0.0, abs=0.1)  # one bin
    assert found.mean_gy.value == pytest.approx(50.0)
    assert found.apart == ()
    assert "tps-differs" not in codes


def test_percent_left_as_gray_would_not_pass_for_gray(read, build) -> None:
    # Statistics that fit their curve neither as Gy nor as percent of the prescription are not compared at all.
    stored, found, codes = compared(read, build, DVHMinimumDose=70.0, DVHMeanDose=70.0, DVHMaximumDose=70.0)
    assert stored.mean_gy is None
    assert found.apart == ()
    assert "tps-statistics-untrusted" in codes


def test_another_dose_is_warned_about(read, build) -> None:
    changes = {"DVHMinimumDose": 55.0, "DVHMeanDose": 55.0, "DVHMaximumDose": 55.0}
    _, found, codes = compared(read, build, DVHData=[55.0, CM3, 0.1, CM3], **changes)
    assert found.difference_gy == pytest.approx(5.0, abs=0.1)
    assert "tps-differs" in codes
