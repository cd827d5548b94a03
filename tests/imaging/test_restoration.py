"""Blurred three-phase images: thresholds make rims of their borders, restoration finds them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from recon.imaging.border_energies import guess_borders
from recon.imaging.load import ImageNotice, load_images
from recon.imaging.otsu import find_otsu_thresholds
from recon.imaging.restoration import _make_overlap, _nearest, restore
from recon.imaging.restoration_sweep import DIAGONAL, sweep
from recon.imaging.rims import find_rims
from recon.workflow.examples import electrode

GREYS = np.array([40.0, 125.0, 210.0])


@pytest.fixture(scope="module")
def slices():
    """True slices of the electrode example."""
    volume = electrode.generate((24, 112, 112))
    return [volume[0], volume[12]]


def render(labels, blur, noise=4.0, seed=0):
    """As a microscope shows them: grey, blurred, with noise."""
    noisy = noise * np.random.default_rng(seed).standard_normal(labels.shape)
    return np.clip(gaussian_filter(GREYS[labels], blur) + noisy, 0, 255).astype(np.uint8)


def fractions(images):
    return np.bincount(np.concatenate([i.ravel() for i in images]), minlength=3) / sum(
        i.size for i in images
    )


def contacts(images):
    """Shares of 0|1, 0|2 and 1|2 among the borders of pixels."""
    counts = np.zeros((3, 3))
    for labels in images:
        for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
            np.add.at(counts, (a, b), 1)
    both = counts + counts.T
    pairs = np.array([both[0, 1], both[0, 2], both[1, 2]])
    return pairs / pairs.sum()


def errors(results, truth):
    """Largest error of a fraction and of a share of contact."""
    return (
        np.abs(fractions(results) - fractions(truth)).max(),
        np.abs(contacts(results) - contacts(truth)).max(),
    )


@pytest.mark.parametrize(
    ("blur", "of_fractions", "of_contacts"), [(0.8, 0.01, 0.03), (1.2, 0.01, 0.03)]
)
def test_fractions_and_contacts_before_the_blur(slices, blur, of_fractions, of_contacts):
    images = [render(labels, blur, seed=k) for k, labels in enumerate(slices)]
    cuts = find_otsu_thresholds(images, 3)
    plain = errors([np.searchsorted(cuts, image, side="right") for image in images], slices)
    assert plain[0] > 0.015 and plain[1] > 0.15  # what it is for
    labels, result = restore(images, cuts)
    fraction, contact = errors(labels, slices)
    assert fraction < of_fractions and contact < of_contacts
    assert result.blur == pytest.approx(blur, abs=0.1)
    np.testing.assert_allclose(result.means, GREYS, atol=4)
    assert result.noise == pytest.approx(4, rel=0.4)


def test_a_sharp_image_stays_as_it_is(slices):
    images = [render(labels, 0.01) for labels in slices]
    labels, _ = restore(images, find_otsu_thresholds(images, 3))
    assert np.mean(np.array(labels) != np.array(slices)) < 0.002


@pytest.mark.slow
def test_layers_survive_a_blur_of_one_and_a_half_pixels():
    volume = electrode.generate((48, 160, 160))
    truth = [volume[0], volume[24]]
    images = [render(labels, 1.5, seed=k) for k, labels in enumerate(truth)]
    labels, _ = restore(images, find_otsu_thresholds(images, 3))
    fraction, contact = errors(labels, truth)
    assert fraction < 0.015 and contact < 0.08  # thresholds: .02 and .2


def test_two_phases_keep_their_fractions(slices):
    truth = [(labels == 1).astype(np.uint8) for labels in slices]
    images = [render(labels, 1.2, seed=k) for k, labels in enumerate(truth)]
    labels, found = restore(images, find_otsu_thresholds(images, 2))
    assert np.mean(np.array(labels) != np.array(truth)) < 0.03
    assert np.mean(labels) == pytest.approx(np.mean(truth), abs=0.01)
    assert found.blur == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize(("length", "blur"), [(3, 1.0), (21, 1.3), (200, 1.0), (90, 0.1)])
def test_overlap_is_the_blur_applied_twice_up_to_the_edges(length, blur):
    once = gaussian_filter1d(np.eye(length), blur, axis=0)
    bands = _make_overlap(length, blur)
    radius = bands.shape[1] // 2
    for i in range(length):
        for d in range(-radius, radius + 1):
            right = (once @ once)[i, i + d] if 0 <= i + d < length else 0.0
            assert bands[i, d + radius] == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("drawn", [False, True])
def test_the_pull_stays_that_of_the_labels_up_to_the_edges(slices, drawn):
    truth, blur = slices[0][:40, :50], 1.2
    image = gaussian_filter(GREYS[truth], blur)
    labels = _nearest(image, GREYS)
    pull = gaussian_filter(image - gaussian_filter(GREYS[labels], blur), blur)
    draws = np.random.default_rng(0).random((2, *labels.shape)) if drawn else np.empty((2, 0, 0))
    overlaps = [_make_overlap(side, blur) for side in labels.shape]
    energies = guess_borders(3)
    changed = sweep(labels, GREYS, pull, *overlaps, 16.0, energies, draws)
    again = gaussian_filter(image - gaussian_filter(GREYS[labels], blur), blur)
    assert changed > 100
    np.testing.assert_allclose(pull, again, atol=0.1)  # of some 20: the overlap is cut far out
    assert np.abs(pull).max() > 1


def test_labels_of_least_energy_never_gain_energy_up_to_the_edges(slices):
    labels = slices[0][:40, :36]
    image = render(labels, 1.2).astype(float)
    found, borders = _nearest(image, GREYS), guess_borders(3)
    overlaps = [_make_overlap(side, 1.2) for side in labels.shape]

    def measure():
        energy = ((image - gaussian_filter(GREYS[found], 1.2)) ** 2).sum() / (2 * 16.0)
        parts = ((found[1:], found[:-1], 1), (found[:, 1:], found[:, :-1], 1))
        turned = ((found[1:, 1:], found[:-1, :-1]), (found[1:, :-1], found[:-1, 1:]))
        for a, b, weight in (*parts, *((a, b, DIAGONAL) for a, b in turned)):
            energy += weight * borders[a, b].sum()
        return energy

    energies = [measure()]
    for _ in range(4):
        pull = gaussian_filter(image - gaussian_filter(GREYS[found], 1.2), 1.2)
        sweep(found, GREYS, pull, *overlaps, 16.0, borders, np.empty((2, 0, 0)))
        energies.append(measure())
    assert energies[1] < 0.9 * energies[0]
    assert all(b <= a + 0.1 for a, b in zip(energies, energies[1:], strict=False)), energies


def test_rims_are_told_from_contact(slices):
    assert find_rims(slices, 3) == []
    blurred = [render(labels, 1.0) for labels in slices]
    cuts = find_otsu_thresholds(blurred, 3)
    assert find_rims([np.searchsorted(cuts, image, side="right") for image in blurred], 3) == [
        (0, 2)
    ]
    assert find_rims([labels > 0 for labels in slices], 2) == []


def test_import_restores_borders_where_thresholds_leave_rims(slices):
    blurred = np.stack([render(labels, 1.0, seed=k) for k, labels in enumerate(slices)])
    heard = []
    with pytest.warns(ImageNotice) as caught:
        micrographs = load_images(
            xy=blurred, isotropic=True, phases=3, progress=lambda *told: heard.append(told)
        )
    said = [str(warning.message) for warning in caught]
    assert any("by edges, for a blur of" in line for line in said), said
    assert any(line.startswith("phases 0 and 2 lie side by side") for line in said)
    assert micrographs.origin["method"] == "edges" and heard[-1] == ("segment", 2, 2)
    assert errors(micrographs.planes["xy"], slices)[1] < 0.03
    with pytest.warns(ImageNotice) as caught:
        plain = load_images(xy=blurred, isotropic=True, phases=3, segment="thresholds")
    assert any('segment="edges" restores their borders' in str(w.message) for w in caught)
    assert plain.origin["method"] == "otsu"
    with pytest.warns(ImageNotice):
        sharp = load_images(xy=render(slices[0], 0.01), isotropic=True, phases=3)
    assert sharp.origin["method"] == "otsu"
