"""The written patients, read back with pydicom and by the text of the standard."""

import hashlib
import itertools
import math
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from sbrtcheck.errors import OutputError, UsageError
from sbrtcheck.phantom import cases, phantom, write_phantom

Written = Callable[[str], Path]
ReadDose = Callable[[Path], tuple[np.ndarray, np.ndarray]]
POSITIONS = ("lung-peripheral", *(c for c in cases() if c.startswith("lung-peripheral-")))


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _elements(ds: Dataset) -> Iterator[pydicom.DataElement]:
    for element in ds:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _uids(ds: Dataset, keyword: str) -> set[str]:
    return {str(e.value) for e in _elements(ds) if e.keyword == keyword}


def _points(ds: Dataset, name: str) -> list[np.ndarray]:
    number = next(r.ROINumber for r in ds.StructureSetROISequence if r.ROIName == name)
    roi = next(r for r in ds.ROIContourSequence if r.ReferencedROINumber == number)
    return [np.reshape(np.array(c.ContourData, float), (-1, 3)) for c in roi.ContourSequence]


@pytest.mark.parametrize("case", cases())
def test_every_case_is_whole_linked_and_small(case: str, written: Written) -> None:
    chosen, folder = phantom(case), written(case)
    plan = folder / "plan"
    names = {path.name for path in plan.iterdir()}
    assert names - {"REG.dcm"} == {"CT", "RTPLAN.dcm"} | ({"RTSTRUCT.dcm"} if chosen.has_structures else set()) | (
        {"RTDOSE.dcm"} if chosen.has_dose else set()
    )
    assert (folder / "prior").is_dir() == (chosen.prior is not None)
    declared = tomllib.loads((folder / "declared.toml").read_text())
    assert declared == {"schema": "sbrtcheck-declared/1", "facts": dict(chosen.declared)}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10e6
    rtplan = pydicom.dcmread(plan / "RTPLAN.dcm")
    if chosen.has_structures:
        structures = pydicom.dcmread(plan / "RTSTRUCT.dcm", specific_tags=["SOPInstanceUID", "StructureSetROISequence"])
        assert rtplan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
        names_by_number = {int(r.ROINumber): r.ROIName for r in structures.StructureSetROISequence}
        prescribed = [names_by_number[int(r.ReferencedROINumber)] for r in rtplan.DoseReferenceSequence]
        assert prescribed == [d.name for d in chosen.course.drawn() if d.interpreted_type == "PTV"]
        assert not set(names_by_number.values()) & chosen.not_drawn
    if chosen.has_dose:
        dose = pydicom.dcmread(plan / "RTDOSE.dcm", stop_before_pixels=True)
        assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == rtplan.SOPInstanceUID
        assert dose.FrameOfReferenceUID == rtplan.FrameOfReferenceUID


