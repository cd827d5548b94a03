from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.filters import threshold_multiotsu

from recon.core import ReconError
from recon.imaging.otsu import find_otsu_thresholds


def spread(image, cuts):
    """Sum over the classes of pixels times squared distance of the class mean from the mean."""
    classes = np.searchsorted(cuts, image.ravel(), side="right")
    groups = [image.ravel()[classes == label] for label in np.unique(classes)]
    return sum(group.size * (group.mean() - image.mean()) ** 2 for group in groups)


@given(arrays(np.uint8, (4, 6), elements=st.integers(0, 255)), st.integers(2, 4))
def test_otsu_finds_the_greatest_variance_between_classes(image, classes):
    steps = np.unique(image)[1:]
    if len(steps) < classes - 1:
        return
    best = max(spread(image, cuts) for cuts in combinations(steps, classes - 1))
    assert spread(image, find_otsu_thresholds([image[:2], image[2:]], classes)) == pytest.approx(
        best
    )


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_thresholds_are_those_of_scikit_image(classes):
    rng = np.random.default_rng(classes)
    grey = 40 + 170 * rng.integers(0, classes, (60, 60)) / (classes - 1)
    image = np.clip(grey + rng.normal(0, 15, grey.shape), 0, 255).astype(np.uint8)
    # A value equal to the threshold is in the class below it there, and above it here.
    theirs = np.digitize(image, threshold_multiotsu(image, classes), right=True)
    ours = np.searchsorted(find_otsu_thresholds([image], classes), image, side="right")
    np.testing.assert_array_equal(ours, theirs)


def test_hot_pixels_do_not_coarsen_the_thresholds():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (100, 100))
    image = (500 + 100 * truth + rng.normal(0, 12, truth.shape)).astype(np.uint16)
    image[7, 7] = 65535
    assert find_otsu_thresholds([image], 2)[0] == pytest.approx(550, abs=10)


def test_fewer_groups_than_classes_are_refused():
    grey = np.append(np.zeros(50), np.linspace(1, 1.001, 50))[None]
    with pytest.raises(ReconError, match="fewer than 3 groups"):
        find_otsu_thresholds([grey], 3)


def test_as_many_classes_as_a_byte_can_tell():
    image = np.arange(256, dtype=np.uint8)[None]
    classes = np.searchsorted(find_otsu_thresholds([image], 255), image, side="right")
    assert np.unique(classes).tolist() == list(range(255))
