"""Result documents made by hand: one that passes, one that fails in every way, one without a plan, one of one text."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable

import numpy as np
import pytest

from sbrtcheck.results import (
    Assumption,
    CumulativeCurve,
    CumulativeRecord,
    DvhCurve,
    EarlierTargetRecord,
    Evidence,
    InputRecord,
    Interval,
    LesionRecord,
    Limit,
    Notice,
    Picture,
    PictureContour,
    PlanRecord,
    PlanReport,
    PrescriptionRecord,
    PriorCourseRecord,
    PriorQuantityRecord,
    PriorTargetRecord,
    ProtocolRecord,
    RangedRecord,
    RuleResult,
    SoftwareRecord,
    TpsComparison,
    TpsStatistics,
    Verdict,
)

FOUR_CM = Limit(op="<=", per_protocol=40.0, unit="mm")
PROTOCOL = ProtocolRecord(id="size-rules", version="1", sha256="5d" * 32, title="Rules for tests")
PLAN = PlanRecord(
    label="Lung 5x10",
    sop_instance_uid="1.2.826.0.1.3680043.10.2.2",
    prescriptions=(
        PrescriptionRecord(target_roi=11, target_name="PTV_1", dose_gy=50.0, fractions=5, source="dose-reference"),
    ),
)


def _result(rule: str, verdict: Verdict, subject: str = "patient", **more: object) -> RuleResult:
    fields = {"title": rule.replace("-", " ").capitalize(), "section": "plan", "reason": f"why {rule}"}
    fields |= {"protocol": "size-rules", "source": "a source", "confidence": "verified"} | more
    return RuleResult(rule=rule, verdict=verdict, subject=subject, **fields)  # type: ignore[arg-type]


def _line(number: int, **more: str) -> Evidence:
    ends = ((-10.0, 0.0, -12.0), (20.0, 0.0, -12.0))
    text = f"longest axial diameter of ROI {number}"
    return Evidence(kind="line", text=text, roi_numbers=(number,), points_mm=ends, **more)


def _size(verdict: Verdict, subject: str, measured: Interval, margin: float, *evidence: Evidence) -> RuleResult:
    text = "Longest distance in one axial plane; the source names no plane."
    return _result(
        "lesion-size", verdict, subject, measured=measured, unit="mm", limit=FOUR_CM, margin=margin, definition=text,
        evidence=evidence,
    )  # fmt: skip


def _lesion(number: int, size_mm: float) -> LesionRecord:
    size = Interval(size_mm, size_mm - 0.5, size_mm + 0.4)
    return LesionRecord(
        id=f"lesion {number}",
        gtv=number,
        ptv=number + 10,
        organ="lung",
        organ_evidence="all of it lies in ROI 20",
        volume_cc=Interval(14.2, 13.9, 14.6),
        longest_axial_diameter_mm=size,
        longest_3d_diameter_mm=size,
        short_axis_mm=None,
        measurable=True,
        size_from="GTV",
    )


def _curve(number: int, name: str, role: str, half_gy: float) -> DvhCurve:
    dose = np.linspace(0.0, 60.0, 61)

    def fall(shift: float) -> tuple[float, ...]:
        volume = 100.0 / (1.0 + np.exp(dose - half_gy - shift))
        return tuple((volume / volume[0] * 100.0).tolist())

    return DvhCurve(
        roi_number=number,
        name=name,
        role=role,
        total_cc=14.2,
        dose_gy=tuple(dose.tolist()),
        volume_percent=fall(0.0),
        volume_percent_low=fall(-0.5),
        volume_percent_high=fall(0.5),
        metrics={"D95%[Gy]": Interval(half_gy - 3.0, half_gy - 3.1, half_gy - 2.9)},
        outside_percent=2.31 if number == 20 else 0.0,
    )


def _picture(subject: str, grey: bool, id_: str = "1") -> Picture:
    square = ((30.0, 30.0), (60.0, 30.0), (60.0, 60.0), (30.0, 60.0))
    pixels = base64.b64encode(bytes(range(9 * 9))).decode() if grey else ""
    return Picture(
        id=id_,
        view="axial",
        subject=subject,
        title=f"{subject}: GTV_1",
        plane="axial at z = -12.0 mm",
        width_mm=90.0,
        height_mm=90.0,
        rows=9 if grey else 0,
        columns=9 if grey else 0,
        pixels=pixels,
        window="lung window, -600 ± 750 HU" if grey else "",
        edges=("R", "L", "A", "P"),
        ends_mm=((-10.0, -0.0, -12.0), (20.0, 0.0, -12.0)),
        outlines=(
            PictureContour(label="GTV_1", kind="structure", role="GTV", rings_mm=(square,), roi_number=1),
            PictureContour(label="50 % (25 Gy)", kind="isodose", role="50", rings_mm=((*square, square[0]),)),
            PictureContour(label="43.1 mm", kind="line", rings_mm=(((30.0, 45.0), (73.1, 45.0)),)),
            PictureContour(label="isocentre", kind="point", rings_mm=(((45.0, 45.0),),)),
        ),
    )


def _set(subject: str) -> tuple[Picture, ...]:
    """Three views over CT; the line is seen end on in the last."""
    axial = _picture(subject, grey=True)
    coronal = {"view": "coronal", "plane": "coronal at y = 3.0 mm", "edges": ("R", "L", "H", "F")}
    sagittal = {"view": "sagittal", "plane": "sagittal at x = 4.0 mm", "edges": ("A", "P", "H", "F")}
    sagittal |= {"caption": "first end 14.0 mm right of the plane", "crossing_mm": (45.0, 30.0)}
    return axial, axial.model_copy(update=coronal), axial.model_copy(update=sagittal)


def _inputs() -> tuple[InputRecord, ...]:
    slices = tuple(
        InputRecord(sop_instance_uid=f"1.2.3.{i}", modality="CT", sha256=f"{i:064x}", used=True, why="planning CT")
        for i in range(3)
    )
    dose = InputRecord(sop_instance_uid="1.2.4", modality="RTDOSE", sha256="ef" * 32, used=False, why="a beam dose")
    return (*slices, dose)


def _report(verdict: Verdict, declared: Verdict, results: tuple[RuleResult, ...], **more: object) -> PlanReport:
    fields: dict[str, object] = {"plan": PLAN, "protocols": (PROTOCOL,), "software": SoftwareRecord(version="1.2.3")}
    return PlanReport(verdict=verdict, declared_verdict=declared, results=results, **(fields | more))  # type: ignore[arg-type]


@pytest.fixture
def passing() -> PlanReport:
    """All rules pass; one lesion, one picture over CT."""
    results = (
        _size(Verdict.PASS, "lesion 1", Interval(30.1, 29.6, 30.4), 9.6, _line(1, picture="1")),
        _result(
            "lesion-count", Verdict.PASS, measured=Interval.exact(1), limit=Limit(op="<=", per_protocol=3), margin=2
        ),
        _result("long-bone", Verdict.NOT_APPLICABLE, "lesion 1", reason="not in bone"),
        _result("consent", Verdict.PASS, section="declared"),
    )
    curves = (_curve(1, "GTV_1", "GTV", 53.0), _curve(20, "Lungs", "Lungs", 8.0))
    tps = TpsStatistics(volume_cc=14.3, min_gy=None, mean_gy=52.9, max_gy=56.0, max_dose_difference_gy=0.31)
    return _report(
        Verdict.PASS,
        Verdict.PASS,
        results,
        lesions=(_lesion(1, 30.1),),
        assumptions=(Assumption(topic="structure", text="ROI 1 is the GTV (its name)", overrule="site file"),),
        notices=(Notice(code="odd-unit", message="percent was read as percent", severity="info"),),
        inputs=_inputs(),
        dvhs=curves,
        pictures=_set("lesion 1"),
        tps=(
            TpsComparison(
                roi_number=1, name="GTV_1", tps=tps, our_volume_cc=Interval(14.2, 13.9, 14.6), our_mean_gy=None
            ),
        ),
    )


@pytest.fixture
def failing() -> PlanReport:
    """Every verdict there is, in an order that is not worst first."""
    table = Limit(op="<", per_protocol=5.1, variation=6.0)
    count = Limit(op="<=", per_protocol=3)
    results = (
        _result("lesion-count", Verdict.PASS, measured=Interval.exact(2), limit=count, margin=1),
        _result("r50", Verdict.VARIATION, "PTV_1", roi_number=11, measured=Interval(5.31, 5.28, 5.36), limit=table,
                margin=-0.26, confidence="recalled"),
        _result("d2cm", Verdict.VARIATION, "PTV_1", roi_number=11, measured=Interval(5.09, 5.0, 5.2), limit=table,
                margin=-0.1, borderline=True),
        _size(Verdict.INDETERMINATE, "lesion 3", Interval(50.0, -math.inf, 50.4), -10.4,
              _line(3, not_pictured="a report holds pictures of 24 places at most")),
        _result("ultra-central", Verdict.NOT_EVALUATED, "lesion 1", reason="no airway contour"),
        _result("ultra-central", Verdict.NOT_EVALUATED, "lesion 2", reason="no airway contour",
                evidence=(_line(1, picture="1"),)),
        _size(Verdict.FAIL, "lesion 2", Interval(40.01, 40.004, 40.02), -0.004),
        _size(Verdict.FAIL, "lesion 1", Interval(43.1, 42.6, 43.5), -2.6, _line(1, picture="1")),
        _result("age", Verdict.ERROR, required=False, evidence=(Evidence(text="a place to look"),)),
        _result("consent", Verdict.NOT_EVALUATED, section="declared", reason="nothing declared"),
        _result("histology", Verdict.NOT_EVALUATED, section="declared", reason="nothing declared"),
    )  # fmt: skip
    return _report(
        Verdict.FAIL,
        Verdict.NOT_EVALUATED,
        results,
        lesions=(_lesion(1, 43.1), _lesion(2, 40.004)),
        notices=(
            Notice(code="odd-unit", message="percent was read as percent", severity="info"),
            Notice(code="unreadable-file", message="a file is truncated", where="1.2.5", severity="blocking"),
        ),
        inputs=_inputs(),
        pictures=(_picture("lesion 1", grey=False),),
    )


def _ranged(value: float, low: float, high: float) -> RangedRecord:
    return RangedRecord(numerical=Interval(value, value - 0.1, value + 0.1), registered=Interval(value, low, high))


def _given(number: int, **more: object) -> PriorTargetRecord:
    """What an earlier course gave to a target: 30 Gy on average, 20 to 41 Gy over the error of its place."""
    rows = (
        PriorQuantityRecord(name="Mean[Gy]", unit="Gy", ranged=_ranged(30.0, 20.0, 41.0)),
        PriorQuantityRecord(name="Max[Gy]", unit="Gy", reason="the hottest voxel is missing"),
        PriorQuantityRecord(name="V50%[%]", unit="%", ranged=_ranged(62.5, 40.0, 77.0)),
        PriorQuantityRecord(name="V20Gy[cc]", unit="cc", ranged=_ranged(8.0, 5.0, 9.0)),
    )
    beside = EarlierTargetRecord(
        roi_number=3, name="PTV old", overlap_cc=_ranged(1.5, 0.2, 2.2), overlap_percent=_ranged(10.6, 1.4, 15.5),
        reason="no distance is measured through a deformable registration",
    )  # fmt: skip
    return PriorTargetRecord(
        roi_number=number, name="GTV_1", role="GTV", lesion="lesion 1", rows=rows, earlier_targets=(beside,)
    ).model_copy(update=more)


@pytest.fixture
def retreated(passing: PlanReport) -> PlanReport:
    """One course mapped, one whose mapping is missing, one declared; a sum that could not be computed."""
    place = {"shift_mm": 3.0, "rotation_deg": 1.0}
    mapped = PriorCourseRecord(
        number=1, name="earlier course 1 of 2020-01-02", state="dose", date="20200102", prescribed_gy=48.0,
        fractions=4, prescription_source="plan", mapping="it is mapped through the registration 1.2.9 (rigid)",
        mapping_kind="rigid", registrations=("1.2.9",), retreatment="re-irradiation type 1: overlap", **place,
        targets=(_given(1), _given(11, unknown_percent=_ranged(4.0, 1.0, 9.5), name="PTV_1", role="PTV"))
    )  # fmt: skip
    why = "the earlier dose lies in frame of reference 1.2.8, and no registration joins them"
    lost = PriorCourseRecord(
        number=2, name="earlier course 2", state="dose", prescription_source="no prescription is known", mapping=why,
        not_evaluated=why, **place, targets=(_given(1, rows=(), earlier_targets=(), not_evaluated=why),),
    )  # fmt: skip
    told = PriorCourseRecord(
        name="declared course: right lung", state="declared", date="2023", not_evaluated="no files of it were given"
    )
    pictures = tuple(
        picture.model_copy(update={"id": "course 1, lesion 1", "title": "isodoses of earlier course 1", "ends_mm": ()})
        for picture in passing.pictures
    )
    return passing.model_copy(
        update={
            "prior_courses": (mapped, lost, told),
            "pictures": (*passing.pictures, *pictures),
            "cumulative": CumulativeRecord(not_computable="earlier course 2 is not mapped"),
        }
    )


@pytest.fixture
def empty() -> PlanReport:
    """No plan, no structures, no protocol, nothing judged."""
    nothing = PlanRecord(label="", sop_instance_uid="")
    return _report(Verdict.NOT_EVALUATED, Verdict.NOT_APPLICABLE, (), plan=nothing, protocols=())


@pytest.fixture
def saying() -> Callable[[str], PlanReport]:
    """Return a report that says one text wherever a text can stand."""

    def report(text: str) -> PlanReport:
        said = {"title": text, "reason": text, "definition": text, "source": text, "confidence": text, "unit": text}
        seen = (Evidence(text=text, picture=text), Evidence(text=text, not_pictured=text))
        said |= {"protocol": text, "evidence": seen}
        measured = {"measured": Interval(43.1, 42.6, 43.5), "limit": FOUR_CM.model_copy(update={"unit": text})}
        outline = PictureContour(
            label=text, kind="structure", role=text, rings_mm=(((1.0, 1.0), (9.0, 1.0), (1.0, 9.0)),)
        )
        picture = {"subject": text, "title": text, "plane": text, "window": text, "edges": (text,) * 4}
        picture |= {"id": text, "caption": text}
        tps = TpsStatistics(volume_cc=1.0, min_gy=None, mean_gy=None, max_gy=None, max_dose_difference_gy=None)
        return _report(
            Verdict.FAIL,
            Verdict.PASS,
            (
                _result(text, Verdict.FAIL, text, margin=-2.6, **measured, **said),
                _result(text, Verdict.NOT_EVALUATED, text, **said),
                _result(text, Verdict.PASS, text, margin=2.6, **measured, **said),
                _result(text, Verdict.PASS, text, **(said | {"section": "declared"})),
            ),
            plan=PlanRecord(
                label=text,
                sop_instance_uid=text,
                prescriptions=(
                    PrescriptionRecord(target_roi=1, target_name=text, dose_gy=50.0, fractions=None, source=text),
                ),
            ),
            protocols=(ProtocolRecord(id=text, version=text, sha256=text, title=text),),
            software=SoftwareRecord(name=text, version=text),
            lesions=(_lesion(1, 30.0).model_copy(update={"id": text, "organ": text, "organ_evidence": text}),),
            assumptions=(Assumption(topic=text, text=text, overrule=text),),
            notices=(Notice(code=text, message=text, where=text),),
            inputs=(InputRecord(sop_instance_uid=text, modality=text, sha256="ab" * 32, used=True, why=text),),
            dvhs=(_curve(1, text, text, 50.0).model_copy(update={"metrics": {text: Interval.exact(1.0)}}),),
            pictures=(_picture("", grey=True).model_copy(update=picture | {"outlines": (outline,)}),),
            tps=(TpsComparison(roi_number=1, name=text, tps=tps, our_volume_cc=Interval.exact(1.0), our_mean_gy=None),),
            prior_courses=_courses_saying(text),
            cumulative=CumulativeRecord(text=text, curves=(_summed(text),)),
        )

    return report


def _courses_saying(text: str) -> tuple[PriorCourseRecord, ...]:
    row = PriorQuantityRecord(name=text, unit=text, ranged=_ranged(1.0, 0.5, 2.0))
    beside = EarlierTargetRecord(roi_number=1, name=text, reason=text)
    said = {"name": text, "role": text, "lesion": text, "roi_number": 1}
    targets = (
        PriorTargetRecord(**said, rows=(row, row.model_copy(update={"name": "Mean[Gy]"})), earlier_targets=(beside,)),
        PriorTargetRecord(**said, not_evaluated=text),
    )
    known = {"mapping": text, "retreatment": text, "recovery": text, "prescription_source": text, "date": text}
    course = PriorCourseRecord(number=1, name=text, state="dose", mapping_kind="rigid", targets=targets, **known)
    return course, course.model_copy(update={"number": None, "state": "declared", "not_evaluated": text})


def _summed(text: str) -> CumulativeCurve:
    return CumulativeCurve(plan=_curve(1, text, text, 30.0), cumulative=_curve(1, text, text, 50.0))
