"""CT: slices of one series to an image whose pixels are decoded only where somebody looks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sbrtcheck.dicom.document import Document, Identity, make_document
from sbrtcheck.dicom.grid import POSITION_TOLERANCE_MM, axes_of, lattice_of, position_of, spacing_of
from sbrtcheck.dicom.ledger import FileId, Ledger
from sbrtcheck.dicom.pixels import shape_of, stored_values
from sbrtcheck.dicom.sources import SourceFile
from sbrtcheck.dicom.stream import NotDicom, parse
from sbrtcheck.errors import UnreadableFile
from sbrtcheck.model import FloatArray, Image, frozen

# A step half again as wide as the usual one is a missing slice.
_GAP: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class CtSlice:
    """What is kept of one CT slice: everything but its pixels.

    Attributes
    ----------
    source : SourceFile
        Where the pixels can be read again.
    """

    file: FileId
    identity: Identity
    source: SourceFile
    series_uid: str
    frame_of_reference_uid: str
    patient_position: str
    patient_age: str
    is_localizer: bool
    axes: FloatArray
    position: FloatArray
    spacing_mm: tuple[float, float]
    rows: int
    columns: int

    def read(self) -> FloatArray:
        """Return the slice as ``(J, I)``, HU.

        Raises
        ------
        UnreadableFile
            If the file is gone or has changed since it was accounted for, or its pixels cannot be decoded.
        """
        data = self.source.read()
        if hashlib.sha256(data).hexdigest() != self.file.sha256:
            raise UnreadableFile("a CT slice has changed since it was read", where=self.file.where)
        try:
            document = make_document(0, data, self.file.sha256, parse(data), is_prior=False)
        except NotDicom:
            raise UnreadableFile("a CT slice is no DICOM file", where=self.file.where) from None
        slope, intercept = _rescale(document)
        return frozen(stored_values(document, frames=1)[0] * slope + intercept)


def read_slice(document: Document, source: SourceFile) -> CtSlice:
    """Return what is kept of a CT slice.

    Raises
    ------
    UnreadableFile
        If its geometry, rescaling or pixel data are missing or malformed.
    """
    root = document.root
    _rescale(document)
    if not root.raw("PixelData"):
        raise UnreadableFile("there are no pixel data")
    rows, columns = shape_of(root)
    return CtSlice(
        file=document.file,
        identity=document.identity,
        source=source,
        series_uid=root.uid("SeriesInstanceUID"),
        frame_of_reference_uid=root.uid("FrameOfReferenceUID"),
        patient_position=root.code("PatientPosition"),
        patient_age=root.text("PatientAge"),
        is_localizer="LOCALIZER" in root.code("ImageType").split("\\"),
        axes=axes_of(root),
        position=position_of(root),
        spacing_mm=spacing_of(root),
        rows=rows,
        columns=columns,
    )


def _rescale(document: Document) -> tuple[float, float]:
    slope, intercept = document.root.number("RescaleSlope"), document.root.number("RescaleIntercept")
    if not slope or intercept is None:
        raise UnreadableFile("Rescale Slope or Intercept is missing")
    return slope, intercept


def read_image(slices: Sequence[CtSlice], ledger: Ledger) -> Image | None:
    """Return one series as an image, None with a notice where its slices do not make a stack.

    Parameters
    ----------
    slices : sequence of CtSlice
        All slices of one series, at least one, in any order.
    """
    series = slices[0].series_uid
    first = slices[0]
    heights = np.array([s.position @ first.axes[:, 2] for s in slices])
    problem = _mismatch(slices, heights)
    if problem:
        ledger.notice("unusable-ct", f"The CT series is not used: {problem}", series)
        for one in slices:
            ledger.ignore(one.file, f"the CT series is not used: {problem}")
        return None
    order = np.argsort(heights, kind="stable")
    stack = [slices[n] for n in order]
    k_mm = heights[order] - heights[order[0]]
    _tell_gaps(k_mm, series, ledger)
    for one in stack:
        ledger.use(one.file, "planning CT")
    return Image(
        series_instance_uid=series,
        frame_of_reference_uid=first.frame_of_reference_uid,
        patient_position=first.patient_position,
        lattice=lattice_of(first.axes, stack[0].position, first.spacing_mm, first.rows, first.columns, k_mm),
        read_slice=lambda k: stack[k].read(),
        sop_instance_uids=tuple(s.file.sop_instance_uid for s in stack),
    )


def _mismatch(slices: Sequence[CtSlice], heights: FloatArray) -> str:
    first = slices[0]
    if len({(s.rows, s.columns, s.frame_of_reference_uid) for s in slices}) > 1:
        return "its slices differ in rows, columns or frame of reference"
    if any(not np.allclose(s.spacing_mm, first.spacing_mm, rtol=0.0, atol=1e-4) for s in slices):
        return "its slices differ in pixel spacing"
    if any(not np.allclose(s.axes, first.axes, rtol=0.0, atol=1e-4) for s in slices):
        return "its slices differ in orientation"
    corners = np.array([s.position - h * first.axes[:, 2] for s, h in zip(slices, heights, strict=True)])
    if np.abs(corners - corners[0]).max() > POSITION_TOLERANCE_MM * len(slices):
        return "its slices are not stacked along their normal"
    if len(slices) > 1 and np.diff(np.sort(heights)).min() <= POSITION_TOLERANCE_MM:
        return "two slices lie in one plane"
    return ""


def _tell_gaps(k_mm: FloatArray, series: str, ledger: Ledger) -> None:
    if len(k_mm) < 2:
        ledger.notice("single-ct-slice", "The CT series holds a single slice", series)
        return
    steps = np.diff(k_mm)
    usual = float(np.median(steps))
    gaps = int((steps > _GAP * usual).sum())
    if gaps:
        ledger.notice(
            "missing-ct-slices",
            f"The CT series has {gaps} gaps wider than {_GAP:g} times its usual step of {usual:.2f} mm",
            series,
        )
    elif float(np.ptp(steps)) > POSITION_TOLERANCE_MM:
        low, high = float(steps.min()), float(steps.max())
        ledger.notice("uneven-ct", f"CT slices are {low:.2f} to {high:.2f} mm apart", series, "info")
