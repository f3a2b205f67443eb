"""Geometry of the structures of a case."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from sbrtcheck.anatomy.shapes import far_apart, other_frame
from sbrtcheck.derived.memo import Memo
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import difference, union
from sbrtcheck.geometry.distance import Separation, overlap, separation
from sbrtcheck.geometry.extent import Extent, longest_3d_diameter, longest_axial_diameter, short_axis
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

_NO_OVERLAP = Interval.exact(0.0)


class Shaped(Memo):
    """Structures and their geometry."""

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """All structures, by ROI number."""
        if self.case.structure_set is None:
            raise NotComputable("no RT Structure Set was found", remedy="Export the structures with the plan")
        return self.case.structure_set.structures

    @property
    def slice_spacing_mm(self) -> float | None:
        """Distance between slices of the planning images, mm; None where there are none, or only one."""
        image = self.case.image
        return (image.lattice.spacing_mm[2] or None) if image is not None else None

    def region(self, structure: Structure) -> Region:
        """Return the regions on the planes of a structure."""
        return self._once("region", structure, lambda: region_of(structure, self.slice_spacing_mm))

    def parts(self, structure: Structure) -> tuple[Region, ...]:
        """Return the separate parts of a structure, largest first."""
        return self._once("parts", structure, lambda: parts(self.region(structure)))

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        return self._once("volume", structure, lambda: volume(self.region(structure), self.method.shape))

    def longest_axial_diameter(self, structure: Structure) -> Extent:
        """Return the longest diameter within one plane, mm."""
        return self._once("axial", structure, lambda: longest_axial_diameter(self.region(structure)))

    def longest_3d_diameter(self, structure: Structure) -> Extent:
        """Return the longest distance between two points of the structure, mm."""
        return self._once("3d", structure, lambda: longest_3d_diameter(self.region(structure)))

    def short_axis(self, structure: Structure) -> Extent:
        """Return the longest diameter across the longest axial diameter, in its plane, mm."""
        return self._once("short", structure, lambda: short_axis(self.region(structure)))

    def overlap(self, a: Structure, b: Structure) -> Interval:
        """Return the volume common to two structures, cm3."""
        first, second = sorted((a, b), key=lambda s: s.roi_number)
        if far_apart(first, second):
            return _NO_OVERLAP
        key = ("overlap", first.roi_number, second.roi_number)
        return self._remember(key, lambda: overlap(*self._regions(first, second)))

    def separation(self, a: Structure, b: Structure) -> Separation:
        """Return the shortest distance between two structures, mm; the first end lies on ``a``."""
        key = ("separation", a.roi_number, b.roi_number)
        return self._remember(key, lambda: self._separation(a, b))

    def _separation(self, a: Structure, b: Structure) -> Separation:
        found, error_mm = separation(*self._regions(a, b)), a.edge_error_mm + b.edge_error_mm
        if error_mm == 0.0:
            return found
        length = found.distance
        return replace(found, distance=Interval(length.value, max(length.low - error_mm, 0.0), length.high + error_mm))

    def _regions(self, a: Structure, b: Structure) -> tuple[Region, Region]:
        if other_frame(a.frame_of_reference_uid, b.frame_of_reference_uid):
            raise NotComputable(f"{a.where} and {b.where} lie in different frames of reference")
        return self.region(a), self.region(b)

    def composed(self, name: str, plus: tuple[Structure, ...], minus: tuple[Structure, ...]) -> Structure:
        """Return a structure made of others: the union of ``plus`` without ``minus``; its ROI number is negative.

        Raises
        ------
        NotComputable
            If one of them cannot be built, or they lie in different frames of reference.
        """
        first = plus[0]
        if name not in self._composed:
            whole = self.region(first)
            for structure in plus[1:]:
                whole = union(whole, self._regions(first, structure)[1])
            for structure in minus:
                whole = difference(whole, self._regions(first, structure)[1])
            number = -1 - len(self._composed)
            self._composed[name] = Structure(number, name, "", (), first.frame_of_reference_uid)
            self._memo["region", number] = whole
        return self._composed[name]

    @cached_property
    def _composed(self) -> dict[str, Structure]:
        return {}
