"""The materials that recon makes itself: the contract's facts, and the pieces they are made of."""

import hashlib
import inspect

import numpy as np
import pytest
from scipy import ndimage

from recon.core import ReconError, Volume
from recon.workflow.examples import EXAMPLES, cut, example
from recon.workflow.examples.field import draw_gaussian_field
from recon.workflow.examples.packing import find_contacts, scatter, sum_forces
from recon.workflow.examples.specks import remove_specks

SMALL = (40, 48, 56)
SHA256 = {
    "porous": "4f8f8708e7fc8f34",
    "fibres": "790a395e300295fb",
    "electrode": "30b9c31357e91d70",
}
FRACTIONS = {
    "porous": (0.62, 0.38),
    "fibres": (0.64, 0.36),
    "electrode": (0.40, 0.48, 0.12),
}


def mean_chords(mask):
    """Mean length of the runs along x, y, z, those cut by the border included."""
    chords = []
    for axis in (2, 1, 0):
        starts = np.diff(mask.astype(np.int8), axis=axis, prepend=0) == 1
        chords.append(mask.sum() / starts.sum())
    return chords


def assert_contract(labels, phases, tolerance):
    assert set(np.unique(labels)) == set(range(phases))
    half = labels.shape[0] // 2
    for phase in range(phases):
        mask = labels == phase
        for part in (mask, mask[:half], mask[half:]):
            assert all(3 <= chord <= 16 for chord in mean_chords(part))
        assert abs(mask[:half].mean() - mask[half:].mean()) < tolerance


@pytest.fixture(scope="module", params=list(EXAMPLES))
def medium(request):
    return request.param, EXAMPLES[request.param].generate((96, 96, 96))


def test_index_names_the_default_first():
    assert list(EXAMPLES) == ["porous", "fibres", "electrode"]
    for made in EXAMPLES.values():
        assert made.description and "\n" not in made.description
        assert min(inspect.signature(made.generate).parameters["shape"].default) >= 160


def test_phases_and_chords(medium):
    name, labels = medium
    assert labels.dtype == np.uint8
    assert_contract(labels, len(EXAMPLES[name].phases), tolerance=0.04)
    shares = np.bincount(labels.ravel()) / labels.size
    np.testing.assert_allclose(shares, FRACTIONS[name], atol=0.01)


def test_anisotropy(medium):
    name, labels = medium
    x, y, z = mean_chords(labels == 1)
    assert {"porous": min(y, z) > 2 * x, "fibres": z > 1.6 * max(x, y), "electrode": z < 0.85 * x}[
        name
    ]


def test_periodic(medium):
    """Neighbours across a face differ as often as neighbours inside."""
    _, labels = medium
    for axis in range(3):
        inside = (np.diff(labels, axis=axis) != 0).mean()
        across = (labels.take(0, axis) != labels.take(-1, axis)).mean()
        assert across == pytest.approx(inside, abs=0.05)


@pytest.mark.parametrize("name", EXAMPLES)
def test_seed_decides(name):
    labels = EXAMPLES[name].generate(SMALL)
    assert labels.shape == SMALL
    assert hashlib.sha256(labels.tobytes()).hexdigest().startswith(SHA256[name])
    other = EXAMPLES[name].generate(SMALL, seed=99)
    assert (other != labels).mean() > 0.2


def test_default_example():
    micrographs, volume = example("porous")
    assert_contract(volume.labels, 2, tolerance=0.02)
    shapes = {plane: {s.shape for s in stack} for plane, stack in micrographs.planes.items()}
    assert shapes == {"xy": {(192, 192)}, "xz": {(96, 192)}, "yz": {(96, 192)}}
    assert [len(stack) for stack in micrographs.planes.values()] == [24, 32, 32]
    assert micrographs.voxel_size == volume.voxel_size == (4e-7,) * 3
    assert micrographs.phases == volume.phases == ("pore", "solid")
    np.testing.assert_array_equal(micrographs.planes["xy"][2], volume.labels[8])
    np.testing.assert_array_equal(micrographs.planes["xz"][2], volume.labels[:96, 12])
    np.testing.assert_array_equal(micrographs.planes["yz"][2], volume.labels[:96, :, 12])


def test_micrographs_do_not_see_the_upper_half():
    labels = np.random.default_rng(0).integers(0, 3, (16, 12, 18), np.uint8)
    blind = labels.copy()
    blind[8:] = 0
    seen, kept = cut(Volume(labels)), cut(Volume(blind, phases=("0", "1", "2")))
    for plane in ("xy", "xz", "yz"):
        np.testing.assert_array_equal(np.stack(seen.planes[plane]), np.stack(kept.planes[plane]))


def test_unknown_name_suggests():
    with pytest.raises(ReconError, match="unknown example 'fibers'; did you mean 'fibres'"):
        example("fibers")


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_contract_at_full_size(name):
    made = EXAMPLES[name]
    assert_contract(made.generate(), len(made.phases), tolerance=0.02)


def test_field_has_the_spectrum_asked_for():
    """Power of the field over power of its noise is the spectrum, up to one factor."""
    shape = (16, 20, 24)

    def spectrum(kz, ky, kx):
        return np.exp(-((1.0 * kz) ** 2) - (0.5 * ky) ** 2 - (0.2 * kx + 0.1) ** 2)

    field = draw_gaussian_field(shape, np.random.default_rng(5), lambda *k: spectrum(*map(abs, k)))
    noise = np.random.default_rng(5).standard_normal(shape)
    assert field.mean() == pytest.approx(0, abs=1e-12)
    assert field.std() == pytest.approx(1)
    ratio = np.abs(np.fft.fftn(field) / np.fft.fftn(noise)) ** 2
    k = np.meshgrid(*(2 * np.pi * np.abs(np.fft.fftfreq(n)) for n in shape), indexing="ij")
    factor = (ratio / spectrum(*k)).ravel()[1:]  # the mean, left out of the field, is mode 0
    np.testing.assert_allclose(factor, factor[0], rtol=1e-9)


def test_scatter_puts_one_point_in_each_layer():
    points = scatter(50, np.array([10.0, 20.0, 30.0]), np.random.default_rng(1))
    layers = np.sort((points / [10, 20, 30] * 50).astype(int), axis=0)
    np.testing.assert_array_equal(layers, np.arange(50)[:, None].repeat(3, 1))


def test_contacts_cross_the_faces():
    points = np.array([[0.5, 5, 5], [9.5, 5, 5], [5, 5, 5.0], [-1e-20, 1, 1]])
    i, j, unit, distance = find_contacts(points, np.full(3, 10.0), 2.0)
    assert {*i, *j} == {0, 1}
    np.testing.assert_allclose(distance, [1.0])
    force = sum_forces(i, j, unit, 4)
    np.testing.assert_allclose(force[0], [1, 0, 0])
    np.testing.assert_allclose(force.sum(0), 0)


def test_specks_go_and_pieces_across_a_face_stay():
    mask = np.zeros((30, 30, 30), bool)
    mask[10:20, 10:20, 10:20] = True
    mask[5, 5, 5:8] = True  # 3 voxels: a speck
    mask[2, 25, 28:] = mask[2, 25, :2] = True  # 4 voxels through a face: none
    kept = remove_specks(mask, 4)
    assert not kept[5, 5].any()
    mask[5, 5] = False
    np.testing.assert_array_equal(kept, mask)
    assert ndimage.label(remove_specks(mask, 5))[1] == 1