@pytest.mark.parametrize("case", ["lung-peripheral", "lung-peripheral-oblique", "lung-peripheral-feet-first"])
def test_each_contour_names_the_slice_that_it_lies_on(case: str, written: Written) -> None:
    plan = written(case) / "plan"
    images = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted((plan / "CT").iterdir())]
    structures = pydicom.dcmread(plan / "RTSTRUCT.dcm")
    by_uid = {ds.SOPInstanceUID: ds for ds in images}
    row, column = np.array(images[0].ImageOrientationPatient, float).reshape(2, 3)
    for roi in structures.ROIContourSequence:
        for contour in roi.ContourSequence:
            ds = by_uid[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            first = np.array(contour.ContourData[:3], float)
            away = (first - np.array(ds.ImagePositionPatient, float)) @ np.cross(row, column)
            assert abs(away) < 2e-6  # six decimals in three coordinates


@pytest.mark.parametrize("case", ["lung-peripheral-oblique", "reirradiation-registered"])
def test_every_element_is_valid(case: str, written: Written) -> None:
    # pydicom checks each value against its VR when it is read, if asked to; a warning fails the test.
    with pydicom.config.strict_reading():
        slices = sorted(written(case).glob("plan/CT/*.dcm"))
        for path in [*written(case).glob("*/*.dcm"), slices[0], slices[-1]]:
            raw = pydicom.dcmread(path)
            assert raw.file_meta.MediaStorageSOPInstanceUID == raw.SOPInstanceUID
            assert raw.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
            for element in _elements(raw):
                assert element.tag.is_private is False
                if element.VR == "UI":
                    assert UID(element.value).is_valid
                if element.VR in {"DS", "IS"} and element.value is not None:
                    values = [element.value] if isinstance(element.value, int | float) else element.value
                    assert all(len(v.original_string) <= 16 for v in values)


@pytest.mark.parametrize("case", ["lung-peripheral-oblique", "reirradiation-registered"])
def test_the_same_case_gives_the_same_bytes(case: str, written: Written, tmp_path: Path) -> None:
    write_phantom(case, tmp_path / "again")
    assert _hashes(tmp_path / "again") == _hashes(written(case))


def test_no_two_objects_share_a_uid(written: Written) -> None:
    uids = [
        pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        for case in ("lung-peripheral", "lung-peripheral-prone", "reirradiation-registered")
        for path in written(case).rglob("*.dcm")
    ]
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize("case", [*POSITIONS, "three-organs", "untreated-lesion", "reirradiation-registered"])
def test_stored_dose_is_the_formula_at_the_place_of_its_voxel(case: str, written: Written, dose_of: ReadDose) -> None:
    chosen = phantom(case)
    dose, points = dose_of(written(case) / "plan" / "RTDOSE.dcm")
    back = (points.reshape(-1, 3) - chosen.scan.to_patient[:3, 3]) @ chosen.scan.to_patient[:3, :3]
    # Half a step of 1e-5 Gy; places are written with ten decimals or more and the steepest fall is below 4 Gy per mm.
    np.testing.assert_allclose(dose.ravel(), chosen.course.dose_gy(back), atol=0.5e-5 + 1e-8)


@pytest.mark.parametrize(
    "case", ["lung-peripheral", "lesion-8mm", "lesion-tall", "vertebra", "lung-peripheral-oblique"]
)
def test_drawn_targets_are_their_solids(case: str, written: Written) -> None:
    chosen = phantom(case)
    structures = pydicom.dcmread(written(case) / "plan" / "RTSTRUCT.dcm")
    for drawn in chosen.course.drawn():
        planes = [
            (ring - chosen.scan.to_patient[:3, 3]) @ chosen.scan.to_patient[:3, :3]
            for ring in _points(structures, drawn.name)
        ]
        centre, semi = np.array(drawn.solid.centre_mm), np.array(drawn.solid.semi_mm)
        heights = np.array([ring[0, 2] for ring in planes])
        assert np.diff(heights) == pytest.approx(2.0, abs=2e-6)  # six decimals on both
        assert np.abs(heights - centre[2]).min() < 1e-6
        # Every plane that cuts more than a point is drawn: the outermost lie within a slice of the poles.
        assert semi[2] - np.abs(heights - centre[2]).max() <= 2.0 + 2e-6
        for ring in planes:
            scaled = np.linalg.norm((ring - centre) / semi, axis=1)
            assert scaled.max() <= 1 + 2e-6 / semi.min()  # six decimals in three coordinates
            assert scaled.min() >= 1 - 2e-4 / semi.min()  # cut towards the centre at 0.0001 mm
        # The sum over slices of a parabola of areas is the volume to within (step / height)^2 / 4, from the
        # Euler-Maclaurin series; polygons lack less than 1 % more at these sizes.
        area = sum(_area(ring) for ring in planes)
        assert area * 2.0 / 1000 == pytest.approx(drawn.solid.volume_cm3, rel=0.25 * (2 / semi[2]) ** 2 + 0.01)


def _area(ring: np.ndarray) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_the_40_mm_tumour_is_40_mm_in_the_file(written: Written) -> None:
    structures = pydicom.dcmread(written("lesion-40mm") / "plan" / "RTSTRUCT.dcm")
    widest = max(
        math.dist(a, b) for ring in _points(structures, "GTV") for a, b in itertools.combinations(ring.tolist(), 2)
    )
    assert widest == 40.0


@pytest.mark.parametrize("case", POSITIONS)
def test_ct_shows_lung_tumour_and_skin_where_they_are(case: str, written: Written) -> None:
    chosen = phantom(case)
    slices = [pydicom.dcmread(path) for path in sorted((written(case) / "plan" / "CT").iterdir())]
    # Upright places and what is there: outside, muscle, right lung, tumour, trachea, spine.
    there = {
        (-158.0, -100.0, 0.0): -1000,
        (-150.0, 0.0, 0.0): 40,
        (-82.0, 5.0, 40.0): -750,
        (-100.0, 20.0, 0.0): 60,
        (0.0, 15.0, 70.0): -1000,
        (0.0, 50.0, 30.0): 500,
    }
    for place, hu in there.items():
        point = chosen.scan.to_patient[:3, :3] @ place + chosen.scan.to_patient[:3, 3]
        assert _hu_at(slices, point) == hu


def _hu_at(slices: list[Dataset], point: np.ndarray) -> float:
    row, column = np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3)
    depths = [abs(float((point - np.array(ds.ImagePositionPatient, float)) @ np.cross(row, column))) for ds in slices]
    ds = slices[int(np.argmin(depths))]
    offset = point - np.array(ds.ImagePositionPatient, float)
    j = round(float(offset @ column) / float(ds.PixelSpacing[0]))
    i = round(float(offset @ row) / float(ds.PixelSpacing[1]))
    return float(ds.pixel_array[j, i]) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)


