"""Which objects belong together, by UID; where more than one reading is possible, an error that lists them."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.dicom.course import Course
from sbrtcheck.dicom.document import Document, Kind
from sbrtcheck.dicom.dose import DoseHeader, read_header
from sbrtcheck.dicom.dose_sum import ambiguous
from sbrtcheck.dicom.image import CtSlice, read_image
from sbrtcheck.dicom.inventory import Stock
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.plan import PlanReading, read_plan
from sbrtcheck.errors import AmbiguousCase, InputError, UsageError
from sbrtcheck.model import Image


def read_plans(stock: Stock, ledger: Ledger) -> list[PlanReading]:
    """Return all plans that can be read; the others are refused by name."""
    plans = []
    for document in stock.of(Kind.PLAN, Kind.ION_PLAN):
        try:
            plans.append(read_plan(document, ledger))
        except InputError as problem:
            ledger.refuse(document.file, problem)
    return plans


def choose_plan(plans: Sequence[PlanReading], plan_uid: str | None, ledger: Ledger) -> PlanReading | None:
    """Return the plan to check: the named one, or the only one.

    Raises
    ------
    AmbiguousCase
        If there are several and none is named.
    UsageError
        If the named one is not there.
    """
    listed = "; ".join(f"{p.plan.sop_instance_uid} ({p.plan.label or 'no label'})" for p in plans)
    if plan_uid is not None:
        chosen = next((p for p in plans if p.plan.sop_instance_uid == plan_uid), None)
        if chosen is None:
            raise UsageError(
                "no readable plan has the UID given with --plan", remedy=f"Plans in the input: {listed or 'none'}"
            )
    elif len(plans) > 1:
        raise AmbiguousCase(f"{len(plans)} plans are in the input: {listed}", remedy="Pick one with --plan UID")
    else:
        chosen = plans[0] if plans else None
    for plan in plans:
        if plan is not chosen:
            ledger.ignore(plan.document.file, "another plan was picked with --plan")
    return chosen


def read_headers(stock: Stock, ledger: Ledger) -> list[DoseHeader]:
    """Return what all dose objects say of themselves; malformed ones are refused by name."""
    headers = []
    for document in stock.of(Kind.DOSE):
        try:
            headers.append(read_header(document))
        except InputError as problem:
            ledger.refuse(document.file, problem)
    return headers


def choose_structures(
    stock: Stock, plan: PlanReading | None, headers: Sequence[DoseHeader], ledger: Ledger
) -> tuple[Document | None, bool]:
    """Return the structure set to use, and whether plan or dose refer to another one instead.

    Raises
    ------
    AmbiguousCase
        If several would do.
    """
    candidates = stock.of(Kind.STRUCTURES)
    if plan is not None:
        wanted = {plan.plan.referenced_structure_set_uid} - {""}
    else:
        wanted = {uid for header in headers for uid in header.structure_set_uids}
    linked = [d for d in candidates if d.uid in wanted]
    if not linked and len(candidates) > 1 and plan is not None:
        for document in candidates:
            ledger.ignore(document.file, "the plan does not refer to this structure set")
        return None, False
    fitting = linked or candidates
    if len(fitting) > 1:
        listed = "; ".join(f"{d.uid} ({d.label or 'no label'})" for d in fitting)
        raise AmbiguousCase(
            f"{len(fitting)} structure sets are in the input: {listed}",
            remedy="Leave one of them in the input, add the plan, or pick a plan with --plan UID",
        )
    for document in candidates:
        if document not in fitting:
            ledger.ignore(document.file, "neither plan nor dose refers to this structure set")
    return (fitting[0] if fitting else None), not linked and (plan is not None or bool(wanted))


def doses_of_plan(headers: Sequence[DoseHeader], plan: PlanReading | None, ledger: Ledger) -> list[DoseHeader]:
    """Return the dose objects that belong to the plan; the others are ignored, with the reason.

    Raises
    ------
    AmbiguousCase
        If there is no plan and the doses belong to more than one.
    """
    if plan is None:
        if len({h.plan_uids for h in headers}) > 1:
            raise ambiguous("RT Dose", headers)
        return list(headers)
    uid = plan.plan.sop_instance_uid
    own = [h for h in headers if h.plan_uids == (uid,)]
    for header in headers:
        if header in own:
            continue
        if uid in header.plan_uids:
            _leave(header, "dose-of-several-plans", "it is the dose of several plans together", ledger, needed=not own)
        elif header.plan_uids:
            _leave(header, "dose-of-another-plan", "it refers to another plan", ledger, needed=not own)
    unlinked = [h for h in headers if not h.plan_uids]
    frame = plan.plan.frame_of_reference_uid
    if len(headers) == 1 and unlinked and frame and unlinked[0].frame_of_reference_uid == frame:
        ledger.assume(
            "dose",
            "A dose that refers to no plan is taken as the dose of this plan: it is the only one, and in its frame of "
            "reference",
            "Export the dose together with the plan",
        )
        ledger.notice("dose-not-linked", "The dose does not refer to the plan", unlinked[0].document.uid, "blocking")
        return unlinked
    for header in unlinked:
        _leave(header, "dose-not-linked", "it does not refer to the plan", ledger, needed=not own)
    return own


def _leave(header: DoseHeader, code: str, why: str, ledger: Ledger, *, needed: bool) -> None:
    ledger.ignore(header.document.file, why)
    if needed:
        ledger.notice(code, f"A dose is not used: {why}", header.document.uid, "blocking")


def choose_image(slices: Sequence[CtSlice], course: Course, ledger: Ledger) -> Image | None:
    """Return the planning CT: the series that the structures refer to, else the only one in the frame of the course.

    Without plan, structures and dose a lone series is taken.
    """
    series: dict[str, list[CtSlice]] = {}
    for one in slices:
        if one.is_localizer:
            ledger.ignore(one.file, "a localizer is not used")
        else:
            series.setdefault(one.series_uid, []).append(one)
    frames = _frames(course)
    fitting = _fitting(list(series.values()), course, frames, ledger)
    if len(fitting) > 1:
        listed = ", ".join(sorted(s[0].series_uid for s in fitting))
        ledger.notice("ambiguous-ct", "Several CT series could be the planning CT; none is used", listed)
    image = read_image(fitting[0], ledger) if len(fitting) == 1 else None
    for one in slices:
        ledger.ignore(one.file, "this CT series is not the planning CT")
    if image is not None and course.structure_set is not None:
        wanted = set(course.structure_set.referenced_image_uids)
        missing = len(wanted.difference(image.sop_instance_uids))
        if missing:
            message = f"{missing} of {len(wanted)} CT slices that the structures refer to are not in the input"
            ledger.notice("incomplete-ct", message, image.series_instance_uid)
    return image


def image_of_course(slices: Sequence[CtSlice], course: Course, ledger: Ledger) -> Image | None:
    """Return the CT of an earlier course: as ``choose_image``, but for what it leaves to others."""
    series: dict[str, list[CtSlice]] = {}
    for one in slices:
        if not one.is_localizer:
            series.setdefault(one.series_uid, []).append(one)
    fitting = _fitting(list(series.values()), course, _frames(course) or set(), ledger)
    return read_image(fitting[0], ledger) if len(fitting) == 1 else None


def _frames(course: Course) -> set[str] | None:
    """Frames of reference stated by the course, None where there is nothing that could state one."""
    if course.plan is None and course.structure_set is None and course.dose is None:
        return None
    stated = set(course.structure_set.frame_of_reference_uids) if course.structure_set else set()
    stated.add(course.plan.frame_of_reference_uid if course.plan else "")
    stated.add(course.dose.frame_of_reference_uid if course.dose else "")
    return stated - {""}


def _fitting(
    series: list[list[CtSlice]], course: Course, frames: set[str] | None, ledger: Ledger
) -> list[list[CtSlice]]:
    if frames is None:
        return series
    structures = course.structure_set
    uids = set(structures.referenced_series_uids) | set(structures.referenced_image_uids) if structures else set()
    linked = [s for s in series if s[0].series_uid in uids or any(o.file.sop_instance_uid in uids for o in s)]
    if not linked:
        fitting = [s for s in series if s[0].frame_of_reference_uid in frames]
        if len(fitting) == 1 and structures is not None:
            text = "The structures refer to no CT series at hand; the only one in their frame of reference is taken"
            ledger.assume("image", text)
        return fitting
    fitting = [s for s in linked if s[0].frame_of_reference_uid in frames | {""}]
    if not fitting:
        message = "The CT series that the structures refer to lies in another frame of reference and is not used"
        ledger.notice("frame-of-reference-differs", message, linked[0][0].series_uid, "blocking")
    return fitting
