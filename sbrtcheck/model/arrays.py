"""Array types of the model, and the one way to make an array read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
DoseArray = NDArray[np.float32]
IntArray = NDArray[np.int16]


def frozen(values: ArrayLike, dtype: type[np.generic] = np.float64) -> NDArray[Any]:
    """Return ``values`` as a contiguous array of ``dtype`` that cannot be written to."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        if array is values:
            array = array.copy()
        array.setflags(write=False)
    return array
