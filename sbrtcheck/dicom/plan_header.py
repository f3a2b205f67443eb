"""The data set of the plan that was checked, found again for what is written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sbrtcheck.dicom.node import Node
from sbrtcheck.dicom.sources import find_files
from sbrtcheck.dicom.stream import NotDicom, parse
from sbrtcheck.errors import UnreadableFile


def plan_header(sources: Sequence[Path], uid: str, prior: Sequence[Path] = ()) -> Node:
    """Return the data set of one plan, which names patient and study.

    Parameters
    ----------
    sources, prior : sequence of Path
        As they were given to ``load_case``.
    uid : str
        SOP instance UID of the plan.

    Raises
    ------
    UnreadableFile
        If it is no longer there.
    """
    # Plans are small, and stand among hundreds of slices.
    for file in sorted(find_files(sources, without=prior), key=lambda file: file.size):
        try:
            root = parse(file.read()).root
            if root.uid("SOPInstanceUID") == uid:
                return root
        except (NotDicom, UnreadableFile):
            continue
    raise UnreadableFile("the plan is no longer in the input", where=uid)
