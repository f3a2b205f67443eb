"""Write the case of the time bar for earlier courses: 30 structures and three earlier courses in frames of their own.

``python tests/benchmarks/three_courses.py OUT`` writes OUT/plan (without CT, contours of a fifth of the points of the
large case) and OUT/prior/1 to 3, each with plan and dose, turned and shifted, and the registrations that join them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from thirty_structures import DOSE_BOX_MM, FRACTIONS, PRESCRIBED_GY, dose_on, lattice, write_case

from sbrtcheck.dicom.write import Header, derived_uid, write_dose, write_plan, write_registration
from sbrtcheck.model import FractionGroup, Lattice, Plan, Prescription, Registration, frozen


def write_three(folder: Path, points: float = 0.2, dose_mm: float = 2.5) -> None:
    """Write the case."""
    write_case(folder / "plan", points=points, dose_mm=dose_mm, images=False)
    frame = derived_uid("thirty", "frame")
    counts = tuple(round(side / dose_mm) for side in DOSE_BOX_MM)
    upright = lattice(counts, (dose_mm,) * 3, tuple(-side / 2 + dose_mm / 2 for side in DOSE_BOX_MM))
    dose = dose_on(upright)
    for number in range(1, 4):
        own = derived_uid("thirty", "earlier", str(number))
        matrix = np.eye(4)
        if number > 1:
            matrix[:3, :3] = Rotation.from_euler("xyz", [3.0 * number, -2.0, 5.0], degrees=True).as_matrix()
        matrix[:3, 3] = (12.0 * number, -7.0, 20.0)
        uids = {kind: derived_uid("thirty", "earlier", str(number), kind) for kind in ("plan", "dose", "study", "reg")}
        head = Header("BENCHMARK^THIRTY", "SBRTCHECK-THIRTY", "19500101", uids["study"], f"202{number}0101", own, "HFS")
        place = folder / "prior" / str(number)
        place.mkdir(parents=True)
        beams = ((1, PRESCRIBED_GY / FRACTIONS),)
        plan = Plan(
            sop_instance_uid=uids["plan"],
            label=f"EARLIER {number}",
            is_ion=False,
            prescriptions=(Prescription(PRESCRIBED_GY, FRACTIONS, None, "", "dose-reference"),),
            fraction_groups=(FractionGroup(1, FRACTIONS, beams),),
            referenced_structure_set_uid=derived_uid("thirty", "structures", str(number)),
            frame_of_reference_uid=own,
            approval_status="APPROVED",
            isocentres_mm=((0.0, 0.0, 0.0),),
            date=f"202{number}0101",
        )
        write_plan(place / "RTPLAN.dcm", head, plan)
        grid = Lattice(upright.i_mm, upright.j_mm, upright.k_mm, frozen(np.eye(4)))
        write_dose(place / "RTDOSE.dcm", head, uids["dose"], dose, grid, step_gy=1e-4, plan_uid=uids["plan"])
        registration = Registration(uids["reg"], frame, own, frozen(matrix), "RIGID")
        write_registration(place / "REG.dcm", head, registration)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    write_three(parser.parse_args().out)


if __name__ == "__main__":
    main()
