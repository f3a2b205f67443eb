"""Zip archives: read without unpacking to disk, and refused where they are unsafe."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from sbrtcheck.dicom import load_case
from sbrtcheck.dicom import sources as limits
from sbrtcheck.errors import UnreadableFile, UnsafeArchive


def members(build, prefix="case/"):
    return {f"{prefix}{n}": build.encoded(d) for n, d in enumerate(build.whole())}


def test_a_zip_is_read_like_a_folder(zipped, read, build) -> None:
    plain = read(*build.whole())
    packed = load_case([zipped(members(build))])
    assert packed.inputs == plain.inputs
    assert np.array_equal(packed.case.image.volume_hu(), plain.case.image.volume_hu())
    assert np.array_equal(packed.case.dose.dose_gy, plain.case.dose.dose_gy)


def test_priors_inside_a_zip(zipped, build) -> None:
    old = build.plan(f"{build.ROOT}.2.100")
    content = members(build) | {"case/priors/a/plan": build.encoded(old)}
    assert len(load_case([zipped(content)]).case.priors) == 1


@pytest.mark.parametrize("name", ["../plan", "a/../../plan", "/etc/plan", "C:/plan", "..\\plan", "\\plan"])
def test_a_path_that_leads_out_is_refused(zipped, build, name) -> None:
    with pytest.raises(UnsafeArchive, match="leads out"):
        load_case([zipped({name: build.encoded(build.plan())})])


def test_a_bomb_is_refused_before_it_unpacks(tmp_path) -> None:
    place = tmp_path / "bomb.zip"
    with zipfile.ZipFile(place, "w", compression=zipfile.ZIP_DEFLATED) as archive, archive.open("zero", "w") as member:
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(UnsafeArchive, match="times its size"):
        load_case([place])


def test_too_many_members_and_too_many_bytes(zipped, build, monkeypatch) -> None:
    archive = zipped(members(build))
    monkeypatch.setattr(limits, "MAX_MEMBERS", 5)
    with pytest.raises(UnsafeArchive, match="more than 5 files"):
        load_case([archive])
    monkeypatch.setattr(limits, "MAX_MEMBERS", 50)
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(UnsafeArchive, match="unpack"):
        load_case([archive])


def test_an_encrypted_archive_is_refused(zipped, build) -> None:
    archive = zipped(members(build))
    data = bytearray(archive.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(signature, start + 4)
    archive.write_bytes(bytes(data))
    with pytest.raises(UnsafeArchive, match="encrypted"):
        load_case([archive])


def test_a_damaged_archive_is_refused(zipped, build) -> None:
    archive = zipped(members(build))
    archive.write_bytes(archive.read_bytes()[:-50])
    with pytest.raises(UnsafeArchive, match="damaged"):
        load_case([archive])


def test_a_damaged_member_is_unreadable(zipped, build, codes) -> None:
    archive = zipped(members(build))
    data = bytearray(archive.read_bytes())
    data[100] ^= 0xFF  # inside the first member, the plan
    archive.write_bytes(bytes(data))
    reading = load_case([archive])
    assert codes(reading) >= {"unreadable-file", "no-plan"}


def test_an_archive_inside_the_input_blocks(zipped, write, build, codes) -> None:
    inner = zipped({"x": b"y"}).read_bytes()
    reading = load_case([write(*build.whole(), inner)])
    assert codes(reading) == {"nested-archive"}
    reading = load_case([zipped(members(build) | {"inner.zip": inner})])
    assert codes(reading) == {"nested-archive"}


def test_an_office_document_does_not(zipped, write, build, codes) -> None:
    document = zipped({"[Content_Types].xml": b"<x/>"}).read_bytes()
    assert codes(load_case([write(*build.whole(), document)])) == set()


def test_huge_files_are_hashed_and_left(write, build, codes, monkeypatch) -> None:
    from sbrtcheck.dicom import inventory

    folder = write(*build.whole(), b"x" * 5000)
    monkeypatch.setattr(inventory, "MAX_BYTES", 4000)
    reading = load_case([folder])
    assert "unreadable-file" in codes(reading)
    assert any(r.why == "unreadable: the file is larger than 1 GiB" and len(r.sha256) == 64 for r in reading.inputs)


def test_files_may_be_given_one_by_one_and_twice(write, build) -> None:
    folder = write(*build.whole())
    files = sorted(folder.iterdir())
    reading = load_case([*files, folder, files[0]])
    assert len(reading.inputs) == 6


def test_links_and_pipes_do_no_harm(write, build, tmp_path) -> None:
    import os

    folder = write(*build.whole())
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    assert len(load_case([Path(folder)]).inputs) == 6


def test_a_link_to_a_folder_elsewhere_is_followed(write, build, tmp_path) -> None:
    """Left out in silence, an earlier course behind it would be none."""
    folder = write(*build.whole())
    old = write(build.plan(f"{build.ROOT}.2.100"), folder="archive")
    (old / "back").symlink_to(old, target_is_directory=True)
    (old / "above").symlink_to(tmp_path, target_is_directory=True)
    (folder / "priors").symlink_to(old, target_is_directory=True)
    reading = load_case([folder])
    assert len(reading.case.priors) == 1
    assert len(reading.inputs) == 7


def test_a_folder_that_cannot_be_opened_is_told(write, build, monkeypatch) -> None:
    """What lies in it could be an earlier course; left out in silence, it would be none."""
    import os

    folder = write(*build.whole())
    (folder / "priors").mkdir()
    listed = os.scandir

    def scandir(place):
        if str(place).endswith("priors"):
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UnreadableFile, match=r"^a folder of the input cannot be opened \(Permission denied\)"):
        load_case([folder])
