"""What the planning CT shows in and around a target: air-filled lung, and dense bone.

Advisory: it can raise an alarm, it never clears a lesion. Thresholds, distances and shapes are choices of this program;
air is -1000 HU and water 0 HU by the definition of the Hounsfield scale. Density alone cannot tell one bone from
another: only a slender, straight, cortical shaft is called one, and everything else that is dense stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.anatomy.scan import HU_RANGE, Scan
from sbrtcheck.anatomy.tubes import Tube, round_sections, tubes
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.masks import component_sizes, edge_error_mm, enclosed
from sbrtcheck.geometry.region import BRIDGE_STEPS, Region
from sbrtcheck.model import FloatArray
from sbrtcheck.remembered import remembered
from sbrtcheck.results import Interval

Mask = NDArray[np.bool_]

# Half way between air and water: lung lies below, the lesion in it above.
_HALF_HU = -500
# A piece of lung is larger than gas in the bowel usually is; its median is denser than pure gas or foam.
_LEAST_LUNG_CM3, _GAS_HU = 150.0, -960
# The foam of a couch is wide and flat: lungs are not this many times as wide as deep.
_COUCH_ASPECT = 3.0
# The shell around a target that speaks for its surroundings, and points this far apart in it.
SHELL_MM, _POINT_MM = 10.0, 2.0
# Most of the shell: in lung. Next to nothing: away from lung.
_MOST, _HARDLY = 0.5, 0.02

# Denser than soft tissue; spongy bone and contrast medium begin here.
_DENSE_HU = 200
# The denser quarter of a shaft is cortical bone; contrast medium in a vessel is less dense.
_CORTICAL_HU = 400
_METAL_HU = 3000
# "In or next to": bone this near counts.
NEAR_MM = 10.0
# From a fibula to a femur below the trochanters, cut at up to 60 degrees. What dense bone surrounds counts too, up to
# the width of a vertebra, so that its shell does not pass for a shaft.
_SHAFT_MM, _SHAFT_ASPECT, _HOLLOW_MM = (6.0, 40.0), 2.0, 60.0
# Shafts are looked for in voxels of at most this size: the whole scan at once, so that no crop straightens a rib.
_SHAFT_STEP_MM = 4.0
_LEAST_SHAFT_MM = 80.0
# Ribs bend with a radius of 0.1 to 0.2 m, the shafts of limbs with more than twice that.
_LEAST_BEND_MM = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Lung:
    """Air-filled lung of a scan: large connected air inside the body, with the airway that it hangs on."""

    inside: Mask  # (K, J, I)
    scan: Scan
    volume_cm3: float


@dataclass(frozen=True, slots=True, eq=False)
class Shafts:
    """Straight cortical shafts, as limbs have them.

    Attributes
    ----------
    points_mm : tuple of (N, 3) float
        Voxel centres of each, in the grid of the scan (x, y, z).
    edge_mm : float
        Half the diagonal of those voxels.
    """

    points_mm: tuple[FloatArray, ...]
    edge_mm: float


@dataclass(frozen=True, slots=True)
class LungEvidence:
    """How much of a target, and of the shell around it, is air-filled lung.

    Attributes
    ----------
    kind : str
        ``in-lung`` (most of the shell certainly is), ``no-lung`` (next to none of it can be), else ``beside-lung``.
    target, shell : Interval
        Shares; bounded by one voxel at the edge of the lung and by what the scan does not reach.
    """

    kind: Literal["in-lung", "beside-lung", "no-lung"]
    target: Interval
    shell: Interval
    text: str


@dataclass(frozen=True, slots=True)
class BoneEvidence:
    """Dense bone in or next to a target.

    Attributes
    ----------
    kind : str
        ``shaft`` (a slender straight cortical shaft: alarm), ``no-bone`` (nothing dense within 10 mm, all of which was
        scanned), else ``open``.
    bone_mm, shaft_mm : Interval or None
        Distance from the target to the nearest dense voxel within 10 mm, and to the nearest shaft in the scan; None
        where there is none.
    """

    kind: Literal["shaft", "open", "no-bone"]
    bone_mm: Interval | None
    shaft_mm: Interval | None
    text: str


def find_lung(scan: Scan) -> Lung:
    """Return the air-filled lung of a scan.

    Raises
    ------
    NotComputable
        If no lung is seen.
    """
    from scipy import ndimage

    labels = np.empty(scan.hu.shape, dtype=np.int32)
    count = ndimage.label(enclosed(scan.hu < _HALF_HU), output=labels)
    cells = component_sizes(labels, count)
    kept = np.zeros(count + 1, dtype=bool)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if cells[number] * scan.voxel_cm3 >= _LEAST_LUNG_CM3:
            deep, wide = ((s.stop - s.start) * step for s, step in zip(box[1:], scan.steps_mm[1:], strict=True))
            median = float(np.median(scan.hu[box][labels[box] == number]))
            kept[number] = median > _GAS_HU and wide < _COUCH_ASPECT * deep
    if not kept.any():
        raise NotComputable("no air-filled lung is seen in the CT")
    return Lung(kept[labels], scan, float(cells[kept].sum()) * scan.voxel_cm3)


def lung_evidence(region: Region, role: str, lung: Lung) -> LungEvidence:
    """Return how much of a target and of the 10 mm around it is air-filled lung.

    Parameters
    ----------
    region : Region
        One connected target.
    role : str
        Its role, as the text calls it.
    lung : Lung

    Raises
    ------
    NotComputable
        If the scan does not reach the target.
    """
    around = _around(region, lung.scan, SHELL_MM)
    target = _share(around, around.distance_mm == 0.0, lung)
    shell = _share(around, around.distance_mm > 0.0, lung)
    kind: Literal["in-lung", "beside-lung", "no-lung"] = "beside-lung"
    if shell.low >= _MOST:
        kind = "in-lung"
    elif max(shell.high, target.high) <= _HARDLY:
        kind = "no-lung"
    text = (
        f"on CT {_percent(shell)} of the {SHELL_MM:g} mm around the {role} and {_percent(target)} of the {role} itself "
        f"are air-filled lung{around.remark}"
    )
    return LungEvidence(kind, target, shell, text)


@remembered(1)  # the same for every lesion of a case
def find_shafts(scan: Scan) -> Shafts:
    """Return the straight cortical shafts of a scan."""
    hu, ticks = _coarse(scan)
    if min(hu.shape) < 2:
        return Shafts((), 0.0)
    found = (points for axis in range(3) for points in _shafts_along(axis, hu, ticks))
    return Shafts(tuple(found), 0.5 * float(np.linalg.norm([t[1] - t[0] for t in ticks])))


def bone_evidence(region: Region, role: str, scan: Scan) -> BoneEvidence:
    """Return whether dense bone, or a shaft as limbs have it, lies in or next to a target.

    Parameters
    ----------
    region : Region
        One connected target.
    role : str
        Its role, as the text calls it.
    scan : Scan

    Raises
    ------
    NotComputable
        If the scan does not reach the target.
    """
    shafts = find_shafts(scan)
    around = _around(region, scan, NEAR_MM)
    error_mm = edge_error_mm(scan.lattice) + 0.5 * _POINT_MM
    dense = around.of(scan.hu > _DENSE_HU)
    bone = _within_error(float(around.distance_mm[dense].min()), error_mm) if dense.any() else None
    nearest = min((_distance_mm(around, points) for points in shafts.points_mm), default=None)
    # Centres of voxels lie half a voxel inside, and the edge of a voxel half a voxel off the true one.
    shaft = None if nearest is None else _within_error(nearest, 2.0 * shafts.edge_mm + 0.5 * _POINT_MM)
    metal = bool(around.of(scan.hu >= min(_METAL_HU, HU_RANGE[1])).any())
    what = f"{around.remark}{'; metal near it disturbs the CT' if metal else ''}"
    far = "" if shaft is None else f"; the nearest straight cortical shaft is {_length(shaft)} away"
    if shaft is not None and shaft.low <= NEAR_MM:
        text = f"on CT a straight cortical shaft as of a limb lies {_place(shaft)} the {role}{what}"
        return BoneEvidence("shaft", bone, shaft, text)
    if bone is not None:
        text = (
            f"on CT something as dense as bone (above {_DENSE_HU} HU) lies {_place(bone)} the {role}{far}; which bone, "
            f"or whether contrast medium or calcification, density does not tell{what}"
        )
        return BoneEvidence("open", bone, shaft, text)
    kind: Literal["open", "no-bone"] = "open" if around.beyond.any() or metal else "no-bone"
    text = f"on CT nothing as dense as bone (above {_DENSE_HU} HU) lies within {NEAR_MM:g} mm of the {role}{far}{what}"
    return BoneEvidence(kind, None, shaft, text)


@dataclass(frozen=True, slots=True, eq=False)
class _Around:
    """Points in and around a target, and the voxels that they lie in.

    Attributes
    ----------
    grid_mm : (N, 3) float
        In the grid of the scan.
    distance_mm : (N,) float
        From the target; 0 inside.
    voxel : (N, 3) int
        k, j, i; the nearest voxel for points beyond the scan.
    beyond : (N,) bool
        Not scanned.
    """

    grid_mm: FloatArray
    distance_mm: FloatArray
    voxel: NDArray[np.intp]
    beyond: Mask

    def of(self, mask: Mask) -> Mask:
        """Return which points lie in a mask of the scan."""
        k, j, i = self.voxel.T
        return np.asarray(mask[k, j, i] & ~self.beyond)

    @property
    def remark(self) -> str:
        """What is said of the ends of the scan."""
        return "; the scan does not reach all of it" if self.beyond.any() else ""


def _around(region: Region, scan: Scan, reach_mm: float) -> _Around:
    """Return points in a target and within ``reach_mm`` of it."""
    from scipy import ndimage

    step_mm = region.step_mm if region.step_mm is not None else scan.steps_mm[0]
    bounds = shapely.total_bounds(np.array(region.outlines))
    low = [*bounds[:2], region.w_mm[0] - 0.5 * step_mm]
    high = [*bounds[2:], region.w_mm[-1] + 0.5 * step_mm]
    u, v, w = (_ticks(a - reach_mm, b + reach_mm) for a, b in zip(low, high, strict=True))
    inside = _inside(region, u, v, w, step_mm)
    if not inside.any():
        raise NotComputable("the target is too thin to be placed on the CT", where=region.where)
    distance = ndimage.distance_transform_edt(~inside, sampling=_POINT_MM)
    within = distance <= reach_mm
    k, j, i = np.nonzero(within)
    points = region.to_lps(np.column_stack([u[i], v[j], w[k]]))
    grid = scan.lattice.to_grid(points)
    voxel, beyond = np.empty((len(grid), 3), dtype=np.intp), np.zeros(len(grid), dtype=bool)
    ticks = (scan.lattice.i_mm, scan.lattice.j_mm, scan.lattice.k_mm)
    for axis, (t, step) in enumerate(zip(ticks, scan.lattice.spacing_mm, strict=True)):
        at = np.rint((grid[:, axis] - t[0]) / step).astype(np.intp)
        beyond |= (at < 0) | (at >= len(t))
        voxel[:, 2 - axis] = np.clip(at, 0, len(t) - 1)
    distances = distance[within]
    if beyond[distances == 0.0].all():
        raise NotComputable("the CT does not reach the target", where=region.where)
    return _Around(grid, distances, voxel, beyond)


def _ticks(low_mm: float, high_mm: float) -> FloatArray:
    count = int(np.ceil((high_mm - low_mm) / _POINT_MM)) + 1
    return np.asarray(0.5 * (low_mm + high_mm) + _POINT_MM * (np.arange(count) - 0.5 * (count - 1)))


def _inside(region: Region, u: FloatArray, v: FloatArray, w: FloatArray, step_mm: float) -> Mask:
    """Return which points ``(W, V, U)`` lie in the outline of the nearest plane."""
    inside = np.zeros((len(w), len(v), len(u)), dtype=bool)
    uu, vv = np.meshgrid(u, v)
    for n, height in enumerate(w.tolist()):
        plane = int(np.argmin(np.abs(region.w_mm - height)))
        ends = region.w_mm[0] - 0.5 * step_mm <= height <= region.w_mm[-1] + 0.5 * step_mm
        if ends and abs(region.w_mm[plane] - height) <= 0.5 * BRIDGE_STEPS * step_mm:
            inside[n] = shapely.contains_xy(region.outlines[plane], uu, vv)
    return inside


def _share(around: _Around, chosen: Mask, lung: Lung) -> Interval:
    """Return which share of the chosen points is lung, to a voxel at its edge; what is not scanned may be either."""
    from scipy import ndimage

    low = np.maximum(around.voxel.min(axis=0) - 2, 0)
    box = tuple(slice(a, b) for a, b in zip(low, around.voxel.max(axis=0) + 3, strict=True))
    near = lung.inside[box]
    at = tuple((around.voxel[chosen] - low).T)
    scanned = ~around.beyond[chosen]
    shares = [
        float(np.mean(mask[at] & scanned))
        for mask in (ndimage.binary_erosion(near, border_value=1), near, ndimage.binary_dilation(near))
    ]
    return Interval(shares[1], shares[0], min(1.0, shares[2] + float(np.mean(~scanned))))


def _shafts_along(axis: int, hu: NDArray[np.int16], ticks: tuple[FloatArray, ...]) -> list[FloatArray]:
    """Return the shafts that run along one axis (0, 1, 2: k, j, i), give or take 60 degrees, as points (x, y, z)."""
    order = (axis, *(a for a in range(3) if a != axis))
    turned = np.ascontiguousarray(hu.transpose(order))
    k, j, i = (float(ticks[a][1] - ticks[a][0]) for a in order)
    dense = turned > _DENSE_HU
    filled = dense | round_sections(~dense, (k, j, i), (0.0, _HOLLOW_MM), np.inf)
    found = []
    for tube in tubes(filled, (k, j, i), _SHAFT_MM, _SHAFT_ASPECT, _LEAST_SHAFT_MM):
        inside = turned[tube.box][tube.inside & dense[tube.box]]
        if np.percentile(inside, 75.0) >= _CORTICAL_HU and _bend_mm(tube, (k, j, i)) >= _LEAST_BEND_MM:
            at = np.column_stack(np.nonzero(tube.inside)) + [s.start for s in tube.box]
            centres = {a: ticks[a][at[:, n]] for n, a in enumerate(order)}
            found.append(np.column_stack([centres[2], centres[1], centres[0]]))
    return found


def _coarse(scan: Scan) -> tuple[NDArray[np.int16], tuple[FloatArray, ...]]:
    """Return block means of a scan in voxels of up to 4 mm, and the ticks of k, j, i."""
    blocks = [max(1, int(_SHAFT_STEP_MM / step)) for step in scan.steps_mm]
    counts = [n // b for n, b in zip(scan.hu.shape, blocks, strict=True)]
    (nk, nj, ni), (bk, bj, bi) = counts, blocks
    cut = scan.hu[: nk * bk, : nj * bj, : ni * bi].reshape(nk, bk, nj, bj, ni, bi)
    ticks = (scan.lattice.k_mm, scan.lattice.j_mm, scan.lattice.i_mm)
    middles = (t[: n * b].reshape(n, b).mean(axis=1) for t, n, b in zip(ticks, counts, blocks, strict=True))
    return cut.mean(axis=(1, 3, 5), dtype=np.float32).astype(np.int16), tuple(middles)


def _bend_mm(tube: Tube, steps_mm: tuple[float, float, float]) -> float:
    """Return the radius of curvature of a tube's axis, mm, from a parabola through the centres of its sections."""
    centres = tube.centres_mm(steps_mm)
    arms = centres - centres.mean(axis=0)
    _, _, axes = np.linalg.svd(arms, full_matrices=False)
    curves = np.polynomial.polynomial.polyfit(arms @ axes[0], arms @ axes[1:].T, 2)
    bend = 2.0 * float(np.linalg.norm(curves[2]))
    return np.inf if bend == 0.0 else 1.0 / bend


def _distance_mm(around: _Around, points_mm: FloatArray) -> float:
    """Return the distance from the target to the nearest of some points, in the grid of the scan."""
    from scipy.spatial import cKDTree

    inside = around.grid_mm[around.distance_mm == 0.0]
    return float(np.min(cKDTree(points_mm).query(inside)[0]))


def _within_error(value_mm: float, error_mm: float) -> Interval:
    return Interval(value_mm, max(0.0, value_mm - error_mm), value_mm + error_mm)


def _place(distance: Interval) -> str:
    return "in or next to" if distance.low == 0.0 else f"{_length(distance)} from"


def _length(distance: Interval) -> str:
    return f"{distance.value:.0f} mm ({distance.low:.0f} to {distance.high:.0f} mm)"


def _percent(share: Interval) -> str:
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f} %)"
