"""Beams that treat, and their isocentres."""

from __future__ import annotations

import copy


def test_beams_that_treat_and_those_without_isocentre(read, build) -> None:
    plan = build.plan()
    found = read(plan).case.plan
    assert (found.treatment_beams, found.beams_without_isocentre) == ((1, 2), ())
    for point in plan.BeamSequence[1].ControlPointSequence:
        if "IsocenterPosition" in point:
            del point.IsocenterPosition
    found = read(plan).case.plan
    assert (found.treatment_beams, found.beams_without_isocentre) == ((1, 2), (2,))


def test_a_set_up_beam_does_not_treat(read, build) -> None:
    plan = build.plan()
    third, reference = (
        copy.deepcopy(s[0]) for s in (plan.BeamSequence, plan.FractionGroupSequence[0].ReferencedBeamSequence)
    )
    third.BeamNumber, reference.ReferencedBeamNumber = 3, 3
    third.TreatmentDeliveryType = "SETUP"
    del reference.BeamDose
    plan.BeamSequence.append(third)
    plan.FractionGroupSequence[0].ReferencedBeamSequence.append(reference)
    assert read(plan).case.plan.treatment_beams == (1, 2)
