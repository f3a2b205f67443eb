"""``check --anatomy``: masks beside the plan, from files to the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sbrtcheck
from sbrtcheck.dicom import load_case
from sbrtcheck.phantom import write_phantom
from sbrtcheck.results import PlanReport, RuleResult

nibabel = pytest.importorskip("nibabel")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compliant lung lesion."""
    folder = tmp_path_factory.mktemp("plan")
    write_phantom("lung-peripheral", folder)
    return folder


@pytest.fixture(scope="module")
def no_oesophagus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site file that takes the oesophagus away."""
    path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text('schema = "sbrtcheck-site/1"\n[structures]\nEsophagus = "ignore"\n', encoding="utf-8")
    return path


def masks(plan: Path, folder: Path, name: str, reach_mm: float) -> Path:
    """Write a mask of all voxels within a distance of the lesion's PTV, named as a class of TotalSegmentator."""
    case = load_case((plan,)).case
    assert case.image is not None
    assert case.structure_set is not None
    lattice = case.image.lattice
    ptv = next(s for s in case.structure_set.structures if s.name == "PTV")
    middle = lattice.to_grid(np.concatenate([c.points_mm for c in ptv.contours])).mean(axis=0)
    k, j, i = np.meshgrid(lattice.k_mm, lattice.j_mm, lattice.i_mm, indexing="ij")
    inside = np.hypot(np.hypot(i - middle[0], j - middle[1]), k - middle[2]) <= reach_mm
    to_lps = lattice.to_patient @ np.diag([*(np.diff(t)[0] for t in (lattice.i_mm, lattice.j_mm, lattice.k_mm)), 1.0])
    to_lps[:3, 3] = lattice.to_lps(np.array([[lattice.i_mm[0], lattice.j_mm[0], lattice.k_mm[0]]]))[0]
    # NIfTI looks from the other side: right and anterior are its negative x and y (RAS).
    image = nibabel.Nifti1Image(inside.transpose(2, 1, 0).astype(np.uint8), np.diag([-1.0, -1.0, 1.0, 1.0]) @ to_lps)
    folder.mkdir()
    nibabel.save(image, folder / f"{name}.nii.gz")
    return folder


def rule(report: PlanReport, name: str) -> RuleResult:
    return next(r for r in report.results if r.rule == name)


@pytest.mark.parametrize(("reach_mm", "verdict"), [(20.0, "indeterminate"), (None, "not-evaluated")])
def test_masks_advise_and_are_accounted_for(
    plan: Path, no_oesophagus: Path, tmp_path: Path, reach_mm: float | None, verdict: str
) -> None:
    folder = masks(plan, tmp_path / "anatomy", "esophagus", reach_mm) if reach_mm else None
    found = sbrtcheck.check(plan, ["getug-storm-01"], anatomy=folder, site=no_oesophagus)
    result = rule(found, "ultra-central")
    assert result.verdict == verdict
    assert ("oesophagus (masks) 0.0 mm" in result.reason) is (reach_mm is not None)
    read = [(r.modality, r.used) for r in found.inputs if r.modality == "NIFTI"]
    assert read == ([("NIFTI", True)] if reach_mm else [])
    assert any(a.topic == "anatomy" for a in found.assumptions) is (reach_mm is not None)


def test_a_folder_without_masks_blocks(plan: Path, tmp_path: Path) -> None:
    (tmp_path / "anatomy").mkdir()
    found = sbrtcheck.check(plan, ["getug-storm-01"], anatomy=tmp_path / "anatomy")
    assert rule(found, "no-anatomy").verdict == "not-evaluated"
