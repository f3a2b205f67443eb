"""The page of all plans: one file that needs nothing but a browser, the worst first."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

from sbrtcheck.batch.rows import ORDER
from sbrtcheck.batch.store import Store
from sbrtcheck.report.files import write_whole

FILE: Final = "cohort.html"
# Beyond this many results of rules a page becomes slow to open, so those that pass are left out, and the page says so.
_MOST_RESULTS: Final = 400_000
_WITHOUT_SCRIPT: Final = 200  # rows for a browser that runs none
_TEMPLATES: Final = Path(__file__).parent / "templates"
_MOST_MARGIN: Final = 9.0  # shares beyond are drawn at the end of the bar


def write_cohort(store: Store) -> Path:
    """Write ``cohort.html`` beside the store; the same plans give the same bytes, in whatever order they were checked.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = store.folder / FILE
    write_whole(path, cohort_page(store).encode("utf-8"))
    return path


def cohort_page(store: Store) -> str:
    """Return the page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    data = cohort_data(store)
    verdicts = data["verdicts"]
    return environment.get_template(
        "cohort.html.j2"
    ).render(
        style=Markup((_TEMPLATES / "cohort.css").read_text(encoding="utf-8")),  # noqa: S704  (a file of this package)
        script=Markup((_TEMPLATES / "cohort.js").read_text(encoding="utf-8")),  # noqa: S704  (a file of this package)
        data=Markup(_script_safe(data)),  # noqa: S704  (no "<" is left in it)
        verdicts=verdicts,
        counts=Counter(verdicts[plan[3]] for plan in data["plans"]),
        total=len(data["plans"]),
        first=data["plans"][:_WITHOUT_SCRIPT],
        complete=data["complete"],
    )


def cohort_data(store: Store) -> dict[str, Any]:
    """Return what the page shows, as JSON values.

    Returns
    -------
    dict
        ``plans``: one list a plan, worst first: id, name, centre, verdict (index), label, code and message of an
        error, its results, the submission that it replaces, what that changed. A result is [rule (index), verdict
        (index), subject, value, unit, limit, share of margin].
        ``rules``, ``verdicts``: what the indices mean. ``complete``: whether passed results are among them.
    """
    order = {str(verdict): number for number, verdict in enumerate(ORDER)}
    (count,) = store.query("SELECT count(*) FROM rules")[0]
    complete = count <= _MOST_RESULTS
    rows = store.query(
        "SELECT plan, protocol || ' / ' || rule AS rule, verdict, subject, value, unit, op, limit_value, share "
        "FROM rules WHERE ? OR verdict NOT IN ('pass', 'not-applicable') ORDER BY plan, number",
        (complete,),
    )
    rules = {name: number for number, name in enumerate(sorted({row["rule"] for row in rows}))}
    results: dict[str, list[list[Any]]] = defaultdict(list)
    for row in rows:
        limit = "" if row["limit_value"] is None else f"{row['op']} {row['limit_value']:g}"
        results[row["plan"]].append(
            [
                rules[row["rule"]],
                order[row["verdict"]],
                row["subject"],
                _short(row["value"]),
                row["unit"],
                limit,
                _share(row["share"]),
            ]
        )
    plans = [
        [
            row["id"],
            row["name"],
            row["centre"],
            order[row["overall"]],
            row["label"],
            row["error_code"],
            row["error_message"],
            sorted(results.get(row["id"], []), key=lambda r: (r[1], _MOST_MARGIN if r[6] is None else r[6], r[0])),
            row["replaces"],
            row["changed"],
        ]
        for row in store.query("SELECT * FROM plans")
    ]
    plans.sort(key=lambda plan: (plan[3], _closest(plan[7]), plan[1]))
    return {"plans": plans, "rules": list(rules), "verdicts": [str(v) for v in ORDER], "complete": complete}


def _closest(results: list[list[Any]]) -> float:
    """Return the smallest margin of a plan, by which plans of one verdict are sorted."""
    return min((r[6] for r in results if r[6] is not None), default=_MOST_MARGIN)


def _share(share: float | None) -> float | None:
    if share is None:
        return None
    return round(max(-_MOST_MARGIN, min(_MOST_MARGIN, share)), 4)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _script_safe(data: dict[str, Any]) -> str:
    """Return JSON that can stand inside a script element, whatever names hold."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
