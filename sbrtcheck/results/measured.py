"""The documents of `measure` and `inspect`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sbrtcheck.results.base import Document, Record
from sbrtcheck.results.plan_report import MethodRecord, PlanRecord, SoftwareRecord, TpsBeside
from sbrtcheck.results.rules import Assumption, InputRecord, Notice
from sbrtcheck.results.values import Interval


class NotComputableRecord(Record):
    """Stands in the place of a number that does not exist or cannot be known."""

    not_computable: str


class StructureMeasures(Record):
    """What ``sbrtcheck measure`` says of one structure."""

    roi_number: int
    name: str
    volume_cc: Interval | NotComputableRecord
    longest_axial_diameter_mm: Interval | NotComputableRecord
    metrics: dict[str, Interval | NotComputableRecord] = Field(default_factory=dict)
    tps: TpsBeside | None = None


class MeasureReport(Document):
    """The document of ``sbrtcheck measure --json``."""

    schema_: Literal["sbrtcheck-measure/1"] = Field(default="sbrtcheck-measure/1", alias="schema")
    software: SoftwareRecord
    method: MethodRecord = MethodRecord()
    plan: PlanRecord
    structures: tuple[StructureMeasures, ...]
    assumptions: tuple[Assumption, ...] = ()
    notices: tuple[Notice, ...] = ()
    inputs: tuple[InputRecord, ...] = ()


class StructureRecord(Record):
    """One ROI as ``sbrtcheck inspect`` lists it."""

    roi_number: int
    name: str
    interpreted_type: str
    contours: int
    tg263: str | None
    role: str | None
    matched_by: str


class GridRecord(Record):
    """A dose grid or a CT series as ``sbrtcheck inspect`` lists it."""

    uid: str
    frame_of_reference_uid: str
    voxels: tuple[int, int, int]  # along i, j, k
    spacing_mm: tuple[float, float, float]
    detail: str = ""


class CourseRecord(Record):
    """One earlier course as ``sbrtcheck inspect`` lists it."""

    label: str
    date: str
    state: str
    has_plan: bool
    has_structures: bool
    has_dose: bool


class InspectReport(Document):
    """The document of ``sbrtcheck inspect --json``: what is there, how it links, what is wrong with it."""

    schema_: Literal["sbrtcheck-inspect/1"] = Field(default="sbrtcheck-inspect/1", alias="schema")
    software: SoftwareRecord
    plan: PlanRecord
    structures: tuple[StructureRecord, ...] = ()
    dose: GridRecord | None = None
    image: GridRecord | None = None
    registrations: tuple[str, ...] = ()
    prior_courses: tuple[CourseRecord, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notices: tuple[Notice, ...] = ()
    inputs: tuple[InputRecord, ...] = ()
