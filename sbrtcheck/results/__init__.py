"""The result document: verdicts, intervals, rule results, one report a plan, to and from plain JSON.

Everything that a report shows stands here, so that any format can be made again from the JSON alone.
"""

from __future__ import annotations

from sbrtcheck.results.changes import Changes, RuleChange, RuleKind, StructureChange
from sbrtcheck.results.measured import (
    CourseRecord,
    GridRecord,
    InspectReport,
    MeasureReport,
    NotComputableRecord,
    StructureMeasures,
    StructureRecord,
)
from sbrtcheck.results.pictures import (
    EARLIER,
    DvhCurve,
    Picture,
    PictureContour,
)
from sbrtcheck.results.plan_report import (
    DrawnRecord,
    LesionRecord,
    MethodRecord,
    PlanRecord,
    PlanReport,
    PrescriptionRecord,
    ProtocolRecord,
    SoftwareRecord,
    TpsBeside,
    TpsComparison,
    TpsStatistics,
    report_json_schema,
)
from sbrtcheck.results.priors import (
    CumulativeCurve,
    CumulativeRecord,
    EarlierTargetRecord,
    PriorCourseRecord,
    PriorQuantityRecord,
    PriorTargetRecord,
    RangedRecord,
)
from sbrtcheck.results.rules import (
    Assumption,
    InputRecord,
    Notice,
    RuleResult,
)
from sbrtcheck.results.values import (
    Evidence,
    Interval,
    Limit,
    Outcome,
    Point,
    Verdict,
)

__all__ = [
    "EARLIER",
    "Assumption",
    "Changes",
    "CourseRecord",
    "CumulativeCurve",
    "CumulativeRecord",
    "DrawnRecord",
    "DvhCurve",
    "EarlierTargetRecord",
    "Evidence",
    "GridRecord",
    "InputRecord",
    "InspectReport",
    "Interval",
    "LesionRecord",
    "Limit",
    "MeasureReport",
    "MethodRecord",
    "NotComputableRecord",
    "Notice",
    "Outcome",
    "Picture",
    "PictureContour",
    "PlanRecord",
    "PlanReport",
    "Point",
    "PrescriptionRecord",
    "PriorCourseRecord",
    "PriorQuantityRecord",
    "PriorTargetRecord",
    "ProtocolRecord",
    "RangedRecord",
    "RuleChange",
    "RuleKind",
    "RuleResult",
    "SoftwareRecord",
    "StructureChange",
    "StructureMeasures",
    "StructureRecord",
    "TpsBeside",
    "TpsComparison",
    "TpsStatistics",
    "Verdict",
    "report_json_schema",
]
