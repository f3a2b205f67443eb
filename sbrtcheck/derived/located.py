"""What the structures are: names, targets, lesions and their organs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from sbrtcheck.anatomy.lesions import Lesion, Lesions, Target, group_lesions
from sbrtcheck.anatomy.organ import OrganContour, OrganFinding, find_organ
from sbrtcheck.anatomy.organ_kinds import organ_kind
from sbrtcheck.anatomy.placing import Seen, weigh
from sbrtcheck.anatomy.recist import RECIST_1_1, Criteria, Measurability, judge_measurable
from sbrtcheck.anatomy.sanity.finding import ContourFinding, prescribed_to_no_target
from sbrtcheck.derived.shaped import Shaped
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.naming.match import NameMatch, match_name
from sbrtcheck.naming.roles import NotATarget, TargetRole, judge_role


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
        return self.named(*tg263) or (self._masks(tg263) if self.site.anatomy.masks == "decisive" else ())

    def advised(self, *tg263: str) -> tuple[Structure, ...]:
        """Return what masks, or else the planning scan, show of structures with these TG-263 names: alarms only."""
        return self._masks(tg263) or tuple(s for s in self.airway if s.name in tg263)

    def origin(self, roi_number: int) -> str:
        """Return where the outlines with a number come from, in words: "" for what is drawn."""
        if any(s.roi_number == roi_number for s in self.structures):
            return ""
        return "masks" if any(s.roi_number == roi_number for s in self.case.advisory) else "found in the CT"

    def _masks(self, tg263: Collection[str]) -> tuple[Structure, ...]:
        return tuple(s for s in self.case.advisory if s.name in tg263)

    @cached_property
    def airway(self) -> tuple[Structure, ...]:
        """Trachea and main bronchi found in the planning scan; none where they cannot be found."""
        return ()

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
        """Return what masks show of the place of a lesion that contours leave open, None where they show nothing."""
        found = find_organ(lesion, self._mask_organs, self)
        if found.evidence not in {"contour", "surrounded"} or found.organ is None:
            return None
        return Seen(found.organ, frozenset(), f"by masks, {found.text}")

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
        stated = self.case.plan.prescriptions if self.case.plan is not None else ()
        prescribed = {p.target_roi for p in stated}
        return tuple(
            prescribed_to_no_target(s)
            for s in (self.structures if self.case.structure_set is not None else ())
            if s.roi_number in prescribed and s.is_closed and self.role(s) is None
            if self.site.targets.get(s.name.strip()) != "ignore"
        )
