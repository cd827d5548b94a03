"""Isolated voxels beyond what is allowed join their surroundings, the least certain first."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.data.encoding import decode, encode
from recon.core.data.statistics import Statistics
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.scene import Scene
from recon.plugins.refiners.islands import Islands, merge_islands
from recon.plugins.refiners.isolated import find_isolated

WRAPS = (False, False, False)


def spotted():
    """Phase 0 with three lonely voxels of phase 1 inside, of growing certainty, one on a face."""
    field = torch.full((1, 6, 6, 7), -0.9)
    for certainty, place in (
        (0.2, (1, 1, 1)),
        (0.5, (3, 3, 3)),
        (0.8, (4, 1, 4)),
        (0.1, (0, 3, 5)),
    ):
        field[(0, *place)] = certainty
    return field


@pytest.mark.parametrize("allowed", [0, 1, 2, 3])
def test_the_least_certain_go_first(allowed):
    field = spotted()
    before = field.clone()
    share = (allowed + 0.5) / field.numel()
    labels = decode(merge_islands(field, np.array([1.0, share]), WRAPS))
    places = ((4, 1, 4), (3, 3, 3), (1, 1, 1))
    assert [int(labels[place]) for place in places] == [int(n < allowed) for n in range(3)]
    assert labels[0, 3, 5] == 1  # it may go on beyond the face
    assert torch.equal(field, before)


def test_on_a_periodic_axis_faces_are_no_border():
    field = spotted()
    labels = decode(merge_islands(field, np.array([1.0, 0.0]), (True, False, False)))
    assert labels.sum() == 0
    field[0, -1, 3, 5] = 0.3  # now it goes on through the border
    labels = decode(merge_islands(field, np.array([1.0, 0.0]), (True, False, False)))
    assert labels.sum() == 2


@given(st.integers(0, 2**31), st.integers(2, 4), st.floats(0, 0.02))
def test_only_isolated_voxels_change_and_enough_of_them(seed, phases, share):
    rng = np.random.default_rng(seed)
    before = torch.as_tensor(
        rng.choice(phases, p=np.array([0.7] + [0.3 / (phases - 1)] * (phases - 1)), size=(7, 8, 9))
    )
    field = encode(before, phases) * torch.as_tensor(rng.uniform(0.2, 1, before.shape)).float()
    after = decode(merge_islands(field, np.full(phases, share), WRAPS)).numpy()
    for phase in range(phases):
        lonely = find_isolated(before.numpy() == phase, (0, 1, 2))
        lost = (before.numpy() == phase) & (after != phase)
        assert np.all(lonely[lost])
        assert lost.sum() == max(0, lonely.sum() - int(share * before.numel()))


def scene(share, anchors=()):
    statistics = Statistics(
        np.array([0.9, 0.1]),
        np.array([-0.8]),
        {},
        {} if share is None else {"refiner.islands": {"isolated": np.array(share)}},
    )
    return Scene((1, 6, 6, 7), WRAPS, 1e-4, statistics, anchors=anchors)


def test_a_share_of_what_the_slices_let_expect_is_left():
    field = spotted()
    expected = 4 / field[0].numel()
    labels = decode(Islands(share=0.5).refine(field, scene([1.0, expected])))
    assert labels.sum() == 3  # two of the three inside, and the one on the face
    assert Islands(share=1.0).refine(field, scene([1.0, 0.0])) is field
    assert Islands().refine(field, scene(None)) is field


def test_anchors_stay():
    field = spotted()
    anchor = EncodedAnchor(0, 1, field[:, 1].clone())
    labels = decode(Islands(share=0.0).refine(field, scene([1.0, 0.0], (anchor,))))
    assert labels.nonzero().tolist() == [[0, 3, 5], [1, 1, 1]]


@pytest.mark.parametrize("share", [[0.5], [0.5, -0.1], [2.0, 0.0], [[0.5, 0.5]]])
def test_shares_that_cannot_be_are_refused(share):
    with pytest.raises(ReconError, match="isolated in the weights must be 2 numbers in"):
        Islands().check(scene(share))
