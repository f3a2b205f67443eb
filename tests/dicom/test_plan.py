"""RT Plan: prescriptions and where they come from, contradictions, and plans that are not whole."""

from __future__ import annotations

import pytest


def only(read, build, plan, *more):
    reading = read(plan, *more)
    return reading, reading.case.plan


def reference(build, number, dose, kind="SITE", **more):
    item = build.make(DoseReferenceNumber=number, DoseReferenceStructureType=kind, DoseReferenceType="TARGET")
    item.DoseReferenceDescription = f"target {number}"
    if dose is not None:
        item.TargetPrescriptionDose = dose
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def test_a_dose_reference_of_the_only_fraction_group(read, build) -> None:
    _, plan = only(read, build, build.plan())
    (rx,) = plan.prescriptions
    assert (rx.dose_gy, rx.fractions, rx.target_roi, rx.target_name, rx.source) == (
        50.0,
        5,
        None,
        "PTV",
        "dose-reference",
    )
    assert plan.fraction_groups[0].beam_doses_gy == ((1, 5.0), (2, 5.0))
    assert plan.isocentres_mm == ((1.0, 2.0, 3.0),)
    assert (plan.date, plan.is_ion, plan.referenced_structure_set_uid) == ("20240503", False, build.STRUCTURES)


def test_an_ion_plan_is_read_like_a_plan(read, build) -> None:
    ion = build.plan()
    ion.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
    ion.IonBeamSequence = ion.BeamSequence
    for beam in ion.IonBeamSequence:
        beam.IonControlPointSequence = beam.ControlPointSequence
        del beam.ControlPointSequence
    del ion.BeamSequence
    _, plan = only(read, build, ion)
    assert plan.is_ion
    assert plan.isocentres_mm == ((1.0, 2.0, 3.0),)
    assert plan.prescriptions[0].dose_gy == 50.0


def test_a_volume_names_its_roi_and_a_wrong_number_blocks(read, build, codes) -> None:
    plan = build.plan()
    plan.DoseReferenceSequence = [reference(build, 1, 50.0, "VOLUME", ReferencedROINumber=1)]
    _, found = only(read, build, plan, build.structures())
    assert found.prescriptions[0].target_roi == 1
    plan.DoseReferenceSequence = [reference(build, 1, 50.0, "VOLUME", ReferencedROINumber=9)]
    reading, found = only(read, build, plan, build.structures())
    assert found.prescriptions[0].target_roi is None
    assert "prescription-contradiction" in codes(reading)


def test_two_levels_in_one_fraction_group_are_two_prescriptions(read, build) -> None:
    plan = build.plan()
    plan.DoseReferenceSequence = [reference(build, 1, 50.0), reference(build, 2, 48.0)]
    _, found = only(read, build, plan)
    assert [(p.dose_gy, p.fractions) for p in found.prescriptions] == [(50.0, 5), (48.0, 5)]


def test_a_calculation_point_beside_a_site_is_no_prescription(read, build) -> None:
    plan = build.plan()
    plan.DoseReferenceSequence = [reference(build, 1, 50.0), reference(build, 2, 41.3, "COORDINATES")]
    reading, found = only(read, build, plan)
    assert [p.dose_gy for p in found.prescriptions] == [50.0]
    assert "dose-reference-point" in {n.code for n in reading.notices}


def test_a_point_alone_is_the_prescription(read, build) -> None:
    plan = build.plan()
    plan.DoseReferenceSequence = [reference(build, 2, 50.0, "COORDINATES")]
    assert [p.dose_gy for p in only(read, build, plan)[1].prescriptions] == [50.0]


def test_an_organ_at_risk_or_an_empty_dose_is_no_prescription(read, build) -> None:
    plan = build.plan()
    organ = reference(build, 2, 20.0)
    organ.DoseReferenceType = "ORGAN_AT_RISK"
    plan.DoseReferenceSequence = [reference(build, 1, None), organ]
    reading, found = only(read, build, plan)
    assert [p.source for p in found.prescriptions] == ["beam-dose"]
    assert [a.topic for a in reading.assumptions] == ["prescription"]


def two_groups(build, *, linked=True):
    plan = build.plan(beams=(10.0, 4.0))
    first = plan.FractionGroupSequence[0]
    second = build.make(FractionGroupNumber=2, NumberOfFractionsPlanned=3, NumberOfBrachyApplicationSetups=0)
    second.ReferencedBeamSequence = [first.ReferencedBeamSequence.pop()]
    plan.FractionGroupSequence = [first, second]
    plan.DoseReferenceSequence = [reference(build, 1, 50.0), reference(build, 2, 12.0)]
    for group, number in ((first, 1), (second, 2)) if linked else ():
        group.ReferencedDoseReferenceSequence = [build.make(ReferencedDoseReferenceNumber=number)]
    return plan


def test_fraction_groups_are_linked_to_their_dose_references(read, build) -> None:
    reading, found = only(read, build, two_groups(build))
    assert [(p.dose_gy, p.fractions) for p in found.prescriptions] == [(50.0, 5), (12.0, 3)]
    assert not any(n.code == "prescription-contradiction" for n in reading.notices)


