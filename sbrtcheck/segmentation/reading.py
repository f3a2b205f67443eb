"""One file after the other: NIfTI, DICOM SEG or RT Structure Set, to what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sbrtcheck.dicom.document import Document, Kind, make_document
from sbrtcheck.dicom.ledger import FileId, Ledger
from sbrtcheck.dicom.segmentation import FRACTION_INSIDE, Segment, is_segmentation, read_segmentation
from sbrtcheck.dicom.stream import NotDicom, parse
from sbrtcheck.dicom.structures import read_structures
from sbrtcheck.errors import InputError, UnreadableFile, UnusableMask
from sbrtcheck.model import Image
from sbrtcheck.segmentation.classes import AnatomyClass, class_of, class_of_codes
from sbrtcheck.segmentation.crops import Crop, box_of, boxes_of
from sbrtcheck.segmentation.findings import Findings
from sbrtcheck.segmentation.folder import MaskFile
from sbrtcheck.segmentation.labels import names_of_file
from sbrtcheck.segmentation.nifti import Labels, NiftiHeader, read_header, read_labels


@dataclass(slots=True)
class Reader:
    """Reads files one at a time, and keeps of each no more than its organs.

    Attributes
    ----------
    frames : frozenset of str
        Frames of reference that DICOM masks may be in.
    """

    image: Image | None
    frames: frozenset[str]
    ledger: Ledger
    findings: Findings
    _seen: dict[tuple[str, str], FileId] = field(default_factory=dict)  # by hash and stem (of NIfTI) or UID

    def read(self, files: Sequence[MaskFile]) -> None:
        """Read all files of a folder."""
        tables = {(f.folder, f.stem, f.suffix): f for f in files if f.suffix in {".json", ".csv"}}
        for file in files:
            if file.suffix not in {".json", ".csv"}:
                self._read_one(file, [t for s in (".json", ".csv") if (t := tables.get((file.folder, file.stem, s)))])
        for table in tables.values():
            self.ledger.ignore(table.identity(table.source.sha256()), "no mask and no label file of one")

    def _read_one(self, file: MaskFile, tables: Sequence[MaskFile]) -> None:
        try:
            identity, data = file.read()
        except UnreadableFile as problem:
            self.ledger.refuse(file.identity(file.source.sha256()), problem)
            return
        key = (identity.sha256, file.stem if file.suffix == ".nii" else "")
        if key in self._seen:
            self.ledger.ignore(identity, "an identical copy of another file")
            return
        self._seen[key] = identity
        try:
            if file.suffix == ".nii":
                self._nifti(file, identity, data, tables)
            else:
                self._dicom(identity, data)
        except InputError as problem:
            self.ledger.refuse(identity, problem)

    def _nifti(self, file: MaskFile, identity: FileId, data: bytes, tables: Sequence[MaskFile]) -> None:
        header = read_header(data)
        names = self._names(file, header, tables)
        own = class_of(file.stem)
        if names is None and own is not None and not own.tg263:
            self.findings.unused.add(own.name)
            self.ledger.ignore(identity, f"location does not use the class {own.name}")
            return
        if self.image is None:
            raise UnusableMask(
                "a NIfTI mask names no frame of reference, and there is no planning CT to compare it with"
            )
        labels = read_labels(data, header, self.image.lattice)
        if names is None:
            if int(labels.max()) > 1:
                raise UnusableMask(
                    "the mask holds several labels and no names: numbers of classes changed between versions",
                    remedy="Write one file a class, or put a label file beside it (same name, .json or .csv)",
                )
            if own is None:
                self.ledger.ignore(identity, "its name is no class of TotalSegmentator")
                self._unknown("A NIfTI mask has a name that is no class of TotalSegmentator", identity)
                return
            names = {1: own.name}
        self._labelled(labels, names, identity, self.image)

    def _names(self, file: MaskFile, header: NiftiHeader, tables: Sequence[MaskFile]) -> dict[int, str] | None:
        """Return the names of the labels, from the file itself or from one beside it; all must agree."""
        found = [] if header.names is None else [header.names]
        for table in tables:
            identity, data = table.read()
            found.append(names_of_file(data, is_json=table.suffix == ".json"))
            self.ledger.use(identity, "names of the labels of a mask")
        if any(names != found[0] for names in found[1:]):
            raise UnusableMask("the label tables of the mask contradict each other")
        if found and class_of(file.stem) is not None and len(found[0]) == 1 and file.stem not in found[0].values():
            raise UnusableMask("the name of the file and that of its only label are two classes")
        return found[0] if found else None

    def _labelled(self, labels: Labels, names: dict[int, str], file: FileId, image: Image) -> None:
        boxes = boxes_of(labels)
        unnamed = sorted(boxes.keys() - names.keys())
        if unnamed:
            listed = ", ".join(map(str, unnamed[:5]))
            raise UnusableMask(f"labels without a name ({listed}): the names do not belong to this mask")
        self.findings.files.append(file)
        for number, name in sorted(names.items()):
            shows = self._known(class_of(name), f"Label {number}", file)
            if shows is not None:
                box = boxes.get(number)
                crop = Crop(labels[box] == number, box, image.lattice) if box is not None else None
                self.findings.add(shows, file, crop, image.frame_of_reference_uid)

    def _dicom(self, identity: FileId, data: bytes) -> None:
        try:
            document = make_document(identity.number, data, identity.sha256, parse(data), is_prior=False)
        except NotDicom:
            self.ledger.ignore(identity, "neither a NIfTI mask nor DICOM")
            return
        if is_segmentation(document):
            self._segmentation(document)
        elif document.kind is Kind.STRUCTURES:
            self._structure_set(document)
        else:
            self.ledger.ignore(document.file, f"objects of modality {document.file.modality or '(none)'} are no masks")

    def _segmentation(self, document: Document) -> None:
        try:
            found = read_segmentation(document)
            self._check_frame(found.frame_of_reference_uid)
        except InputError as problem:
            self.ledger.refuse(document.file, problem)
            return
        self.findings.files.append(document.file)
        if found.kind == "FRACTIONAL":
            text = f"Voxels of a fractional segmentation are inside from {FRACTION_INSIDE:g} of the maximum on"
            self.ledger.assume("anatomy", text, "Give a binary segmentation")
        for segment in found.segments:
            shows = self._known(self._shown_by(segment, document), f"Segment {segment.number}", document.file)
            if shows is None:
                continue
            mask = found.mask(segment.number)
            box = box_of(mask)
            crop = Crop(mask[box].copy(), box, found.lattice) if box is not None else None
            self.findings.add(shows, document.file, crop, found.frame_of_reference_uid)

    def _shown_by(self, segment: Segment, document: Document) -> AnatomyClass | None:
        """Return what a segment shows by its label or, where that is no class, by its code."""
        named, coded = class_of(segment.label), class_of_codes(segment.types, segment.modifiers)
        if named is None or coded is None or not named.tg263:
            return named or coded
        if coded.tg263 not in {named.tg263, named.tg263.rpartition("_")[0]}:
            message = f"Segment {segment.number} is called {named.name} and coded as {coded.tg263}; it is not used"
            self.ledger.notice("anatomy-contradiction", message, document.uid, "blocking")
            return AnatomyClass(named.name, "")
        return named

    def _structure_set(self, document: Document) -> None:
        try:
            found = read_structures(document, self.ledger)
            for structure in found.structures:
                self._check_frame(structure.frame_of_reference_uid)
        except InputError as problem:
            self.ledger.refuse(document.file, problem)
            return
        self.findings.files.append(document.file)
        for structure in found.structures:
            shows = self._known(class_of(structure.name), structure.where, document.file)
            if shows is not None:
                plain = replace(structure, name=shows.tg263, interpreted_type="", codes=())
                self.findings.add(shows, document.file, plain if structure.is_closed else None, "")

    def _check_frame(self, uid: str) -> None:
        if uid not in self.frames:
            raise UnusableMask(
                "the mask is in another frame of reference than the planning CT and the structures, or names none",
                remedy="Segment the planning CT itself; masks are never resampled or registered",
            )

    def _known(self, shows: AnatomyClass | None, what: str, file: FileId) -> AnatomyClass | None:
        """Return a class that location uses; keep account of all others."""
        if shows is None:
            self._unknown(f"{what} has a name that is no class of TotalSegmentator", file)
        elif not shows.tg263:
            self.findings.unused.add(shows.name)
        else:
            return shows
        return None

    def _unknown(self, what: str, file: FileId) -> None:
        self.ledger.notice(
            "anatomy-unknown-class", f"{what}; it is not used, and the nearest name is not taken", file.where
        )
