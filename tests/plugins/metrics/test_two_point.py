"""Two-point correlation: exact counts, identities, and materials with a closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.two_point import TwoPoint

NAMES = "abc"


def direct(arrays, axis, lag, periodic):
    """Share of pairs along an axis, counted one by one; NaN when none fits."""
    hits = pairs = 0
    for mask in arrays:
        n = mask.shape[axis]
        ahead = mask.take(np.arange(n if periodic else max(n - lag, 0)) + lag, axis, mode="wrap")
        here = mask.take(np.arange(ahead.shape[axis]), axis)
        hits += int((here & ahead).sum())
        pairs += here.size
    return hits / pairs if pairs else np.nan


def direct_radial(stacks, lag, periodic):
    """Mean share over all in-plane vectors, both signs, whose length rounds to the lag."""
    shares = []
    for down in range(-lag - 1, lag + 2):
        for right in range(-lag - 1, lag + 2):
            if round(np.hypot(down, right)) != lag:
                continue
            hits = pairs = 0
            for masks in stacks:
                n, a, b = masks.shape
                i, j = np.indices((a, b))
                k, m = i + down, j + right
                fits = periodic | ((k >= 0) & (k < a) & (m >= 0) & (m < b))
                hits += int((masks & masks[:, k % a, m % b] & fits).sum())
                pairs += n * (a * b if periodic else int(fits.sum()))
            if pairs:
                shares.append(hits / pairs)
    return np.mean(shares) if shares else np.nan


def periodic_curves(labels, max_lag, phases=NAMES):
    return TwoPoint(max_lag=max_lag, periodic=True).measure(Volume(labels, phases=phases))


@given(textures(long_side=70), st.integers(1, 40), st.booleans())
def test_directions_of_a_volume_equal_a_direct_count(labels, max_lag, periodic):
    metric = TwoPoint(max_lag=max_lag, periodic=periodic)
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


@given(textures(max_side=5, long_side=66), st.integers(1, 5), st.booleans())
def test_planes_of_a_volume_equal_a_direct_count(labels, max_lag, periodic):
    metric = TwoPoint(max_lag=max_lag, periodic=periodic, planes=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    assert values.dims == ("phase", "plane", "lag")
    assert list(values.plane) == ["xy", "xz", "yz"]
    for axis, plane in enumerate(("xy", "xz", "yz")):
        for phase in range(3):
            masks = np.moveaxis(labels == phase, axis, 0)
            expected = [direct_radial([masks], lag, periodic) for lag in range(max_lag + 1)]
            np.testing.assert_allclose(
                values.sel(plane=plane, phase=phase), expected, rtol=0, atol=1e-12
            )


@given(
    st.lists(textures(dimensions=2, long_side=70), min_size=1, max_size=3),
    st.lists(textures(dimensions=2, long_side=70), min_size=1, max_size=2),
    st.integers(1, 12),
    st.booleans(),
)
def test_micrographs_of_different_sizes_equal_a_direct_count(xy, yz, max_lag, periodic):
    micrographs = Micrographs({"xy": xy, "yz": yz}, phases=NAMES)
    metric = TwoPoint(max_lag=max_lag, periodic=periodic)
    values = metric.measure(micrographs)
    assert list(values.direction) == ["x", "y", "z"]
    for p in range(3):
        xs, ys = [image == p for image in xy], [image == p for image in yz]
        for lag in range(max_lag + 1):
            along_y = [direct(xs, 0, lag, periodic), direct(ys, 1, lag, periodic)]
            fitting = [share for share in along_y if share == share]
            expected = [
                direct(xs, 1, lag, periodic),
                np.mean(fitting) if fitting else np.nan,
                direct(ys, 0, lag, periodic),
            ]
            np.testing.assert_allclose(values[p, :, lag], expected, rtol=0, atol=1e-12)


@given(
    st.lists(textures(dimensions=2, long_side=70, max_side=6), min_size=1, max_size=3),
    st.integers(1, 5),
    st.booleans(),
)
def test_one_plane_of_micrographs_equals_a_direct_count(xz, max_lag, periodic):
    micrographs = Micrographs({"xz": xz}, phases=NAMES)
    values = TwoPoint(max_lag=max_lag, periodic=periodic, planes=True).measure(micrographs)
    assert list(values.plane) == ["xz"]
    for p in range(3):
        stacks = [image[None] == p for image in xz]
        expected = [direct_radial(stacks, lag, periodic) for lag in range(max_lag + 1)]
        np.testing.assert_allclose(values[p, 0], expected, rtol=0, atol=1e-12)


@given(textures(long_side=70), st.booleans(), st.booleans())
def test_all_slices_of_a_volume_give_what_the_volume_gives(labels, periodic, planes):
    slices = {plane: np.moveaxis(labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))}
    metric = TwoPoint(periodic=periodic, planes=planes)
    whole = metric.measure(Volume(labels, phases=NAMES))
    np.testing.assert_array_equal(metric.measure(Micrographs(slices, phases=NAMES)), whole)


def test_a_direction_that_no_plane_shows_is_absent():
    image = np.arange(12).reshape(3, 4) % 2
    assert list(TwoPoint().measure(Micrographs({"xy": [image]})).direction) == ["x", "y"]
    assert list(TwoPoint().measure(Micrographs({"yz": [image]})).direction) == ["y", "z"]


def test_the_default_lag_is_half_the_shortest_side():
    assert TwoPoint().measure(Volume(np.zeros((12, 9, 10), int))).lag[-1] == 4
    images = {"xy": [np.zeros((20, 30), int)], "xz": [np.zeros((13, 30), int)]}
    assert TwoPoint().measure(Micrographs(images)).lag[-1] == 6


@given(textures(long_side=70), st.booleans())
def test_start_bounds_and_sum_over_phases(labels, periodic):
    values = TwoPoint(max_lag=12, periodic=periodic).measure(Volume(labels, phases=NAMES)).values
    fractions = np.array([(labels == p).mean() for p in range(3)])
    np.testing.assert_allclose(values[:, :, 0], fractions[:, None].repeat(3, 1), atol=1e-12)
    assert values[:, :, 0].sum(0) == pytest.approx(1)
    assert np.nanmax(values.sum(0)) <= 1 + 1e-12
    if periodic:
        phi = fractions[:, None, None]
        assert (values >= np.maximum(0, 2 * phi - 1) - 1e-12).all()
        assert (values <= phi + 1e-12).all()


@given(textures(long_side=70), st.tuples(*[st.integers(-80, 80)] * 3))
def test_periodic_curves_ignore_translation_reflection_and_tiling(labels, shift):
    result = periodic_curves(labels, 20)
    np.testing.assert_array_equal(periodic_curves(np.roll(labels, shift, (0, 1, 2)), 20), result)
    np.testing.assert_array_equal(periodic_curves(labels[::-1, ::-1, ::-1], 20), result)
    np.testing.assert_allclose(periodic_curves(np.tile(labels, (2, 1, 3)), 20), result, atol=1e-12)


@given(textures(long_side=70))
def test_periodic_curves_are_symmetric_and_of_positive_power(labels):
    for direction, axis in (("x", 2), ("y", 1), ("z", 0)):
        n = labels.shape[axis]
        curve = periodic_curves(labels, n).sel(direction=direction).values
        np.testing.assert_array_equal(curve, curve[:, ::-1])
        assert np.fft.rfft(curve[:, :n]).real.min() > -1e-9


@given(textures(dimensions=1, long_side=70, max_side=30))
def test_periodic_mean_over_all_lags_of_one_line_is_the_fraction_squared(line):
    for axis, direction in enumerate("zyx"):
        curve = periodic_curves(np.expand_dims(line, [a for a in range(3) if a != axis]), len(line))
        mean = curve.sel(direction=direction).values[:, :-1].mean(1)
        np.testing.assert_allclose(mean, [(line == p).mean() ** 2 for p in range(3)], atol=1e-12)


@given(textures(phases=2, long_side=70))
def test_periodic_complement_and_interface_faces(labels):
    values = periodic_curves(labels, 12, "ab").values
    fractions = 1 - labels.mean()
    np.testing.assert_allclose(values[1], 1 - 2 * fractions + values[0], atol=1e-12)
    for i, axis in enumerate((2, 1, 0)):
        faces = (labels != np.roll(labels, 1, axis)).sum()
        assert values[1, i, 0] - values[1, i, 1] == pytest.approx(
            faces / 2 / labels.size, abs=1e-12
        )


@given(textures(long_side=70), st.permutations(range(3)), st.booleans())
def test_relabelling_permutes_the_curves(labels, order, planes):
    metric = TwoPoint(planes=planes)
    values = metric.measure(Volume(labels, phases=NAMES))
    moved = metric.measure(Volume(np.array(order)[labels], phases=NAMES))
    np.testing.assert_allclose(moved.values[list(order)], values, rtol=0, atol=1e-12)


@given(textures(long_side=70), st.booleans())
def test_input_keeps_its_values_and_may_be_a_view(labels, planes):
    stored = np.asfortranarray(labels.repeat(2, 2))[:, ::-1, ::2]
    stored.flags.writeable = False
    before = stored.copy()
    values = TwoPoint(planes=planes).measure(Volume(stored, phases="abcd"))
    np.testing.assert_array_equal(stored, before)
    expected = TwoPoint(planes=planes).measure(Volume(labels[:, ::-1].copy(), phases=NAMES))
    np.testing.assert_array_equal(values[:3], expected)
    assert np.nanmax(values[3]) == 0


@pytest.mark.parametrize("axis, direction", list(enumerate("zyx")))
@pytest.mark.parametrize("width, period", [(5, 10), (3, 12), (9, 12)])
def test_a_laminate_is_a_triangle_wave(axis, direction, width, period):
    layers = np.arange(2 * period) % period < width
    shape = [4, 5, 6]
    shape[axis] = 2 * period
    labels = np.moveaxis(np.broadcast_to(layers, (*np.delete(shape, axis), 2 * period)), -1, axis)
    result = periodic_curves(labels, 3 * period, "ab").sel(phase=1)
    lag = np.arange(3 * period + 1) % period
    triangle = (np.maximum(width - lag, 0) + np.maximum(width - period + lag, 0)) / period
    for other in "xyz":
        expected = triangle if other == direction else width / period
        np.testing.assert_allclose(result.sel(direction=other), expected, atol=1e-12)


def test_a_markov_chain_decays_exponentially():
    """Debye's correlation: phi (1 - phi) rho^r + phi^2, within five standard errors."""
    rng = np.random.default_rng(1)
    phi, rho, samples = 0.3, 0.8, []
    for _ in range(20):
        labels = np.empty((16, 16, 200), int)
        labels[:, :, 0] = rng.random((16, 16)) < phi
        for x in range(1, 200):
            fresh = rng.random((16, 16)) > rho
            drawn = rng.random((16, 16)) < phi
            labels[:, :, x] = np.where(fresh, drawn, labels[:, :, x - 1])
        samples.append(TwoPoint(max_lag=30).measure(Volume(labels)).sel(phase=1, direction="x"))
    expected = phi * (1 - phi) * rho ** np.arange(31) + phi**2
    error = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples))
    assert (np.abs(np.mean(samples, axis=0) - expected) < 5 * error).all()
    assert error.max() < 0.002


def test_a_lag_below_one_is_refused():
    with pytest.raises(ReconError, match="metric two-point: max_lag must be >= 1, got 0"):
        TwoPoint(max_lag=0)


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(TwoPoint, max_lag=3, periodic=True, planes=True)
