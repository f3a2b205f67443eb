"""Submissions are found by what files are and refer to, whatever the folders are called."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.batch.finding import find_submissions
from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.tree import look, packed

Lay = Callable[..., Path]


def found(root: Path, **kwargs: object) -> dict[str, Submission]:
    submissions = find_submissions(root, list(look(root, root / "out", {})), **kwargs)  # type: ignore[arg-type]
    assert len({s.name for s in submissions}) == len(submissions)
    return {s.name: s for s in submissions}


def zipped(folder: Path, archive: Path) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
        for file in sorted(folder.rglob("*")):
            into.write(file, file.relative_to(folder))
    shutil.rmtree(folder)
    return archive


def test_a_folder_a_plan(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "a")
    lay("femur", tmp_path / "b")
    submissions = found(tmp_path)
    assert sorted(submissions) == ["a", "b"]
    assert submissions["a"].sources == (str(tmp_path / "a"),)
    assert submissions["a"].plan_uid != submissions["b"].plan_uid
    assert submissions["a"].centre == ""


def test_centres_are_the_first_folder(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "paris" / "p1")
    lay("femur", tmp_path / "lyon" / "p2" / "export")
    assert {n: s.centre for n, s in found(tmp_path).items()} == {"paris/p1": "paris", "lyon/p2/export": "lyon"}


def test_a_folder_a_modality_is_one_submission(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "flat")
    for name in ("RTPLAN", "RTDOSE", "RTSTRUCT", "CT"):
        folder = tmp_path / "patient" / name.lower()
        folder.mkdir(parents=True)
        for file in sorted((tmp_path / "flat").glob(f"{name}*")):
            file.rename(folder / file.name)
    (tmp_path / "flat").rmdir()
    submissions = found(tmp_path)
    assert list(submissions) == ["patient"]
    assert submissions["patient"].sources == (str(tmp_path / "patient"),)


def test_several_patients_in_one_folder_are_told_apart(tmp_path: Path, lay: Lay) -> None:
    for case in ("lung-peripheral", "femur"):
        lay(case, tmp_path / "all", prefix=f"{case}-")
    submissions = found(tmp_path)
    assert len(submissions) == 2
    for submission in submissions.values():
        assert submission.name.startswith("all#")
        assert len({Path(f).name.split("-RT")[0].split("-CT")[0] for f in submission.sources}) == 1
        assert len(submission.sources) == 6  # plan, structures, dose and three slices


def test_a_resubmission_beside_the_first_takes_none_of_its_files(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "c" / "p1")
    shutil.copytree(tmp_path / "c" / "p1", tmp_path / "c" / "p1-again")
    submissions = found(tmp_path)
    assert {n: s.sources for n, s in submissions.items()} == {n: (str(tmp_path / n),) for n in ("c/p1", "c/p1-again")}


def test_a_resubmission_without_its_dose_leaves_its_neighbours_alone(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "c" / "p1")
    shutil.copytree(tmp_path / "c" / "p1", tmp_path / "c" / "p1-again")
    (tmp_path / "c" / "p1-again" / "RTDOSE.dcm").unlink()
    lay("femur", tmp_path / "c" / "p2")
    submissions = found(tmp_path)
    assert sorted(submissions) == ["c/p1", "c/p1-again", "c/p2"]
    assert submissions["c/p1"].sources == (str(tmp_path / "c" / "p1"),)
    again = submissions["c/p1-again"].sources
    # Its own plan, structures and slices, and the dose of that plan where it lies.
    assert [str(Path(f).relative_to(tmp_path / "c")) for f in again if not Path(f).name.startswith("CT")] == [
        "p1/RTDOSE.dcm",
        "p1-again/RTPLAN.dcm",
        "p1-again/RTSTRUCT.dcm",
    ]
    assert all("p1-again" in f for f in again if Path(f).name.startswith("CT"))


def test_a_shared_folder_of_slices_is_no_entry_of_its_own(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "c" / "p1")
    (tmp_path / "c" / "scans").mkdir()
    for file in sorted((tmp_path / "c" / "p1").glob("CT*")):
        file.rename(tmp_path / "c" / "scans" / file.name)
    lay("femur", tmp_path / "c" / "p2")
    submissions = found(tmp_path)
    assert sorted(submissions) == ["c/p1", "c/p2"]
    assert len(submissions["c/p1"].sources) == 6


def test_one_plan_twice_in_a_folder_is_one_submission(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "a")
    lay("femur", tmp_path / "a", prefix="other-")
    shutil.copy(tmp_path / "a" / "RTPLAN.dcm", tmp_path / "a" / "RTPLAN-copy.dcm")
    assert len(found(tmp_path)) == 2


def test_facts_of_a_table_by_the_plan(tmp_path: Path, lay: Lay) -> None:
    lay("femur", tmp_path / "a")
    uid = found(tmp_path)["a"].plan_uid
    assert uid
    assert found(tmp_path, declared={uid: "from the table"})["a"].declared == "from the table"


def test_archives_and_archives_in_them(tmp_path: Path, lay: Lay) -> None:
    zipped(lay("lung-peripheral", tmp_path / "x"), tmp_path / "c" / "one.zip")
    zipped(lay("femur", tmp_path / "in" / "deep"), tmp_path / "in" / "inner.zip")
    zipped(tmp_path / "in", tmp_path / "c" / "outer.zip")
    for case in ("lung-peripheral", "femur"):
        lay(case, tmp_path / "two" / case)
    zipped(tmp_path / "two", tmp_path / "c" / "two.zip")
    submissions = found(tmp_path)
    assert [n for n in submissions if "#" not in n] == ["c/one.zip", "c/outer.zip!/inner.zip"]
    two = [s for n, s in submissions.items() if n.startswith("c/two.zip#")]
    assert len(two) == 2
    assert len({s.plan_uid for s in two}) == 2


def test_an_archive_without_a_plan_beside_one_with_a_plan_is_told(tmp_path: Path, lay: Lay) -> None:
    zipped(lay("femur", tmp_path / "in" / "deep"), tmp_path / "in" / "with.zip")
    lay("lung-peripheral", tmp_path / "in" / "deep").joinpath("RTPLAN.dcm").unlink()
    zipped(tmp_path / "in" / "deep", tmp_path / "in" / "without.zip")
    zipped(tmp_path / "in", tmp_path / "c" / "outer.zip")
    assert sorted(found(tmp_path)) == ["c/outer.zip!/with.zip", "c/outer.zip!/without.zip"]


def test_what_belongs_to_no_plan_makes_an_entry(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "c" / "good")
    lay("femur", tmp_path / "c" / "no-plan").joinpath("RTPLAN.dcm").unlink()
    damaged = lay("femur", tmp_path / "c" / "damaged") / "RTPLAN.dcm"
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[: len(content) // 2])
    (tmp_path / "c" / "broken.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "readme.txt").write_text("not DICOM")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.pdf").write_bytes(b"%PDF")
    assert sorted(found(tmp_path)) == ["c/broken.zip", "c/damaged", "c/good", "c/no-plan", "letters"]


def test_what_holds_no_dicom_where_plans_lie_makes_an_entry(tmp_path: Path, lay: Lay) -> None:
    for place in ("c/good", "c/too", "d/fine"):
        lay("lung-peripheral", tmp_path / place)
    for place in ("c/empty", "c/deep/down/empty", "c/good/letters", "e/all", "letters"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("c/empty", "c/letters", "c/good/letters", "letters", "c/too/prior"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "a.pdf").write_bytes(b"%PDF")
    lost = ["c/deep", "c/empty", "c/letters", "e/all", "letters"]
    assert sorted(found(tmp_path)) == sorted(["c/good", "c/too", "d/fine", *lost])
    assert {s.problem for s in found(tmp_path).values()} == {""}  # the check itself says what is wrong


def test_an_export_that_came_to_nothing_is_told_however_deep_the_others_lie(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path / "a" / "study" / "plan")
    (tmp_path / "b").mkdir()
    (tmp_path / "e" / "CT").mkdir(parents=True)
    (tmp_path / "e" / "note.txt").touch()
    assert sorted(found(tmp_path)) == ["a/study/plan", "b", "e"]


def test_a_folder_without_dicom_beside_plans_that_lie_in_the_root_belongs_to_them(tmp_path: Path, lay: Lay) -> None:
    lay("lung-peripheral", tmp_path)
    (tmp_path / "letters").mkdir()
    assert list(found(tmp_path)) == ["#"]


def test_earlier_courses_and_facts_lie_beside_the_plan(tmp_path: Path, made: Callable[[str], Path], lay: Lay) -> None:
    for place in ("a", "b"):
        lay("reirradiation", tmp_path / place / "plan")
        lay("reirradiation", tmp_path / place / "prior", part="prior")
        shutil.copy(made("reirradiation") / "declared.toml", tmp_path / place)
    lay("femur", tmp_path / "c" / "plan")
    submissions = found(tmp_path)
    assert sorted(submissions) == ["a/plan", "b/plan", "c/plan"]
    assert submissions["a/plan"].prior == (str(tmp_path / "a" / "prior"),)
    assert "sbrtcheck-declared/1" in submissions["a/plan"].declared
    assert submissions["c/plan"].prior == ()


def test_earlier_courses_beside_several_plans_are_told(tmp_path: Path, lay: Lay) -> None:
    lay("reirradiation", tmp_path / "c" / "one")
    lay("femur", tmp_path / "c" / "two")
    lay("reirradiation", tmp_path / "c" / "priors", part="prior")
    submissions = found(tmp_path)
    assert submissions["c/priors"].problem
    assert submissions["c/one"].prior == submissions["c/two"].prior == ()


def test_declared_facts_of_a_table_go_first(tmp_path: Path, lay: Lay) -> None:
    lay("femur", tmp_path / "a")
    (tmp_path / "a" / "declared.toml").write_text("beside")
    assert found(tmp_path)["a"].declared == "beside"
    assert found(tmp_path, declared={"a": "from the table"})["a"].declared == "from the table"


def test_the_stamp_follows_every_file(tmp_path: Path, lay: Lay) -> None:
    lay("reirradiation", tmp_path / "a" / "plan")
    lay("reirradiation", tmp_path / "a" / "prior", part="prior")
    before = found(tmp_path)["a/plan"].stamp
    assert found(tmp_path)["a/plan"].stamp == before
    stamps = {before}
    for file in ("plan/RTDOSE.dcm", "prior/RTDOSE.dcm"):
        content = (tmp_path / "a" / file).read_bytes()
        (tmp_path / "a" / file).unlink()
        (tmp_path / "a" / file).write_bytes(content + b"\0\0")
        stamps.add(found(tmp_path)["a/plan"].stamp)
    (tmp_path / "a" / "declared.toml").write_text("new")
    stamps.add(found(tmp_path)["a/plan"].stamp)
    assert len(stamps) == 4


def test_folders_are_known_again_without_being_read(tmp_path: Path, lay: Lay) -> None:
    lay("femur", tmp_path / "a")
    seen = list(look(tmp_path, tmp_path / "out", {}))
    known = {f.place: (f.stamp, packed(f)) for f in seen}
    assert list(look(tmp_path, tmp_path / "out", known)) == seen
    forged = {place: (stamp, "[]") for place, (stamp, _) in known.items()}
    assert all(not f.objects for f in look(tmp_path, tmp_path / "out", forged))  # so the cache is what was used


def test_results_and_hidden_folders_are_not_looked_at(tmp_path: Path, lay: Lay) -> None:
    lay("femur", tmp_path / "a")
    lay("femur", tmp_path / "out" / "x")
    lay("femur", tmp_path / ".hidden")
    lay("femur", tmp_path / "older" / "x")
    (tmp_path / "older" / "results.sqlite").touch()  # those of another run
    (tmp_path / "__MACOSX").mkdir()
    assert list(found(tmp_path)) == ["a"]


def test_a_folder_that_cannot_be_opened_keeps_its_entry(
    tmp_path: Path, lay: Lay, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay("femur", tmp_path / "a")
    lay("femur", tmp_path / "b")
    listed = os.scandir

    def scandir(place: str) -> object:
        if str(place).endswith("b"):
            raise PermissionError(13, "Permission denied", str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert sorted(found(tmp_path)) == ["a", "b"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_links_in_a_circle_end(tmp_path: Path, lay: Lay) -> None:
    lay("femur", tmp_path / "a")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "above").symlink_to(tmp_path.parent)
    (tmp_path / "latest").symlink_to(tmp_path / "a")
    assert list(found(tmp_path)) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_links_to_submissions_elsewhere_are_followed_once(tmp_path: Path, lay: Lay) -> None:
    root, archive = tmp_path / "root", tmp_path / "archive"
    lay("femur", archive / "one")
    lay("lung-peripheral", archive / "two")
    root.mkdir()
    (root / "monday").symlink_to(archive / "one")
    (root / "again").symlink_to(archive / "one")
    (root / "tuesday").symlink_to(archive / "two")
    (archive / "two" / "circle").symlink_to(archive)
    assert list(found(root)) == ["again", "tuesday"]
    before = found(root)["tuesday"].stamp
    (archive / "two" / "RTDOSE.dcm").unlink()
    assert found(root)["tuesday"].stamp != before


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_changes_nothing(tmp_path: Path, lay: Lay, seed: int) -> None:
    places = [("lung-peripheral", "x/a"), ("femur", "x/b"), ("lung-peripheral", "y/Ünï cöde\n"), ("femur", "flat")]
    random.Random(seed).shuffle(places)
    for case, place in places:
        lay(case, tmp_path / place)
    assert list(found(tmp_path)) == sorted(["x/a", "x/b", "y/Ünï cöde\n", "flat"])


def test_an_empty_tree_holds_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == {}
