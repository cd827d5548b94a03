"""Components: scikit-image, sizes by octaves, laws, shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, micrographs, volumes
from recon.plugins.metrics.components import Components

PLANES = {"xy": 0, "xz": 1, "yz": 2}


def sizes_of(mask):
    return np.bincount(label(mask, connectivity=1).ravel())[1:]


def octaves(sizes, classes):
    edges = [*2 ** np.arange(classes), np.inf]
    return np.histogram(sizes, edges)[0]


def is_share(results, count, total):
    if total:
        np.testing.assert_allclose(results, np.array(count) / total, rtol=1e-12)
    else:
        assert results.isnull().all()


@given(micrographs(), st.integers(1, 6))
def test_slices_equal_a_direct_count(sample, classes):
    values = Components(classes=classes).measure(sample)
    assert set(values) == {"number", "sizes", "largest_share"}
    assert list(values["plane"]) == list(sample.planes)
    for plane, images in sample.planes.items():
        area = sum(image.size for image in images)
        for phase in range(3):
            at = values.sel(phase=phase, plane=plane)
            each = [sizes_of(image == phase) for image in images]
            sizes = np.concatenate(each)
            assert at["number"].item() == pytest.approx(len(sizes) / area)
            is_share(at["sizes"], octaves(sizes, classes), len(sizes))
            largest = sum(one.max(initial=0) for one in each)
            is_share(at["largest_share"], largest, sizes.sum())


@given(volumes())
def test_a_volume_equals_a_direct_count(volume):
    values = Components().measure(volume)
    edges = np.array(volume.voxel_size) / min(volume.voxel_size)
    for phase in range(3):
        at, sizes = values.sel(phase=phase), sizes_of(volume.labels == phase)
        space = volume.labels.size * np.prod(edges)
        assert at["number_3d"].item() == pytest.approx(len(sizes) / space)
        is_share(at["sizes_3d"], octaves(sizes, 16), len(sizes))
        is_share(at["largest_share_3d"], sizes.max(initial=0), sizes.sum())


@given(volumes())
def test_a_volume_has_the_components_of_its_slices_on_each_plane(volume):
    slices = {plane: np.moveaxis(volume.labels, axis, 0) for plane, axis in PLANES.items()}
    whole = Components().measure(volume)
    flat = Components().measure(Micrographs(slices, volume.voxel_size, volume.phases))
    assert flat.identical(whole[list(flat)])


@given(volumes(), st.permutations(range(3)), st.permutations(range(3)))
def test_axes_mirrors_and_labels_may_be_exchanged(volume, order, axes):
    values = Components().measure(volume)
    sizes = [volume.voxel_size[axis] for axis in axes]
    turned = np.array(order)[volume.labels.transpose(axes)[::-1, :, ::-1]]
    moved = Components().measure(Volume(turned, sizes, volume.phases))
    planes = [("xy", "xz", "yz")[axis] for axis in axes]
    for name, value in moved.items():
        old = values[name].sel(plane=planes) if "plane" in value.dims else values[name]
        np.testing.assert_allclose(value.values[list(order)], old.values, rtol=1e-9)


def test_a_bar_normal_to_a_plane_is_many_components_of_it_and_one_of_the_volume():
    labels = np.zeros((10, 12, 20), int)
    labels[:, 3:5, 4:7] = 1  # 6 pixels on each of 10 slices of xy, 20 and 30 on the others
    labels[0, 8:10, 10:12] = 1
    result = Components().measure(Volume(labels)).sel(phase=1)
    assert (result["number"].sel(plane="xy") * labels.size).item() == pytest.approx(11)
    assert result["sizes"].sel(plane="xy", size=4).item() == 1
    assert result["largest_share"].sel(plane="xy").item() == pytest.approx(60 / 64)
    assert (result["number"].sel(plane="xz") * labels.size).item() == pytest.approx(4)
    assert result["sizes"].sel(plane="xz", size=[2, 16]).values.tolist() == [0.5, 0.5]
    assert (result["number_3d"] * labels.size).item() == pytest.approx(2)
    assert result["sizes_3d"].sel(size=[4, 32]).values.tolist() == [0.5, 0.5]
    assert result["largest_share_3d"] == 60 / 64


def test_larger_components_count_in_the_last_class():
    result = Components(classes=2).measure(Volume(np.ones((4, 4, 4), int))).sel(phase=1)
    assert result["sizes"].values.tolist() == [[0, 1]] * 3 and result["size"].values.tolist() == [
        1,
        2,
    ]


def test_pixels_that_meet_at_a_corner_are_not_connected():
    board = np.indices((4, 6)).sum(0) % 2
    values = Components().measure(Micrographs({"yz": [board, board]}))
    np.testing.assert_allclose(values["number"], 0.5)
    np.testing.assert_allclose(values["largest_share"], 1 / 12)


def test_areas_are_in_the_shortest_edge():
    image = np.zeros((6, 8), int)
    image[2, 2:4] = image[4, 6] = 1
    values = Components().measure(Micrographs({"xz": [image]}, (3e-6, 1e-6, 2e-6)))
    assert values["number"].sel(phase=1).item() == pytest.approx(2 / (48 * 6))


def test_absent_phases():
    result = Components().measure(Volume(np.zeros((1, 1, 3), int), phases="ab")).sel(phase=1)
    assert (result["number"] == 0).all() and result["number_3d"] == 0
    assert all(result[name].isnull().all() for name in result if "number" not in name)


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(Components)
