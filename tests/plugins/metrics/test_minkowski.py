"""Minkowski functionals: scikit-image, a count of cells, smooth bodies, laws."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import euler_number, perimeter_crofton

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, volumes
from recon.core.testing import labels as textures
from recon.plugins.metrics.configurations import count_configurations
from recon.plugins.metrics.minkowski import Minkowski
from recon.plugins.metrics.minkowski_weights import HALF, circle_parts, sphere_parts

NAMES = "abcd"
OUTSIDE = 3
"""Label of a rim around everything: then a count inside the sample is one of whole bodies."""


def places(shape, edges=(1, 1, 1)):
    """Area or volume in which what is counted lies: that of all centres of pixels."""
    return np.prod((np.array(shape) - 1) * np.array(edges)[-len(shape) :])


@given(textures(dimensions=2))
def test_slices_have_the_euler_number_and_perimeter_of_scikit_image(image):
    image = np.pad(image, 1, constant_values=OUTSIDE)
    result = Minkowski().measure(Micrographs({"xz": [image]}, phases=NAMES)).sel(plane="xz")
    for phase in range(3):
        mask, at = image == phase, result.sel(phase=phase)
        assert at["area"] == mask.mean()
        number = at["euler_number"].item() * places(image.shape)
        assert number == pytest.approx(euler_number(mask, connectivity=1), abs=1e-9)
        length = at["perimeter"].item() * places(image.shape)
        assert length == pytest.approx(perimeter_crofton(mask, directions=4), abs=1e-9)


@given(textures(max_side=7))
def test_volumes_have_the_euler_number_of_scikit_image(labels):
    labels = np.pad(labels, 1, constant_values=OUTSIDE)
    values = Minkowski().measure(Volume(labels, phases=NAMES))
    for phase in range(3):
        mask, at = labels == phase, values.sel(phase=phase)
        assert at["volume"] == mask.mean()
        number = at["euler_number_3d"].item() * places(labels.shape)
        assert number == pytest.approx(euler_number(mask, connectivity=1), abs=1e-9)


@given(textures(min_side=2, max_side=6), st.sampled_from([(1, 1, 1), (2, 1, 1), (3, 1, 2)]))
def test_surface_equals_a_count_of_changes_along_13_directions(labels, edges):
    """S_V = 2 P_L, each direction by the part of the sphere nearest to it, found by throwing."""
    steps = np.array(HALF) * edges
    units = steps / np.linalg.norm(steps, axis=1)[:, None]
    thrown = np.random.default_rng(0).standard_normal((100_000, 3))
    nearest = np.abs(thrown @ units.T).argmax(1)
    parts = np.bincount(nearest, minlength=13) / len(thrown)
    blocks = np.lib.stride_tricks.sliding_window_view(labels, (2, 2, 2))
    values = Minkowski().measure(Volume(labels, np.array(edges) * 1e-6, NAMES))["surface"]
    for phase in range(3):
        mask = blocks == phase
        density = 0
        for part, step, way in zip(parts, HALF, np.linalg.norm(steps, axis=1), strict=True):
            ends = [(a, tuple(np.add(a, step))) for a in product((0, 1), repeat=3)]
            ends = [(a, b) for a, b in ends if set(b) <= {0, 1}]
            changes = np.mean([mask[..., *a] != mask[..., *b] for a, b in ends])
            density += 2 * part * changes / way
        assert values.sel(phase=phase).item() == pytest.approx(density, rel=0.02, abs=1e-9)


@given(textures(min_side=2, max_side=6))
def test_mean_curvature_equals_euler_numbers_of_plane_sections(labels):
    """M_V = 2 pi times the mean Euler number per area: of squares, rectangles and triangles."""
    values = Minkowski().measure(Volume(labels, phases=NAMES))["mean_curvature"]
    for phase in range(3):
        mask = labels == phase
        total = 0
        axes = {(0, 0, 1): [(1, 0, 0), (0, 1, 0)], (0, 1, 0): [(1, 0, 0), (0, 0, 1)]}
        axes[1, 0, 0] = [(0, 1, 0), (0, 0, 1)]
        for sides in axes.values():
            total += 2 * 0.0457778912 * quadrangles(mask, *sides)
        for i, sign in product(range(3), (1, -1)):
            along, across = np.zeros(3, int), np.zeros(3, int)
            along[i], across[(i + 1) % 3], across[(i + 2) % 3] = 1, 1, sign
            total += 2 * 0.0369806278 * quadrangles(mask, along, across) / 2**0.5
        for signs in product((1, -1), repeat=2):
            turned = mask[:, :: signs[0], :: signs[1]]
            total += 2 * 0.0351956542 * triangles(turned) / (3**0.5 / 2)
        assert values.sel(phase=phase).item() == pytest.approx(2 * np.pi * total, abs=1e-6)


def quadrangles(mask, one, other):
    """Mean Euler number of quadrangles with two sides, over those of the places of cubes."""
    return np.mean([gray(*corners) for corners in around(mask, one, other)])


def around(mask, one, other):
    one, other = np.array(one), np.array(other)
    low = np.minimum(np.minimum(one, other), np.minimum(one + other, 0))
    free = [i for i in range(3) if not (one[i] or other[i])]
    for shift in ([0], [0, 1])[len(free)]:
        start = -low
        if free:
            start[free[0]] += shift
        corners = [start, start + one, start + one + other, start + other]
        yield [
            mask[tuple(slice(c, c + n - 1) for c, n in zip(corner, mask.shape, strict=True))]
            for corner in corners
        ]


def gray(a, b, c, d):
    """Gray's formula for 4 neighbours: (one corner - three corners + 2 diagonal pairs) / 4."""
    number = sum(each.astype(int) for each in (a, b, c, d))
    diagonal = (number == 2) & (a == c)
    return ((number == 1).astype(int) - (number == 3) + 2 * diagonal).mean() / 4


