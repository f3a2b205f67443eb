"""What the runners share. Standard library only: it runs in the environment of each peer.

``runner.py OUT.json FOLDER...`` measures every plan folder in turn and writes, per folder name, what was found per ROI
name: ``Volume[cc]``, ``D95%[Gy]``, ``D0.03cc[Gy]`` and what else the program offers, or ``error``.
"""

import json
import math
import sys
from pathlib import Path


def finite(values):
    """Return only the numbers that are numbers: JSON knows no others."""
    return {metric: float(v) for metric, v in values.items() if v is not None and math.isfinite(float(v))}


def run(measure):
    """Measure the folders of the command line with ``measure(folder)``, which returns metrics by ROI name."""
    out, *folders = sys.argv[1:]
    found = {}
    for folder in map(Path, folders):
        try:
            found[folder.name] = {roi: finite(values) for roi, values in measure(folder).items()}
        except Exception as problem:  # whatever goes wrong in a peer is its result
            found[folder.name] = {"error": f"{type(problem).__name__}: {problem}"[:200]}
    Path(out).write_text(json.dumps(found), encoding="utf-8")


def dose_at(doses, volumes, hottest):
    """Return the dose where a falling cumulative curve crosses a volume, linear between its points."""
    if not volumes or hottest > volumes[0]:
        return None
    for n in range(1, len(doses)):
        if volumes[n] < hottest:
            share = (volumes[n - 1] - hottest) / (volumes[n - 1] - volumes[n])
            return doses[n - 1] + share * (doses[n] - doses[n - 1])
    return doses[-1]
