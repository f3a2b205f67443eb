"""The stages strung together: gather, derive, check, judge, report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from sbrtcheck import records
from sbrtcheck.derived import Derived
from sbrtcheck.dicom import load_case
from sbrtcheck.dicom.plan_header import plan_header
from sbrtcheck.dose_export import cumulative_effects, export_doses, require_outside
from sbrtcheck.errors import NotComputable, UsageError
from sbrtcheck.judge import bind, judge, roll_up
from sbrtcheck.metrics import Metric, parse_metric
from sbrtcheck.model import Case, Method, Structure
from sbrtcheck.naming.site import SiteFile, load_site
from sbrtcheck.picturing import course_pictures, pictured
from sbrtcheck.protocol.declared import Declared, load_declared
from sbrtcheck.protocol.loading import LoadedProtocol, load_protocols
from sbrtcheck.records.priors import cumulative_record, prior_course_records
from sbrtcheck.results import (
    InputRecord,
    InspectReport,
    Interval,
    MeasureReport,
    MethodRecord,
    NotComputableRecord,
    Notice,
    PlanReport,
    ProtocolRecord,
    SoftwareRecord,
    StructureMeasures,
)
from sbrtcheck.segmentation import Anatomy, load_anatomy

Step = Callable[[str], None]
Sources = Path | str | Sequence[Path | str]

_METHOD = Method()

DEFAULT_METRICS = ("D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]", "Min[Gy]", "Mean[Gy]", "Max[Gy]")


def check(
    sources: Sources,
    protocols: Sequence[str | Path] = (),
    *,
    prior: Sources = (),
    anatomy: Path | str | None = None,
    declared: Path | str | None = None,
    site: Path | str | None = None,
    plan_uid: str | None = None,
    export_dose: Path | str | None = None,
    progress: Step = lambda step: None,
) -> PlanReport:
    """Check one plan against protocols.

    Parameters
    ----------
    sources : path or sequence of paths
        A folder, a zip, or files.
    protocols : sequence of str or Path
        Library ids or TOML files.
    prior : path or sequence of paths
        Folders or zips of earlier courses.
    anatomy : path, optional
        Folder of segmentation masks (NIfTI, DICOM SEG, RT Structure Set): advice on what nobody drew.
    declared, site : path, optional
        TOML files of declared facts and of the clinic's names.
    plan_uid : str, optional
        SOP instance UID of the plan to take where there are several.
    export_dose : path, optional
        Folder outside the input for RT Dose objects: each earlier course on the grid of this plan, and their sums.
    progress : callable
        Called with the name of each step.

    Returns
    -------
    PlanReport
        Verdicts of the plan and of the declared section, and all that led to them.

    Raises
    ------
    SbrtcheckError
        If the input, a protocol, the site file or the declared facts cannot be used, or doses cannot be written.
    """
    if export_dose is not None:
        require_outside(Path(export_dose), (*_paths(sources), *_paths(prior)))
    loaded = load_protocols(protocols)
    bound = bind(loaded)
    facts = load_declared(Path(declared), loaded) if declared is not None else Declared()
    names = load_site(Path(site)) if site is not None else SiteFile()
    progress("Reading the files")
    reading = load_case(_paths(sources), prior=_paths(prior), plan_uid=plan_uid)
    masks = _masks(anatomy, reading.case)
    derived = Derived(replace(reading.case, advisory=masks.structures), names, places=facts.places)
    progress("Checking the rules")
    judged = judge(bound, derived, facts)
    odd = tuple(finding.notice for finding in derived.contour_findings)
    results = (*records.blocked((*reading.notices, *masks.notices, *odd)), *judged)
    tps = records.tps_comparisons(derived)
    notices = (*reading.notices, *masks.notices, *(() if loaded else (_NO_PROTOCOL,)))
    # Taken before anything is drawn: what is only pictured has nothing to say. A gap is both a notice and a finding.
    told = tuple(dict.fromkeys((*notices, *derived.notices, *odd)))
    assumed = (*reading.assumptions, *masks.assumptions, *derived.assumptions)
    courses = prior_course_records(derived, facts, _prior_isodose_percent(loaded))
    dvhs = records.dvh_curves(derived)
    progress("Drawing")
    results, pictures = pictured(results, derived)
    if export_dose is not None:
        progress("Exporting doses")
        told += _exported(derived, loaded, _paths(sources), _paths(prior), Path(export_dose))
    return PlanReport(
        verdict=roll_up(results, "plan"),
        declared_verdict=roll_up(results, "declared"),
        plan=records.plan_record(reading.case),
        protocols=tuple(_protocol_record(protocol) for protocol in loaded),
        software=_software(),
        lesions=records.lesion_records(derived),
        results=results,
        assumptions=assumed,
        notices=told,
        inputs=(*_text_inputs(declared=declared, site=site), *reading.inputs, *masks.inputs),
        structures=records.drawn_records(reading.case),
        dvhs=dvhs,
        pictures=(*pictures, *course_pictures(derived)),
        tps=tps,
        prior_courses=courses,
        cumulative=cumulative_record(derived, dvhs, _asked_cumulatively(loaded)),
    )


def measure(
    sources: Sources,
    *,
    rois: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    method: Method = _METHOD,
    site: Path | str | None = None,
    plan_uid: str | None = None,
    progress: Step = lambda step: None,
) -> MeasureReport:
    """Measure structures of one plan, without judgement.

    Parameters
    ----------
    sources, site, plan_uid, progress
        As for ``check``.
    rois : sequence of str
        Names or numbers of the ROIs to measure; empty means all.
    metrics : sequence of str, optional
        Expressions of the metric grammar; ``DEFAULT_METRICS`` where none is given.
    method : Method
        How shape and dose are read between what the files store.

    Raises
    ------
    UsageError
        If a ROI is not in the structure set.
    MetricSyntaxError
        If an expression cannot be read.
    SbrtcheckError
        If the input cannot be used.
    """
    parsed = {expression: parse_metric(expression) for expression in metrics or DEFAULT_METRICS}
    names = load_site(Path(site)) if site is not None else SiteFile()
    progress("Reading the files")
    reading = load_case(_paths(sources), plan_uid=plan_uid)
    derived = Derived(reading.case, names, method)
    chosen = _chosen(derived, rois)
    # Structures are measured side by side; each result depends on its own structure alone, never on the order.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        measured = []
        for found in threads.map(lambda structure: _measures(structure, parsed, derived), chosen):
            progress(f"Measured ROI {found.roi_number}")
            measured.append(found)
    return MeasureReport(
        software=_software(),
        method=MethodRecord(shape_model=method.shape, dose_interpolation=method.dose),
        plan=records.plan_record(reading.case),
        structures=tuple(measured),
        assumptions=(*reading.assumptions, *derived.assumptions),
        notices=(*reading.notices, *derived.notices),
        inputs=(*_text_inputs(site=site), *reading.inputs),
    )


def inspect(
    sources: Sources,
    *,
    prior: Sources = (),
    site: Path | str | None = None,
    plan_uid: str | None = None,
    progress: Step = lambda step: None,
) -> InspectReport:
    """Say what is in a submission, how it links and what is wrong with it; parameters and errors as for ``check``."""
    names = load_site(Path(site)) if site is not None else SiteFile()
    progress("Reading the files")
    reading = load_case(_paths(sources), prior=_paths(prior), plan_uid=plan_uid)
    derived = Derived(reading.case, names)
    case = reading.case
    return InspectReport(
        software=_software(),
        plan=records.plan_record(case),
        structures=records.structure_records(derived),
        dose=records.dose_record(case.dose),
        image=records.image_record(case.image),
        registrations=tuple(records.registration_text(r) for r in case.registrations),
        prior_courses=records.course_records(case),
        assumptions=(*reading.assumptions, *derived.assumptions),
        notices=(*reading.notices, *derived.notices),
        inputs=(*_text_inputs(site=site), *reading.inputs),
    )


_NO_PROTOCOL = Notice(
    code="no-protocol",
    message="no protocol was named, so nothing was judged; name one with -p (sbrtcheck protocol list)",
)


def _prior_isodose_percent(loaded: Sequence[LoadedProtocol]) -> float:
    """Return the earlier isodose that a rule looks at, so that nothing is searched twice."""
    rules = [rule for protocol in loaded for rule in protocol.file.rules if rule.check == "prior-radiotherapy"]
    return next((float(rule.parameters["treated_isodose_percent"]) for rule in rules), 50.0)


def _exported(
    derived: Derived, loaded: Sequence[LoadedProtocol], sources: Sequence[Path], prior: Sequence[Path], folder: Path
) -> tuple[Notice, ...]:
    plan = derived.case.plan
    header = plan_header(sources, plan.sop_instance_uid, prior) if plan is not None else None
    return export_doses(derived, cumulative_effects(loaded), header, folder)


def _asked_cumulatively(protocols: Sequence[LoadedProtocol]) -> frozenset[str]:
    """Return the organs of which a rule asks the cumulative dose."""
    parameters = (rule.parameters for loaded in protocols for rule in loaded.file.rules)
    return frozenset(name for p in parameters if p.get("dose") == "cumulative" for name in p.get("structures", ()))


def _masks(folder: Path | str | None, case: Case) -> Anatomy:
    if folder is None:
        return Anatomy((), (), (), ())
    frames = case.structure_set.frame_of_reference_uids if case.structure_set is not None else ()
    return load_anatomy(Path(folder), case.image, frames)


def _paths(sources: Sources) -> tuple[Path, ...]:
    if isinstance(sources, (str, Path)):
        return (Path(sources),)
    return tuple(Path(source) for source in sources)


def _protocol_record(protocol: LoadedProtocol) -> ProtocolRecord:
    file = protocol.file
    return ProtocolRecord(
        id=file.id,
        version=file.version,
        sha256=protocol.sha256,
        title=file.title,
        sources=tuple(f"{source.title} {source.url}".rstrip() for source in file.sources),
    )


def _software() -> SoftwareRecord:
    return SoftwareRecord(version=version("sbrtcheck"))


def _text_inputs(**files: Path | str | None) -> tuple[InputRecord, ...]:
    return tuple(
        InputRecord(
            sop_instance_uid="",
            modality=f"{kind} file",
            sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            used=True,
            why=f"given with --{kind}",
        )
        for kind, path in files.items()
        if path is not None
    )


def _chosen(derived: Derived, rois: Sequence[str]) -> tuple[Structure, ...]:
    if not rois:
        return derived.structures
    chosen: dict[int, Structure] = {}
    for roi in rois:
        found = [s for s in derived.structures if s.name == roi] or [
            s for s in derived.structures if str(s.roi_number) == roi
        ]
        if not found:
            listed = ", ".join(f"{s.roi_number} {s.name!r}" for s in derived.structures)
            raise UsageError(f"no ROI is named or numbered {roi!r}", remedy=f"The structure set holds {listed}")
        chosen |= {s.roi_number: s for s in found}
    return tuple(chosen[number] for number in sorted(chosen))


def _measures(structure: Structure, metrics: dict[str, Metric], derived: Derived) -> StructureMeasures:
    def attempt(compute: Callable[[], Interval]) -> Interval | NotComputableRecord:
        try:
            return compute()
        except NotComputable as reason:
            return NotComputableRecord(not_computable=str(reason))

    return StructureMeasures(
        roi_number=structure.roi_number,
        name=structure.name,
        volume_cc=attempt(lambda: derived.volume(structure)),
        longest_axial_diameter_mm=attempt(lambda: derived.longest_axial_diameter(structure).length),
        metrics={
            expression: attempt(lambda metric=metric: metric.compute(structure, derived))  # type: ignore[misc]
            for expression, metric in metrics.items()
        },
        tps=records.tps_beside(derived, structure),
    )
