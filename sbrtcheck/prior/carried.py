"""An earlier dose in the frame of this plan: its grid moved where the mapping is rigid, else resampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest, dvh_curves
from sbrtcheck.dose.sampling import DoseLayers, sample
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region
from sbrtcheck.model import Dose, FloatArray, Lattice, frozen
from sbrtcheck.prior.field import Field, Points
from sbrtcheck.prior.mapping import Mapping

# A rotation leaves lengths as they are to this share: 0.01 mm across a structure of 100 mm. Others are resampled.
_RIGID = 1e-4
# A resampled lattice reaches this many steps beyond the structure: what a cubic at its border needs, and caps.
_BESIDE_STEPS = 4
# The search looks at this many values of an earlier dose around a structure at most: 60 along each edge.
_FIELD_MOST = 216_000
# Interpolated between known and unknown points, this much of a point is known.
_KNOWN = 1.0 - 1e-6
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class CarriedDose:
    """An earlier dose in the frame of this plan.

    Attributes
    ----------
    best : Dose
        Best estimate.
    low, high : Dose or None
        Bounds of the interpolation in the earlier grid, where it had to be resampled.
    known : Dose or None
        Where it had to be resampled: 1 where the earlier grid and the mapping reach, 0 elsewhere. There ``low`` is 0,
        and the others go on with what is nearest.
    """

    best: Dose
    low: Dose | None = None
    high: Dose | None = None
    known: Dose | None = None

    @property
    def text(self) -> str:
        """How it was carried, for the reader."""
        if self.known is None:
            return "its grid is moved, not resampled"
        steps = sorted({round(s, 2) for s in self.best.lattice.spacing_mm})
        return f"it is resampled every {' and '.join(f'{s:g}' for s in steps)} mm, with the bounds of interpolation"


def carried(dose: Dose, mapping: Mapping, region: Region, reach_mm: float) -> CarriedDose:
    """Carry an earlier dose into the frame of this plan.

    Parameters
    ----------
    dose : Dose
        In its own frame.
    mapping : Mapping
        From the frame of this plan to that of the dose.
    region : Region
        Of this plan; a dose that must be resampled is resampled around it.
    reach_mm : float
        How far the structure may move.

    Raises
    ------
    NotComputable
        If the dose is not a volume, or has to be resampled and reaches no point around the structure.
    """
    if mapping.matrix is not None:
        moved = nearest_rigid(mapping.matrix, _middle(region))
        if moved is not None:
            return CarriedDose(moved_dose(dose, np.asarray(np.linalg.inv(moved))))
    return _resampled(dose, mapping, region, reach_mm)


def nearest_rigid(matrix: FloatArray, centre_mm: FloatArray) -> FloatArray | None:
    """Return the rigid matrix that does the same at a point as one that is rigid but for rounding; None for others."""
    if not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), rtol=0.0, atol=_RIGID):
        return None
    left, _, right = np.linalg.svd(matrix[:3, :3])
    rigid = np.eye(4)
    rigid[:3, :3] = left @ right
    rigid[:3, 3] = matrix[:3, :3] @ centre_mm + matrix[:3, 3] - rigid[:3, :3] @ centre_mm
    return rigid


def moved_dose(dose: Dose, motion: FloatArray) -> Dose:
    """Return a dose moved by a rigid matrix ``(4, 4)``: its voxels stay as they are."""
    return replace(dose, lattice=replace(dose.lattice, to_patient=frozen(motion @ dose.lattice.to_patient)))


def curves_at(carried_dose: CarriedDose, region: Region, motion: FloatArray, points: Points) -> DvhCurves:
    """Return the DVH of a structure that was moved in an earlier dose.

    Parameters
    ----------
    carried_dose : CarriedDose
    region : Region
        As planned.
    motion : (4, 4) float
        Rigid, LPS to LPS.
    points : Points
        Of the structure as planned: they tell how much of it a resampled dose does not reach.

    Raises
    ------
    NotComputable
        If the dose reaches nothing of the structure there.
    """
    back = np.asarray(np.linalg.inv(motion), dtype=np.float64)
    c = carried_dose
    best = dvh_curves(region, moved_dose(c.best, back))
    if c.low is None or c.high is None or c.known is None:
        return best
    cold, hot = dvh_curves(region, moved_dose(c.low, back)), dvh_curves(region, moved_dose(c.high, back))
    places = points.points_mm @ motion[:3, :3].T + motion[:3, 3]
    known = sample(c.known, places, "trilinear").dose_gy >= _KNOWN
    share = float(points.volume_mm3[~known].sum() / points.volume_mm3.sum())
    variants = (*best.variants, cold.best, *cold.variants, hot.best, *hot.variants)
    if share == 0.0:
        return replace(best, variants=variants)
    if not known.any():
        raise NotComputable("the earlier dose reaches nothing of the structure", where=region.where)
    doses = sample(c.best, places[known]).dose_gy
    inside = Dvh(doses, points.volume_mm3[known] / _MM3_PER_CM3)
    hotter = tuple(_with_unknown(dvh, share * dvh.total_cm3) for dvh in variants)
    return replace(best, best=inside, variants=(*variants, *hotter), outside_fraction=share)


def _with_unknown(dvh: Dvh, unknown_cm3: float) -> Dvh:
    """Return a curve in which the coldest part may have received any dose."""
    left_cm3 = dvh.total_cm3 - unknown_cm3
    kept = dvh.cumulated_cm3 < left_cm3
    cut_gy = dose_to_hottest(dvh, max(left_cm3, 0.0))
    rest_cm3 = left_cm3 - float(dvh.volume_cm3[kept].sum())
    return Dvh(
        np.concatenate([[np.inf], dvh.dose_gy[kept], [cut_gy]]),
        np.concatenate([[unknown_cm3], dvh.volume_cm3[kept], [rest_cm3]]),
    )


def field_of(carried_dose: CarriedDose, points: Points, reach_mm: float) -> Field:
    """Return the dose around a structure on even points, for the search; NaN where it is unknown.

    Parameters
    ----------
    carried_dose : CarriedDose
    points : Points
        Of the structure.
    reach_mm : float
        How far they may move.
    """
    lattice = carried_dose.best.lattice
    own = lattice.to_grid(points.points_mm)  # along the axes of the grid, so that the cubic is quick
    low, high = own.min(axis=0) - reach_mm, own.max(axis=0) + reach_mm
    # Half a voxel: straight lines between such points are near the cubic between voxels.
    step = max(0.5 * min(lattice.spacing_mm), float(np.cbrt(np.prod(high - low) / _FIELD_MOST)))
    i, j, k = (a - step + step * np.arange(int(np.ceil((b - a) / step)) + 3) for a, b in zip(low, high, strict=True))
    both, known = DoseLayers(carried_dose.best, lattice.to_patient, i, j, k).both(0, len(k))
    if carried_dose.known is not None:
        reached, _ = DoseLayers(carried_dose.known, lattice.to_patient, i, j, k).both(0, len(k))
        known &= reached[:, 0] >= _KNOWN
    to_index = np.diag([*[1.0 / step] * 3, 1.0])
    to_index[:3, 3] = [-i[0] / step, -j[0] / step, -k[0] / step]
    values = np.ascontiguousarray(np.where(known, both[:, 1], np.nan))
    return Field(values, to_index @ np.linalg.inv(lattice.to_patient), np.nan)


def _grid(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Return points of a lattice, x running fastest, ``(N, 3)``."""
    k, j, i = np.meshgrid(z, y, x, indexing="ij")
    return np.column_stack([i.ravel(), j.ravel(), k.ravel()])


