"""Spatial Registration: the direction of a matrix, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest


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


def several(build, *matrices):
    dataset = build.registration(f"{build.ROOT}.7.1", matrices[0])
    sequence = dataset.RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence
    for matrix in matrices[1:]:
        more = build.registration("1.2", matrix).RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
        sequence.append(more)
    return dataset


def test_several_matrices_are_multiplied_only_where_their_order_does_not_matter(read, build) -> None:
    shift = np.eye(4)
    shift[:3, 3] = (1.0, 2.0, 3.0)
    (found,) = read(*build.whole(), several(build, shift, shift)).case.registrations
    assert found.matrix[:3, 3] == pytest.approx([2.0, 4.0, 6.0])
    reading = read(*build.whole(), several(build, shift, turned()))
    assert reading.case.registrations == ()
    assert "unusable-registration" in {n.code for n in reading.notices}


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


def test_a_deformable_registration_is_recognised_and_not_used(read, build) -> None:
    dataset = build.general("deformable", f"{build.ROOT}.7.1")
    reading = read(*build.whole(), dataset)
    assert reading.case.registrations == ()
    assert "ignored: deformable registration is not used yet" in {r.why for r in reading.inputs}
    assert "deformable-registration" in {n.code for n in reading.notices}
