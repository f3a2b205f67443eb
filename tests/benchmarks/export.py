"""Write phantoms as the DICOM files that any program can read: CT, RT Structure Set, RT Plan and RT Dose.

``python tests/benchmarks/export.py OUT`` writes one folder per phantom, named by its id, so that another program, or a
planning system, can be tried on them; ``truth.json`` beside them holds what is true.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from accuracy import VOLUME, described
from cases import DEVELOPMENT, HELD_OUT, Phantom, phantoms

from sbrtcheck.dicom.write import Header, Slices, derived_uid, write_ct, write_dose, write_plan, write_structures
from sbrtcheck.model import Contour, FractionGroup, Lattice, Plan, Prescription, Structure, StructureSet, frozen

_STEP_GY = 1e-5
_DATE = "20260101"


def write_phantom(phantom: Phantom, folder: Path) -> None:
    """Write the files of one phantom into a new folder."""
    (folder / "CT").mkdir(parents=True)
    uids = {k: derived_uid("benchmark", phantom.id, k) for k in ("study", "frame", "series", "set", "plan", "dose")}
    header = Header(
        f"BENCHMARK^{phantom.id.upper()}", phantom.id, "19500101", uids["study"], _DATE, uids["frame"], "HFS"
    )
    ct = phantom.ct_lattice
    slices = Slices(uids["series"], write_ct(folder / "CT", header, np.zeros(ct.shape), ct, uids["series"]), ct)
    structure_set = StructureSet(uids["set"], phantom.id, (phantom.structure, _external(ct)))
    colours = {1: (220, 30, 30), 2: (160, 160, 160)}
    write_structures(folder / "RTSTRUCT.dcm", header, structure_set, colours=colours, slices=slices)
    write_plan(folder / "RTPLAN.dcm", header, _plan(phantom, uids))
    write_dose(
        folder / "RTDOSE.dcm",
        header,
        uids["dose"],
        phantom.dose_gy,
        phantom.lattice,
        step_gy=_STEP_GY,
        plan_uid=uids["plan"],
    )


def _external(ct: Lattice) -> Structure:
    """Return a body around the solid, as every plan has: some programs take their grid from all that is drawn."""
    (left, right), (front, back) = (ct.i_mm[[2, -3]], ct.j_mm[[2, -3]])
    corners = np.array([[left, front], [right, front], [right, back], [left, back]])
    loops = (np.column_stack([corners, np.full(4, z)]) for z in ct.k_mm)
    return Structure(2, "BODY", "EXTERNAL", tuple(Contour(frozen(loop), "CLOSED_PLANAR") for loop in loops))


def _plan(phantom: Phantom, uids: dict[str, str]) -> Plan:
    x, y, z = np.round(phantom.solid.centre_mm, 2).tolist()
    return Plan(
        sop_instance_uid=uids["plan"],
        label=phantom.id,
        is_ion=False,
        prescriptions=(Prescription(45.0, 3, 1, phantom.structure.name, "dose-reference"),),
        fraction_groups=(FractionGroup(1, 3, tuple((beam, 3.0) for beam in range(1, 6))),),
        referenced_structure_set_uid=uids["set"],
        frame_of_reference_uid=uids["frame"],
        isocentres_mm=((x, y, z),),
        date=_DATE,
    )


def write_all(out: Path, chosen: list[Phantom]) -> None:
    """Write phantoms into a new folder, with their truth beside them."""
    truths = {}
    for phantom in chosen:
        write_phantom(phantom, out / phantom.id)
        truths[phantom.id] = described(phantom) | {VOLUME: phantom.truth.volume_cm3, **phantom.truth.metrics}
    (out / "truth.json").write_text(json.dumps(truths, indent=1), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--split", choices=(DEVELOPMENT, HELD_OUT), action="append")
    parser.add_argument("--every", type=int, default=1, help="write only every n-th phantom")
    given = parser.parse_args()
    chosen = [p for split in given.split or (DEVELOPMENT, HELD_OUT) for p in phantoms(split)]
    write_all(given.out, chosen[:: given.every])


if __name__ == "__main__":
    main()
