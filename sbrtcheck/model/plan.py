"""What was prescribed and how it is to be delivered: RT Plan and RT Ion Plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prescription:
    """A dose prescribed to a target, and where in the files it was found.

    Attributes
    ----------
    dose_gy : float
        Total over all fractions of its fraction group, Gy.
    fractions : int or None
        Number of fractions, None where the files do not say.
    target_roi : int or None
        ROI number of the target that the file itself names (Referenced ROI Number), None where it names none.
    target_name : str
        Description of the target as it stands in the file; "" where there is none.
    source : str
        One of ``dose-reference``, ``beam-dose``, ``roi-name``, ``site-file``.
    """

    dose_gy: float
    fractions: int | None
    target_roi: int | None
    target_name: str
    source: str


@dataclass(frozen=True, slots=True)
class FractionGroup:
    """One fraction group: number of fractions planned and the dose of its beams per fraction."""

    number: int
    fractions: int | None
    beam_doses_gy: tuple[tuple[int, float | None], ...]  # (beam number, Gy per fraction at the beam dose point)


@dataclass(frozen=True, slots=True)
class Plan:
    """One RT Plan or RT Ion Plan.

    Attributes
    ----------
    approval_status : str
        ``APPROVED``, ``UNAPPROVED`` or ``REJECTED``; "" where the file does not say.
    isocentres_mm : tuple of (x, y, z)
        Every isocentre of a beam that treats, once, LPS mm.
    treatment_beams : tuple of int
        Numbers of the beams that treat (set-up beams left out), rising; () where nobody says.
    beams_without_isocentre : tuple of int
        Those of them that state none.
    """

    sop_instance_uid: str
    label: str
    is_ion: bool
    prescriptions: tuple[Prescription, ...]
    fraction_groups: tuple[FractionGroup, ...]
    referenced_structure_set_uid: str = ""
    frame_of_reference_uid: str = ""
    approval_status: str = ""
    isocentres_mm: tuple[tuple[float, float, float], ...] = ()
    date: str = ""  # YYYYMMDD, to order courses
    treatment_beams: tuple[int, ...] = ()
    beams_without_isocentre: tuple[int, ...] = ()
    created: str = ""  # RT Plan Date and Time, YYYYMMDD or YYYYMMDDHHMMSS, to order plans; "" where it is not stated
