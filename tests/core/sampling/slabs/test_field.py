"""Expressions over slabs are those over the whole tensor; slabs can be read along any axis."""

import operator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.sampling.slabs import (
    SlabField,
    iterate_slabs,
    iterate_with_neighbours,
    map_slabs,
    materialize,
)
from recon.plugins.harmonizers.gaussian_start import mean_by_channel
from recon.plugins.harmonizers.phase_balance import subsample, sum_slabs
from recon.workflow.executors.on_disk import OnDisk

SHAPE = (2, 9, 5, 7)
WHOLE = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


def field_of(whole, slabs):
    c, z, y, x = whole.shape
    return SlabField(slabs, (c, z, y, x), lambda low, high: whole[:, low:high])


def values(field):
    return torch.cat([part for _, part in iterate_slabs(field)], 1)


@pytest.fixture
def disk(tmp_path):
    return OnDisk(tmp_path, 4)


def test_arithmetic_with_numbers_tensors_and_fields(disk):
    one, two = field_of(WHOLE, disk), field_of(WHOLE.flip(1), disk)
    other, level = WHOLE.flip(1), torch.tensor([1.0, -2.0]).view(-1, 1, 1, 1)
    value = 2 * one - two / 3 + (1 - one) * 0.5 + (0.25 + two) * one + level
    expected = 2 * WHOLE - other / 3 + (1 - WHOLE) * 0.5 + (0.25 + other) * WHOLE + level
    assert torch.equal(values(value), expected)
    value += one
    assert torch.equal(values(value), expected + WHOLE)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_kept_is_read_along_any_axis(disk, axis):
    read = field_of(WHOLE, disk).along(axis)
    bounds = disk.bounds(SHAPE[axis + 1])
    assert bounds[0][0] == 0 and bounds[-1][1] == SHAPE[axis + 1]
    assert torch.equal(torch.cat([read(low, high) for low, high in bounds], axis + 1), WHOLE)


def test_settling_computes_once_and_frees_the_disk_in_the_end(tmp_path):
    disk, calls = OnDisk(tmp_path, 4), []
    field = map_slabs(lambda part: calls.append(1) or part.exp(), field_of(WHOLE, disk))
    materialize(field)
    first = values(field)
    assert torch.equal(first, WHOLE.exp()) and torch.equal(values(field), first)
    assert len(calls) == len(disk.bounds(9)) == 3
    assert len(list(tmp_path.iterdir())) == 1
    del field
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    field = field_of(WHOLE, OnDisk(tmp_path / "file", 4))
    message = "cannot write .*file.*; make room there, then continue with resume=True"
    with pytest.raises(ReconError, match=message):
        field.materialize()


@given(st.integers(1, 10), st.booleans())
def test_neighbours_beside_slabs(tmp_path_factory, thickness, wrap):
    field = field_of(WHOLE, OnDisk(tmp_path_factory.mktemp("slabs"), thickness))
    (whole,) = iterate_with_neighbours(WHOLE, wrap)
    side = SHAPE[1]
    for part in iterate_with_neighbours(field, wrap):
        own = part.planes[:, part.own]
        assert torch.equal(own, WHOLE[:, part.low : part.low + own.shape[1]])
        first, last = part.low - 1, part.low + own.shape[1]
        assert part.own.start == int(wrap or first >= 0)
        if part.own.start:
            assert torch.equal(part.planes[:, 0], WHOLE[:, first % side])
        assert part.planes.shape[1] - part.own.stop == int(wrap or last < side)
        if part.own.stop < part.planes.shape[1]:
            assert torch.equal(part.planes[:, -1], WHOLE[:, last % side])
    assert torch.equal(whole.planes[:, whole.own], WHOLE)


@given(st.integers(1, 10), st.integers(1, 5))
def test_sums_means_and_samples(tmp_path_factory, thickness, stride):
    field = field_of(WHOLE, OnDisk(tmp_path_factory.mktemp("slabs"), thickness))
    count = operator.methodcaller("count_nonzero")
    assert sum_slabs(lambda part: count(part > 0), field) == count(WHOLE > 0)
    assert torch.equal(mean_by_channel(field), mean_by_channel(WHOLE))
    assert torch.allclose(mean_by_channel(WHOLE), WHOLE.mean((1, 2, 3), keepdim=True), atol=1e-6)
    assert torch.equal(values(subsample(field, stride)), subsample(WHOLE, stride))
