import pytest
import torch

from recon.core.data.encoding import encode
from recon.core.sampling.anchors import EncodedAnchor
from recon.plugins.harmonizers.anchor_interface import (
    match_interface,
    measure_difference,
    shift_slice,
)


def random(phases, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return encode(torch.randint(0, phases, shape, generator=generator), phases)


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_slice_that_is_too_like_or_too_unlike_gets_its_share(phases, share):
    anchor = random(phases, 24, 24)
    noise = 0.3 * torch.randn(anchor.shape, generator=torch.Generator().manual_seed(1))
    for near in (0.5 * anchor + noise, 0.1 * anchor + noise):
        moved = shift_slice(near, anchor, share)
        assert measure_difference(torch.atanh(moved / 1.2), anchor) == pytest.approx(
            share, abs=2e-3
        )


def test_undecided_voxels_move_first():
    anchor = torch.ones(1, 1, 4)
    near = torch.tensor([[[0.9, 0.9, 0.9, 0.1]]])
    moved = shift_slice(near, anchor, 0.25)
    assert (moved > 0).tolist() == [[[True, True, True, False]]]


@pytest.mark.parametrize("periodic", [True, False])
def test_only_the_slices_next_to_an_anchor_move(periodic):
    anchor = random(2, 6, 7)
    field = 0.8 * anchor[:, None].repeat(1, 5, 1, 1)
    before = field.clone()
    match_interface(field, [EncodedAnchor(0, 0, anchor)], {0: 0.3}, (periodic, False, False))
    moved = [not torch.equal(field[:, z], before[:, z]) for z in range(5)]
    assert moved == [False, True, False, False, periodic]
    before = field.clone()
    match_interface(field, [EncodedAnchor(0, 0, anchor)], {1: 0.3}, (periodic, False, False))
    assert torch.equal(field, before)  # nothing is known along the anchor's normal
