"""Encoding, planes and the statistics of the encoded field."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs
from recon.core.data import planes
from recon.core.data.encoding import count_channels, decode, encode
from recon.core.data.statistics import Statistics
from recon.core.testing import labels


@given(st.integers(2, 5).flatmap(lambda k: st.tuples(st.just(k), labels(phases=k))))
def test_encoding_is_undone_by_decoding(case):
    phases, array = case
    field = encode(torch.as_tensor(array), phases)
    assert field.shape == (count_channels(phases), *array.shape)
    assert set(field.unique().tolist()) <= {-1, 1}
    assert np.array_equal(decode(field).numpy(), array)
    if phases > 2:
        assert torch.all(field.sum(0) == 2 - phases)


@pytest.mark.parametrize("plane", planes.PLANES)
def test_slices_are_what_the_names_say(plane):
    volume = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    stack = planes.slices(volume, plane)
    cut = {
        "xy": lambda n: volume[:, n],  # (y, x)
        "xz": lambda n: volume[:, :, n],  # (z, x)
        "yz": lambda n: volume[:, :, :, n],  # (z, y)
    }[plane]
    assert all(torch.equal(stack[n], cut(n)) for n in range(len(stack)))
    assert torch.equal(stack.movedim(0, planes.NORMAL[plane] + 1), volume)


def direct(stack, phases, plane_lag):
    """Autocovariance at one lag by adding up all pairs that fit, about the pooled mean."""
    fields = [encode(torch.as_tensor(image), phases).double().numpy() for image in stack]
    mean = sum(f.sum((1, 2)) for f in fields) / sum(f[0].size for f in fields)
    da, db = plane_lag
    total, pairs = 0.0, 0
    for field in fields:
        f = field - mean[:, None, None]
        a, b = f.shape[1:]
        first = f[:, max(0, -da) : a - max(0, da), max(0, -db) : b - max(0, db)]
        second = f[:, max(0, da) : a - max(0, -da), max(0, db) : b - max(0, -db)]
        total = total + (first * second).sum((1, 2))
        pairs += first[0].size
    return total / pairs


@given(st.lists(labels(2, 9, 3, dimensions=2), min_size=1, max_size=3))
def test_autocovariance_against_direct_sums(stack):
    covariance = Statistics.of(Micrographs({"xz": stack}, phases="abc")).covariance["xz"]
    la, lb = covariance.shape[1] // 2, covariance.shape[2] // 2
    assert la == min(len(image) for image in stack) // 2
    for da in range(-la, la + 1):
        for db in range(-lb, lb + 1):
            assert covariance[:, la + da, lb + db] == pytest.approx(
                direct(stack, 3, (da, db)), abs=1e-12
            )


def test_a_tilted_texture_keeps_the_sign_of_its_lags():
    a, b = np.indices((40, 40))
    covariance = Statistics.of(Micrographs({"xy": [(a + b) // 4 % 2]})).covariance["xy"][0]
    middle = covariance.shape[0] // 2
    along, across = covariance[middle + 2, middle - 2], covariance[middle + 2, middle + 2]
    assert along > 0.9 and across < -0.5
