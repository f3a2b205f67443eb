"""Planes of pictures: three at right angles through one place, turned as a reader expects them, and their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sbrtcheck.model import FloatArray

View = Literal["axial", "coronal", "sagittal"]

_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))  # towards falling and rising x, y, z (LPS)
_WORDS = (("right of", "left of"), ("anterior to", "posterior to"), ("caudal to", "cranial to"))  # the same
_SLANT = 0.26  # sine of 15 degrees: an edge that leans further than this has a second letter
_UPRIGHT = 1.0 - 1e-6  # cosine of a normal that is along an axis, to a twelfth of a degree


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The plane of a picture: patient point = ``corner_mm + u * right + v * down``, mm; a square of ``side_mm``.

    Attributes
    ----------
    corner_mm, right, down : (3,) float
        Upper left corner, LPS, and unit vectors along the edges.
    crossing_mm : (u, v)
        Where the two other planes of the set cross.
    """

    view: View
    corner_mm: FloatArray
    right: FloatArray
    down: FloatArray
    side_mm: float
    crossing_mm: tuple[float, float]

    @property
    def normal(self) -> FloatArray:
        """Unit vector ``(3,)`` away from the reader."""
        return np.cross(self.right, self.down)

    @property
    def to_patient(self) -> FloatArray:
        """Rigid transform (4, 4) from (u, v, 0) to patient points."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([self.right, self.down, self.normal])
        matrix[:3, 3] = self.corner_mm
        return matrix

    @property
    def plane(self) -> str:
        """Orientation and position in words."""
        normal = self.normal
        axis = int(np.argmax(np.abs(normal)))
        if np.abs(normal[axis]) < _UPRIGHT:
            return f"oblique, {np.degrees(np.arccos(np.abs(normal[axis]))):.1f}° from {self.view}"
        return f"{self.view} at {'xyz'[axis]} = {self.corner_mm[axis] + 0.0:.1f} mm"

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """Anatomical letters of the left, right, top and bottom edge."""
        return _letters(-self.right), _letters(self.right), _letters(-self.down), _letters(self.down)

    def to_lps(self, uv_mm: FloatArray) -> FloatArray:
        """Map points of the picture ``(N, 2)`` to patient points ``(N, 3)``, mm."""
        return np.asarray(self.corner_mm + uv_mm[:, :1] * self.right + uv_mm[:, 1:2] * self.down)

    def to_uv(self, points_mm: FloatArray) -> FloatArray:
        """Map patient points ``(N, 3)`` along the normal to points of the picture ``(N, 2)``, mm."""
        arms = points_mm - self.corner_mm
        return np.column_stack([arms @ self.right, arms @ self.down])

    def off_plane_mm(self, points_mm: FloatArray) -> FloatArray:
        """Return how far points ``(N, 3)`` lie behind the plane, ``(N,)`` mm, negative in front of it."""
        return np.asarray((points_mm - self.corner_mm) @ self.normal)

    def beside(self, off_plane_mm: float) -> str:
        """Return on which side of the plane, in words of the patient, something so far off it lies."""
        direction = self.normal * off_plane_mm
        axis = int(np.argmax(np.abs(direction)))
        return f"{abs(off_plane_mm):.1f} mm {_WORDS[axis][int(direction[axis] > 0)]}"

    def grid(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Return ``count`` cell centres along a side, mm, and all cells as (N, 2), row by row."""
        ticks = np.asarray((np.arange(count) + 0.5) * (self.side_mm / count))
        return ticks, np.column_stack([np.tile(ticks, count), np.repeat(ticks, count)])


def anatomical_axes(normal: FloatArray) -> FloatArray:
    """Return three unit vectors at right angles, nearest to left, back and head, one of them along a normal.

    Parameters
    ----------
    normal : (3,) float
        Of the drawn planes.

    Returns
    -------
    (3, 3) float
        Rows: towards the left, the back and the head of the patient.
    """
    axis = int(np.argmax(np.abs(normal)))
    own = normal * np.sign(normal[axis])
    rows = np.eye(3)
    rows[axis] = own
    # The axis that stays as it is but for the slant: left, or for sagittal planes back.
    kept = 1 if axis == 0 else 0
    rows[kept] -= (rows[kept] @ own) * own
    rows[kept] /= np.linalg.norm(rows[kept])
    last = 3 - axis - kept
    rows[last] = np.cross(rows[(last + 1) % 3], rows[(last + 2) % 3])
    return rows + 0.0  # no minus zero, which would be printed


def three_sheets(axes: FloatArray, focus: FloatArray, middle: FloatArray, side_mm: float) -> tuple[Sheet, ...]:
    """Return the axial, the coronal and the sagittal plane through one place, as radiologists look at them.

    Parameters
    ----------
    axes : (3, 3) float
        Rows towards left, back and head.
    focus, middle : (3,) float
        Where the planes cross, and the middle of all pictures, along these axes, mm.
    side_mm : float
        Of all pictures.

    Returns
    -------
    tuple of Sheet
        Axial: the patient's right at the left edge, anterior on top. Coronal: right at the left edge, the head on top.
        Sagittal: anterior at the left edge, the head on top.
    """
    directions: tuple[tuple[View, int, int, int], ...] = (
        ("axial", 0, 1, 1),
        ("coronal", 0, 2, -1),
        ("sagittal", 1, 2, -1),
    )
    sheets = []
    for view, across, along, sign in directions:
        through = 3 - across - along
        right, down = axes[across], sign * axes[along]
        u_mm, v_mm = middle[across] - 0.5 * side_mm, sign * middle[along] - 0.5 * side_mm
        corner = u_mm * right + v_mm * down + focus[through] * axes[through]
        crossing = (float(focus[across] - u_mm), float(sign * focus[along] - v_mm))
        sheets.append(Sheet(view, corner + 0.0, right + 0.0, down + 0.0, side_mm, crossing))
    return tuple(sheets)


def _letters(direction: FloatArray) -> str:
    """Return the anatomical letters of a direction, the strongest first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(_LETTERS[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > _SLANT)[:2]
