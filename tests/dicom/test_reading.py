"""A whole submission: what belongs together, what is ambiguous, what is missing, and that nothing is lost."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from sbrtcheck.dicom import load_case
from sbrtcheck.errors import (
    AmbiguousCase,
    DuplicateInstance,
    MixedPatients,
    NoDicomFound,
    UsageError,
)


def test_a_whole_submission_is_read_without_a_complaint(read, build, codes) -> None:
    reading = read(*build.whole())
    case = reading.case
    assert case.plan.sop_instance_uid == build.PLAN
    assert [p.dose_gy for p in case.plan.prescriptions] == [50.0]
    assert [s.name for s in case.structure_set.structures] == ["PTV", "Lung_L"]
    assert case.dose.sop_instance_uids == (build.DOSE,)
    assert case.image.lattice.shape == (3, 4, 6)
    assert reading.notices == ()
    assert reading.assumptions == ()
    assert all(record.used for record in reading.inputs)
    assert len(reading.inputs) == 6


def test_order_and_names_of_files_change_nothing(write, build, tmp_path) -> None:
    one = write(*build.whole(), b"a note", folder="one")
    other = tmp_path / "deep" / "down"
    other.mkdir(parents=True)
    for number, file in enumerate(sorted(one.iterdir(), reverse=True)):
        shutil.copy(file, other / f"{number}.image")
    first, second = load_case([one]), load_case(sorted(other.iterdir(), reverse=True))
    assert (first.inputs, first.notices, first.assumptions) == (second.inputs, second.notices, second.assumptions)
    assert np.array_equal(first.case.dose.dose_gy, second.case.dose.dose_gy)
    assert first.case.image.sop_instance_uids == second.case.image.sop_instance_uids


def test_files_that_are_not_dicom_are_ignored_with_a_reason(read, build, codes) -> None:
    reading = read(*build.whole(), b"# notes\n", b"\x89PNG\r\n\x1a\nxxxx", b'{"a": 1}')
    why = sorted(r.why for r in reading.inputs if not r.used)
    assert why == ["ignored: a picture, not DICOM", "ignored: text, not DICOM", "ignored: text, not DICOM"]
    assert codes(reading) == set()


@pytest.mark.parametrize("junk", [b"", b"\x00" * 500, bytes(range(256)) * 4])
def test_bytes_of_an_unknown_kind_are_unreadable_and_block(read, build, codes, junk) -> None:
    reading = read(*build.whole(), junk)
    assert "unreadable-file" in codes(reading)
    assert [r.why.startswith("unreadable: ") for r in reading.inputs if not r.used] == [True]


def test_nothing_readable(read, tmp_path) -> None:
    with pytest.raises(NoDicomFound, match="text, not DICOM"):
        read(b"only a note")
    with pytest.raises(UsageError):
        load_case([tmp_path / "absent"])


@pytest.mark.parametrize(("left_out", "code"), [(0, "no-plan"), (1, "no-structures"), (2, "no-dose")])
def test_a_missing_part_is_none_and_named(read, build, codes, left_out, code) -> None:
    parts = build.whole()
    del parts[left_out]
    assert codes(read(*parts)) == {code}


def test_a_missing_ct_is_named_but_blocks_nothing(read, build, codes) -> None:
    reading = read(*build.whole()[:3])
    assert codes(reading) == set()
    assert {n.code for n in reading.notices} == {"no-ct"}


def test_two_plans_need_a_choice(read, write, build) -> None:
    other = build.plan(f"{build.ROOT}.2.2")
    other.RTPlanLabel = "Boost"
    folder = write(*build.whole(), other)
    with pytest.raises(AmbiguousCase, match=r"2\.2 \(Boost\)") as error:
        load_case([folder])
    assert "--plan UID" in str(error.value)
    reading = load_case([folder], plan_uid=f"{build.ROOT}.2.2")
    assert reading.case.plan.label == "Boost"
    assert reading.case.dose is None  # it belongs to the other plan
    assert load_case([folder], plan_uid=build.PLAN).case.dose is not None
    with pytest.raises(UsageError, match="no readable plan"):
        load_case([folder], plan_uid="1.2.3")


def test_two_plan_doses_are_never_chosen_between(read, build) -> None:
    with pytest.raises(AmbiguousCase, match="2 RT Dose"):
        read(*build.whole(), build.dose(f"{build.ROOT}.4.2"))
    with pytest.raises(AmbiguousCase):
        read(*build.whole(), build.dose(f"{build.ROOT}.4.2", DoseType="EFFECTIVE"))


def test_two_structure_sets_without_a_plan(read, build) -> None:
    with pytest.raises(AmbiguousCase, match="2 structure sets"):
        read(build.structures(), build.structures(f"{build.ROOT}.3.2"))


def test_the_structure_set_of_the_plan_is_taken_among_several(read, build, codes) -> None:
    reading = read(*build.whole(), build.structures(f"{build.ROOT}.3.2"))
    assert reading.case.structure_set.sop_instance_uid == build.STRUCTURES
    assert codes(reading) == set()


@pytest.mark.parametrize("in_frame", [True, False])
def test_a_lone_structure_set_that_the_plan_does_not_refer_to(read, build, codes, in_frame) -> None:
    stray = build.structures(f"{build.ROOT}.3.2")
    if not in_frame:
        for item in [*stray.ReferencedFrameOfReferenceSequence]:
            item.FrameOfReferenceUID = f"{build.ROOT}.88"
        for item in stray.StructureSetROISequence:
            item.ReferencedFrameOfReferenceUID = f"{build.ROOT}.88"
    reading = read(build.plan(), stray, build.dose())
    assert (reading.case.structure_set is not None) is in_frame
    assert "structures-not-linked" in codes(reading)
    assert bool(reading.assumptions) is in_frame


def test_a_dose_of_another_plan_is_not_used(read, build, codes) -> None:
    stray = build.dose()
    stray.ReferencedRTPlanSequence = [build.reference(f"{build.ROOT}.2.9", "plan")]
    reading = read(build.plan(), build.structures(), stray)
    assert reading.case.dose is None
    assert codes(reading) == {"dose-of-another-plan", "no-dose"}


def test_a_dose_of_several_plans_is_not_the_dose_of_one(read, build, codes) -> None:
    summed = build.dose()
    summed.ReferencedRTPlanSequence = [build.reference(u, "plan") for u in (build.PLAN, f"{build.ROOT}.2.9")]
    reading = read(build.plan(), build.structures(), summed)
    assert reading.case.dose is None
    assert "dose-of-several-plans" in codes(reading)


def test_a_lone_dose_without_plan_reference_is_used_with_a_blocking_notice(read, build, codes) -> None:
    stray = build.dose()
    del stray.ReferencedRTPlanSequence
    reading = read(build.plan(), build.structures(), stray)
    assert reading.case.dose is not None
    assert codes(reading) == {"dose-not-linked"}
    assert [a.topic for a in reading.assumptions] == ["dose"]
    stray.FrameOfReferenceUID = f"{build.ROOT}.88"
    assert read(build.plan(), build.structures(), stray).case.dose is None


def test_a_dose_in_another_frame_of_reference_is_not_used(read, build, codes) -> None:
    reading = read(build.plan(), build.structures(), build.dose(FrameOfReferenceUID=f"{build.ROOT}.88"))
    assert reading.case.dose is None
    assert codes(reading) == {"frame-of-reference-differs", "no-dose"}
    assert [r.why for r in reading.inputs if r.modality == "RTDOSE"] == [
        "ignored: its frame of reference is not that of the structures"
    ]


def test_a_roi_in_another_frame_of_reference_keeps_no_contour(read, build, codes) -> None:
    rois = build.structures()
    rois.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = f"{build.ROOT}.88"
    reading = read(build.plan(), rois, build.dose())
    assert [len(s.contours) for s in reading.case.structure_set.structures] == [1, 0]
    assert codes(reading) == {"roi-in-another-frame"}


def test_identical_copies_count_once(read, build) -> None:
    reading = read(*build.whole(), build.dose())
    assert sum(r.used for r in reading.inputs) == 6
    assert [r.why for r in reading.inputs if not r.used] == ["ignored: an identical copy of another file"]


def test_one_uid_on_different_files(read, build) -> None:
    with pytest.raises(DuplicateInstance) as error:
        read(*build.whole(), build.dose(scaling=0.002))
    assert error.value.where == build.DOSE


@pytest.mark.parametrize("keyword", ["PatientID", "PatientBirthDate"])
def test_two_patients_are_refused_without_naming_them(read, build, keyword) -> None:
    stranger = build.dose()
    mine = [build.plan(), build.structures()]
    for number, dataset in enumerate([*mine, stranger]):
        setattr(dataset, keyword, "19500101" if number < 2 else "19500102")
    with pytest.raises(MixedPatients) as error:
        read(*mine, stranger)
    assert "1950" not in str(error.value)
    assert build.DOSE in str(error.value)


def test_another_name_under_the_same_id_blocks(read, build, codes) -> None:
    renamed = build.dose(PatientName="Other^Name")
    reading = read(build.plan(), build.structures(), renamed)
    assert codes(reading) == {"patient-name-differs"}
    assert "Other" not in "".join(n.message for n in reading.notices)


def test_spelling_of_a_name_does_not_matter(read, build, codes) -> None:
    reading = read(build.plan(), build.structures(), build.dose(PatientName="TEST CASE^^"))
    assert codes(reading) == set()


def test_an_unnamed_object_is_tolerated_with_a_notice(read, build, codes) -> None:
    reading = read(build.plan(), build.structures(), build.dose(PatientName="", PatientID=""))
    assert reading.case.dose is not None
    assert "patient-unknown" in {n.code for n in reading.notices}
    assert codes(reading) == set()


def test_images_of_another_patient_are_not_used(read, build, codes) -> None:
    parts = build.whole()
    for slice_ in parts[3:]:
        slice_.PatientID = "case-2"
    reading = read(*parts)
    assert reading.case.image is None
    assert codes(reading) == {"image-of-another-patient"}


def test_other_objects_are_ignored_and_unknown_rt_objects_block(read, build, codes) -> None:
    picture = build.general("ct", f"{build.ROOT}.6.1")
    picture.SOPClassUID, picture.Modality = "1.2.840.10008.5.1.4.1.1.4", "MR"
    reading = read(*build.whole(), picture)
    assert [r.why for r in reading.inputs if not r.used] == ["ignored: objects of modality MR are not used"]
    assert codes(reading) == set()
    picture.Modality = "RTDOSE"
    assert codes(read(picture)) >= {"unreadable-file"}


def test_missing_uids_are_refused(read, build, codes) -> None:
    nameless = build.dose()
    del nameless.SOPInstanceUID
    reading = read(build.plan(), build.structures(), build.encoded(nameless))
    assert reading.case.dose is None
    assert codes(reading) == {"unreadable-file", "no-dose"}


def test_progress_is_told_for_every_file(write, build) -> None:
    told: list[tuple[int, int]] = []
    load_case([write(*build.whole())], progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 6) for n in range(1, 7)]


def test_no_identity_reaches_the_account(read, build) -> None:
    parts = build.whole()
    for dataset in parts:
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Zyx^Wvu", "QX-9917", "19530417"
    reading = read(*parts, b"junk\x00\x01")
    account = repr((reading.inputs, reading.notices, reading.assumptions))
    assert not any(word in account for word in ("Zyx", "Wvu", "QX-9917", "19530417", "read-0"))


@pytest.mark.parametrize(
    ("born", "stated", "age"),
    [
        ("19600503", "", 64.0),  # the day of the plan is the birthday
        ("19600504", "", 63 + 365 / 366.0),  # one day before it
        ("", "064Y", 64.0),
        ("", "780M", 65.0),
        ("", "000Y", None),
        ("19600503", "063Y", 64.0),
        ("19600503", "050Y", None),
        ("20240503", "", None),
        ("", "", None),
    ],
)
def test_age_of_the_patient(read, build, born, stated, age) -> None:
    parts = build.whole()[:3]
    for dataset in parts:
        dataset.PatientBirthDate = born
        if stated:
            dataset.PatientAge = stated
    found = read(*parts).case.patient_age_years
    assert found is None if age is None else found == pytest.approx(age, abs=1e-9)  # rounding of one division
