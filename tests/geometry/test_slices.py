"""Layers of the two models of shape."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.geometry.region import region_of
from sbrtcheck.geometry.slices import layers_of
from sbrtcheck.geometry.volume import volume


def test_slabs_are_area_times_thickness(draw) -> None:
    heights = np.array([-4.0, -2.0, 0.0, 3.0, 5.0])
    region = region_of(draw.structure([draw.circle(10.0 - 0.5 * n, z, 200) for n, z in enumerate(heights)]))
    areas = np.array([outline.area for outline in region.outlines])
    half = np.array([1.0, 1.0, 1.5, 1.0]), np.array([1.0, 1.0, 1.5, 1.0])
    thickness = np.concatenate([[1.0], half[0]]) + np.concatenate([half[1], [1.0]])
    found = volume(region, "slab")
    assert found.value == pytest.approx(areas @ thickness / 1000.0, rel=1e-12)
    assert (found.low, found.high) == (found.value, found.value)  # a convention has no bounds


def test_layers_fill_the_height_without_gap(draw) -> None:
    region = region_of(draw.structure([draw.circle(8.0, z, 100) for z in (-3.0, 0.0, 3.0, 6.0)]))
    for model in ("shape", "slab"):
        for thickness in (np.inf, 1.0, 0.37):
            layers = layers_of(region, thickness, model)
            assert layers.low_mm[1:] == pytest.approx(layers.high_mm[:-1], abs=1e-12)
            assert (layers.thickness_mm <= thickness + 1e-9).all()
            total = layers.volume_mm3
            assert total == pytest.approx(layers_of(region, np.inf, model).volume_mm3, rel=1e-9)


def test_a_turned_part_has_turned_layers(draw) -> None:
    heights = np.array([0.0, 3.0, 6.0, 9.0])
    radii = np.array([9.0, 8.0, 6.0, 3.0])
    up = layers_of(
        region_of(draw.structure([draw.circle(r, z, 100) for r, z in zip(radii, heights, strict=True)])), 0.5
    )
    down = layers_of(
        region_of(draw.structure([draw.circle(r, -z, 100) for r, z in zip(radii, heights, strict=True)])), 0.5
    )
    assert down.low_mm[::-1] == pytest.approx(-up.high_mm, abs=1e-9)
    assert down.area_mm2[:, ::-1] == pytest.approx(up.area_mm2, rel=1e-9)
    assert 1.0 - down.blend[::-1] == pytest.approx(up.blend, abs=1e-9)
