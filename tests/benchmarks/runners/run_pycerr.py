"""pyCERR: import of the files, then ``dvh.getDVH`` and its statistics with bins of 0.02 Gy.

The RT Plan is left out: reading it fails where a beam does not repeat the manufacturer, which is optional (type 3).
"""

from cerr import dvh, plan_container
from common import run


def measure(folder):
    files = [str(folder / name) for name in ("CT", "RTSTRUCT.dcm", "RTDOSE.dcm")]
    plan = plan_container.loadDcmDir(files)
    found = {}
    for number, structure in enumerate(plan.structure):
        doses, volumes, failed = dvh.getDVH(number, 0, plan)
        if failed:
            found[structure.structureName] = {}
            continue
        bins, shares = dvh.doseHist(doses, volumes, 0.02)
        found[structure.structureName] = {
            "Volume[cc]": volumes.sum(),
            "D95%[Gy]": dvh.Dx(bins, shares, 95, 1),
            "D0.03cc[Gy]": dvh.Dx(bins, shares, 0.03, 0),
            "Mean[Gy]": dvh.meanDose(bins, shares),
            "Min[Gy]": dvh.minDose(bins, shares),
            "Max[Gy]": dvh.maxDose(bins, shares),
        }
    return found


run(measure)
