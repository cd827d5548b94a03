"""Percolation: components, spanning clusters and their shares, with and without a border."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.percolation import Percolation
from recon.plugins.metrics.two_point_cluster import TwoPointCluster

NAMES = "abc"
AXES = {"x": 2, "y": 1, "z": 0}


@given(textures())
def test_a_volume_equals_a_direct_count(labels):
    values = Percolation().measure(Volume(labels, phases=NAMES))
    assert values["percolates"].dims == ("phase", "axis") and list(values["axis"]) == list(AXES)
    for phase in range(3):
        clusters = label(labels == phase, connectivity=1)
        sizes = np.bincount(clusters.ravel())[1:]
        at = values.sel(phase=phase)
        assert at["components"] == len(sizes)
        if not len(sizes):
            assert np.isnan(at["largest_share"]) and np.isnan(at["spanning_share"]).all()
            assert not at["percolates"].any()
            continue
        assert at["largest_share"].item() == pytest.approx(sizes.max() / sizes.sum())
        for name, axis in AXES.items():
            ends = (set(clusters.take(end, axis).ravel()) - {0} for end in (0, -1))
            both = [k - 1 for k in set.intersection(*ends)]
            assert at["percolates"].sel(axis=name) == bool(both)
            share = sizes[both].sum() / sizes.sum()
            assert at["spanning_share"].sel(axis=name).item() == pytest.approx(share)


@given(textures(max_side=6))
def test_periodic_clusters_equal_a_walk_from_voxel_to_voxel(labels):
    values = Percolation(periodic=True).measure(Volume(labels, phases=NAMES))
    for phase in range(3):
        clusters = walk(labels == phase)
        at, total = values.sel(phase=phase), (labels == phase).sum()
        assert at["components"] == len(clusters)
        if not clusters:
            continue
        assert at["largest_share"] == max(size for size, _ in clusters) / total
        for name, axis in AXES.items():
            share = sum(size for size, winds in clusters if winds[axis]) / total
            assert at["spanning_share"].sel(axis=name) == share
            assert at["percolates"].sel(axis=name) == (share > 0)


def walk(mask):
    """(size, winding along z, y, x) of each cluster: the image in which a voxel is met again."""
    period, seen, clusters = np.array(mask.shape), {}, []
    for root in map(tuple, np.argwhere(mask)):
        if root in seen:
            continue
        seen[root], winds, todo = np.array(root), np.zeros(3, bool), [root]
        for place in todo:
            for step in (*np.eye(3, dtype=int), *-np.eye(3, dtype=int)):
                there = seen[place] + step
                voxel = tuple(there % period)
                if mask[voxel] and voxel not in seen:
                    seen[voxel] = there
                    todo.append(voxel)
                elif mask[voxel]:
                    winds |= there != seen[voxel]
        clusters.append((len(todo), winds))
    return clusters


@given(textures(), st.tuples(*[st.integers(-9, 9)] * 3), st.permutations(range(3)))
def test_periodic_translation_and_relabelling(labels, shift, order):
    metric = Percolation(periodic=True)
    values = metric.measure(Volume(labels, phases=NAMES))
    rolled = metric.measure(Volume(np.roll(labels, shift, (0, 1, 2)), phases=NAMES))
    assert rolled.identical(values)
    moved = metric.measure(Volume(np.array(order)[labels], phases=NAMES))
    for name, value in moved.items():
        np.testing.assert_array_equal(value.values[list(order)], values[name])


@given(textures(), st.booleans())
def test_bounds(labels, periodic):
    values = Percolation(periodic=periodic).measure(Volume(labels, phases=NAMES))
    there = values.sel(phase=values["components"] > 0)
    spanning, largest = there["spanning_share"], there["largest_share"]
    np.testing.assert_array_equal(spanning > 0, there["percolates"])
    assert (spanning <= 1).all() and (largest <= 1).all()
    assert (largest * there["components"] >= 1 - 1e-12).all()
    np.testing.assert_array_equal(there["components"] == 1, largest == 1)


def test_a_ring_through_the_border_is_one_component_that_spans_along_its_axis_alone():
    labels = np.zeros((6, 7, 8), int)
    labels[2, 3, :3] = labels[2, 3, 5:] = labels[2, 4, 2:6] = 1
    volume = Volume(labels)
    for periodic in (False, True):
        result = Percolation(periodic=periodic).measure(volume).sel(phase=1)
        assert result["components"] == 1
        assert result["percolates"].values.tolist() == [True, False, False]
    labels = labels.copy()
    labels[2, 4, 4] = 0
    inside, around = (Percolation(periodic=p).measure(Volume(labels)) for p in (False, True))
    assert inside["components"].sel(phase=1) == 2 and around["components"].sel(phase=1) == 1
    assert inside["largest_share"].sel(phase=1) == 5 / 9
    assert not inside["percolates"].sel(phase=1).any()
    assert not around["percolates"].sel(phase=1).any()


def test_a_channel_that_comes_back_elsewhere_does_not_wind():
    labels = np.zeros((5, 5, 5), int)
    labels[1, 1, :3] = labels[1, 1:4, 2] = labels[1, 3, 2:] = 1
    volume = Volume(labels)
    assert Percolation().measure(volume)["percolates"].sel(phase=1, axis="x")
    assert not Percolation(periodic=True).measure(volume)["percolates"].sel(phase=1).any()


def test_random_voxels_percolate_above_the_threshold_of_sites():
    """The cubic lattice percolates at 0.3116."""
    rng = np.random.default_rng(0).random((40, 40, 40))
    for share, spans in ((0.25, False), (0.38, True)):
        result = Percolation().measure(Volume(rng < share)).sel(phase=1)
        assert (result["percolates"] == spans).all()
    assert (result["spanning_share"] > 0.75).all()


def test_one_cluster_for_each_voxel_of_a_checkerboard():
    board = np.indices((5, 4, 4)).sum(0) % 2
    values = Percolation().measure(Volume(board))
    assert values["components"].values.tolist() == [40, 40]
    np.testing.assert_allclose(values["largest_share"], 1 / 40)
    cluster = TwoPointCluster().measure(Volume(board))
    assert (cluster.sel(lag=slice(1, None)) == 0).all()


def test_micrographs_are_refused():
    with pytest.raises(ReconError, match="metric percolation needs a volume, got micrographs"):
        Percolation().measure(Micrographs({"xy": [np.zeros((3, 4), int)]}))


@pytest.mark.parametrize("periodic", [False, True])
def test_it_keeps_the_contract_of_a_metric(periodic):
    check_plugin(Percolation, periodic=periodic)
