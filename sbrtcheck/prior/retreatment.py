"""Type of re-irradiation, as the ESTRO-EORTC consensus tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sbrtcheck.results import Interval

# A choice of this program: tissue counts as irradiated from this share of the prescription on. The summaries of the
# consensus that could be read name no isodose. Half is where the steepest fall of a stereotactic dose lies, and where
# other programs and trials draw the line of intermediate dose (R50).
IRRADIATED_PERCENT: Final = 50.0

Kind = Literal["type-1", "type-2", "repeat-organ", "repeat"]
_ORDER: Final[tuple[Kind, ...]] = ("type-1", "type-2", "repeat-organ", "repeat")
_MEANING: Final[dict[Kind, str]] = {
    "type-1": "re-irradiation type 1: the irradiated volumes overlap",
    "type-2": "re-irradiation type 2: no overlap, but the cumulative dose is a concern for toxicity",
    "repeat-organ": "repeat organ irradiation: same organ, no overlap, no concern for toxicity",
    "repeat": "repeat irradiation: another organ, no overlap, no concern for toxicity",
}


@dataclass(frozen=True, slots=True)
class CumulativeDose:
    """A cumulative quantity beside the level from which it is a concern for toxicity.

    Attributes
    ----------
    name : str
        Of the quantity and its structure, with its level: ``"D0.03cc of ROI 4 above 60 Gy EQD2"``.
    measured : Interval or None
        None where it could not be computed.
    concern_above : float
        In the same unit.
    """

    name: str
    measured: Interval | None
    concern_above: float


@dataclass(frozen=True, slots=True)
class Retreatment:
    """What kind of re-irradiation a course is, with another one.

    Attributes
    ----------
    kind : str
        One of the four, or ``open`` where more than one is possible.
    possible : tuple of str
        Every kind that the intervals allow, the gravest first.
    text : str
        The kind as a sentence, and the isodose that it rests on.
    """

    kind: Literal["type-1", "type-2", "repeat-organ", "repeat", "open"]
    possible: tuple[Kind, ...]
    text: str


def retreatment(
    overlap_cm3: Interval | None,
    cumulative: Sequence[CumulativeDose],
    *,
    same_organ: bool | None,
    earlier_known: bool,
    irradiated_percent: float = IRRADIATED_PERCENT,
) -> Retreatment:
    """Return the type of re-irradiation.

    Parameters
    ----------
    overlap_cm3 : Interval or None
        Volume that both courses irradiate, cm3; None where it could not be computed.
    cumulative : sequence of CumulativeDose
        What was looked at for toxicity; nothing rules out a concern if this is empty.
    same_organ : bool or None
        Whether both courses treat the same organ; None where that is not known.
    earlier_known : bool
        Whether the earlier dose is known in the whole volume that was looked at. Where it is not, an overlap can be
        found but never ruled out.
    irradiated_percent : float
        Percent of each prescription from which tissue was taken as irradiated, for the text.

    References
    ----------
    .. [1] Andratschke et al., Lancet Oncol 23 (2022) e469-e478: ESTRO-EORTC consensus, as summarised in Ann Palliat Med
       2024 (PMID 38859596). The condition of the two kinds of repeat irradiation is known from recollection.

    Examples
    --------
    >>> retreatment(Interval(2.0, 1.5, 2.5), [], same_organ=None, earlier_known=True).kind
    'type-1'
    >>> retreatment(Interval(0.0, 0.0, 0.2), [], same_organ=None, earlier_known=True).kind
    'open'
    """
    overlap = _overlap(overlap_cm3, earlier_known)
    concern = _concern(cumulative, earlier_known)
    kinds: set[Kind] = set()
    if overlap is not False:
        kinds.add("type-1")
    if overlap is not True and concern is not False:
        kinds.add("type-2")
    if overlap is not True and concern is not True:
        kinds |= {"repeat-organ"} if same_organ is not False else set()
        kinds |= {"repeat"} if same_organ is not True else set()
    possible = tuple(kind for kind in _ORDER if kind in kinds)
    basis = f"(irradiated: from {irradiated_percent:g} % of each prescription on, which is a choice)"
    if len(possible) == 1:
        return Retreatment(possible[0], possible, f"{_MEANING[possible[0]]} {basis}")
    why = _open_questions(overlap, concern, cumulative, earlier_known)
    text = f"type of re-irradiation open between {', '.join(possible)}: {why} {basis}"
    return Retreatment("open", possible, text)


def _overlap(overlap_cm3: Interval | None, earlier_known: bool) -> bool | None:
    """Return whether irradiated volumes overlap, None where that is open."""
    if overlap_cm3 is None:
        return None
    if overlap_cm3.low > 0.0:
        return True
    return False if overlap_cm3.high <= 0.0 and earlier_known else None


def _concern(cumulative: Sequence[CumulativeDose], earlier_known: bool) -> bool | None:
    """Return whether a cumulative dose is a concern for toxicity, None where that is open."""
    if any(c.measured is not None and c.measured.low > c.concern_above for c in cumulative):
        return True
    below = all(c.measured is not None and c.measured.high <= c.concern_above for c in cumulative)
    return False if cumulative and below and earlier_known else None


def _open_questions(
    overlap: bool | None, concern: bool | None, cumulative: Sequence[CumulativeDose], earlier_known: bool
) -> str:
    found = []
    if not earlier_known:
        found.append("the earlier dose is not known everywhere")
    if overlap is None:
        found.append("an overlap is neither certain nor ruled out")
    if overlap is not True and concern is None:
        unsure = [c.name for c in cumulative if c.measured is None or c.measured.high > c.concern_above]
        looked_at = f" ({', '.join(unsure)})" if unsure else "" if cumulative else " (no cumulative dose was looked at)"
        found.append(f"a concern for toxicity is neither certain nor ruled out{looked_at}")
    if overlap is False and concern is False:
        found.append("whether both courses treat the same organ is not known")
    return "; ".join(found)
