import json

import numpy as np
import pytest
from scipy import ndimage

from recon.core import Micrographs, Volume
from recon.validation.classifier.blocks import choose_cut, find_correlation_lengths
from recon.validation.classifier.two_sample_test import choose_surest, separate

SIDE = 48


def material(shape, grain=(3, 1.5, 1.5), seed=0):
    """Two-phase labels, stretched along z."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return (ndimage.gaussian_filter(noise, grain, mode="wrap") > 0).astype(np.uint8)


def cut(labels, step=4):
    return Micrographs(
        {
            "xy": list(labels[::step]),
            "xz": list(labels[:, ::step].swapaxes(0, 1)),
            "yz": list(np.moveaxis(labels[:, :, ::step], 2, 0)),
        }
    )


def warp(labels, amount, seed=0):
    """Bent smoothly by so many voxels."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=labels.shape), 6) for _ in range(3)]
    places = [
        p + amount * f / f.std() for p, f in zip(np.indices(labels.shape), fields, strict=True)
    ]
    return ndimage.map_coordinates(labels, places, order=0, mode="reflect")


@pytest.fixture(scope="module")
def whole():
    return material((96, 96, 96), seed=1)


@pytest.fixture(scope="module")
def micrographs(whole):
    return cut(whole)


@pytest.fixture(scope="module")
def samples():
    """Volumes of the material, and what was done to them: nothing, bent, with specks."""
    fresh = [material((SIDE,) * 3, seed=seed) for seed in (10, 11, 12)]
    specks = fresh[0].copy()
    specks[np.random.default_rng(0).random(specks.shape) < 0.01] ^= 1
    return [Volume(labels) for labels in (*fresh, warp(fresh[0], 2), specks)]


@pytest.fixture(scope="module", params=["micrographs", "volume"])
def test(request, whole, micrographs, samples):
    return separate(samples, micrographs if request.param == "micrographs" else Volume(whole))


def test_real_volumes_are_not_told_and_spoilt_ones_are(test):
    assert set(test.planes) == {"xy", "xz", "yz"} and not test.notes
    for entry in test.planes.values():
        real, spoilt = entry.areas[:3], entry.areas[3:]
        assert abs(entry.real_areas.mean() - 0.5) < 0.1
        usual = entry.real_distances.mean() + 5 * entry.real_distances.std()
        assert (entry.distances[:3] < usual).all() and real.mean() < 0.65
        assert (entry.distances[3:] > usual).all() and (spoilt > 0.8).all()


def test_it_gives_the_same_twice(micrographs, samples, test):
    again, once = (separate(samples[:2], micrographs) for _ in range(2))
    for plane in again.planes:
        assert np.array_equal(again.planes[plane].areas, once.planes[plane].areas)
        assert np.array_equal(again.planes[plane].real_areas, once.planes[plane].real_areas)


def test_windows_that_it_is_surest_of_are_of_the_sides_that_they_stand_for(samples, micrographs):
    """Of a volume that is solid for half of its height, the solid slices."""
    labels = samples[0].labels.copy()
    labels[24:, ::2] = 1
    value = separate([Volume(labels)], micrographs).planes["xy"]
    own, real = value.surest
    assert len(own) == len(real) == 3
    assert all(image[::2].all() for image in own[1:])  # one of each third of the height
    assert not any(image[::2].all() for image in real)
    assert {image.tobytes() for image in own} <= {image.tobytes() for image in labels}


def test_what_cannot_be_tested_is_said(micrographs):
    small = separate([Volume(material((12, 12, 12)))], micrographs)
    assert not small.planes and "do not fit into 12 voxels" in small.notes[0]
    few = Micrographs({"xy": [material((48, 48, 2))[:, :, 0]], "xz": micrographs.planes["xz"]})
    separation = separate([Volume(material((SIDE,) * 3))], few)
    assert set(separation.planes) == {"xz"} and separation.notes[0].startswith(
        "xy: no classifier test"
    )
    json.dumps([small.to_table(), separation.to_table()], allow_nan=False)
    assert "do not fit" in small.to_text() and "xz 0." in separation.to_text()


def test_one_large_image_a_plane_is_enough():
    image = material((1, 400, 300), (0, 1.5, 1.5))[0]
    separation = separate([Volume(material((SIDE,) * 3, (1.5,) * 3))], Micrographs({"xy": [image]}))
    assert separation.planes["xy"].worth >= 2


def test_a_volume_is_cut_where_its_material_forgets_soonest(whole, micrographs):
    planes = {plane: list(stack) for plane, stack in micrographs.planes.items()}
    lengths = find_correlation_lengths(planes, 2)
    assert lengths[0] > 1.5 * lengths[1] and lengths[0] > 1.5 * lengths[2]
    cut = choose_cut(planes, 2, (SIDE,) * 3)
    assert cut.axis in (1, 2) and cut.count >= 2
    blocks = cut.split_range(SIDE, cut.count)
    ends = [(block[0], block[-1]) for block in blocks]
    assert all(b[0] - a[1] > cut.gap for a, b in zip(ends, ends[1:], strict=False))


def test_the_surest_are_of_different_places():
    assert choose_surest(np.array([0.0, 9, 8, 1, 3, 2])) == [1, 2, 4]
    assert choose_surest(np.array([1.0, 2.0])) == [0, 1]
