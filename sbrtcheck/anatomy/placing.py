"""What contours, a person, the scan and names say of a lesion's place, weighed against one another.

Contours come first. Where they leave the place open, a person may declare it, unless contours, the scan or the names
speak against that: then nothing is taken, and the reader sees both. What the scan alone shows decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sbrtcheck.anatomy.organ import OrganFinding
from sbrtcheck.anatomy.organ_kinds import organ_of_place


@dataclass(frozen=True, slots=True)
class Seen:
    """What the scan shows of a lesion's place.

    Attributes
    ----------
    organ : str or None
        The organ that it speaks for.
    against : frozenset of str
        Organs that it speaks against.
    text : str
        A sentence for the reader.
    """

    organ: str | None
    against: frozenset[str]
    text: str


def weigh(drawn: OrganFinding, declared: str | None, seen: Seen | None) -> OrganFinding:
    """Return the place of a lesion by all that is known of it.

    Parameters
    ----------
    drawn : OrganFinding
        By contours and names.
    declared : str or None
        An organ, or the TG-263 name of a part of one, as a person declares it.
    seen : Seen or None
        What the scan shows; None where nobody looked or nothing can be said.
    """
    texts = (drawn.text, seen.text if seen is not None else "")
    shown = replace(drawn, text="; ".join(t for t in texts if t))
    if declared is not None:
        return _declared(shown, declared, seen)
    if not drawn.decisive and not drawn.certain and seen is not None and seen.organ is not None:
        if drawn.organ is not None and drawn.organ != seen.organ:
            text = f"{shown.text}: name and scan contradict each other"
            return replace(shown, organ=None, evidence="none", text=text)
        return replace(shown, organ=seen.organ, evidence="scan")
    return shown


def _declared(drawn: OrganFinding, declared: str, seen: Seen | None) -> OrganFinding:
    kind = organ_of_place(declared)
    said = f"declared to lie in: {declared}"
    if kind is None:
        return replace(drawn, text=f"{said}, which is no organ known here; {drawn.text}")
    others = (drawn.certain | ({drawn.organ} if drawn.organ is not None else set())) - {kind}
    if others or (seen is not None and (kind in seen.against or seen.organ not in {None, kind})):
        text = f"{said}, but {drawn.text}: they contradict each other"
        return OrganFinding(None, "none", frozenset(), max(drawn.unknown_parts, 1), text, drawn.roi_numbers)
    if drawn.decisive:
        return replace(drawn, text=f"{drawn.text}; {said}", place=declared)
    return OrganFinding(kind, "declared", frozenset({kind}), 0, f"{said}; {drawn.text}", drawn.roi_numbers, declared)
