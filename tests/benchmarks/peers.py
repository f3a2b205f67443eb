"""Other programs, each in a virtual environment of its own in a cache folder, run on the same DICOM files.

Their code never enters this repository: ``runners/`` holds one small script each that calls their public interface.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNNERS = Path(__file__).parent / "runners"


class NoInterpreter(Exception):
    """No interpreter at hand is one that a peer can be installed for."""


@dataclass(frozen=True)
class Peer:
    """A program to compare with: what to install, and which Python it needs.

    ``note`` says how it was run, for the table.
    """

    name: str
    version: str
    requirements: tuple[str, ...]
    runner: str
    least_python: tuple[int, int] = (3, 11)
    note: str = "defaults"

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


PEERS = (
    Peer(
        "plastimatch",
        "1.10.0",
        ("plastimatch==1.10.0",),
        "run_plastimatch.py",
        note="`plastimatch dvh`, bins of 0.02 Gy, metrics read off its curve, volume from its number of voxels",
    ),
    Peer(
        "pyCERR",
        "2.5.1",
        ("pyCERR==2.5.1",),
        "run_pycerr.py",
        note="`dvh.getDVH`, bins of 0.02 Gy, without the RT Plan (its reader wants an optional element)",
    ),
    Peer("pydcm", "0.5.0", ("pydcm==0.5.0", "numpy>=2"), "run_pydcm.py", (3, 12), "`rt.dvhcalc` with its defaults"),
    # Version 0.5.6 imports a name that pydicom 3 no longer has.
    Peer(
        "dicompyler-core",
        "0.5.6",
        ("dicompyler-core==0.5.6", "pydicom<3", "numpy<2"),
        "run_dicompyler_core.py",
        note="`dvhcalc.get_dvh` with its defaults, on pydicom 2",
    ),
)


@dataclass(frozen=True)
class Cost:
    """Time on the wall, processor time and greatest resident memory of one process with its children."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def timed(command: list[str | Path], env: dict[str, str] | None = None) -> Cost:
    """Run a command to its end and return what it cost; its output is thrown away.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    launch = [sys.executable, "-I", "-S", Path(__file__).with_name("cost.py"), *command]
    told = subprocess.run(
        [str(part) for part in launch],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | (env or {}),
    )
    status, *cost = json.loads(told.stdout)
    if status not in (0, 3):  # 3: sbrtcheck could not decide something
        raise RuntimeError(f"{command[0]} ended with status {status}")
    return Cost(*cost)


def interpreter(peer: Peer, pythons: tuple[str, ...] = ()) -> str:
    """Return an interpreter of at least the version that a peer needs.

    Parameters
    ----------
    pythons : tuple of str
        Interpreters to try before those on the path.

    Raises
    ------
    NoInterpreter
    """
    least = ".".join(map(str, peer.least_python))
    names = [sys.executable, *pythons, *(f"python3.{minor}" for minor in range(peer.least_python[1], 15))]
    for name in names:
        test = f"import sys; raise SystemExit(sys.version_info[:2] < {peer.least_python})"
        try:
            if subprocess.run([name, "-c", test], capture_output=True, check=False).returncode == 0:
                return name
        except OSError:
            continue
    raise NoInterpreter(f"needs Python {least} or later")


def environment(peer: Peer, cache: Path, pythons: tuple[str, ...] = ()) -> Path:
    """Return the Python of the environment of a peer, making it where it is not there yet."""
    key = hashlib.sha256("\n".join(peer.requirements).encode()).hexdigest()[:8]
    folder = cache / "environments" / f"{peer.name}-{key}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([interpreter(peer, pythons), "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *peer.requirements], check=True)
        (folder / "complete").touch()
    return python


def command(peer: Peer, python: Path, out: Path, folders: list[Path]) -> list[str | Path]:
    """Return the command that measures plan folders and writes what it found."""
    return [python, RUNNERS / peer.runner, out, *folders]


def measure(peer: Peer, python: Path, folders: list[Path], out: Path) -> dict[str, Any]:
    """Return what a peer finds, by folder name and ROI name."""
    timed(command(peer, python, out, folders))
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found
