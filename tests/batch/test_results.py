"""What a batch found: the store, its questions and exports, the page of all plans."""

from __future__ import annotations

import csv
import io
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sbrtcheck.batch import store as store_module
from sbrtcheck.batch.cohort import cohort_page, write_cohort
from sbrtcheck.batch.exports import write_table
from sbrtcheck.batch.queries import exported, plan_named, sample, worst_first
from sbrtcheck.batch.rebuild import rebuild
from sbrtcheck.batch.rows import NO_REPORT, PlanRows
from sbrtcheck.batch.store import FILE, VERSION, Store, open_store
from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.task import Broken, Finished
from sbrtcheck.errors import OutputError, UsageError

HOSTILE = "=1+1</script><script>alert('x')</script>\u2028"


def done(name: str, verdict: str, share: float | None = None, centre: str = "c", error: str = "") -> Finished:
    rule = ("p", "size", "plan", "lesion 1", verdict, 30.0, 29.0, 31.0, "mm", "<=", 40.0, 9.0, share, "so")
    rows = PlanRows(
        verdict, "pass", verdict, "1.2.3", "SBRT", (rule,), (("lesion 1", "volume_cc", 3.0, 2.9, 3.1, "cc"),)
    )
    why = Broken(error, f"it is wrong: {HOSTILE}") if error else None
    return Finished(Submission(name, (), None, "stamp", centre=centre), "setup", (), NO_REPORT if error else rows, why)


PLANS = [
    done("a", "pass", 0.4),
    done("b", "fail", -0.2, "x"),
    done("c", "fail", -0.5),
    done("d", "error", error="no-dicom"),
    done("e", "variation", 0.1, "x"),
    done(HOSTILE, "indeterminate", 0.0, HOSTILE),
    done("g", "pass", 0.1, "x"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "out")
    run = found.begin_run("2026-03-01T00:00:00+00:00", "0", "setup")
    for one in PLANS:
        found.add(one, run)
    return found


def names(rows: list[Any]) -> list[str]:
    return [row["name"] for row in rows]


def test_the_worst_first_and_the_smallest_margin_first(store: Store) -> None:
    assert names(worst_first(store)) == ["c", "b", "d", HOSTILE, "e", "g", "a"]
    assert names(worst_first(store, limit=2)) == ["c", "b"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"verdict": "fail"}, ["c", "b"]),
        ({"centre": "x"}, ["b", "e", "g"]),
        ({"rule": "size"}, ["c", "b", HOSTILE, "e"]),
        ({"rule": "size", "verdict": "pass"}, ["g", "a"]),
        ({"since": "2026-03-02"}, []),
        ({"since": "2026-03-01", "verdict": "error"}, ["d"]),
        ({"rule": "none"}, []),
        ({"centre": HOSTILE}, [HOSTILE]),
    ],
)
def test_questions(store: Store, asked: dict[str, str], expected: list[str]) -> None:
    assert names(worst_first(store, **asked)) == expected  # type: ignore[arg-type]


def test_a_plan_by_its_name_or_id(store: Store) -> None:
    row = plan_named(store, "a")
    assert plan_named(store, row["id"])["name"] == "a"
    with pytest.raises(UsageError, match="no plan of that name"):
        plan_named(store, "nobody")


def test_a_plan_that_comes_again_replaces_itself(store: Store) -> None:
    store.add(done("a", "fail", -1.0), None)
    assert names(worst_first(store))[0] == "a"
    assert len(store.query("SELECT * FROM rules WHERE plan = ?", (PLANS[0].submission.id,))) == 1
    store.forget([PLANS[0].submission.id])
    assert store.query("SELECT count(*) FROM rules WHERE plan = ?", (PLANS[0].submission.id,))[0][0] == 0


@pytest.mark.parametrize("table", ["plans", "rules", "measurements"])
def test_csv_is_read_back_and_holds_no_formula(store: Store, tmp_path: Path, table: Any) -> None:
    path = tmp_path / "t.csv"
    write_table(path, "csv", *exported(store, table))
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert len(rows) == (7 if table == "plans" else 6)
    assert not any(str(cell).startswith("=") for row in rows for cell in row.values())


