"""Regions of interest as they stand in an RT Structure Set: contours in patient coordinates, nothing interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sbrtcheck.model.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One item of a Contour Sequence.

    Attributes
    ----------
    points_mm : (N, 3) float, read-only
        Vertices, LPS, mm, as stored (a repeated first point is kept).
    geometric_type : str
        ``POINT``, ``OPEN_PLANAR``, ``OPEN_NONPLANAR``, ``CLOSED_PLANAR`` or ``CLOSEDPLANAR_XOR``.
    """

    points_mm: FloatArray
    geometric_type: str


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept, as in an RT ROI Identification Code Sequence."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One ROI. Looked up by number: two ROIs may share a name.

    Attributes
    ----------
    origin : str
        ``drawn`` in the plan's structure set, or outlines of what was found in ``masks`` or in the planning ``scan``.
    edge_error_mm : float
        How far the true edge may lie from the outlines because of how these were made: 0 for what was drawn, which is
        what somebody meant, half the diagonal of a voxel for outlines of voxels.
    """

    roi_number: int
    name: str
    interpreted_type: str  # RT ROI Interpreted Type, upper case, "" where absent
    contours: tuple[Contour, ...]
    frame_of_reference_uid: str = ""
    codes: tuple[Code, ...] = ()
    origin: Literal["drawn", "masks", "scan"] = "drawn"
    edge_error_mm: float = 0.0

    @property
    def where(self) -> str:
        """How messages name this structure."""
        if self.origin == "drawn":
            return f"ROI {self.roi_number}"
        return f"{self.name} in the {'masks' if self.origin == 'masks' else 'CT'}"

    @property
    def is_closed(self) -> bool:
        """Whether at least one contour encloses an area."""
        return any(c.geometric_type in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"} for c in self.contours)


@dataclass(frozen=True, slots=True, eq=False)
class StructureSet:
    """One RT Structure Set, with its ROIs ordered by number."""

    sop_instance_uid: str
    label: str
    structures: tuple[Structure, ...]
    frame_of_reference_uids: tuple[str, ...] = ()
    referenced_series_uids: tuple[str, ...] = ()
    referenced_image_uids: tuple[str, ...] = ()
