"""What the structures are: names, targets, lesions and their organs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from sbrtcheck.anatomy.airway import Airway, find_airway
from sbrtcheck.anatomy.lesions import Lesion, Lesions, Target, group_lesions
from sbrtcheck.anatomy.organ import OrganContour, OrganFinding, find_organ
from sbrtcheck.anatomy.organ_kinds import organ_kind
from sbrtcheck.anatomy.placing import Seen, weigh
from sbrtcheck.anatomy.recist import RECIST_1_1, Criteria, Measurability, judge_measurable
from sbrtcheck.anatomy.sanity import ContourFinding, contour_findings
from sbrtcheck.anatomy.sanity.finding import prescribed_to_no_target
from sbrtcheck.anatomy.scan import Scan, scan_of
from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.anatomy.tissue import BoneEvidence, bone_evidence, find_lung, lung_evidence
from sbrtcheck.derived.shaped import Shaped
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Structure
from sbrtcheck.naming.match import NameMatch, match_name
from sbrtcheck.naming.roles import NotATarget, TargetRole, judge_role

FOUND_IN_CT = "found in the CT"
# Outlines of what is found in the CT are numbered downwards from here, those of masks from -1001.
_FIRST_OF_SCAN = -2001


def _organ_contours(named: Iterable[tuple[Structure, str | None]]) -> Iterator[OrganContour]:
    for structure, tg263 in named:
        organ = organ_kind(tg263) if tg263 is not None else None
        if organ is not None:
            yield OrganContour(structure, organ.kind, organ.covers)


class Located(Shaped):
    """Names, targets, lesions and organs."""

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

    def placed(self, *tg263: str) -> tuple[Structure, ...]:
        """Return what distances are measured to: structures of these names, or masks of what nobody drew.

        Masks stand in only if the site file says that they decide.
        """
        return self.named(*tg263) or (self.masks(*tg263) if self.site.anatomy.masks == "decisive" else ())

    def masks(self, *tg263: str) -> tuple[Structure, ...]:
        """Return masks by TG-263 name; what they show raises alarms and clears nothing."""
        return tuple(s for s in self.case.advisory if s.name in tg263)

    def advised(self, *tg263: str) -> tuple[Structure, ...]:
        """Return masks or, where there is none, what is found in the planning CT, by TG-263 name."""
        return self.masks(*tg263) or tuple(s for s in self.airway if s.name in tg263)

    def origin(self, roi_number: int) -> str:
        """Return where the outlines with a number come from, in words: "" for what is drawn."""
        if any(s.roi_number == roi_number for s in self.structures):
            return ""
        return "masks" if any(s.roi_number == roi_number for s in self.case.advisory) else FOUND_IN_CT

    @property
    def scan(self) -> Scan:
        """The planning CT as the search for organs needs it; raises NotComputable where it is none, or uneven."""
        return self._remember(("scan",), self._scan)

    def _scan(self) -> Scan:
        if self.case.image is None:
            raise NotComputable("there is no planning CT", remedy="Export it with the plan")
        return scan_of(self.case.image)

    @cached_property
    def _airway(self) -> Airway | None:
        try:
            return find_airway(self.scan)
        except NotComputable:
            return None

    @cached_property
    def airway(self) -> tuple[Structure, ...]:
        """Trachea and main bronchi found in the planning CT, by TG-263 name; none where they are not found."""
        found = self._airway
        if found is None:
            return ()
        names = ("Trachea", "Bronchus_Main_L", "Bronchus_Main_R")
        outlined = zip(names, found.structures(_FIRST_OF_SCAN), strict=True)
        return tuple(replace(s, name=name, origin="scan", edge_error_mm=found.edge_mm) for name, s in outlined)

    @property
    def airway_limits(self) -> tuple[str, ...]:
        """What the reader must know of the airway found in the planning CT; raises nothing."""
        return self._airway.limits if self._airway is not None else ()

    def bone_on_scan(self, lesion: Lesion) -> BoneEvidence:
        """Return what the planning CT shows of bone at a lesion; raises NotComputable."""
        key = ("bone on scan", lesion.measured.roi_number)
        return self._remember(key, lambda: bone_evidence(*self._on_scan(lesion), self.scan))

    def _lung_on_scan(self, lesion: Lesion) -> Seen | None:
        try:
            region, role = self._on_scan(lesion)
            lung = self._remember(("lung on scan",), lambda: find_lung(self.scan))
            found = lung_evidence(region, role, lung)
        except NotComputable:
            return None
        against = frozenset({"lung"}) if found.kind == "no-lung" else frozenset[str]()
        return Seen("lung" if found.kind == "in-lung" else None, against, found.text)

    def _on_scan(self, lesion: Lesion) -> tuple[Region, str]:
        target, image = lesion.measured, self.case.image
        if image is not None and other_frame(target.frame_of_reference_uid, image.frame_of_reference_uid):
            raise NotComputable(f"the planning CT lies in another frame of reference than {target.where}")
        if len(self.parts(target)) > 1:
            raise NotComputable(f"{target.where} has several parts")
        return self.region(target), lesion.measured_role

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
        """All drawn organs, and masks of those that nobody drew if the site file says that masks decide."""
        found = [(s, self.match(s).tg263) for s in self.structures if s.is_closed]
        claims = Counter(tg263 for _, tg263 in found)
        # Of two that claim one name, one bears a wrong one: neither places a lesion.
        drawn = tuple(_organ_contours((s, tg263) for s, tg263 in found if claims[tg263] == 1))
        if self.site.anatomy.masks != "decisive":
            return drawn
        kinds = {organ.kind for organ in drawn}
        return (*drawn, *(organ for organ in self._mask_organs if organ.kind not in kinds))

    @cached_property
    def _mask_organs(self) -> tuple[OrganContour, ...]:
        return tuple(_organ_contours((s, s.name) for s in self.case.advisory))

    def organ(self, lesion: Lesion) -> OrganFinding:
        """Return the organ of a lesion."""
        return self._remember(("organ", lesion.id), lambda: self._organ(lesion))

    def _organ(self, lesion: Lesion) -> OrganFinding:
        drawn = find_organ(lesion, self.organs, self)
        organs = self.places.organs
        declared = sorted({organs[name] for name in lesion.names if name in organs})
        if len(declared) > 1:
            text = f"declared to lie in {' and '.join(declared)}: they contradict each other; {drawn.text}"
            return OrganFinding(None, "none", frozenset(), max(drawn.unknown_parts, 1), text, drawn.roi_numbers)
        seen = self._seen(lesion) if not drawn.decisive else None
        return weigh(drawn, declared[0] if declared else None, seen)

    def _seen(self, lesion: Lesion) -> Seen | None:
        """Return what masks, or else the planning CT, show of a place that contours leave open; None where nothing."""
        found = find_organ(lesion, self._mask_organs, self)
        if found.evidence in {"contour", "surrounded"} and found.organ is not None:
            return Seen(found.organ, frozenset(), f"by masks, {found.text}")
        return self._lung_on_scan(lesion)

    def measurability(self, lesion: Lesion, criteria: Criteria = RECIST_1_1) -> Measurability:
        """Return whether a lesion is measurable under RECIST 1.1, and why."""
        measured = lesion.measured
        spacing_mm = self.slice_spacing_mm or self.region(measured).step_mm
        axial, short = self.longest_axial_diameter(measured).length, self.short_axis(measured).length
        soft_tissue = bool(self.places.soft_tissue & lesion.names)
        return judge_measurable(lesion, axial, short, spacing_mm, self.organ(lesion), soft_tissue, criteria)

    def measurable(self, lesion: Lesion) -> bool | None:
        """Return whether a lesion is measurable under RECIST 1.1, None where that is open."""
        try:
            return self.measurability(lesion).measurable
        except NotComputable:
            return None

    @cached_property
    def contour_findings(self) -> tuple[ContourFinding, ...]:
        """What is odd about the contours, and which results it undermines."""
        if self.case.structure_set is None:
            return ()
        return (
            *contour_findings(self.case, self.targets, lambda s: self.match(s).tg263, self),
            *(prescribed_to_no_target(s) for s in self.prescribed_to_no_target),
        )

    @cached_property
    def prescribed_to_no_target(self) -> tuple[Structure, ...]:
        """Closed structures that the plan prescribes dose to, and that are taken as no target."""
        stated = self.case.plan.prescriptions if self.case.plan is not None else ()
        prescribed = {p.target_roi for p in stated}
        ignored = {name for name, role in self.site.targets.items() if role == "ignore"}
        unknown = (s for s in self.structures if s.roi_number in prescribed and s.is_closed and self.role(s) is None)
        return tuple(s for s in unknown if s.name.strip() not in ignored)
