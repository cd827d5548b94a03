"""Blurred three-phase images: thresholds make rims of their borders, restoration finds them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.imaging.load import ImageNotice, load_images
from recon.imaging.otsu import find_otsu_thresholds
from recon.imaging.restoration import restore
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
    ("blur", "of_fractions", "of_contacts"), [(0.8, 0.01, 0.03), (1.2, 0.01, 0.05)]
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
    assert any("by edges: the labels that a blur of" in line for line in said), said
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
