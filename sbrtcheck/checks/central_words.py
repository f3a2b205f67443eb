"""Distances from the central structures of the chest in words and lines."""

from __future__ import annotations

from sbrtcheck.anatomy.lesions import Lesion
from sbrtcheck.anatomy.ultracentral import Finding, Reach, evaluate, tables
from sbrtcheck.checks.outcomes import line, millimetres
from sbrtcheck.derived import Derived
from sbrtcheck.results import Evidence, Interval

_WORDS = {"outside": "not", "straddles": "open", "unknown": "open"}


def named(found: Finding, derived: Derived) -> str:
    """Return what a definition was decided by."""
    nearest = found.nearest
    if nearest is None or nearest.measured is None:
        return "nothing of the definition is drawn"
    return told(nearest, nearest.measured, derived)


def told(nearest: Reach, measured: Interval, derived: Derived) -> str:
    """Return a measured distance in words, with where its structure comes from if nobody drew it."""
    found = "".join(f" ({origin})" for number in nearest.roi_numbers if (origin := derived.origin(number)))
    built = f" (built of {', '.join(nearest.built_of)})" if nearest.built_of else ""
    return f"{nearest.role} to {tables().group(nearest.group).title}{found}{built} {millimetres(measured)}"


def shown_line(nearest: Reach, derived: Derived) -> Evidence:
    """Return a distance as a line, or what is missing where nothing was measured."""
    if nearest.measured is None or nearest.ends_mm is None:
        return Evidence(text="; ".join(nearest.missing), roi_numbers=nearest.roi_numbers)
    return line(told(nearest, nearest.measured, derived), nearest.ends_mm, *nearest.roi_numbers)


def other_definitions(lesion: Lesion, chosen: str, derived: Derived) -> tuple[Evidence, ...]:
    """Return what each other definition would say, so that the reader sees how much hangs on the choice."""
    others = [(n, d, "ultra-central") for n, d in sorted(tables().definitions.items()) if n != chosen]
    others += [(name, definition, "central") for name, definition in sorted(tables().central.items())]
    found = []
    for name, definition, inside in others:
        finding = evaluate(definition, lesion, derived.placed, derived)
        nearest = finding.nearest
        measured = f" ({named(finding, derived)})" if nearest is not None and nearest.measured is not None else ""
        word = inside if finding.state == "inside" else _WORDS[finding.state]
        found.append(Evidence(text=f"by {name}: {word}{measured}; {definition.title}"))
    return tuple(found)
