"""What a report format is: an id, the suffix of its file, and a function of the report alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sbrtcheck.results import PlanReport


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report; every format module ends in a constant ``FORMAT`` of this class.

    Attributes
    ----------
    id : str
        Name by which ``render`` finds it.
    suffix : str
        Of the file it is written to, with the dot.
    render : callable
        The report as bytes; the same bytes for the same report.
    """

    id: str
    suffix: str
    render: Callable[[PlanReport], bytes]
