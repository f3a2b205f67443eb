"""Derived doses as RT Dose objects: attributes, references, the same bytes again, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from sbrtcheck.dicom.dose import read_dose, read_header
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.write.dose import Derivation, write_derived_dose
from sbrtcheck.errors import UnusableDose
from sbrtcheck.model import Dose, FloatArray, Lattice, frozen

SUM = Derivation(
    "sum",
    "EQD2(a/b=2) of plan and 1 earlier course",
    "EQD2, a/b = 2 Gy, each course voxel by voxel",
    (("2.25.21", False), ("2.25.22", True)),
    "RIGID",
    (("2.25.31", False),),
)
PRIOR = Derivation("prior", "earlier course 1 on the current plan", "same frame", (("2.25.22", False),), "NONE")
OBLIQUE = np.array([[0.8, -0.6, 0, 5.0], [0.6, 0.8, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


def made(kind: Any = "EFFECTIVE", to_patient: FloatArray | None = None, frame: str = "1.2.3") -> Dose:
    lattice = Lattice(
        frozen(2.5 * np.arange(5)),
        frozen(2.0 * np.arange(4)),
        frozen([0.0, 3.0, 6.0]),
        frozen(np.eye(4) if to_patient is None else to_patient),
    )
    values = np.random.default_rng(3).uniform(0.0, 120.0, lattice.shape)
    return Dose(frozen(values, np.float32), lattice, kind, frame, 0.0, ("1", "2"))


@pytest.fixture
def plan(build: Any, read: Any) -> Node:
    dataset = build.plan()
    dataset.PatientSex, dataset.StudyTime, dataset.StudyID = "F", "101500", "7"
    dataset.ReferringPhysicianName, dataset.AccessionNumber = "Doctor^No", "A-1"
    return node(build.encoded(dataset))


def node(data: bytes) -> Node:
    from sbrtcheck.dicom.stream import parse

    return parse(data).root


def document(path: Path) -> Any:
    from sbrtcheck.dicom.document import make_document
    from sbrtcheck.dicom.stream import parse

    data = path.read_bytes()
    return make_document(1, data, "0" * 64, parse(data), is_prior=False)


def test_a_sum_over_plans_is_effective_and_multi_plan(tmp_path: Path, plan: Node) -> None:
    dose = made()
    uid = write_derived_dose(tmp_path / "d", plan, dose, SUM)
    ds = pydicom.dcmread(tmp_path / "d")
    assert UID(uid).is_valid
    assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID == uid
    assert (ds.DoseType, ds.DoseUnits, ds.DoseSummationType) == ("EFFECTIVE", "GY", "MULTI_PLAN")
    assert [r.ReferencedSOPInstanceUID for r in ds.ReferencedRTPlanSequence] == ["2.25.21", "2.25.22"]
    assert [r.ReferencedSOPClassUID.name for r in ds.ReferencedRTPlanSequence] == [
        "RT Plan Storage",
        "RT Ion Plan Storage",
    ]
    assert ds.SpatialTransformOfDose == "RIGID"
    (used,) = ds.ReferencedSpatialRegistrationSequence
    assert (used.ReferencedSOPInstanceUID, used.ReferencedSOPClassUID.name) == (
        "2.25.31",
        "Spatial Registration Storage",
    )
    assert [c.CodeValue for c in ds.DerivationCodeSequence] == ["121371", "121377"]
    assert (ds.SeriesDescription, ds.DoseComment) == (SUM.label, SUM.label)
    assert ds.DerivationDescription == SUM.text
    assert ds.FrameOfReferenceUID == dose.frame_of_reference_uid
    # 32-bit doses of up to 120 Gy, and half of the step of 1e-5 Gy.
    np.testing.assert_allclose(ds.pixel_array * float(ds.DoseGridScaling), dose.dose_gy, rtol=0, atol=0.6e-5)


def test_patient_and_study_are_those_of_the_plan_and_nobody_else(tmp_path: Path, plan: Node, build: Any) -> None:
    write_derived_dose(tmp_path / "d", plan, made(), SUM)
    ds = pydicom.dcmread(tmp_path / "d")
    assert (ds.PatientName, ds.PatientID, ds.PatientSex) == ("Test^Case", "case-1", "F")
    assert (ds.StudyInstanceUID, ds.StudyDate, ds.StudyTime, ds.StudyID) == (
        f"{build.ROOT}.9",
        "20240502",
        "101500",
        "7",
    )
    assert "Doctor" not in str(ds)
    assert "A-1" not in str(ds)
    assert "synthetic" not in str(ds)
    texts = (ds.SeriesDescription, ds.DoseComment, ds.DerivationDescription)
    assert not any("case" in text.lower() or "test" in text.lower() for text in texts)


# PS3.3: what an RT Dose with a grid must hold (type 1 with a value, type 2 present), in the modules of table A.18.3-1.
TYPE_1 = [
    "StudyInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "NumberOfFrames",
    "FrameIncrementPointer",
    "DoseUnits",
    "DoseType",
    "DoseSummationType",
    "GridFrameOffsetVector",
    "DoseGridScaling",
    "ReferencedRTPlanSequence",
]
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "OperatorsName",
    "SeriesNumber",
    "PositionReferenceIndicator",
    "Manufacturer",
    "InstanceNumber",
    "SliceThickness",
]


@pytest.mark.parametrize("derivation", [SUM, PRIOR], ids=["sum", "prior"])
def test_mandatory_elements_are_there(tmp_path: Path, plan: Node, derivation: Derivation) -> None:
    write_derived_dose(tmp_path / "d", plan, made(), derivation)
    ds = pydicom.dcmread(tmp_path / "d")
    assert [k for k in TYPE_1 if k not in ds or ds[k].is_empty] == []
    assert [k for k in TYPE_2 if k not in ds] == []
    assert ds.FrameIncrementPointer == 0x3004000C
    assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation) == (32, 32, 31, 0)
    assert len(ds.PixelData) == 4 * ds.Rows * ds.Columns * ds.NumberOfFrames
    # Every value is as its VR asks: pydicom raises for those that are not.
    with pydicom.config.strict_reading():
        for element in pydicom.dcmread(tmp_path / "d").iterall():
            assert element.value is not None or element.is_empty


@pytest.mark.parametrize("to_patient", [np.eye(4), OBLIQUE, np.diag([-1.0, -1.0, 1.0, 1.0])], ids=str)
def test_an_earlier_course_is_read_back_as_it_was(tmp_path: Path, plan: Node, to_patient: FloatArray) -> None:
    dose = made("PHYSICAL", to_patient)
    uid = write_derived_dose(tmp_path / "d", plan, dose, PRIOR)
    got = read_dose(read_header(document(tmp_path / "d")))
    assert (got.kind, got.frame_of_reference_uid, got.sop_instance_uids) == ("PHYSICAL", "1.2.3", (uid,))
    assert got.referenced_plan_uids == ("2.25.22",)
    np.testing.assert_allclose(got.dose_gy, dose.dose_gy, rtol=1e-7, atol=0.5e-5)  # 32 bits, half a step
    for k, j, i in ((0, 0, 0), (2, 3, 4), (1, 0, 3)):
        ours, theirs = (np.array([[t.i_mm[i], t.j_mm[j], t.k_mm[k]]]) for t in (dose.lattice, got.lattice))
        # Decimal strings hold ten decimals or more.
        np.testing.assert_allclose(got.lattice.to_lps(theirs), dose.lattice.to_lps(ours), atol=1e-9)


def test_a_sum_cannot_be_taken_for_the_dose_of_a_plan(tmp_path: Path, plan: Node) -> None:
    write_derived_dose(tmp_path / "d", plan, made(), SUM)
    with pytest.raises(UnusableDose, match="MULTI_PLAN"):
        read_dose(read_header(document(tmp_path / "d")))


def test_the_same_dose_is_the_same_file(tmp_path: Path, plan: Node) -> None:
    uids = [write_derived_dose(tmp_path / str(n), plan, made(), SUM) for n in range(2)]
    assert uids[0] == uids[1]
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_another_content_is_another_object(tmp_path: Path, plan: Node, build: Any) -> None:
    other = build.plan()
    other.PatientID = "case-2"
    dose = made()
    hotter = replace(dose, dose_gy=frozen(dose.dose_gy + np.float32(0.001), np.float32))
    turned = made(to_patient=OBLIQUE)
    cases = [
        (plan, dose, SUM),
        (plan, hotter, SUM),
        (plan, turned, SUM),
        (plan, made("PHYSICAL"), SUM),
        (plan, dose, replace(SUM, text="EQD2, a/b = 3 Gy")),
        (plan, dose, PRIOR),
        (node(build.encoded(other)), dose, SUM),
    ]
    assert len({write_derived_dose(tmp_path / str(n), *case) for n, case in enumerate(cases)}) == len(cases)


def test_an_existing_file_is_not_replaced(tmp_path: Path, plan: Node) -> None:
    (tmp_path / "d").write_text("mine")
    with pytest.raises(FileExistsError):
        write_derived_dose(tmp_path / "d", plan, made(), SUM)
    assert (tmp_path / "d").read_text() == "mine"


@pytest.mark.parametrize(
    ("derivation", "said"),
    [
        (replace(SUM, plans=(("2.25.21", False), ("", False))), "plan of every course"),
        (replace(SUM, plans=(("2.25.21", False), ("2.25.21", False))), "each plan once"),
        (replace(SUM, plans=(("2.25.21", False),)), "two plans or more"),
        (replace(SUM, plans=()), "two plans or more"),
        (replace(PRIOR, plans=SUM.plans), "two plans or more"),
        (replace(PRIOR, plans=()), "two plans or more"),
        (replace(SUM, label="x" * 65), "64 characters"),
        (replace(SUM, text="x" * 1025), "1024"),
    ],
)
def test_derivations_that_do_not_say_enough_are_refused(
    tmp_path: Path, plan: Node, derivation: Derivation, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        write_derived_dose(tmp_path / "d", plan, made(), derivation)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 50_000.0])
def test_doses_that_are_none_are_refused(tmp_path: Path, plan: Node, value: float) -> None:
    dose = made()
    values = dose.dose_gy.copy()
    values[1, 2, 3] = value
    with pytest.raises(ValueError, match="dose outside"):
        write_derived_dose(tmp_path / "d", plan, replace(dose, dose_gy=frozen(values, np.float32)), SUM)
    with pytest.raises(ValueError, match="frame of reference"):
        write_derived_dose(tmp_path / "d", plan, made(frame=""), SUM)
    assert not list(tmp_path.iterdir())
