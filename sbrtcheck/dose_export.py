"""Earlier doses on the grid of this plan, and their sums with it, as RT Dose objects that a viewer can show."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sbrtcheck.derived import Derived
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.write.dose import Derivation, write_derived_dose
from sbrtcheck.dose.accumulation import Accumulated
from sbrtcheck.dose.biology import Effect
from sbrtcheck.errors import NotComputable, OutputError, UsageError
from sbrtcheck.metrics import parse_metric
from sbrtcheck.metrics.biological import Biological
from sbrtcheck.model import DeformableRegistration, PriorCourse
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.protocol.loading import LoadedProtocol
from sbrtcheck.results import Notice

_LONGEST = 1024  # characters of a Derivation Description (PS3.6)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """One dose to be written: its file, what it is, and how it is computed (raises NotComputable)."""

    file: str
    what: str
    compute: Callable[[], tuple[Accumulated, Derivation]]


def require_outside(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a folder within the input: what is written there would be read as another dose of the plan.

    Raises
    ------
    UsageError
        If the folder is an input, or lies in one.
    """
    place = folder.resolve()
    for given in inputs:
        if place == given.resolve() or given.resolve() in place.parents:
            raise UsageError(
                "doses cannot be exported into the input, where they would be read as doses of the plan",
                remedy="Name a folder outside the input for --export-dose",
            )


def cumulative_effects(protocols: Sequence[LoadedProtocol]) -> tuple[Effect, ...]:
    """Return every effect, with its alpha/beta, in which rules of protocols measure a cumulative dose."""
    found = set()
    for rule in (rule for protocol in protocols for rule in protocol.file.rules):
        if rule.check == "dose-metric" and rule.parameters.get("dose") == "cumulative":
            metric = parse_metric(rule.parameters["metric"])
            if isinstance(metric, Biological):
                found.add(metric.effect)
    return tuple(sorted(found, key=lambda effect: (effect.quantity, effect.alpha_beta_gy)))


def export_doses(derived: Derived, effects: Sequence[Effect], plan: Node | None, folder: Path) -> tuple[Notice, ...]:
    """Write each earlier course on the grid of this plan, the physical sum of all, and their sums in some effects.

    Parameters
    ----------
    effects : sequence of Effect
        With the alpha/beta of each; none is taken without being asked for.
    plan : Node or None
        Data set of this plan, whose patient and study the doses belong to; without it nothing is exported.
    folder : Path
        Made if need be.

    Returns
    -------
    tuple of Notice
        What was written, by SOP instance UID, and what was not and why.

    Raises
    ------
    OutputError
        If the folder cannot be written to, or another file has the name of one of these doses. Then none is written.

    Notes
    -----
    Registrations are taken as exact and the best estimate is written: what is exported is to be shown, not judged. An
    RT Dose cannot say where a dose is not known. There it holds 0, and its derivation says so.
    """
    if plan is None or not derived.courses:
        why = "no earlier course was given" if plan is not None else "there is no plan that it could belong to"
        return (_said("dose-not-exported", f"No dose was exported: {why}"),)
    notices: list[Notice] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".sbrtcheck-") as temporary:
            written = []
            for wanted in _wanted(derived, effects):
                try:
                    total, derivation = wanted.compute()
                    uid = write_derived_dose(Path(temporary) / wanted.file, plan, total.best, derivation)
                except (NotComputable, ValueError) as reason:
                    message = f"{wanted.what} was not exported: {reason}"
                    notices.append(Notice(code="dose-not-exported", message=message))
                    continue
                written.append(wanted.file)
                message = f"{wanted.file}: {wanted.what} on the grid of this plan, to be shown, not judged"
                notices.append(_said("dose-exported", f"{message}{_unknown(total)}", uid))
            _publish(Path(temporary), folder, written)
    except OSError as error:
        raise OutputError(
            f"doses could not be exported ({error.strerror or type(error).__name__})",
            remedy="Name a folder that can be written to, with space left",
        ) from error
    if not effects:
        why = "no rule of the protocols measures a cumulative dose with an alpha/beta, and none is assumed"
        notices.append(_said("dose-not-exported", f"No sum in EQD2 was exported: {why}"))
    return tuple(notices)


def _said(code: str, message: str, uid: str = "") -> Notice:
    return Notice(code=code, message=message, where=uid, severity="info")