def test_without_a_link_the_fractions_stay_unknown(read, build) -> None:
    reading, found = only(read, build, two_groups(build, linked=False))
    assert [(p.dose_gy, p.fractions) for p in found.prescriptions] == [(50.0, None), (12.0, None)]
    assert "prescription-fractions-unknown" in {n.code for n in reading.notices}


def test_beam_doses_stand_in_for_a_prescription(read, build) -> None:
    reading, found = only(read, build, build.plan(rx=None, beams=(6.0, 6.2)))
    (rx,) = found.prescriptions
    assert rx.dose_gy == pytest.approx(61.0)  # (6.0 + 6.2) x 5; sum of three roundings
    assert (rx.fractions, rx.source) == (5, "beam-dose")
    assert "dose points" in reading.assumptions[0].text


def test_an_incomplete_set_of_beam_doses_is_no_prescription(read, build) -> None:
    reading, found = only(read, build, build.plan(rx=None, beams=(6.0, None)))
    assert found.prescriptions == ()
    assert "no-prescription" in {n.code for n in reading.notices}


def test_contradictions_are_told(read, build, codes) -> None:
    reading, _ = only(read, build, build.plan(beams=(5.0, 6.0)))  # 55 Gy against 50 Gy
    assert [n.severity for n in reading.notices if n.code == "prescription-contradiction"] == ["warning"]
    reading, _ = only(read, build, build.plan(beams=(5.0, 5.2)))  # 51 Gy: within 5 %
    assert not any(n.code == "prescription-contradiction" for n in reading.notices)
    plan = build.plan()
    plan.DoseReferenceSequence[0].DeliveryMaximumDose = 2.2
    assert "prescription-contradiction" in codes(only(read, build, plan)[0])


@pytest.mark.parametrize(
    "fault",
    [
        lambda p: delattr(p, "RTPlanLabel"),
        lambda p: delattr(p, "RTPlanGeometry"),
        lambda p: delattr(p, "FractionGroupSequence"),
        lambda p: delattr(p, "BeamSequence"),
        lambda p: delattr(p, "ReferencedStructureSetSequence"),
        lambda p: p.BeamSequence.pop(),
        lambda p: setattr(p.BeamSequence[1], "BeamNumber", 1),
        lambda p: setattr(p.FractionGroupSequence[0], "NumberOfFractionsPlanned", 0),
        lambda p: setattr(p.FractionGroupSequence[0], "NumberOfBrachyApplicationSetups", 1),
        lambda p: setattr(p.FractionGroupSequence[0].ReferencedBeamSequence[0], "BeamDose", -1),
        lambda p: setattr(p.DoseReferenceSequence[0], "TargetPrescriptionDose", -1),
        lambda p: setattr(p.DoseReferenceSequence[0], "DoseReferenceNumber", None),
        lambda p: p.FractionGroupSequence.append(p.FractionGroupSequence[0]),
        lambda p: [setattr(b, "TreatmentDeliveryType", "SETUP") for b in p.BeamSequence],
    ],
)
def test_a_plan_that_is_not_whole_is_refused(read, build, codes, fault) -> None:
    plan = build.plan()
    fault(plan)
    reading = read(plan, build.structures())
    assert reading.case.plan is None
    assert codes(reading) >= {"unusable-plan", "no-plan"}
    assert [r.why.startswith("unreadable: ") for r in reading.inputs if r.modality == "RTPLAN"] == [True]


def test_pinnacle_states_prescriptions_in_names_of_points(read, build, codes) -> None:
    plan = build.plan(rx=None, beams=(5.0, 5.2))
    plan.Manufacturer = "ADAC"
    point = build.contour([0.0, 0.0, 0.0], "POINT")
    name = "rx 1: Lung PTV: 1000 cGy x 5 to 98%: pt: Calc Point"
    rois = build.structures(rois={1: ("PTV", "PTV", [build.contour()]), 2: (name, "", [point])})
    reading, found = only(read, build, plan, rois)
    (rx,) = found.prescriptions
    assert (rx.dose_gy, rx.fractions, rx.target_name, rx.source) == (50.0, 5, "Lung PTV", "roi-name")
    assert "pinnacle-prescription-names" in {n.code for n in reading.notices}
    assert "prescription-contradiction" not in {n.code for n in reading.notices}  # 51 Gy x 98 % is 49.98 Gy
    plan.FractionGroupSequence[0].NumberOfFractionsPlanned = 4
    assert "prescription-contradiction" in codes(only(read, build, plan, rois)[0])


def test_a_name_that_only_looks_like_a_prescription_is_not_read(read, build) -> None:
    plan = build.plan(rx=None)
    plan.Manufacturer = "ADAC"
    name = "rx 1: Lung PTV: 1000 cGy x 5 to 98%"
    rois = build.structures(rois={2: (name, "", [build.contour()])})  # a drawn region, not a point
    assert [p.source for p in only(read, build, plan, rois)[1].prescriptions] == ["beam-dose"]
