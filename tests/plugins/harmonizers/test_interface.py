"""Interface area from the autocovariance and of a field."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs
from recon.core.data.encoding import encode
from recon.core.data.planes import NORMAL
from recon.core.data.statistics import Statistics
from recon.plugins.harmonizers.interface import expect_interface, measure_interface


@given(st.integers(2, 4), st.integers(0, 2**31))
def test_a_field_has_the_interface_that_is_counted_between_its_voxels(phases, seed):
    labels = np.random.default_rng(seed).integers(phases, size=(4, 5, 6))
    pairs = [(np.diff(labels, axis=axis) != 0).mean() for axis in range(3)]
    field = encode(torch.as_tensor(labels), phases)
    assert measure_interface(field) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("phases", [2, 3])
def test_the_autocovariance_tells_the_interface_of_the_micrographs(phases):
    rng = np.random.default_rng(0)
    waves = np.exp(-15 * sum(np.square(k) for k in np.meshgrid(*[np.fft.fftfreq(48)] * 3)))
    field = np.fft.ifftn(waves * np.fft.fftn(rng.normal(size=(48,) * 3))).real
    labels = np.digitize(field, np.quantile(field, np.arange(1, phases) / phases))
    stacks = {plane: list(np.moveaxis(labels, n, 0)) for plane, n in NORMAL.items()}
    pairs = [(np.diff(labels, axis=axis) != 0).mean() for axis in range(3)]
    # Pairs at lag 1 lack one border, the mean and variance do not: a difference of order 1 / side.
    assert expect_interface(Statistics.of(Micrographs(stacks))) == pytest.approx(
        np.mean(pairs), rel=0.03
    )


def test_two_axes_are_enough():
    labels = np.indices((8, 8)).sum(0) % 2
    known = Statistics.of(Micrographs({"xy": [labels]}))
    assert expect_interface(known) == pytest.approx(1, rel=0.01)
