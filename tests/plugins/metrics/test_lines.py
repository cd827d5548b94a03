"""Packing into words: tiles cover each voxel once, whatever the parts and the threads."""

import numba
import numpy as np
import pytest

from recon.plugins.metrics import lines
from recon.plugins.metrics.lineal_path import count_runs
from recon.plugins.metrics.two_point import count_pairs


@pytest.mark.parametrize("tile", [1, 100, 1000, 1 << 16])
@pytest.mark.parametrize("shape", [(3, 130, 300), (70, 5, 150), (129, 66, 65), (1, 1, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_tiles_hold_every_voxel_once(monkeypatch, tile, shape, axis):
    monkeypatch.setattr(lines, "TILE", tile)
    seen = np.zeros(np.prod(shape), int)
    for part in lines.tiles(shape, axis):
        bit, row, j = np.ogrid[: part.bits, : part.rows, : part.width]
        seen[part.start + bit * part.bit_stride + row * part.row_stride + j] += 1
        assert part.bits <= 64
    assert (seen == 1).all()


@pytest.mark.parametrize("kernel", [count_pairs, count_runs])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_counts_do_not_depend_on_tiles_or_threads(monkeypatch, kernel, axis):
    stack = np.random.default_rng(0).choice(3, (130, 70, 140), p=(0.9, 0.05, 0.05))
    stack = stack.astype(np.uint8)
    whole = lines.count_along(kernel, stack, axis, 3, 200, True)
    assert whole[:, 0].tolist() == np.bincount(stack.ravel()).tolist()
    threads = numba.get_num_threads()
    monkeypatch.setattr(lines, "TILE", 100)
    try:
        for number in {1, threads}:
            numba.set_num_threads(number)
            along = lines.count_along(kernel, stack, axis, 3, 200, True)
            np.testing.assert_array_equal(along, whole)
    finally:
        numba.set_num_threads(threads)


def test_packed_bits_are_those_of_the_phase():
    stack = np.random.default_rng(0).integers(0, 3, (70, 4, 9)).astype(np.uint8)
    voxels = stack.reshape(-1)
    words = np.zeros(4 * 9, np.uint64)
    lines.pack(words, voxels, 2, 64 * 36, 6, 36, 4, 9, 9)
    words = words.reshape(4, 9)
    for bit in range(64):
        value = (words >> np.uint64(bit)) & np.uint64(1)
        expected = stack[64 + bit] == 2 if bit < 6 else np.zeros((4, 9))
        np.testing.assert_array_equal(value, expected)
