"""RT Structure Set: ROIs with their contours, types and codes."""

from __future__ import annotations

from collections.abc import Iterable

from sbrtcheck.dicom.contours import read_contours
from sbrtcheck.dicom.document import Document
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.dicom.node import Node
from sbrtcheck.errors import InputError, UnusableStructures
from sbrtcheck.model import Code, Contour, Structure, StructureSet


def read_structures(document: Document, ledger: Ledger) -> StructureSet:
    """Read one structure set.

    A ROI with any malformed contour keeps none of its contours, so that nothing can be measured on it, and leaves a
    blocking notice.

    Raises
    ------
    UnusableStructures
        If ROI numbers are missing or used twice, or whole sequences are missing.
    UnreadableFile
        If a value is malformed.
    """
    root = document.root
    rois = _by_number(root.items("StructureSetROISequence"), "ROINumber", "the list of ROIs")
    if not rois or "ROIContourSequence" not in root:
        raise UnusableStructures("the structure set lacks its ROIs or contours: incomplete or cut short")
    drawn = _by_number(root.items("ROIContourSequence"), "ReferencedROINumber", "the contours")
    types, codes = _observations(root, rois, document, ledger)
    for number in sorted(drawn.keys() - rois.keys()):
        ledger.notice(
            "contours-without-roi", f"Contours refer to ROI {number}, which is not there", document.uid, "blocking"
        )
    structures = tuple(
        Structure(
            roi_number=number,
            name=_name(rois[number], number, document, ledger),
            interpreted_type=types.get(number, ""),
            contours=_contours(drawn.get(number), number, document, ledger),
            frame_of_reference_uid=rois[number].uid("ReferencedFrameOfReferenceUID"),
            codes=codes.get(number, ()),
        )
        for number in sorted(rois)
    )
    _tell_empty(structures, document, ledger)
    frames = root.items("ReferencedFrameOfReferenceSequence")
    series = [
        s for f in frames for t in f.items("RTReferencedStudySequence") for s in t.items("RTReferencedSeriesSequence")
    ]
    images = (i for s in series for i in s.items("ContourImageSequence"))
    stated = [f.uid("FrameOfReferenceUID") for f in frames] or [root.uid("FrameOfReferenceUID")]
    return StructureSet(
        sop_instance_uid=document.uid,
        label=root.text("StructureSetLabel"),
        structures=structures,
        frame_of_reference_uids=_distinct([*(s.frame_of_reference_uid for s in structures), *stated]),
        referenced_series_uids=_distinct(s.uid("SeriesInstanceUID") for s in series),
        referenced_image_uids=_distinct(i.uid("ReferencedSOPInstanceUID") for i in images),
    )


def _distinct(uids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(uid for uid in uids if uid))


def _by_number(items: tuple[Node, ...], keyword: str, what: str) -> dict[int, Node]:
    found: dict[int, Node] = {}
    for item in items:
        number = item.integer(keyword)
        if number is None or number in found:
            raise UnusableStructures(
                f"a ROI number is missing or used twice in {what}", remedy="Export the structure set again"
            )
        found[number] = item
    return found


def _name(roi: Node, number: int, document: Document, ledger: Ledger) -> str:
    name, certain = roi.decoded("ROIName")
    if not certain:
        ledger.notice(
            "uncertain-characters",
            f"The name of ROI {number} has characters that the stated character set does not explain",
            document.uid,
        )
    return name


def _contours(roi: Node | None, number: int, document: Document, ledger: Ledger) -> tuple[Contour, ...]:
    if roi is None:
        return ()
    try:
        contours, empty = read_contours(roi.items("ContourSequence"))
    except InputError as problem:
        ledger.notice(
            "unusable-roi",
            f"ROI {number} cannot be used: {problem.message}; none of its contours is kept",
            document.uid,
            "blocking",
        )
        return ()
    if empty:
        ledger.notice("empty-contours", f"ROI {number} has {empty} contours without points", document.uid)
    return contours


def _tell_empty(structures: tuple[Structure, ...], document: Document, ledger: Ledger) -> None:
    for structure in structures:
        if not structure.contours:
            ledger.notice("empty-roi", f"ROI {structure.roi_number} has no contours", document.uid, "info")


def _observations(
    root: Node, rois: dict[int, Node], document: Document, ledger: Ledger
) -> tuple[dict[int, str], dict[int, tuple[Code, ...]]]:
    types: dict[int, str] = {}
    codes: dict[int, tuple[Code, ...]] = {}
    for item in root.items("RTROIObservationsSequence"):
        number = item.integer("ReferencedROINumber")
        if number is None or number not in rois:
            ledger.notice(
                "observation-without-roi", "An observation refers to a ROI that is not there", document.uid, "info"
            )
            continue
        stated = item.code("RTROIInterpretedType")
        if stated and types.get(number, stated) != stated:
            ledger.notice("roi-types-differ", f"ROI {number} has two interpreted types; neither is used", document.uid)
            stated = ""
            types[number] = ""
        if stated:
            types.setdefault(number, stated)
        found = tuple(_code(code) for code in item.items("RTROIIdentificationCodeSequence"))
        codes[number] = codes.get(number, ()) + found
    return types, codes


def _code(item: Node) -> Code:
    value = item.text("CodeValue") or item.text("LongCodeValue") or item.text("URNCodeValue")
    return Code(value, item.text("CodingSchemeDesignator"), item.text("CodeMeaning"))
