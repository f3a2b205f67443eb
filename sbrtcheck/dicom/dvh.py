"""DVH Sequence of RT Dose: the planning system's own histograms, as cumulative curves in Gy and cm3 (PS3.3 C.8.8.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.quirks import all_quirks
from sbrtcheck.dicom.quirks.percent_dvh_statistics import maximum_fits
from sbrtcheck.errors import UnreadableFile
from sbrtcheck.model import FloatArray, TpsDvh, frozen

_REMAINDER: Final = 1e-6  # of the volume: what rounding leaves below zero or against the fall of a curve


def read_dvhs(document: Document, prescribed_gy: Sequence[float], ledger: Ledger) -> tuple[TpsDvh, ...]:
    """Return the usable DVHs of a dose object, by ROI number; each one left out leaves a notice.

    Parameters
    ----------
    prescribed_gy : sequence of float
        Prescriptions of the plan, for statistics stored as percentages of one.
    """
    found: dict[int, TpsDvh] = {}
    for item in _items(document, ledger):
        try:
            dvh = _read(item)
        except UnreadableFile as problem:
            ledger.notice("tps-dvh-skipped", f"A stored DVH is not used: {problem.message}", document.uid, "info")
            continue
        if dvh.roi_number in found:
            ledger.notice(
                "tps-dvh-skipped", f"ROI {dvh.roi_number} has two stored DVHs; one is used", document.uid, "info"
            )
        else:
            found[dvh.roi_number] = dvh
    dvhs = tuple(found[number] for number in sorted(found))
    return _with_sound_statistics(dvhs, prescribed_gy, document, ledger)


def _items(document: Document, ledger: Ledger) -> tuple[Node, ...]:
    try:
        return document.root.items("DVHSequence")
    except UnreadableFile as problem:
        ledger.notice("tps-dvh-skipped", f"The stored DVHs are not used: {problem.message}", document.uid, "info")
        return ()


def _read(item: Node) -> TpsDvh:
    rois = item.items("DVHReferencedROISequence")
    number = rois[0].integer("ReferencedROINumber") if len(rois) == 1 else None
    if number is None or rois[0].code("DVHROIContributionType") == "EXCLUDED":
        raise UnreadableFile("it does not belong to exactly one included ROI")
    if item.code("DoseUnits") != "GY" or item.code("DVHVolumeUnits") != "CM3":
        raise UnreadableFile(f"the DVH of ROI {number} is not in GY and CM3")
    scaling = item.number("DVHDoseScaling")
    data = item.numbers("DVHData")
    bins = item.integer("DVHNumberOfBins")
    if scaling is None or scaling <= 0 or data is None or bins is None or len(data) != 2 * bins:
        raise UnreadableFile(f"the DVH of ROI {number} has a wrong number of bins or no scaling")
    dose_gy, volume_cm3 = _cumulative(data[::2] * scaling, data[1::2], item.code("DVHType"), number)
    return TpsDvh(
        number,
        frozen(dose_gy),
        frozen(volume_cm3),
        item.number("DVHMinimumDose"),
        item.number("DVHMeanDose"),
        item.number("DVHMaximumDose"),
    )


def _cumulative(width_gy: FloatArray, stored: FloatArray, kind: str, number: int) -> tuple[FloatArray, FloatArray]:
    """Return rising dose edges and the volume receiving at least each, the last one at zero volume.

    A cumulative value is the volume at the lower edge of its bin, so the first one is the whole volume.
    """
    edges_gy = np.concatenate([[0.0], np.cumsum(width_gy)])
    total = float(stored.sum()) if kind == "DIFFERENTIAL" else float(stored[0])
    if kind not in {"DIFFERENTIAL", "CUMULATIVE"} or total <= 0 or not (width_gy > 0).all():
        raise UnreadableFile(f"the DVH of ROI {number} holds no volume or bins without width")
    if kind == "DIFFERENTIAL":
        volume = np.concatenate([np.cumsum(stored[::-1])[::-1], [0.0]])
    else:
        volume = np.concatenate([stored, [0.0]])
    if volume.min() < -_REMAINDER * total or np.diff(volume).max() > _REMAINDER * total:
        raise UnreadableFile(f"the DVH of ROI {number} is negative or rises")
    return edges_gy, np.minimum.accumulate(np.clip(volume, 0.0, None))


def _with_sound_statistics(
    dvhs: tuple[TpsDvh, ...], prescribed_gy: Sequence[float], document: Document, ledger: Ledger
) -> tuple[TpsDvh, ...]:
    if all(maximum_fits(dvh, 1.0) for dvh in dvhs):
        return dvhs
    for quirk in all_quirks():
        factor = quirk.gy_per_statistic(dvhs, prescribed_gy)
        if factor is not None:
            ledger.notice(quirk.id, quirk.says, document.uid, quirk.severity)
            return tuple(_scaled(dvh, factor) for dvh in dvhs)
    ledger.notice(
        "tps-statistics-untrusted",
        "The stored DVH statistics do not fit their own curves and are not used",
        document.uid,
    )
    return tuple(replace(dvh, minimum_gy=None, mean_gy=None, maximum_gy=None) for dvh in dvhs)


def _scaled(dvh: TpsDvh, factor: float) -> TpsDvh:
    low, mean, high = (None if v is None else v * factor for v in (dvh.minimum_gy, dvh.mean_gy, dvh.maximum_gy))
    return replace(dvh, minimum_gy=low, mean_gy=mean, maximum_gy=high)
