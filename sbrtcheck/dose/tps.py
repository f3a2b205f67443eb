"""The planning system's own DVH beside ours."""

from __future__ import annotations

import numpy as np

from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import TpsDvh

# The very ends of a DVH hang on single voxels and on each program's way of cutting them, so they are left out.
_SHARES = np.linspace(0.02, 0.98, 97)


def largest_dose_difference(curves: DvhCurves, stored: TpsDvh) -> float:
    """Return the largest horizontal distance between two cumulative DVHs, Gy.

    Both curves are read at the same shares of their own volume, 2 % to 98 %, so that a difference in volume (end caps,
    voxels) does not appear as a difference in dose.

    Raises
    ------
    NotComputable
        If either curve holds no volume.
    """
    ours = curves.best
    if ours.total_cm3 <= 0 or stored.volume_cm3.max(initial=0.0) <= 0:
        raise NotComputable("a curve without volume cannot be compared", where=f"ROI {stored.roi_number}")
    # Hottest first: the dose reached by the share s of the volume.
    share = (np.cumsum(ours.volume_cm3) - 0.5 * ours.volume_cm3) / ours.total_cm3
    our_gy = np.interp(_SHARES, share, ours.dose_gy)
    falling = np.maximum.accumulate(stored.volume_cm3[::-1])  # rising volume, from the hot end
    their_gy = np.interp(_SHARES, falling / falling[-1], stored.dose_gy[::-1])
    return float(np.max(np.abs(our_gy - their_gy)))
