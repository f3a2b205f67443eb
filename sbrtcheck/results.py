"""The result document: verdicts, intervals, rule results, one report a plan, to and from plain JSON.

Everything that a report shows stands here, so that any format can be made again from the JSON alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema


class Verdict(StrEnum):
    """Verdict of a rule, or of a whole section (DESIGN section 3)."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    VARIATION = "variation"
    FAIL = "fail"
    INDETERMINATE = "indeterminate"
    NOT_EVALUATED = "not-evaluated"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


def _null_if_unbounded(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _bound_type(unbounded: float, side: str) -> Any:
    return Annotated[
        float,
        BeforeValidator(lambda v: unbounded if v is None else v),
        PlainSerializer(_null_if_unbounded, return_type=float | None),
        WithJsonSchema({"type": ["number", "null"], "description": f"{side} bound; null where none is known"}),
    ]


if TYPE_CHECKING:
    _Low = float
    _High = float
else:
    _Low = _bound_type(-math.inf, "lower")
    _High = _bound_type(math.inf, "upper")


@dataclass(frozen=True, slots=True)
class Interval:
    """A best estimate and bounds of our own numerical error; an infinite bound means that none is known.

    Raises
    ------
    ValueError
        If the value is not finite or the bounds do not hold it.

    Examples
    --------
    >>> Interval(39.0, 38.0, 40.0).scaled(0.5).high
    20.0
    """

    value: float
    low: _Low
    high: _High

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or not self.low <= self.value <= self.high:
            raise ValueError(f"not an interval: {self.low} <= {self.value} <= {self.high}")

    @classmethod
    def exact(cls, value: float) -> Self:
        """Return the interval of a number known without error (a count, a stated value)."""
        return cls(value, value, value)

    def scaled(self, factor: float) -> Interval:
        """Return the interval times a positive constant."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)


Point = tuple[float, float, float]  # x, y, z in patient coordinates (LPS), mm


class Limit(BaseModel):
    """What a measurement is judged against.

    ``per_protocol`` separates pass from variation, ``variation`` separates variation from fail; without ``variation``
    there is no acceptable deviation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    op: Literal["<=", "<", ">=", ">"]
    per_protocol: float
    variation: float | None = None
    unit: str = ""


class Evidence(BaseModel):
    """Why a result is what it is: a sentence, and where to look.

    ``points_mm`` are patient points (LPS, mm): two ends of a measured line, or a centroid. ``picture`` is the id of the
    pictures that show it; where it has points and no pictures, ``not_pictured`` says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["line", "point", "text"] = "text"
    text: str
    roi_numbers: tuple[int, ...] = ()
    points_mm: tuple[Point, ...] = ()
    picture: str = ""
    not_pictured: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found for one subject, before it is judged.

    Either ``measured`` and ``limit`` are given and the judge compares them, or the check itself states ``verdict``.

    Attributes
    ----------
    subject : str
        ``"patient"``, a lesion id (``"lesion 1"``) or a ROI name.
    measured : Interval or None
        In ``unit``.
    reason : str
        One sentence for the reader. For ``not-evaluated`` it names what is missing; for ``indeterminate``, what would
        decide.
    would_decide : str
        What would decide where the limit lies inside the measured interval; "" where that is our own numerical error.
    """

    subject: str
    roi_number: int | None = None
    measured: Interval | None = None
    unit: str = ""
    limit: Limit | None = None
    verdict: Verdict | None = None
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    would_decide: str = ""


class _Record(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )


class _Document(_Record):
    def to_json(self) -> str:
        """Return the document as JSON text with a fixed key order, two spaces of indent and a final newline."""
        return self.model_dump_json(indent=2, by_alias=True) + "\n"


class RuleResult(_Record):
    """The verdict of one rule on one subject."""

    rule: str
    protocol: str
    title: str = ""
    section: Literal["plan", "declared"]
    required: bool = True
    subject: str
    roi_number: int | None = None
    verdict: Verdict
    borderline: bool = False
    measured: Interval | None = None
    unit: str = ""
    limit: Limit | None = None
    margin: float | None = None  # distance from the interval to the per-protocol limit, positive on the good side
    reason: str
    definition: str = ""  # how the criterion was read
    definition_is_choice: bool = False  # whether the source leaves that to the reader
    source: str
    confidence: str = ""
    evidence: tuple[Evidence, ...] = ()


class Assumption(_Record):
    """Something taken in the absence of a statement in the files, and how the reader overrules it."""

    topic: str  # "structure", "dose", "prescription", "definition", "plan", ...
    text: str
    overrule: str = ""  # e.g. the key of the site file


class Notice(_Record):
    """Something the reader should know: a stable code, a sentence, the object."""

    code: str
    message: str
    where: str = ""
    severity: Literal["info", "warning", "blocking"] = "warning"


class InputRecord(_Record):
    """One file of the submission."""

    sop_instance_uid: str
    modality: str
    sha256: str
    used: bool
    why: str


class PrescriptionRecord(_Record):
    """One prescription as the report shows it."""

    target_roi: int | None
    target_name: str = ""
    dose_gy: float
    fractions: int | None
    source: str


class PlanRecord(_Record):
    """The plan that was checked."""

    label: str
    sop_instance_uid: str
    prescriptions: tuple[PrescriptionRecord, ...] = ()


class ProtocolRecord(_Record):
    """One protocol that was applied."""

    id: str
    version: str
    sha256: str
    title: str = ""
    sources: tuple[str, ...] = ()  # title and address of each source, as the rules name them by title


class SoftwareRecord(_Record):
    """The program that wrote the report."""

    name: str = "sbrtcheck"
    version: str


class LesionRecord(_Record):
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
    ends_mm: dict[str, tuple[Point, Point]] = {}  # of each diameter, by its name ("short_axis"): patient points, LPS
    measurable: bool | None = None
    size_from: str = ""  # role of the structure that was measured: GTV, ITV, CTV or PTV


class DvhCurve(_Record):
    """A cumulative DVH for plotting: dose rising, volume in percent with its bounds."""

    roi_number: int
    name: str
    role: str = ""
    total_cc: float
    dose_gy: tuple[float, ...]
    volume_percent: tuple[float, ...]
    volume_percent_low: tuple[float, ...]
    volume_percent_high: tuple[float, ...]
    metrics: dict[str, Interval] = {}  # the row of the DVH table: "D95%[Gy]", "Mean[Gy]"; what has no value is absent
    outside_percent: float | None = None  # share of the structure that the dose grid does not reach


class PictureContour(_Record):
    """An outline in the plane of a picture: rings of (u, v), mm from the upper left corner of the picture.

    Rings of a structure close by themselves (the first point is not repeated). An isodose line repeats its first point
    unless it leaves the picture or the dose grid. A piece of a line has two ends, a point is a ring of one.
    """

    label: str
    kind: Literal["structure", "isodose", "line", "point"]
    role: str = ""  # for a structure: GTV, PTV, ... ; for an isodose: percent of the prescription
    rings_mm: tuple[tuple[tuple[float, float], ...], ...]
    roi_number: int | None = None  # of a structure
    advisory: bool = False  # outlines that nobody drew: from masks, or found in the CT
    projected: bool = False  # of a line or point: it lies off the plane, and is seen along the normal of the plane


class Picture(_Record):
    """A slice picture of a target, as data: grey image, outlines over it, and the marks a reviewer needs.

    Pictures of one set share an ``id`` and show three planes at right angles through one place, at one scale.
    ``pixels`` are ``rows * columns`` bytes of grey (already windowed), base64, row by row from the upper left; empty
    where there is no CT. A point (u, v) of the picture is the patient point ``corner_mm + u * right + v * down``.
    """

    id: str = ""  # of the set, as in ``Evidence.picture``
    view: Literal["", "axial", "coronal", "sagittal"] = ""  # or the nearest to it, where planes are oblique
    subject: str
    title: str
    plane: str  # "axial at z = -12.0 mm"
    caption: str = ""  # what of the measured line and its structures is not seen in this plane
    width_mm: float
    height_mm: float
    rows: int = 0
    columns: int = 0
    pixels: str = ""
    window: str = ""  # "lung: -600 +- 750 HU"
    edges: tuple[str, str, str, str] = ("", "", "", "")  # anatomical letters: left, right, top, bottom edge
    corner_mm: Point = (0.0, 0.0, 0.0)  # upper left, LPS
    right: Point = (0.0, 0.0, 0.0)  # unit vectors along the edges, LPS
    down: Point = (0.0, 0.0, 0.0)
    ends_mm: tuple[Point, ...] = ()  # of the measured line, or the one point shown, LPS
    crossing_mm: tuple[float, float] | None = None  # where the two other planes of the set cross, (u, v)
    outlines: tuple[PictureContour, ...] = ()


class TpsStatistics(_Record):
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


class TpsComparison(_Record):
    """The planning system's own DVH beside ours."""

    roi_number: int
    name: str
    tps: TpsStatistics
    our_volume_cc: Interval
    our_mean_gy: Interval | None
    our_min_gy: Interval | None = None
    our_max_gy: Interval | None = None


class MethodRecord(_Record):
    """How shape and dose were read between what the files store."""

    shape_model: Literal["shape", "slab"] = "shape"
    dose_interpolation: Literal["cubic", "trilinear"] = "cubic"


class PlanReport(_Document):
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
    dvhs: tuple[DvhCurve, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tps: tuple[TpsComparison, ...] = ()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document that ``to_json`` wrote.

        Raises
        ------
        pydantic.ValidationError
            If the text is not such a document.
        """
        return cls.model_validate_json(text)


class NotComputableRecord(_Record):
    """Stands in the place of a number that does not exist or cannot be known."""

    not_computable: str


class StructureMeasures(_Record):
    """What ``sbrtcheck measure`` says of one structure."""

    roi_number: int
    name: str
    volume_cc: Interval | NotComputableRecord
    longest_axial_diameter_mm: Interval | NotComputableRecord
    metrics: dict[str, Interval | NotComputableRecord] = {}
    tps: TpsBeside | None = None


class MeasureReport(_Document):
    """The document of ``sbrtcheck measure --json``."""

    schema_: Literal["sbrtcheck-measure/1"] = Field(default="sbrtcheck-measure/1", alias="schema")
    software: SoftwareRecord
    method: MethodRecord = MethodRecord()
    plan: PlanRecord
    structures: tuple[StructureMeasures, ...]
    assumptions: tuple[Assumption, ...] = ()
    notices: tuple[Notice, ...] = ()
    inputs: tuple[InputRecord, ...] = ()


class StructureRecord(_Record):
    """One ROI as ``sbrtcheck inspect`` lists it."""

    roi_number: int
    name: str
    interpreted_type: str
    contours: int
    tg263: str | None
    role: str | None
    matched_by: str


class GridRecord(_Record):
    """A dose grid or a CT series as ``sbrtcheck inspect`` lists it."""

    uid: str
    frame_of_reference_uid: str
    voxels: tuple[int, int, int]  # along i, j, k
    spacing_mm: tuple[float, float, float]
    detail: str = ""


class CourseRecord(_Record):
    """One earlier course as ``sbrtcheck inspect`` lists it."""

    label: str
    date: str
    has_plan: bool
    has_structures: bool
    has_dose: bool


class InspectReport(_Document):
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


def report_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report document."""
    return PlanReport.model_json_schema(by_alias=True, mode="serialization")