def triangles(mask):
    """Mean Euler number of a cube's two triangles across a space diagonal."""
    z, y, x = (n - 1 for n in mask.shape)
    corner = {
        at: mask[at[0] : at[0] + z, at[1] : at[1] + y, at[2] : at[2] + x]
        for at in product((0, 1), repeat=3)
    }
    worth = np.array([0, 1 / 6, -1 / 6, 0])
    means = []
    for level in (1, 2):
        number = sum(value.astype(int) for at, value in corner.items() if sum(at) == level)
        means.append(worth[number].mean())
    return np.mean(means)


def test_directions_of_a_cubic_lattice_have_the_published_parts():
    """Ohser & Mucklich (2000), table of weights of the 13 directions."""
    parts = sphere_parts([np.array(v, float) for v in HALF])
    count = np.abs(HALF).sum(1)
    np.testing.assert_allclose(parts[count == 1], 2 * 0.0457778912, atol=1e-7)
    np.testing.assert_allclose(parts[count == 2], 2 * 0.0369806278, atol=1e-7)
    np.testing.assert_allclose(parts[count == 3], 2 * 0.0351956542, atol=1e-7)
    flat = [np.array(v, float) for v in ((0, 1), (2, 1), (2, 0), (2, -1))]
    angle = np.arctan(2) / np.pi
    np.testing.assert_allclose(circle_parts(flat), [angle, 0.25, 0.5 - angle, 0.25])


def ball(radius, edges=(1, 1, 1), hollow=0):
    shape = [int(2 * radius / edge) + 8 for edge in edges]
    centre = [side * edge / 2 + 0.2 for side, edge in zip(shape, edges, strict=True)]
    places = np.indices(shape).T * np.array(edges) - centre
    distance = np.square(places.T).sum(0)
    return Volume((distance < radius**2) & (distance >= hollow**2), np.array(edges) * 1e-6)


