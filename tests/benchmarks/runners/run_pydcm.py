"""pydcm: ``rt.dvhcalc`` with its defaults, and with its finest sampling where ``FINEST`` is set in the environment."""

import os

from common import run
from pydcm import rt


def measure(folder):
    structures, dose = folder / "RTSTRUCT.dcm", folder / "RTDOSE.dcm"
    samples = 32 if os.environ.get("FINEST") else None
    found = {}
    for roi in rt.read_rtstruct(str(structures), coordinates=False):
        dvh = rt.dvhcalc(str(structures), str(dose), roi.number, samples_per_axis=samples)
        found[roi.name] = {
            "Volume[cc]": dvh.volume,
            "D95%[Gy]": dvh.statistic("D95").value,
            "D0.03cc[Gy]": dvh.statistic("D0.03cc").value,
            "Mean[Gy]": dvh.mean,
            "Min[Gy]": dvh.min,
            "Max[Gy]": dvh.max,
        }
    return found


run(measure)
