"""Spatial Registration: the direction of a matrix, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.dicom.write import Header, write_registration
from sbrtcheck.model import Registration, frozen


def turned(degrees=90.0, shift=(10.0, 20.0, 30.0)):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(4)
    matrix[:2, :2] = [[c, -s], [s, c]]
    matrix[:3, 3] = shift
    return matrix


def test_a_matrix_carries_the_frame_of_its_item_into_the_frame_of_the_object(read, build, codes) -> None:
    reading = read(*build.whole(), build.registration(f"{build.ROOT}.7.1", turned()))
    (found,) = reading.case.registrations
    assert (found.from_frame_uid, found.to_frame_uid, found.kind) == (f"{build.ROOT}.77", build.FRAME, "RIGID")
    # PS3.3 C.20.2.1.1: a point of the item's frame, turned by 90 degrees about z and shifted, in the object's frame.
    point = found.matrix @ np.array([1.0, 0.0, 0.0, 1.0])
    assert point[:3] == pytest.approx([10.0, 21.0, 30.0])
    assert codes(reading) == set()


def test_the_identity_of_the_registered_frame_itself_is_no_registration(read, build) -> None:
    dataset = build.registration(f"{build.ROOT}.7.1", turned())
    own = build.registration(f"{build.ROOT}.7.2", np.eye(4), source=build.FRAME).RegistrationSequence[0]
    dataset.RegistrationSequence.append(own)
    assert len(read(*build.whole(), dataset).case.registrations) == 1


def test_an_item_may_name_images_instead_of_a_frame(read, build) -> None:
    dataset = build.registration(f"{build.ROOT}.7.1", turned(), target=f"{build.ROOT}.99")
    item = dataset.RegistrationSequence[0]
    del item.FrameOfReferenceUID
    item.ReferencedImageSequence = [build.reference(f"{build.SERIES}.0", "ct")]
    (found,) = read(*build.whole(), dataset).case.registrations
    assert (found.from_frame_uid, found.to_frame_uid) == (build.FRAME, f"{build.ROOT}.99")


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        (turned(30.0), "RIGID"),
        (np.diag([1.1, 0.9, 1.2, 1.0]) @ turned(30.0), "RIGID_SCALE"),
        (turned(-20.0) @ np.array([[1.1, 0.2, 0, 5], [0, 0.9, 0.1, -7], [0.05, 0, 1, 9], [0, 0, 0, 1.0]]), "AFFINE"),
    ],
)
def test_what_is_written_is_read(read, build, tmp_path, matrix, kind) -> None:
    header = Header("Test^Case", "case-1", "", "1.2.9", "20240502", build.FRAME, "HFS")
    written = Registration("1.2.7", "1.2.77", build.FRAME, frozen(matrix), kind)
    write_registration(tmp_path / "REG", header, written)
    (found,) = read(*build.whole(), (tmp_path / "REG").read_bytes()).case.registrations
    assert (found.sop_instance_uid, found.from_frame_uid, found.to_frame_uid, found.kind) == (
        "1.2.7",
        "1.2.77",
        build.FRAME,
        kind,
    )
    # Decimal strings of 16 characters keep 12 decimals of numbers between -10 and 100.
    np.testing.assert_allclose(found.matrix, matrix, rtol=0.0, atol=1e-11)


def several(build, *matrices, kind="RIGID"):
    def sequence(dataset):
        return dataset.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence

    first, *rest = (build.registration(f"{build.ROOT}.7.1", matrix, kind=kind) for matrix in matrices)
    for more in rest:
        sequence(first).append(sequence(more)[0])
    return first


def test_of_several_matrices_the_first_is_applied_first(read, build) -> None:
    shift = np.eye(4)
    shift[:3, 3] = (1.0, 2.0, 3.0)
    (found,) = read(*build.whole(), several(build, shift, turned(), scaled(2.0), kind="AFFINE")).case.registrations
    # PS3.3 equation C.20.2-2. (4, 5, 6) is shifted to (5, 7, 9), turned to (-7, 5, 9) + (10, 20, 30), and doubled.
    np.testing.assert_allclose(found.matrix @ [4.0, 5.0, 6.0, 1.0], [6.0, 50.0, 78.0, 1.0], atol=1e-9)
    assert found.kind == "AFFINE"
    (found,) = read(*build.whole(), several(build, turned(), shift)).case.registrations
    np.testing.assert_allclose(found.matrix @ [4.0, 5.0, 6.0, 1.0], [6.0, 26.0, 39.0, 1.0], atol=1e-9)
    assert found.kind == "RIGID"


def scaled(factor):
    return np.diag([factor, factor, factor, 1.0])


@pytest.mark.parametrize(
    ("matrix", "kind", "accepted"),
    [
        (scaled(1.1), "RIGID", False),
        (scaled(1.1), "RIGID_SCALE", True),
        (np.diag([1.1, 0.9, 1.0, 1.0]) @ turned(30.0), "RIGID_SCALE", True),
        (turned(30.0) @ np.diag([1.1, 0.9, 1.0, 1.0]), "RIGID_SCALE", True),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "RIGID", False),
        (np.diag([1.0, 1.0, 0.0, 1.0]), "AFFINE", False),
        (np.diag([1.0, 1.0, 0.09, 1.0]), "AFFINE", False),
        (scaled(10.1), "AFFINE", False),
        (np.diag([1.1, 0.9, 1.0, 1.0]) @ turned(30.0) @ np.diag([1.2, 1.0, 0.8, 1.0]), "AFFINE", True),
        (turned() + np.eye(4)[[3, 3, 3, 0]], "RIGID", False),
        (turned(), "", False),
    ],
)
def test_a_matrix_must_be_what_its_type_says(read, build, matrix, kind, accepted) -> None:
    reading = read(*build.whole(), build.registration(f"{build.ROOT}.7.1", np.round(matrix, 9), kind=kind))
    assert bool(reading.case.registrations) is accepted
    assert ("unusable-registration" in {n.code for n in reading.notices}) is not accepted


@pytest.mark.parametrize("fault", ["no target", "no source", "no items", "self", "twice"])
def test_frames_that_cannot_be_known_are_refused_without_blocking(read, build, codes, fault) -> None:
    dataset = build.registration(f"{build.ROOT}.7.1", turned())
    if fault == "no target":
        del dataset.FrameOfReferenceUID
    elif fault == "no source":
        del dataset.RegistrationSequence[0].FrameOfReferenceUID
    elif fault == "no items":
        dataset.RegistrationSequence = []
    elif fault == "self":
        dataset.RegistrationSequence[0].FrameOfReferenceUID = build.FRAME
    else:
        dataset.RegistrationSequence.append(dataset.RegistrationSequence[0])
    reading = read(*build.whole(), dataset)
    assert reading.case.registrations == ()
    assert "unusable-registration" in {n.code for n in reading.notices}
    assert codes(reading) == set()
