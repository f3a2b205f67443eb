"""The planning CT as one volume that can be searched: coarse, upright, and only where its numbers can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.errors import NotComputable, UnreadableFile
from sbrtcheck.model import FloatArray, Image, IntArray, Lattice, frozen

# Choices of this program. Airways and bones that are looked for are several times as wide as this.
WANTED_STEP_MM = 2.0
# A slice much thicker than a main bronchus is wide cannot show it.
MOST_STEP_MM = 10.0
# Steps that differ by more than this share of the usual one are uneven; half again as wide is a missing slice.
_UNEVEN, _MISSING = 0.1, 1.5
# Axes of the slices may lean this far from those of the patient: a cross section is then at most 15 % longer.
_LEAST_COSINE = float(np.cos(np.radians(30.0)))
# What stored values are cut to: air with noise, and the top of a 12 bit scale.
HU_RANGE = (-1024, 3071)
# Air is -1000 HU and water 0 HU by definition. A CT of a patient holds both: shares of all voxels.
_AIR_BELOW_HU, _LEAST_AIR = -850, 0.002
_WATER_HU, _LEAST_WATER = (-200, 200), 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """HU of a planning CT on voxels of about 2 mm, or its own where those are larger.

    Attributes
    ----------
    hu : (K, J, I) int16, read-only
        Block means. k rises towards the head, j towards the back and i towards the left of the patient.
    lattice : Lattice
        Where they lie, evenly spaced.
    """

    hu: IntArray
    lattice: Lattice
    frame_of_reference_uid: str

    @property
    def steps_mm(self) -> tuple[float, float, float]:
        """Voxel size along k, j, i, mm."""
        i, j, k = self.lattice.spacing_mm
        return k, j, i

    @property
    def voxel_cm3(self) -> float:
        """Volume of a voxel, cm3."""
        return float(np.prod(self.steps_mm)) / 1000.0


def scan_of(image: Image) -> Scan:
    """Return a planning CT as a volume to be searched.

    Parameters
    ----------
    image : Image
        Slices in any orientation within 30 degrees of the patient's axes; they are decoded one by one.

    Returns
    -------
    Scan

    Raises
    ------
    NotComputable
        If slices are missing, uneven, unreadable, too far apart or oblique, or their values are not those of a CT of a
        patient in air.
    """
    where = image.series_instance_uid
    steps = tuple(_even_step(ticks, where) for ticks in (image.lattice.k_mm, image.lattice.j_mm, image.lattice.i_mm))
    blocks = [max(1, round(WANTED_STEP_MM / step)) for step in steps]
    blocks = [min(b, n) for b, n in zip(blocks, image.lattice.shape, strict=True)]
    hu = _block_means(image, blocks)
    ticks = [
        _block_centres(t, b)
        for t, b in zip((image.lattice.k_mm, image.lattice.j_mm, image.lattice.i_mm), blocks, strict=True)
    ]
    if min(hu.shape) < 2:
        raise NotComputable("the CT has too few voxels along an axis to be searched", where=where)
    _require_hu(hu, where)
    k, j, i = (frozen(t) for t in ticks)
    turned, lattice = _upright(hu, Lattice(i, j, k, image.lattice.to_patient), where)
    return Scan(frozen(turned, np.int16), lattice, image.frame_of_reference_uid)


def _even_step(ticks_mm: FloatArray, where: str) -> float:
    if len(ticks_mm) < 2:
        raise NotComputable("the CT has a single slice, row or column", where=where)
    steps = np.diff(ticks_mm)
    usual = float(np.median(steps))
    if steps.max() > _MISSING * usual:
        raise NotComputable(f"slices of the CT are missing: a step of {steps.max():.1f} mm", where=where)
    if np.ptp(steps) > _UNEVEN * usual:
        raise NotComputable(f"slices of the CT are uneven: {steps.min():.2f} to {steps.max():.2f} mm", where=where)
    if usual > MOST_STEP_MM:
        raise NotComputable(
            f"voxels of the CT are {usual:.1f} mm wide",
            remedy=f"Up to {MOST_STEP_MM:g} mm can be searched",
            where=where,
        )
    return usual


def _block_means(image: Image, blocks: list[int]) -> NDArray[np.int16]:
    """Return means over blocks of voxels (k, j, i); what is left over at the far ends is less than a block."""
    counts = [n // b for n, b in zip(image.lattice.shape, blocks, strict=True)]
    (bk, bj, bi), (nk, nj, ni) = blocks, counts
    volume = np.empty(counts, dtype=np.int16)
    for k in range(nk):
        total = np.zeros((nj, ni))
        for n in range(k * bk, (k + 1) * bk):
            pixels = np.clip(_slice(image, n)[: nj * bj, : ni * bi], *HU_RANGE)
            for j, i in product(range(bj), range(bi)):  # several times quicker than a sum along axes
                total += pixels[j::bj, i::bi]
        volume[k] = np.rint(total / (bk * bj * bi))
    return volume


def _slice(image: Image, k: int) -> FloatArray:
    where = image.sop_instance_uids[k] if k < len(image.sop_instance_uids) else image.series_instance_uid
    try:
        pixels = image.read_slice(k)
    except UnreadableFile as error:
        raise NotComputable(f"a slice of the CT cannot be read: {error.message}", where=where) from error
    if pixels.shape != image.lattice.shape[1:] or not np.isfinite(pixels).all():
        raise NotComputable("a slice of the CT has the wrong shape, or values that are no numbers", where=where)
    return pixels


def _block_centres(ticks_mm: FloatArray, block: int) -> FloatArray:
    count = len(ticks_mm) // block
    return np.asarray(ticks_mm[: count * block].reshape(count, block).mean(axis=1))


def _require_hu(hu: NDArray[np.int16], where: str) -> None:
    air = float(np.mean(hu < _AIR_BELOW_HU))
    water = float(np.mean((hu > _WATER_HU[0]) & (hu < _WATER_HU[1])))
    if air < _LEAST_AIR or water < _LEAST_WATER:
        missing = f"air (below {_AIR_BELOW_HU} HU)" if air < _LEAST_AIR else "soft tissue (about 0 HU)"
        raise NotComputable(f"the CT does not hold Hounsfield units of a patient: there is no {missing}", where=where)


def _upright(hu: NDArray[np.int16], lattice: Lattice, where: str) -> tuple[NDArray[np.int16], Lattice]:
    """Reorder the axes so that k, j, i rise towards the head, the back and the left."""
    axes = lattice.to_patient[:3, :3]
    ticks = (lattice.i_mm, lattice.j_mm, lattice.k_mm)
    order = max(permutations(range(3)), key=lambda p: sum(abs(float(axes[d, p[d]])) for d in range(3)))
    if min(abs(float(axes[d, order[d]])) for d in range(3)) < _LEAST_COSINE:
        raise NotComputable("the slices of the CT lean by more than 30 degrees from the patient's axes", where=where)
    signs = np.array([np.sign(axes[d, order[d]]) for d in range(3)])
    to_patient = np.eye(4)
    to_patient[:3, :3] = axes[:, order] * signs
    to_patient[:3, 3] = lattice.to_patient[:3, 3]
    x, y, z = (frozen(ticks[a] if s > 0 else -ticks[a][::-1]) for a, s in zip(order, signs, strict=True))
    # The volume has its axes as k, j, i: patient axis d is its axis 2 - order[d].
    turned = hu.transpose([2 - order[d] for d in (2, 1, 0)])
    flips = tuple(slice(None, None, int(signs[d])) for d in (2, 1, 0))
    return turned[flips], Lattice(x, y, z, frozen(to_patient))