def _middle(region: Region) -> FloatArray:
    """Return the middle of the box around the drawn outlines, LPS, mm, ``(3,)``."""
    middle: FloatArray = region.to_lps(_local_bounds(region, 0.0).mean(axis=0)[None])[0]
    return middle


def _local_bounds(region: Region, margin_mm: float) -> FloatArray:
    low_u, low_v, high_u, high_v = shapely.total_bounds(np.array(region.outlines))
    ends = np.array([[low_u, low_v, region.w_mm[0]], [high_u, high_v, region.w_mm[-1]]])
    return np.asarray(ends + np.array([[-margin_mm], [margin_mm]]))


def _resampled(dose: Dose, mapping: Mapping, region: Region, reach_mm: float) -> CarriedDose:
    step = min(dose.lattice.spacing_mm) / _stretch(mapping)
    step = min(step, region.step_mm) if region.step_mm else step
    # Caps reach up to a step of the planes beyond the drawn ones.
    box = _local_bounds(region, reach_mm + _BESIDE_STEPS * step + (region.step_mm or 0.0))
    u, v, w = (low + step * np.arange(int(np.ceil((high - low) / step)) + 1) for low, high in box.T)
    places = mapping.through(region.to_lps(_grid(u, v, w)))
    reached: NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=1))
    found = sample(dose, np.where(reached[:, None], places, 0.0))
    shape = len(w), len(v), len(u)
    known = (reached & found.inside).reshape(shape)
    if not known.any():
        raise NotComputable("the earlier dose reaches nothing around the structure", where=region.where)
    lattice = Lattice(frozen(u), frozen(v), frozen(w), region.to_patient)
    best, low, high = (_filled(values.reshape(shape), known) for values in (found.dose_gy, found.low_gy, found.high_gy))

    def on_lattice(values: FloatArray) -> Dose:
        return replace(dose, dose_gy=frozen(values, np.float32), lattice=lattice, quantisation_gy=0.0, tps_dvhs=())

    return CarriedDose(
        on_lattice(best),
        on_lattice(np.where(known, low, 0.0)),
        on_lattice(high),
        on_lattice(known.astype(np.float64)),
    )


def _stretch(mapping: Mapping) -> float:
    """Return how much longer a step may become in the earlier frame, at least 1; 1 where nobody can say."""
    return 1.0 if mapping.matrix is None else max(1.0, float(np.linalg.norm(mapping.matrix[:3, :3], 2)))


def _filled(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return values that go on with the nearest known one where they are unknown."""
    if known.all():
        return values
    from scipy.ndimage import distance_transform_edt  # a third of a second to import, and seldom needed

    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)])
