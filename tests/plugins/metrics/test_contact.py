"""Contact: a direct count, laws, a rim between two phases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin, micrographs, volumes
from recon.plugins.metrics.contact import Contact


def direct(images, edges):
    """Length between each two phases over that of all interface, pixel by pixel."""
    length = np.zeros((3, 3))
    for image in images:
        for y, x in np.ndindex(image.shape):
            for (b, a), edge in (((y + 1, x), edges[1]), ((y, x + 1), edges[0])):
                if b < image.shape[0] and a < image.shape[1] and image[b, a] != image[y, x]:
                    length[image[y, x], image[b, a]] += edge
                    length[image[b, a], image[y, x]] += edge
    return length / (length.sum() / 2) if length.any() else np.full((3, 3), np.nan)


@given(micrographs(), st.tuples(*[st.sampled_from([1e-6, 2e-6, 5e-6])] * 3))
def test_slices_equal_a_direct_count(sample, size):
    sample = Micrographs(sample.planes, size, sample.phases)
    values = Contact().measure(sample)
    assert values.dims == ("phase", "phase2", "plane") and list(values["plane"]) == list(
        sample.planes
    )
    z, y, x = size
    edges = {"xy": (y, x), "xz": (z, x), "yz": (z, y)}
    for plane, images in sample.planes.items():
        expected = direct(images, edges[plane])
        np.testing.assert_allclose(values.sel(plane=plane), expected, atol=1e-12)


@given(volumes(), st.permutations(range(3)))
def test_shares_are_symmetric_and_sum_to_one(volume, order):
    values = Contact().measure(volume)
    there = values.dropna("plane", how="all")
    np.testing.assert_array_equal(there, there.transpose("phase2", "phase", "plane"))
    np.testing.assert_allclose(there.sum(("phase", "phase2")), 2)
    assert all((there.sel(phase=k, phase2=k) == 0).all() for k in range(3))
    mirrored = np.array(order)[volume.labels[::-1, :, ::-1]]
    moved = Contact().measure(Volume(mirrored, volume.voxel_size, volume.phases))
    np.testing.assert_allclose(moved.values[np.ix_(order, order)], values.values)


@given(volumes())
def test_a_volume_has_the_contacts_of_its_slices(volume):
    slices = {
        plane: np.moveaxis(volume.labels, axis, 0) for axis, plane in enumerate(("xy", "xz", "yz"))
    }
    flat = Micrographs(slices, volume.voxel_size, volume.phases)
    assert Contact().measure(flat).identical(Contact().measure(volume))


def test_a_rim_of_a_third_phase_parts_the_two_others():
    labels = np.zeros((20, 20, 20), int)
    labels[5:15, 5:15, 5:15] = 2
    bare = Contact().measure(Volume(labels, phases="abc"))
    assert (bare.sel(phase=0, phase2=2) == 1).all() and (bare.sel(phase=1) == 0).all()
    labels = labels.copy()
    labels[5:15, 5:15, 5:15] = 1
    labels[6:14, 6:14, 6:14] = 2
    rim = Contact().measure(Volume(labels, phases="abc"))
    assert (rim.sel(phase=0, phase2=2) == 0).all()
    outer = 10 * 4 * 10  # of ten slices, of which eight show the inside
    inner = 8 * 4 * 8
    np.testing.assert_allclose(rim.sel(phase=0, phase2=1), outer / (outer + inner))
    np.testing.assert_allclose(rim.sel(phase=1, phase2=2), inner / (outer + inner))


def test_a_plane_without_interface_has_none():
    labels = np.zeros((4, 5, 6), int)
    labels[2:] = 1
    values = Contact().measure(Volume(labels))
    assert values.sel(plane="xy").isnull().all()
    assert (values.sel(phase=0, phase2=1, plane=["xz", "yz"]) == 1).all()
    assert Contact().measure(Volume(np.zeros((1, 1, 1), int))).isnull().all()


@pytest.mark.parametrize("phases", ["ab", "abcd"])
def test_phases_that_do_not_occur_have_no_contact(phases):
    values = Contact().measure(Volume(np.indices((4, 4, 4)).sum(0) % 2, phases=phases))
    assert (values.sel(phase=0, phase2=1) == 1).all()
    assert (values.sel(phase=slice(2, None)) == 0).all()


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(Contact)
