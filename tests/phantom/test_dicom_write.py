"""The DICOM writers: decimal strings, UIDs, links, and what they refuse."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from sbrtcheck.dicom.write import (
    Header,
    Slices,
    derived_uid,
    write_ct,
    write_dose,
    write_plan,
    write_registration,
    write_structures,
)
from sbrtcheck.dicom.write.common import decimal
from sbrtcheck.model import (
    Contour,
    FractionGroup,
    Lattice,
    Plan,
    Prescription,
    Registration,
    Structure,
    StructureSet,
    frozen,
)

HEADER = Header("PHANTOM^TEST", "SBRTCHECK-TEST", "19650301", "2.25.1", "20260601", "2.25.2", "HFS")
SQUARE = frozen([[0.0, 0.0, 2.0], [10.0, 0.0, 2.0], [10.0, 10.0, 2.0], [0.0, 10.0, 2.0]])


def lattice(*, k: tuple[float, ...] = (0.0, 2.0, 4.0), to_patient: np.ndarray | None = None) -> Lattice:
    eye = np.eye(4) if to_patient is None else to_patient
    return Lattice(frozen([-3.0, 0.0, 3.0, 6.0]), frozen([1.0, 2.0]), frozen(k), frozen(eye))


@given(value=st.floats(-1e300, 1e300))
@settings(max_examples=300, deadline=None)
def test_a_decimal_string_has_16_bytes_at_most_and_keeps_the_number(value: float) -> None:
    text = decimal(value)
    assert len(text) <= 16
    # "-1.23456789e-300" holds nine digits; numbers without exponent keep fourteen.
    assert float(text) == pytest.approx(value, rel=1e-8, abs=0)


@given(value=st.floats(-999.0, 999.0))
@settings(max_examples=300, deadline=None)
def test_coordinates_keep_ten_decimals_or_more(value: float) -> None:
    assert float(decimal(value)) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_has_no_decimal_string(value: float) -> None:
    with pytest.raises(ValueError, match="no decimal string"):
        decimal(value)


@given(names=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_derived_uids_are_valid_and_repeatable(names: list[str]) -> None:
    uid = derived_uid(*names)
    assert UID(uid).is_valid
    assert uid == derived_uid(*names)


def test_ct_slices_hold_values_places_and_links(tmp_path: Path) -> None:
    hu = np.arange(24.0).reshape(3, 2, 4) * 100 - 1000
    uids = write_ct(tmp_path, HEADER, hu, lattice(), "2.25.9")
    slices = [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]
    assert [ds.SOPInstanceUID for ds in slices] == list(uids)
    for k, ds in enumerate(slices):
        assert ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert list(ds.ImagePositionPatient) == [-3, 1, 2 * k]
        assert list(ds.PixelSpacing) == [1, 3]  # between rows first
        assert (ds.Rows, ds.Columns) == (2, 4)
        np.testing.assert_array_equal(ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept, hu[k])


@pytest.mark.parametrize("value", [-1025.0, 3072.0])
def test_ct_values_beyond_12_bits_are_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="Hounsfield"):
        write_ct(tmp_path, HEADER, np.full((3, 2, 4), value), lattice(), "2.25.9")


def test_dose_is_stored_to_half_a_step(tmp_path: Path) -> None:
    dose = np.random.default_rng(1).uniform(0, 60, (3, 2, 4))
    write_dose(tmp_path / "dose", HEADER, "2.25.3", dose, lattice(), step_gy=1e-5, plan_uid="2.25.4")
    ds = pydicom.dcmread(tmp_path / "dose")
    assert ds.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == "2.25.4"
    assert list(ds.GridFrameOffsetVector) == [0, 2, 4]
    assert (ds.DoseUnits, ds.DoseType, ds.DoseSummationType) == ("GY", "PHYSICAL", "PLAN")
    stored = ds.pixel_array * float(ds.DoseGridScaling)
    assert np.abs(stored - dose).max() <= 0.5e-5 * (1 + 1e-9)  # half a step, and float rounding


@pytest.mark.parametrize("value", [-0.001, 50_000.0])
def test_dose_that_cannot_be_stored_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="dose outside"):
        write_dose(
            tmp_path / "dose", HEADER, "2.25.3", np.full((3, 2, 4), value), lattice(), step_gy=1e-5, plan_uid="2.25.4"
        )
    assert not list(tmp_path.iterdir())


def test_grids_that_an_image_plane_cannot_describe_are_refused(tmp_path: Path) -> None:
    uneven = Lattice(frozen([0.0, 1.0, 3.0]), frozen([0.0, 1.0]), frozen([0.0]), frozen(np.eye(4)))
    mirrored = lattice(to_patient=np.diag([1.0, 1.0, -1.0, 1.0]))
    for grid in (uneven, mirrored):
        with pytest.raises(ValueError, match="even spacing and a right-handed"):
            write_dose(tmp_path / "d", HEADER, "2.25.3", np.ones(grid.shape), grid, step_gy=1e-5, plan_uid="2.25.4")


def test_structures_keep_points_types_and_slices(tmp_path: Path) -> None:
    beside = frozen(SQUARE + np.array([0.0, 0.0, 0.5]))
    structures = (
        Structure(7, "GTV Métastase", "GTV", (Contour(SQUARE, "CLOSED_PLANAR"), Contour(beside, "CLOSED_PLANAR"))),
        Structure(9, "Empty", "", ()),
    )
    slices = Slices("2.25.9", ("2.25.10", "2.25.11", "2.25.12"), lattice())
    write_structures(
        tmp_path / "s",
        HEADER,
        StructureSet("2.25.5", "TEST", structures),
        colours={7: (255, 0, 0), 9: (0, 0, 255)},
        slices=slices,
    )
    ds = pydicom.dcmread(tmp_path / "s")
    assert [(r.ROINumber, r.ROIName) for r in ds.StructureSetROISequence] == [(7, "GTV Métastase"), (9, "Empty")]
    assert [o.RTROIInterpretedType for o in ds.RTROIObservationsSequence] == ["GTV", ""]
    on_slice, off_slice = ds.ROIContourSequence[0].ContourSequence
    np.testing.assert_array_equal(np.reshape(on_slice.ContourData, (-1, 3)), SQUARE)
    assert on_slice.ContourImageSequence[0].ReferencedSOPInstanceUID == "2.25.11"
    assert "ContourImageSequence" not in off_slice
    assert not ds.ROIContourSequence[1].ContourSequence


def test_a_contour_too_long_for_explicit_vr_is_refused_rather_than_hidden(tmp_path: Path) -> None:
    # pydicom would write it with the VR "UN", which many programs do not read.
    angle = np.linspace(0, 6, 4000)
    points = frozen(np.column_stack([100 * np.cos(angle), 100 * np.sin(angle), np.zeros(4000)]))
    structures = StructureSet("2.25.5", "TEST", (Structure(1, "A", "", (Contour(points, "CLOSED_PLANAR"),)),))
    with pytest.raises(ValueError, match="does not fit"):
        write_structures(tmp_path / "s", HEADER, structures, colours={1: (0, 0, 0)}, slices=None)


def _plan(target_roi: int | None) -> Plan:
    return Plan(
        sop_instance_uid="2.25.4",
        label="TEST",
        is_ion=False,
        prescriptions=(Prescription(50.0, 3, target_roi, "PTV", "dose-reference"),),
        fraction_groups=(FractionGroup(1, 3, ((1, 50 / 6), (2, 50 / 6))),),
        referenced_structure_set_uid="2.25.5",
        isocentres_mm=((1.0, -2.5, 3.0),),
    )


@pytest.mark.parametrize(("target_roi", "kind"), [(4, "VOLUME"), (None, "SITE")])
def test_a_plan_holds_prescription_fractions_and_beams(tmp_path: Path, target_roi: int | None, kind: str) -> None:
    write_plan(tmp_path / "p", HEADER, _plan(target_roi))
    ds = pydicom.dcmread(tmp_path / "p")
    (reference,) = ds.DoseReferenceSequence
    assert reference.DoseReferenceStructureType == kind
    assert reference.get("ReferencedROINumber") == target_roi
    assert reference.TargetPrescriptionDose == 50
    (group,) = ds.FractionGroupSequence
    doses = [float(beam.BeamDose) for beam in group.ReferencedBeamSequence]
    assert sum(doses) * group.NumberOfFractionsPlanned == pytest.approx(50, abs=1e-12)  # sixteen digits a beam
    assert [beam.BeamNumber for beam in ds.BeamSequence] == [1, 2]
    assert list(ds.BeamSequence[0].ControlPointSequence[0].IsocenterPosition) == [1, -2.5, 3]
    assert ds.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == "2.25.5"


def test_the_matrix_of_a_registration_leads_into_the_frame_of_the_object(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (10.0, 20.0, 30.0)
    write_registration(tmp_path / "r", HEADER, Registration("2.25.6", "2.25.8", "2.25.2", frozen(matrix), "RIGID"))
    ds = pydicom.dcmread(tmp_path / "r")
    assert ds.FrameOfReferenceUID == "2.25.2"
    own, other = ds.RegistrationSequence
    assert (own.FrameOfReferenceUID, other.FrameOfReferenceUID) == ("2.25.2", "2.25.8")
    for item, expected in ((own, np.eye(4)), (other, matrix)):
        written = item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix
        np.testing.assert_array_equal(np.reshape(written, (4, 4)), expected)


def test_a_registration_into_another_frame_is_refused(tmp_path: Path) -> None:
    away = Registration("2.25.6", "2.25.2", "2.25.8", frozen(np.eye(4)), "RIGID")
    with pytest.raises(ValueError, match="own frame of reference"):
        write_registration(tmp_path / "r", HEADER, away)


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        write_plan(tmp_path / "p", HEADER, _plan(1))
    assert (tmp_path / "p").read_bytes() == b"kept"
