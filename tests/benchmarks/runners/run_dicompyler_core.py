"""dicompyler-core: ``dvhcalc.get_dvh`` with its defaults."""

from common import run
from dicompylercore import dvhcalc
from dicompylercore.dicomparser import DicomParser


def measure(folder):
    structures = DicomParser(str(folder / "RTSTRUCT.dcm"))
    dose = DicomParser(str(folder / "RTDOSE.dcm"))
    found = {}
    for number, roi in structures.GetStructures().items():
        dvh = dvhcalc.get_dvh(structures.ds, dose.ds, number)
        found[roi["name"]] = {
            "Volume[cc]": dvh.volume,
            "D95%[Gy]": dvh.statistic("D95").value,
            "D0.03cc[Gy]": dvh.statistic("D0.03cc").value,
            "Mean[Gy]": dvh.mean,
            "Min[Gy]": dvh.min,
            "Max[Gy]": dvh.max,
        }
    return found


run(measure)
