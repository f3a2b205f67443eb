"""Curves and pictures as data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sbrtcheck.results.base import Record
from sbrtcheck.results.values import Interval, Point

EARLIER = "earlier"  # first word of the role of what belongs to an earlier course


class DvhCurve(Record):
    """A cumulative DVH for plotting: dose rising, volume in percent with its bounds."""

    roi_number: int
    name: str
    role: str = ""
    total_cc: float
    dose_gy: tuple[float, ...]
    volume_percent: tuple[float, ...]
    volume_percent_low: tuple[float, ...]
    volume_percent_high: tuple[float, ...]
    metrics: dict[str, Interval] = Field(default_factory=dict)  # row of the DVH table; what has no value is absent
    outside_percent: float | None = None  # share of the structure that the dose grid does not reach


class PictureContour(Record):
    """An outline in the plane of a picture: rings of (u, v), mm from the upper left corner of the picture.

    Rings of a structure close by themselves (the first point is not repeated). An isodose line repeats its first point
    unless it leaves the picture or the dose grid. A piece of a line has two ends, a point is a ring of one.
    """

    label: str
    kind: Literal["structure", "isodose", "line", "point"]
    # For a structure: GTV, PTV, ... ; for an isodose: percent of the prescription; of an earlier course "earlier PTV".
    role: str = ""
    rings_mm: tuple[tuple[tuple[float, float], ...], ...]
    roi_number: int | None = None  # of a structure
    advisory: bool = False  # outlines that nobody drew: from masks, or found in the CT
    projected: bool = False  # of a line or point: it lies off the plane, and is seen along the normal of the plane


class Picture(Record):
    """A slice picture of a target, as data: grey image, outlines over it, and the marks a reviewer needs.

    Pictures of one set share an ``id`` and show three planes at right angles through one place, at one scale.
    ``pixels`` are ``rows * columns`` bytes of grey (already windowed), base64, row by row from the upper left; empty
    where there is no CT. A point (u, v) of the picture is the patient point ``corner_mm + u * right + v * down``.
    """

    id: str = ""  # of the set, as in ``Evidence.picture``
    view: Literal["", "axial", "coronal", "sagittal"] = ""  # or the nearest to it, where planes are oblique
    subject: str
    title: str
    plane: str  # "axial at z = -12.0 mm"
    caption: str = ""  # what of the measured line and its structures is not seen in this plane
    width_mm: float
    height_mm: float
    rows: int = 0
    columns: int = 0
    pixels: str = ""
    window: str = ""  # "lung: -600 +- 750 HU"
    edges: tuple[str, str, str, str] = ("", "", "", "")  # anatomical letters: left, right, top, bottom edge
    corner_mm: Point = (0.0, 0.0, 0.0)  # upper left, LPS
    right: Point = (0.0, 0.0, 0.0)  # unit vectors along the edges, LPS
    down: Point = (0.0, 0.0, 0.0)
    ends_mm: tuple[Point, ...] = ()  # of the measured line, or the one point shown, LPS
    crossing_mm: tuple[float, float] | None = None  # where the two other planes of the set cross, (u, v)
    outlines: tuple[PictureContour, ...] = ()
