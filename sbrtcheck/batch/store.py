"""What a batch knows: one SQLite file beside the reports, which are the truth; it can be built again from them."""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sbrtcheck.errors import OutputError, UsageError

if TYPE_CHECKING:
    from sbrtcheck.batch.task import Finished  # the whole engine

FILE: Final = "results.sqlite"
PLANS: Final = "plans"  # the folder of reports beside it
VERSION: Final = 2
# Every step from one version of the schema to the next; a store of an older version is brought up when it is opened.
_STEPS: Final = (
    """
    CREATE TABLE plans (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, centre TEXT NOT NULL, stamp TEXT NOT NULL, setup TEXT NOT NULL,
        verdict TEXT NOT NULL, declared_verdict TEXT NOT NULL, overall TEXT NOT NULL, plan_uid TEXT NOT NULL,
        label TEXT NOT NULL, error_code TEXT NOT NULL, error_message TEXT NOT NULL, closest REAL,
        why TEXT NOT NULL, run INTEGER
    );
    CREATE TABLE rules (
        plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE, number INTEGER NOT NULL, protocol TEXT NOT NULL,
        rule TEXT NOT NULL, section TEXT NOT NULL, subject TEXT NOT NULL, verdict TEXT NOT NULL, value REAL, low REAL,
        high REAL, unit TEXT NOT NULL, op TEXT NOT NULL, limit_value REAL, margin REAL, share REAL,
        reason TEXT NOT NULL, PRIMARY KEY (plan, number)
    ) WITHOUT ROWID;
    CREATE INDEX rules_by_rule ON rules(rule, verdict);
    CREATE TABLE measurements (
        plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE, lesion TEXT NOT NULL, name TEXT NOT NULL,
        value REAL, low REAL, high REAL, unit TEXT NOT NULL, PRIMARY KEY (plan, lesion, name)
    ) WITHOUT ROWID;
    CREATE TABLE inputs (
        plan TEXT NOT NULL REFERENCES plans(id) ON DELETE CASCADE, number INTEGER NOT NULL, uid TEXT NOT NULL,
        modality TEXT NOT NULL, sha256 TEXT NOT NULL, used INTEGER NOT NULL, files INTEGER NOT NULL,
        PRIMARY KEY (plan, number)
    ) WITHOUT ROWID;
    CREATE TABLE seen (place TEXT PRIMARY KEY, stamp TEXT NOT NULL, objects TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE samples (number INTEGER PRIMARY KEY, drawn TEXT NOT NULL, seed INTEGER NOT NULL, names TEXT NOT NULL);
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY, started TEXT NOT NULL, ended TEXT NOT NULL, version TEXT NOT NULL,
        setup TEXT NOT NULL, checked INTEGER NOT NULL, kept INTEGER NOT NULL
    );
    """,
    # chain: the same for plans of one patient and label; replaces: name of the submission that this one replaces.
    """
    ALTER TABLE plans ADD COLUMN created TEXT NOT NULL DEFAULT '';
    ALTER TABLE plans ADD COLUMN chain TEXT NOT NULL DEFAULT '';
    ALTER TABLE plans ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
    ALTER TABLE plans ADD COLUMN changed TEXT NOT NULL DEFAULT '';
    CREATE TABLE salt (salt BLOB NOT NULL);
    INSERT INTO salt VALUES (randomblob(32));
    UPDATE plans SET stamp = '';
    """,
)


def _remedy(problem: Exception) -> str:
    """Return what to do; a disk without space has damaged nothing, so nothing is to be made again."""
    if isinstance(problem, sqlite3.DatabaseError) and not isinstance(problem, sqlite3.OperationalError):
        return f"Delete {FILE} and run `sbrtcheck results rebuild`: it is made again from the reports"
    return "Name a folder that can be written to, with space left; results that are there stay whole"


