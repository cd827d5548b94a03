"""Patterns of micrographs: codes and counts."""

import numpy as np
import pytest

from recon.core import Micrographs
from recon.plugins.refiners.local_orientation import BINS, CLASSES
from recon.plugins.refiners.pattern_counts import (
    CELLS,
    SPACINGS,
    PatternCounts,
    count_patterns,
    encode_patterns,
)


def images(phases, shape=(3, 9, 11), seed=0):
    return np.random.default_rng(seed).integers(0, phases, shape).astype(np.uint8)


@pytest.mark.parametrize("spacing", [1, 2])
@pytest.mark.parametrize("phases", [2, 3, 4])
def test_codes_are_the_nine_phases_as_digits(phases, spacing):
    image = images(phases)[0]
    result = encode_patterns(image, phases, spacing)
    assert result.shape == (9 - 2 * spacing, 11 - 2 * spacing)
    for row, column in np.ndindex(result.shape):
        cells = image[row : row + 2 * spacing + 1 : spacing, column : column + 2 * spacing + 1]
        text = "".join(str(cell) for cell in cells[:, ::spacing].ravel())
        assert result[row, column] == int(text, phases)


def test_slices_too_small_for_a_pattern_have_none():
    image = images(2)[0]
    assert encode_patterns(image[:2], 2, 1).size == encode_patterns(image[:, :4], 2, 2).size == 0
    assert PatternCounts.of([image[:2]], 2, 1).share(2).sum() == 0


def test_shares_are_those_of_all_slices_of_a_plane():
    stacks = {"xy": images(3), "yz": images(3, (2, 6, 7), 1)}
    patterns = count_patterns(Micrographs(stacks, phases="abc"))
    assert patterns.keys() == stacks.keys()
    for plane, stack in stacks.items():
        for spacing, counted in zip(SPACINGS, patterns[plane], strict=True):
            every = np.concatenate([encode_patterns(image, 3, spacing).ravel() for image in stack])
            expected = np.bincount(every, minlength=3**9) / len(every)
            assert np.allclose(counted.share(3), expected, rtol=1e-14, atol=0)
            assert (np.diff(counted.code) > 0).all() and counted.count.min() > 0


def test_of_many_phases_there_are_none():
    assert count_patterns(Micrographs({"xy": images(5)})) == {}
    assert count_patterns(Micrographs({"xy": images(4)})) != {}


def test_angles_that_are_wanted_change_the_weight_of_their_patterns_alone():
    """Of stripes along and across, those along: the patterns of slices that have no others."""
    across = np.indices((40, 40))[0] // 4 % 2
    along = count_patterns(Micrographs({"xy": [across.T]}))["xy"]
    both = count_patterns(Micrographs({"xy": [across, across.T]}))["xy"]
    angle = (along[0].code[-1] >> CELLS) - (CLASSES - BINS)
    for one, two in zip(along, both, strict=True):
        assert np.allclose(two.share(2, np.eye(BINS)[angle]), one.share(2), atol=1e-3)
        assert not np.allclose(two.share(2), one.share(2), atol=0.05)
