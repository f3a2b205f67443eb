"""The cases: what each is built to show, and the verdicts that follow from its construction.

Doses and fractions are those of published schedules where one fits the site (lung 48 Gy in 4 as in TROG 13.01 SAFRON
II, 60 Gy in 8, bone 35 Gy in 5, spine 30 Gy in 3 and liver 45 Gy in 3 as in SABR-COMET). They make the plans look
familiar and recommend nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Final

import numpy as np

from sbrtcheck.errors import UsageError
from sbrtcheck.model import FloatArray, frozen
from sbrtcheck.phantom.anatomy import Body, abdomen, chest, collection, head, thighs, torso
from sbrtcheck.phantom.spec import Course, Phantom, Prior, Scan, Target

_Point = tuple[float, float, float]
_DATE: Final = "20260601"
_PRIOR_DATE: Final = "20230605"
_PERIPHERAL: Final = (-100.0, 20.0, 0.0)
_HILAR: Final = (-52.0, 20.0, 8.0)  # the upper lobe bronchus ends inside a PTV of 15 mm radius here
_WIDE: Final = (-92.0, 12.0, -4.0)  # room for a large target in the right lung

# What the investigator declares of an eligible patient besides the number of lesions. No fact of a real person.
_FACTS: Final[Mapping[str, bool | int | date]] = {
    "progressing_organs": 1,
    "clear_cell_renal_carcinoma": True,
    "heng_group_accepted": True,
    "systemic_line_accepted": True,
    "who_status": 1,
    "age_years": 61,
    "first_ct_date": date(2026, 2, 23),
    "second_ct_date": date(2026, 5, 11),
    "brain_metastases": False,
    "ultra_central_metastasis": False,
    "surgical_metastasis": False,
    "prior_radiotherapy_to_target": False,
    "consent": True,
}

# What a compliant plan of one lesion in the lung gets, rule by rule.
_COMPLIANT: Final[Mapping[str, str]] = {
    "lesion-count": "pass",
    "organ-count": "pass",
    "lesion-size": "pass",
    "measurable-lesion": "pass",
    "extracerebral": "pass",
    "ultra-central": "pass",
    "long-bone": "pass",
    "prior-radiotherapy": "pass",
    "all-sites-treated": "pass",
    "age-from-dicom": "pass",
}
_OUTSIDE_THE_LUNG: Final = {"ultra-central": "not-applicable"}
# A tumour of which only the PTV is drawn may have any size up to the PTV's.
_NO_TUMOUR_DRAWN: Final = {"measurable-lesion": "indeterminate"}
# RECIST 1.1: a bone lesion counts by its soft-tissue part, which no contour of the whole lesion shows.
_IN_BONE: Final = {**_OUTSIDE_THE_LUNG, "measurable-lesion": "indeterminate"}


def _round(centre_mm: _Point, diameter_mm: float, *, margin_mm: float = 5.0, fall_mm: float = 8.0) -> Target:
    """Return a spherical tumour in a PTV of the margin."""
    radius_mm = diameter_mm / 2
    return Target(centre_mm, (radius_mm, radius_mm, radius_mm), radius_mm + margin_mm, fall_mm=fall_mm)


def _phantom(
    case: str,
    description: str,
    targets: tuple[Target, ...],
    changes: Mapping[str, str] | None = None,
    *,
    body: Body | None = None,
    schedule: tuple[float, int] = (48.0, 4),
    facts: Mapping[str, bool | int | date] | None = None,
) -> Phantom:
    """Return a phantom, by default in the chest; ``changes`` and ``facts`` are what differs from a compliant one."""
    return Phantom(
        case=case,
        description=description,
        body=body or chest(),
        course=Course("SBRT", targets, *schedule, _DATE),
        declared={"progressing_lesions": len(targets), **_FACTS, **(facts or {})},
        expected={**_COMPLIANT, **(changes or {})},
    )


def _peripheral(
    case: str, description: str, changes: Mapping[str, str] | None = None, *, fall_mm: float = 8.0
) -> Phantom:
    """Return a phantom with a 20 mm tumour far out in the right lung, with GTV, ITV and PTV drawn."""
    target = replace(_round(_PERIPHERAL, 20.0, fall_mm=fall_mm), itv_mm=12.0)
    return _phantom(case, description, (target,), changes)


def _turned(axis: _Point, degrees: float, shift_mm: _Point) -> FloatArray:
    """Return a rigid transform ``(4, 4)``: a turn about an axis through the origin, then a shift."""
    from scipy.spatial.transform import Rotation  # half a second to import, and two cases need it

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.asarray(axis) * degrees / np.linalg.norm(axis), degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return frozen(matrix)


def _central() -> tuple[Phantom, ...]:
    hilar = _phantom(
        "lung-ultracentral",
        "tumour of 20 mm at the right hilum: GTV and PTV overlap the proximal bronchial tree",
        (_round(_HILAR, 20.0),),
        {"ultra-central": "fail"},
        schedule=(60.0, 8),
        facts={"ultra_central_metastasis": True},
    )
    undrawn = replace(
        hilar,
        case="lung-ultracentral-missing-airway",
        description="the same without contours of trachea and bronchial tree, which the CT still shows",
        not_drawn=frozenset({"Trachea", "AirWay_Prox"}),
        expected={**hilar.expected, "ultra-central": "indeterminate"},
    )
    return hilar, undrawn


def _outside_the_lung() -> tuple[Phantom, ...]:
    femur = (_round((85.0, 0.0, 0.0), 20.0),)
    vertebra = (_round((0.0, 58.0, 0.0), 16.0, margin_mm=3.0, fall_mm=6.5),)
    liver = (_round((-90.0, 0.0, 20.0), 20.0), _round((-30.0, -15.0, 8.0), 24.0))
    brain = (_round((25.0, -20.0, 20.0), 20.0, margin_mm=2.0, fall_mm=6.5),)
    three = (
        _round(_PERIPHERAL, 20.0),
        _round((-85.0, -5.0, -130.0), 20.0),
        _round((0.0, 58.0, -140.0), 16.0, margin_mm=3.0, fall_mm=6.5),
    )
    return (
        _phantom(
            "femur",
            "tumour of 20 mm in the shaft of the left femur, a long bone",
            femur,
            {**_IN_BONE, "long-bone": "fail"},
            body=thighs(),
            schedule=(35.0, 5),
        ),
        _phantom("vertebra", "tumour of 16 mm in L1", vertebra, _IN_BONE, body=abdomen(), schedule=(30.0, 3)),
        _phantom(
            "liver-two-lesions",
            "tumours of 20 and 24 mm in the liver: two lesions, one organ",
            liver,
            _OUTSIDE_THE_LUNG,
            body=abdomen(),
            schedule=(45.0, 3),
        ),
        _phantom(
            "brain",
            "tumour of 20 mm in the brain, which the protocol excludes",
            brain,
            {**_OUTSIDE_THE_LUNG, "extracerebral": "fail"},
            body=head(),
            schedule=(30.0, 3),
            facts={"brain_metastases": True},
        ),
        _phantom(
            "three-organs",
            "one tumour each in lung, liver and L1: one organ too many",
            three,
            {"organ-count": "fail"},
            body=torso(),
            schedule=(45.0, 3),
            facts={"progressing_organs": 3},
        ),
    )


def _counts() -> tuple[Phantom, ...]:
    places = ((-100.0, 20.0, 34.0), (-88.0, 4.0, -40.0), (98.0, 18.0, 34.0), (88.0, 4.0, -40.0))
    four = tuple(_round(place, 16.0) for place in places)
    two = (four[0], replace(four[3], treated=False))
    return (
        _phantom("four-lesions", "four tumours of 16 mm in both lungs: one too many", four, {"lesion-count": "fail"}),
        _phantom(
            "untreated-lesion",
            "two tumours of 16 mm, both prescribed for, one left without dose",
            two,
            {"all-sites-treated": "fail"},
        ),
    )


def _sizes() -> tuple[Phantom, ...]:
    tiny = _round(_PERIPHERAL, 8.0, fall_mm=5.5)
    tall = Target(_WIDE, (18.0, 18.0, 23.0), 28.0)
    undrawn = [replace(_round(_WIDE, diameter), gtv_drawn=False) for diameter in (28.0, 40.0)]
    return (
        _phantom("lesion-over-4cm", "tumour of 46 mm in the lung", (_round(_WIDE, 46.0),), {"lesion-size": "fail"}),
        _phantom("lesion-40mm", "tumour of exactly 40.0 mm, which is eligible", (_round(_WIDE, 40.0),)),
        _phantom("lesion-tall", "tumour 36 mm across and 46 mm high: the axial diameter counts", (tall,)),
        _phantom("lesion-8mm", "tumour of 8 mm, too small to be measurable", (tiny,), {"measurable-lesion": "fail"}),
        _phantom(
            "ptv-only-38mm",
            "no GTV drawn, PTV of 38 mm: the tumour cannot be larger than 40 mm",
            (undrawn[0],),
            _NO_TUMOUR_DRAWN,
        ),
        _phantom(
            "ptv-only-50mm",
            "no GTV drawn, PTV of 50 mm: the tumour may be larger than 40 mm or not",
            (undrawn[1],),
            {**_NO_TUMOUR_DRAWN, "lesion-size": "indeterminate"},
        ),
    )


def _earlier_courses() -> tuple[Phantom, ...]:
    again = Course("EARLIER", (_round(_PERIPHERAL, 20.0),), 48.0, 4, _PRIOR_DATE)
    elsewhere = Course("EARLIER", (_round((95.0, 12.0, -10.0), 20.0),), 48.0, 4, _PRIOR_DATE)
    moved = Scan(to_patient=_turned((0.0, 0.0, 1.0), 12.0, (35.0, -20.0, 60.0)))
    same_frame = _peripheral(
        "reirradiation",
        "an earlier course gave the tumour its full dose, although none is declared; same frame of reference",
        {"prior-radiotherapy": "fail"},
    )
    registered = _peripheral(
        "reirradiation-registered",
        "the same earlier course in a frame of reference of its own, joined by a registration",
        {"prior-radiotherapy": "fail"},
    )
    other_lung = _peripheral("prior-elsewhere", "an earlier course in the other lung; same frame of reference")
    return (
        replace(same_frame, prior=Prior(again)),
        replace(registered, prior=Prior(again, moved)),
        replace(other_lung, prior=Prior(elsewhere)),
    )


def _missing_parts() -> tuple[Phantom, ...]:
    young = _peripheral("age-17", "the patient is 17 years old", {"age-from-dicom": "fail"})
    # Age and declaration need no contour.
    without_structures = dict.fromkeys(_COMPLIANT, "not-evaluated") | {
        "age-from-dicom": "pass",
        "prior-radiotherapy": "pass",
    }
    return (
        replace(
            _peripheral("no-dose", "the plan was exported without its dose", {"all-sites-treated": "not-evaluated"}),
            has_dose=False,
        ),
        replace(
            _peripheral("no-structures", "the plan was exported without its structures", without_structures),
            has_structures=False,
        ),
        replace(young, birth_date="20090301", declared={**young.declared, "age_years": 17}),
    )


def _conformity() -> tuple[Phantom, ...]:
    return (
        _peripheral("conformity-variation", "half of the prescription reaches 26 mm: R50 is 5.2", fall_mm=10.6),
        _peripheral("conformity-poor", "half of the prescription reaches 30 mm: R50 is 8.0", fall_mm=14.6),
    )


def _fine() -> tuple[Phantom, ...]:
    coarse = _peripheral("lung-peripheral-fine", "the compliant lung lesion on a dose grid of 2 mm")
    return (replace(coarse, scan=Scan(dose_mm=2.0)),)


def _even() -> tuple[Phantom, ...]:
    """Return plans in which every organ gets the same dose: a limit fails if it is lower, and passes if it is higher.

    The doses lie 2 % or more from every limit of the library for that number of fractions.
    """
    target = replace(_round(_PERIPHERAL, 20.0), fall_mm=2000.0)
    even = {
        fractions: replace(
            _phantom(
                f"even-{fractions}-fraction" + "s" * (fractions > 1),
                f"all that limits speak of gets {dose:g} Gy in {fractions}, as in no patient: what is over and under",
                (target,),
                {"ultra-central": "not-evaluated"},  # the oesophagus is no longer beside the lung
                body=collection(),
                schedule=(dose, fractions),
            ),
            scan=Scan(dose_mm=5.0),  # nothing to resolve
        )
        for fractions, dose in {1: 13.0, 3: 21.0, 4: 32.0, 5: 28.0}.items()
    }
    again = replace(
        even[5],
        case="even-again",
        description="the same in 5 fractions after 40 Gy in 20, as evenly, in the same frame of reference",
        prior=Prior(Course("EARLIER", (target,), 40.0, 20, _PRIOR_DATE)),
        expected={**even[5].expected, "prior-radiotherapy": "fail"},
    )
    return *even.values(), again


def _positions() -> tuple[Phantom, ...]:
    oblique = _turned((5.0, 2.0, 3.0), 9.0, (0.0, 0.0, 0.0))
    scans = {
        "prone": ("scanned prone", Scan("HFP")),
        "feet-first": ("scanned feet first", Scan("FFS")),
        "feet-first-prone": ("scanned feet first and prone", Scan("FFP")),
        "oblique": ("images, dose and contours on oblique planes", Scan("HFS", oblique, tilted=True)),
    }
    return tuple(
        replace(_peripheral(f"lung-peripheral-{name}", f"the compliant lung lesion, {text}"), scan=scan)
        for name, (text, scan) in scans.items()
    )


@cache
def _library() -> Mapping[str, Phantom]:
    families = (
        (_peripheral("lung-peripheral", "tumour of 20 mm far out in the right lung: everything complies"),),
        _central(),
        _outside_the_lung(),
        _sizes(),
        _counts(),
        _earlier_courses(),
        _missing_parts(),
        _conformity(),
        _fine(),
        _even(),
        _positions(),
    )
    return {phantom.case: phantom for family in families for phantom in family}


def cases() -> tuple[str, ...]:
    """Return the ids of all cases, the compliant one first."""
    return tuple(_library())


def phantom(case: str) -> Phantom:
    """Return one case.

    Raises
    ------
    UsageError
        If there is no such case.
    """
    try:
        return _library()[case]
    except KeyError:
        raise UsageError(f"there is no phantom {case!r}", remedy="sbrtcheck phantom --list names them") from None


def describe(case: str) -> str:
    """Return the one-line description of a case."""
    return phantom(case).description
