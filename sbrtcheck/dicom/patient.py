"""By what two submissions of one patient know each other, without saying whose they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sbrtcheck.dicom.document import identity_of
from sbrtcheck.dicom.plan_header import plan_header


def patient_key(sources: Sequence[Path], plan_uid: str) -> str:
    """Return a hash of the patient of a plan.

    It holds the frame of reference of the plan (its study, where that is not stated) as well: where names were removed,
    many patients may have been given one ID, and two of them must never be taken for one.

    Parameters
    ----------
    sources : sequence of Path
        As they were given to ``load_case``.
    plan_uid : str
        SOP instance UID of the plan.

    Returns
    -------
    str
        To be kept nowhere as it is: whoever keeps it keys it first. "" where the plan does not say whose it is.

    Raises
    ------
    UnreadableFile
        If the plan is no longer there.
    """
    root = plan_header(sources, plan_uid)
    patient = identity_of(root).patient_id
    where = root.uid("FrameOfReferenceUID") or root.uid("StudyInstanceUID")
    return hashlib.sha256(f"{patient}/{where}".encode()).hexdigest() if patient and where else ""
