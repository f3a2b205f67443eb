"""Plans that replace earlier ones: what changed stands in the later report, whichever run checked which of them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from sbrtcheck.batch.store import PLANS, Store
from sbrtcheck.changes import changes
from sbrtcheck.report import render
from sbrtcheck.report.changes import summary
from sbrtcheck.report.files import write_whole
from sbrtcheck.results import Changes, PlanReport

CHANGES: Final = "changes.json"
_DATE: Final = 8  # digits of a date without time


def settle(store: Store) -> None:
    """Bring what every plan says of the one that it replaces up to the reports that are there.

    Notes
    -----
    Plans of one patient (``dicom.patient``) and label replace each other in the order of RT Plan Date and Time; of two
    that these do not tell apart, neither replaces the other. ``changes.json`` is written last and taken away first or
    last, so that a run that was killed in between is put right by the next one.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    replacing = {later["id"]: (earlier, later) for earlier, later in _pairs(store)}
    for earlier, later in replacing.values():
        _say(store, earlier, later)
    for row in store.query("SELECT * FROM plans ORDER BY id"):
        if row["id"] not in replacing:
            _unsay(store, row)


def _pairs(store: Store) -> Iterator[tuple[sqlite3.Row, sqlite3.Row]]:
    """Yield each plan with the one that replaces it."""
    rows = store.query(
        "SELECT * FROM plans WHERE chain != '' AND error_code = '' AND created != '' ORDER BY chain, created, name"
    )
    for _, chain in groupby(rows, key=lambda row: row["chain"]):
        yield from pairwise(_told_apart(list(chain)))


def _told_apart(chain: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
    """Return the plans of a chain that have a place of their own in its order; all others are left out."""
    alone = []
    for row in chain:
        same = [o for o in chain if o["id"] != row["id"] and _is_open(row["created"], o["created"])]
        if not same:
            alone.append(row)
    return alone


def _is_open(one: str, other: str) -> bool:
    """Whether two moments leave open which came first: they are equal, or on one day and one of them has no time."""
    if one == other:
        return True
    return one[:_DATE] == other[:_DATE] and _DATE in {len(one), len(other)}


def _say(store: Store, earlier: sqlite3.Row, later: sqlite3.Row) -> None:
    place, before = (store.folder / PLANS / row["id"] for row in (later, earlier))
    try:
        reports = [(folder / "report.json").read_bytes() for folder in (before, place)]
    except OSError:  # somebody took a report away: the next --fresh run brings it back
        return
    of = hashlib.sha256(b"".join(hashlib.sha256(r).digest() for r in (*reports, earlier["name"].encode()))).hexdigest()
    told = told_in(place)
    if told is not None and told[0] == of:
        text = told[2]
    else:
        old, new = (PlanReport.from_json(report) for report in reports)
        found = changes(old, new, earlier=earlier["name"])
        text = summary(found)
        write_whole(place / "report.html", render(new.model_copy(update={"changes": found}), "html"))
        document = {"of": of, "summary": text, "changes": json.loads(found.to_json())}
        write_whole(place / CHANGES, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    if (later["replaces"], later["changed"]) != (earlier["name"], text):
        store.say_replaced(later["id"], earlier["name"], text)


def _unsay(store: Store, row: sqlite3.Row) -> None:
    """Take back what a plan says of one that is no longer there, or no longer the earlier one."""
    place = store.folder / PLANS / row["id"]
    if (place / CHANGES).exists():
        report = PlanReport.from_json((place / "report.json").read_bytes())
        write_whole(place / "report.html", render(report, "html"))
        (place / CHANGES).unlink()
    if row["replaces"]:
        store.say_replaced(row["id"], "", "")


def with_changes(place: Path, report: PlanReport) -> PlanReport:
    """Return a report with what its folder says of the submission that it replaces."""
    try:
        found = Changes.model_validate(json.loads((place / CHANGES).read_bytes())["changes"])
    except (OSError, ValueError, KeyError, TypeError):
        return report
    return report.model_copy(update={"changes": found})


def told_in(place: Path) -> tuple[str, str, str] | None:
    """Return of which reports the changes in a folder are, the earlier submission and a summary; None without any."""
    try:
        document = json.loads((place / CHANGES).read_bytes())
        return str(document["of"]), str(document["changes"]["earlier"]), str(document["summary"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
