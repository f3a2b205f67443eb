"""The store made again from the reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sbrtcheck.batch.cohort import write_cohort
from sbrtcheck.batch.resubmission import told_in
from sbrtcheck.batch.rows import NO_REPORT, rows_of
from sbrtcheck.batch.runner import only_run
from sbrtcheck.batch.store import FILE, PLANS, Store
from sbrtcheck.batch.submission import Submission
from sbrtcheck.batch.task import SUBMISSION_SCHEMA, Broken, Finished
from sbrtcheck.errors import UsageError
from sbrtcheck.results import PlanReport


def rebuild(folder: Path) -> tuple[int, int]:
    """Make the store of a batch folder anew, and the page of all plans with it.

    Returns
    -------
    tuple of int
        Plans taken in, and folders that hold no whole result and were left out: the next run checks these again.

    Raises
    ------
    UsageError
        If the folder holds no results.

    Notes
    -----
    When the files of a submission were last seen stands in no report, so the next run looks at every plan again.
    """
    if not (folder / PLANS).is_dir():
        raise UsageError("the folder holds no results of a batch", remedy="Name the folder given to batch --out")
    with only_run(folder):
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{FILE}{suffix}").unlink(missing_ok=True)
        store, taken, left = Store(folder), 0, 0
        try:
            for place in sorted(path for path in (folder / PLANS).iterdir() if path.is_dir()):
                done = _read(place)
                if done is None:
                    left += 1
                    continue
                store.add(done, None)
                told = told_in(place)
                if told is not None:
                    store.say_replaced(place.name, *told[1:])
                taken += 1
            write_cohort(store)
        finally:
            store.close()
    return taken, left


def _read(place: Path) -> Finished | None:
    """Return what stands in the folder of a submission; None where it is not whole."""
    try:
        entry: dict[str, Any] = json.loads((place / "submission.json").read_bytes())
        if entry["schema"] != SUBMISSION_SCHEMA:
            return None
        error = entry["error"]
        rows = NO_REPORT if error else rows_of(PlanReport.from_json((place / "report.json").read_bytes()))
        submission = Submission(entry["name"], (), entry["plan_uid"], "", centre=entry["centre"])
        if submission.id != place.name:
            return None
        return Finished(
            submission, entry["setup"], (), rows, Broken(error["code"], error["message"]) if error else None
        )
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None
