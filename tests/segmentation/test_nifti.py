"""NIfTI masks: laid onto the planning CT in any order of axes, refused on any other grid."""

from __future__ import annotations

import gzip
import itertools
import sys
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

from sbrtcheck.errors import InputError, UnreadableFile, UnusableMask, UsageError
from sbrtcheck.segmentation.nifti import POSITION_TOLERANCE_MM, read_header, read_labels

# Every way to lay three axes: 6 orders times 8 directions.
ORIENTATIONS = [
    "".join(codes) for order in itertools.permutations(("RL", "AP", "SI")) for codes in itertools.product(*order)
]


def landmark() -> Any:
    """Labels that no turn or reflection maps onto themselves."""
    labels = np.zeros((6, 8, 10), dtype=np.uint8)
    labels[1, 2, 3], labels[1, 2, 4], labels[1, 4, 3], labels[4, 2, 3] = 1, 2, 3, 4
    return labels


def laid(content: bytes, image: Any) -> Any:
    return read_labels(content, read_header(content), image.lattice)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_order_and_direction_of_axes_gives_the_same_labels(codes: str, build: SimpleNamespace) -> None:
    image = build.ct()
    content = build.nifti(landmark(), image.lattice, turn=codes)
    assert nibabel.aff2axcodes(nibabel.Nifti1Image.from_bytes(content).affine) == tuple(codes)
    np.testing.assert_array_equal(laid(content, image), landmark())


@pytest.mark.parametrize("turn_degrees", [0.0, 12.0, 90.0, 180.0])
def test_oblique_prone_and_feet_first_scans(turn_degrees: float, build: SimpleNamespace) -> None:
    angle = np.radians(turn_degrees)
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    tilted = about_z @ np.array([[1.0, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]])
    for axes in (about_z, tilted, about_z @ np.diag([1.0, 1.0, -1.0])):
        image = build.ct(axes)
        np.testing.assert_array_equal(laid(build.nifti(landmark(), image.lattice), image), landmark())


def test_a_voxel_of_the_file_is_the_voxel_of_the_ct_at_the_same_place(build: SimpleNamespace) -> None:
    # By hand: voxel (1, 2, 3) of the CT lies at -30 + 3 * 2, -40 + 2 * 1.5, -50 + 3 LPS, so at (24, 37, -47) RAS.
    data = np.zeros((10, 8, 6), dtype=np.uint8)
    affine = np.array([[2.0, 0, 0, 12.0], [0, 1.5, 0, 29.5], [0, 0, 3.0, -50.0], [0, 0, 0, 1.0]])  # RAS, corner R, P
    data[tuple(np.round(np.linalg.solve(affine, [24.0, 37.0, -47.0, 1.0])).astype(int)[:3])] = 1
    labels = laid(nibabel.Nifti1Image(data, affine).to_bytes(), build.ct())
    assert np.argwhere(labels).tolist() == [[1, 2, 3]]


def test_taken_as_lps_the_file_would_not_lie_on_the_ct(build: SimpleNamespace) -> None:
    image = build.ct()
    content = build.nifti(
        landmark(), image.lattice, affine=build.affine_of(image.lattice)
    )  # the sign of x, y forgotten
    with pytest.raises(UnusableMask, match="mm from those of the planning CT"):
        laid(content, image)


def test_packed_and_version_2_files(build: SimpleNamespace) -> None:
    image = build.ct()
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        content = build.nifti(landmark(), image.lattice, kind=kind, names={1: "heart"})
        for stored in (content, build.packed(content)):
            assert read_header(stored).names == {1: "heart"}
            np.testing.assert_array_equal(laid(stored, image), landmark())


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type(dtype: Any, build: SimpleNamespace) -> None:
    image = build.ct()
    np.testing.assert_array_equal(laid(build.nifti(landmark().astype(dtype), image.lattice), image), landmark())


@pytest.mark.parametrize("value", [0.7, 1.0000001, -1.0, 65536.0, np.nan, np.inf])
def test_values_that_are_no_labels_are_refused(value: float, build: SimpleNamespace) -> None:
    image, labels = build.ct(), landmark().astype(np.float64)
    labels[0, 0, 0] = value
    with pytest.raises(UnusableMask, match="whole numbers"):
        laid(build.nifti(labels, image.lattice), image)


def test_scaled_values_are_refused(build: SimpleNamespace) -> None:
    content = build.nifti(landmark(), build.ct().lattice, edit=lambda h: h.set_slope_inter(0.5, 0))
    with pytest.raises(UnusableMask, match="scaled"):
        read_header(content)


@pytest.mark.parametrize("shift_mm", [0.0, 0.9 * POSITION_TOLERANCE_MM])
def test_a_grid_within_the_tolerance_is_that_of_the_ct(shift_mm: float, build: SimpleNamespace) -> None:
    image = build.ct()
    affine = build.LPS_TO_RAS @ build.affine_of(image.lattice)
    affine[0, 3] += shift_mm
    np.testing.assert_array_equal(laid(build.nifti(landmark(), image.lattice, affine=affine), image), landmark())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shifted_grid_is_refused(axis: int, build: SimpleNamespace) -> None:
    image = build.ct()
    affine = build.LPS_TO_RAS @ build.affine_of(image.lattice)
    affine[axis, 3] += 1.2 * POSITION_TOLERANCE_MM
    with pytest.raises(UnusableMask, match=r"up to 0\.12 mm"):
        laid(build.nifti(landmark(), image.lattice, affine=affine), image)


