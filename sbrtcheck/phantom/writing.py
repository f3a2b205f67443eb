"""A phantom as a folder: ``plan/``, ``prior/`` where there was an earlier course, and ``declared.toml``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from sbrtcheck.dicom.write import (
    Header,
    Slices,
    derived_uid,
    write_ct,
    write_dose,
    write_plan,
    write_registration,
    write_structures,
)
from sbrtcheck.errors import OutputError
from sbrtcheck.model import FractionGroup, Plan, Prescription, Registration, Structure, StructureSet, frozen
from sbrtcheck.phantom import raster
from sbrtcheck.phantom.library import phantom
from sbrtcheck.phantom.solids import Solid
from sbrtcheck.phantom.spec import Course, Phantom, Scan, Target

_BEAMS: Final = 5
_COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "EXTERNAL": (160, 160, 160),
    "GTV": (220, 30, 30),
    "CTV": (255, 140, 0),
    "PTV": (40, 80, 240),
}


def write_phantom(case: str, folder: Path) -> None:
    """Write a synthetic patient into a new or empty folder, whole or not at all.

    Parameters
    ----------
    case : str
        One of ``cases()``.
    folder : Path
        Receives ``plan/`` (CT, RT Structure Set, RT Plan, RT Dose, Spatial Registration where the case has one),
        ``prior/`` (RT Structure Set, RT Plan and RT Dose of the earlier course, where the case has one) and
        ``declared.toml``. The same case always gives the same bytes.

    Raises
    ------
    UsageError
        If there is no such case.
    OutputError
        If the folder exists and is not empty, or cannot be written.
    """
    chosen = phantom(case)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError("the folder for the phantom is not empty", remedy="Name a new or an empty folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sbrtcheck-", dir=folder.parent) as aside:
            made = Path(aside) / "phantom"
            made.mkdir()
            _write(chosen, made)
            if folder.exists():
                folder.rmdir()
            shutil.move(made, folder)
    except OSError as problem:
        raise OutputError(f"the phantom could not be written ({problem.strerror})") from None


def _write(chosen: Phantom, folder: Path) -> None:
    plan = folder / "plan"
    plan.mkdir()
    frame = derived_uid(chosen.case, "frame")
    header = _header(chosen, chosen.course, "course", frame, chosen.scan)
    _write_course(plan, chosen, chosen.course, chosen.scan, header, "course")
    if chosen.prior:
        prior = folder / "prior"
        prior.mkdir()
        scan = chosen.prior.scan or chosen.scan
        prior_frame = frame if chosen.prior.scan is None else derived_uid(chosen.case, "prior frame")
        prior_header = _header(chosen, chosen.prior.course, "prior", prior_frame, scan)
        _write_course(prior, chosen, chosen.prior.course, scan, prior_header, "prior")
        if chosen.prior.scan is not None:
            _write_registration(plan / "REG.dcm", chosen, header, prior_frame, scan)
    (folder / "declared.toml").write_text(_toml(chosen.declared), encoding="utf-8", newline="\n")


def _header(chosen: Phantom, course: Course, name: str, frame_uid: str, scan: Scan) -> Header:
    return Header(
        patient_name=f"PHANTOM^{chosen.case.upper()}",
        patient_id=f"SBRTCHECK-{chosen.case.upper()}",
        birth_date=chosen.birth_date,
        study_instance_uid=derived_uid(chosen.case, name, "study"),
        date=course.date,
        frame_of_reference_uid=frame_uid,
        patient_position=scan.position,
    )


def _write_course(folder: Path, chosen: Phantom, course: Course, scan: Scan, header: Header, name: str) -> None:
    uids = {kind: derived_uid(chosen.case, name, kind) for kind in ("structures", "plan", "dose", "series")}
    current = name == "course"
    slices = _write_images(folder, chosen, scan, header, uids["series"]) if current else None
    structure_set, colours = _structures(chosen, course, scan, uids["structures"], with_organs=current)
    if chosen.has_structures or not current:
        write_structures(folder / "RTSTRUCT.dcm", header, structure_set, colours=colours, slices=slices)
    write_plan(folder / "RTPLAN.dcm", header, _plan(course, scan, structure_set, uids["plan"], header))
    if chosen.has_dose or not current:
        step_mm = scan.dose_mm if current else max(scan.dose_mm, raster.PRIOR_DOSE_MM)
        lattice = raster.dose_lattice(chosen.body, scan, step_mm)
        dose = raster.dose_on(course, lattice, scan)
        write_dose(
            folder / "RTDOSE.dcm",
            header,
            uids["dose"],
            dose,
            lattice,
            step_gy=raster.STEP_GY,
            plan_uid=uids["plan"],
        )


def _write_images(folder: Path, chosen: Phantom, scan: Scan, header: Header, series_uid: str) -> Slices:
    lattice = raster.image_lattice(chosen.body, scan)
    hu = raster.ct_numbers(chosen.body, chosen.course.targets, lattice, scan)
    images = folder / "CT"
    images.mkdir()
    return Slices(series_uid, write_ct(images, header, hu, lattice, series_uid), lattice)


def _structures(
    chosen: Phantom, course: Course, scan: Scan, uid: str, *, with_organs: bool
) -> tuple[StructureSet, dict[int, tuple[int, int, int]]]:
    drawn: list[tuple[str, str, tuple[Solid, ...], tuple[int, int, int]]] = [
        ("External", "EXTERNAL", (chosen.body.skin,), _COLOURS["EXTERNAL"])
    ]
    drawn += [(d.name, d.interpreted_type, (d.solid,), _COLOURS[d.interpreted_type]) for d in course.drawn()]
    if with_organs:
        organs = [o for o in chosen.body.organs if o.drawn and o.name not in chosen.not_drawn]
        drawn += [(o.name, o.interpreted_type, o.solids, o.colour) for o in organs]
    heights = raster.slice_heights(chosen.body)
    structures = tuple(
        Structure(number, name, kind, raster.contours(solids, heights, scan))
        for number, (name, kind, solids, _) in enumerate(drawn, start=1)
    )
    colours = {number: colour for number, (*_, colour) in enumerate(drawn, start=1)}
    return StructureSet(uid, course.label, structures), colours


def _plan(course: Course, scan: Scan, structure_set: StructureSet, uid: str, header: Header) -> Plan:
    numbers = [(s.roi_number, s.name) for s in structure_set.structures if s.interpreted_type == "PTV"]
    prescriptions = tuple(
        Prescription(course.prescribed_gy, course.fractions, number, name, "dose-reference") for number, name in numbers
    )
    per_beam_gy = course.prescribed_gy / course.fractions / _BEAMS
    beams = tuple((number, per_beam_gy) for number in range(1, _BEAMS + 1))
    return Plan(
        sop_instance_uid=uid,
        label=course.label,
        is_ion=False,
        prescriptions=prescriptions,
        fraction_groups=(FractionGroup(1, course.fractions, beams),),
        referenced_structure_set_uid=structure_set.sop_instance_uid,
        frame_of_reference_uid=header.frame_of_reference_uid,
        approval_status="APPROVED",
        isocentres_mm=(_isocentre(course.targets, scan),),
        date=course.date,
    )


def _isocentre(targets: tuple[Target, ...], scan: Scan) -> tuple[float, float, float]:
    """Return the middle of the target centres, in patient coordinates, to 0.01 mm."""
    middle = np.mean([target.centre_mm for target in targets], axis=0)
    x, y, z = np.round(scan.to_patient[:3, :3] @ middle + scan.to_patient[:3, 3], 2).tolist()
    return x, y, z


def _write_registration(path: Path, chosen: Phantom, header: Header, prior_frame: str, scan: Scan) -> None:
    # Upright phantom -> plan frame and upright phantom -> prior frame are known: the way back from prior to plan.
    matrix = chosen.scan.to_patient @ np.linalg.inv(scan.to_patient)
    uid = derived_uid(chosen.case, "registration")
    registration = Registration(uid, prior_frame, header.frame_of_reference_uid, frozen(matrix), "RIGID")
    write_registration(path, header, registration)


def _toml(facts: Mapping[str, bool | int | date]) -> str:
    lines = ['schema = "sbrtcheck-declared/1"', "", "[facts]  # what no plan file shows, from the investigator"]
    # In lower case the text of a truth value, a number or a date is that of TOML.
    return "\n".join([*lines, *(f"{key} = {str(value).lower()}" for key, value in facts.items()), ""])