class Store:
    """The database of one batch folder; one process writes to it.

    Parameters
    ----------
    folder : Path
        Of the batch; made if need be.

    Raises
    ------
    OutputError
        If the file is no store, of a newer version of the program, or cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / FILE, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except (OSError, sqlite3.Error) as problem:
            raise OutputError(f"the store of results cannot be opened ({problem})", remedy=_remedy(problem)) from None

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise OutputError(
                f"the store of results is of a newer program (schema {version}, here {VERSION})",
                remedy="Update sbrtcheck, or name another folder",
            )
        for number in range(version, VERSION):
            self._db.executescript(f"BEGIN; {_STEPS[number]} PRAGMA user_version = {number + 1}; COMMIT;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection within one transaction.

        Raises
        ------
        OutputError
            If it cannot be written, on a full disk for example; nothing of the transaction stays.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except sqlite3.Error as problem:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OutputError(
                f"the store of results cannot be written ({problem})", remedy="Free some space and run the same command"
            ) from None
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def query(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def stream(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Return the columns of a query and its rows, one after the other."""
        found = self._db.execute(sql)
        return [column[0] for column in found.description], (tuple(row) for row in found)

    def add_sample(self, seed: int, names: Sequence[str]) -> None:
        """Write down which plans were drawn for people to look at."""
        with self.writing() as db:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            db.execute("INSERT INTO samples VALUES (NULL, ?, ?, ?)", (now, seed, json.dumps(names)))

    def known(self) -> dict[str, tuple[str, str]]:
        """Return stamp and setup under which each plan was checked, by the id of its submission."""
        return {row["id"]: (row["stamp"], row["setup"]) for row in self.query("SELECT id, stamp, setup FROM plans")}

    def seen(self) -> dict[str, tuple[str, str]]:
        """Return stamp and objects of each folder that was looked at before."""
        return {row["place"]: (row["stamp"], row["objects"]) for row in self.query("SELECT * FROM seen")}

    def remember_seen(self, folders: Mapping[str, tuple[str, str]]) -> None:
        """Keep what was seen of the folders, and nothing of others."""
        before = self.seen()
        with self.writing() as db:
            db.executemany("DELETE FROM seen WHERE place = ?", [(p,) for p in before if before[p] != folders.get(p)])
            new = [(place, *what) for place, what in folders.items() if before.get(place) != what]
            db.executemany("INSERT INTO seen VALUES (?, ?, ?)", new)

    def add(self, done: Finished, run: int | None) -> None:
        """Take in what a task gave; what was known of the same submission goes."""
        plan, rows, why = done.submission.id, done.rows, done.broken
        with self.writing() as db:
            db.execute("DELETE FROM plans WHERE id = ?", (plan,))
            db.execute(
                f"INSERT INTO plans VALUES ({', '.join('?' * 19)})",  # noqa: S608  (marks only)
                (
                    plan,
                    done.submission.name,
                    done.submission.centre,
                    done.submission.stamp,
                    done.setup_key,
                    rows.verdict,
                    rows.declared_verdict,
                    rows.overall,
                    rows.plan_uid or done.submission.plan_uid or "",
                    rows.label,
                    why.code if why else "",
                    why.message if why else "",
                    rows.closest,
                    rows.why,
                    run,
                    rows.created,
                    self._chain(done.patient, rows.label),
                    "",
                    "",
                ),
            )
            for table, found in (("rules", rows.rules), ("inputs", rows.inputs)):
                _insert(db, table, [(plan, number, *row) for number, row in enumerate(found)])
            _insert(db, "measurements", [(plan, *row) for row in rows.measurements])

    def _chain(self, patient: str, label: str) -> str:
        """Return what plans of one patient and label share; only with the salt of this store can it be made again."""
        if not patient:
            return ""
        (salt,) = self._db.execute("SELECT salt FROM salt").fetchone()
        return hmac.new(salt, f"{patient}/{label.strip()}".encode(), "sha256").hexdigest()

    def say_replaced(self, plan: str, replaces: str, changed: str) -> None:
        """Write down which submission a plan replaces and what that changed; "" where it replaces none."""
        with self.writing() as db:
            db.execute("UPDATE plans SET replaces = ?, changed = ? WHERE id = ?", (replaces, changed, plan))

    def forget(self, submissions: Iterable[str]) -> None:
        """Drop plans by the ids of their submissions."""
        with self.writing() as db:
            db.executemany("DELETE FROM plans WHERE id = ?", [(one,) for one in submissions])

    def begin_run(self, started: str, version: str, setup: str) -> int:
        """Return the number of a new run."""
        with self.writing() as db:
            row = db.execute("INSERT INTO runs VALUES (NULL, ?, '', ?, ?, 0, 0)", (started, version, setup))
        return int(row.lastrowid or 0)

    def end_run(self, number: int, ended: str, checked: int, kept: int) -> None:
        """Write down how a run ended."""
        with self.writing() as db:
            db.execute(
                "UPDATE runs SET ended = ?, checked = ?, kept = ? WHERE number = ?", (ended, checked, kept, number)
            )


def open_store(folder: Path) -> Store:
    """Open the store of results that are there.

    Raises
    ------
    UsageError
        If the folder holds none.
    OutputError
        As ``Store`` does.
    """
    if not (folder / FILE).is_file():
        raise UsageError(
            "the folder holds no results of a batch",
            remedy="Name the folder given to batch --out; `sbrtcheck results rebuild` makes a lost store again",
        )
    return Store(folder)


def _insert(db: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608  (our names)
