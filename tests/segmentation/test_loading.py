"""A folder of masks to structures: what is used, under which name and where; what is refused, and how loudly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.errors import UsageError
from sbrtcheck.model import Code
from sbrtcheck.naming.tables import is_known
from sbrtcheck.results import Notice
from sbrtcheck.segmentation import Anatomy, load_anatomy
from sbrtcheck.segmentation.classes import _classes, class_of, class_of_codes, parts_of
from sbrtcheck.segmentation.folder import MAX_FILES

Folder = Callable[[Mapping[str, bytes]], Path]
ALL = slice(None)


def blocking(anatomy: Anatomy) -> set[str]:
    return {notice.code for notice in anatomy.notices if notice.severity == "blocking"}


def notice(anatomy: Anatomy, code: str) -> Notice:
    return next(n for n in anatomy.notices if n.code == code)


def names(anatomy: Anatomy) -> list[str]:
    return [structure.name for structure in anatomy.structures]


def shoelace(points_mm: Any) -> float:
    """Area of a polygon in an axial plane, mm2."""
    x, y = points_mm[:, 0], points_mm[:, 1]
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


# What is used


def test_one_file_a_class(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    heart, aorta = (build.box(slice(1, 4), slice(2, 5), slice(i, i + 3)) for i in (1, 5))
    place = folder(
        {
            "heart.nii.gz": build.packed(build.nifti(heart, image.lattice)),
            "aorta.nii": build.nifti(aorta, image.lattice),
        }
    )
    found = load_anatomy(place, image)
    assert [(s.roi_number, s.name) for s in found.structures] == [(-1001, "A_Aorta"), (-1002, "Heart")]
    assert {s.frame_of_reference_uid for s in found.structures} == {build.FRAME}
    assert [(r.modality, r.used, r.why, len(r.sha256)) for r in sorted(found.inputs, key=lambda r: r.why)] == [
        ("NIFTI", True, "anatomy: aorta", 64),
        ("NIFTI", True, "anatomy: heart", 64),
    ]
    assert not blocking(found)
    assert "Heart (-1002): heart" in found.assumptions[0].text


def test_an_outline_lies_half_way_between_voxels_in_patient_coordinates(build: SimpleNamespace, folder: Folder) -> None:
    # Voxels i 5-7, j 2-4, k 1-3 of 2 x 1.5 x 3 mm, the first at (-30, -40, -50); half a voxel more in plane.
    image = build.ct()
    mask = build.box(slice(1, 4), slice(2, 5), slice(5, 8))
    found = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice, turn="LPS")}), image)
    np.testing.assert_allclose(
        build.bounds(found.structures[0]),
        [[-30 + 2 * 4.5, -40 + 1.5 * 1.5, -50 + 3], [-30 + 2 * 7.5, -40 + 1.5 * 4.5, -50 + 9]],
        atol=1e-9,  # sums of a few doubles
    )


def test_left_stays_left(build: SimpleNamespace, folder: Folder) -> None:
    # In LPS x grows to the left: the mask of high i is the left one, whatever the order of axes in the file.
    image = build.ct()
    left, right = build.box(ALL, slice(3, 6), slice(7, 9)), build.box(ALL, slice(3, 6), slice(1, 3))
    for turn in ("RAS", "LPS", "SAR"):
        content = {
            "femur_left.nii": build.nifti(left, image.lattice, turn=turn),
            "femur_right.nii": build.nifti(right, image.lattice, turn=turn),
        }
        found = {s.name: build.bounds(s)[:, 0].mean() for s in load_anatomy(folder(content), image).structures}
        assert found["Femur_L"] == pytest.approx(-30 + 2 * 7.5)
        assert found["Femur_R"] == pytest.approx(-30 + 2 * 1.5)


def test_one_file_of_several_labels(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    labels = build.box(slice(1, 4), slice(2, 5), slice(1, 4)) * 7 + build.box(slice(1, 4), slice(2, 5), slice(5, 8)) * 3
    content = build.nifti(labels, image.lattice, names={7: "liver", 3: "spleen", 9: "brain", 11: "autochthon_left"})
    found = load_anatomy(folder({"segmentations.nii.gz": build.packed(content)}), image)
    assert names(found) == ["Liver", "Spleen"]
    assert build.bounds(found.structures[0])[0, 0] == pytest.approx(-29.0)  # half a voxel before i = 1
    assert notice(found, "anatomy-empty").message.endswith("brain")
    assert notice(found, "anatomy-not-used").message.endswith("autochthon_left")
    assert found.inputs[0].why == "anatomy: 2 structures"
    assert not blocking(found)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("seg.json", b'{"1": "liver", "2": "spleen"}'),
        ("seg.csv", b"label,name\n1,liver\n2,spleen\n"),
        ("seg.csv", b"\xef\xbb\xbf1, liver\r\n2, spleen\r\n"),
    ],
)
def test_names_in_a_file_beside_it(name: str, table: bytes, build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    labels = build.box(ALL, slice(2, 5), slice(1, 4)) + 2 * build.box(ALL, slice(2, 5), slice(5, 8))
    found = load_anatomy(folder({"seg.nii": build.nifti(labels, image.lattice), name: table}), image)
    assert names(found) == ["Liver", "Spleen"]
    assert {r.why for r in found.inputs} == {"anatomy: 2 structures", "names of the labels of a mask"}


def test_the_same_segmentation_in_three_formats(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(slice(1, 4), slice(2, 5), slice(5, 8))
    (from_nifti,) = load_anatomy(folder({"a/heart.nii": build.nifti(mask, image.lattice)}), image).structures
    points = [v for c in from_nifti.contours[:1] for v in c.points_mm.ravel().tolist()]
    (folder({}) / "a" / "heart.nii").unlink()
    dicom = {"x": build.encoded(build.seg({"heart": mask}, image.lattice))}
    found = load_anatomy(folder(dicom), image)
    (from_seg,) = found.structures
    assert [r.modality for r in found.inputs] == ["SEG"]
    assert (from_seg.name, len(from_seg.contours)) == (from_nifti.name, len(from_nifti.contours))
    np.testing.assert_allclose(build.bounds(from_seg), build.bounds(from_nifti), atol=1e-6)  # positions of 6 decimals
    (folder({}) / "x").unlink()
    found = load_anatomy(folder({"y": build.encoded(build.structure_set({"heart": points, "brain": []}))}), image)
    (from_set,) = found.structures
    assert (from_set.roi_number, from_set.name, from_set.interpreted_type) == (-1001, "Heart", "")
    np.testing.assert_allclose(from_set.contours[0].points_mm, from_nifti.contours[0].points_mm, atol=1e-9)
    assert "brain" in notice(found, "anatomy-empty").message


def test_a_box_keeps_its_volume(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(slice(1, 5), slice(2, 6), slice(3, 8))
    (structure,) = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice)}), image).structures
    # 5 x 4 voxels of 2 x 1.5 mm a slice, less the corners that the outline cuts (an eighth of a voxel each).
    areas = [shoelace(contour.points_mm) for contour in structure.contours]
    assert areas == pytest.approx([(20 - 4 / 8) * 3.0] * 4, rel=1e-9)


@pytest.mark.parametrize("i", [0, 9])
def test_a_mask_one_voxel_wide_at_the_end_of_a_row_has_a_width(i: int, build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(slice(1, 4), slice(7, 8), slice(i, i + 1))
    (structure,) = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice)}), image).structures
    low, high = build.bounds(structure)
    assert (high - low).tolist() == pytest.approx([2.0, 1.5, 6.0])


# Lobes


LOBES = {
    "lung_upper_lobe_left": (slice(3, 6), slice(6, 9)),
    "lung_lower_lobe_left": (slice(0, 3), slice(6, 9)),
    "lung_upper_lobe_right": (slice(4, 6), slice(1, 4)),
    "lung_middle_lobe_right": (slice(2, 4), slice(1, 4)),
    "lung_lower_lobe_right": (slice(0, 2), slice(1, 4)),
}


def lobes(build: SimpleNamespace, image: Any, without: str = "") -> dict[str, bytes]:
    boxes = {name: build.box(k, slice(2, 6), i) for name, (k, i) in LOBES.items()}
    boxes[without] = build.box(slice(0), slice(0), slice(0))
    return {f"{name}.nii": build.nifti(mask, image.lattice) for name, mask in boxes.items() if name}


def test_lobes_are_lungs_when_all_are_there(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    found = load_anatomy(folder(lobes(build, image)), image)
    assert names(found) == ["Lung_L", "Lung_R"]
    assert [len(s.contours) for s in found.structures] == [6, 6]  # one outline a slice: no fissure is left
    assert all(r.used for r in found.inputs)


def test_a_lung_without_one_lobe_stays_in_parts(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    found = load_anatomy(folder(lobes(build, image, without="lung_middle_lobe_right")), image)
    assert names(found) == ["Lung_L", "Lung_RLL", "Lung_RUL"]
    assert "lung_middle_lobe_right" in notice(found, "anatomy-empty").message


def test_lobes_that_interlock_lose_nothing(build: SimpleNamespace, folder: Folder) -> None:
    # The box of the upper lobe holds that of the lower one: an oblique fissure.
    image = build.ct()
    upper = build.box(ALL, slice(1, 7), slice(5, 9))
    lower = build.box(slice(1, 4), slice(3, 6), slice(6, 8))
    files = {
        "lung_upper_lobe_left.nii": build.nifti(upper - lower, image.lattice),
        "lung_lower_lobe_left.nii": build.nifti(lower, image.lattice),
    }
    (lung,) = load_anatomy(folder(files), image).structures
    assert [shoelace(c.points_mm) for c in lung.contours] == pytest.approx([(24 - 4 / 8) * 3.0] * 6, rel=1e-9)


def test_lobes_of_one_seg_are_lungs_and_of_two_grids_are_not(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    masks = {name: build.box(k, slice(2, 6), i) for name, (k, i) in LOBES.items() if name.endswith("left")}
    whole = load_anatomy(folder({"a": build.encoded(build.seg(masks, image.lattice))}), image)
    assert names(whole) == ["Lung_L"]
    (upper, lower) = masks.items()
    content = {
        "a": build.encoded(build.seg(dict([upper]), image.lattice)),
        "b": build.encoded(build.seg(dict([lower]), image.lattice, uid=f"{build.ROOT}.61")),
    }
    assert names(load_anatomy(folder(content), image)) == ["Lung_LLL", "Lung_LUL"]


# What is not used, and what is refused


def test_classes_that_location_does_not_need_are_listed(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    content = build.nifti(build.box(ALL, slice(2, 5), slice(1, 4)), image.lattice)
    found = load_anatomy(folder({"gluteus_maximus_left.nii": content, "heart.nii": content}), image)
    assert names(found) == ["Heart"]
    assert notice(found, "anatomy-not-used").message.endswith("gluteus_maximus_left")
    assert [r.why for r in found.inputs if not r.used] == [
        "ignored: location does not use the class gluteus_maximus_left"
    ]


@pytest.mark.parametrize("name", ["Heart", "heart_1", "femur left", "trachae", "ventricle"])
def test_a_name_is_never_taken_for_the_nearest(name: str, build: SimpleNamespace, folder: Folder) -> None:
    # "ventricle" is one of the brain: the TG-263 Ventricle is of the heart.
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    found = load_anatomy(folder({f"{name}.nii": build.nifti(mask, image.lattice)}), image)
    assert not found.structures
    assert blocking(found) == {"no-anatomy"}
    seg = build.encoded(build.seg({name: mask}, image.lattice))
    assert not load_anatomy(folder({"seg": seg}), image).structures


def test_names_that_are_no_classes_are_told_without_showing_them(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    content = {
        "Doe_John.nii": build.nifti(mask, image.lattice),
        "all.nii": build.nifti(mask, image.lattice, names={1: "Doe^John"}),
        "seg": build.encoded(build.seg({"Doe^John": mask}, image.lattice)),
        "notes Doe.txt": b"Doe",
    }
    place = folder(content)
    found = load_anatomy(place, image)
    assert sum(n.code == "anatomy-unknown-class" for n in found.notices) == 3
    assert len(found.inputs) == 4
    assert not any(r.used for r in found.inputs)
    shown = " ".join(map(str, (*found.notices, *found.inputs, *found.assumptions)))
    assert "Doe" not in shown
    assert str(place) not in shown


def test_several_labels_without_names_are_refused(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    labels = build.box(ALL, slice(2, 5), slice(1, 4)) * 51  # the heart in version 2, nothing like it in version 1
    for name in ("segmentations.nii", "heart.nii"):
        found = load_anatomy(folder({name: build.nifti(labels, image.lattice)}), image)
        assert blocking(found) == {"unusable-mask", "no-anatomy"}
        (folder({}) / name).unlink()


def test_names_that_do_not_belong_to_the_mask_are_refused(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    labels = build.box(ALL, slice(2, 5), slice(1, 4)) * 3
    content = build.nifti(labels, image.lattice, names={1: "heart", 2: "liver"})
    found = load_anatomy(folder({"seg.nii": content}), image)
    assert blocking(found) == {"unusable-mask", "no-anatomy"}
    assert "labels without a name (3)" in notice(found, "unusable-mask").message


@pytest.mark.parametrize(
    "table",
    [
        b'{"1": "spleen"}',  # contradicts the header
        b'{"EchoTime": 3}',
        b'{"1": ["heart"]}',
        b'{"1": "heart", "1": "liver"}',
        b"[1, 2]",
        b"\xff\xfe",
        b"",
        b"{" * 100_000,
        b"[" * 100_000,
    ],
)
def test_a_label_file_that_is_wrong_takes_the_mask_with_it(
    table: bytes, build: SimpleNamespace, folder: Folder
) -> None:
    image = build.ct()
    content = build.nifti(build.box(ALL, slice(2, 5), slice(1, 4)), image.lattice, names={1: "heart"})
    found = load_anatomy(folder({"seg.nii": content, "seg.json": table}), image)
    assert not found.structures
    assert "unusable-mask" in blocking(found)


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE x [<!ENTITY a "heart">]><C><LabelTable><Label Key="1">&a;</Label></LabelTable></C>',
        '<C><LabelTable><Label Key="1">heart</Label>',
        '<C><LabelTable><Label Key="one">heart</Label></LabelTable></C>',
        '<C><LabelTable><Label Key="1">heart</Label><Label Key="1">liver</Label></LabelTable></C>',
        '<C><LabelTable><Label Key="1">heart</Label><Label Key="2">heart</Label></LabelTable></C>',
        "<C><LabelTable></LabelTable></C>",
    ],
)
def test_a_label_table_that_is_wrong_is_refused(xml: str, build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    found = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice, names={1: "x"}, xml=xml)}), image)
    assert blocking(found) == {"unusable-mask", "no-anatomy"}


def test_a_file_and_its_only_label_must_be_one_class(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    content = build.nifti(build.box(ALL, slice(2, 5), slice(1, 4)), image.lattice, names={1: "liver"})
    found = load_anatomy(folder({"heart.nii": content}), image)
    assert "unusable-mask" in blocking(found)
    (folder({}) / "heart.nii").unlink()
    assert names(load_anatomy(folder({"liver.nii": content}), image)) == ["Liver"]


def test_a_task_called_like_one_of_its_classes_is_read(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    content = build.nifti(mask * 2, image.lattice, names={1: "lung_vessels", 2: "lung_trachea_bronchia"})
    found = load_anatomy(folder({"lung_vessels.nii": content}), image)
    # The whole airway is not the proximal bronchial tree, and TG-263 has no name for it.
    assert names(found) == ["AirWay"]


def test_two_masks_of_one_organ_are_both_left_out(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    one, other = (build.box(ALL, slice(2, 5), slice(i, i + 3)) for i in (1, 5))
    content = {
        "heart.nii": build.nifti(one, image.lattice),
        "again/heart.nii": build.nifti(other, image.lattice),
        "liver.nii": build.nifti(one, image.lattice),
    }
    found = load_anatomy(folder(content), image)
    assert names(found) == ["Liver"]
    assert blocking(found) == {"anatomy-claimed-twice"}
    assert sum(r.why == "ignored: nothing in it is used" for r in found.inputs) == 2


def test_two_segments_or_lobes_and_a_lung_that_claim_one_name(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    files = lobes(build, image) | {"lung_left.nii": build.nifti(build.box(ALL, ALL, slice(6, 9)), image.lattice)}
    found = load_anatomy(folder(files), image)
    assert names(found) == ["Lung_R"]
    assert blocking(found) == {"anatomy-claimed-twice"}


def test_an_identical_copy_is_told_and_not_counted(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    content = build.nifti(build.box(ALL, slice(2, 5), slice(1, 4)), image.lattice)
    found = load_anatomy(folder({"heart.nii": content, "again/heart.nii": content}), image)
    assert names(found) == ["Heart"]
    assert not blocking(found)
    assert [r.why for r in found.inputs if not r.used] == ["ignored: an identical copy of another file"]


def test_an_empty_mask_is_nothing_and_not_zero(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    empty = build.nifti(np.zeros(build.SHAPE, np.uint8), image.lattice)
    found = load_anatomy(folder({"heart.nii": empty, "brain.nii": empty}), image)
    assert not found.structures
    assert notice(found, "anatomy-empty").message.endswith("brain, heart")
    assert blocking(found) == {"no-anatomy"}


def test_anatomy_that_the_scan_cuts_is_told(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    for inside, cut in (((1, 5), False), ((0, 5), True), ((1, 6), True)):
        mask = build.box(slice(*inside), slice(2, 5), slice(1, 4))
        found = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice)}), image)
        assert any(n.code == "anatomy-cut" for n in found.notices) is cut
    for j, i in ((slice(0, 3), slice(1, 4)), (slice(2, 5), slice(7, 10))):
        mask = build.box(slice(1, 5), j, i)
        found = load_anatomy(folder({"heart.nii": build.nifti(mask, image.lattice)}), image)
        assert "Heart (-1001)" in notice(found, "anatomy-cut").message


def test_another_grid_is_refused(build: SimpleNamespace, folder: Folder) -> None:
    image, other = build.ct(), build.ct(np.diag([1.0, -1.0, -1.0]))
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    found = load_anatomy(folder({"heart.nii": build.nifti(mask, other.lattice)}), image)
    assert blocking(found) == {"unusable-mask", "no-anatomy"}


def test_without_a_planning_ct_nifti_masks_are_refused(build: SimpleNamespace, folder: Folder) -> None:
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    place = folder({"heart.nii": build.nifti(mask, build.ct().lattice)})
    assert blocking(load_anatomy(place, None)) == {"unusable-mask", "no-anatomy"}


def test_dicom_masks_must_be_in_the_frame_of_the_plan(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    square = [0.0, 0.0, -50.0, 9.0, 0.0, -50.0, 9.0, 9.0, -50.0]
    for frame in (f"{build.ROOT}.99", ""):
        for dataset in (
            build.seg({"heart": mask}, image.lattice, frame=frame),
            build.structure_set({"heart": square}, frame),
        ):
            place = folder({"x": build.encoded(dataset)})
            assert blocking(load_anatomy(place, image)) == {"unusable-mask", "no-anatomy"}
            assert not load_anatomy(place, None).structures
            assert not load_anatomy(place, build.ct(frame="")).structures
            # The structures of the plan may be in another frame than the CT.
            assert bool(load_anatomy(place, image, [frame]).structures) is bool(frame)


def test_segments_are_named_by_code_where_the_label_is_no_class(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    masks = {label: build.box(slice(k, k + 1), slice(2, 5), slice(1, 4)) for k, label in enumerate("abcdef")}
    codes = {
        "a": ("80891009", None),  # heart
        "b": ("71341001", "7771000"),  # femur, left
        "c": ("71341001", None),  # femur
        "d": ("80891009", "7771000"),  # "left heart" is not the heart
        "e": ("71341001", "51440002"),  # both sides
        "f": ("85756007", None),  # tissue
    }
    found = load_anatomy(folder({"x": build.encoded(build.seg(masks, image.lattice, codes=codes))}), image)
    assert names(found) == ["Femur", "Femur_L", "Heart"]
    assert sum(n.code == "anatomy-unknown-class" for n in found.notices) == 3


def test_a_side_that_is_not_understood_is_not_left_out() -> None:
    femur = Code("71341001", "SCT", "Femur")
    for scheme, value in (("SRT", "G-A101"), ("99LOCAL", "7771000")):
        assert class_of_codes((femur,), (Code(value, scheme, "Left"),)) is None
    left = Code("7771000", "SCT", "Left")
    assert class_of_codes((femur,), (left, left)) is None
    assert class_of_codes((femur, femur), ()) is None


def test_a_label_and_a_code_that_contradict_each_other_name_nothing(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    masks = {"femur_left": build.box(ALL, slice(2, 5), slice(1, 4)), "heart": build.box(ALL, slice(2, 5), slice(5, 8))}
    for code in (("71341001", "24028007"), ("10200004", None)):  # right femur; liver
        dataset = build.seg(masks, image.lattice, codes={"femur_left": code})
        found = load_anatomy(folder({"x": build.encoded(dataset)}), image)
        assert names(found) == ["Heart"]
        assert blocking(found) == {"anatomy-contradiction"}


def test_fractions_count_from_half_on_and_the_report_says_so(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = np.zeros(build.SHAPE, np.uint8)
    mask[1:4, 2:5, 1:5], mask[1:4, 2:5, 5] = 100, 99  # of 200
    found = load_anatomy(
        folder({"x": build.encoded(build.seg({"heart": mask}, image.lattice, kind="FRACTIONAL"))}), image
    )
    assert build.bounds(found.structures[0])[:, 0].tolist() == pytest.approx([-30 + 2 * 0.5, -30 + 2 * 4.5])
    assert any("0.5 of the maximum" in a.text for a in found.assumptions)


def test_damaged_files_block(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    mask = build.box(ALL, slice(2, 5), slice(1, 4))
    good = build.nifti(mask, image.lattice)
    seg = build.encoded(build.seg({"liver": mask}, image.lattice))
    content = {"heart.nii": good, "spleen.nii.gz": build.packed(good)[:-9], "x": seg[:-20]}
    found = load_anatomy(folder(content), image)
    assert names(found) == ["Heart"]
    assert blocking(found) == {"unreadable-file"}
    assert sum(r.why.startswith("unreadable") for r in found.inputs) == 2


def test_other_files_and_links_are_accounted_for_and_not_followed(
    build: SimpleNamespace, folder: Folder, tmp_path: Path
) -> None:
    image = build.ct()
    content = build.nifti(build.box(ALL, slice(2, 5), slice(1, 4)), image.lattice)
    place = folder({"heart.nii": content, "statistics.json": b"{}", "preview.png": b"\x89PNG", "empty": b""})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "liver.nii").write_bytes(content)
    (place / "liver.nii").symlink_to(outside / "liver.nii")
    (place / "more").symlink_to(outside, target_is_directory=True)
    (place / "loop").symlink_to(place, target_is_directory=True)
    (place / "gone").symlink_to(outside / "gone")
    found = load_anatomy(place, image)
    assert names(found) == ["Heart"]
    whys = sorted(r.why for r in found.inputs)
    assert whys.count("ignored: a link or special file is not followed") == 4
    assert len(whys) == 8
    assert not blocking(found)


def test_dicom_of_another_kind_is_no_mask(build: SimpleNamespace, folder: Folder) -> None:
    ct = build.make(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=f"{build.ROOT}.8", Modality="CT", PatientName="Doe"
    )
    found = load_anatomy(folder({"x": build.encoded(ct)}), build.ct())
    assert [r.why for r in found.inputs] == ["ignored: objects of modality CT are no masks"]
    assert blocking(found) == {"no-anatomy"}


def test_a_folder_that_is_not_there_or_was_not_meant(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_anatomy(tmp_path / "none", None)
    with pytest.raises(UsageError, match="more than 2000"):
        load_anatomy(folder({str(n): b"" for n in range(MAX_FILES + 1)}), None)


def test_names_and_order_of_files_do_not_matter(build: SimpleNamespace, folder: Folder) -> None:
    image = build.ct()
    one, other = (build.box(ALL, slice(2, 5), slice(i, i + 3)) for i in (1, 5))
    segs = [
        build.encoded(build.seg({label: mask}, image.lattice, uid=f"{build.ROOT}.{n}"))
        for n, (label, mask) in enumerate((("heart", one), ("aorta", other), ("liver", one)))
    ]
    first = load_anatomy(folder({f"a/{n}": s for n, s in enumerate(segs)}), image)
    for path in (folder({}) / "a").iterdir():
        path.unlink()
    second = load_anatomy(folder({f"b/{9 - n}": s for n, s in enumerate(segs)}), image)
    assert (first.inputs, first.notices, first.assumptions) == (second.inputs, second.notices, second.assumptions)
    assert [(s.roi_number, s.name) for s in first.structures] == [(s.roi_number, s.name) for s in second.structures]


# The table


def test_every_class_that_is_used_has_a_name_that_is_known() -> None:
    names = {one.tg263 for one in _classes().values() if one.tg263}
    assert {name for name in names if not is_known(name)} == {"AirWay"}


def test_sides_and_levels_agree_with_the_names_of_the_classes() -> None:
    for one in _classes().values():
        if one.tg263.endswith(("_L", "_R")):
            side = {"_L": "left", "_R": "right"}[one.tg263[-2:]]
            assert side in one.name.split("_"), one
        if one.tg263.startswith(("Rib", "VB_")):
            digits = "".join(filter(str.isdigit, one.name))
            assert int(digits) == int("".join(filter(str.isdigit, one.tg263))), one


def test_two_classes_share_a_name_only_where_versions_renamed_one() -> None:
    used = [one.tg263 for one in _classes().values() if one.tg263]
    assert {name for name in used if used.count(name) > 1} == {"AirWay"}


def test_lungs_have_two_and_three_lobes() -> None:
    assert parts_of("Lung_L") == {"Lung_LUL", "Lung_LLL"}
    assert parts_of("Lung_R") == {"Lung_RUL", "Lung_RML", "Lung_RLL"}


@pytest.mark.parametrize(
    ("name", "tg263"),
    [
        ("pulmonary_artery", "A_Pulmonary"),
        ("pulmonary_vein", "V_Pulmonary"),
        ("hip_left", "Bone_Pelvic_L"),
        ("tibia", "Tibia"),
        ("lung", ""),  # of the task lung_nodules: leaves the nodules out
        ("lung_arteries", ""),  # within the lung, not the pulmonary artery of the definitions
        ("ventricle", ""),  # of the brain
        ("heart_myocardium", ""),
    ],
)
def test_classes_that_could_be_taken_for_something_else(name: str, tg263: str) -> None:
    found = class_of(name)
    assert found is not None
    assert found.tg263 == tg263
