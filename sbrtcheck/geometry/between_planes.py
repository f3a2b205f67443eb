"""How long the longest diameter of a section may be where that section lies between the drawn planes.

The square of the longest diameter of the sections of an ellipsoid, however it is tilted, is a parabola of their height:
three planes tell its top. So the trend of the squared diameters bounds what lies between planes, with room for other
shapes. It is a model and no proof: a spike between two planes leaves no trace in them.
"""

from __future__ import annotations

import math

import numpy as np

from sbrtcheck.geometry.region import Region
from sbrtcheck.geometry.slices import areas_of
from sbrtcheck.model import FloatArray

# Room for shapes that are no ellipsoids, as a factor on what the trend adds: that of curvatures in module ``area``.
_ROOM = 1.4
# A diameter longer by less than this is none: the resolution of stored coordinates.
_RESOLUTION_MM = 0.01
# Fewer than three planes tell no curvature. An ellipsoid that shows on two planes is taken to be no less than this many
# steps half as high, one that shows on a single plane no less than that many. Choices: what is flatter on planes so far
# apart is not bounded.
_TWO_PLANES_HALF_HEIGHT_STEPS = 0.75
_ONE_PLANE_HALF_HEIGHT_STEPS = 0.6


def widest_between(part: Region, diameters_mm: FloatArray) -> float:
    """Return the upper bound of the longest diameter of any section of a part, drawn or not, mm.

    Parameters
    ----------
    part : Region
        A connected part, as ``parts`` returns it.
    diameters_mm : (P,) float
        Longest diameter on each of its planes, mm.

    Examples
    --------
    A ball of 40 mm on planes 6 mm apart, none of them through its middle: 39.55 mm are drawn.

    >>> import shapely
    >>> heights = np.array([-9.0, -3.0, 3.0, 9.0])
    >>> discs = tuple(shapely.MultiPolygon([shapely.Point(0, 0).buffer((400 - h * h) ** 0.5)]) for h in heights)
    >>> ball = Region(1, np.eye(4), heights, discs, 6.0)
    >>> round(widest_between(ball, 2 * np.sqrt(400 - heights**2)), 2)
    40.18
    """
    drawn = float(diameters_mm.max())
    number = len(diameters_mm)
    if number > 2:
        widest = max(_trend(part.w_mm, diameters_mm), _ends(part, diameters_mm))
    elif part.step_mm is None:
        widest = drawn
    elif number == 2:
        widest = _of_two(diameters_mm, max(part.step_mm, float(np.diff(part.w_mm)[0])))
    else:
        widest = _of_one(drawn, part.step_mm)
    return widest if widest > drawn + _RESOLUTION_MM else drawn


def _trend(w_mm: FloatArray, diameters_mm: FloatArray) -> float:
    """Return the longest diameter by the parabolas through three planes each, mm."""
    square, step = diameters_mm**2, np.diff(w_mm)
    rise = np.diff(square) / step
    before, after = step[:-1], step[1:]
    slope = (rise[:-1] * after + rise[1:] * before) / (before + after)
    curvature = (rise[1:] - rise[:-1]) / (before + after)
    # The top lies beside the middle plane of the three where that is the widest of them.
    top = (rise[:-1] >= 0.0) & (rise[1:] <= 0.0) & (curvature < 0.0)
    middle = diameters_mm[1:-1][top]
    gain = np.sqrt(middle**2 - slope[top] ** 2 / (4.0 * curvature[top])) - middle
    return float(np.max(middle + _ROOM * gain, initial=0.0))


def _ends(part: Region, diameters_mm: FloatArray) -> float:
    """Return the longest diameter beyond the end planes where it still grows towards them, mm."""
    areas = areas_of(part)
    found = []
    for profile, last, before in ((areas, -1, -2), (areas.turned, 0, 1)):
        growth = (diameters_mm[last] - diameters_mm[before]) / abs(part.w_mm[last] - part.w_mm[before])
        found.append(float(diameters_mm[last] + max(growth, 0.0) * profile.reach_mm))
    return max(found)


def _of_two(diameters_mm: FloatArray, step_mm: float) -> float:
    """Return the longest diameter of an ellipsoid drawn on two planes, mm."""
    large, small = sorted((diameters_mm**2).tolist(), reverse=True)
    drop, half_mm = (large - small) / large, _TWO_PLANES_HALF_HEIGHT_STEPS * step_mm
    # How far the middle of the ellipsoid lies from the plane of the larger section, towards the other one: the root of
    # drop v^2 - 2 step v + step^2 - drop half^2.
    rest = step_mm**2 - drop * half_mm**2
    middle_mm = rest / (step_mm + math.sqrt(step_mm**2 - drop * rest))
    return math.sqrt(large / (1.0 - (middle_mm / half_mm) ** 2))


def _of_one(diameter_mm: float, step_mm: float) -> float:
    """Return the longest diameter of a ball, or of an ellipsoid, drawn on one plane, mm."""
    radius_mm = diameter_mm / 2.0
    # The ball of radius r whose middle is h off the plane just misses the next one: r + h = step, r^2 = radius^2 + h^2.
    off_mm = max((step_mm**2 - radius_mm**2) / (2.0 * step_mm), 0.0)
    off_steps = 1.0 - _ONE_PLANE_HALF_HEIGHT_STEPS
    flat = diameter_mm / math.sqrt(1.0 - (off_steps / _ONE_PLANE_HALF_HEIGHT_STEPS) ** 2)
    return max(2.0 * math.hypot(radius_mm, off_mm), flat)
