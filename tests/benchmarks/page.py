"""``docs/accuracy.md`` from what was measured: tables from the numbers, text from ``accuracy.md.j2``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plots
from accuracy import ALL, BREAKDOWNS, SLAB, VOLUME, Record, error_percent, holds, is_bar_sphere, summary
from cases import COARSE, DENSE, DEVELOPMENT, HELD_OUT
from peers import PEERS

_COMPARED = (VOLUME, "D95%[Gy]", "D0.03cc[Gy]")
_TITLES = {DEVELOPMENT: "Development", HELD_OUT: "Held out"}
Errors = plots.Errors


def write_page(results: dict[str, Any], folder: Path) -> None:
    """Write the page and its pictures into a folder."""
    records = [_with_bounds(r) for r in results["records"]]
    compared = {plots.OWN: {m: _own_errors(records, m) for m in _COMPARED}}
    for title, found in results["peers"].items():
        if "found" in found:
            compared[title] = {m: _peer_errors(records, found["found"], m) for m in _COMPARED}
    drawn = (
        (VOLUME, "volume", ("size", "plane spacing", "solid")),
        ("D95%[Gy]", "d95", ("size", "plane spacing", "dose grid")),
    )
    for metric, name, keys in drawn:
        programs = {
            program: [(r, e) for r, e in errors[metric] if e is not None] for program, errors in compared.items()
        }
        plots.errors_by(folder / f"accuracy-{name}.png", metric, keys, programs)
    dense = [r for r in records if r["drawing"] == DENSE]
    plots.intervals(folder / "accuracy-intervals.png", _COMPARED, dense)
    plots.cost(folder / "accuracy-cost.png", results["curve"], results["own"]["interpreter and imports"]["seconds"])
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    text = environment.get_template("accuracy.md.j2").render(
        comparison={_TITLES[s]: _comparison(compared, results, s) for s in (HELD_OUT, DEVELOPMENT)},
        bars=[_bar(*b, records) for b in _BARS],
        ours={
            (_TITLES[split], drawing): {m: s for m in ALL if (s := summary(_chosen(records, split, drawing), m))}
            for drawing in (DENSE, COARSE)
            for split in (HELD_OUT, DEVELOPMENT)
        },
        breakdowns={name: _breakdown(dense, key) for name, key in BREAKDOWNS.items()},
        misses=[row for r in records for row in _misses(r)],
        worst={split: _worst(_chosen(records, split, DENSE)) for split in (HELD_OUT, DEVELOPMENT)},
        counts={key: len(_chosen(records, *key)) for key in [(s, d) for s in _TITLES for d in (DENSE, COARSE)]},
        truth_change=max(r["truth_change"] for r in records),
        own=results["own"],
        curve=results["curve"],
        machine=results["machine"],
        peers=[(p, results["peers"][p.title]) for p in PEERS],
        number=number,
    )
    (folder / "accuracy.md").write_text(text, encoding="utf-8")


def number(value: float | None) -> str:
    """Return a number with two digits that count, as a table wants it.

    Examples
    --------
    >>> [number(v) for v in (0.01234, 1.26, 12.6, 189.4, 0.0)]
    ['0.012', '1.3', '13', '189', '0']
    """
    if value is None or not math.isfinite(value):
        return "unbounded"
    if value == 0.0 or abs(value) >= 10.0:
        return f"{value:.0f}"
    return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}"


def _with_bounds(record: Record) -> Record:
    """Return a record with the unbounded ends that JSON cannot hold."""
    metrics = {
        name: found
        if "declined" in found
        else found
        | {
            "low": -math.inf if found["low"] is None else found["low"],
            "high": math.inf if found["high"] is None else found["high"],
        }
        for name, found in record["metrics"].items()
    }
    return record | {"metrics": metrics}


def _chosen(records: Iterable[Record], split: str, drawing: str) -> list[Record]:
    return [r for r in records if r["split"] == split and r["drawing"] == drawing]


def _own_errors(records: list[Record], metric: str) -> list[tuple[Record, float | None]]:
    found = [(r, r["metrics"].get(metric)) for r in records if r["drawing"] == DENSE]
    return [(r, error_percent(f) if "value" in f else None) for r, f in found if f]


def _peer_errors(records: list[Record], found: dict[str, Any], metric: str) -> list[tuple[Record, float | None]]:
    errors = []
    for record in records:
        if record["drawing"] == DENSE and metric in record["metrics"]:
            value = found.get(record["id"], {}).get("TARGET", {}).get(metric)
            truth = record["metrics"][metric]["truth"]
            errors.append((record, None if value is None else 100.0 * (value - truth) / truth))
    return errors


def _comparison(compared: dict[str, dict[str, Any]], results: dict[str, Any], split: str) -> list[dict[str, Any]]:
    rows = []
    for program, errors in compared.items():
        row: dict[str, Any] = {"program": program}
        for metric in _COMPARED:
            all_of = [e for r, e in errors[metric] if r["split"] == split]
            values = np.abs([e for e in all_of if e is not None])
            row[metric] = (np.median(values), np.percentile(values, 95), values.max())
            row[f"none {metric}"] = len(all_of) - len(values)
        cost = results["own"]["run"] if program == plots.OWN else results["peers"][program]["cost"]
        rows.append(row | cost)
    return rows


def _breakdown(records: list[Record], key: Callable[[Record], str]) -> list[tuple[str, dict[str, Any]]]:
    classes = sorted({key(r) for r in records})
    return [(c, {m: summary([r for r in records if key(r) == c], m) for m in _COMPARED}) for c in classes]


def _misses(record: Record) -> list[dict[str, Any]]:
    missed = {m: f for m, f in record["metrics"].items() if "value" in f and m != SLAB and not holds(f)}
    return [{"record": record, "metric": m, "found": f, "error": error_percent(f)} for m, f in missed.items()]


def _worst(records: list[Record]) -> list[dict[str, Any]]:
    rows = []
    for metric in _COMPARED:
        valued = [r for r in records if "value" in r["metrics"].get(metric, {})]
        valued.sort(key=lambda r: -abs(error_percent(r["metrics"][metric])))
        rows += [
            {"record": r, "metric": metric, "found": r["metrics"][metric], "error": error_percent(r["metrics"][metric])}
            for r in valued[:5]
        ]
    return rows


def _all(records: list[Record], metric: str, what: str) -> float | None:
    found = summary(records, metric)
    return found[what] if found else None


def _large(records: list[Record]) -> list[Record]:
    return [r for r in records if r["radius_mm"] > 4.999]


def _spheres(records: list[Record]) -> list[Record]:
    return [r for r in records if is_bar_sphere(r)]


def _least_held(records: list[Record]) -> float:
    return min(s["held"] for m in ALL if m != SLAB and (s := summary(records, m)))


Records = list[Record]
Finder = Callable[[Records], float | None]
# What is promised: in words, the number, whether it is a least or a most, and how it is found.
_BARS: tuple[tuple[str, float, str, Finder], ...] = (
    ("volume, median, %", 0.1, "≤", lambda r: _all(r, VOLUME, "median")),
    ("D95 %, median, %", 0.1, "≤", lambda r: _all(r, "D95%[Gy]", "median")),
    ("D95 %, 95th percentile, %", 2.5, "≤", lambda r: _all(r, "D95%[Gy]", "p95")),
    ("D0.03 cc, median, %", 0.1, "≤", lambda r: _all(r, "D0.03cc[Gy]", "median")),
    ("D0.03 cc, 95th percentile, %", 1.5, "≤", lambda r: _all(r, "D0.03cc[Gy]", "p95")),
    ("spheres of r ≥ 5 mm: volume, greatest, %", 0.1, "≤", lambda r: _all(_spheres(r), VOLUME, "max")),
    ("spheres of r ≥ 5 mm: D95 %, greatest, %", 0.5, "≤", lambda r: _all(_spheres(r), "D95%[Gy]", "max")),
    ("slab model against the extruded solid: volume, greatest, %", 0.05, "≤", lambda r: _all(r, SLAB, "max")),
    ("intervals that hold the truth, metric with the fewest, %", 99.0, "≥", _least_held),
    ("D95 %, median half width, r ≥ 5 mm, %", 0.5, "≤", lambda r: _all(_large(r), "D95%[Gy]", "half_width")),
    ("the same, spheres alone, %", 0.5, "≤", lambda r: _all(_spheres(r), "D95%[Gy]", "half_width")),
    ("D95 %, median half width, all, %", 2.0, "≤", lambda r: _all(r, "D95%[Gy]", "half_width")),
)


def _bar(title: str, limit: float, sense: str, find: Finder, records: Records) -> dict[str, Any]:
    values = {split: find(_chosen(records, split, DENSE)) for split in (HELD_OUT, DEVELOPMENT)}
    met = {s: v is not None and (v <= limit if sense == "≤" else v >= limit) for s, v in values.items()}
    shown = {s: f"{v:.1f}" if limit > 10.0 and v is not None else number(v) for s, v in values.items()}
    return {"title": title, "limit": f"{sense} {limit:g}", "shown": shown, "met": met}
