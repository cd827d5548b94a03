"""Voxels that stand alone, and how many of them slices let expect."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs
from recon.core.data.planes import NORMAL
from recon.plugins.refiners.isolated import find_isolated, measure_isolated


@given(st.integers(0, 2**31), st.tuples(*[st.booleans()] * 3))
def test_a_voxel_is_alone_when_no_neighbour_is_like_it(seed, wrap):
    mask = np.random.default_rng(seed).random((5, 4, 6)) < 0.3
    isolated = find_isolated(mask, (0, 1, 2), wrap)
    for place in np.ndindex(mask.shape):
        lonely = bool(mask[place])
        for axis in range(3):
            for shift in (1, -1):
                there = list(place)
                there[axis] += shift
                if wrap[axis]:
                    there[axis] %= mask.shape[axis]
                inside = 0 <= there[axis] < mask.shape[axis]
                lonely &= inside and not mask[tuple(there)]
        assert isolated[place] == lonely


def test_of_independent_voxels_the_share_is_known():
    labels = (np.random.default_rng(0).random((64, 64, 64)) < 0.2).astype(np.uint8)
    stacks = {plane: list(np.moveaxis(labels, n, 0)) for plane, n in NORMAL.items()}
    isolated = measure_isolated(Micrographs(stacks))
    assert isolated == pytest.approx([0.8 * 0.2**6, 0.2 * 0.8**6], rel=0.15)
    del stacks["yz"]
    assert measure_isolated(Micrographs(stacks))[1] == pytest.approx(0.2 * 0.8**6, rel=0.05)


def test_straight_fibres_leave_no_voxel_alone():
    section = np.random.default_rng(0).random((40, 40)) < 0.1
    labels = np.broadcast_to(section, (40, 40, 40)).astype(np.uint8)
    stacks = {plane: list(np.moveaxis(labels, n, 0)) for plane, n in NORMAL.items()}
    assert np.array_equal(measure_isolated(Micrographs(stacks)), [0, 0])


def test_an_axis_that_was_not_seen_tells_nothing():
    image = (np.random.default_rng(0).random((40, 40)) < 0.1).astype(np.uint8)
    assert np.array_equal(measure_isolated(Micrographs({"xy": [image]})), [0, 0])
