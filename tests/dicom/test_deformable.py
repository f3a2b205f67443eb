"""Deformable Spatial Registration: direction, order of the vectors, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from scipy.spatial.transform import Rotation

from sbrtcheck.dicom.deformable import read_deformable
from sbrtcheck.dicom.document import Kind, make_document
from sbrtcheck.dicom.stream import NotDicom, parse
from sbrtcheck.dicom.write import Header, write_deformable
from sbrtcheck.errors import InputError, UnusableRegistration
from sbrtcheck.model import AnyRegistration, DeformableRegistration, FloatArray, Lattice, Registration, frozen
from sbrtcheck.prior.mapping import find_mapping

OWN, SOURCE = "1.2.1", "1.2.77"
HEADER = Header("Test^Case", "case-1", "", "1.2.9", "20240502", OWN, "HFS")
OBLIQUE = Rotation.from_euler("xyz", [10.0, -20.0, 35.0], degrees=True).as_matrix()


def matrix_of(angles: tuple[float, float, float], shift: tuple[float, float, float]) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def lattice(turned: FloatArray = OBLIQUE) -> Lattice:
    """Unlike in every axis: 6 columns every 10 mm, 5 rows every 12 mm, 4 planes every 15 mm."""
    to_patient = np.eye(4)
    to_patient[:3, :3] = turned
    to_patient[:3, 3] = (-20.0, 30.0, 50.0)
    ticks = (10.0 * np.arange(6), 12.0 * np.arange(5), 15.0 * np.arange(4))
    return Lattice(*(frozen(t) for t in ticks), frozen(to_patient))


def nodes_of(grid: Lattice) -> FloatArray:
    k, j, i = np.meshgrid(grid.k_mm, grid.j_mm, grid.i_mm, indexing="ij")
    return grid.to_lps(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))


PRE, POST = matrix_of((5.0, -3.0, 12.0), (14.0, -6.0, 3.0)), matrix_of((-8.0, 4.0, 2.0), (-30.0, 11.0, 70.0))
# Linear in the place, so trilinear interpolation is exact.
SLOPE = np.array([[0.05, 0.10, -0.02], [-0.08, 0.04, 0.06], [0.03, -0.05, 0.09]])
OFFSET = np.array([3.0, -4.0, 6.0])


def made() -> DeformableRegistration:
    grid = lattice()
    vectors = (nodes_of(grid) @ SLOPE.T + OFFSET).reshape(*grid.shape, 3)
    return DeformableRegistration("1.2.7", OWN, SOURCE, frozen(PRE), grid, frozen(vectors, np.float32), frozen(POST))


@pytest.fixture
def item(tmp_path: Path) -> Callable[[], Dataset]:
    """The whole object as a data set, to be spoilt; its one item is in Deformable Registration Sequence."""

    def build() -> Dataset:
        path = tmp_path / "sound"
        if not path.exists():
            write_deformable(path, HEADER, made())
        return pydicom.dcmread(path)

    return build


def read(data: bytes, frame_of_image: dict[str, str] | None = None) -> tuple[AnyRegistration, ...]:
    document = make_document(0, data, "", parse(data), is_prior=False)
    assert document.kind is Kind.DEFORMABLE
    return read_deformable(document, frame_of_image or {})


def test_what_is_written_is_read(build, item) -> None:
    (found,) = read(build.encoded(item()))
    expected = made()
    assert isinstance(found, DeformableRegistration)
    assert (found.sop_instance_uid, found.from_frame_uid, found.to_frame_uid) == ("1.2.7", OWN, SOURCE)
    np.testing.assert_array_equal(found.vectors_mm, expected.vectors_mm)
    assert not found.vectors_mm.flags.writeable
    for name in ("i_mm", "j_mm", "k_mm"):
        np.testing.assert_array_equal(getattr(found.lattice, name), getattr(expected.lattice, name))
    # Decimal strings of 16 characters keep 12 decimals of numbers between -10 and 100.
    np.testing.assert_allclose(found.lattice.to_patient, expected.lattice.to_patient, atol=1e-11)
    np.testing.assert_allclose(found.pre, PRE, atol=1e-11)
    np.testing.assert_allclose(found.post, POST, atol=1e-11)


def test_points_of_the_own_frame_go_to_the_source_as_in_the_equation(build, item) -> None:
    found = read(build.encoded(item()))
    inside = lattice().to_lps(np.random.default_rng(0).uniform(0.0, 45.0, (200, 3)))
    # PS3.3 equation C.20.3-1: the vector belongs to the place before the pre deformation matrix.
    displaced = inside @ PRE[:3, :3].T + PRE[:3, 3] + inside @ SLOPE.T + OFFSET
    expected = displaced @ POST[:3, :3].T + POST[:3, 3]
    there = find_mapping(found, OWN, SOURCE)
    # Vectors of 30 mm in single precision are off by 2e-6 mm at most.
    np.testing.assert_allclose(there.through(inside), expected, atol=1e-5)
    assert np.linalg.norm(there.through(inside) - inside, axis=1).min() > 10.0  # ignoring it is far off
    # The inverse is found to 0.01 mm; the field stretches by 0.85 at least.
    back = find_mapping(found, SOURCE, OWN)
    np.testing.assert_allclose(back.through(expected), inside, atol=0.012)


def test_vectors_run_along_rows_then_columns_then_planes(build, item) -> None:
    dataset = item()
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = np.zeros((4 * 5 * 6, 3), dtype="<f4")
    vectors[2 * 30 + 1 * 6 + 3] = (1.0, -2.0, 4.0)  # plane 2, row 1, column 3
    grid.VectorGridData = vectors.tobytes()
    dataset.DeformableRegistrationSequence[0].PreDeformationMatrixRegistrationSequence = []
    del dataset.DeformableRegistrationSequence[0].PostDeformationMatrixRegistrationSequence
    (found,) = read(build.encoded(dataset))
    place = np.array([[-20.0, 30.0, 50.0]]) + OBLIQUE @ np.array([30.0, 12.0, 30.0])
    moved = find_mapping((found,), OWN, SOURCE).through(place) - place
    # Along x, y and z of the patient although the grid is oblique.
    np.testing.assert_allclose(moved, [[1.0, -2.0, 4.0]], atol=1e-5)


def test_an_item_without_a_grid_is_the_product_of_its_matrices(build, item) -> None:
    dataset = item()
    del dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence
    (found,) = read(build.encoded(dataset))
    assert isinstance(found, Registration)
    assert (found.from_frame_uid, found.to_frame_uid, found.kind) == (OWN, SOURCE, "RIGID")
    landmark = np.array([12.0, -34.0, 56.0])
    expected = POST[:3, :3] @ (PRE[:3, :3] @ landmark + PRE[:3, 3]) + POST[:3, 3]
    np.testing.assert_allclose((found.matrix @ [*landmark, 1.0])[:3], expected, atol=1e-9)


def test_several_items_and_the_own_frame(build, item) -> None:
    dataset, other = item(), item()
    other.DeformableRegistrationSequence[0].SourceFrameOfReferenceUID = "1.2.78"
    own = Dataset()
    own.SourceFrameOfReferenceUID = OWN
    dataset.DeformableRegistrationSequence = [
        own,
        other.DeformableRegistrationSequence[0],
        dataset.DeformableRegistrationSequence[0],
    ]
    assert [r.to_frame_uid for r in read(build.encoded(dataset))] == [SOURCE, "1.2.78"]


def test_an_item_may_name_images_instead_of_a_frame(build, item) -> None:
    dataset = item()
    del dataset.DeformableRegistrationSequence[0].SourceFrameOfReferenceUID
    dataset.DeformableRegistrationSequence[0].ReferencedImageSequence = [build.reference("1.2.5", "ct")]
    data = build.encoded(dataset)
    assert read(data, {"1.2.5": SOURCE})[0].to_frame_uid == SOURCE
    with pytest.raises(UnusableRegistration, match="does not say which frame"):
        read(data)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_hold_the_same_vectors(build, item, syntax) -> None:
    dataset = item()
    if syntax == ExplicitVRBigEndian:  # pydicom leaves the bytes of OF as they are
        grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
        grid.VectorGridData = np.frombuffer(grid.VectorGridData, "<f4").astype(">f4").tobytes()
        dataset.walk(lambda _, element: element.value)  # numbers are decoded before they are written the other way
        dataset = Dataset({element.tag: element for element in dataset})
    (found,) = read(build.encoded(dataset, syntax))
    np.testing.assert_array_equal(found.vectors_mm, made().vectors_mm)


def test_undefined_vectors_stay_undefined(build, item) -> None:
    dataset = item()
    grid = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
    vectors = made().vectors_mm.copy()
    vectors[0, 0, 0] = np.nan
    grid.VectorGridData = vectors.astype("<f4").tobytes()
    found = read(build.encoded(dataset))
    near, far = lattice().to_lps(np.array([[9.0, 11.0, 14.0], [11.0, 13.0, 16.0]]))
    mapped = find_mapping(found, OWN, SOURCE).through(np.array([near, far]))
    assert np.isnan(mapped[0]).all()
    assert np.isfinite(mapped[1]).all()


def spoilt(dataset: Dataset, fault: str) -> None:
    item = dataset.DeformableRegistrationSequence[0]
    grid = item.DeformableRegistrationGridSequence[0]
    matrix = item.PreDeformationMatrixRegistrationSequence[0]
    vectors = np.frombuffer(grid.VectorGridData, dtype="<f4").copy()
    faults: dict[str, Callable[[], object]] = {
        "no own frame": lambda: delattr(dataset, "FrameOfReferenceUID"),
        "no source frame": lambda: delattr(item, "SourceFrameOfReferenceUID"),
        "no items": lambda: setattr(dataset, "DeformableRegistrationSequence", []),
        "onto itself": lambda: setattr(item, "SourceFrameOfReferenceUID", OWN),
        "twice": lambda: dataset.DeformableRegistrationSequence.append(item),
        "two grids": lambda: item.DeformableRegistrationGridSequence.append(grid),
        "two matrices": lambda: item.PreDeformationMatrixRegistrationSequence.append(matrix),
        "mirror": lambda: setattr(
            matrix, "FrameOfReferenceTransformationMatrix", [-1, 0, 0, 0, 0, 1, *[0] * 4, 1, *[0] * 4, 1]
        ),
        "fifteen numbers": lambda: setattr(matrix, "FrameOfReferenceTransformationMatrix", [1.0] * 15),
        "matrix type": lambda: setattr(matrix, "FrameOfReferenceTransformationMatrixType", "HOMOGENEOUS"),
        "dimensions": lambda: setattr(grid, "GridDimensions", [6, 20]),
        "one plane": lambda: setattr(grid, "GridDimensions", [6, 20, 1]),
        "other dimensions": lambda: setattr(grid, "GridDimensions", [6, 5, 5]),
        "huge dimensions": lambda: setattr(grid, "GridDimensions", [2**32 - 1] * 3),
        "resolution": lambda: setattr(grid, "GridResolution", [10.0, 0.0, 15.0]),
        "negative resolution": lambda: setattr(grid, "GridResolution", [10.0, -12.0, 15.0]),
        "nan resolution": lambda: setattr(grid, "GridResolution", [10.0, float("nan"), 15.0]),
        "no resolution": lambda: delattr(grid, "GridResolution"),
        "no vectors": lambda: delattr(grid, "VectorGridData"),
        "short": lambda: setattr(grid, "VectorGridData", vectors[:-3].tobytes()),
        "no position": lambda: delattr(grid, "ImagePositionPatient"),
        "skew": lambda: setattr(grid, "ImageOrientationPatient", [1, 0, 0, 0.1, 1, 0]),
        "all undefined": lambda: setattr(grid, "VectorGridData", np.full_like(vectors, np.nan).tobytes()),
        "half defined": lambda: (vectors.__setitem__(4, np.nan), setattr(grid, "VectorGridData", vectors.tobytes())),
        "infinite": lambda: (vectors.__setitem__(4, np.inf), setattr(grid, "VectorGridData", vectors.tobytes())),
        "too long": lambda: (vectors.__setitem__(4, 1001.0), setattr(grid, "VectorGridData", vectors.tobytes())),
    }
    faults[fault]()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no own frame", "which frame of reference it registers to"),
        ("no source frame", "which frame of reference it starts from"),
        ("no items", "which frame of reference it registers to"),
        ("onto itself", "bends a frame of reference onto itself"),
        ("twice", "two transforms for one frame"),
        ("two grids", "several vector grids"),
        ("two matrices", "several matrices"),
        ("mirror", "mirrors, flattens or inflates"),
        ("fifteen numbers", "sixteen numbers"),
        ("matrix type", "not of its stated type"),
        ("dimensions", "Grid Dimensions"),
        ("one plane", "Grid Dimensions"),
        ("other dimensions", "three numbers for each point"),
        ("huge dimensions", "three numbers for each point"),
        ("resolution", "Grid Resolution"),
        ("negative resolution", "Grid Resolution"),
        ("nan resolution", "GridResolution is not a finite number"),
        ("no resolution", "Grid Resolution"),
        ("no vectors", "three numbers for each point"),
        ("short", "three numbers for each point"),
        ("no position", "Image Position"),
        ("skew", "perpendicular"),
        ("all undefined", "no vector of the grid is defined"),
        ("half defined", "defined in part"),
        ("infinite", "longer than 1000 mm"),
        ("too long", "longer than 1000 mm"),
    ],
)
def test_what_cannot_be_used_is_refused(build, item, fault, words) -> None:
    dataset = item()
    spoilt(dataset, fault)
    with pytest.raises(InputError, match=words):
        read(build.encoded(dataset))


@pytest.mark.parametrize("seed", range(5))
def test_flipped_bytes_only_raise_our_own_errors(build, item, seed) -> None:
    data = build.encoded(item())
    rng = np.random.default_rng(seed)
    for _ in range(60):
        mutated = bytearray(data)
        for at in rng.integers(132, len(data), int(rng.integers(1, 4))):
            mutated[at] = int(rng.integers(256))
        try:
            parsed = parse(bytes(mutated))
            document = make_document(0, bytes(mutated), "", parsed, is_prior=False)
            found = read_deformable(document, {})
        except (InputError, NotDicom):
            continue
        for one in found:
            assert np.isfinite(one.pre if isinstance(one, DeformableRegistration) else one.matrix).all()


def test_a_registration_that_starts_elsewhere_is_not_written(tmp_path: Path) -> None:
    away = dataclasses.replace(made(), from_frame_uid="1.2.3")
    with pytest.raises(ValueError, match="starts from"):
        write_deformable(tmp_path / "REG", HEADER, away)
    flat = dataclasses.replace(made(), vectors_mm=made().vectors_mm[:1])
    with pytest.raises(ValueError, match="one vector a voxel"):
        write_deformable(tmp_path / "REG", HEADER, flat)


def test_the_same_registration_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_deformable(tmp_path / name, HEADER, made())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
