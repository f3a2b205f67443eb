"""Questions to the store, for people and for other programs."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from typing import Any, Final, Literal

from sbrtcheck.batch.rows import ORDER
from sbrtcheck.batch.store import Store
from sbrtcheck.errors import UsageError
from sbrtcheck.results import Verdict

Table = Literal["plans", "rules", "measurements"]
_EXPORTED: Final[dict[str, str]] = {
    "plans": (
        "SELECT name, centre, overall, verdict, declared_verdict, label, plan_uid, created, replaces, changed, "
        "error_code, error_message FROM plans ORDER BY name"
    ),
    "rules": (
        "SELECT name, centre, protocol, rule, section, subject, rules.verdict AS verdict, value, low, high, unit, op, "
        "limit_value, margin, reason FROM rules JOIN plans ON plans.id = plan ORDER BY name, number"
    ),
    "measurements": (
        "SELECT plans.name AS name, centre, lesion, measurements.name AS quantity, value, low, high, unit "
        "FROM measurements JOIN plans ON plans.id = plan ORDER BY plans.name, lesion, measurements.name"
    ),
}
_WORST_FIRST: Final = """
    SELECT p.*
    FROM plans p
    WHERE (:centre IS NULL OR p.centre = :centre)
        AND (:since = '' OR p.run IN (SELECT number FROM runs WHERE started >= :since))
        AND (:rule != '' OR :verdict = '' OR p.overall = :verdict)
        AND (:rule = '' OR p.id IN (
            SELECT plan FROM rules WHERE rule = :rule AND CASE :verdict
                WHEN '' THEN verdict NOT IN ('pass', 'not-applicable') ELSE verdict = :verdict END))
    ORDER BY instr(:order, p.overall), p.closest IS NULL, p.closest, p.name
    LIMIT :limit
"""
_GREEN: Final = (Verdict.PASS, Verdict.VARIATION)


def worst_first(
    store: Store,
    *,
    rule: str = "",
    verdict: str = "",
    centre: str | None = None,
    since: str = "",
    limit: int | None = None,
) -> list[sqlite3.Row]:
    """Return plans, the worst first and among these the smallest margin first.

    Parameters
    ----------
    rule : str
        Only plans in which this rule did not pass (or, with ``verdict``, in which it has that verdict).
    verdict : str
        Of the plan; with ``rule``, of the rule.
    centre : str, optional
    since : str
        Only plans checked by a run that began on this day or later, ``YYYY-MM-DD``.
    limit : int, optional
    """
    # A condition that is not asked for is true; so the text of the query is always the same.
    values = {
        "rule": rule,
        "verdict": verdict,
        "centre": centre,
        "since": since,
        "limit": -1 if limit is None else limit,
        "order": ",".join(ORDER),
    }
    return store.query(_WORST_FIRST, values)


def plan_named(store: Store, name: str) -> sqlite3.Row:
    """Return a plan by the name of its submission, or the id of its folder.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = store.query("SELECT * FROM plans WHERE name = ? OR id = ?", (name, name))
    if not found:
        near = store.query("SELECT name FROM plans WHERE instr(name, ?) ORDER BY name LIMIT 5", (name,))
        hint = f"Did you mean {', '.join(row['name'] for row in near)}?" if near else "sbrtcheck results list shows all"
        raise UsageError("no plan of that name is among the results", remedy=hint)
    return found[0]


def exported(store: Store, table: Table) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Return the columns of a table and its rows, sorted, one after the other."""
    return store.stream(_EXPORTED[table])


def sample(store: Store, seed: int, count: int) -> list[sqlite3.Row]:
    """Draw green plans for people to look at; the draw is written down.

    Every centre gives as many as its turn allows, so that a large one does not crowd out the others. Which plans are
    drawn depends on the seed and on the names alone.

    Raises
    ------
    UsageError
        If no plan is green.
    """
    marks = ", ".join("?" * len(_GREEN))
    plans = store.query(f"SELECT * FROM plans WHERE overall IN ({marks})", _GREEN)  # noqa: S608  (marks only)
    if not plans:
        raise UsageError("no plan has passed, so there is nothing to sample", remedy="Look at sbrtcheck results list")

    def drawn_by(row: sqlite3.Row) -> str:
        return hashlib.sha256(f"{seed}/{row['name']}".encode()).hexdigest()

    by_centre: dict[str, list[sqlite3.Row]] = {}
    for row in sorted(plans, key=drawn_by):
        by_centre.setdefault(row["centre"], []).append(row)
    turns = [(turn, drawn_by(row), row) for rows in by_centre.values() for turn, row in enumerate(rows)]
    chosen = [row for _, _, row in sorted(turns, key=lambda t: t[:2])][:count]
    store.add_sample(seed, [row["name"] for row in chosen])
    return sorted(chosen, key=lambda row: row["name"])
