"""Volume fraction: exact shares, sums and relabelling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recon.core import Micrographs, Volume
from recon.core.testing import check_plugin
from recon.plugins.metrics.volume_fraction import VolumeFraction

LABELS = arrays.arrays(
    np.uint8,
    arrays.array_shapes(min_dims=3, max_dims=3, max_side=7),
    elements=st.integers(0, 2),
)


@given(LABELS, st.permutations(range(3)))
def test_shares_are_exact_sum_to_one_and_follow_a_relabelling(labels, order):
    values = VolumeFraction().measure(Volume(labels, phases="abc"))
    moved = VolumeFraction().measure(Volume(np.array(order)[labels], phases="abc"))
    assert values.dims == ("phase",)
    assert list(values.phase) == [0, 1, 2]
    assert float(values.sum()) == pytest.approx(1, abs=1e-15)
    for label in range(3):
        assert float(values[label]) == (labels == label).sum() / labels.size
        assert float(moved[order[label]]) == float(values[label])


def test_a_phase_that_does_not_occur_has_share_zero():
    values = VolumeFraction().measure(Volume(np.ones((2, 3, 4), int), phases=("a", "b", "c")))
    assert values.values.tolist() == [0, 1, 0]


def test_micrographs_pool_pixels_in_a_plane_and_weigh_planes_equally():
    many = [np.zeros((4, 4), int), np.ones((2, 2), int)]
    one = [np.ones((3, 5), int)]
    values = VolumeFraction().measure(Micrographs({"xy": many, "yz": one}))
    assert values.values == pytest.approx([(16 / 20) / 2, (4 / 20 + 1) / 2])


def test_it_keeps_the_contract_of_a_metric():
    check_plugin(VolumeFraction)
