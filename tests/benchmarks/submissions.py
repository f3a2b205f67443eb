"""Write many submissions for the batch: 20 structures, 100 slices and a dose grid of 2.5 mm each.

``python tests/benchmarks/submissions.py OUT --plans 200`` writes OUT/centre-1/plan-00000 ... and the table of what must
come out, OUT.json. Dose and targets differ from plan to plan by its number; the CT is written once and linked. With
``--broken`` every twentieth submission is broken in one of ten ways. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from thirty_structures import _BODY_MM, SHAPES, Shape, lattice, loops

from sbrtcheck.dicom.write import Header, Slices, derived_uid, write_ct, write_dose, write_plan, write_structures
from sbrtcheck.model import FractionGroup, Plan, Prescription, Structure, StructureSet

SLICES, PIXELS, SLICE_MM, PIXEL_MM, DOSE_MM = 100, 512, 3.0, 1.0, 2.5
DOSE_BOX_MM = (320.0, 240.0, 240.0)
PRESCRIBED_GY, FRACTIONS = 45.0, 3
CENTRES = 5
_POINTS = 0.3  # of the large case: 60 to 300 points a contour, as planning systems write them
_LEFT_OUT = frozenset(
    ("Skin", "Chestwall", "Ribs", "Bowel_Bag", "Lungs", "Kidneys", "SpinalCanal", "V_CavaSup", "GTV_3", "PTV_3")
)


def write_submissions(root: Path, plans: int, *, broken: bool = False, first: int = 0) -> dict[str, str]:
    """Write submissions and return what must come out: name -> "" for a report, or the code of the error."""
    shared = root.parent / f"{root.name}-shared"
    frame, series = derived_uid("many", "frame"), derived_uid("many", "series")
    header = Header(
        "BENCHMARK^MANY", "SBRTCHECK-MANY", "19500101", derived_uid("many", "study"), "20260101", frame, "HFS"
    )
    middle = -PIXEL_MM * (PIXELS - 1) / 2
    heights = SLICE_MM * (np.arange(SLICES) - SLICES // 2)
    ct = lattice((PIXELS, PIXELS, SLICES), (PIXEL_MM, PIXEL_MM, SLICE_MM), (middle, middle, heights[0]))
    (shared / "CT").mkdir(parents=True, exist_ok=True)
    body = (ct.i_mm / _BODY_MM[0]) ** 2 + (ct.j_mm[:, None] / _BODY_MM[1]) ** 2 < 1.0
    hu = np.broadcast_to(np.where(body, np.float32(30), np.float32(-1000)), ct.shape)
    slices = Slices(series, write_ct(shared / "CT", header, hu, ct, series), ct)
    ways = list(BROKEN.items())
    expected = {}
    for number in range(first, first + plans):
        name = f"centre-{number % CENTRES + 1}/plan-{number:05d}"
        _write_one(root / name, number, header, slices, shared / "CT")
        expected[name] = ""
        if broken and number % 20 == 0:
            _, spoil = ways[number // 20 % len(ways)]
            renamed, code = spoil(root, name)
            del expected[name]
            expected[renamed] = code
    return expected


def _write_one(folder: Path, number: int, header: Header, slices: Slices, ct: Path) -> None:
    folder.mkdir(parents=True)
    for file in ct.iterdir():
        os.link(file, folder / file.name)
    rng = np.random.default_rng(number)
    shift = rng.uniform(-6, 6, 3)
    size = rng.uniform(0.7, 1.3)
    uids = {kind: derived_uid("many", str(number), kind) for kind in ("structures", "plan", "dose")}
    shapes = [_varied(s, shift, size) for s in SHAPES if s.name not in _LEFT_OUT]
    heights = slices.lattice.k_mm
    drawn = tuple(
        Structure(n, s.name, s.kind, tuple(loops(s, heights, _POINTS)), header.frame_of_reference_uid)
        for n, s in enumerate(shapes, 1)
    )
    colours = {s.roi_number: (37 * s.roi_number % 256, 91 * s.roi_number % 256, 160) for s in drawn}
    structure_set = StructureSet(uids["structures"], f"PLAN {number}", drawn)
    write_structures(folder / "RTSTRUCT.dcm", header, structure_set, colours=colours, slices=slices)
    write_plan(folder / "RTPLAN.dcm", header, _plan(drawn, uids, header.frame_of_reference_uid, number))
    counts = tuple(round(side / DOSE_MM) for side in DOSE_BOX_MM)
    grid = lattice(counts, (DOSE_MM,) * 3, tuple(-side / 2 for side in DOSE_BOX_MM))
    dose = 2.0 * np.exp(
        -((grid.i_mm / 150) ** 2) - (grid.j_mm[:, None] / 100) ** 2 - (grid.k_mm[:, None, None] / 120) ** 2
    )
    for shape in shapes:
        if shape.kind == "PTV":
            (a, b, c), (u, v, w) = shape.half, shape.centre
            x, y, z = grid.i_mm - u, grid.j_mm[:, None] - v, grid.k_mm[:, None, None] - w
            far = (x / (a + 4)) ** 2 + (y / (b + 4)) ** 2 + (z / (c + 4)) ** 2
            dose = dose + rng.uniform(1.1, 1.3) * PRESCRIBED_GY * np.exp(-0.5 * far * np.sqrt(far))
    write_dose(folder / "RTDOSE.dcm", header, uids["dose"], dose, grid, step_gy=1e-4, plan_uid=uids["plan"])


def _varied(shape: Shape, shift: np.ndarray[tuple[int], np.dtype[np.float64]], size: float) -> Shape:
    if shape.kind not in {"GTV", "PTV"}:
        return shape
    x, y, z = shape.centre
    return replace(shape, centre=(x + shift[0], y + shift[1], z + shift[2]), half=tuple(size * h for h in shape.half))


def _plan(drawn: tuple[Structure, ...], uids: dict[str, str], frame: str, number: int) -> Plan:
    targets = [s for s in drawn if s.interpreted_type == "PTV"]
    return Plan(
        sop_instance_uid=uids["plan"],
        label=f"SBRT {number}",
        is_ion=False,
        prescriptions=tuple(
            Prescription(PRESCRIBED_GY, FRACTIONS, s.roi_number, s.name, "dose-reference") for s in targets
        ),
        fraction_groups=(FractionGroup(1, FRACTIONS, ((1, PRESCRIBED_GY / FRACTIONS),)),),
        referenced_structure_set_uid=uids["structures"],
        frame_of_reference_uid=frame,
        approval_status="APPROVED",
        isocentres_mm=((0.0, 0.0, 0.0),),
        date="20260101",
    )


Spoil = Callable[[Path, str], tuple[str, str]]  # name under which it is found; code of the error


def _without(*names: str) -> Spoil:
    def spoil(root: Path, name: str) -> tuple[str, str]:
        for one in names:
            (root / name / one).unlink()
        return name, ""  # a report that says what is missing

    return spoil


def _cut(file: str, code: str) -> Spoil:
    def spoil(root: Path, name: str) -> tuple[str, str]:
        path = root / name / file
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return name, code

    return spoil


def _all_cut(root: Path, name: str) -> tuple[str, str]:
    for path in sorted((root / name).iterdir()):
        content = path.read_bytes()[:300]
        path.unlink()  # slices are links
        path.write_bytes(content)
    return name, "no-dicom"


def _not_dicom(root: Path, name: str) -> tuple[str, str]:
    shutil.rmtree(root / name)
    (root / name).mkdir()
    (root / name / "plan.pdf").write_bytes(b"%PDF-1.7")
    return name, "no-dicom"


def _damaged_archive(root: Path, name: str) -> tuple[str, str]:
    shutil.rmtree(root / name)
    (root / f"{name}.zip").write_bytes(b"PK\x03\x04 this is no archive")
    return f"{name}.zip", "unsafe-archive"


def _nested(root: Path, name: str) -> tuple[str, str]:
    with zipfile.ZipFile(root / "inner.zip", "w", zipfile.ZIP_DEFLATED) as into:
        for file in sorted((root / name).iterdir()):
            into.write(file, file.name)
    with zipfile.ZipFile(root / f"{name}.zip", "w") as into:
        into.write(root / "inner.zip", "inner.zip")
    (root / "inner.zip").unlink()
    shutil.rmtree(root / name)
    return f"{name}.zip!/inner.zip", ""  # opened all the same


def _two_patients(root: Path, name: str) -> tuple[str, str]:
    path = root / name / "RTSTRUCT.dcm"
    path.write_bytes(path.read_bytes().replace(b"SBRTCHECK-MANY", b"SBRTCHECK-MINE"))
    return name, "mixed-patients"


def _same_uid_twice(root: Path, name: str) -> tuple[str, str]:
    content = (root / name / "RTDOSE.dcm").read_bytes()
    (root / name / "RTDOSE-2.dcm").write_bytes(content[:-2] + b"\x01\x01")
    return name, "duplicate-instance"


BROKEN: dict[str, Spoil] = {
    "no plan": _without("RTPLAN.dcm"),
    "no dose": _without("RTDOSE.dcm"),
    "no structures": _without("RTSTRUCT.dcm"),
    "structures cut": _cut("RTSTRUCT.dcm", ""),  # a report with a blocking notice
    "all cut": _all_cut,
    "no DICOM": _not_dicom,
    "archive damaged": _damaged_archive,
    "archive in an archive": _nested,
    "two patients": _two_patients,
    "one UID twice": _same_uid_twice,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--broken", action="store_true", help="break every twentieth")
    given = parser.parse_args()
    expected = write_submissions(given.out, given.plans, broken=given.broken)
    Path(f"{given.out}.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    print(f"{len(expected)} submissions")


if __name__ == "__main__":
    main()
