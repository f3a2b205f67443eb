"""Earlier courses of a case: how each is mapped, what it gave to a structure, and the sum with this plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sbrtcheck.derived.cumulative import Cumulative
from sbrtcheck.derived.dosed import Dosed
from sbrtcheck.dose.accumulation import Accumulated
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.volume import centroid
from sbrtcheck.model import Dose, PriorCourse, Structure, frozen
from sbrtcheck.naming.roles import target_role
from sbrtcheck.naming.site import SiteCourse
from sbrtcheck.prior.carried import moved_dose, nearest_rigid
from sbrtcheck.prior.distance import TargetFinding, earlier_region, target_finding
from sbrtcheck.prior.mapped import IsodoseLevels, PriorFindings, prior_findings
from sbrtcheck.prior.mapping import Mapping, find_mapping
from sbrtcheck.prior.radiobiology import lq_validity
from sbrtcheck.prior.retreatment import IRRADIATED_PERCENT, Retreatment, retreatment
from sbrtcheck.prior.search import Uncertainty
from sbrtcheck.prior.sums import AddedCourse, Summed, Sums, fractions_of_course


class Treated(Dosed):
    """What earlier courses gave. Courses are numbered from 1 by date."""

    @property
    def courses(self) -> tuple[PriorCourse, ...]:
        """Earlier courses by date."""
        return self.case.priors

    def course_name(self, number: int) -> str:
        """Return how a course is called: by its date where known, never by its label, which may hold a name."""
        date = self.courses[number - 1].date
        day = f" of {date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 else ""
        return f"earlier course {number}{day}"

    def said_of(self, number: int) -> SiteCourse | None:
        """Return what the site file says of a course."""
        course = self.courses[number - 1]
        uids = {part.sop_instance_uid for part in (course.plan, course.structure_set) if part is not None}
        uids |= set(course.dose.sop_instance_uids) if course.dose is not None else set()
        return self.site.course(uids, course.date)

    def course_uncertainty(self, number: int) -> Uncertainty:
        """Return how far a course may lie from where its registration puts it."""
        said, general = self.said_of(number), self.site.registration
        return Uncertainty(
            general.shift_mm if said is None or said.shift_mm is None else said.shift_mm,
            general.rotation_deg if said is None or said.rotation_deg is None else said.rotation_deg,
        )

    def course_prescribed_gy(self, number: int) -> float | None:
        """Return the prescription of a course: the site file's, else that of its plan if there is exactly one dose."""
        said, plan = self.said_of(number), self.courses[number - 1].plan
        if said is not None and said.prescribed_gy is not None:
            return said.prescribed_gy
        doses = {p.dose_gy for p in plan.prescriptions} if plan is not None else set()
        return doses.pop() if len(doses) == 1 else None

    def course_fractions(self, number: int) -> int:
        """Return the number of fractions of a course: the site file's, else that of its plan.

        Raises
        ------
        NotComputable
            If neither states one.
        """
        said = self.said_of(number)
        if said is not None and said.fractions is not None:
            return said.fractions
        return fractions_of_course(self.courses[number - 1], self.course_name(number))

    def course_mapping(self, number: int, frame_of_reference_uid: str) -> Mapping:
        """Return the way from a frame of reference of this plan to that of an earlier course.

        Raises
        ------
        NotComputable
            If nothing joins them, what joins them contradicts itself, or the course holds nothing that lies anywhere.
        """
        key = ("course-mapping", number, frame_of_reference_uid)
        return self._remember(key, lambda: self._course_mapping(number, frame_of_reference_uid))

    def _course_mapping(self, number: int, frame_of_reference_uid: str) -> Mapping:
        course = self.courses[number - 1]
        theirs = course.dose.frame_of_reference_uid if course.dose is not None else ""
        if course.dose is None and course.structure_set is not None:
            theirs = next(iter(course.structure_set.frame_of_reference_uids), "")
        return find_mapping(self.case.registrations, frame_of_reference_uid, theirs)

    def course_targets(self, number: int) -> tuple[Structure, ...]:
        """Return the drawn targets of a course, taken as such by the names and types of its structure set."""
        structures = self.courses[number - 1].structure_set
        if structures is None:
            return ()
        return tuple(s for s in structures.structures if s.is_closed and target_role(s, self.site) is not None)

    def prior_findings(self, structure: Structure, number: int, percent: float = 50.0) -> PriorFindings:
        """Return what an earlier course gave to a structure, with its ranges over the error of the registration.

        Parameters
        ----------
        percent : float
            Isodose, in percent of the prior prescription, that is reported besides the usual ones.

        Raises
        ------
        NotComputable
            If nothing closed is drawn, or the course is not mapped.
        """
        usual = IsodoseLevels()
        levels = replace(usual, percents=tuple(sorted({*usual.percents, percent})))
        key = ("prior", structure.roi_number, number, levels)
        return self._remember(key, lambda: self._prior_findings(structure, number, levels))

    def _prior_findings(self, structure: Structure, number: int, levels: IsodoseLevels) -> PriorFindings:
        return prior_findings(
            self.region(structure),
            self.course_name(number),
            self.course_mapping(number, structure.frame_of_reference_uid),
            self.courses[number - 1].dose,
            self.course_prescribed_gy(number),
            tuple(self._target_finding(structure, target, number) for target in self.course_targets(number)),
            self.course_uncertainty(number),
            levels,
        )

    def _target_finding(self, structure: Structure, earlier: Structure, number: int) -> TargetFinding:
        """Return how a structure lies to a target of a course, whose frame of reference may not be that of its dose."""
        frames = structure.frame_of_reference_uid, earlier.frame_of_reference_uid
        try:
            mapping = self._remember(
                ("target-mapping", *frames), lambda: find_mapping(self.case.registrations, *frames)
            )
            key = ("earlier-target", number, earlier.roi_number, frames[0])
            there = self._remember(key, lambda: earlier_region(earlier, mapping))
        except NotComputable as reason:
            return TargetFinding(earlier.roi_number, None, None, None, reason.message)
        return target_finding(self.region(structure), there, mapping, self.course_uncertainty(number))

    def course_dose_here(self, number: int, frame_of_reference_uid: str) -> Dose:
        """Return the dose of a course in a frame of reference of this plan, as mapped: to be shown, not judged.

        NaN where it is resampled and not known.

        Raises
        ------
        NotComputable
            If the course has no dose or is not mapped, or has to be resampled and this plan has no dose.
        """
        dose = self.courses[number - 1].dose
        if dose is None:
            raise NotComputable(f"{self.course_name(number)} has no dose")
        mapping = self.course_mapping(number, frame_of_reference_uid)
        rigid = nearest_rigid(mapping.matrix, np.zeros(3)) if mapping.matrix is not None else None
        if rigid is not None:
            moved = moved_dose(dose, np.asarray(np.linalg.inv(rigid)))
            return replace(moved, frame_of_reference_uid=frame_of_reference_uid)
        total = self.course_resampled(number)
        lost = total.unreached[0]
        if lost is None:
            return total.best
        return replace(total.best, dose_gy=frozen(np.where(lost, np.nan, total.best.dose_gy), np.float32))

    @property
    def sums(self) -> Sums:
        """Sums of this plan and all earlier courses.

        Raises
        ------
        NotComputable
            If there is no dose of the plan or of one of the courses, one cannot be mapped, or there is no course.
        """
        return self._remember(("sums",), self._sums)

    def _sums(self) -> Sums:
        if not self.courses:
            raise NotComputable("no earlier course was given, so there is no cumulative dose")
        self._refuse_plans_in_common()
        added = [self._added(number) for number in range(1, len(self.courses) + 1)]
        return Sums(self.dose, "this plan", added)

    def _refuse_plans_in_common(self) -> None:
        """Refuse doses that hold the same plan: their sum would count it twice."""
        doses = [("this plan", self.dose)]
        doses += [(self.course_name(n), c.dose) for n, c in enumerate(self.courses, start=1) if c.dose is not None]
        held: dict[str, str] = {}
        for name, dose in doses:
            for uid in sorted(set(dose.referenced_plan_uids)):
                if uid in held:
                    what = f"the doses of {held[uid]} and of {name} hold the same plan, which would count twice"
                    raise NotComputable(what, remedy="Give the dose of each course alone", where=uid)
                held[uid] = name

    def _sums_with(self, number: int) -> tuple[Sums, int]:
        """Return sums that hold a course, and its place in them: of it alone where another one cannot be added."""
        try:
            return self.sums, number - 1
        except NotComputable:
            alone = self._remember(("sums", number), lambda: Sums(self.dose, "this plan", [self._added(number)]))
            return alone, 0

    def course_resampled(self, number: int) -> Accumulated:
        """Return the dose of a course on the grid of this plan, as mapped: to be shown, not judged.

        Raises
        ------
        NotComputable
            If this plan or the course has no dose, or the course is not mapped.
        """
        sums, place = self._sums_with(number)
        return sums.course_as_mapped(place)

    def _added(self, number: int) -> AddedCourse:
        course, name, said = self.courses[number - 1], self.course_name(number), self.said_of(number)
        if course.dose is None:
            raise NotComputable(f"{name} has no dose, so there is no cumulative dose")
        try:
            mapping = self.course_mapping(number, self.dose.frame_of_reference_uid)
        except NotComputable as reason:
            raise NotComputable(f"{name} is not mapped: {reason.message}", remedy=reason.remedy) from reason
        try:
            fractions = self.course_fractions(number)
        except NotComputable:
            fractions = None
        error = self.course_uncertainty(number)
        return AddedCourse(
            name=name,
            dose=course.dose,
            mapping=mapping,
            fractions=fractions,
            recovery=said.recovery_percent / 100.0 if said is not None else 0.0,
            shift_mm=error.shift_mm,
            rotation_deg=error.rotation_deg,
            pivot_mm=self._pivot_mm(),
        )

    def _pivot_mm(self) -> tuple[float, float, float]:
        """Return where registrations are taken to fit: the middle of the lesions, without any that of the dose grid."""
        centres = [centroid(self.region(lesion.outermost)) for lesion in self.lesions]
        if not centres:
            grid = self.dose.lattice
            ends = np.array([[t[0], t[-1]] for t in (grid.i_mm, grid.j_mm, grid.k_mm)])
            centres = [grid.to_lps(ends.mean(axis=1)[None])[0]]
        x, y, z = np.mean(centres, axis=0).tolist()
        return x, y, z

    @property
    def cumulative(self) -> Cumulative:
        """The same case with the sum of all courses as its dose."""
        return Cumulative(self)

    def cumulative_remarks(self, structure: Structure, effect: Effect | None) -> tuple[str, ...]:
        """Return what must be known of a cumulative value: what was added and how, and what is missing of it."""
        key = ("cumulative-remarks", structure.roi_number, effect)
        return self._remember(key, lambda: self._cumulative_remarks(structure, effect))

    def _cumulative_remarks(self, structure: Structure, effect: Effect | None) -> tuple[str, ...]:
        summed, courses = self._summed(structure, effect), self.sums.courses
        told = [summed.text, *summed.missing]
        recovered = [
            f"{100.0 * course.recovery:g} % of the effect of {course.name} taken as recovered ({said.recovery_source})"
            for number, course in enumerate(courses, start=1)
            if course.recovery and (said := self.said_of(number)) is not None
        ]
        if effect is None:
            return (*told, *(["recovery lessens effects only, not this physical dose"] if recovered else []))
        notice = lq_validity(self._highest_given(structure))
        return (*told, *recovered, *([notice.message] if notice is not None else []))

    def _highest_given(self, structure: Structure) -> list[tuple[str, float, int]]:
        """Return name, highest dose (Gy) in a structure and fractions of each course whose fractions are known."""
        sums, region = self.sums, self.region(structure)
        found = [("this plan", self.dvh(structure).best.maximum_gy, self.fractions(structure))]
        for place, course in enumerate(sums.courses):
            if course.fractions is None:
                continue
            near = (course.name, sums.highest_gy(place, region), course.fractions)
            if lq_validity([near]) is not None:  # the dose in the structure itself takes longer
                near = (course.name, sums.highest_gy(place, region, self.method), course.fractions)
            found.append(near)
        return found

    def _summed(self, structure: Structure, effect: Effect | None) -> Summed:
        self.dvh(structure)  # refuses a dose in another frame of reference
        fractions = self.fractions(structure) if effect is not None else None
        key = ("cumulative", structure.roi_number, effect, fractions)
        return self._remember(key, lambda: self.sums.summed(self.region(structure), effect, fractions, self.method))

    def retreatment(self, number: int) -> Retreatment:
        """Return what kind of re-irradiation this plan is with an earlier course.

        Raises
        ------
        NotComputable
            If this plan or the course has no dose, the course is not mapped, or a prescription is not known.
        """
        earlier_gy = self.course_prescribed_gy(number)
        if earlier_gy is None:
            raise NotComputable(f"the prescription of {self.course_name(number)} is not known, or not one")
        share = IRRADIATED_PERCENT / 100.0
        prescribed_gy = {self.prescribed_gy(lesion.outermost) for lesion in self.lesions}
        if not prescribed_gy:
            raise NotComputable("no target was found, so the prescription of this plan is not known")
        now_gy = min(prescribed_gy)
        sums, place = self._sums_with(number)
        overlap = sums.irradiated_in_both(place, share * now_gy, share * earlier_gy)
        # Where an overlap is ruled out, its own bound says so: what a course does not reach counts as irradiated.
        found = retreatment(overlap, (), same_organ=None, earlier_known=True)
        if len(prescribed_gy) == 1:
            return found
        several = f"of several prescriptions of this plan the lowest, {now_gy:g} Gy, is taken"
        return replace(found, text=f"{found.text}; {several}")

    def cumulative_dvh(self, structure: Structure, effect: Effect | None = None) -> DvhCurves:
        """Return the DVH of a structure in the sum of this plan and all earlier courses.

        Raises
        ------
        NotComputable
            As ``dvh`` and ``sums`` do, and for an effect if a number of fractions is not known.
        """
        return self._summed(structure, effect).curves
