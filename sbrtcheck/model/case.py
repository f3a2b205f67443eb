"""One submission: what is in the patient, what is planned, what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sbrtcheck.model.dose import Dose
from sbrtcheck.model.image import Image
from sbrtcheck.model.plan import Plan
from sbrtcheck.model.registration import AnyRegistration
from sbrtcheck.model.structure import Structure, StructureSet

CourseState = Literal["dose", "plan-without-dose", "structures-only", "nothing-readable"]


@dataclass(frozen=True, slots=True, eq=False)
class PriorCourse:
    """One earlier course of radiotherapy; any part of it may be missing."""

    label: str  # plan label, or "course N"
    date: str  # YYYYMMDD, "" where unknown
    plan: Plan | None = None
    structure_set: StructureSet | None = None
    dose: Dose | None = None
    image: Image | None = None  # its planning CT; slices are read when they are asked for

    @property
    def state(self) -> CourseState:
        """What is there of it."""
        if self.dose is not None:
            return "dose"
        if self.plan is not None:
            return "plan-without-dose"
        return "structures-only" if self.structure_set is not None else "nothing-readable"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything read for one check. What is missing is None; the reader of the files says why in its notices."""

    plan: Plan | None = None
    structure_set: StructureSet | None = None
    dose: Dose | None = None
    image: Image | None = None
    registrations: tuple[AnyRegistration, ...] = ()
    priors: tuple[PriorCourse, ...] = ()
    prior_given: bool = False  # whether the user named any folder of earlier courses
    summed_with: tuple[str, ...] = ()  # UIDs of plans that are not here, whose dose stands in a sum beside the plan's
    patient_age_years: float | None = None  # at the date of the plan or, without it, of the images
    advisory: tuple[Structure, ...] = ()  # outlines of segmentation masks, by TG-263 name; ROI numbers below 0
