"""Both lungs without the gross tumours."""

from types import SimpleNamespace
from typing import Any

import pytest

from sbrtcheck.checks.lungs import of_lungs
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Structure
from sbrtcheck.results import Interval

LEFT, RIGHT, LUNGS = (Structure(n, name, "ORGAN", ()) for n, name in ((1, "Lung_L"), (2, "Lung_R"), (3, "Lungs")))
GTV, ITV = Structure(4, "GTV", "GTV", ()), Structure(5, "ITV", "GTV", ())
# Volumes in cm3 that receive 20 Gy, and of the whole; the tumour lies in the lung and is all hot.
HOT = {1: 100.0, 2: 20.0, 3: 120.0, 4: 10.0, 5: 20.0}
WHOLE = {1: 1000.0, 2: 1000.0, 3: 2000.0, 4: 10.0, 5: 20.0}


def derived(named: dict[str, tuple[Structure, ...]], *lesions: Any) -> Any:
    """Stand in for the derived quantities: a composed structure carries its parts in its contours."""

    def composed(name: str, plus: tuple[Structure, ...], minus: tuple[Structure, ...]) -> Any:
        return SimpleNamespace(plus=plus, minus=minus)

    return SimpleNamespace(named=lambda name: named.get(name, ()), lesions=lesions, composed=composed)


class Share:
    """Percent of a composed structure that is hot, 0.1 either way."""

    unit = "%"

    def compute(self, structure: Any, derived: Any) -> Interval:
        hot, whole = (
            sum(of[s.roi_number] for s in structure.plus) - sum(of[s.roi_number] for s in structure.minus)
            for of in (HOT, WHOLE)
        )
        value = 100.0 * hot / whole
        return Interval(value, value - 0.1, value + 0.1)


METRIC: Any = Share()
BOTH = {"Lung_L": (LEFT,), "Lung_R": (RIGHT,)}
WITH_GTV = SimpleNamespace(id="lesion 1", gtv=GTV, measured=GTV)
WITHOUT_GTV = SimpleNamespace(id="lesion 1", gtv=None, measured=ITV)


@pytest.mark.parametrize("named", [BOTH, {"Lungs": (LUNGS,)}, BOTH | {"Lungs": (LUNGS,)}])
def test_the_tumour_is_left_out(named: dict[str, tuple[Structure, ...]]) -> None:
    # (120 - 10) / (2000 - 10)
    found = of_lungs(METRIC, derived(named, WITH_GTV))
    assert (found.value, found.low, found.high) == pytest.approx((5.5276, 5.4276, 5.6276), abs=1e-4)  # four digits


def test_two_lesions_that_share_a_tumour_leave_it_out_once() -> None:
    assert of_lungs(METRIC, derived(BOTH, WITH_GTV, WITH_GTV)) == of_lungs(METRIC, derived(BOTH, WITH_GTV))


def test_without_a_gtv_what_encloses_it_bounds_the_value() -> None:
    # Nothing left out: 120 / 2000. The whole ITV left out: 100 / 1980.
    found = of_lungs(METRIC, derived(BOTH, WITHOUT_GTV))
    assert (found.low, found.high) == pytest.approx((5.0505 - 0.1, 6.0 + 0.1), abs=1e-4)  # four digits
    inside = of_lungs(METRIC, derived(BOTH, WITH_GTV))  # a tumour within the ITV
    assert found.low <= inside.low <= inside.high <= found.high


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"Lung_L": (LEFT,)},
        {"Lungs": (LUNGS, LEFT)},
        BOTH | {"Lungs": (LUNGS, LEFT)},
        BOTH | {"Lung_L": (LEFT, LUNGS)},
    ],
)
def test_both_lungs_are_needed_once_each(named: dict[str, tuple[Structure, ...]]) -> None:
    with pytest.raises(NotComputable, match="both lungs"):
        of_lungs(METRIC, derived(named, WITH_GTV))
