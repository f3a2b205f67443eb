"""Every real set: what must be read of it, and what must be refused by name.

Those that may be published lie in ``fixtures/real``; the others are read where the environment variable
SBRTCHECK_REAL_DATA, or a folder beside the checkout, holds them.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.multival import MultiValue

from sbrtcheck.dicom import load_case
from sbrtcheck.dicom.document import make_document
from sbrtcheck.dicom.pixels import stored_values
from sbrtcheck.dicom.stream import parse
from sbrtcheck.errors import AmbiguousCase, DuplicateInstance, MixedPatients, NoDicomFound

FIXTURES = Path(__file__).parents[2] / "fixtures" / "real"
ELSEWHERE = Path(os.environ.get("SBRTCHECK_REAL_DATA", Path(__file__).parents[2].parent / "shared/data/real"))
PUBLISHED = sorted(p.name for p in FIXTURES.iterdir() if p.is_dir())
PRIVATE = ["eclipse16-proton-110gy-1fx", "onkodicom-rigid-reg", "philips-4dct-thorax-phase00", "pinnacle910-hn-3rx"]
PRIVATE += ["pinnacle910-sbrt-lung-planonly"]


@pytest.fixture(params=["published", "original"])
def real(request):
    """Paths in the published sets and, where they are at hand, in the originals."""
    return finder(FIXTURES if request.param == "published" else ELSEWHERE)


@pytest.fixture
def unpublished():
    """Paths in the sets that may not be published, where they are at hand."""
    return finder(ELSEWHERE)


def finder(root: Path):
    def find(*parts: str) -> Path:
        if not root.joinpath(*parts).exists():
            pytest.skip(f"the set {parts[0]} is not at hand; SBRTCHECK_REAL_DATA names the folder of real sets")
        return root.joinpath(*parts)

    return find


def codes_of(reading, *severities: str) -> set[str]:
    return {n.code for n in reading.notices if n.severity in (severities or ("blocking", "warning", "info"))}


def rois(reading) -> dict:
    return {s.roi_number: s for s in reading.case.structure_set.structures}


def test_eclipse_breast(real) -> None:
    reading = load_case([real("eclipse-breast-dvh")])
    case = reading.case
    assert codes_of(reading, "blocking") == set()
    assert [(p.dose_gy, p.fractions, p.target_name, p.source) for p in case.plan.prescriptions] == [
        (14.0, 7, "Breast", "dose-reference")
    ]
    assert case.plan.isocentres_mm == ((72.5304715048, -304.3445582552, -9.3092401018882),)
    assert case.dose.lattice.shape == (98, 129, 194)
    assert case.dose.lattice.spacing_mm == pytest.approx((2.5, 2.5, 3.0))
    assert case.dose.lattice.to_lps(np.zeros((1, 3)))[0].tolist() == [-228.6541915, -419.2444776, -122.4407]
    assert float(case.dose.dose_gy.max()) == pytest.approx(14.680764, rel=1e-6)  # float32
    assert case.dose.quantisation_gy == pytest.approx(0.7e-5)
    assert len(rois(reading)) == 10
    assert len(rois(reading)[2].contours) == 0  # Areola
    assert rois(reading)[4].interpreted_type == "GTV"  # on the breast: types are kept as stated
    assert case.image.lattice.shape == (1, 512, 512)
    assert {
        "percent-dvh-statistics",
        "dose-reference-point",
        "empty-roi",
        "incomplete-ct",
        "single-ct-slice",
    } == codes_of(reading)
    assert {r.modality for r in reading.inputs if r.used} == {"CT", "RTDOSE", "RTPLAN", "RTSTRUCT"}


def test_eclipse_breast_stored_dvhs(real) -> None:
    dvhs = {d.roi_number: d for d in load_case([real("eclipse-breast-dvh")]).case.dose.tps_dvhs}
    assert sorted(dvhs) == [1, 3, 4, 5, 6, 7, 8, 9, 10]
    # Numbers of DVH Sequence times 14 Gy / 100, worked out beside this program.
    assert dvhs[4].mean_gy == pytest.approx(5.6135245, abs=1e-6)
    assert dvhs[10].minimum_gy == pytest.approx(12.4987188, abs=1e-6)
    assert dvhs[10].maximum_gy == pytest.approx(14.6620992, abs=1e-6)
    assert dvhs[10].volume_cm3[0] == pytest.approx(62.88269018, abs=1e-8)
    assert dvhs[10].dose_gy[-1] == pytest.approx(14.68)
    assert all((d.volume_cm3 >= 0).all() and (np.diff(d.volume_cm3) <= 0).all() for d in dvhs.values())


def test_eclipse_breast_dose_is_read_fast_enough(real) -> None:
    # Not a benchmark: it fails only where reading falls back to one object a number, ten times slower.
    import time

    start = time.perf_counter()
    load_case([real("eclipse-breast-dvh")])
    assert time.perf_counter() - start < 5.0


def test_eclipse_rando(real) -> None:
    reading = load_case([real("eclipse81-rando-prostate-nodose")])
    assert [(p.dose_gy, p.fractions) for p in reading.case.plan.prescriptions] == [(46.0, 23)]
    assert len(rois(reading)) == 16
    assert sum(not s.contours for s in rois(reading).values()) == 10
    assert rois(reading)[13].name == "PTV"
    assert {"unreadable-file", "no-dose"} == codes_of(reading, "blocking")
    refused = [r for r in reading.inputs if r.why.startswith("unreadable: damaged")]
    assert [r.modality for r in refused] == ["RTPLAN"]
    with pytest.raises(NoDicomFound):
        load_case([real("eclipse81-rando-prostate-nodose", "rtplan_crlf_damaged.dcm")])


def test_eclipse_proton_110_gy(unpublished) -> None:
    folder = unpublished("eclipse16-proton-110gy-1fx")
    with pytest.raises(AmbiguousCase, match="SOBPcent100Gy"):
        load_case([folder])
    strange = load_case([folder], plan_uid="1.2.246.352.71.5.37402163639.167470.20221020144648")
    assert strange.case.plan.is_ion
    assert [(p.dose_gy, p.fractions) for p in strange.case.plan.prescriptions] == [(110.0, 1)]
    assert "prescription-contradiction" in codes_of(strange, "blocking")
    sound = load_case([folder], plan_uid="1.2.246.352.71.5.37402163639.162240.20220929101251")
    assert [(p.dose_gy, p.fractions) for p in sound.case.plan.prescriptions] == [(2.2, 1)]
    assert "prescription-contradiction" not in codes_of(sound)


def test_pinnacle_head_and_neck(unpublished) -> None:
    reading = load_case([unpublished("pinnacle910-hn-3rx")])
    assert codes_of(reading, "blocking") == set()
    assert [(p.dose_gy, p.fractions, p.target_name, p.source) for p in reading.case.plan.prescriptions] == [
        (50.0, 25, "H&N PTV1 50 Gy", "roi-name"),
        (14.0, 7, "H&N PTV2 14 Gy", "roi-name"),
        (6.0, 3, "H&N PTV3 6Gy", "roi-name"),
    ]
    assert "prescription-contradiction" not in codes_of(reading)  # beam doses x percent agree to 0.1 %
    assert len(rois(reading)) == 48
    assert sum(not s.contours for s in rois(reading).values()) == 6
    short = [
        c
        for s in rois(reading).values()
        for c in s.contours
        if c.geometric_type == "CLOSED_PLANAR" and len(c.points_mm) < 3
    ]
    assert len(short) == 43  # kept as stored; geometry decides
    assert reading.case.dose.lattice.shape == (82, 74, 88)


def test_pinnacle_plan_only(unpublished) -> None:
    reading = load_case([unpublished("pinnacle910-sbrt-lung-planonly")])
    (rx,) = reading.case.plan.prescriptions
    assert rx.dose_gy == pytest.approx(5 * (5.81475 + 6.38016))
    assert (rx.fractions, rx.source) == (5, "beam-dose")
    assert codes_of(reading, "blocking") == {"no-dose", "no-structures"}


def test_raystation_proton_slope(real) -> None:
    reading = load_case([real("raystation12-proton-slope")])
    assert codes_of(reading, "blocking") == set()
    assert reading.case.plan.is_ion
    assert [(p.dose_gy, p.fractions, p.source) for p in reading.case.plan.prescriptions] == [(1.018482, 1, "beam-dose")]
    assert rois(reading)[2].contours[0].geometric_type == "POINT"
    assert reading.case.dose.lattice.shape == (113, 110, 113)
    assert float(reading.case.dose.dose_gy.max()) == pytest.approx(65535 * 2.837804e-05, rel=1e-6)  # float32


def test_raystation_dose_alone(real) -> None:
    reading = load_case([real("raystation8-water-wedge")])
    assert codes_of(reading, "blocking") == {"no-plan", "no-structures"}
    assert reading.case.dose.lattice.shape == (60, 130, 75)


def test_monaco_tiny(real) -> None:
    reading = load_case([real("monaco-tiny-vmat")])
    assert [(p.dose_gy, p.fractions) for p in reading.case.plan.prescriptions] == [(1.0, 2)]
    assert {"encoding-not-stated", "prescription-contradiction"} <= codes_of(reading)
    assert codes_of(reading, "blocking") == {"no-dose"}
    assert len(rois(reading)) == 2


def test_monaco_two_fraction_groups(real) -> None:
    reading = load_case([real("monaco-two-fraction-groups")])
    assert [(p.dose_gy, p.fractions) for p in reading.case.plan.prescriptions] == [(42.4, 16), (10.0, 4)]
    assert [g.fractions for g in reading.case.plan.fraction_groups] == [16, 4]
    assert "prescription-contradiction" in codes_of(reading, "warning")  # the boost's beam doses add up to 1.28 Gy


def test_monaco_structures(real) -> None:
    with pytest.raises(MixedPatients):
        load_case([real("monaco-srs-phantom-struct")])
    phantom = load_case([real("monaco-srs-phantom-struct", "srs_phantom.dcm")])
    assert sorted(rois(phantom)) == [18, 19, 20, 21, 22]
    rings = [c.points_mm for c in rois(phantom)[21].contours]
    assert sum(ring[0].tolist() == ring[-1].tolist() for ring in rings) == 4  # repeated first points are kept
    box = load_case([real("monaco-srs-phantom-struct", "box_overlap.dcm")])
    assert {s.name for s in rois(box).values()} == {"patient", "tumor"}


def test_varian_orientations(real) -> None:
    reading = load_case([real("varian-8-orientations")])
    assert reading.case.dose is None
    assert {"unreadable-file", "no-dose", "no-structures"} == codes_of(reading, "blocking")
    whys = [r.why for r in reading.inputs if r.modality == "RTDOSE"]
    assert sorted(set(whys)) == ["ignored: it refers to another plan", "unreadable: there are no pixel data"]
    assert len(whys) == 8


def test_varian_planes(real) -> None:
    with pytest.raises(MixedPatients):
        load_case([real("varian-2d-dose")])
    reading = load_case([real("varian-2d-dose", "prostate_reference_1mm.dcm")])
    assert reading.case.dose is None
    assert any("single plane" in r.why for r in reading.inputs)


def test_mim(real) -> None:
    with pytest.raises(DuplicateInstance):
        load_case([real("mim-oblique-phantom")])
    with pytest.raises(AmbiguousCase, match="2 structure sets"):
        load_case([real("mim-oblique-phantom", "mock")])
    sample = load_case([real("mim-oblique-phantom", "sample")])
    assert len(rois(sample)) == 4
    assert sample.case.image.lattice.k_mm.tolist() == [0.0, 5.0, 10.0]
    assert "incomplete-ct" in codes_of(sample)


def test_mim_oblique_slices(real) -> None:
    folder = real("mim-oblique-phantom", "oblique")
    reading = load_case([folder])
    assert reading.case.image is None
    assert "ambiguous-ct" in codes_of(reading)
    image = load_case([folder / "1.dcm", folder / "2.dcm"]).case.image
    assert image.lattice.shape == (2, 50, 100)
    assert image.lattice.spacing_mm[:2] == pytest.approx((2.5, 3.5))  # columns, rows
    corner = image.lattice.to_lps(np.array([[0.0, 0.0, image.lattice.k_mm[1]]]))[0]
    assert corner == pytest.approx([122.0159697, -428.1596334, 38.0798058], abs=1e-3)  # cosines have seven digits


def test_opentps(real) -> None:
    reading = load_case([real("opentps-struct-phantom")])
    assert reading.case.image is None  # CT under another patient id, linked by nothing
    assert {s.name for s in rois(reading).values()} == {"TargetVolume"}
    assert len(rois(reading)[1].contours) == 41
    assert {"image-of-another-patient", "no-dose", "no-plan"} == codes_of(reading, "blocking")
    assert "modality-of-another-class" in codes_of(reading)


def test_philips_ct(unpublished) -> None:
    image = load_case([unpublished("philips-4dct-thorax-phase00")]).case.image
    assert image.lattice.shape == (47, 100, 100)
    assert image.lattice.spacing_mm == (5.0, 5.0, 6.0)
    # Lying downwards: the first file lies highest.
    assert image.lattice.to_patient[2, 3] == pytest.approx(115.5 - 46 * 6.0)
    assert image.volume_hu().min() >= -1024.0


def test_pydicom_edge_cases(real) -> None:
    with pytest.raises(DuplicateInstance):
        load_case([real("pydicom-rt-edge-cases")])
    for name in (
        "rtdose",
        "rtdose_1frame",
        "rtdose_expb",
        "rtdose_expb_1frame",
        "rtdose_rle",
        "rtdose_rle_1frame",
        "badVR",
    ):
        reading = load_case([real("pydicom-rt-edge-cases", f"{name}.dcm")])
        assert reading.case.dose is None
        assert any("RELATIVE" in r.why for r in reading.inputs)
    for name in ("ExplVR_BigEndNoMeta", "ExplVR_LitEndNoMeta"):
        reading = load_case([real("pydicom-rt-edge-cases", f"{name}.dcm")])
        assert "unusable-plan" in codes_of(reading, "blocking")
    with pytest.raises(NoDicomFound, match="cut short"):
        load_case([real("pydicom-rt-edge-cases", "rtplan_truncated.dcm")])
    plan = load_case([real("pydicom-rt-edge-cases", "rtplan.dcm")]).case.plan
    assert [(p.dose_gy, p.fractions, p.target_name) for p in plan.prescriptions] == [(30.826203, 30, "PTV")]
    structures = load_case([real("pydicom-rt-edge-cases", "rtstruct.dcm")])
    assert [s.name for s in rois(structures).values()] == ["patient", "Isocenter 1", "Isocenter 2"]


def test_every_encoding_of_one_dose_has_the_same_pixels(real) -> None:
    found = []
    for name in ("rtdose", "rtdose_expb", "rtdose_rle"):
        data = real("pydicom-rt-edge-cases", f"{name}.dcm").read_bytes()
        found.append(stored_values(make_document(0, data, "", parse(data), is_prior=False), frames=15))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_topas_and_eyeplan(real) -> None:
    topas = load_case([real("topas-incomplete-dose")])
    assert topas.case.dose is None
    assert [r.why for r in topas.inputs if r.modality == "RTDOSE"] == [
        "unreadable: Dose Units are missing, so no dose in Gy is known"
    ] * 2
    eyeplan = load_case([real("eyeplan-dose-template")])
    assert any("single plane" in r.why for r in eyeplan.inputs)
    # Beside the plan that it names, it is still no dose of it.
    both = load_case([real("eclipse-breast-dvh", f) for f in ("rtplan.dcm", "rtss.dcm")])
    assert both.case.dose is None


def test_onkodicom_registration(unpublished) -> None:
    reading = load_case([unpublished("onkodicom-rigid-reg")])
    assert reading.case.registrations == ()
    assert "unusable-registration" in codes_of(reading, "warning")


@pytest.mark.parametrize("name", [*PUBLISHED, *PRIVATE])
def test_our_walk_finds_what_pydicom_finds(name) -> None:
    """An independent reader agrees on every element of every sound file."""
    folder = next((root / name for root in (FIXTURES, ELSEWHERE) if (root / name).is_dir()), None)
    if folder is None:
        pytest.skip(f"the set {name} is not at hand; SBRTCHECK_REAL_DATA names the folder of real sets")
    compared = 0
    for file in sorted(folder.rglob("*"))[:20]:
        if (
            not file.is_file()
            or file.suffix in {".md", ".json"}
            or file.stem in {"rtplan_crlf_damaged", "rtplan_truncated"}
        ):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of oddities that these files are kept for
            _compare(pydicom.dcmread(file, force=True), parse(file.read_bytes()).root)
        compared += 1
    assert compared


def _compare(theirs: pydicom.Dataset, ours) -> None:
    assert {int(tag) for tag in theirs.keys()} == set(ours._elements)  # noqa: SIM118  (a Dataset iterates over elements)
    for tag in theirs.keys():  # noqa: SIM118
        raw = theirs.get_item(tag)
        element = theirs[tag] if raw.VR == "SQ" or ours._elements[int(tag)].items is not None else None
        if element is not None and element.VR == "SQ":
            items = ours._elements[int(tag)].items or ()
            assert len(items) == len(element.value)
            for one, other in zip(element.value, items, strict=True):
                _compare(one, other)
        elif not isinstance(raw.value, MultiValue) and isinstance(raw.value, bytes):
            assert bytes(ours._elements[int(tag)].raw)[: len(raw.value)] == raw.value
