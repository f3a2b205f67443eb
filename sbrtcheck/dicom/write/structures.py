"""RT Structure Set: contours and how they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, RTStructureSetStorage

from sbrtcheck.dicom.write.common import Header, dataset, save, stamp
from sbrtcheck.model import Contour, Lattice, Structure, StructureSet

_DETACHED_STUDY: Final = "1.2.840.10008.3.1.2.3.1"  # retired class that PS3.3 C.8.8.5 still has referenced here
_LONGEST_EXPLICIT: Final = 0xFFFE  # bytes of an even length that two bytes can state
_ON_SLICE_MM: Final = 0.01  # a contour that lies this close to a slice was drawn on it


@dataclass(frozen=True, slots=True)
class Slices:
    """The CT series that contours were drawn on."""

    series_uid: str
    sop_instance_uids: tuple[str, ...]  # in the order of k
    lattice: Lattice


def write_structures(
    path: Path,
    header: Header,
    structure_set: StructureSet,
    *,
    colours: Mapping[int, tuple[int, int, int]],
    slices: Slices | None,
) -> None:
    """Write an RT Structure Set (PS3.3 A.19.3); coordinates are rounded to 1e-6 mm.

    Parameters
    ----------
    colours : mapping
        Display colour by ROI number, 0 to 255 each for red, green and blue.
    slices : Slices or None
        The images that contours refer to; None where they are not part of the course.

    Raises
    ------
    ValueError
        If a contour has more vertices than an element of explicit VR can hold.
    """
    ds = dataset(header, RTStructureSetStorage, structure_set.sop_instance_uid, "RTSTRUCT")
    ds.StructureSetLabel = structure_set.label
    stamp(ds, "StructureSet", header)
    ds.ReferencedFrameOfReferenceSequence = [_frame(header, slices)]
    ds.StructureSetROISequence = [_roi(s, header) for s in structure_set.structures]
    ds.ROIContourSequence = [_contours(s, colours[s.roi_number], slices) for s in structure_set.structures]
    ds.RTROIObservationsSequence = [_observation(s) for s in structure_set.structures]
    ds.ApprovalStatus = "UNAPPROVED"
    save(ds, path)


def _frame(header: Header, slices: Slices | None) -> Dataset:
    frame = Dataset()
    frame.FrameOfReferenceUID = header.frame_of_reference_uid
    if slices:
        series = Dataset()
        series.SeriesInstanceUID = slices.series_uid
        series.ContourImageSequence = [_image(uid) for uid in slices.sop_instance_uids]
        study = Dataset()
        study.ReferencedSOPClassUID = _DETACHED_STUDY
        study.ReferencedSOPInstanceUID = header.study_instance_uid
        study.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence = [study]
    return frame


def _image(uid: str) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = CTImageStorage
    image.ReferencedSOPInstanceUID = uid
    return image


def _roi(structure: Structure, header: Header) -> Dataset:
    roi = Dataset()
    roi.ROINumber = structure.roi_number
    roi.ReferencedFrameOfReferenceUID = header.frame_of_reference_uid
    roi.ROIName = structure.name
    roi.ROIGenerationAlgorithm = "AUTOMATIC"
    return roi


def _contours(structure: Structure, colour: tuple[int, int, int], slices: Slices | None) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = list(colour)
    item.ContourSequence = [_contour(contour, slices) for contour in structure.contours]
    item.ReferencedROINumber = structure.roi_number
    return item


def _contour(contour: Contour, slices: Slices | None) -> Dataset:
    item = Dataset()
    uid = _slice_of(contour, slices) if slices else None
    if uid:
        item.ContourImageSequence = [_image(uid)]
    item.ContourGeometricType = contour.geometric_type
    item.NumberOfContourPoints = len(contour.points_mm)
    # Adding 0.0 turns -0.0 into 0.0. The shortest text of a number of six decimals has six at most; ".0" is cut off.
    text = "\\".join(map(repr, (np.round(contour.points_mm, 6) + 0.0).ravel().tolist()))
    text = text.replace(".0\\", "\\").removesuffix(".0")
    data = text.encode("ascii") + b" " * (len(text) % 2)
    if len(data) > _LONGEST_EXPLICIT:
        raise ValueError(f"a contour of {len(contour.points_mm)} points does not fit an element of explicit VR")
    # As bytes, said to be encoded already as the file will be: else pydicom turns each of some 100 000 coordinates into
    # an object and back.
    tag = Tag("ContourData")
    item.set_original_encoding(False, True, default_encoding)
    item[tag] = RawDataElement(tag, "DS", len(data), data, 0, False, True)
    return item


def _slice_of(contour: Contour, slices: Slices) -> str | None:
    depth_mm = slices.lattice.to_grid(contour.points_mm[:1])[0, 2]
    k = int(np.argmin(np.abs(slices.lattice.k_mm - depth_mm)))
    return slices.sop_instance_uids[k] if abs(slices.lattice.k_mm[k] - depth_mm) < _ON_SLICE_MM else None


def _observation(structure: Structure) -> Dataset:
    item = Dataset()
    item.ObservationNumber = structure.roi_number
    item.ReferencedROINumber = structure.roi_number
    item.RTROIInterpretedType = structure.interpreted_type
    item.ROIInterpreter = ""
    return item
