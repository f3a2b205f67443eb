"""The document of one checked plan."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field

from sbrtcheck.results.base import Document, Record
from sbrtcheck.results.changes import Changes
from sbrtcheck.results.pictures import DvhCurve, Picture
from sbrtcheck.results.priors import CumulativeRecord, PriorCourseRecord
from sbrtcheck.results.rules import Assumption, InputRecord, Notice, RuleResult
from sbrtcheck.results.values import Interval, Point, Verdict


class PrescriptionRecord(Record):
    """One prescription as the report shows it."""

    target_roi: int | None
    target_name: str = ""
    dose_gy: float
    fractions: int | None
    source: str


class PlanRecord(Record):
    """The plan that was checked."""

    label: str
    sop_instance_uid: str
    created: str = ""  # RT Plan Date and, where there is one, RT Plan Time: YYYYMMDD or YYYYMMDDHHMMSS
    prescriptions: tuple[PrescriptionRecord, ...] = ()


class ProtocolRecord(Record):
    """One protocol that was applied."""

    id: str
    version: str
    sha256: str
    title: str = ""
    sources: tuple[str, ...] = ()  # title and address of each source, as the rules name them by title


class SoftwareRecord(Record):
    """The program that wrote the report."""

    name: str = "sbrtcheck"
    version: str


class LesionRecord(Record):
    """One lesion: its structures, place and size. ROI numbers of the structures, None where not drawn."""

    id: str
    gtv: int | None = None
    ctv: int | None = None
    itv: int | None = None
    ptv: int | None = None
    organ: str | None = None
    organ_evidence: str = ""
    volume_cc: Interval | None = None
    longest_axial_diameter_mm: Interval | None = None
    longest_3d_diameter_mm: Interval | None = None
    short_axis_mm: Interval | None = None
    equivalent_diameter_mm: Interval | None = None  # of the sphere of the same volume
    # Ends of each diameter, by its name ("short_axis"): patient points, LPS.
    ends_mm: dict[str, tuple[Point, Point]] = Field(default_factory=dict)
    measurable: bool | None = None
    size_from: str = ""  # role of the structure that was measured: GTV, ITV, CTV or PTV


class TpsStatistics(Record):
    """What the planning system itself says of one structure, and how far its curve is from ours."""

    volume_cc: float
    min_gy: float | None
    mean_gy: float | None
    max_gy: float | None
    max_dose_difference_gy: float | None  # largest horizontal distance between the two cumulative curves
    remark: str = ""  # how far the mean doses are apart, and whether our error explains it
    apart: tuple[str, ...] = ()  # every difference beyond 2 % that our own error does not explain


class TpsBeside(TpsStatistics):
    """The same with our doses beside it, for ``measure``; our volume stands with the structure."""

    our_min_gy: Interval | None = None
    our_mean_gy: Interval | None = None
    our_max_gy: Interval | None = None


class TpsComparison(Record):
    """The planning system's own DVH beside ours."""

    roi_number: int
    name: str
    tps: TpsStatistics
    our_volume_cc: Interval
    our_mean_gy: Interval | None
    our_min_gy: Interval | None = None
    our_max_gy: Interval | None = None


class MethodRecord(Record):
    """How shape and dose were read between what the files store."""

    shape_model: Literal["shape", "slab"] = "shape"
    dose_interpolation: Literal["cubic", "trilinear"] = "cubic"


class DrawnRecord(Record):
    """One ROI of the structure set; those with one fingerprint are drawn alike, whatever they are called."""

    roi_number: int
    name: str
    fingerprint: str


class PlanReport(Document):
    """Everything about one checked plan."""

    schema_: Literal["sbrtcheck-report/1"] = Field(default="sbrtcheck-report/1", alias="schema")
    verdict: Verdict
    declared_verdict: Verdict
    plan: PlanRecord
    protocols: tuple[ProtocolRecord, ...]
    software: SoftwareRecord
    method: MethodRecord = MethodRecord()
    lesions: tuple[LesionRecord, ...] = ()
    results: tuple[RuleResult, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notices: tuple[Notice, ...] = ()
    inputs: tuple[InputRecord, ...] = ()
    structures: tuple[DrawnRecord, ...] = ()
    dvhs: tuple[DvhCurve, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tps: tuple[TpsComparison, ...] = ()
    prior_courses: tuple[PriorCourseRecord, ...] = ()
    cumulative: CumulativeRecord | None = None  # None where there is no earlier course
    changes: Changes | None = None  # since the submission that this one replaces, where that is known

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document that ``to_json`` wrote.

        Raises
        ------
        pydantic.ValidationError
            If the text is not such a document.
        """
        return cls.model_validate_json(text)


def report_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report document."""
    return PlanReport.model_json_schema(by_alias=True, mode="serialization")
