"""plastimatch: its command ``dvh`` on the folder, cumulative counts of voxels in bins of 0.02 Gy.

Volumes are the number of voxels times the voxel size that the command prints.
"""

import csv
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from common import dose_at, run

BIN_GY, BINS = 0.02, 5000
PROGRAM = Path(sys.executable).with_name("plastimatch")


def measure(folder):
    with tempfile.TemporaryDirectory() as aside:
        table = Path(aside) / "dvh.csv"
        command = [PROGRAM, "dvh", "--input", folder, "--output-csv", table, "--cumulative"]
        command += ["--normalization", "vox", "--bin-width", str(BIN_GY), "--num-bins", str(BINS)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with table.open(encoding="utf-8") as file:
            names, *rows = csv.reader(file)
    sizes = re.search(r"checking voxel size\.\.\.\s+([\d.e+-]+) +([\d.e+-]+) +([\d.e+-]+)", told)
    voxel_cm3 = abs(float(sizes[1]) * float(sizes[2]) * float(sizes[3])) / 1000
    doses = [float(row[0]) for row in rows]
    found = {}
    for column, name in enumerate(names[1:], start=1):
        volumes = [float(row[column]) * voxel_cm3 for row in rows]
        found[name] = {
            "Volume[cc]": volumes[0],
            "D95%[Gy]": dose_at(doses, volumes, 0.95 * volumes[0]),
            "D0.03cc[Gy]": dose_at(doses, volumes, 0.03),
        }
    return found


run(measure)