def test_excel_and_parquet_are_read_back(store: Store, tmp_path: Path) -> None:
    openpyxl, parquet = pytest.importorskip("openpyxl"), pytest.importorskip("pyarrow.parquet")
    write_table(tmp_path / "t.xlsx", "xlsx", *exported(store, "rules"))
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0][0] == "name"
    assert len(cells) == 7
    assert isinstance(cells[1][cells[0].index("value")], int | float)
    write_table(tmp_path / "t.parquet", "parquet", *exported(store, "rules"))
    assert parquet.read_table(tmp_path / "t.parquet").num_rows == 6


def test_a_sample_depends_on_the_seed_alone_and_is_written_down(store: Store, tmp_path: Path) -> None:
    first = names(sample(store, 7, 2))
    assert names(sample(store, 7, 2)) == first
    assert set(first) <= {"a", "e", "g"}
    assert {plan_named(store, name)["centre"] for name in first} == {"c", "x"}  # every centre in turn
    assert json.loads(store.query("SELECT names FROM samples WHERE seed = 7")[0]["names"])
    other = Store(tmp_path / "other")
    for one in reversed(PLANS):
        other.add(one, None)
    assert names(sample(other, 7, 2)) == first
    assert any(names(sample(store, seed, 1)) != names(sample(store, 7, 1)) for seed in range(20))


def test_the_page_is_the_same_for_any_order_and_escapes(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    shuffled = list(PLANS)
    random.Random(1).shuffle(shuffled)
    for one in shuffled:
        other.add(one, None)
    page = cohort_page(store)
    assert cohort_page(other) == page
    assert "<script>alert" not in page
    assert page.count("</script>") == 2  # the data and the program
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert write_cohort(store).read_text(encoding="utf-8") == page


def test_an_empty_page(tmp_path: Path) -> None:
    assert "0 plans" in cohort_page(Store(tmp_path / "empty"))


def test_a_folder_without_results_and_a_newer_or_damaged_store_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results"):
        open_store(tmp_path)
    with pytest.raises(UsageError, match="no results"):
        rebuild(tmp_path)
    newer = tmp_path / "newer"
    Store(newer).close()
    with sqlite3.connect(newer / FILE) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(OutputError, match="newer program"):
        Store(newer)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / FILE).write_bytes(b"no database at all, but long enough to look like one" * 40)
    with pytest.raises(OutputError, match="cannot be opened"):
        Store(damaged)


def test_a_store_of_an_older_program_is_brought_up(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript(f"{store_module._STEPS[0]} PRAGMA user_version = 1;")
        row = ("1", "c/p", "c", "stamp", "k", *["pass"] * 3, "1.2", "L", "", "", None, "", 1)
        db.execute(f"INSERT INTO plans VALUES ({', '.join('?' * len(row))})", row)
    db.close()
    store = Store(tmp_path)
    (row,) = store.query("SELECT * FROM plans")
    assert (row["name"], row["chain"], row["replaces"]) == ("c/p", "", "")
    assert row["stamp"] == ""  # whose it is was not asked then, so it is checked again
    assert store.query("PRAGMA user_version")[0][0] == VERSION
    store.close()
    Store(tmp_path).close()


def test_a_full_disk_is_no_damaged_store() -> None:
    assert "rebuild" in store_module._remedy(sqlite3.DatabaseError("file is not a database"))
    assert "rebuild" not in store_module._remedy(sqlite3.OperationalError("database or disk is full"))


def test_results_can_be_read_while_a_run_writes(store: Store) -> None:
    reader = open_store(store.folder)
    with store.writing() as db:
        db.execute("DELETE FROM plans")
        assert len(worst_first(reader)) == 7
    assert worst_first(reader) == []
    reader.close()


def test_asking_the_store_loads_no_engine() -> None:
    code = (
        "import sys, sbrtcheck.batch.queries, sbrtcheck.batch.exports, sbrtcheck.batch.cohort\n"
        "print(sorted({'pydicom', 'numba', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
