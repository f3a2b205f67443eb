"""Measure everything and write ``docs/accuracy.md`` with its pictures: the one command of the benchmark.

``python tests/benchmarks/run.py`` exports all phantoms, measures them with this program and with the peers (each
installed into an environment of its own in the cache folder), times all of them on the case of 30 structures, and
writes the page. What the peers found stays in the cache as long as phantoms, runners and versions are the same; this
program is always measured anew. ``--quick`` takes every tenth phantom and one timing, and writes the page into the
cache folder instead.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import peers
import speed
from accuracy import plain, run
from cases import DEVELOPMENT, HELD_OUT, phantoms
from export import write_all
from page import write_page
from peers import PEERS, NoInterpreter, Peer

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
_PHANTOM_SOURCES = ("solids.py", "fields.py", "truth.py", "cases.py", "export.py")


def exported(cache: Path, every: int) -> Path:
    """Return the folder of all phantoms as DICOM files, writing it where it is not there yet."""
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _PHANTOM_SOURCES)).hexdigest()[:8]
    folder = cache / f"phantoms-{key}-{every}"
    if not folder.exists():
        chosen = [p for split in (DEVELOPMENT, HELD_OUT) for n, p in enumerate(phantoms(split)) if n % every == 0]
        with tempfile.TemporaryDirectory(dir=cache) as aside:
            write_all(Path(aside) / "all", chosen)
            (Path(aside) / "all").rename(folder)
    return folder


def measured_by(peer: Peer, folder: Path, thirty: Path, cache: Path, times: int, pythons: tuple[str, ...]) -> Any:
    """Return what a peer finds on the phantoms and what it costs on the large case; None where it cannot run."""
    sources = b"".join((peers.RUNNERS / name).read_bytes() for name in ("common.py", peer.runner))
    key = hashlib.sha256(sources + repr((peer.requirements, folder.name, times)).encode()).hexdigest()[:8]
    kept = cache / f"{peer.name}-{key}.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    try:
        python = peers.environment(peer, cache, pythons)
    except (NoInterpreter, subprocess.CalledProcessError) as problem:
        print(f"{peer.title} left out: {problem}", file=sys.stderr)
        return {"left_out": str(problem)}
    out = cache / "out.json"
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    found = {"found": peers.measure(peer, python, folders, out)}
    found["cost"] = asdict(speed.repeated(peers.command(peer, python, out, [thirty]), times))
    found["thirty"] = json.loads(out.read_text(encoding="utf-8"))[thirty.name]
    kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def machine() -> str:
    """Return what the timings were made on."""
    names = [line.split(":", 1)[1].strip() for line in _cpu_info() if line.startswith("model name")]
    python = ".".join(platform.python_version_tuple())
    return f"{os.cpu_count()} cores, {names[0] if names else platform.machine()}, {platform.system()}, Python {python}"


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def collect(cache: Path, *, quick: bool, pythons: tuple[str, ...]) -> dict[str, Any]:
    """Measure everything."""
    every, times = (10, 1) if quick else (1, 5)
    folder, thirty = exported(cache, every), speed.thirty(cache)
    _tell("accuracy of this program")
    records = [r for split in (DEVELOPMENT, HELD_OUT) for r in run(split, every=every, exported=folder)]
    others = {}
    for peer in PEERS:
        _tell(peer.title)
        others[peer.title] = measured_by(peer, folder, thirty, cache, min(times, 3), pythons)
    _tell("speed of this program")
    return {
        "records": plain(records),
        "truth": json.loads((folder / "truth.json").read_text(encoding="utf-8")),
        "peers": others,
        "own": {name: asdict(cost) for name, cost in speed.own_costs(thirty, times).items()},
        "curve": speed.curve(cache, 1 if quick else 3),
        "machine": machine(),
    }


def _tell(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "sbrtcheck-benchmarks")
    parser.add_argument("--python", action="append", default=[], help="further interpreter, for peers that need it")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--render", action="store_true", help="write the page again from what was measured last")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    kept = given.cache / ("results-quick.json" if given.quick else "results.json")
    if not given.render:
        kept.write_text(json.dumps(collect(given.cache, quick=given.quick, pythons=tuple(given.python))), "utf-8")
    write_page(json.loads(kept.read_text(encoding="utf-8")), given.cache if given.quick else DOCS)


if __name__ == "__main__":
    main()
