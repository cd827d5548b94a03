import numpy as np
import pytest

from recon.core import Micrographs, Volume
from recon.core.data.anchor import Anchor
from recon.workflow.checks import describe_checks


def textured(*shape, seed=0):
    field = np.random.default_rng(seed).standard_normal(shape)
    for axis in range(len(shape)):
        field = sum(np.roll(field, r, axis) for r in range(4))
    return (field > 0).astype(np.uint8)


@pytest.mark.slow
def test_a_volume_made_of_the_micrographs_is_called_a_copy():
    training = textured(96, 96, 96)
    planes = {
        "xy": training[::12],
        "xz": training[:, ::12].swapaxes(0, 1),
        "yz": training[:, :, ::12].transpose(2, 0, 1),
    }
    said = describe_checks([Volume(training[:32, :32, :32])], Micrographs(planes))
    assert "Copying is seen" in said["Copying from the micrographs"][0]
    fresh = describe_checks([Volume(textured(32, 32, 32, seed=1))], Micrographs(planes))
    assert "No sign of copying" in fresh["Copying from the micrographs"][0]
    assert all(line.startswith("Independent windows") for line in fresh["Micrographs"])


def test_anchors_are_checked_in_the_volume():
    labels = textured(12, 16, 20)
    anchor = Anchor("xz", 3, labels[:, 3].copy())
    wrong = labels.copy()
    wrong[0, 3, :2] ^= 1
    said = [describe_checks([Volume(v)], None, [anchor])["Anchors"] for v in (labels, wrong)]
    assert said == [
        ["Slice xz:3, 12 x 20 pixels: contained voxel for voxel."],
        ["Slice xz:3, 12 x 20 pixels: 2 voxels differ."],
    ]
