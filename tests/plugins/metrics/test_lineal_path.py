"""Lineal path: exact counts, identities, and materials with a closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.lineal_path import LinealPath
from recon.plugins.metrics.two_point import TwoPoint

NAMES = "abc"


def direct(arrays, axis, lag, periodic):
    """Share of runs of lag + 1 voxels along an axis, run by run; NaN when none fits."""
    hits = runs = 0
    for mask in arrays:
        lines = np.moveaxis(mask, axis, -1)
        n = lines.shape[-1]
        for start in range(n if periodic else max(n - lag, 0)):
            run = lines[..., np.arange(start, start + lag + 1) % n]
            hits += int(run.all(-1).sum())
            runs += lines[..., 0].size
    return hits / runs if runs else np.nan


@given(textures(long_side=70), st.integers(1, 20), st.booleans())
def test_directions_of_a_volume_equal_a_direct_count(labels, max_lag, periodic):
    metric = LinealPath(max_lag=max_lag, periodic=periodic)
    values = metric.measure(Volume(labels, phases=NAMES))
    assert values.dims == ("phase", "direction", "lag")
    assert list(values.phase) == [0, 1, 2]
    assert list(values.direction) == ["x", "y", "z"]
    assert list(values.lag) == list(range(max_lag + 1))
    expected = [
        [[direct([labels == p], axis, lag, periodic) for lag in range(max_lag + 1)]
         for axis in (2, 1, 0)]
        for p in range(3)
    ]  # fmt: skip
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)


@given(
    st.lists(textures(dimensions=2, long_side=70), min_size=1, max_size=3),
    st.lists(textures(dimensions=2, long_side=70), min_size=1, max_size=2),
    st.integers(1, 12),
    st.booleans(),
)
def test_micrographs_of_different_sizes_equal_a_direct_count(xy, xz, max_lag, periodic):
    metric = LinealPath(max_lag=max_lag, periodic=periodic)
    values = metric.measure(Micrographs({"xy": xy, "xz": xz}, phases=NAMES))
    for p in range(3):
        first, second = [image == p for image in xy], [image == p for image in xz]
        for lag in range(max_lag + 1):
            along_x = [direct(first, 1, lag, periodic), direct(second, 1, lag, periodic)]
            fitting = [share for share in along_x if share == share]
            expected = [
                np.mean(fitting) if fitting else np.nan,
                direct(first, 0, lag, periodic),
                direct(second, 0, lag, periodic),
            ]
            np.testing.assert_allclose(values[p, :, lag], expected, rtol=0, atol=1e-12)


@given(textures(long_side=70), st.booleans())
def test_a_plane_is_the_mean_of_its_two_axes(labels, periodic):
    volume = Volume(labels, phases=NAMES)
    by_direction = LinealPath(periodic=periodic).measure(volume)
    by_plane = LinealPath(periodic=periodic, planes=True).measure(volume)
    assert by_plane.dims == ("phase", "plane", "lag")
    assert list(by_plane.plane) == ["xy", "xz", "yz"]
    for plane in ("xy", "xz", "yz"):
        mean = by_direction.sel(direction=list(plane)).mean("direction")
        np.testing.assert_allclose(by_plane.sel(plane=plane), mean, rtol=0, atol=1e-12)


@given(textures(long_side=70), st.booleans(), st.booleans())
def test_all_slices_of_a_volume_give_what_the_volume_gives(labels, periodic, planes):
    slices = {plane: np.moveaxis(labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))}
    metric = LinealPath(periodic=periodic, planes=planes)
    whole = metric.measure(Volume(labels, phases=NAMES))
    np.testing.assert_array_equal(metric.measure(Micrographs(slices, phases=NAMES)), whole)


def test_a_plane_that_was_not_given_is_absent():
    image = np.arange(12).reshape(3, 4) % 2
    values = LinealPath(planes=True).measure(Micrographs({"xz": [image]}))
    assert list(values.plane) == ["xz"]
    assert list(LinealPath().measure(Micrographs({"xz": [image]})).direction) == ["x", "z"]


@given(textures(long_side=70), st.booleans())
def test_start_second_value_order_and_bound_by_two_point(labels, periodic):
    volume = Volume(labels, phases=NAMES)
    path = LinealPath(max_lag=12, periodic=periodic).measure(volume).values
    pair = TwoPoint(max_lag=12, periodic=periodic).measure(volume).values
    fractions = np.array([(labels == p).mean() for p in range(3)])
    np.testing.assert_allclose(path[:, :, 0], fractions[:, None].repeat(3, 1), atol=1e-12)
    np.testing.assert_array_equal(path[:, :, :2], pair[:, :, :2])
    np.testing.assert_array_equal(np.isnan(path), np.isnan(pair))
    fits = np.isfinite(path)
    assert (path[fits] <= pair[fits]).all()
    assert path[:, :, 0].sum(0) == pytest.approx(1)
    step = np.diff(path)
    assert (step[np.isfinite(step)] <= 1e-12).all()


@given(textures(long_side=70), st.tuples(*[st.integers(-80, 80)] * 3))
def test_periodic_curves_are_convex_and_ignore_translation_and_reflection(labels, shift):
    metric = LinealPath(max_lag=20, periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    assert (np.diff(values, 2) >= -1e-12).all()
    for same in (np.roll(labels, shift, (0, 1, 2)), labels[::-1, ::-1, ::-1]):
        np.testing.assert_array_equal(metric.measure(Volume(same, phases=NAMES)), values)


@given(textures(long_side=70))
def test_periodic_tiling_changes_nothing(labels):
    metric = LinealPath(max_lag=20, periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    tiled = metric.measure(Volume(np.tile(labels, (2, 1, 3)), phases=NAMES))
    np.testing.assert_allclose(tiled, values, rtol=0, atol=1e-12)


@given(textures(long_side=70), st.permutations(range(3)))
def test_relabelling_permutes_the_curves(labels, order):
    values = LinealPath().measure(Volume(labels, phases=NAMES))
    moved = LinealPath().measure(Volume(np.array(order)[labels], phases=NAMES))
    np.testing.assert_array_equal(moved.values[list(order)], values)


@given(textures(long_side=70))
def test_input_keeps_its_values_and_may_be_a_view(labels):
    stored = np.asfortranarray(labels.repeat(2, 2))[:, ::-1, ::2]
    stored.flags.writeable = False
    before = stored.copy()
    values = LinealPath().measure(Volume(stored, phases="abcd"))
    np.testing.assert_array_equal(stored, before)
    expected = LinealPath().measure(Volume(labels[:, ::-1].copy(), phases=NAMES))
    np.testing.assert_array_equal(values[:3], expected)
    assert np.nanmax(values[3]) == 0


@pytest.mark.parametrize("axis, direction", list(enumerate("zyx")))
def test_a_laminate_falls_linearly(axis, direction):
    layers = np.arange(24) % 12 < 5
    shape = [4, 5, 6]
    shape[axis] = 24
    labels = np.moveaxis(np.broadcast_to(layers, (*np.delete(shape, axis), 24)), -1, axis)
    result = LinealPath(max_lag=30, periodic=True).measure(Volume(labels)).sel(phase=1)
    for other in "xyz":
        line = np.maximum(5 - np.arange(31), 0) / 12 if other == direction else 5 / 12
        np.testing.assert_allclose(result.sel(direction=other), line, atol=1e-12)


def overlapping_spheres(rng, side, radius, eta):
    """Periodic voxel centres outside (1) and inside (0) Poisson spheres."""
    void = np.ones((side,) * 3, np.uint8)
    number = rng.poisson(eta * side**3 / (4 / 3 * np.pi * radius**3))
    reach = np.arange(-radius - 1, radius + 2)
    for centre in rng.uniform(0, side, (number, 3)):
        near = np.floor(centre).astype(int)
        z, y, x = (reach + n for n in near)
        squares = [(axis - c) ** 2 for axis, c in zip((z, y, x), centre, strict=True)]
        inside = np.add.outer(np.add.outer(squares[0], squares[1]), squares[2]) < radius**2
        box = np.ix_(z % side, y % side, x % side)
        void[box] = np.where(inside, 0, void[box])
    return void


def test_overlapping_spheres_have_their_closed_forms():
    """Within five standard errors of 12 samples, three directions each.

    Voxel centres probe a run at points one voxel apart, which turns L = phi^(1 + 3r/4R) into
    phi^(1 + r (3/4R - 1/16R^3)); S2 is not affected.
    """
    rng = np.random.default_rng(2)
    side, radius, eta = 64, 6, 0.7
    path, pair = [], []
    for _ in range(12):
        volume = Volume(overlapping_spheres(rng, side, radius, eta))
        path.append(LinealPath(periodic=True).measure(volume).sel(phase=1).mean("direction"))
        pair.append(TwoPoint(periodic=True).measure(volume).sel(phase=1).mean("direction"))
    r = np.arange(side // 2 + 1)
    apart = np.minimum(r, 2 * radius)
    expected_path = np.exp(-eta * (1 + r * (3 / (4 * radius) - 1 / (16 * radius**3))))
    expected_pair = np.exp(-eta * (1 + 3 * apart / (4 * radius) - apart**3 / (16 * radius**3)))
    for samples, expected in ((path, expected_path), (pair, expected_pair)):
        error = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples))
        assert (np.abs(np.mean(samples, axis=0) - expected) < 5 * error).all()
        assert error.max() < 0.01
    assert np.abs(expected_path - np.exp(-eta * (1 + 3 * r / (4 * radius)))).max() < 0.001


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(LinealPath, max_lag=3, periodic=True, planes=True)
