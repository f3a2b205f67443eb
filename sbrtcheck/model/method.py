"""How shape and dose are read between what the files store: named, so that a report can state it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ShapeModel = Literal["shape", "slab"]
Interpolation = Literal["cubic", "trilinear"]


@dataclass(frozen=True, slots=True)
class Method:
    """The models that numbers rest on.

    Attributes
    ----------
    shape : {'shape', 'slab'}
        ``shape`` follows the contours smoothly between and beyond the planes; ``slab`` extrudes each outline half way
        to its neighbours, as many planning systems do.
    dose : {'cubic', 'trilinear'}
        Dose between voxel centres.
    """

    shape: ShapeModel = "shape"
    dose: Interpolation = "cubic"
