"""Quantities shared by metrics and checks, each computed once per case."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.extent import Extent, longest_3d_diameter, longest_axial_diameter, short_axis
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Case, Dose, Structure
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.results import Interval

T = TypeVar("T")


class Derived:
    """Everything computed from one case, memoised; a quantity that cannot be computed raises NotComputable each time.

    Parameters
    ----------
    case : Case
    site : SiteFile
        The clinic's names and choices; empty where no site file was given.
    """

    def __init__(self, case: Case, site: SiteFile) -> None:
        self.case = case
        self.site = site
        self._memo: dict[tuple[str, int], Any] = {}

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """All structures, by ROI number."""
        if self.case.structure_set is None:
            raise NotComputable("no RT Structure Set was found", remedy="Export the structures with the plan")
        return self.case.structure_set.structures

    @cached_property
    def dose(self) -> Dose:
        """Dose of the plan."""
        if self.case.dose is None:
            raise NotComputable("no usable RT Dose was found", remedy="Export the plan dose with the plan")
        return self.case.dose

    def region(self, structure: Structure) -> Region:
        """Return the regions on the planes of a structure."""
        return self._once("region", structure, lambda: region_of(structure))

    def volume(self, structure: Structure) -> Interval:
        """Return the volume, cm3."""
        return self._once("volume", structure, lambda: volume(self.region(structure)))

    def longest_axial_diameter(self, structure: Structure) -> Extent:
        """Return the longest diameter within one plane, mm."""
        return self._once("axial", structure, lambda: longest_axial_diameter(self.region(structure)))

    def longest_3d_diameter(self, structure: Structure) -> Extent:
        """Return the longest distance between two points of the structure, mm."""
        return self._once("3d", structure, lambda: longest_3d_diameter(self.region(structure)))

    def short_axis(self, structure: Structure) -> Extent:
        """Return the longest diameter across the longest axial diameter, in its plane, mm."""
        return self._once("short", structure, lambda: short_axis(self.region(structure)))

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the dose-volume histogram with its bounds."""
        return self._once("dvh", structure, lambda: dvh_curves(self.region(structure), self.dose))

    def _once(self, what: str, structure: Structure, compute: Callable[[], T]) -> T:
        key = (what, structure.roi_number)
        if key not in self._memo:
            try:
                self._memo[key] = compute()
            except NotComputable as reason:
                self._memo[key] = reason
        found = self._memo[key]
        if isinstance(found, NotComputable):
            raise found
        return found  # type: ignore[no-any-return]
