"""How long the whole process takes, and how much memory, on the case of 30 structures; and how the cost grows.

``python tests/benchmarks/speed.py`` prints it for this program alone; ``run.py`` adds the peers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from peers import Cost, timed
from thirty_structures import SHAPES, SLICE_MM, SLICES, loops, write_case

METRICS = ("D95%[Gy]", "D0.03cc[Gy]")
POINTS = (0.25, 0.5, 1.0, 1.5, 2.0)
DOSES_MM = (4.0, 3.0, 2.5, 2.0, 1.6)


def own(folder: Path) -> list[str | Path]:
    """Return the command that is timed."""
    metrics = [part for metric in METRICS for part in ("--metric", metric)]
    return [sys.executable, "-m", "sbrtcheck", "measure", folder, *metrics, "--json"]


STARTS = {
    "interpreter": [sys.executable, "-c", "pass"],
    "interpreter and imports": [sys.executable, "-c", "from sbrtcheck.pipeline import measure"],
}


def repeated(command: list[str | Path], times: int, env: dict[str, str] | None = None) -> Cost:
    """Return the medians over several runs; one run is enough for what takes more than a minute."""
    costs = [timed(command, env)]
    while len(costs) < times and costs[0].seconds < 60.0:
        costs.append(timed(command, env))
    return Cost(*(statistics.median(getattr(c, field) for c in costs) for field in Cost.__dataclass_fields__))


def thirty(cache: Path) -> Path:
    """Return the folder of the case, writing it where it is not there yet."""
    folder = cache / "thirty"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            write_case(Path(aside) / "case")
            (Path(aside) / "case").rename(folder)
    return folder


def own_costs(folder: Path, times: int) -> dict[str, Cost]:
    """Return the cost of a start, of a first run that has to compile, and of a run."""
    found = {name: repeated(command, times) for name, command in STARTS.items()}
    with tempfile.TemporaryDirectory() as empty:
        found["first run, empty compile cache"] = timed(own(folder), {"NUMBA_CACHE_DIR": empty})
    timed(own(folder))  # compiles where this machine has not yet, and warms the file cache
    return found | {"run": repeated(own(folder), times)}


def surface_voxels(dose_mm: float, points: float = 1.0) -> float:
    """Return about how many dose voxels the surfaces of all structures cut: area over voxel face."""
    heights = SLICE_MM * (np.arange(SLICES) - SLICES // 2)
    around = 0.0
    for shape in SHAPES:
        for contour in loops(shape, heights, points):
            ends = contour.points_mm
            around += float(np.linalg.norm(ends - np.roll(ends, 1, axis=0), axis=1).sum())
    return around * SLICE_MM / dose_mm**2


def curve(cache: Path, times: int) -> dict[str, list[dict[str, float]]]:
    """Return seconds over number of contour points, and over number of voxels at surfaces, without the CT."""
    rows: dict[str, list[dict[str, float]]] = {"points": [], "voxels": []}
    with tempfile.TemporaryDirectory(dir=cache) as aside:
        for n, points in enumerate(POINTS):
            folder = Path(aside) / f"points{n}"
            number = write_case(folder, points=points, images=False)
            rows["points"].append({"points": number, "seconds": repeated(own(folder), times).seconds})
        for n, dose_mm in enumerate(DOSES_MM):
            folder = Path(aside) / f"dose{n}"
            write_case(folder, dose_mm=dose_mm, images=False)
            seconds = repeated(own(folder), times).seconds
            rows["voxels"].append({"dose_mm": dose_mm, "voxels": surface_voxels(dose_mm), "seconds": seconds})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "sbrtcheck-benchmarks")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--curve", action="store_true", help="also how the cost grows")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    folder = thirty(given.cache)
    found: dict[str, Any] = {name: asdict(cost) for name, cost in own_costs(folder, given.times).items()}
    if given.curve:
        found["curve"] = curve(given.cache, 3)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
