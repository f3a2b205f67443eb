"""Words of the reports: verdicts, their order, and what of a text from a file may be shown."""

from __future__ import annotations

import unicodedata

from sbrtcheck.results import MethodRecord, Verdict

DISCLAIMER = "Research and quality-assurance aid, not a medical device; the reader signs."

INTERVAL_NOTE = (
    "Every bracket bounds the numerical error of this program (contour spacing, end caps, dose sampling and storage). "
    "It does not bound delineation or treatment."
)

_SHAPES = {
    "shape": "smooth from contour to contour (model 'shape')",
    "slab": "each contour extruded half way to its neighbours (model 'slab')",
}


TPS_APART = "Apart by more than 2 % and more than our error explains:"
TPS_NOTE = (
    "Upper line: this program, with its bounds. Lower line: what the planning system stored. A warning stands where "
    "the two differ by more than 2 % and theirs lies outside our bounds. Curves are compared from 2 % to 98 % of the "
    "volume."
)


def method_text(method: MethodRecord) -> str:
    """Return how shape and dose were read, in one sentence."""
    return f"Shape between planes: {_SHAPES[method.shape_model]}. Dose between voxels: {method.dose_interpolation}."


PICTURE_NOTE = (
    "White: the measured line and its ends in the plane (within half the distance of the drawn planes); dashed and "
    "hollow: off the plane, seen along its normal. Across the drawn planes, contours are joined from plane to plane. "
    "Marks at the edges: where the other two planes cross. Grey levels are usual display windows, a choice of this "
    "program; pictures decide nothing."
)

WAITING_REMEDY = (
    "not evaluated until they are drawn, named in the site file, or, where one is not at risk in this plan, declared "
    "so (organs_not_at_risk)"
)

COURSE_STATE = {
    "dose": "a dose that could be read",
    "plan-without-dose": "a plan without dose",
    "structures-only": "structures only, no dose",
    "nothing-readable": "nothing that can be read",
    "declared": "a declaration, no files",
}
MAPPING_KIND = {
    "": "not mapped",
    "same-frame": "same frame of reference",
    "rigid": "rigid",
    "affine": "affine, it stretches",
    "deformable": "deformable",
}
PRIOR_NOTE = (
    "A value is the earlier dose as registered. The range below it holds for every place of the earlier dose within "
    "the stated error, and for our numerical error. Percent isodoses are of the prescription of the earlier course. In "
    "the pictures one colour is the earlier course: lines drawn through are its isodoses, the higher the thicker; "
    "dotted are its targets. Sums are of physical dose, which says nothing of fractionation; rules may ask for EQD2. "
    "What an earlier dose does not reach is unknown, not zero. Rules judge; this section describes."
)

SIZE_NOTE = (
    "For scale: read again on a second CT minutes later, a lesion of 40 mm measured between 35 and 45 mm "
    "(Oxnard et al., J Clin Oncol 2011, PMC3157977); that spread is not part of the bracket."
)

WORD = {
    Verdict.FAIL: "FAIL",
    Verdict.ERROR: "ERROR",
    Verdict.NOT_EVALUATED: "NOT EVALUATED",
    Verdict.INDETERMINATE: "INDETERMINATE",
    Verdict.VARIATION: "ACCEPTABLE VARIATION",
    Verdict.PASS: "PASS",
    Verdict.NOT_APPLICABLE: "NOT APPLICABLE",
}

WORST_FIRST = tuple(WORD)

# Verdicts that ask the reader to do or to decide something.
OPEN = frozenset(WORST_FIRST[:5])

_UNITS = {"cc": "cm³", "cm3": "cm³", "years": "years"}

# Characters that reorder what stands beside them; a ROI name must not be able to turn a line round.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    r"""Return a text from a file as it may be shown: on one line, without control or reordering characters.

    Right-to-left letters stay; the formats isolate them. A lone surrogate, which no encoding can write, becomes U+FFFD.

    Examples
    --------
    >>> visible("PTV\x1b[31m\tA\x00\u202eB")
    'PTV[31m AB'
    """
    return "".join(map(_visible, text))


def unit_text(unit: str) -> str:
    """Return a unit as it is printed.

    Examples
    --------
    >>> unit_text("cm3"), unit_text("Gy")
    ('cm³', 'Gy')
    """
    return _UNITS.get(unit, visible(unit))


def with_unit(number: str, unit: str) -> str:
    """Return a number with its printed unit, if it has one."""
    return f"{number} {unit_text(unit)}".rstrip()


def rank(verdict: Verdict) -> int:
    """Return the place of a verdict in the order of reports, worst first."""
    return WORST_FIRST.index(verdict)


def _visible(character: str) -> str:
    if character in "\t\n\r\u2028\u2029":
        return " "
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cc" or character in _REORDERING else character


CHANGE = {
    "new": "new deviation",
    "lost": "no longer met",
    "gone": "no longer asked",
    "still": "still a deviation",
    "open": "not known to be cured",
    "cured": "cured",
    "settled": "decided now, and met",
    "added": "asked now",
    "value": "other value",
}
REDRAWN = {"redrawn": "drawn otherwise", "renamed": "renamed", "added": "new", "removed": "removed"}
