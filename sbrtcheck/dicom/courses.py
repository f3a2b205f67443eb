"""Earlier courses of radiotherapy: every plan, and every dose without its plan, is one."""

from __future__ import annotations

from collections.abc import Sequence

from sbrtcheck.dicom.course import Course, read_course
from sbrtcheck.dicom.document import Document, Kind
from sbrtcheck.dicom.dose import DoseHeader
from sbrtcheck.dicom.inventory import Stock
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.linking import image_of_course, read_headers, read_plans
from sbrtcheck.dicom.plan import PlanReading, date_of
from sbrtcheck.model import PriorCourse


def read_courses(old: Stock, present: Stock, ledger: Ledger) -> tuple[PriorCourse, ...]:
    """Return the earlier courses, by date.

    Parameters
    ----------
    old, present : Stock
        Objects of the earlier courses, and of the plan that is checked; what is in both is no earlier course.

    Raises
    ------
    AmbiguousCase
        If two doses could each be the dose of one plan.
    """
    _drop_present(old, present, ledger)
    plans = read_plans(old, ledger)
    headers = _without_present_plan(read_headers(old, ledger), present, ledger)
    structures = {d.uid: d for d in old.of(Kind.STRUCTURES)}
    found: list[tuple[str, str, Course]] = []
    for plan in plans:
        own = [h for h in headers if h.plan_uids == (plan.plan.sop_instance_uid,)]
        wanted = structures.get(plan.plan.referenced_structure_set_uid)
        found.append(_read(plan, own, wanted, ledger))
    known = {plan.plan.sop_instance_uid for plan in plans}
    orphans: dict[tuple[str, ...], list[DoseHeader]] = {}
    for header in headers:
        if len(header.plan_uids) != 1 or header.plan_uids[0] not in known:
            # Doses of one absent plan belong together; a dose that names no plan stands alone.
            orphans.setdefault(header.plan_uids or (header.document.uid,), []).append(header)
    for own in orphans.values():
        wanted = next((structures[u] for h in own for u in h.structure_set_uids if u in structures), None)
        found.append(_read(None, own, wanted, ledger))
    found += _of_structures_alone(list(structures.values()), found, ledger)
    images = [image_of_course(old.slices, course, ledger) for _, _, course in found]
    _account(old, found, ledger)
    by_date = sorted(zip(found, images, strict=True), key=lambda one: one[0][:2])
    return tuple(
        PriorCourse(
            label=(course.plan.label if course.plan else "") or f"course {number}",
            date=date,
            plan=course.plan,
            structure_set=course.structure_set,
            dose=course.dose,
            image=image,
        )
        for number, ((date, _, course), image) in enumerate(by_date, start=1)
    )


def _read(
    plan: PlanReading | None, headers: Sequence[DoseHeader], structures: Document | None, ledger: Ledger
) -> tuple[str, str, Course]:
    """Return date, UID and content of a course."""
    course = read_course(plan, headers, structures, ledger, contradicted=False)
    first = plan.document if plan else headers[0].document if headers else structures
    if first is None:
        return "", "", course
    if course.dose is None:
        ledger.notice("prior-without-dose", "An earlier course has no usable dose", first.uid)
    return (plan.plan.date if plan else date_of(first.root, "StudyDate")), first.uid, course


def _of_structures_alone(
    documents: Sequence[Document], found: Sequence[tuple[str, str, Course]], ledger: Ledger
) -> list[tuple[str, str, Course]]:
    """Return a course for each structure set that stands alone: in the frame of another course, it is of that one."""
    used = {c.structure_set.sop_instance_uid for _, _, c in found if c.structure_set}
    frames = {f for _, _, c in found for part in (c.structure_set,) if part for f in part.frame_of_reference_uids}
    frames |= {c.dose.frame_of_reference_uid for _, _, c in found if c.dose} - {""}
    alone = []
    for document in documents:
        if document.uid in used:
            continue
        course = _read(None, [], document, ledger)
        own = course[2].structure_set
        if own is not None and frames.intersection(own.frame_of_reference_uids):
            text = "Structures to which no plan or dose refers are taken to belong to the course in their frame"
            ledger.assume("prior", text, "Leave out structure sets that are not of the treated plan")
            continue
        alone.append(course)
    return alone


def _without_present_plan(headers: Sequence[DoseHeader], present: Stock, ledger: Ledger) -> list[DoseHeader]:
    """Leave out doses that hold the plan that is checked: what they hold of earlier courses cannot be told apart."""
    plans = {d.uid for d in present.of(Kind.PLAN, Kind.ION_PLAN)}
    kept = []
    for header in headers:
        if plans.isdisjoint(header.plan_uids):
            kept.append(header)
            continue
        why = "it is the sum of an earlier course and the plan that is checked"
        ledger.ignore(header.document.file, why)
        message = f"A dose given as an earlier course is not used: {why}; give the dose of the earlier course alone"
        ledger.notice("dose-holds-this-plan", message, header.document.uid, "blocking")
    return kept


def _drop_present(old: Stock, present: Stock, ledger: Ledger) -> None:
    """Leave out what belongs to the plan that is checked; plans and doses found in both places are told."""
    uids = {d.uid for d in present.documents}
    for document in old.documents:
        if document.uid not in uids:
            continue
        ledger.ignore(document.file, "it belongs to the plan that is checked, not to an earlier course")
        if document.kind in {Kind.PLAN, Kind.ION_PLAN, Kind.DOSE}:
            message = "An object of the plan that is checked was also given as an earlier course"
            ledger.notice("prior-is-present", message, document.uid, "blocking")
    old.documents = [d for d in old.documents if d.uid not in uids]


def _account(old: Stock, found: Sequence[tuple[str, str, Course]], ledger: Ledger) -> None:
    used = {c.structure_set.sop_instance_uid for _, _, c in found if c.structure_set}
    for document in old.of(Kind.STRUCTURES):
        if document.uid not in used:
            ledger.ignore(document.file, "no plan or dose of the earlier courses refers to this structure set")
    for one in old.slices:
        ledger.ignore(one.file, "it is not the planning CT of an earlier course")
    for document in old.of(Kind.PLAN, Kind.ION_PLAN, Kind.DOSE):
        ledger.ignore(document.file, "it could not be read as part of an earlier course")
