"""What is derived from a case: names, assumptions, memory, frames of reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.naming import SiteFile


def test_every_structure_is_accounted_for_in_the_assumptions(draw: Any) -> None:
    derived = draw.patient(
        [
            draw.sphere(1, "GTV", (0, 0, 0), 8),
            draw.sphere(2, "PTV-GTV", (0, 0, 0), 12, kind="PTV"),
            draw.box(3, "Lt Lung", (20, -20, -20), (60, 20, 20)),
            draw.box(4, "Esophaguss", (-40, -5, -20), (-30, 5, 20)),
        ]
    )
    texts = [a.text for a in derived.assumptions]
    assert any("ROI 1 'GTV' is taken as a GTV by name" in t for t in texts)
    assert any("ROI 2 'PTV-GTV' is not taken as a target" in t for t in texts)
    assert any("ROI 3 'Lt Lung' is taken as Lung_L" in t for t in texts)
    assert any("ROI 4 'Esophaguss' is not taken as any known structure" in t and "Esophagus" in t for t in texts)
    assert all(a.overrule for a in derived.assumptions)


def test_two_rois_of_one_name_are_both_found_and_noticed(draw: Any) -> None:
    derived = draw.patient([draw.sphere(1, "Heart", (0, 0, 0), 20), draw.sphere(2, "heart", (5, 0, 0), 20)])
    assert [s.roi_number for s in derived.named("Heart")] == [1, 2]
    assert [n.code for n in derived.notices] == ["name-claimed-twice"]


def test_without_structures_nothing_is_assumed(draw: Any) -> None:
    derived = draw.patient(None)
    assert derived.assumptions == derived.notices == ()
    with pytest.raises(NotComputable, match="Structure Set"):
        derived.lesions  # noqa: B018


def test_the_site_file_reaches_names_and_roles(draw: Any) -> None:
    site = SiteFile(structures={"Bronch": "AirWay_Prox"}, targets={"V1": "GTV"})
    derived = draw.patient([draw.sphere(1, "V1", (0, 0, 0), 8), draw.sphere(2, "Bronch", (40, 0, 0), 8)], site=site)
    assert derived.lesions[0].gtv.roi_number == 1
    assert [s.roi_number for s in derived.named("AirWay_Prox")] == [2]


def test_a_quantity_that_cannot_be_computed_stays_so(draw: Any) -> None:
    derived = draw.patient([draw.empty(1, "GTV")])
    for _ in range(2):
        with pytest.raises(NotComputable):
            derived.volume(derived.structures[0])


def test_dose_of_another_frame_of_reference_is_refused(draw: Any) -> None:
    structures = [draw.sphere(1, "GTV", (0, 0, 0), 8)]
    derived = draw.patient(structures, dose=draw.dose(lambda x, y, z: 0 * x + 1, frame="9.9.9"))
    with pytest.raises(NotComputable, match=r"9\.9\.9"):
        derived.dvh(derived.structures[0])


def test_structures_of_two_frames_are_not_compared(draw: Any) -> None:
    other = replace(draw.sphere(2, "Liver", (0, 0, 0), 30), frame_of_reference_uid="9.9.9")
    derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 8), other])
    with pytest.raises(NotComputable, match="different frames"):
        derived.separation(*derived.structures)
    with pytest.raises(NotComputable, match="different frames"):
        derived.overlap(*derived.structures)


def test_overlap_is_symmetric_and_zero_far_away(draw: Any) -> None:
    derived = draw.patient(
        [draw.sphere(1, "A", (0, 0, 0), 8), draw.sphere(2, "B", (5, 0, 0), 8), draw.sphere(3, "C", (90, 0, 0), 8)]
    )
    a, b, c = derived.structures
    assert derived.overlap(a, b) == derived.overlap(b, a)
    assert derived.overlap(a, c).high == 0.0


def test_one_plane_takes_its_thickness_from_the_images(draw: Any) -> None:
    flat = replace(draw.sphere(1, "GTV", (0, 0, 0), 8), contours=(draw.circle((0, 0, 0), 0.0, 8.0),))
    with pytest.raises(NotComputable):
        draw.patient([flat]).volume(flat)
    volume = draw.patient([flat], image=draw.image(3.0)).volume(flat)
    # A disc of radius 8 mm, at most two spacings thick.
    assert volume.high <= np.pi * 0.64 * 0.6 + 1e-3
