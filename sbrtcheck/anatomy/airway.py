"""Trachea and main bronchi from the planning CT, where nobody has drawn them.

The air of the trachea is followed downwards by region growing. The threshold rises while the volume stays that of an
airway; a sudden gain is a leak into the lung (explosion control), and two steps before it hold. Where the tree parts
into two branches that both go on is the carina. What is found is advisory: it can raise an alarm, it never clears a
lesion.

Thresholds and sizes are choices of this program, wide enough for adults: tracheal diameters are 10 to 27 mm [1]_, the
trachea holds 25 to 36 cm3 [2]_, air is -1000 HU and water 0 HU by the definition of the Hounsfield scale.

References
----------
.. [1] Breatnach et al., AJR 142 (1984) 903-906, normal limits of coronal and sagittal diameters.
.. [2] Kamel et al., Clin Anat 22 (2009) 571-579, means of women and men by CT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbrtcheck.anatomy.scan import Scan
from sbrtcheck.anatomy.tubes import Box, Tube, tubes
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.masks import edge_error_mm, enclosed, structure_of_mask
from sbrtcheck.model import FloatArray, Lattice, Structure, frozen

Mask = NDArray[np.bool_]

# Half way between air and water: the edge of a lumen in soft tissue.
_HALF_HU = -500
# Air is looked for at these levels in turn; a trachea that touches the lung at one is apart from it at the next.
_SEED_HU = (_HALF_HU, -700, -850)
# The published limits, and a voxel of 2 to 5 mm more or less.
_TRACHEA_MM, _TRACHEA_ASPECT = (7.0, 32.0), 2.5
_LEAST_SEED_MM, _MOST_SEEDS = 20.0, 6
# Searched beside and below the seed: a trachea and a main bronchus are together no longer than 20 cm.
_BESIDE_MM, _BELOW_MM = 110.0, 200.0
# Steps of the threshold, from the level of the lumen to the half way level.
_STEP_HU = 25
# More is no airway down to the lobes, and more at a single step is a leak: both main bronchi hold less than 20 cm3.
_MOST_CM3, _MOST_GAIN_CM3 = 150.0, 25.0
# A tree that grew by less is the same tree.
_GREW = 1.02
# A branch shorter than this is noise or a bud; bronchi are kept to this distance from the carina.
_LEAST_BRANCH_MM, _KEPT_MM = 15.0, 60.0
# The middle of the one lies this much, of their distance, to the side of the other.
_LEAST_SIDEWAYS = 0.5
# Lung is expected on both sides of the carina: at least this area within this distance, half of it denser than the gas
# in a bowel.
_LUNG_WITHIN_MM, _LEAST_LUNG_MM2, _GAS_HU = 150.0, 1500.0, -960


@dataclass(frozen=True, slots=True, eq=False)
class Airway:
    """Trachea and main bronchi found in a CT.

    Attributes
    ----------
    trachea, left, right : (K, J, I) bool, read-only
        Lumen on ``lattice``: trachea above the carina, and what hangs on the left and the right main bronchus within
        60 mm of it; sides are those of the patient.
    lattice : Lattice
    carina_mm : (3,) float
        Where the two main bronchi part, LPS, mm.
    edge_mm : float
        How far the true edge of the lumen may lie from that of the masks, mm.
    reach_mm : (float, float)
        How far the left and the right bronchus were followed from the carina, mm.
    limits : tuple of str
        What the reader must know of what was found, as sentences without full stops.
    """

    trachea: Mask
    left: Mask
    right: Mask
    lattice: Lattice
    carina_mm: FloatArray
    edge_mm: float
    reach_mm: tuple[float, float]
    limits: tuple[str, ...]
    frame_of_reference_uid: str

    def structures(self, first_number: int) -> tuple[Structure, Structure, Structure]:
        """Return trachea, left and right main bronchus as structures numbered downwards from ``first_number``."""
        named = (("Trachea", self.trachea), ("Bronchus_Main_L", self.left), ("Bronchus_Main_R", self.right))
        trachea, left, right = (
            structure_of_mask(mask, self.lattice, first_number - n, f"{name} (from CT)", self.frame_of_reference_uid)
            for n, (name, mask) in enumerate(named)
        )
        return trachea, left, right


def find_airway(scan: Scan) -> Airway:
    """Return trachea and main bronchi of a planning CT.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    Airway

    Raises
    ------
    NotComputable
        If no trachea is found, its air cannot be told from that of the lung, it does not part into two main bronchi, or
        what was found is implausible.
    """
    reasons: list[str] = []
    tried: list[Tube] = []
    for level in _SEED_HU:
        air = scan.hu < level
        found = tubes(air, scan.steps_mm, _TRACHEA_MM, _TRACHEA_ASPECT, _LEAST_SEED_MM, off_the_border=True)
        for seed in found:
            if len(tried) == _MOST_SEEDS or any(_same_place(seed, other) for other in tried):
                continue
            tried.append(seed)
            try:
                return _airway_from(scan, seed)
            except NotComputable as error:
                reasons.append(error.message)
    reason = reasons[0] if reasons else "no round column of air as wide as a trachea"
    raise NotComputable(f"the airway was not found in the CT: {reason}")


def _same_place(seed: Tube, other: Tube) -> bool:
    """Whether a column of air fills the slices of one tried before: the same at another level."""
    return all(b.start - 1 <= a.start and a.stop <= b.stop + 1 for a, b in zip(seed.box, other.box, strict=True))


def _airway_from(scan: Scan, seed: Tube) -> Airway:
    """Return the airway that begins with a column of air; raises NotComputable where it is none."""
    crop = _around(scan, seed)
    reasons = []
    for tree in reversed(_trees(scan, seed, crop)):
        box = tuple(slice(int(a.min()), int(a.max()) + 1) for a in np.nonzero(tree))
        k, j, i = (slice(c.start + b.start, c.start + b.stop) for c, b in zip(crop, box, strict=True))
        try:
            return _parted(scan, (k, j, i), tree[box])
        except NotComputable as error:
            reasons.append(error.message)
    raise NotComputable(reasons[0] if reasons else "its air cannot be told from that of the lung")


def _around(scan: Scan, seed: Tube) -> Box:
    (k, j, i), (dk, dj, di) = seed.box, scan.steps_mm
    beside_j, beside_i = round(_BESIDE_MM / dj), round(_BESIDE_MM / di)
    return (
        slice(max(0, k.start - round(_BELOW_MM / dk)), k.stop),
        slice(max(0, j.start - beside_j), min(scan.hu.shape[1], j.stop + beside_j)),
        slice(max(0, i.start - beside_i), min(scan.hu.shape[2], i.stop + beside_i)),
    )


def _trees(scan: Scan, seed: Tube, crop: Box) -> list[Mask]:
    """Return what is connected with the seed below rising thresholds, as long as it is no leak."""
    from scipy import ndimage

    hu = scan.hu[crop]
    start = np.zeros(hu.shape, dtype=bool)
    start[tuple(slice(s.start - c.start, s.stop - c.start) for s, c in zip(seed.box, crop, strict=True))] = seed.inside
    # The lower quarter, since voxels at the wall hold tissue too.
    lumen = int(np.percentile(hu[start], 25.0))
    found: list[tuple[int, Mask]] = []
    before_cm3 = np.inf
    for level in range(lumen + _STEP_HU, _HALF_HU + 1, _STEP_HU):
        labels, count = ndimage.label(hu < level)
        seeds = np.bincount(labels[start], minlength=count + 1)
        seeds[0] = 0
        tree = labels == int(np.argmax(seeds))
        volume_cm3 = float(tree.sum()) * scan.voxel_cm3
        if volume_cm3 > _MOST_CM3 or volume_cm3 - before_cm3 > _MOST_GAIN_CM3:
            # The step before may have begun to leak: one more is the margin.
            return [tree for below, tree in found if below < level - _STEP_HU]
        if not found or volume_cm3 > _GREW * before_cm3:
            found.append((level, tree))
        before_cm3 = volume_cm3
    return [tree for _, tree in found]


def _parted(scan: Scan, crop: Box, tree: Mask) -> Airway:
    """Return the parts of a tree; raises NotComputable where it does not part as an airway does."""
    lattice = _cropped(scan.lattice, crop)
    trachea, at, daughters = _carina(tree, lattice, ends="at the lower end of the scan" if crop[0].start == 0 else "")
    carina_mm = _points(np.logical_or(*daughters) & _slice_only(tree, at), lattice).mean(axis=0)
    carina_grid = lattice.to_grid(carina_mm[None])[0]
    branches = sorted(daughters, key=lambda mask: float(_points(mask, lattice)[:, 0].mean()))
    near = _within(lattice, carina_grid, _KEPT_MM)
    right, left = (_largest(mask & near) for mask in branches)
    _require_plausible(scan, crop, at, trachea, (left, right), carina_grid)
    reach = tuple(float(np.linalg.norm(_points(m, lattice) - carina_mm, axis=1).max()) for m in (left, right))
    edge_mm = 2.0 * edge_error_mm(lattice)
    return Airway(
        trachea=frozen(trachea, np.bool_),
        left=frozen(left, np.bool_),
        right=frozen(right, np.bool_),
        lattice=lattice,
        carina_mm=frozen(carina_mm),
        edge_mm=edge_mm,
        reach_mm=(reach[0], reach[1]),
        limits=tuple(_limits(scan, crop, (trachea, left, right), (reach[0], reach[1]), edge_mm)),
        frame_of_reference_uid=scan.frame_of_reference_uid,
    )


def _carina(tree: Mask, lattice: Lattice, ends: str) -> tuple[Mask, int, tuple[Mask, Mask]]:
    """Follow a tree from its top to where it parts; ``ends`` says why its lowest slice is the last.

    Returns
    -------
    trachea : (K, J, I) bool
        What lies above.
    at : int
        The first slice below.
    daughters : (left or right, the other)
        What hangs on either branch.
    """
    from scipy import ndimage

    trachea = np.zeros_like(tree)
    top = int(np.flatnonzero(tree.any(axis=(1, 2)))[-1])
    trachea[top] = _largest(tree[top])
    for k in range(top - 1, -1, -1):
        below, count = ndimage.label(tree[k])
        touched = np.unique(below[trachea[k + 1] & (below > 0)])
        if len(touched) == 0:
            break
        sections = [below == number for number in touched.tolist()]
        if count > 1 and len(sections) > 1:
            daughters = _daughters(tree, trachea, k, sections, lattice)
            if len(daughters) >= 2:
                return trachea, k, (daughters[0], daughters[1])
        trachea[k] = np.logical_or.reduce(sections)
    if not trachea[0].any() or not ends:
        ends = "without parting into two main bronchi"
    raise NotComputable(f"the column of air ends {ends}")


def _daughters(tree: Mask, trachea: Mask, k: int, sections: list[Mask], lattice: Lattice) -> list[Mask]:
    """Return what hangs on each section of a slice, largest first, where it is separate and long enough."""
    from scipy import ndimage

    # With the branches that rise again beside the trachea, unless they join both sides.
    for rest in (tree & ~trachea, tree & (np.arange(len(tree)) <= k)[:, None, None]):
        labels, _ = ndimage.label(rest)
        owners = {int(labels[k][section].max()) for section in sections}
        if len(owners) > 1:
            break
    centre = _points(_on_slice(tree, k, np.logical_or.reduce(sections)), lattice).mean(axis=0)
    found = [labels == owner for owner in sorted(owners)]
    reach = [float(np.linalg.norm(_points(mask, lattice) - centre, axis=1).max()) for mask in found]
    kept = [mask for mask, far in zip(found, reach, strict=True) if far >= _LEAST_BRANCH_MM]
    return sorted(kept, key=lambda mask: -int(mask.sum()))


def _require_plausible(
    scan: Scan, crop: Box, at: int, trachea: Mask, branches: tuple[Mask, Mask], carina_grid: FloatArray
) -> None:
    """Raise NotComputable where trachea, branches and their surroundings are not those of an airway."""
    steps = scan.steps_mm
    wide = _radius_mm(trachea, steps)
    for side, branch in zip(("left", "right"), branches, strict=True):
        if _radius_mm(branch, steps) > wide + max(steps):
            raise NotComputable(f"the {side} branch is wider than the column of air above it")
    lattice = _cropped(scan.lattice, crop)
    left, right = (_points(branch, lattice).mean(axis=0) for branch in branches)
    if left[0] - right[0] < _LEAST_SIDEWAYS * np.linalg.norm(left - right):
        raise NotComputable("the two branches do not part to the left and the right")
    k = at + crop[0].start
    window = slice(max(0, k - round(10.0 / steps[0])), k + round(10.0 / steps[0]) + 1)
    hu = scan.hu[window]
    air = enclosed(hu < _HALF_HU)
    away_mm = scan.lattice.i_mm - carina_grid[0]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        beyond = (sign * away_mm > 0.0) & (np.abs(away_mm) < _LUNG_WITHIN_MM)
        held = hu[air & beyond]
        if held.size * steps[1] * steps[2] / len(hu) < _LEAST_LUNG_MM2 or float(np.median(held)) <= _GAS_HU:
            raise NotComputable(f"there is no lung on the {side} of where the column of air parts")


def _limits(
    scan: Scan, crop: Box, parts: tuple[Mask, Mask, Mask], reach_mm: tuple[float, float], edge_mm: float
) -> Iterator[str]:
    trachea, left, right = parts
    yield f"the lumen was followed {reach_mm[0]:.0f} mm (left) and {reach_mm[1]:.0f} mm (right) from the carina"
    yield f"its edge is known to {edge_mm:.1f} mm; walls and smaller branches are not in it"
    if crop[0].stop == scan.hu.shape[0] and trachea[-1].any():
        yield "the trachea goes on above the scan"
    if crop[0].start == 0 and (left[0].any() or right[0].any()):
        yield "the bronchi go on below the scan"


def _cropped(lattice: Lattice, crop: Box) -> Lattice:
    k, j, i = crop
    return Lattice(lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k], lattice.to_patient)


def _points(mask: Mask, lattice: Lattice) -> FloatArray:
    """Return the centres of the voxels of a mask, ``(N, 3)``, LPS, mm."""
    k, j, i = np.nonzero(mask)
    return lattice.to_lps(np.column_stack([lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k]]))


def _on_slice(like: Mask, k: int, section: Mask) -> Mask:
    whole = np.zeros_like(like)
    whole[k] = section
    return whole


def _slice_only(like: Mask, k: int) -> Mask:
    return _on_slice(like, k, np.ones(like.shape[1:], dtype=bool))


def _within(lattice: Lattice, grid_mm: FloatArray, radius_mm: float) -> Mask:
    x, y, z = (ticks - at for ticks, at in zip((lattice.i_mm, lattice.j_mm, lattice.k_mm), grid_mm, strict=True))
    return np.asarray(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius_mm**2)


def _largest(mask: Mask) -> Mask:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    cells = np.bincount(labels.ravel(), minlength=count + 1)
    cells[0] = 0
    return np.asarray(labels == int(np.argmax(cells)))


def _radius_mm(mask: Mask, steps_mm: tuple[float, float, float]) -> float:
    """Return the radius of the largest ball inside a mask, to a voxel."""
    from scipy import ndimage

    return float(ndimage.distance_transform_edt(mask, sampling=steps_mm).max())
