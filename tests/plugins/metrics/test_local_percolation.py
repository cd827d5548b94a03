"""Local percolation: windows one by one, laws, layers and random sites."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, volumes
from recon.core.testing import labels as textures
from recon.plugins.metrics.local_percolation import LocalPercolation
from recon.plugins.metrics.percolating_windows import places

NAMES = "abc"


def leads(mask, axis):
    """Whether voxels of the last layer belong to a component with some in the first."""
    clusters, _ = label(mask)
    return bool(set(clusters.take(0, axis).flat) & set(clusters.take(-1, axis).flat) - {0})


def windows(array, sides):
    for corner in np.ndindex(
        *(max(n - side + 1, 0) for n, side in zip(array.shape, sides, strict=True))
    ):
        if all(
            begin in places(n, side)
            for begin, n, side in zip(corner, array.shape, sides, strict=True)
        ):
            yield array[tuple(slice(c, c + side) for c, side in zip(corner, sides, strict=True))]


def share(samples, phase, axis, sides, fraction=None):
    """Share of the windows in which a phase leads along an axis, pixel by pixel."""
    rows = [
        leads(window == phase, axis)
        for sample in samples
        for window in windows(sample, sides)
        if fraction is None or min(int(10 * (window == phase).mean() + 1e-9), 9) == fraction
    ]
    return np.mean(rows) if rows else np.nan


@pytest.mark.slow
@given(textures(max_side=6, min_side=3), st.integers(0, 2))
def test_windows_equal_a_direct_count(labels, phase):
    metric = LocalPercolation(sides=(2, 3, 5), fractions=10)
    values = metric.measure(Volume(labels, phases=NAMES))
    for side in (2, 3, 5):
        at = values.sel(phase=phase, side=side)
        for axis, name in enumerate("zyx"):
            expected = share([labels], phase, axis, (side,) * 3)
            np.testing.assert_allclose(at["share_3d"].sel(direction=name), expected)
        for normal, plane in enumerate(("xy", "xz", "yz")):
            slices = list(np.moveaxis(labels, normal, 0))
            for axis, name in enumerate(("down", "across")):
                expected = share(slices, phase, axis, (side,) * 2)
                np.testing.assert_allclose(at[name].sel(plane=plane), expected)
    slices = list(labels)
    for fraction in range(10):
        expected = share(slices, phase, 0, (3, 3), fraction)
        at = values["down_by_fraction"].sel(phase=phase, plane="xy", side=3)[fraction]
        np.testing.assert_allclose(at, expected)
        assert at["fraction"] == pytest.approx(fraction / 10 + 0.05)


@given(st.integers(1, 200), st.integers(2, 40))
def test_windows_lie_half_a_side_apart_from_end_to_end(side, length):
    result = places(side, length)
    if length > side:
        assert not len(result)
        return
    assert result[0] == 0 and result[-1] == side - length
    gaps = np.diff(result)
    assert (gaps > 0).all() and (gaps <= (length + 1) // 2).all()
    np.testing.assert_array_equal(result, (side - length - result)[::-1])


@given(volumes(max_side=8), st.permutations(range(3)), st.permutations(range(3)))
def test_axes_mirrors_and_labels_may_be_exchanged(volume, order, axes):
    """Exchange of axes with their voxels; of cubic ones all windows are the same."""
    metric = LocalPercolation(sides=(2, 4), fractions=5)
    labels = volume.labels
    values = metric.measure(Volume(labels, phases=NAMES))
    turned = np.array(order)[labels.transpose(axes)[::-1, :, ::-1]]
    moved = metric.measure(Volume(turned, phases=NAMES))
    old = values["share_3d"].sel(direction=["zyx"[axis] for axis in axes])
    new = moved["share_3d"].sel(direction=list("zyx"))
    np.testing.assert_array_equal(new.values[list(order)], old.values)
    planes = [("xy", "xz", "yz")[axis] for axis in axes]
    both = values["down"] + values["across"], moved["down"] + moved["across"]
    old, new = both[0].sel(plane=planes), both[1]
    np.testing.assert_allclose(new.values[list(order)], old.values)


@given(volumes())
def test_a_volume_has_the_windows_of_its_slices_on_each_plane(volume):
    slices = {
        plane: np.moveaxis(volume.labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    metric = LocalPercolation(sides=(2, 5))
    flat = metric.measure(Micrographs(slices, volume.voxel_size, volume.phases))
    assert flat.identical(metric.measure(volume)[["down", "across"]])


def test_layers_percolate_along_themselves_alone():
    labels = np.zeros((32, 32, 32), int)
    labels[::4] = 1
    result = LocalPercolation(sides=(8,)).measure(Volume(labels)).sel(side=8)
    assert result["share_3d"].sel(phase=1).values.tolist() == [1, 1, 0]
    assert result["share_3d"].sel(phase=0).values.tolist() == [1, 1, 0]
    at = result.sel(phase=1)
    assert at["across"].sel(plane=["xz", "yz"]).values.tolist() == [1, 1]
    assert at["down"].sel(plane=["xz", "yz"]).values.tolist() == [0, 0]
    assert at["down"].sel(plane="xy") == at["across"].sel(plane="xy") == 0.25


def test_a_window_holds_what_its_side_is_in_space():
    labels = np.zeros((8, 16, 16), int)
    labels[:4] = 1  # 4 voxels of 2 um: as high as a window of side 8
    values = LocalPercolation(sides=(8,)).measure(Volume(labels, (2e-6, 1e-6, 1e-6)))
    assert values["share_3d"].sel(phase=1, direction="z").item() == pytest.approx(1 / 3)
    assert values["share_3d"].sel(phase=1, direction="x").item() == pytest.approx(2 / 3)


def test_the_window_decides_by_itself_whatever_lies_outside():
    image = np.zeros((6, 6), int)
    image[0, :5] = image[:, 4] = image[5, :5] = 1  # a hook that leads on outside of a window
    image[:5, 0] = 1
    values = LocalPercolation(sides=(3, 6)).measure(Micrographs({"xy": [image]}))
    assert values["down"].sel(phase=1, side=6) == 1 and values["across"].sel(phase=1, side=6) == 0
    assert values["across"].sel(phase=1, side=3).item() == pytest.approx(
        share([image], 1, 1, (3, 3))
    )


def test_random_sites_percolate_above_their_threshold_in_large_windows():
    """The cubic lattice percolates at 0.3116, the square lattice at 0.5927."""
    rng = np.random.default_rng(0).random((64, 64, 64))
    for p, cubes, squares in ((0.2, 0, 0), (0.45, 1, 0), (0.8, 1, 1)):
        result = LocalPercolation(sides=(32,)).measure(Volume(rng < p)).sel(phase=1, side=32)
        np.testing.assert_allclose(result["share_3d"], cubes, atol=0.01)
        np.testing.assert_allclose(result["down"], squares, atol=0.01)


def test_lambda_rises_with_the_local_fraction():
    rng = np.random.default_rng(0)
    labels = rng.random((48, 48, 48)) < np.linspace(0.1, 0.6, 48)
    result = LocalPercolation(sides=(8,), fractions=5).measure(Volume(labels)).sel(phase=1, side=8)
    curve = result["share_3d_by_fraction"].sel(direction="z").dropna("fraction")
    assert (np.diff(curve) >= 0).all() and curve[0] < 0.01 and curve[-1] > 0.99


def test_windows_that_do_not_fit_and_absent_phases():
    metric = LocalPercolation(sides=(2, 8), fractions=3)
    values = metric.measure(Volume(np.zeros((1, 4, 5), int), phases="ab"))
    assert values["share_3d"].isnull().all()
    assert values["down"].sel(plane="xy", side=2).values.tolist() == [1, 0]
    assert values["down"].sel(plane=["xz", "yz"]).isnull().all()
    assert values["down"].sel(side=8).isnull().all()
    local = values["across_by_fraction"].sel(plane="xy", side=2).values.tolist()
    np.testing.assert_array_equal(local, [[np.nan, np.nan, 1], [0, np.nan, np.nan]])


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(LocalPercolation, sides=(2, 4), fractions=4)
