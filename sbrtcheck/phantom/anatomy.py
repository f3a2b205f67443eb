"""The bodies that targets are put into: a few organs of simple shape in the right places.

Sizes and places are plain numbers of about the right magnitude for an adult. They are chosen so that organs stay clear
of each other; nothing is measured on a person. The right side of the patient is at negative x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sbrtcheck.phantom.solids import Cylinder, Ellipsoid, Solid, Tube, sphere

_SOFT_HU: Final = 40.0
_LUNG_HU: Final = -750.0
_BONE_HU: Final = 500.0
_AIR_HU: Final = -1000.0


@dataclass(frozen=True, slots=True)
class Organ:
    """One organ: the union of its solids.

    Attributes
    ----------
    name : str
        TG-263 name.
    hu : float
        CT number inside.
    drawn : bool
        Whether the structure set has it; the CT shows it in any case.
    """

    name: str
    solids: tuple[Solid, ...]
    hu: float
    colour: tuple[int, int, int]
    drawn: bool = True
    interpreted_type: str = "ORGAN"


@dataclass(frozen=True, slots=True)
class Body:
    """Organs in the order of painting (a later one covers an earlier one), and the scanned length.

    Attributes
    ----------
    skin : Cylinder
        The outside of the body.
    z_mm : (float, float)
        Lowest and highest slice.
    """

    skin: Cylinder
    organs: tuple[Organ, ...]
    z_mm: tuple[float, float]


def _trunk(organs: tuple[Organ, ...], z_mm: tuple[float, float]) -> Body:
    skin = Cylinder((0.0, 0.0), (160.0, 105.0))
    spine = (
        Organ("Bone", (Cylinder((0.0, 68.0), (18.0, 26.0)),), _BONE_HU, (230, 220, 190), drawn=False),
        Organ("SpinalCanal", (Cylinder((0.0, 82.0), (8.0, 8.0)),), _SOFT_HU, (180, 150, 60), drawn=False),
        Organ("SpinalCord", (Cylinder((0.0, 84.0), (5.0, 5.0)),), _SOFT_HU, (255, 220, 0)),
    )
    return Body(skin, (*spine, *organs), z_mm)


RIGHT_LUNG: Final = Ellipsoid((-82.0, 5.0, 0.0), (55.0, 75.0, 80.0))
LEFT_LUNG: Final = Ellipsoid((82.0, 5.0, 0.0), (50.0, 75.0, 80.0))

# The lowest 2 cm of the trachea, both main bronchi, the right intermediate and the lobar bronchi.
BRONCHIAL_TREE: Final = (
    Tube((0.0, 17.0, 50.0), (0.0, 18.0, 30.0), 9.0),
    Tube((0.0, 18.0, 30.0), (-28.0, 20.0, 12.0), 7.0),
    Tube((-28.0, 20.0, 12.0), (-48.0, 18.0, 20.0), 5.0),
    Tube((-28.0, 20.0, 12.0), (-34.0, 22.0, -14.0), 6.0),
    Tube((-34.0, 22.0, -14.0), (-50.0, 14.0, -22.0), 4.0),
    Tube((0.0, 18.0, 30.0), (38.0, 22.0, 6.0), 6.5),
    Tube((38.0, 22.0, 6.0), (54.0, 16.0, 12.0), 5.0),
    Tube((38.0, 22.0, 6.0), (46.0, 28.0, -12.0), 5.0),
)
_TRACHEA: Final = (Tube((0.0, 12.0, 150.0), (0.0, 18.0, 30.0), 9.0),)
_ARTERY: Final = (
    Tube((12.0, -28.0, 0.0), (10.0, 0.0, 12.0), 9.0),
    Tube((10.0, 0.0, 12.0), (-26.0, 0.0, 10.0), 7.0),
    Tube((10.0, 0.0, 12.0), (34.0, 4.0, 14.0), 7.0),
)
_VEINS: Final = (
    Tube((0.0, 2.0, -10.0), (-30.0, 0.0, -12.0), 6.0),
    Tube((0.0, 2.0, -10.0), (36.0, 2.0, -10.0), 6.0),
)
_AORTA: Final = (
    Tube((-2.0, -20.0, 0.0), (-2.0, -16.0, 48.0), 10.0),
    Tube((-2.0, -16.0, 48.0), (28.0, 8.0, 50.0), 8.0),
    Tube((28.0, 8.0, 50.0), (28.0, 50.0, 48.0), 8.0),
    Tube((28.0, 50.0, 48.0), (28.0, 50.0, -400.0), 10.0),
)
_CAVA: Final = (Tube((-21.0, -12.0, 10.0), (-21.0, -12.0, 150.0), 6.0),)


def _chest_organs() -> tuple[Organ, ...]:
    heart = Ellipsoid((2.0, -40.0, -35.0), (28.0, 32.0, 35.0))
    return (
        Organ("Lung_L", (LEFT_LUNG,), _LUNG_HU, (90, 160, 220)),
        Organ("Lung_R", (RIGHT_LUNG,), _LUNG_HU, (60, 120, 200)),
        Organ("Heart", (heart,), _SOFT_HU, (220, 60, 60)),
        Organ("Esophagus", (Cylinder((8.0, 34.0), (7.0, 7.0)),), _SOFT_HU, (200, 120, 40)),
        Organ("GreatVes", (*_AORTA, *_CAVA, *_ARTERY, *_VEINS), _SOFT_HU, (200, 40, 120)),
        Organ("A_Pulmonary", _ARTERY, _SOFT_HU, (120, 80, 220)),
        Organ("V_Pulmonary", _VEINS, _SOFT_HU, (220, 80, 160)),
        Organ("Trachea", _TRACHEA, _AIR_HU, (120, 220, 220)),
        Organ("AirWay_Prox", BRONCHIAL_TREE, _AIR_HU, (0, 200, 200)),
    )


def _abdominal_organs(z_mm: float) -> tuple[Organ, ...]:
    liver = Ellipsoid((-55.0, -10.0, z_mm + 10.0), (78.0, 60.0, 45.0))
    stomach = Ellipsoid((70.0, -25.0, z_mm + 20.0), (38.0, 35.0, 35.0))
    right, left = (Ellipsoid((x, 64.0, z_mm - 30.0), (22.0, 20.0, 40.0)) for x in (-58.0, 58.0))
    vertebra = Cylinder((0.0, 58.0), (18.0, 16.0), (z_mm - 14.0, z_mm + 14.0))
    return (
        Organ("VB_L1", (vertebra,), 250.0, (240, 230, 200)),
        Organ("Liver", (liver,), 100.0, (160, 90, 40)),
        Organ("Stomach", (stomach,), _SOFT_HU, (220, 160, 200)),
        Organ("Kidney_L", (left,), 130.0, (200, 140, 60)),
        Organ("Kidney_R", (right,), 130.0, (180, 120, 60)),
    )


# Organs that the library limits, apart from lungs, airways, liver and renal cortex: those in the middle or on no side
# of their own, and the pairs, each of which lies on its own side.
_SINGLE: Final = (
    *("SpinalCord", "SpinalCanal", "CaudaEquina", "SacralPlex", "Brainstem", "OpticChiasm", "Esophagus", "Heart"),
    *("GreatVes", "AirWay_Dist", "Stomach", "Duodenum", "Jejunum_Ileum", "Bowel_Small", "Colon", "Rectum"),
    *("Bladder_Wall", "PenileBulb", "Rib", "Chestwall", "Skin"),
)
_PAIRED: Final = ("OpticNrv", "Cochlea", "BrachialPlex", "Femur_Head", "Kidney", "Kidney_Hilum")
_BALL_MM: Final = 20.0  # radius: 33.5 cm3, more than the largest volume to which a limit gives a dose (30 cm3)
_APART_MM: Final = 42.0
_TOP_MM: Final = -114.0  # below the lungs
_ROWS_MM: Final = (63.0, 21.0, -21.0, -63.0)


def _balls() -> tuple[Organ, ...]:
    """Return a ball for each limited organ: layers of three columns in the middle, and the pairs beside them."""
    places = [(x, y) for y in _ROWS_MM for x in (0.0, -_APART_MM, _APART_MM)]
    found = []
    for number, name in enumerate(_SINGLE):
        layer, place = divmod(number, len(places))
        found.append((name, *places[place], _TOP_MM - _APART_MM * layer))
    for number, name in enumerate(_PAIRED):
        layer, row = divmod(number, len(_ROWS_MM))
        for side, x in (("_L", 2 * _APART_MM), ("_R", -2 * _APART_MM)):
            found.append((name + side, x, _ROWS_MM[row], _TOP_MM - _APART_MM * layer))
    return tuple(
        Organ(name, (sphere((x, y, z), _BALL_MM),), _SOFT_HU, (60 + 5 * n, 220 - 5 * n, 140))
        for n, (name, x, y, z) in enumerate(found)
    )


def collection() -> Body:
    """Return lungs and airways, and below them, where no body has it, every other organ that the library limits."""
    trachea = Tube((0.0, 14.0, 70.0), (0.0, 18.0, 30.0), 9.0)
    right, left = (sphere((x, 56.0, -240.0), 32.0) for x in (-66.0, 66.0))
    organs = (
        Organ("Lung_L", (LEFT_LUNG,), _LUNG_HU, (90, 160, 220)),
        Organ("Lung_R", (RIGHT_LUNG,), _LUNG_HU, (60, 120, 200)),
        Organ("Trachea", (trachea,), _AIR_HU, (120, 220, 220)),
        Organ("AirWay_Prox", BRONCHIAL_TREE, _AIR_HU, (0, 200, 200)),
        *_balls(),
        Organ("Liver", (Ellipsoid((0.0, -30.0, -240.0), (75.0, 50.0, 58.0)),), 100.0, (160, 90, 40)),
        Organ("Kidney_Cortex_L", (left,), 130.0, (200, 140, 60)),
        Organ("Kidney_Cortex_R", (right,), 130.0, (180, 120, 60)),
    )
    return Body(Cylinder((0.0, 0.0), (160.0, 105.0)), organs, (-304.0, 90.0))


def chest() -> Body:
    """Return a chest: lungs, heart, airway, oesophagus, vessels, spine."""
    return _trunk(_chest_organs(), (-90.0, 90.0))


def abdomen() -> Body:
    """Return an upper abdomen: liver, kidneys, stomach, spine with its first lumbar vertebra."""
    return _trunk(_abdominal_organs(0.0), (-80.0, 70.0))


def torso() -> Body:
    """Return chest and upper abdomen in one scan; the abdomen is 140 mm lower than in ``abdomen``."""
    return _trunk((*_chest_organs(), *_abdominal_organs(-140.0)), (-190.0, 90.0))


def thighs() -> Body:
    """Return both thighs in one outline."""
    right, left = (Cylinder((x, 0.0), (15.0, 15.0)) for x in (-85.0, 85.0))
    organs = (
        Organ("Femur_L", (left,), _BONE_HU, (240, 230, 200)),
        Organ("Femur_R", (right,), _BONE_HU, (220, 210, 180)),
    )
    return Body(Cylinder((0.0, 0.0), (165.0, 95.0)), organs, (-70.0, 70.0))


def head() -> Body:
    """Return a head: skull, brain, brainstem."""
    organs = (
        Organ("Skull", (Ellipsoid((0.0, 0.0, 0.0), (74.0, 90.0, 82.0)),), 800.0, (240, 230, 200), drawn=False),
        Organ("Brain", (Ellipsoid((0.0, 0.0, 0.0), (66.0, 82.0, 74.0)),), 35.0, (240, 180, 180)),
        Organ("Brainstem", (Ellipsoid((0.0, 25.0, -45.0), (12.0, 12.0, 18.0)),), 35.0, (160, 200, 120)),
    )
    return Body(Cylinder((0.0, 0.0), (78.0, 95.0)), organs, (-90.0, 90.0))
