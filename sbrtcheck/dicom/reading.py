"""From files to one case: what is there, how it links, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sbrtcheck.dicom.age import patient_age_years
from sbrtcheck.dicom.course import read_course
from sbrtcheck.dicom.courses import read_courses
from sbrtcheck.dicom.deformable import read_deformable
from sbrtcheck.dicom.document import Document, Kind
from sbrtcheck.dicom.dose import DoseHeader
from sbrtcheck.dicom.inventory import Progress, Stock, check_one_patient, drop_strangers, rt_documents, take_stock
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.linking import (
    choose_image,
    choose_plan,
    choose_structures,
    doses_of_plan,
    read_headers,
    read_plans,
)
from sbrtcheck.dicom.registration import read_registrations
from sbrtcheck.dicom.sources import find_files
from sbrtcheck.errors import InputError, NoDicomFound
from sbrtcheck.model import AnyRegistration, Case
from sbrtcheck.results import Assumption, InputRecord, Notice


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A case, and the account of how it was read.

    Attributes
    ----------
    inputs : tuple of InputRecord
        Every file, exactly once: used, ignored with a reason, or unreadable with a reason.
    notices : tuple of Notice
        The gravest first. A ``blocking`` one means that something needed is missing, contradictory or unreadable, so
        that no verdict built on this case may be a pass.
    """

    case: Case
    inputs: tuple[InputRecord, ...]
    assumptions: tuple[Assumption, ...]
    notices: tuple[Notice, ...]


def load_case(
    sources: Sequence[Path],
    *,
    prior: Sequence[Path] = (),
    plan_uid: str | None = None,
    progress: Progress | None = None,
) -> Reading:
    """Read one submission.

    Parameters
    ----------
    sources : sequence of Path
        Folders of any layout, zip archives or files. Files below a folder called ``priors`` count as earlier courses.
    prior : sequence of Path
        The same, of earlier courses of radiotherapy.
    plan_uid : str, optional
        SOP instance UID of the plan to check, where there are several.
    progress : callable, optional
        Called as ``progress(done, total)`` while files are read.

    Returns
    -------
    Reading
        Neither the order nor the names of the files change anything in it.

    Raises
    ------
    NoDicomFound
        If no file is readable as DICOM.
    AmbiguousCase, MixedPatients, DuplicateInstance, UnsafeArchive, UsageError
        As their names say; the message lists what to choose from.
    """
    ledger = Ledger()
    stock, old, prior_given = _gather(sources, prior, ledger, progress or (lambda done, total: None))
    patient = rt_documents(stock)
    check_one_patient(stock, ledger)
    check_one_patient(old, ledger, patient)
    drop_strangers(stock, patient, ledger)
    drop_strangers(old, patient or rt_documents(old), ledger)
    case = _read_case(stock, old, plan_uid, ledger)
    case = replace(case, priors=read_courses(old, stock, ledger), prior_given=prior_given)
    return Reading(case, ledger.inputs, ledger.assumptions, ledger.notices)


def _gather(
    sources: Sequence[Path], prior: Sequence[Path], ledger: Ledger, progress: Progress
) -> tuple[Stock, Stock, bool]:
    """Return the objects of the plan, those of earlier courses, and whether any file was given as such."""
    files = find_files(sources, without=prior) + find_files(prior, is_prior=True)
    own = [(n, f) for n, f in enumerate(files) if not f.is_prior]
    earlier = [(n, f) for n, f in enumerate(files) if f.is_prior]
    stock = take_stock(own, ledger, lambda done: progress(done, len(files)))
    old = take_stock(earlier, ledger, lambda done: progress(len(own) + done, len(files)))
    if not stock.dicom_files or (prior and not old.dicom_files):
        what = "the earlier courses" if stock.dicom_files else "the input"
        reasons = sorted({record.why for record in ledger.inputs if not record.used})[:3]
        found = f" ({'; '.join(reasons)})" if reasons else ""
        raise NoDicomFound(f"no file of {what} is readable as DICOM{found}", remedy="Give the folder of the export")
    if earlier and not prior:
        ledger.assume("prior", "Files below a folder called priors are taken as earlier courses", "Move them elsewhere")
    return stock, old, bool(prior or earlier)


def _read_case(stock: Stock, old: Stock, plan_uid: str | None, ledger: Ledger) -> Case:
    plan = choose_plan(read_plans(stock, ledger), plan_uid, ledger)
    headers = read_headers(stock, ledger)
    document, contradicted = choose_structures(stock, plan, headers, ledger)
    own = doses_of_plan(headers, plan, ledger)
    course = read_course(plan, own, document, ledger, contradicted=contradicted)
    image = choose_image(stock.slices, course, ledger)
    case = Case(
        plan=course.plan,
        structure_set=course.structure_set,
        dose=course.dose,
        image=image,
        registrations=_registrations(stock, old, ledger),
        patient_age_years=patient_age_years(stock, course.plan, ledger),
    )
    _tell_missing(case, ledger)
    case = replace(case, summed_with=_summed_with(headers, stock, old, ledger))
    for rest in stock.documents:
        ledger.ignore(rest.file, "nothing that is checked refers to it")
    return case


def _registrations(stock: Stock, old: Stock, ledger: Ledger) -> tuple[AnyRegistration, ...]:
    frame_of_image = {s.file.sop_instance_uid: s.frame_of_reference_uid for s in (*stock.slices, *old.slices)}
    readers: tuple[tuple[Kind, Callable[[Document, Mapping[str, str]], tuple[AnyRegistration, ...]], str], ...] = (
        (Kind.REGISTRATION, read_registrations, "registration"),
        (Kind.DEFORMABLE, read_deformable, "deformable registration"),
    )
    found: dict[str, tuple[AnyRegistration, ...]] = {}
    for kind, read, why in readers:
        for document in (*stock.of(kind), *old.of(kind)):
            try:
                found[document.uid] = read(document, frame_of_image)
            except InputError as problem:
                ledger.refuse(document.file, problem, "warning")
                continue
            ledger.use(document.file, why)
    return tuple(one for uid in sorted(found) for one in found[uid])


def _summed_with(headers: Sequence[DoseHeader], stock: Stock, old: Stock, ledger: Ledger) -> tuple[str, ...]:
    """Tell of doses that hold other plans besides this one, and return the UIDs of plans in them that are not here.

    Such a dose is never taken as the dose of the plan.
    """
    present = {d.uid for d in stock.of(Kind.PLAN, Kind.ION_PLAN)}
    earlier = {d.uid for d in old.of(Kind.PLAN, Kind.ION_PLAN)}
    others: set[str] = set()
    for header in headers:
        if len(header.plan_uids) > 1 or header.summation == "MULTI_PLAN":
            which = "an earlier course" if earlier.intersection(header.plan_uids) else "several plans"
            message = f"A dose beside the plan holds {which}; it is no earlier course by itself and is not added"
            ledger.notice("dose-holds-earlier-course", message, header.document.uid)
            others |= set(header.plan_uids) - present - earlier
    return tuple(sorted(others))


def _tell_missing(case: Case, ledger: Ledger) -> None:
    for part, code, what in (
        (case.plan, "no-plan", "RT Plan"),
        (case.structure_set, "no-structures", "RT Structure Set"),
        (case.dose, "no-dose", "RT Dose"),
    ):
        if part is None:
            ledger.notice(code, f"No usable {what} of this plan is in the input", severity="blocking")
    if case.image is None:
        ledger.notice("no-ct", "No usable planning CT is in the input")
