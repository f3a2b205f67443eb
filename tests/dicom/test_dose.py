"""RT Dose: where every voxel lies, what is dose in Gy and what is not, and which sums are right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sbrtcheck.errors import AmbiguousCase

# Direction cosines of rows and columns for the eight patient positions, as treatment planning systems write them.
ORIENTATIONS = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
}


def ramp() -> np.ndarray:
    """Values that tell frame, row and column apart, 3 x 4 x 5."""
    k, j, i = np.mgrid[0:3, 0:4, 0:5]
    return 10000 + 1000 * k + 100 * j + i


def dose_at(dose, point_mm) -> float:
    """The stored value nearest to a patient point, which must be a voxel centre."""
    i, j, k = dose.lattice.to_grid(np.array([point_mm]))[0]
    ticks = (dose.lattice.k_mm, dose.lattice.j_mm, dose.lattice.i_mm)
    index = tuple(int(np.argmin(abs(t - v))) for t, v in zip(ticks, (k, j, i), strict=True))
    # Decimal strings of the test data are exact to better than a micrometre.
    assert all(abs(t[n] - v) < 1e-6 for t, n, v in zip(ticks, index, (k, j, i), strict=True))
    return float(dose.dose_gy[index])


@pytest.mark.parametrize("position", ORIENTATIONS)
@pytest.mark.parametrize("offsets", [(0, 3, 6), (0, -3, -6), (0, 1, 5)])
def test_known_voxels_lie_at_known_places(read, build, position, offsets) -> None:
    row, column = (np.array(ORIENTATIONS[position][n : n + 3], float) for n in (0, 3))
    dataset = build.dose(values=ramp(), offsets=offsets, ImageOrientationPatient=list(ORIENTATIONS[position]))
    dose = read(build.plan(rx=13.0, beams=(2.6,)), build.structures(), dataset).case.dose
    origin = np.array([-10.0, -20.0, -30.0])
    for k, j, i in itertools.product(range(3), range(4), range(5)):
        # PS3.3 C.7.6.2.1.1: Pixel Spacing is (row spacing 2.0, column spacing 2.5); offsets run along row x column.
        place = origin + 2.5 * i * row + 2.0 * j * column + offsets[k] * np.cross(row, column)
        assert dose_at(dose, place) == pytest.approx((10000 + 1000 * k + 100 * j + i) * 0.001, rel=1e-6)  # float32
    assert (np.diff(dose.lattice.k_mm) > 0).all()


@pytest.mark.parametrize(
    ("offsets", "z"), [((-30, -27, -24), -24.0), ((-30, -33, -36), -36.0), ((-30, -29, -25), -25.0)]
)
@pytest.mark.parametrize("position", ["HFS", "HFP"])
def test_absolute_offsets_are_z_coordinates(read, build, position, offsets, z) -> None:
    dataset = build.dose(values=ramp(), offsets=offsets, ImageOrientationPatient=list(ORIENTATIONS[position]))
    dose = read(build.plan(rx=12.0, beams=(2.4,)), build.structures(), dataset).case.dose
    assert dose_at(dose, (-10.0, -20.0, z)) == pytest.approx(12.0, rel=1e-6)  # third frame, first voxel; float32


@pytest.mark.parametrize("position", ["FFS", "FFP", "HFDL", "FFDR"])
def test_absolute_offsets_against_the_normal_are_refused(read, build, codes, position) -> None:
    dataset = build.dose(offsets=(-30, -27, -24), ImageOrientationPatient=list(ORIENTATIONS[position]))
    reading = read(build.plan(), build.structures(), dataset)
    stacked_along_z = np.cross(*np.reshape(ORIENTATIONS[position], (2, 3)))[2] > 0
    assert (reading.case.dose is not None) is bool(stacked_along_z)


def test_an_oblique_grid(read, build) -> None:
    tilt = np.deg2rad(20.0)
    row, column = np.array([np.cos(tilt), 0, np.sin(tilt)]), np.array([0.0, 1.0, 0.0])
    dataset = build.dose(values=ramp(), ImageOrientationPatient=[float(f"{v:.8f}") for v in (*row, *column)])
    dose = read(build.plan(rx=13.0, beams=(2.6,)), build.structures(), dataset).case.dose
    rotation = dose.lattice.to_patient[:3, :3]
    assert np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-15)  # made orthonormal to rounding
    assert np.allclose(rotation[:, 2], np.cross(row, column), atol=1e-7)  # eight decimals were written


def test_noise_in_the_orientation_is_put_right(read, build) -> None:
    dataset = build.dose(ImageOrientationPatient=[1, 0.0, -1.224647e-16, 0.0, 1, 0.0])
    dose = read(build.plan(), build.structures(), dataset).case.dose
    assert np.allclose(dose.lattice.to_patient[:3, :3], np.eye(3), atol=1e-15)


REFUSED = {
    "relative units": {"DoseUnits": "RELATIVE"},
    "no units": {"DoseUnits": None},
    "no type": {"DoseType": None},
    "error type": {"DoseType": "ERROR"},
    "no summation": {"DoseSummationType": None},
    "one session": {"DoseSummationType": "FRACTION_SESSION"},
    "control point": {"DoseSummationType": "CONTROL_POINT"},
    "no scaling": {"DoseGridScaling": None},
    "zero scaling": {"DoseGridScaling": 0},
    "negative scaling": {"DoseGridScaling": -0.001},
    "huge scaling": {"DoseGridScaling": 1e12},
    "one plane": {"NumberOfFrames": 1},
    "no frames": {"NumberOfFrames": None},
    "too many frames": {"NumberOfFrames": 4},
    "no offsets": {"GridFrameOffsetVector": None},
    "short offsets": {"GridFrameOffsetVector": [0.0, 3.0]},
    "jumping offsets": {"GridFrameOffsetVector": [0.0, 3.0, 2.0]},
    "repeated offsets": {"GridFrameOffsetVector": [0.0, 3.0, 3.0]},
    "foreign offsets": {"GridFrameOffsetVector": [5.0, 8.0, 11.0]},
    "skewed axes": {"ImageOrientationPatient": [1, 0, 0, 0.1, 1, 0]},
    "long axes": {"ImageOrientationPatient": [1.01, 0, 0, 0, 1, 0]},
    "no axes": {"ImageOrientationPatient": None},
    "no position": {"ImagePositionPatient": None},
    "no spacing": {"PixelSpacing": None},
    "zero spacing": {"PixelSpacing": [0.0, 2.5]},
    "missing pixels": {"PixelData": None},
    "too few pixels": {"PixelData": b"\0" * 236},
    "too many pixels": {"PixelData": b"\1" * 244},
    "all zero": {"PixelData": b"\0" * 240},
    "lossy": {"LossyImageCompression": "01"},
    "wrong rows": {"Rows": 5},
    "no rows": {"Rows": None},
    "colour": {"SamplesPerPixel": 3},
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_dose_in_a_volume_is_refused_by_name(read, build, codes, fault) -> None:
    reading = read(build.plan(), build.structures(), build.dose(**REFUSED[fault]))
    assert reading.case.dose is None
    assert codes(reading) - {"no-dose"} in ({"unusable-dose"}, {"unreadable-file"})
    assert [r.why.startswith("unreadable: ") for r in reading.inputs if r.modality == "RTDOSE"] == [True]


def test_negative_dose_is_refused_and_signed_storage_is_not(read, build) -> None:
    values = ramp()
    assert read(build.plan(), build.structures(), build.dose(values=values, signed=True)).case.dose is not None
    values[1, 2, 3] = -1
    reading = read(build.plan(), build.structures(), build.dose(values=values, signed=True))
    assert reading.case.dose is None
    assert any("negative" in r.why for r in reading.inputs)


@pytest.mark.parametrize("bits", [16, 32])
def test_scaling_and_quantisation(read, build, bits) -> None:
    dose = read(build.plan(rx=13.0, beams=(2.6,)), build.structures(), build.dose(values=ramp(), bits=bits)).case.dose
    assert dose.quantisation_gy == 0.0005
    assert dose.dose_gy.dtype == np.float32
    assert float(dose.dose_gy[2, 3, 4]) == pytest.approx(12.304, rel=1e-6)  # 12304 x 0.001; float32
    assert not dose.dose_gy.flags.writeable


def test_effective_dose_keeps_its_kind(read, build) -> None:
    reading = read(build.plan(), build.structures(), build.dose(DoseType="EFFECTIVE"))
    assert reading.case.dose.kind == "EFFECTIVE"


def test_a_plan_dose_is_not_added_to_its_beams(read, build, codes) -> None:
    beams = [build.beam_dose(f"{build.ROOT}.4.{n + 2}", [n]) for n in (1, 2)]
    reading = read(build.plan(), build.structures(), build.dose(), *beams)
    assert reading.case.dose.sop_instance_uids == (build.DOSE,)
    assert codes(reading) == set()
    assert sum("count it twice" in r.why for r in reading.inputs) == 2


def test_beam_doses_of_all_beams_are_added(read, build, codes) -> None:
    beams = [build.beam_dose(f"{build.ROOT}.4.{n + 2}", [n], values=ramp(), scaling=0.0025) for n in (1, 2)]
    reading = read(build.plan(), build.structures(), *beams)
    assert float(reading.case.dose.dose_gy[0, 0, 0]) == pytest.approx(50.0, rel=1e-6)  # 2 x 10000 x 0.0025; float32
    assert reading.case.dose.quantisation_gy == pytest.approx(0.0025)
    assert codes(reading) == set()
    assert [a.topic for a in reading.assumptions] == ["dose"]


@pytest.mark.parametrize(
    "fault",
    ["missing beam", "beam twice", "no beam named", "other grid", "effective", "too low", "two fractions", "no plan"],
)
def test_sums_that_would_be_wrong_are_refused(read, build, codes, fault) -> None:
    numbers = {"missing beam": [[1]], "beam twice": [[1, 2], [2]], "no beam named": [[1], []]}.get(fault, [[1], [2]])
    scaling = 0.0025 if fault != "too low" else 0.0005
    beams = [
        build.beam_dose(f"{build.ROOT}.4.{n + 2}", b, values=ramp(), scaling=scaling) for n, b in enumerate(numbers)
    ]
    if fault == "other grid":
        beams[1].ImagePositionPatient = [-10.0, -20.0, -29.0]
    if fault == "effective":
        for beam in beams:
            beam.DoseType = "EFFECTIVE"
    plan = build.plan(fractions=2, rx=50.0, beams=(12.5, 12.5)) if fault == "two fractions" else build.plan()
    reading = read(*([] if fault == "no plan" else [plan]), build.structures(), *beams)
    assert reading.case.dose is None
    assert "unusable-dose" in codes(reading)


def test_a_set_up_beam_has_no_dose_to_add(read, build) -> None:
    plan = build.plan(beams=(10.0, None))
    plan.BeamSequence[1].TreatmentDeliveryType = "SETUP"
    dose = build.beam_dose(f"{build.ROOT}.4.2", [1], values=ramp(), scaling=0.005)
    assert read(plan, build.structures(), dose).case.dose is not None


def test_a_lone_fraction_dose_is_used_where_it_must_be_the_total(read, build, codes) -> None:
    dose = build.beam_dose(f"{build.ROOT}.4.2", [], values=ramp(), scaling=0.005, summation="FRACTION")
    reading = read(build.plan(), build.structures(), dose)  # 50 Gy and more in 5 fractions cannot be one fraction's
    assert reading.case.dose is not None
    assert reading.assumptions
    per_fraction = build.beam_dose(f"{build.ROOT}.4.2", [], values=ramp(), scaling=0.001, summation="FRACTION")
    reading = read(build.plan(), build.structures(), per_fraction)  # 10 Gy may well be
    assert reading.case.dose is None
    assert "unusable-dose" in codes(reading)


def test_pinnacle_writes_the_total_as_fraction(read, build) -> None:
    dose = build.beam_dose(f"{build.ROOT}.4.2", [], values=ramp(), scaling=0.0055, summation="FRACTION")
    dose.Manufacturer = "ADAC"
    plan = build.plan(fractions=2, beams=(12.5, 12.5))  # undecided without the quirk
    reading = read(plan, build.structures(), dose)
    assert float(reading.case.dose.dose_gy[0, 0, 0]) == pytest.approx(55.0, rel=1e-6)  # as stored, not multiplied
    assert "pinnacle-fraction-total" in {n.code for n in reading.notices}


@pytest.mark.parametrize("scaling", [0.001, 0.1])
def test_a_dose_that_cannot_be_of_the_prescription_blocks(read, build, codes, scaling) -> None:
    # 12 Gy or 1230 Gy against 50 Gy: of one fraction, or in another unit.
    reading = read(build.plan(), build.structures(), build.dose(values=ramp(), scaling=scaling))
    assert codes(reading) == {"dose-contradicts-prescription"}


def test_two_physical_doses_without_a_plan(read, build) -> None:
    other = build.dose(f"{build.ROOT}.4.2")
    other.ReferencedRTPlanSequence = [build.reference(f"{build.ROOT}.2.9", "plan")]
    with pytest.raises(AmbiguousCase):
        read(build.structures(), build.dose(), other)
