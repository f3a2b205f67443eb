"""Run the phantoms through the program and say how far off it is, and how often its intervals hold the truth.

``python tests/benchmarks/accuracy.py`` runs the development side (some 400 phantoms, two processes), ``--only 'sphere
5'`` those whose label begins so; ``--json FILE`` keeps every number. The held-out side is for the table of ``run.py``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from cases import COARSE, DENSE, DEVELOPMENT, HELD_OUT, Phantom, phantoms
from solids import longest_mm
from truth import METRICS

from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics.grammar import parse_metric
from sbrtcheck.model import Method
from sbrtcheck.naming.site import SiteFile

VOLUME = "Volume[cc]"
SLAB = "Volume[cc] as slabs"  # against the extruded convention: exact areas times the spacing
AXIAL, LONGEST = "Longest axial diameter[mm]", "Longest 3-D diameter[mm]"
ALL = (VOLUME, AXIAL, LONGEST, *METRICS, SLAB)
Record = dict[str, Any]
_SIZES_MM = ((0.0, 3.5), (3.5, 5.5), (5.5, 8.5), (8.5, 12.5), (12.5, 99.0))


def measure(phantom: Phantom, folder: Path | None = None) -> Record:
    """Return what the program makes of one phantom beside the truth, plain enough for JSON.

    Parameters
    ----------
    folder : Path, optional
        Where the phantom was exported: its files are read. Else it is handed over in memory.
    """
    case = phantom.case() if folder is None else load_case([folder]).case
    derived, slabs = Derived(case, SiteFile()), Derived(case, SiteFile(), Method(shape="slab"))
    structure = derived.structures[0]
    truths = {VOLUME: phantom.truth.volume_cm3, **phantom.truth.metrics, SLAB: phantom.extruded_cm3}
    truths |= {AXIAL: phantom.longest_axial_mm, LONGEST: longest_mm(phantom.solid)}
    computes: dict[str, Callable[[], Any]] = {VOLUME: lambda: derived.volume(structure)}
    computes |= {m: lambda m=m: parse_metric(m).compute(structure, derived) for m in METRICS}
    computes[AXIAL] = lambda: derived.longest_axial_diameter(structure).length
    computes[LONGEST] = lambda: derived.longest_3d_diameter(structure).length
    computes[SLAB] = lambda: slabs.volume(structure)
    found: dict[str, Any] = {}
    for metric in ALL:
        if truths[metric] is None:
            continue
        try:
            interval = computes[metric]()
        except NotComputable as reason:
            found[metric] = {"truth": truths[metric], "declined": reason.message}
        else:
            bounds = {"value": interval.value, "low": interval.low, "high": interval.high}
            found[metric] = {"truth": truths[metric], **bounds}
            if metric in (AXIAL, LONGEST):
                found[metric]["slack"] = 0.01 if phantom.drawing == DENSE else 0.06
    return described(phantom) | {"metrics": found, "truth_change": phantom.truth.change}


def described(phantom: Phantom) -> Record:
    """Return what kind of phantom it is."""
    return {
        "id": phantom.id,
        "split": phantom.split,
        "drawing": phantom.drawing,
        "family": phantom.solid.family,
        "label": phantom.solid.label,
        "radius_mm": phantom.solid.radius_mm,
        "planes_mm": phantom.planes_mm,
        "grid_mm": phantom.grid_mm,
        "dose": phantom.field.name,
        "drawn_planes": len(phantom.plane_heights_mm),
        "extruded_cm3": phantom.extruded_cm3,
    }


def error_percent(found: Record) -> float:
    """Return the error of a value, percent of the truth."""
    return 100.0 * (found["value"] - found["truth"]) / found["truth"]


def half_width_percent(found: Record) -> float:
    """Return half the width of an interval, percent of the truth; infinite where a bound is."""
    return 50.0 * (found["high"] - found["low"]) / found["truth"]


def holds(found: Record) -> bool:
    """Return whether an interval holds the truth, up to what dense polygons lack of their circles.

    That is 2e-5 of it; for a diameter at least 0.01 mm, as positions in the files are whole hundredths, and 0.06 mm for
    coarse contours, whose vertices lie that much outside the outline that they stand for.
    """
    slack = max(2e-5 * found["truth"], found.get("slack", 0.0))
    return bool(found["low"] - slack <= found["truth"] <= found["high"] + slack)


def summary(records: Iterable[Record], metric: str) -> Record | None:
    """Return the statistics of one metric over phantoms, percent; None where there is no value."""
    found = [r["metrics"][metric] for r in records if metric in r["metrics"]]
    values = [f for f in found if "value" in f]
    if not values:
        return None
    errors = np.abs([error_percent(f) for f in values])
    widths = np.array([half_width_percent(f) for f in values])
    return {
        "n": len(found),
        "declined": len(found) - len(values),
        "median": float(np.median(errors)),
        "p95": float(np.percentile(errors, 95)),
        "max": float(errors.max()),
        "held": 100.0 * sum(map(holds, values)) / len(values),
        "half_width": float(np.median(widths)),
        "unbounded": int(np.sum(~np.isfinite(widths))),
    }


def is_bar_sphere(record: Record) -> bool:
    """Return whether a phantom is one of the spheres of 5 mm or more, densely drawn, that have limits of their own."""
    return record["family"] == "sphere" and record["radius_mm"] > 4.999 and record["drawing"] == DENSE


def size_class(record: Record) -> str:
    """Return the class of equivalent radius, in words."""
    low, high = next(c for c in _SIZES_MM if c[0] <= record["radius_mm"] < c[1])
    return f"r {low:g}-{high:g} mm" if high < 99 else f"r > {low:g} mm"


BREAKDOWNS: dict[str, Callable[[Record], str]] = {
    "solid": lambda r: r["family"],
    "size": size_class,
    "plane spacing": lambda r: f"{r['planes_mm']:g} mm",
    "dose grid": lambda r: f"{r['grid_mm']:g} mm",
    "dose": lambda r: r["dose"],
    "drawn planes": lambda r: f"{min(r['drawn_planes'], 10):2d}{'+' if r['drawn_planes'] > 9 else ''}",
}


def run(split: str, *, only: str = "", every: int = 1, exported: Path | None = None) -> list[Record]:
    """Measure the phantoms of one side, in two processes.

    Parameters
    ----------
    only : str
        Beginning of the label of the solid.
    every : int
        Take only every n-th.
    exported : Path, optional
        Folder of exported phantoms, to read files instead of handing phantoms over in memory.
    """
    numbers = [n for n, p in enumerate(phantoms(split)) if p.solid.label.startswith(only) and n % every == 0]
    shares = [numbers[n : n + 10] for n in range(0, len(numbers), 10)]
    with ProcessPoolExecutor(2) as pool:
        parts = pool.map(_measured, [split] * len(shares), shares, [exported] * len(shares))
        return [record for part in parts for record in part]


def _measured(split: str, numbers: list[int], exported: Path | None) -> list[Record]:
    chosen = [p for n, p in enumerate(phantoms(split)) if n in set(numbers)]
    return [measure(p, exported / p.id if exported else None) for p in chosen]


def show(records: list[Record], title: str) -> None:
    """Print everything that one needs to make the engine better."""
    dense = [r for r in records if r["drawing"] == DENSE]
    _table(f"{title}, dense contours", {m: summary(dense, m) for m in ALL})
    _table(f"{title}, CT-like contours", {m: summary([r for r in records if r["drawing"] == COARSE], m) for m in ALL})
    spheres = [r for r in dense if is_bar_sphere(r)]
    _table("spheres of r >= 5 mm", {m: summary(spheres, m) for m in (VOLUME, "D95%[Gy]")})
    large = [r for r in dense if r["radius_mm"] > 4.999]
    _table("all of r >= 5 mm", {m: summary(large, m) for m in (VOLUME, "D95%[Gy]")})
    for name, key in BREAKDOWNS.items():
        groups = sorted({key(r) for r in dense})
        for metric in (VOLUME, "D95%[Gy]", "D0.03cc[Gy]"):
            _table(f"{metric} by {name}", {g: summary([r for r in dense if key(r) == g], metric) for g in groups})
    for metric in (VOLUME, "D95%[Gy]", "D0.03cc[Gy]", SLAB):
        _worst(records, metric)
    print("\nintervals that miss the truth")
    for record in records:
        for metric, found in record["metrics"].items():
            if "value" in found and not holds(found):
                print(f"  {_line(record, found)}  {metric}")


def _table(title: str, rows: dict[str, Record | None]) -> None:
    rows = {name: row for name, row in rows.items() if row}
    if not rows:
        return
    print(f"\n{title:28s}    n decl   median      p95      max    held  half-w  inf")
    for name, row in rows.items():
        print(
            f"  {name:26s} {row['n']:4d} {row['declined']:4d} {row['median']:8.4f} {row['p95']:8.3f} {row['max']:8.3f}"
            f" {row['held']:6.1f}% {row['half_width']:7.3f} {row['unbounded']:4d}"
        )


def _worst(records: list[Record], metric: str) -> None:
    print(f"\nworst {metric}")
    valued = [r for r in records if "value" in r["metrics"].get(metric, {})]
    for record in sorted(valued, key=lambda r: -abs(error_percent(r["metrics"][metric])))[:10]:
        print(f"  {_line(record, record['metrics'][metric])}")


def _line(record: Record, found: Record) -> str:
    return (
        f"{record['id']} {record['label']:24s} planes {record['planes_mm']:g} grid {record['grid_mm']:g}"
        f" {record['dose']:15s} {record['drawn_planes']:2d} drawn  truth {found['truth']:9.4f}"
        f" value {found['value']:9.4f} [{found['low']:9.4f}, {found['high']:9.4f}] {error_percent(found):+8.3f} %"
    )


def plain(value: Any) -> Any:
    """Return JSON data with infinite bounds as None."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=(DEVELOPMENT, HELD_OUT), default=DEVELOPMENT)
    parser.add_argument("--only", default="", help="beginning of a label, such as 'sphere 5'")
    parser.add_argument("--json", type=Path, help="file for every number")
    given = parser.parse_args()
    records = run(given.split, only=given.only)
    show(records, given.split)
    if given.json:
        given.json.write_text(json.dumps(plain(records), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
