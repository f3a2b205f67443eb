"""Volume and centroid of a structure."""

from __future__ import annotations

import numpy as np
import shapely

from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.slices import layers_of
from sbrtcheck.model import FloatArray, ShapeModel
from sbrtcheck.results import Interval

_MM3_PER_CM3 = 1000.0


def volume(region: Region, model: ShapeModel = "shape") -> Interval:
    """Return the volume of a structure.

    Parameters
    ----------
    region : Region
    model : {'shape', 'slab'}

    Returns
    -------
    Interval
        cm3. The value follows the smooth profile of area between and beyond planes (module ``area``); the bounds hold
        the other defensible profiles, flat ends anywhere before the next plane where the trend does not close, planes
        that may be missing, and the arcs between vertices. Slabs have the volume of their polygons and no bounds: they
        are a convention.

    Raises
    ------
    NotComputable
        If the structure lies on one plane and the spacing of planes is unknown.
    """
    total = np.zeros(3)
    for part in parts(region):
        total += layers_of(part, model=model).volume_mm3
    value, low, high = (float(v) / _MM3_PER_CM3 for v in total)
    return Interval(value, min(low, value), max(high, value))


def equivalent_diameter(volume_cm3: Interval) -> Interval:
    """Return the diameter of the sphere of the same volume, mm.

    Examples
    --------
    >>> equivalent_diameter(Interval.exact(np.pi / 6.0)).value
    10.0
    """

    def diameter_mm(cm3: float) -> float:
        return float(np.cbrt(6.0 * cm3 * _MM3_PER_CM3 / np.pi))

    return Interval(*(diameter_mm(v) for v in (volume_cm3.value, volume_cm3.low, volume_cm3.high)))


def centroid(region: Region) -> FloatArray:
    """Return the centre of mass of a structure.

    Parameters
    ----------
    region : Region

    Returns
    -------
    (3,) float
        LPS, mm; of the same layers as the volume (of the drawn outline where the thickness is unknown).
    """
    moment, mass = np.zeros(3), 0.0
    for part in parts(region):
        centres = np.column_stack([shapely.get_coordinates(shapely.centroid(np.array(part.outlines))), part.w_mm])
        if part.step_mm is None:
            weights = part.areas_mm2
            points = centres
        else:
            points, weights = _layer_centres(part, centres)
        moment += weights @ points
        mass += float(weights.sum())
    return np.asarray(region.to_lps((moment / mass)[None, :])[0])


def _layer_centres(part: Region, centres: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the middle of each layer, ``(S, 3)`` in (u, v, w), and its volume, mm3."""
    layers = layers_of(part, part.step_mm / 4.0 if part.step_mm else np.inf)
    t = layers.blend[:, None]
    points = (1.0 - t) * centres[layers.below] + t * centres[layers.above]
    points[:, 2] = layers.middle_mm
    return points, layers.area_mm2[0] * layers.thickness_mm
