"""Earlier courses of a case: how each is mapped, what it gave to a structure, and the sum with this plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sbrtcheck.derived.cumulative import Cumulative
from sbrtcheck.derived.dosed import Dosed
from sbrtcheck.dose.biology import Effect
from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.volume import centroid
from sbrtcheck.model import PriorCourse, Structure
from sbrtcheck.naming.roles import target_role
from sbrtcheck.naming.site import SiteCourse
from sbrtcheck.prior.mapped import IsodoseLevels, PriorFindings, prior_findings
from sbrtcheck.prior.mapping import Mapping, find_mapping
from sbrtcheck.prior.radiobiology import lq_validity
from sbrtcheck.prior.retreatment import IRRADIATED_PERCENT, Retreatment, retreatment
from sbrtcheck.prior.search import Uncertainty
from sbrtcheck.prior.sums import AddedCourse, Sums, fractions_of_course


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
            self.course_targets(number),
            self.course_uncertainty(number),
            levels,
        )

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
        added = [self._added(number) for number in range(1, len(self.courses) + 1)]
        return Sums(self.dose, "this plan", added)

    def _added(self, number: int) -> AddedCourse:
        course, name, said = self.courses[number - 1], self.course_name(number), self.said_of(number)
        if course.dose is None:
            raise NotComputable(f"{name} has no dose, so there is no cumulative dose")
        try:
            fractions = self.course_fractions(number)
        except NotComputable:
            fractions = None
        error = self.course_uncertainty(number)
        centres = [centroid(self.region(target.structure)) for target in self.targets]
        x, y, z = np.mean(centres, axis=0).tolist() if centres else (0.0, 0.0, 0.0)
        return AddedCourse(
            name=name,
            dose=course.dose,
            mapping=self.course_mapping(number, self.dose.frame_of_reference_uid),
            fractions=fractions,
            recovery=said.recovery_percent / 100.0 if said is not None else 0.0,
            shift_mm=error.shift_mm,
            rotation_deg=error.rotation_deg,
            pivot_mm=(x, y, z),
        )

    @property
    def cumulative(self) -> Cumulative:
        """The same case with the sum of all courses as its dose."""
        return Cumulative(self)

    def cumulative_remarks(self, structure: Structure, effect: Effect | None) -> tuple[str, ...]:
        """Return what must be known of a cumulative value: what was added and how, and what is missing of it."""
        sums, region = self.sums, self.region(structure)
        fractions = self.fractions(structure) if effect is not None else None
        told = [sums.accumulated(effect, fractions, region).text, *sums.missing(region, self.method)]
        told += [
            f"{100.0 * course.recovery:g} % of the effect of {course.name} taken as recovered ({said.recovery_source})"
            for number, course in enumerate(sums.courses, start=1)
            if course.recovery and (said := self.said_of(number)) is not None
        ]
        if effect is not None:
            highest = [("this plan", float(self.dose.dose_gy.max()), fractions or 1)]
            highest += [(c.name, float(c.dose.dose_gy.max()), c.fractions or 1) for c in sums.courses]
            notice = lq_validity(highest)
            told += [notice.message] if notice is not None else []
        return tuple(told)

    def retreatment(self, number: int) -> Retreatment:
        """Return what kind of re-irradiation this plan is with an earlier course.

        Raises
        ------
        NotComputable
            As ``sums`` does, and if a prescription is not known.
        """
        earlier_gy = self.course_prescribed_gy(number)
        if earlier_gy is None:
            raise NotComputable(f"the prescription of {self.course_name(number)} is not known, or not one")
        share = IRRADIATED_PERCENT / 100.0
        now_gy = min(self.prescribed_gy(lesion.outermost) for lesion in self.lesions) if self.lesions else None
        if now_gy is None:
            raise NotComputable("no target was found, so the prescription of this plan is not known")
        overlap = self.sums.irradiated_in_both(number - 1, share * now_gy, share * earlier_gy)
        # Where an overlap is ruled out, its own bound says so: what a course does not reach counts as irradiated.
        return retreatment(overlap, (), same_organ=None, earlier_known=True)

    def cumulative_dvh(self, structure: Structure, effect: Effect | None = None) -> DvhCurves:
        """Return the DVH of a structure in the sum of this plan and all earlier courses.

        Raises
        ------
        NotComputable
            As ``dvh`` and ``sums`` do, and for an effect if a number of fractions is not known.
        """
        self.dvh(structure)  # refuses a dose in another frame of reference
        fractions = self.fractions(structure) if effect is not None else None
        key = ("cumulative", structure.roi_number, effect, fractions)
        return self._remember(key, lambda: self.sums.curves(self.region(structure), effect, fractions, self.method))