@pytest.mark.parametrize("edges", [(1, 1, 1), (2, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize("radius", [10, 16.3])
def test_a_ball_has_its_surface_and_mean_curvature_in_space(radius, edges):
    volume = ball(radius, edges)
    value = Minkowski().measure(volume) * places(volume.shape, edges)
    assert value["surface"].sel(phase=1).item() == pytest.approx(4 * np.pi * radius**2, rel=0.01)
    curvature = value["mean_curvature"]
    assert curvature.sel(phase=1).item() == pytest.approx(4 * np.pi * radius, rel=0.01)
    assert curvature.sel(phase=0).item() == pytest.approx(-curvature.sel(phase=1).item())
    np.testing.assert_allclose(value["euler_number_3d"], 1)


def test_balls_are_what_quantimpy_finds():
    """quantimpy 0.2.6: surface / 8 and curvature / 2 pi^2."""
    for side, centre, radius, surface, curvature in (
        (24, 11.7, 8, 100.78918, 5.08216),
        (34, 16.2, 12.3, 237.69697, 7.84379),
    ):
        inside = np.square(np.indices((side,) * 3) - centre).sum(0) < radius**2
        value = Minkowski().measure(Volume(inside)).sel(phase=1) * places(inside.shape)
        assert value["surface"].item() / 8 == pytest.approx(surface, rel=1e-3)
        assert value["mean_curvature"].item() / (2 * np.pi**2) == pytest.approx(curvature, abs=1e-5)


def test_cylinders_through_the_sample_are_not_cut_off_by_its_border():
    """Per length 2 pi r of surface, pi of mean curvature, no Euler number; circles on slices.

    Where all lies along an axis, the mean over 13 directions is not that over a sphere: that of
    |cos| to the axis, which curvature goes with, is .4633 in place of 1/2.
    """
    radius = 9
    y, x = np.indices((40, 42)) - 20.4
    cylinder = np.broadcast_to(y**2 + x**2 < radius**2, (25, 40, 42))
    value = Minkowski().measure(Volume(cylinder)).sel(phase=1) * places((40, 42))
    assert value["surface"].item() == pytest.approx(2 * np.pi * radius, rel=0.04)
    assert value["mean_curvature"].item() == pytest.approx(2 * np.pi * 0.4633, rel=1e-4)
    assert value["euler_number_3d"] == 0
    circles = value.sel(plane="xy")
    assert circles["perimeter"].item() == pytest.approx(2 * np.pi * radius, rel=0.01)
    assert circles["euler_number"].item() == pytest.approx(1)
    assert (value["euler_number"].sel(plane=["xz", "yz"]) == 0).all()


def test_topology_of_a_shell_a_ring_and_two_bodies_that_meet_at_a_corner():
    shell = ball(9, hollow=5)
    ring = np.zeros((5, 8, 8), int)
    ring[2, 2:6, 2:6] = 1
    ring[2, 3:5, 3:5] = 0
    corner = np.zeros((6, 6, 6), int)
    corner[1:3, 1:3, 1:3] = corner[3:5, 3:5, 3:5] = 1
    for labels, number in ((shell.labels, 2), (ring, 0), (corner, 2)):
        result = Minkowski().measure(Volume(labels)).sel(phase=1)
        total = result["euler_number_3d"].item() * places(labels.shape)
        assert total == pytest.approx(number, abs=1e-9)
    holes = Minkowski().measure(Volume(ring))["euler_number"].sel(phase=1, plane="xy")
    assert holes.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
@given(volumes(max_side=6), st.permutations(range(3)), st.permutations(range(3)))
def test_axes_mirrors_and_labels_may_be_exchanged(volume, order, axes):
    values = Minkowski().measure(volume)
    sizes = [volume.voxel_size[axis] for axis in axes]
    turned = np.array(order)[volume.labels.transpose(axes)[::-1, :, ::-1]]
    moved = Minkowski().measure(Volume(turned, sizes, volume.phases))
    normal = dict(zip(range(3), ("xy", "xz", "yz"), strict=True))
    planes = [normal[axis] for axis in axes]
    for name, value in moved.items():
        old = values[name].sel(plane=planes) if "plane" in value.dims else values[name]
        scale = float(np.nanmax(np.abs(old.values), initial=0)) if old.notnull().any() else 0
        np.testing.assert_allclose(
            value.values[list(order)], old.values, rtol=1e-9, atol=1e-9 * scale + 1e-300
        )


@given(textures(min_side=2), st.data())
def test_counts_of_parts_with_a_common_layer_add_up(labels, data):
    cut = data.draw(st.integers(0, labels.shape[1] - 1))
    parts = [np.ascontiguousarray(part) for part in (labels[:, : cut + 1], labels[:, cut:])]
    for depth in (1, 2):
        total = sum(count_configurations(part, depth, 3) for part in parts)
        np.testing.assert_array_equal(total, count_configurations(labels, depth, 3))


@given(volumes(min_side=2))
def test_all_slices_of_a_volume_have_what_its_planes_have(volume):
    slices = {
        plane: np.moveaxis(volume.labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    whole = Minkowski().measure(volume)
    flat = Minkowski().measure(Micrographs(slices, volume.voxel_size, volume.phases))
    assert set(flat) == {"area", "perimeter", "euler_number"}
    assert flat.identical(whole[list(flat)])


def test_absent_phases_and_single_voxels():
    values = Minkowski().measure(Volume(np.zeros((3, 4, 5), int), phases="ab"))
    assert values["volume"].values.tolist() == [1, 0] and (values["area"].sel(phase=0) == 1).all()
    rest = values.drop_vars(["volume", "area"])
    assert all((rest[name] == 0).all() for name in rest)
    flat = Minkowski().measure(Volume(np.eye(4, dtype=int)[None]))
    assert flat["surface"].isnull().all() and (flat["perimeter"].sel(plane="xy") > 0).all()
    assert flat["perimeter"].sel(plane=["xz", "yz"]).isnull().all()
    assert (flat["area"].sel(phase=1) == 0.25).all()


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(Minkowski)
