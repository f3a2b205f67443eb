"""What is odd about a contour, and which results cannot be relied on because of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sbrtcheck.model import Structure
from sbrtcheck.results import Notice

LOCATION = frozenset({"ultra-central", "long-bone", "organ-excluded", "organ-count"})
SIZE = frozenset({"lesion-size", "measurable-lesion"})
DOSE = frozenset({"dose-metric", "conformity-table", "target-treated"})

# Structures and targets closer than this are near each other: the largest distance that a definition of central lung
# lesions asks for (2 cm, table ultracentral.toml).
NEAR_MM = 20.0


@dataclass(frozen=True, slots=True)
class ContourFinding:
    """One thing that is odd about the contours.

    Attributes
    ----------
    notice : Notice
        What is wrong and what would be right, for the reader.
    undermines : frozenset of str
        Ids of the checks whose results for these structures, pass or fail, are not to be relied on.
    roi_numbers : tuple of int
        The structures concerned, in rising order.
    """

    notice: Notice
    undermines: frozenset[str]
    roi_numbers: tuple[int, ...]


def finding(
    code: str,
    message: str,
    structures: Iterable[Structure],
    undermines: frozenset[str] = frozenset(),
    severity: Literal["info", "warning", "blocking"] = "warning",
) -> ContourFinding:
    """Return a finding on structures; the first one is where it is."""
    concerned = tuple(structures)
    notice = Notice(code=code, message=message, where=concerned[0].where, severity=severity)
    return ContourFinding(notice, undermines, tuple(sorted({s.roi_number for s in concerned})))


def prescribed_to_no_target(structure: Structure) -> ContourFinding:
    """Return the finding for a structure that the plan prescribes dose to, and that is taken as no target."""
    message = f"the plan prescribes dose to {structure.where}, which is taken as no target: a lesion may be missing"
    message += "; say in the site file what it is ([targets])"
    everything = LOCATION | SIZE | DOSE | {"lesion-count", "prior-radiotherapy"}
    return finding("prescribed-no-target", message, (structure,), everything, "blocking")