def _publish(temporary: Path, folder: Path, names: Sequence[str]) -> None:
    """Move finished files into a folder: all, or none where a file of another content has the name of one."""
    for name in names:
        there = folder / name
        if there.exists() and (there.is_symlink() or there.read_bytes() != (temporary / name).read_bytes()):
            raise OutputError(
                f"{name} exists already in the folder for doses, with another content",
                remedy="Name an empty folder for --export-dose",
            )
    moved = []
    try:
        for name in names:
            new = not (folder / name).exists()
            (temporary / name).replace(folder / name)
            moved += [folder / name] if new else []
    except OSError:
        for path in moved:
            path.unlink(missing_ok=True)
        raise


def _wanted(derived: Derived, effects: Sequence[Effect]) -> Iterator[_Wanted]:
    for number in range(1, len(derived.courses) + 1):
        name = derived.course_name(number)
        yield _Wanted(f"RD.earlier-{number}.dcm", f"physical dose of {name}", lambda n=number: _one_course(derived, n))  # type: ignore[misc]
    for effect in (None, *effects):
        file = "RD.sum.dcm" if effect is None else f"RD.sum-{effect.quantity}-{effect.alpha_beta_gy:g}.dcm"
        yield _Wanted(file, f"sum of {effect or 'physical dose'}", lambda e=effect: _sum(derived, e))  # type: ignore[misc]


def _one_course(derived: Derived, number: int) -> tuple[Accumulated, Derivation]:
    name = derived.course_name(number)
    total = derived.course_resampled(number)
    mapping = derived.course_mapping(number, derived.dose.frame_of_reference_uid)
    return total, Derivation(
        of="prior",
        label=f"Earlier course {number} on the grid of this plan",
        text=_text(f"physical dose of {name}", total, [mapping]),
        plans=_plans(derived.courses[number - 1], name),
        transform=_transform([mapping]),
        registrations=_registrations(derived, [mapping]),
    )


def _sum(derived: Derived, effect: Effect | None) -> tuple[Accumulated, Derivation]:
    fractions = _fractions(derived) if effect is not None else None
    total = derived.sums.as_mapped(effect, fractions)
    numbers = range(1, len(derived.courses) + 1)
    mappings = [derived.course_mapping(n, derived.dose.frame_of_reference_uid) for n in numbers]
    if derived.case.plan is None:
        raise NotComputable("there is no plan that the sum could refer to")
    plans = [(derived.case.plan.sop_instance_uid, derived.case.plan.is_ion)]
    plans += [p for n in numbers for p in _plans(derived.courses[n - 1], derived.course_name(n))]
    return total, Derivation(
        of="sum",
        label=f"Sum of {effect or 'physical dose'}: this plan, {len(derived.courses)} earlier",
        text=_text(total.text, total, mappings),
        plans=tuple(dict.fromkeys(plans)),
        transform=_transform(mappings),
        registrations=_registrations(derived, mappings),
    )


def _fractions(derived: Derived) -> int:
    """Return the number of fractions of this plan, the same for all its targets."""
    found = {derived.fractions(target.structure) for target in derived.targets}
    if len(found) != 1:
        raise NotComputable("the targets of this plan have no common number of fractions")
    return found.pop()


def _plans(course: PriorCourse, name: str) -> tuple[tuple[str, bool], ...]:
    """Return the plan of a course: its UID, and whether it is one of ions."""
    if course.plan is not None:
        return ((course.plan.sop_instance_uid, course.plan.is_ion),)
    uids = tuple(dict.fromkeys(course.dose.referenced_plan_uids)) if course.dose is not None else ()
    if not uids:
        raise NotComputable(f"neither a plan of {name} nor its UID is known, which an RT Dose has to refer to")
    return tuple((uid, False) for uid in uids)


def _transform(mappings: Sequence[Mapping]) -> Literal["NONE", "RIGID", "NON_RIGID"]:
    if all(mapping.is_rigid for mapping in mappings):
        return "RIGID" if any(mapping.registrations for mapping in mappings) else "NONE"
    return "NON_RIGID"


def _registrations(derived: Derived, mappings: Sequence[Mapping]) -> tuple[tuple[str, bool], ...]:
    deformable = {r.sop_instance_uid for r in derived.case.registrations if isinstance(r, DeformableRegistration)}
    uids = dict.fromkeys(uid for mapping in mappings for uid in mapping.registrations)
    return tuple((uid, uid in deformable) for uid in uids)


def _unknown(total: Accumulated) -> str:
    percent = total.unreached_percent
    return f"; unknown in {percent:.2g} % of the voxels, where it counts as 0" if percent > 0.0 else ""


def _text(what: str, total: Accumulated, mappings: Sequence[Mapping]) -> str:
    """Return what was done: what is not known first, because what is too long is cut."""
    used = "registrations taken as exact" if any(m.registrations for m in mappings) else "one frame of reference"
    text = f"Made to be shown, not to be judged: best estimate, {used}{_unknown(total)}; {what}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
