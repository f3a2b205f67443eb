"""Limits that read the wrong way round: ``V12.5Gy[cc] < 1500`` written for "at least 1500 cm3 below 12.5 Gy"."""

from __future__ import annotations

import re
from typing import Final

# Volumes that AAPM TG-101 wants spared (lungs, liver, kidneys); an upper limit of that size on the volume *above* a
# dose is suspect.
_SPARED_CM3: Final = frozenset({200.0, 700.0, 1000.0, 1500.0})
_VOLUME_ABOVE: Final = re.compile(r"V(?P<dose>[\d.]+Gy)\[cc\](?P<more>@.*)?")


def perhaps_spared(metric: str, op: str, value_cm3: float) -> str:
    """Return what to write if a volume to be spared is meant by a limit, "" where nothing suggests that.

    Examples
    --------
    >>> perhaps_spared("V12.5Gy[cc]", "<", 1500.0)
    'if at least 1500 cm3 shall receive less than the dose, write CV12.5Gy[cc] >= 1500'
    >>> perhaps_spared("V20Gy[cc]", "<", 10.0)
    ''
    """
    above = _VOLUME_ABOVE.fullmatch(metric)
    if above is None or "<" not in op or value_cm3 not in _SPARED_CM3:
        return ""
    meant = f"CV{above['dose']}[cc]{above['more'] or ''} >= {value_cm3:g}"
    return f"if at least {value_cm3:g} cm3 shall receive less than the dose, write {meant}"
