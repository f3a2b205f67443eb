"""The planning system's own DVHs: cumulative or differential, scaled, in percent, or not to be used."""

from __future__ import annotations

import numpy as np
import pytest


def with_dvh(build, **changes):
    item = build.make(
        DVHType="CUMULATIVE",
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DVHDoseScaling=1.0,
        DVHVolumeUnits="CM3",
        DVHNumberOfBins=4,
        DVHReferencedROISequence=[build.make(ReferencedROINumber=1, DVHROIContributionType="INCLUDED")],
        DVHData=[20.0, 8.0, 20.0, 8.0, 10.0, 6.0, 5.0, 2.0],
        DVHMinimumDose=20.0,
        DVHMaximumDose=55.0,
        DVHMeanDose=45.0,
    )
    for keyword, value in changes.items():
        setattr(item, keyword, value)
    dose = build.dose()
    dose.ReferencedStructureSetSequence = [build.reference(build.STRUCTURES, "structures")]
    dose.DVHSequence = [item]
    return dose


def dvhs(read, build, **changes):
    return read(build.plan(), build.structures(), with_dvh(build, **changes))


def test_a_cumulative_curve_starts_with_the_whole_volume(read, build) -> None:
    (dvh,) = dvhs(read, build).case.dose.tps_dvhs
    assert dvh.roi_number == 1
    assert dvh.dose_gy.tolist() == [0, 20, 40, 50, 55]
    assert dvh.volume_cm3.tolist() == [8, 8, 6, 2, 0]
    assert (dvh.minimum_gy, dvh.mean_gy, dvh.maximum_gy) == (20.0, 45.0, 55.0)


def test_a_differential_curve_of_the_same_structure_is_the_same(read, build) -> None:
    (dvh,) = dvhs(read, build, DVHType="DIFFERENTIAL", DVHData=[20, 0, 20, 2, 10, 4, 5, 2]).case.dose.tps_dvhs
    assert dvh.dose_gy.tolist() == [0, 20, 40, 50, 55]
    assert dvh.volume_cm3.tolist() == [8, 8, 6, 2, 0]


def test_scaling_is_of_dose_and_not_of_volume(read, build) -> None:
    data = [2000.0, 8.0, 2000.0, 8.0, 1000.0, 6.0, 500.0, 2.0]
    (dvh,) = dvhs(read, build, DVHDoseScaling=0.01, DVHData=data).case.dose.tps_dvhs
    assert dvh.dose_gy == pytest.approx([0, 20, 40, 50, 55])
    assert dvh.volume_cm3[0] == 8.0


def test_rounding_below_zero_is_cut_off(read, build) -> None:
    (dvh,) = dvhs(read, build, DVHData=[20.0, 8.0, 20.0, 8.0, 15.0, 6.0, 5.0, -1e-12]).case.dose.tps_dvhs
    assert (dvh.volume_cm3 >= 0).all()


@pytest.mark.parametrize(
    "fault",
    [
        {"DVHVolumeUnits": "PERCENT"},
        {"DoseUnits": "RELATIVE"},
        {"DVHNumberOfBins": 5},
        {"DVHDoseScaling": None},
        {"DVHType": "NATURAL"},
        {"DVHData": [20.0, 8.0, 20.0, 9.0, 10.0, 6.0, 5.0, 2.0]},
        {"DVHData": [20.0, 8.0, 0.0, 8.0, 10.0, 6.0, 5.0, 2.0]},
        {"DVHData": [20.0, 8.0, 20.0, 8.0, 10.0, 6.0, 5.0, -2.0]},
        {"DVHReferencedROISequence": []},
    ],
)
def test_a_curve_that_cannot_be_trusted_is_left_out_with_a_notice(read, build, codes, fault) -> None:
    reading = dvhs(read, build, **fault)
    assert reading.case.dose.tps_dvhs == ()
    assert "tps-dvh-skipped" in {n.code for n in reading.notices}
    assert codes(reading) == set()


def test_statistics_in_percent_of_the_prescription_are_turned_into_gy(read, build) -> None:
    reading = dvhs(read, build, DVHMinimumDose=40.0, DVHMeanDose=90.0, DVHMaximumDose=110.0)
    (dvh,) = reading.case.dose.tps_dvhs
    assert (dvh.minimum_gy, dvh.mean_gy, dvh.maximum_gy) == (20.0, 45.0, 55.0)
    assert "percent-dvh-statistics" in {n.code for n in reading.notices}


def test_statistics_that_fit_nothing_are_dropped(read, build) -> None:
    reading = dvhs(read, build, DVHMaximumDose=77.0)
    (dvh,) = reading.case.dose.tps_dvhs
    assert (dvh.minimum_gy, dvh.mean_gy, dvh.maximum_gy) == (None, None, None)
    assert "tps-statistics-untrusted" in {n.code for n in reading.notices}


def test_dvhs_of_another_structure_set_are_not_used(read, build) -> None:
    dose = with_dvh(build)
    dose.ReferencedStructureSetSequence = [build.reference(f"{build.ROOT}.3.9", "structures")]
    reading = read(build.plan(), build.structures(), dose)
    assert reading.case.dose.tps_dvhs == ()
    assert "tps-dvh-skipped" in {n.code for n in reading.notices}


def test_curves_are_read_only(read, build) -> None:
    (dvh,) = dvhs(read, build).case.dose.tps_dvhs
    assert isinstance(dvh.dose_gy, np.ndarray)
    assert not dvh.dose_gy.flags.writeable
