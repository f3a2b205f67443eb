"""Frames joined by deformable registrations: direction, inverse, chains, what is not known; against SimpleITK."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.model import DeformableRegistration, FloatArray, Lattice, Registration, frozen
from sbrtcheck.prior.mapping import find_mapping
from sbrtcheck.prior.warp import INVERSE_MM, warp_of

LANDMARK = np.array([[10.0, -25.0, 70.0]])  # as far from any symmetry as can be
CORNER = np.array([-90.0, -110.0, -60.0])


def matrix_of(angles: tuple[float, float, float], shift: tuple[float, float, float]) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


OBLIQUE = matrix_of((4.0, -7.0, 12.0), (-90.0, -110.0, -60.0))
PRE, POST = matrix_of((3.0, 5.0, -9.0), (12.0, -7.0, 4.0)), matrix_of((-6.0, 2.0, 8.0), (5.0, 25.0, -40.0))


def grid(to_patient: FloatArray = OBLIQUE) -> Lattice:
    """Vectors every 5, 6 and 8 mm over 200 x 210 x 200 mm."""
    return Lattice(
        frozen(5.0 * np.arange(41)), frozen(6.0 * np.arange(36)), frozen(8.0 * np.arange(26)), frozen(to_patient)
    )


def nodes_of(lattice: Lattice) -> FloatArray:
    k, j, i = np.meshgrid(lattice.k_mm, lattice.j_mm, lattice.i_mm, indexing="ij")
    return lattice.to_lps(np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))


def waves(points: FloatArray, height_mm: float = 8.0) -> FloatArray:
    """Smooth vectors that differ along each axis; they change by at most 0.2 mm a mm at the usual height."""
    x, y, z = points.T
    return height_mm * np.stack([np.sin(y / 60.0), np.cos(z / 55.0), np.sin(x / 50.0 + y / 90.0)], axis=1)


def bending(
    vectors: FloatArray | None = None,
    *,
    pre: FloatArray = PRE,
    post: FloatArray = POST,
    start: str = "now",
    end: str = "then",
    uid: str = "1.9",
    lattice: Lattice | None = None,
) -> DeformableRegistration:
    lattice = lattice or grid()
    vectors = waves(nodes_of(lattice)) if vectors is None else vectors
    field = frozen(vectors.reshape(*lattice.shape, 3), np.float32)
    return DeformableRegistration(uid, start, end, frozen(pre), lattice, field, frozen(post))


def joined(start: str, end: str, matrix: FloatArray, uid: str = "1.1") -> Registration:
    return Registration(uid, start, end, frozen(matrix), "RIGID")


def applied(matrix: FloatArray, points: FloatArray) -> FloatArray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def inside(count: int = 500, margin_mm: float = 30.0) -> FloatArray:
    rng = np.random.default_rng(3)
    return grid().to_lps(rng.uniform(margin_mm, np.array([200.0, 210.0, 200.0]) - margin_mm, (count, 3)))


SLOPE = np.array([[0.04, 0.10, -0.02], [-0.08, 0.05, 0.06], [0.03, -0.05, 0.09]])


def test_a_deformation_is_walked_in_its_own_direction_and_backwards() -> None:
    bend = bending(nodes_of(grid()) @ SLOPE.T + [3.0, -4.0, 6.0])  # linear: trilinear interpolation is exact
    expected = applied(POST, applied(PRE, LANDMARK) + LANDMARK @ SLOPE.T + [3.0, -4.0, 6.0])
    there = find_mapping((bend,), "now", "then")
    # Vectors of 30 mm in single precision are off by 2e-6 mm at most.
    np.testing.assert_allclose(there.through(LANDMARK), expected, atol=1e-5)
    back = find_mapping((bend,), "then", "now")
    # Found where it maps to within 0.01 mm; the field shrinks nothing below 0.8.
    np.testing.assert_allclose(back.through(expected), LANDMARK, atol=0.0125)
    # Neither is the other, and neither is nothing.
    for wrong in (there.through(expected), back.through(LANDMARK), LANDMARK):
        assert not np.linalg.norm(wrong - expected) < 5.0
    assert "deformable" in there.text
    assert "inverted" not in there.text
    assert "inverted to 0.01 mm" in back.text
    assert there.matrix is None
    assert not there.is_rigid
    assert not there.is_identity
    assert there.registrations == ("1.9",)


def test_without_the_matrices_the_landmark_is_elsewhere() -> None:
    bend = bending()
    whole = find_mapping((bend,), "now", "then").through(LANDMARK)
    for part in ("pre", "post"):
        without = find_mapping((dataclasses.replace(bend, **{part: frozen(np.eye(4))}),), "now", "then")
        assert np.linalg.norm(without.through(LANDMARK) - whole) > 5.0
    swapped = dataclasses.replace(bend, pre=bend.post, post=bend.pre)
    assert np.linalg.norm(find_mapping((swapped,), "now", "then").through(LANDMARK) - whole) > 1.0


def test_a_field_of_waves_agrees_with_its_formula() -> None:
    points = inside()
    found = find_mapping((bending(),), "now", "then").through(points)
    expected = applied(POST, applied(PRE, points) + waves(points))
    # Trilinear interpolation is off by at most (h^2 / 8) times the second derivative, summed over the axes: 25, 36 and
    # 64 over 8 times at most 8 / 50^2 mm, 0.05 mm.
    assert np.abs(found - expected).max() < 0.05


def test_chains_of_matrices_and_deformations_are_walked_in_order() -> None:
    first, last = matrix_of((0.0, 0.0, 3.0), (4.0, -2.0, 1.0)), matrix_of((1.0, -2.0, 0.0), (0.0, 30.0, -6.0))
    chain = (
        joined("a", "now", first, "1.1"),
        bending(start="a", end="b"),
        joined("b", "then", last, "1.2"),
    )
    found = find_mapping(chain, "now", "then")
    # The first object maps the other way, so it is inverted.
    bent = find_mapping((bending(),), "now", "then")
    expected = applied(last, bent.through(applied(np.linalg.inv(first), LANDMARK)))
    np.testing.assert_allclose(found.through(LANDMARK), expected, atol=1e-9)
    assert found.registrations == ("1.1", "1.9", "1.2")
    assert "1.1 (rigid, inverted), 1.9 (deformable" in found.text
    back = find_mapping(chain, "then", "now")
    np.testing.assert_allclose(back.through(expected), LANDMARK, atol=0.0125)  # as above
    two = (bending(start="now", end="a", uid="1.3"), bending(start="then", end="a", uid="1.4"))
    np.testing.assert_allclose(find_mapping(two, "now", "then").through(LANDMARK), LANDMARK, atol=0.0125)


def test_two_sources_of_one_object_are_told_apart() -> None:
    both = (bending(end="then"), bending(end="other", post=matrix_of((0.0, 0.0, 0.0), (100.0, 0.0, 0.0))))
    apart = find_mapping(both, "now", "then").through(LANDMARK) - find_mapping(both, "now", "other").through(LANDMARK)
    assert np.linalg.norm(apart) > 50.0


def test_beyond_the_vectors_nothing_is_mapped() -> None:
    bend = bending()
    there = find_mapping((bend,), "now", "then")
    edges = grid().to_lps(np.array([[0.0, 0.0, 0.0], [200.0, 210.0, 200.0], [200.0, 0.0, 100.0]]))
    assert np.isfinite(there.through(edges)).all()
    beyond = grid().to_lps(np.array([[-0.1, 5.0, 5.0], [5.0, 210.1, 5.0], [5.0, 5.0, 201.0], [1e6, 0.0, 0.0]]))
    assert np.isnan(there.through(beyond)).all()
    assert np.isnan(there.through(np.full((2, 3), np.nan))).all()
    assert there.through(np.empty((0, 3))).shape == (0, 3)
    back = find_mapping((bend,), "then", "now")
    assert np.isnan(back.through(applied(POST @ PRE, beyond[3:]))).all()
    # Every place that is found backwards lies among the vectors and maps to where it should.
    spread = applied(POST @ PRE, nodes_of(grid())[::17] * 1.3)
    found = back.through(spread)
    known = np.isfinite(found).all(axis=1)
    assert 0.1 < known.mean() < 0.9
    assert np.linalg.norm(there.through(found[known]) - spread[known], axis=1).max() <= INVERSE_MM * 1.001  # rounding


def test_beside_an_undefined_vector_nothing_is_mapped() -> None:
    vectors = waves(nodes_of(grid())).reshape(*grid().shape, 3)
    vectors[10, 15, 20] = np.nan  # at 100, 90 and 80 mm along the grid
    bend = bending(vectors)
    points = grid().to_lps(np.array([[96.0, 85.0, 73.0], [104.0, 95.0, 87.0], [94.0, 90.0, 80.0], [100.0, 90.0, 89.0]]))
    found = find_mapping((bend,), "now", "then").through(points)
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2:]).all()
    there = find_mapping((bending(),), "now", "then").through(points)
    back = find_mapping((bend,), "then", "now").through(there)
    assert np.isnan(back[:2]).all()
    np.testing.assert_allclose(back[2:], points[2:], atol=0.0125)  # as above


def fold() -> DeformableRegistration:
    """Along x the places run back between 40 and 60 mm: 0.5 mm less each mm."""
    lattice = grid(matrix_of((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    x = nodes_of(lattice)[:, 0]
    vectors = np.zeros((len(x), 3))
    vectors[:, 0] = -1.5 * np.clip(x - 40.0, 0.0, 20.0)
    return bending(vectors, pre=np.eye(4), post=np.eye(4), lattice=lattice)


def test_where_the_field_folds_nothing_is_mapped_and_it_is_told() -> None:
    there, back = find_mapping((fold(),), "now", "then"), find_mapping((fold(),), "then", "now")
    points = np.array([[30.0, 50.0, 50.0], [50.0, 50.0, 50.0], [75.0, 50.0, 50.0]])
    found = there.through(points)
    np.testing.assert_allclose(found[[0, 2]], [[30.0, 50.0, 50.0], [45.0, 50.0, 50.0]], atol=1e-5)  # single precision
    assert np.isnan(found[1]).all()
    # 4 of 40 cells along x.
    assert "may fold in 10.00% of its grid" in there.text
    # Places from 30 to 40 mm come from three points each: 35 from 35, 50 and 65.
    places = np.array([[22.0, 50.0, 50.0], [35.0, 50.0, 50.0], [50.0, 50.0, 50.0]])
    returned = back.through(places)
    np.testing.assert_allclose(
        returned[[0, 2]], [[22.0, 50.0, 50.0], [80.0, 50.0, 50.0]], atol=0.011
    )  # as it converges
    assert np.isnan(returned[1]).all()
    assert "fold in" not in find_mapping((bending(),), "now", "then").text


def test_a_fold_inside_a_cell_is_found_although_its_corners_do_not_fold() -> None:
    # Two of the four edges along i are turned against the other two: the map folds in the middle of the cell.
    lattice = Lattice(*(frozen(10.0 * np.arange(2)) for _ in range(3)), frozen(np.eye(4)))
    rng = np.random.default_rng(0)
    for _ in range(300):
        bend = bending(rng.uniform(-6.0, 6.0, (8, 3)), pre=np.eye(4), post=np.eye(4), lattice=lattice)
        warp = warp_of(bend)
        if warp.folds:
            continue
        # By central differences at 1000 places: whatever was not called folding does not fold.
        where = rng.uniform(0.1, 9.9, (1000, 3))
        slopes = [(warp.through(where + step) - warp.through(where - step)) / 2e-3 for step in 1e-3 * np.eye(3)]
        assert np.linalg.det(np.stack(slopes, axis=2)).min() > 0.0


def test_what_does_not_converge_is_not_mapped() -> None:
    # Stretched threefold along x: the iteration runs away from every place but the fixed one.
    vectors = np.zeros((np.prod(grid().shape), 3))
    vectors[:, 0] = 2.0 * nodes_of(grid())[:, 0]
    back = find_mapping((bending(vectors, pre=np.eye(4), post=np.eye(4)),), "then", "now")
    assert np.isnan(back.through(np.array([[90.0, 10.0, 20.0]]))).all()


def test_ways_that_bend_differently_contradict_each_other() -> None:
    other = waves(nodes_of(grid()))
    other[:, 1] += 0.6
    with pytest.raises(NotComputable, match=r"contradict each other by 0\.6 mm: 1\.8, 1\.9"):
        find_mapping((bending(), bending(other, uid="1.8")), "now", "then")
    other[:, 1] -= 0.5  # 0.1 mm: another grid of the same registration
    assert find_mapping((bending(), bending(other, uid="1.8")), "now", "then").registrations == ("1.8",)


def test_a_contradiction_is_found_backwards_too() -> None:
    far = matrix_of((0.0, 0.0, 0.0), (400.0, 0.0, 0.0))  # the other frame lies nowhere near the vectors
    other = waves(nodes_of(grid())) + np.array([0.0, 1.0, 0.0])
    with pytest.raises(NotComputable, match=r"contradict each other by 1\.\d mm"):
        find_mapping((bending(post=far), bending(other, post=far, uid="1.8")), "then", "now")


def test_a_matrix_and_a_deformation_that_part_contradict_each_other() -> None:
    rigid = joined("now", "then", POST @ PRE)
    with pytest.raises(NotComputable, match="contradict each other"):
        find_mapping((bending(), rigid), "now", "then")
    with pytest.raises(NotComputable, match="contradict each other"):
        find_mapping((bending(start="then", end="now"), rigid), "now", "then")
    still = bending(np.zeros((np.prod(grid().shape), 3)))
    assert find_mapping((still, rigid), "now", "then").registrations == ("1.1",)


@pytest.mark.parametrize("bent", [False, True])
def test_a_contradiction_far_down_the_way_is_found_on_its_own_small_grid(bent: bool) -> None:
    shift = matrix_of((0.0, 0.0, 0.0), (300.0, 0.0, 0.0))
    first = bending(pre=np.eye(4), post=shift, end="a") if bent else joined("now", "a", shift)
    # A cube of 8 mm between the places at which the first grid is looked at, carried into the frame in between.
    place = find_mapping((first,), "now", "a").through(grid().to_lps(np.array([[108.0, 102.0, 92.0]])))
    small = Lattice(
        *(frozen(np.array([-4.0, 4.0])) for _ in range(3)), frozen(matrix_of((0.0, 0.0, 0.0), tuple(place[0])))
    )
    local = bending(np.full((8, 3), 5.0), pre=np.eye(4), post=np.eye(4), start="a", lattice=small, uid="1.7")
    last = joined("a", "then", np.eye(4), "1.2")
    with pytest.raises(NotComputable, match=r"contradict each other by 8\.7 mm"):  # 5 mm along each axis
        find_mapping((first, local, last), "now", "then")


def test_a_pre_deformation_matrix_is_said() -> None:
    said = "taken where a point lies before the first matrix"
    assert said in find_mapping((bending(),), "now", "then").text
    assert said not in find_mapping((bending(pre=np.eye(4)),), "now", "then").text


@given(st.integers(0, 10_000), st.floats(0.0, 10.0))
@settings(max_examples=10, deadline=None)
def test_there_and_back_is_where_one_was(seed: int, height_mm: float) -> None:
    rng = np.random.default_rng(seed)
    pre, post = (matrix_of(tuple(rng.uniform(-180.0, 180.0, 3)), tuple(rng.uniform(-80.0, 80.0, 3))) for _ in range(2))
    bend = bending(waves(nodes_of(grid()), height_mm), pre=pre, post=post)
    points = inside(100, margin_mm=50.0)
    there = find_mapping((bend,), "now", "then").through(points)
    back = find_mapping((bend,), "then", "now").through(there)
    # The field of 10 mm waves changes by at most 0.25 mm a mm: 0.01 mm there are 0.0134 mm here.
    assert np.linalg.norm(back - points, axis=1).max() < 0.0135


def test_matrices_agree_with_simpleitk() -> None:
    sitk = pytest.importorskip("SimpleITK")
    sheared = matrix_of((10.0, 20.0, 30.0), (5.0, 6.0, -70.0))
    sheared[:3, :3] = sheared[:3, :3] @ np.array([[1.1, 0.2, 0.0], [0.0, 0.9, -0.1], [0.05, 0.0, 1.0]])
    for matrix in (matrix_of((10.0, 20.0, 30.0), (5.0, 6.0, -70.0)), sheared):
        theirs = sitk.AffineTransform(3)
        theirs.SetMatrix(matrix[:3, :3].ravel().tolist())
        theirs.SetTranslation(matrix[:3, 3].tolist())
        points = inside(20)
        forward = find_mapping((joined("now", "then", matrix),), "now", "then").through(points)
        np.testing.assert_allclose(forward, [theirs.TransformPoint(p.tolist()) for p in points], atol=1e-9)
        backward = find_mapping((joined("then", "now", matrix),), "now", "then").through(points)
        inverse = theirs.GetInverse()
        np.testing.assert_allclose(backward, [inverse.TransformPoint(p.tolist()) for p in points], atol=1e-9)


def test_a_vector_grid_agrees_with_a_displacement_field_of_simpleitk() -> None:
    sitk = pytest.importorskip("SimpleITK")
    bend = bending(pre=np.eye(4), post=np.eye(4))
    image = sitk.GetImageFromArray(bend.vectors_mm.astype(np.float64), isVector=True)
    image.SetSpacing(bend.lattice.spacing_mm)
    image.SetOrigin(bend.lattice.to_patient[:3, 3].tolist())
    image.SetDirection(bend.lattice.to_patient[:3, :3].ravel().tolist())
    theirs = sitk.DisplacementFieldTransform(sitk.Image(image))
    points = inside(100)
    found = find_mapping((bend,), "now", "then").through(points)
    # Both are trilinear; vectors turned into the grid in single precision are off by 1e-6 mm.
    np.testing.assert_allclose(found, [theirs.TransformPoint(p.tolist()) for p in points], atol=1e-5)
    # Backwards, their transform leads from where we are to where we should be, within the 0.01 mm of the inverse.
    back = find_mapping((bend,), "then", "now").through(points)
    returned = np.array([theirs.TransformPoint(p.tolist()) for p in back])
    assert np.linalg.norm(returned - points, axis=1).max() <= INVERSE_MM + 1e-5
