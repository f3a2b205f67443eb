"""Quantities shared by metrics and checks, each computed once per case."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from sbrtcheck.anatomy.lesions import Lesion, Lesions, Target, group_lesions
from sbrtcheck.anatomy.neighbours import others_in_isodose, shared_isodoses
from sbrtcheck.anatomy.organ import OrganContour, OrganFinding, find_organ, organ_kind
from sbrtcheck.anatomy.prescribed import fractions_of, prescription_of
from sbrtcheck.anatomy.recist import RECIST_1_1, Criteria, Measurability, judge_measurable
from sbrtcheck.anatomy.shapes import far_apart
from sbrtcheck.anatomy.told import claimed_twice, empty_target, odd_outline, taken_as
from sbrtcheck.dose.biology import Effect, effect_assumptions, effective_curves
from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.dose.isodose import isodose_volume, maximum_beyond
from sbrtcheck.dose.tps import Beside, beside, differs
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import difference, union
from sbrtcheck.geometry.distance import Separation, overlap, separation
from sbrtcheck.geometry.extent import Extent, longest_3d_diameter, longest_axial_diameter, short_axis
from sbrtcheck.geometry.parts import parts
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Case, Dose, Method, Prescription, Structure, TpsDvh
from sbrtcheck.naming.match import NameMatch, match_name
from sbrtcheck.naming.roles import NotATarget, TargetRole, judge_role
from sbrtcheck.naming.site import SiteFile
from sbrtcheck.prior.overlap import PriorDose, described, prior_dose
from sbrtcheck.results import Assumption, Interval, Notice

T = TypeVar("T")
_Key = tuple[Any, ...]

_NO_OVERLAP = Interval.exact(0.0)
_METHOD = Method()


def _other_frame(a: str, b: str) -> bool:
    """Whether two frames of reference are surely not the same; a missing one is that of the files it is linked with."""
    return bool(a and b and a != b)


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
        self._memo: dict[_Key, Any] = {}
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
        return self._remember(("isodose", level_gy), lambda: isodose_volume(self.dose, level_gy, self.method.dose))

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        """Return the highest dose at least so far outside a structure, Gy; raises NotComputable as ``dvh`` does."""
        self.dvh(structure)  # refuses a dose in another frame of reference
        return maximum_beyond(self.dose, self.region(structure), distance_mm, self.method.dose)

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        """Return the outermost target of each other lesion that may receive a dose somewhere, by ROI number."""

        def highest_gy(target: Structure) -> Interval:
            return self.dvh(target).interval(lambda dvh: dvh.maximum_gy)

        key = ("others", structure.roi_number, level_gy)
        return self._remember(key, lambda: others_in_isodose(structure, self.lesions, highest_gy, level_gy))

    def fractions(self, structure: Structure) -> int:
        """Return the number of fractions in which the dose of a structure is given.

        Raises
        ------
        NotComputable
            If none is stated, the prescriptions of the plan do not agree, or the dose is of several plans.
        """
        if len(set(self.dose.referenced_plan_uids)) > 1:
            raise NotComputable("the dose is a sum over several plans, whose fractions may differ")
        return fractions_of(structure, self.prescription, self.structures, self.case.plan, self.site)

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        """Return the dose-volume histogram of a biologically effective dose.

        Raises
        ------
        NotComputable
            As ``dvh`` and ``fractions`` do, and where the dose itself is an effective one.
        """
        if self.dose.kind != "PHYSICAL":
            raise NotComputable(
                f"the dose is stored as an effective dose, of which there is no {effect.quantity}",
                remedy="Export the physical dose",
                where=" ".join(self.dose.sop_instance_uids),
            )
        fractions = self.fractions(structure)
        key = ("effect", effect, fractions, structure.roi_number)
        return self._remember(key, lambda: effective_curves(self.dvh(structure), effect, fractions))

    def against_tps(self, structure: Structure) -> Beside | None:
        """Return our numbers beside those that the planning system stored; None where it stored nothing."""
        stored = self.tps_dvh(structure)
        if stored is None:
            return None
        return self._once("tps", structure, lambda: beside(stored, self.volume, self.dvh, structure))

    def tps_dvh(self, structure: Structure) -> TpsDvh | None:
        """Return the planning system's own DVH of a structure, None where it stored none."""
        stored = self.case.dose.tps_dvhs if self.case.dose is not None else ()
        return next((d for d in stored if d.roi_number == structure.roi_number and d.volume_cm3.size), None)

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

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What every structure was taken for, how the reader overrules it, and what doses were turned into so far."""
        if self.case.structure_set is None:
            return ()
        found = [a for s in self.structures for a in taken_as(s, self._role(s), self.match(s))]
        remarks = (Assumption(topic="lesion", text=remark) for remark in self.grouping.remarks)
        return (*found, *remarks, *effect_assumptions([key[1:] for key in self._memo if key[0] == "effect"]))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is odd about the names, the targets, and all that was measured so far."""
        if self.case.structure_set is None:
            return ()
        claimed = [(structure, self.match(structure).tg263) for structure in self.structures]
        return (
            *claimed_twice(claimed),
            *(empty_target(target) for target in self.grouping.undrawn),
            *self._odd_outlines(),
            *self._of_doses(),
        )

    def _odd_outlines(self) -> tuple[Notice, ...]:
        """Say what was put right or left open in the outlines of the structures that anything was taken from."""
        return tuple(
            notice
            for structure in self.structures
            if isinstance(region := self._memo.get(("region", structure.roi_number)), Region)
            for notice in odd_outline(structure, region)
        )

    def _of_doses(self) -> tuple[Notice, ...]:
        """Say what is odd about the doses that anything was taken from."""
        shared = ((k[1], k[2], v) for k, v in self._memo.items() if k[0] == "others" and isinstance(v, tuple))
        apart = (k[1] for k, v in self._memo.items() if isinstance(v, Beside) and v.apart)
        return (*shared_isodoses(shared), *(differs(n, self._memo["tps", n]) for n in sorted(apart)))

    def _once(self, what: str, structure: Structure, compute: Callable[[], T]) -> T:
        return self._remember((what, structure.roi_number), compute)

    def _remember(self, key: _Key, compute: Callable[[], T]) -> T:
        if key not in self._memo:
            try:
                self._memo[key] = compute()
            except NotComputable as reason:
                self._memo[key] = reason
        found = self._memo[key]
        if isinstance(found, NotComputable):
            raise found
        return found  # type: ignore[no-any-return]
