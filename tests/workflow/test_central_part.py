"""Very large volumes are compared and drawn by their middle."""

import numpy as np
import pytest

from recon.core import Volume
from recon.workflow.central_part import limit_sides, open_central_parts


@pytest.mark.parametrize(
    ("shape", "voxels", "sides"),
    [
        ((10, 20, 30), 6000, (10, 20, 30)),
        ((10, 20, 30), 5999, (10, 20, 29)),
        ((10, 20, 30), 4000, (10, 20, 20)),
        ((10, 20, 30), 1000, (10, 10, 10)),
        ((10, 20, 30), 30, (3, 3, 3)),
        ((1, 1, 9), 0, (1, 1, 1)),
    ],
)
def test_sides_within_a_number_of_voxels(shape, voxels, sides):
    assert limit_sides(shape, voxels) == sides


def test_the_middle_is_taken_and_warned_of(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2, (11, 20, 30))
    Volume(labels, (1e-6, 2e-6, 3e-6), ["pore", "solid"]).save(tmp_path / "v.zarr")
    paths = [tmp_path / "v.zarr"] * 2
    with pytest.warns(UserWarning, match="the middle 10 x 10 x 10 of 11 x 20 x 30 voxels"):
        one, two = open_central_parts(paths, 2 * 2 * 8 * 1000)
    assert np.array_equal(one.labels, labels[:10, 5:15, 10:20]) and one.phases == ("pore", "solid")
    assert np.array_equal(one.labels, two.labels) and one.voxel_size == (1e-6, 2e-6, 3e-6)
    (whole,) = open_central_parts(paths[:1], 2 * 8 * 6600)
    assert np.array_equal(whole.labels, labels)
