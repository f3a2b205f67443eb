"""Distances from the central structures of the chest in words and lines."""

from __future__ import annotations

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.ultracentral import Finding, Reach, evaluate, tables
from sbrtcheck.checks.outcomes import line, millimetres
from sbrtcheck.derived import Derived
from sbrtcheck.results import Evidence, Interval

_WORDS = {"inside": "ultra-central", "outside": "not", "straddles": "open", "unknown": "open"}


def named(found: Finding, derived: Derived) -> str:
    """Return what a definition was decided by."""
    nearest = found.nearest
    if nearest is None or nearest.measured is None:
        return "nothing of the definition is drawn"
    return told(nearest, nearest.measured, derived)


def told(nearest: Reach, measured: Interval, derived: Derived) -> str:
    """Return a measured distance in words, with where its structure comes from if nobody drew it."""
    found = "".join(f" ({origin})" for number in nearest.roi_numbers if (origin := derived.origin(number)))
    return f"{nearest.role} to {tables().groups[nearest.group].title}{found} {millimetres(measured)}"


def shown_line(nearest: Reach, derived: Derived) -> Evidence:
    """Return a distance as a line, or what is missing where nothing was measured."""
    if nearest.measured is None or nearest.ends_mm is None:
        return Evidence(text="; ".join(nearest.missing), roi_numbers=nearest.roi_numbers)
    return line(told(nearest, nearest.measured, derived), nearest.ends_mm, *nearest.roi_numbers)


def other_definitions(lesion: Lesion, chosen: str, derived: Derived) -> tuple[Evidence, ...]:
    """Return what each other definition would say, so that the reader sees how much hangs on the choice."""
    found = []
    for name, definition in sorted(tables().definitions.items()):
        if name != chosen:
            finding = evaluate(definition, lesion, derived.placed, derived)
            measured = (
                f" ({named(finding, derived)})" if finding.nearest is not None and finding.nearest.measured else ""
            )
            found.append(Evidence(text=f"by {name}: {_WORDS[finding.state]}{measured}; {definition.title}"))
    return tuple(found)
