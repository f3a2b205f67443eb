"""Write the speed case: a large synthetic patient with 30 structures and about 1.25 million contour points.

``python tests/benchmarks/thirty_structures.py OUT`` writes a CT of 512 x 512 x 200 voxels at 3 mm, an RT Structure Set
(200 to 1000 points a contour, coordinates of two decimals as planning systems write them), an RT Plan and an RT Dose of
256 x 256 x 120 voxels at 2 mm. The same arguments give the same bytes. ``--points`` and ``--structures`` scale the case
for the cost curve; ``--dose-mm`` spaces the same dose box otherwise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sbrtcheck.dicom.write import Header, Slices, derived_uid, write_ct, write_dose, write_plan, write_structures
from sbrtcheck.model import Contour, FloatArray, FractionGroup, Lattice, Plan, Prescription, Structure, StructureSet
from sbrtcheck.model.arrays import frozen

SLICES, PIXELS, SLICE_MM, PIXEL_MM = 200, 512, 3.0, 1.0
DOSE_BOX_MM = (512.0, 512.0, 240.0)  # 256 x 256 x 120 voxels of 2 mm
PRESCRIBED_GY, FRACTIONS, BEAMS = 45.0, 3, 5
_STEP_GY = 1e-5
_BODY_MM = (190.0, 120.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """A lumpy ellipsoid or tube: name, type, centre, half axes, points a contour, lumps and what is cut out of it.

    ``blunt`` is the exponent of its profile along z: 2 is an ellipsoid, 8 nearly a tube. ``hole`` is the size of a
    second loop inside, as a share. ``twin`` is a copy shifted along x, as kidneys are.
    """

    name: str
    kind: str
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    points: int
    lumps: float = 0.05
    blunt: float = 2.0
    hole: float = 0.0
    twin: float = 0.0


SHAPES = (
    Shape("External", "EXTERNAL", (0, 0, 0), (*_BODY_MM, 297), 1000, 0.01, 12),
    Shape("Lung_L", "ORGAN", (85, 0, 20), (55, 80, 130), 800, 0.06, 3),
    Shape("Lung_R", "ORGAN", (-85, 0, 20), (58, 82, 135), 820, 0.06, 3),
    Shape("Lungs", "ORGAN", (-88, 2, 22), (56, 80, 120), 700, 0.05, 3, twin=176.0),
    Shape("Heart", "ORGAN", (25, -30, -20), (50, 42, 55), 620, 0.06),
    Shape("Liver", "ORGAN", (-60, -10, -75), (95, 75, 70), 900, 0.09),
    Shape("Spleen", "ORGAN", (100, 40, -80), (30, 40, 55), 480, 0.08),
    Shape("Stomach", "ORGAN", (55, -40, -80), (45, 40, 60), 560, 0.10),
    Shape("Kidney_L", "ORGAN", (65, 55, -105), (28, 26, 55), 420, 0.08),
    Shape("Kidney_R", "ORGAN", (-65, 55, -110), (28, 26, 55), 420, 0.08),
    Shape("Kidneys", "ORGAN", (-65, 55, -107), (27, 25, 54), 400, 0.06, twin=130.0),
    Shape("SpinalCord", "ORGAN", (0, 78, 0), (6, 5, 280), 200, 0.03, 30),
    Shape("SpinalCanal", "ORGAN", (0, 78, 0), (10, 9, 280), 300, 0.03, 30),
    Shape("Esophagus", "ORGAN", (5, 45, 20), (9, 8, 125), 300, 0.08, 20),
    Shape("Trachea", "ORGAN", (0, 30, 85), (10, 9, 62), 320, 0.04, 20),
    Shape("BronchialTree_Prox", "ORGAN", (0, 25, 25), (32, 12, 30), 640, 0.20, 3),
    Shape("Aorta", "ORGAN", (15, 55, 10), (14, 13, 140), 360, 0.05, 20),
    Shape("GreatVes", "ORGAN", (5, 5, 55), (38, 26, 40), 600, 0.12, 4),
    Shape("V_CavaSup", "ORGAN", (-25, 0, 55), (11, 10, 45), 340, 0.05, 12),
    Shape("Chestwall", "ORGAN", (0, 0, 15), (170, 105, 115), 1000, 0.02, 8, hole=0.88),
    Shape("Ribs", "ORGAN", (-140, 0, 10), (12, 70, 110), 600, 0.20, 6, twin=280.0),
    Shape("Skin", "ORGAN", (0, 0, 0), (190, 120, 180), 700, 0.01, 12, hole=0.97),
    Shape("Bowel_Bag", "ORGAN", (0, -35, -150), (120, 65, 75), 980, 0.12, 4),
    Shape("Duodenum", "ORGAN", (-15, -5, -100), (32, 22, 40), 500, 0.16, 3),
    Shape("GTV_1", "GTV", (-80, 10, 40), (13, 12, 14), 260, 0.08),
    Shape("PTV_1", "PTV", (-80, 10, 40), (18, 17, 19), 300, 0.06),
    Shape("GTV_2", "GTV", (75, -20, 10), (9, 8, 10), 220, 0.08),
    Shape("PTV_2", "PTV", (75, -20, 10), (14, 13, 15), 260, 0.06),
    Shape("GTV_3", "GTV", (-40, -15, -80), (17, 16, 18), 320, 0.08),
    Shape("PTV_3", "PTV", (-40, -15, -80), (22, 21, 23), 380, 0.06),
)


def loops(shape: Shape, heights_mm: FloatArray, points: float) -> list[Contour]:
    """Return the contours of a shape, on the heights where it has any extent."""
    rng = np.random.default_rng([ord(c) for c in shape.name])
    orders = np.arange(2, 7)
    strength = shape.lumps * rng.uniform(-1, 1, (2, 5)) / np.sqrt(orders)
    drift = rng.uniform(0.5, 1.5, (2, 5))
    contours = []
    for z in heights_mm:
        depth = abs(z - shape.centre[2]) / shape.half[2]
        size = max(1.0 - depth**shape.blunt, 0.0) ** (1.0 / shape.blunt)
        if size * min(shape.half[:2]) < 0.8:  # mm: what nobody would draw
            continue
        # Towards the ends a planning system stores fewer points: the outline is shorter.
        number = max(round(shape.points * points * (0.35 + 0.65 * size)), min(200, round(200 * points)), 8)
        angle = 2 * np.pi * np.arange(number) / number
        waves = orders[:, None] * angle + drift[:, :, None] * z / 40.0
        lumpy = 1.0 + (strength[0][:, None] * np.cos(waves[0]) + strength[1][:, None] * np.sin(waves[1])).sum(axis=0)
        outline = np.column_stack([np.cos(angle), np.sin(angle)]) * (size * lumpy)[:, None] * shape.half[:2]
        for shift in (0.0, shape.twin) if shape.twin else (0.0,):
            for scale in (1.0, shape.hole) if shape.hole else (1.0,):
                uv = np.round(outline * scale + [shape.centre[0] + shift, shape.centre[1]], 2)
                contours.append(Contour(frozen(np.column_stack([uv, np.full(number, z)])), "CLOSED_PLANAR"))
    return contours


def lattice(counts: tuple[int, int, int], step_mm: tuple[float, float, float], first: tuple[float, ...]) -> Lattice:
    """Return voxel centres from the first one on."""
    ticks = (frozen(f + s * np.arange(n)) for n, s, f in zip(counts, step_mm, first, strict=True))
    return Lattice(*ticks, frozen(np.eye(4)))


def dose_on(grid: Lattice) -> FloatArray:
    """Return a dose with a plateau over every PTV, a steep fall around it and a bath of a few Gy."""
    x, y, z = grid.i_mm, grid.j_mm[:, None], grid.k_mm[:, None, None]
    total = 3.0 * np.exp(-((x / 150) ** 2) - (y / 100) ** 2 - (z / 120) ** 2)
    for shape in SHAPES:
        if shape.kind == "PTV":
            (a, b, c), (u, v, w) = shape.half, shape.centre
            far = ((x - u) / (a + 4)) ** 2 + ((y - v) / (b + 4)) ** 2 + ((z - w) / (c + 4)) ** 2
            total = total + 1.25 * PRESCRIBED_GY * np.exp(-0.5 * far * np.sqrt(far))
    return np.asarray(total)


def write_case(
    folder: Path, *, points: float = 1.0, structures: int = 30, dose_mm: float = 2.0, images: bool = True
) -> int:
    """Write the case and return the number of contour points.

    Parameters
    ----------
    points : float
        Factor on the number of points of every contour.
    structures : int
        How many of the 30 structures, spread over the list.
    dose_mm : float
        Spacing of the dose in its box of 512 x 512 x 240 mm.
    images : bool
        Whether to write the 105 MB of CT.
    """
    folder.mkdir(parents=True)
    uids = {kind: derived_uid("thirty", kind) for kind in ("study", "frame", "series", "structures", "plan", "dose")}
    header = Header("BENCHMARK^THIRTY", "SBRTCHECK-THIRTY", "19500101", uids["study"], "20260101", uids["frame"], "HFS")
    middle = -PIXEL_MM * (PIXELS - 1) / 2
    heights = SLICE_MM * (np.arange(SLICES) - SLICES // 2)
    ct = lattice((PIXELS, PIXELS, SLICES), (PIXEL_MM, PIXEL_MM, SLICE_MM), (middle, middle, heights[0]))
    slices = None
    if images:
        body = (ct.i_mm / _BODY_MM[0]) ** 2 + (ct.j_mm[:, None] / _BODY_MM[1]) ** 2 < 1.0
        hu = np.broadcast_to(np.where(body, np.float32(30), np.float32(-1000)), ct.shape)
        (folder / "CT").mkdir()
        slices = Slices(uids["series"], write_ct(folder / "CT", header, hu, ct, uids["series"]), ct)
    chosen = [SHAPES[k] for k in np.linspace(0, len(SHAPES) - 1, structures).round().astype(int)]
    drawn = [
        Structure(n, s.name, s.kind, tuple(loops(s, heights, points)), uids["frame"]) for n, s in enumerate(chosen, 1)
    ]
    colours = {s.roi_number: (37 * s.roi_number % 256, 91 * s.roi_number % 256, 160) for s in drawn}
    structure_set = StructureSet(uids["structures"], "THIRTY", tuple(drawn))
    write_structures(folder / "RTSTRUCT.dcm", header, structure_set, colours=colours, slices=slices)
    write_plan(folder / "RTPLAN.dcm", header, _plan(drawn, uids))
    counts = tuple(round(side / dose_mm) for side in DOSE_BOX_MM)
    first = tuple(-side / 2 + dose_mm / 2 for side in DOSE_BOX_MM)
    grid = lattice(counts, (dose_mm,) * 3, first)
    write_dose(
        folder / "RTDOSE.dcm", header, uids["dose"], dose_on(grid), grid, step_gy=_STEP_GY, plan_uid=uids["plan"]
    )
    return sum(len(c.points_mm) for s in drawn for c in s.contours)


def _plan(drawn: list[Structure], uids: dict[str, str]) -> Plan:
    targets = [s for s in drawn if s.interpreted_type == "PTV"]
    beams = tuple((number, PRESCRIBED_GY / FRACTIONS / BEAMS) for number in range(1, BEAMS + 1))
    return Plan(
        sop_instance_uid=uids["plan"],
        label="THIRTY",
        is_ion=False,
        prescriptions=tuple(
            Prescription(PRESCRIBED_GY, FRACTIONS, s.roi_number, s.name, "dose-reference") for s in targets
        ),
        fraction_groups=(FractionGroup(1, FRACTIONS, beams),),
        referenced_structure_set_uid=uids["structures"],
        frame_of_reference_uid=uids["frame"],
        approval_status="APPROVED",
        isocentres_mm=((0.0, 0.0, 0.0),),
        date="20260101",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="new folder")
    parser.add_argument("--points", type=float, default=1.0, help="factor on the points of every contour")
    parser.add_argument("--structures", type=int, default=30)
    parser.add_argument("--dose-mm", type=float, default=2.0)
    parser.add_argument("--no-images", action="store_true", help="leave the CT out")
    given = parser.parse_args()
    number = write_case(
        given.out,
        points=given.points,
        structures=given.structures,
        dose_mm=given.dose_mm,
        images=not given.no_images,
    )
    print(f"{number} points")


if __name__ == "__main__":
    main()
