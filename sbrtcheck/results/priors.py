"""What a report shows of earlier courses."""

from __future__ import annotations

from typing import Literal

from sbrtcheck.results.base import Record
from sbrtcheck.results.pictures import DvhCurve
from sbrtcheck.results.values import Interval


class RangedRecord(Record):
    """A quantity with the bounds of our numerical error, and over every position that the registration leaves open."""

    numerical: Interval
    registered: Interval


class PriorQuantityRecord(Record):
    """One quantity of an earlier dose in a target."""

    name: str  # "D0.03cc[Gy]", "V50%[cc]" (percent of the prior prescription)
    unit: str
    ranged: RangedRecord | None = None
    reason: str = ""  # why there is no value


class EarlierTargetRecord(Record):
    """How a target of this plan lies to a target of an earlier course."""

    roi_number: int  # of the earlier target, in its own structure set
    name: str
    overlap_cc: RangedRecord | None = None
    overlap_percent: RangedRecord | None = None  # of the target of this plan
    distance_mm: RangedRecord | None = None
    reason: str = ""  # why one of them is missing


class PriorTargetRecord(Record):
    """What an earlier course gave to one target of this plan."""

    roi_number: int
    name: str
    role: str
    lesion: str
    not_evaluated: str = ""  # why nothing is known of the earlier dose in it
    unknown_percent: RangedRecord | None = None  # share that the earlier dose does not reach
    rows: tuple[PriorQuantityRecord, ...] = ()
    earlier_targets: tuple[EarlierTargetRecord, ...] = ()


class PriorCourseRecord(Record):
    """One earlier course, with files or declared only."""

    number: int | None = None  # by date, from 1; None where it is declared only
    name: str
    state: Literal["dose", "plan-without-dose", "structures-only", "nothing-readable", "declared"]
    date: str = ""  # YYYYMMDD, or a year
    prescribed_gy: float | None = None
    fractions: int | None = None
    prescription_source: str = ""  # "plan", "site file"; or why there is no prescription
    not_evaluated: str = ""  # why nothing is known of its dose in this plan
    mapping: str = ""  # how it was mapped, or why it was not
    mapping_kind: Literal["", "same-frame", "rigid", "affine", "deformable"] = ""  # "" where it is not mapped
    registrations: tuple[str, ...] = ()  # SOP instance UIDs
    shift_mm: float | None = None  # error of its place
    rotation_deg: float | None = None
    recovery: str = ""
    retreatment: str = ""
    targets: tuple[PriorTargetRecord, ...] = ()


class CumulativeCurve(Record):
    """A structure in the dose of this plan and in the sum of all courses."""

    plan: DvhCurve
    cumulative: DvhCurve


class CumulativeRecord(Record):
    """The sum of physical dose of this plan and all earlier courses."""

    text: str = ""  # what was added
    not_computable: str = ""  # why there is no sum
    curves: tuple[CumulativeCurve, ...] = ()