@pytest.mark.parametrize(
    ("case", "position", "orientation"),
    [
        ("lung-peripheral", "HFS", [1, 0, 0, 0, 1, 0]),
        ("lung-peripheral-prone", "HFP", [-1, 0, 0, 0, -1, 0]),
        ("lung-peripheral-feet-first", "FFS", [-1, 0, 0, 0, 1, 0]),
        ("lung-peripheral-feet-first-prone", "FFP", [1, 0, 0, 0, -1, 0]),
    ],
)
def test_positions_turn_the_images_and_not_the_patient(
    case: str, position: str, orientation: list[int], written: Written
) -> None:
    plan = written(case) / "plan"
    image = pydicom.dcmread(plan / "CT" / "CT.001.dcm")
    assert image.PatientPosition == position
    assert pydicom.dcmread(plan / "RTPLAN.dcm").PatientSetupSequence[0].PatientPosition == position
    for ds in (image, pydicom.dcmread(plan / "RTDOSE.dcm")):
        assert list(ds.ImageOrientationPatient) == orientation
    here, upright = (pydicom.dcmread(f / "plan" / "RTSTRUCT.dcm") for f in (written(case), written("lung-peripheral")))
    for ring, reference in zip(_points(here, "Lung_R"), _points(upright, "Lung_R"), strict=True):
        np.testing.assert_array_equal(ring, reference)


def test_the_oblique_phantom_lies_on_its_planes(written: Written) -> None:
    structures = pydicom.dcmread(written("lung-peripheral-oblique") / "plan" / "RTSTRUCT.dcm")
    image = pydicom.dcmread(written("lung-peripheral-oblique") / "plan" / "CT" / "CT.001.dcm")
    row, column = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
    for ring in _points(structures, "PTV"):
        assert np.ptp(ring @ np.cross(row, column)) < 4e-6  # six decimals in three coordinates
        assert np.ptp(ring[:, 2]) > 0.5  # and the planes are not axial


def test_the_registration_carries_the_earlier_dose_onto_the_tumour(written: Written, dose_of: ReadDose) -> None:
    folder = written("reirradiation-registered")
    registration = pydicom.dcmread(folder / "plan" / "REG.dcm")
    prior = pydicom.dcmread(folder / "prior" / "RTDOSE.dcm")
    item = next(i for i in registration.RegistrationSequence if i.FrameOfReferenceUID == prior.FrameOfReferenceUID)
    matrix = np.reshape(
        np.array(item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix, float),
        (4, 4),
    )
    assert registration.FrameOfReferenceUID == pydicom.dcmread(folder / "plan" / "RTPLAN.dcm").FrameOfReferenceUID
    dose, points = dose_of(folder / "prior" / "RTDOSE.dcm")
    mapped = points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    wrong_way = (points.reshape(-1, 3) - matrix[:3, 3]) @ matrix[:3, :3]
    (target,) = phantom("reirradiation-registered").course.targets
    near = np.linalg.norm(mapped - target.centre_mm, axis=1) < target.tumour_semi_mm[0]
    assert dose.ravel()[near].min() > 48.0
    # Applied the wrong way round, the matrix leaves the tumour without dose.
    near = np.linalg.norm(wrong_way - target.centre_mm, axis=1) < target.tumour_semi_mm[0]
    assert dose.ravel()[near].max(initial=0.0) < 0.5


@pytest.mark.parametrize(("case", "covered"), [("reirradiation", True), ("prior-elsewhere", False)])
def test_earlier_courses_in_the_same_frame_cover_the_tumour_or_not(
    case: str, covered: bool, written: Written, dose_of: ReadDose
) -> None:
    folder = written(case)
    plan, prior = (pydicom.dcmread(folder / part / "RTPLAN.dcm") for part in ("plan", "prior"))
    assert plan.FrameOfReferenceUID == prior.FrameOfReferenceUID
    assert plan.SOPInstanceUID != prior.SOPInstanceUID
    assert prior.RTPlanDate < plan.RTPlanDate
    dose, points = dose_of(folder / "prior" / "RTDOSE.dcm")
    (target,) = phantom(case).course.targets
    inside = np.linalg.norm(points - target.centre_mm, axis=-1) < target.tumour_semi_mm[0]
    assert dose[inside].min() > 48.0 if covered else dose[inside].max() < 0.05


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        write_phantom("brain", tmp_path)
    with pytest.raises(OutputError, match="not empty"):
        write_phantom("brain", tmp_path / "note")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_an_empty_folder_is_filled_and_missing_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_phantom("brain", tmp_path / "a")
    write_phantom("brain", tmp_path / "b" / "c")
    assert _hashes(tmp_path / "a") == _hashes(tmp_path / "b" / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_what_cannot_be_finished_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sbrtcheck.phantom.writing.write_dose", full)
    with pytest.raises(OutputError, match="No space left"):
        write_phantom("brain", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_unknown_case_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_phantom("nose", tmp_path / "out")
    assert not list(tmp_path.iterdir())
