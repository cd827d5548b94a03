"""Two-point cluster function: a direct count, bounds by S2 and L, single clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.lineal_path import LinealPath
from recon.plugins.metrics.two_point import TwoPoint
from recon.plugins.metrics.two_point_cluster import TwoPointCluster

NAMES = "abc"
AXES = {"x": 2, "y": 1, "z": 0}


def sparse(share, side=14, seed=0):
    return (np.random.default_rng(seed).random((side, side + 2, side - 3)) < share).astype(int)


@given(textures(max_side=7), st.integers(1, 9))
def test_a_volume_equals_a_direct_count(labels, max_lag):
    values = TwoPointCluster(max_lag=max_lag).measure(Volume(labels, phases=NAMES))
    assert values.dims == ("phase", "direction", "lag")
    assert list(values.lag) == list(range(max_lag + 1))
    for phase in range(3):
        clusters = label(labels == phase, connectivity=1)
        for name, axis in AXES.items():
            for lag in range(max_lag + 1):
                side = labels.shape[axis]
                here = clusters.take(np.arange(max(side - lag, 0)), axis)
                ahead = clusters.take(np.arange(lag, max(side, lag)), axis)
                share = ((here == ahead) & (here > 0)).mean() if here.size else np.nan
                value = values.sel(phase=phase, direction=name, lag=lag)
                np.testing.assert_allclose(value, share, atol=1e-12)


@given(textures(long_side=66, max_side=7), st.booleans())
def test_it_lies_between_lineal_path_and_two_point(labels, periodic):
    volume, options = Volume(labels, phases=NAMES), {"max_lag": 9, "periodic": periodic}
    path = LinealPath(**options).measure(volume).values
    cluster = TwoPointCluster(**options).measure(volume).values
    pair = TwoPoint(**options).measure(volume).values
    np.testing.assert_array_equal(cluster[:, :, :2], pair[:, :, :2])
    np.testing.assert_array_equal(np.isnan(cluster), np.isnan(pair))
    fits = np.isfinite(pair)
    assert (path[fits] <= cluster[fits]).all() and (cluster[fits] <= pair[fits]).all()


@given(textures(max_side=7), st.tuples(*[st.integers(-9, 9)] * 3))
def test_periodic_curves_ignore_translation_and_reflection(labels, shift):
    metric = TwoPointCluster(max_lag=9, periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    for same in (np.roll(labels, shift, (0, 1, 2)), labels[::-1, ::-1, ::-1]):
        np.testing.assert_array_equal(metric.measure(Volume(same, phases=NAMES)), values)


@given(textures(max_side=7), st.permutations(range(3)))
def test_relabelling_permutes_the_curves(labels, order):
    values = TwoPointCluster().measure(Volume(labels, phases=NAMES))
    moved = TwoPointCluster().measure(Volume(np.array(order)[labels], phases=NAMES))
    np.testing.assert_array_equal(moved.values[list(order)], values)


@pytest.mark.parametrize("periodic", [False, True])
def test_one_cluster_has_the_two_point_function(periodic):
    labels = np.zeros((9, 10, 11), int)
    labels[2:7, 3:9, 1:9] = labels[4, 5] = labels[4, :, 5] = 1
    volume = Volume(labels)
    values = TwoPointCluster(periodic=periodic).measure(volume)
    np.testing.assert_array_equal(values, TwoPoint(periodic=periodic).measure(volume))


def test_a_laminate_is_cut_into_layers():
    labels = np.broadcast_to(np.arange(24)[:, None, None] % 12 < 5, (24, 6, 7))
    result = TwoPointCluster(max_lag=16, periodic=True).measure(Volume(labels)).sel(phase=1)
    falling = np.maximum(5 - np.arange(17), 0) / 12
    np.testing.assert_allclose(result.sel(direction="z"), falling, atol=1e-12)
    np.testing.assert_allclose(result.sel(direction=["x", "y"]), 5 / 12, atol=1e-12)


def test_clusters_join_through_a_periodic_border():
    labels = np.zeros((4, 4, 10), int)
    labels[1, 1, :3] = labels[1, 1, 8:] = 1
    apart = TwoPointCluster(max_lag=8).measure(Volume(labels)).sel(phase=1, direction="x")
    assert apart.sel(lag=8) == 0
    joined = TwoPointCluster(max_lag=8, periodic=True).measure(Volume(labels))
    # from 0, 1, 2, 8, 9 to 8, 9, (0), (6), (7): three of five land in the cluster
    assert joined.sel(phase=1, direction="x", lag=8).item() == pytest.approx(3 / labels.size)


def test_below_the_threshold_it_vanishes_where_two_point_does_not():
    volume = Volume(sparse(0.1, 40))
    cluster = TwoPointCluster(max_lag=12).measure(volume).sel(phase=1, lag=12)
    pair = TwoPoint(max_lag=12).measure(volume).sel(phase=1, lag=12)
    assert (cluster < 1e-3).all() and (pair > 5e-3).all()


def test_a_phase_that_does_not_occur_has_zero():
    values = TwoPointCluster().measure(Volume(np.zeros((4, 5, 6), int), phases="ab"))
    assert (values.sel(phase=1) == 0).all() and (values.sel(phase=0) == 1).all()


def test_micrographs_are_refused():
    with pytest.raises(ReconError, match="metric two-point-cluster needs a volume, got microgr"):
        TwoPointCluster().measure(Micrographs({"xy": [np.zeros((3, 4), int)]}))


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(TwoPointCluster, max_lag=3, periodic=True)