def test_another_spacing_is_refused(build: SimpleNamespace) -> None:
    image = build.ct()
    affine = build.LPS_TO_RAS @ build.affine_of(image.lattice)
    affine[2, 2] *= 1.01  # 0.15 mm at the last of 6 slices of 3 mm
    with pytest.raises(UnusableMask, match=r"up to 0\.15 mm"):
        laid(build.nifti(landmark(), image.lattice, affine=affine), image)


def test_a_ct_with_a_missing_slice_is_another_grid(build: SimpleNamespace) -> None:
    image = build.ct(k_mm=[0.0, 3.0, 6.0, 12.0, 15.0, 18.0])
    with pytest.raises(UnusableMask, match=r"up to 3\.00 mm"):
        laid(build.nifti(landmark(), build.ct().lattice), image)


def test_another_number_of_voxels_is_refused(build: SimpleNamespace) -> None:
    image = build.ct()
    with pytest.raises(UnusableMask, match="10 x 8 x 5 voxels"):
        laid(build.nifti(landmark()[:5], image.lattice), image)


def test_a_header_of_impossible_size_is_refused_before_anything_is_unpacked(build: SimpleNamespace) -> None:
    image = build.ct()
    content = bytearray(build.nifti(landmark(), image.lattice))
    content[40:56] = np.array([3, 32767, 32767, 32767, 1, 1, 1, 1], dtype="<i2").tobytes()
    with pytest.raises(UnusableMask, match="32767 x 32767 x 32767"):
        laid(build.packed(bytes(content)), image)


def test_a_packed_file_that_goes_on_and_on_is_refused(build: SimpleNamespace) -> None:
    image = build.ct()
    bomb = gzip.compress(build.nifti(landmark(), image.lattice) + bytes(2**25))
    with pytest.raises(UnreadableFile, match="goes on"):
        laid(bomb, image)


def test_damaged_files_are_refused(build: SimpleNamespace) -> None:
    image = build.ct()
    content = build.nifti(landmark(), image.lattice)
    stored = build.packed(content)
    wrong_sum = stored[:-8] + bytes(4) + stored[-4:]
    for bad in (stored[:-9], wrong_sum, stored[:40], b"", b"\x1f\x8b", content[:-1], content[:300], b"x" * 1000):
        with pytest.raises(UnreadableFile):
            laid(bad, image)


@pytest.mark.parametrize("at", [40, 70, 108, 344])
def test_a_header_with_wrong_bytes_is_refused(at: int, build: SimpleNamespace) -> None:
    image = build.ct()
    content = bytearray(build.nifti(landmark(), image.lattice))
    content[at : at + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(InputError):
        laid(bytes(content), image)


def test_four_dimensions_are_refused(build: SimpleNamespace) -> None:
    content = nibabel.Nifti1Image(np.zeros((10, 8, 6, 2), np.uint8), np.eye(4)).to_bytes()
    with pytest.raises(UnusableMask, match="4 dimensions"):
        read_header(content)


def test_colours_and_complex_numbers_are_refused(build: SimpleNamespace) -> None:
    for dtype in (np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])):
        with pytest.raises(UnusableMask, match="single numbers"):
            read_header(nibabel.Nifti1Image(np.zeros((10, 8, 6), dtype), np.eye(4)).to_bytes())


def test_shear_is_refused(build: SimpleNamespace) -> None:
    affine = build.LPS_TO_RAS @ build.affine_of(build.ct().lattice)
    affine[0, 2] = 0.01  # 0.2 degrees of gantry tilt
    with pytest.raises(UnusableMask, match="shear"):
        read_header(build.nifti(landmark(), build.ct().lattice, affine=affine))


def test_a_file_that_says_nothing_of_its_place_is_refused(build: SimpleNamespace) -> None:
    content = bytearray(build.nifti(landmark(), build.ct().lattice))
    content[252:256] = bytes(4)  # qform_code and sform_code, nifti1.h
    with pytest.raises(UnusableMask, match="sform and qform are unset"):
        read_header(bytes(content))


def test_two_orientations_must_agree(build: SimpleNamespace) -> None:
    image = build.ct()
    affine = build.LPS_TO_RAS @ build.affine_of(image.lattice)
    good = build.nifti(landmark(), image.lattice, edit=lambda h: h.set_qform(affine, 1))
    np.testing.assert_array_equal(laid(good, image), landmark())
    turned = affine @ np.diag([-1.0, -1.0, 1.0, 1.0])
    with pytest.raises(UnusableMask, match="contradict"):
        read_header(build.nifti(landmark(), image.lattice, edit=lambda h: h.set_qform(turned, 1)))


def test_an_orientation_in_the_qform_alone_is_used(build: SimpleNamespace) -> None:
    image = build.ct()
    affine = build.LPS_TO_RAS @ build.affine_of(image.lattice)

    def quaternion_only(header: Any) -> None:
        header.set_qform(affine, 1)
        header["sform_code"] = 0

    np.testing.assert_array_equal(laid(build.nifti(landmark(), image.lattice, edit=quaternion_only), image), landmark())


def test_other_units_are_refused(build: SimpleNamespace) -> None:
    content = build.nifti(landmark(), build.ct().lattice, edit=lambda h: h.set_xyzt_units("meter"))
    with pytest.raises(UnusableMask, match="millimetres"):
        read_header(content)


def test_without_nibabel_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(UsageError, match=r"pip install 'sbrtcheck\[masks\]'"):
        read_header(b"")
