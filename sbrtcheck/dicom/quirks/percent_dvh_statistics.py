"""DVH statistics in percent of the prescription although Dose Units is GY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from sbrtcheck.dicom.quirks import Quirk
from sbrtcheck.model import TpsDvh


class PercentDvhStatistics(Quirk):
    """Seen in Eclipse exports: the curve is in Gy, its minimum, mean and maximum in percent of 14 Gy."""

    id: ClassVar[str] = "percent-dvh-statistics"
    says: ClassVar[str] = (
        "The stored DVH statistics are in percent of the prescription although Dose Units is GY; turned into Gy"
    )
    source: ClassVar[str] = "Eclipse breast set in the dicompyler-core test data"
    severity: ClassVar[Literal["info", "warning", "blocking"]] = "warning"

    def gy_per_statistic(self, dvhs: Sequence[TpsDvh], prescribed_gy: Sequence[float]) -> float | None:
        """Return the hundredth of the one prescription of which every stored maximum is a percentage."""
        fitting = sorted({p / 100.0 for p in prescribed_gy if all(maximum_fits(d, p / 100.0) for d in dvhs)})
        return fitting[0] if len(fitting) == 1 else None


def maximum_fits(dvh: TpsDvh, gy_per_statistic: float) -> bool:
    """Whether a stored maximum lies where its own curve ends, within two bins and half a percent."""
    if dvh.maximum_gy is None:
        return True
    above = dvh.volume_cm3 > 0
    if not above.any() or len(dvh.dose_gy) < 2:
        return False
    end = int(above.nonzero()[0][-1])
    last = float(dvh.dose_gy[min(end + 1, len(dvh.dose_gy) - 1)])
    bin_gy = float(dvh.dose_gy[-1] - dvh.dose_gy[-2])
    # Curves end in the bin that holds the maximum, or in one with a remainder of rounding beyond it.
    return abs(dvh.maximum_gy * gy_per_statistic - last) <= 2 * bin_gy + 0.005 * last


QUIRK = PercentDvhStatistics()
