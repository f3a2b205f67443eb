"""Quantities shared by metrics and checks, each computed once per case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeVar

from sbrtcheck.anatomy.lesions import Lesion, Lesions, Target, group_lesions
from sbrtcheck.anatomy.organ import OrganContour, OrganFinding, find_organ, organ_kind
from sbrtcheck.anatomy.prescribed import prescription_of
from sbrtcheck.anatomy.recist import RECIST_1_1, Criteria, Measurability, judge_measurable
from sbrtcheck.anatomy.shapes import far_apart
from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.dose.isodose import isodose_volume
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import difference, union
from sbrtcheck.geometry.distance import Separation, overlap, separation
from sbrtcheck.geometry.extent import Extent, longest_3d_diameter, longest_axial_diameter, short_axis
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Case, Dose, Method, Prescription, Structure
from sbrtcheck.naming.match import NameMatch, match_name
from sbrtcheck.naming.roles import NotATarget, TargetRole, judge_role
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.prior.overlap import PriorDose, described, prior_dose
from sbrtcheck.results import Assumption, Interval, Notice

T = TypeVar("T")

_NO_OVERLAP = Interval.exact(0.0)
_METHOD = Method()


def _other_frame(a: str, b: str) -> bool:
    """Whether two frames of reference are surely not the same; a missing one is that of the files it is linked with."""
    return bool(a and b and a != b)


def _oddities(region: Region) -> Iterator[tuple[str, str, Literal["info", "warning"]]]:
    if region.ignored:
        yield "contours-ignored", f"{region.ignored} contours enclose nothing and were left out", "info"
    if region.repeated:
        yield "contours-repeated", f"{region.repeated} contours stand twice on their plane and were taken once", "info"
    if region.crossing:
        yield (
            "contours-crossing",
            f"{region.crossing} pairs of contours cut each other; what both of a pair hold was taken as outside",
            "warning",
        )
    if region.gaps:
        places = ", ".join(f"{low:.1f} to {high:.1f} mm" for low, high in region.gaps)
        yield "planes-missing", f"planes seem to be missing along its normal ({places})", "warning"


class Derived:
    """Everything computed from one case, memoised; a quantity that cannot be computed raises NotComputable each time.

    Parameters
    ----------
    case : Case
    site : SiteFile
        The clinic's names and choices; empty where no site file was given.
    method : Method
        How shape and dose are read between what the files store. Distances and diameters always follow the contours.
    """

    def __init__(self, case: Case, site: SiteFile, method: Method = _METHOD) -> None:
        self.case = case
        self.site = site
        self.method = method
        self._memo: dict[tuple[str | int, ...], Any] = {}
        self._composed: dict[str, Structure] = {}

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

    @property
    def slice_spacing_mm(self) -> float | None:
        """Distance between slices of the planning images, mm; None where there are none, or only one."""
        image = self.case.image
        return (image.lattice.spacing_mm[2] or None) if image is not None else None

    # Geometry

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
        return self._remember(key, lambda: separation(*self._regions(a, b)))

    def _regions(self, a: Structure, b: Structure) -> tuple[Region, Region]:
        if _other_frame(a.frame_of_reference_uid, b.frame_of_reference_uid):
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

    # Dose

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        """Return the volume of all tissue at or above a dose, cm3, for a metric of a structure.

        Raises
        ------
        NotComputable
            As ``dvh`` does.
        """
        self.dvh(structure)  # refuses a dose in another frame of reference
        return isodose_volume(self.dose, level_gy, self.method.dose)

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the dose-volume histogram with its bounds.

        Raises
        ------
        NotComputable
            If there is no dose, nothing is drawn, or dose and structure name different frames of reference.
        """
        return self._once("dvh", structure, lambda: self._dvh(structure))

    def _dvh(self, structure: Structure) -> DvhCurves:
        ours, theirs = structure.frame_of_reference_uid, self.dose.frame_of_reference_uid
        if _other_frame(ours, theirs):
            raise NotComputable(
                f"the dose lies in frame of reference {theirs}, the structure in {ours}",
                remedy="Export structures and dose of one plan",
                where=structure.where,
            )
        return dvh_curves(self.region(structure), self.dose, self.method)

    def prescription(self, structure: Structure | None) -> Prescription:
        """Return the prescription of a target, or the only one of the plan.

        Raises
        ------
        NotComputable
            If there is none, or several that contradict each other.
        """
        structures = self.structures if self.case.structure_set is not None else ()
        lesions = self.lesions if structures else ()
        return prescription_of(structure, structures, lesions, self.case.plan, self.site)

    def prescribed_gy(self, structure: Structure | None) -> float:
        """Return the prescribed dose, Gy; raises as ``prescription`` does."""
        return self.prescription(structure).dose_gy

    # Names, targets, lesions

    def match(self, structure: Structure) -> NameMatch:
        """Return what a structure is taken for."""
        return self._once("match", structure, lambda: match_name(structure, self.site))

    def role(self, structure: Structure) -> TargetRole | None:
        """Return the role of a target, None for what is no target."""
        found = self._role(structure)
        return found if isinstance(found, TargetRole) else None

    def _role(self, structure: Structure) -> TargetRole | NotATarget | None:
        return self._once("role", structure, lambda: judge_role(structure, self.site))

    @cached_property
    def matches(self) -> tuple[NameMatch, ...]:
        """What every structure is taken for, by ROI number."""
        return tuple(self.match(structure) for structure in self.structures)

    def named(self, *tg263: str) -> tuple[Structure, ...]:
        """Return the structures that are taken for one of these TG-263 names, by ROI number; two may share a name."""
        return tuple(s for s in self.structures if self.match(s).tg263 in tg263)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """All targets, by ROI number, drawn or not."""
        return tuple(Target(s, role) for s in self.structures if (role := self.role(s)) is not None)

    @cached_property
    def grouping(self) -> Lesions:
        """The targets grouped into lesions, with what was ambiguous."""
        return group_lesions(self.targets, self)

    @cached_property
    def lesions(self) -> tuple[Lesion, ...]:
        """All lesions."""
        return self.grouping.lesions

    def lesions_of(self, structure: Structure) -> tuple[Lesion, ...]:
        """Return the lesions that a target belongs to."""
        return tuple(
            lesion
            for lesion in self.lesions
            if any(member.structure.roi_number == structure.roi_number for member in lesion.members)
        )

    @cached_property
    def organs(self) -> tuple[OrganContour, ...]:
        """All drawn organs."""
        found = []
        for structure in self.structures:
            tg263 = self.match(structure).tg263
            organ = organ_kind(tg263) if tg263 is not None else None
            if organ is not None and structure.is_closed:
                found.append(OrganContour(structure, organ.kind, organ.covers))
        return tuple(found)

    def organ(self, lesion: Lesion) -> OrganFinding:
        """Return the organ of a lesion."""
        return self._remember(("organ", lesion.id), lambda: find_organ(lesion, self.organs, self))

    def measurability(self, lesion: Lesion, criteria: Criteria = RECIST_1_1) -> Measurability:
        """Return whether a lesion is measurable under RECIST 1.1, and why."""
        measured = lesion.measured
        spacing_mm = self.slice_spacing_mm or self.region(measured).step_mm
        axial, short = self.longest_axial_diameter(measured).length, self.short_axis(measured).length
        return judge_measurable(lesion, axial, short, spacing_mm, self.organ(lesion), criteria)

    def measurable(self, lesion: Lesion) -> bool | None:
        """Return whether a lesion is measurable under RECIST 1.1, None where that is open."""
        try:
            return self.measurability(lesion).measurable
        except NotComputable:
            return None

    # Earlier courses

    def prior_doses(self, structure: Structure) -> tuple[PriorDose, ...]:
        """Return what each earlier course gave to a structure, in the order of the courses."""
        return self._once("prior", structure, lambda: self._prior_doses(structure))

    def _prior_doses(self, structure: Structure) -> tuple[PriorDose, ...]:
        return tuple(
            prior_dose(structure, lambda: self.region(structure), course, described(number, course))
            for number, course in enumerate(self.case.priors, start=1)
        )

    # What the reader is told

    @cached_property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What every structure was taken for, and how the reader overrules it."""
        if self.case.structure_set is None:
            return ()
        found = [a for structure in self.structures for a in self._assumptions_of(structure)]
        return (*found, *(Assumption(topic="lesion", text=remark) for remark in self.grouping.remarks))

    def _assumptions_of(self, structure: Structure) -> tuple[Assumption, ...]:
        role, match = self._role(structure), self.match(structure)
        called = f"{structure.where} {structure.name!r}"
        targets_key, structures_key = f"[targets] {structure.name!r}", f"[structures] {structure.name!r}"
        found = []
        if isinstance(role, TargetRole):
            doubt = ", in doubt" if role.doubtful else ""
            found.append((f"{called} is taken as a {role.role} by {role.how}{doubt}", targets_key))
        elif role is not None:
            found.append((f"{called} is not taken as a target: {role.why}", targets_key))
        if match.tg263 is not None:
            found.append((f"{called} is taken as {match.tg263} ({match.how})", structures_key))
        elif role is None:
            close = f"; similar names: {', '.join(match.suggestions)}" if match.suggestions else ""
            found.append((f"{called} is not taken as any known structure: {match.how}{close}", structures_key))
        return tuple(Assumption(topic="structure", text=text, overrule=key) for text, key in found)

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """What is odd about the names and the targets."""
        if self.case.structure_set is None:
            return ()
        return (*self._two_claimants(), *self._empty_targets(), *self._odd_outlines())

    def _two_claimants(self) -> tuple[Notice, ...]:
        claimed: dict[str, list[Structure]] = {}
        for structure in self.structures:
            tg263 = self.match(structure).tg263
            if tg263 is not None and structure.is_closed:
                claimed.setdefault(tg263, []).append(structure)
        return tuple(
            Notice(
                code="name-claimed-twice",
                message=f"{', '.join(s.where for s in both)} are all taken as {tg263}; what one of them alone would "
                "show is not relied on",
                where=both[0].where,
            )
            for tg263, both in sorted(claimed.items())
            if len(both) > 1
        )

    def _empty_targets(self) -> tuple[Notice, ...]:
        return tuple(
            Notice(
                code="empty-target",
                message=f"{t.structure.where} is a {t.role.role} by {t.role.how}, but nothing is drawn in it",
                where=t.structure.where,
            )
            for t in self.grouping.undrawn
        )

    def _odd_outlines(self) -> tuple[Notice, ...]:
        """Say what was put right or left open in the outlines of the structures that anything was taken from."""
        return tuple(
            Notice(code=code, message=f"{structure.where}: {text}", where=structure.where, severity=severity)
            for structure in self.structures
            if isinstance(region := self._memo.get(("region", structure.roi_number)), Region)
            for code, text, severity in _oddities(region)
        )

    def _once(self, what: str, structure: Structure, compute: Callable[[], T]) -> T:
        return self._remember((what, structure.roi_number), compute)

    def _remember(self, key: tuple[str | int, ...], compute: Callable[[], T]) -> T:
        if key not in self._memo:
            try:
                self._memo[key] = compute()
            except NotComputable as reason:
                self._memo[key] = reason
        found = self._memo[key]
        if isinstance(found, NotComputable):
            raise found
        return found  # type: ignore[no-any-return]
