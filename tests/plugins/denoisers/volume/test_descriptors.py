"""Descriptors of slices, and the penalty that moves their means to the micrographs'."""

import numpy as np
import pytest
import torch

from recon.core.data.encoding import encode
from recon.plugins.denoisers.fitting.crops import Crops
from recon.plugins.denoisers.volume.descriptors import (
    LENGTHS,
    LINES,
    PAIRS,
    VECTORS,
    follow_lines,
    multiply_pairs,
)
from recon.plugins.denoisers.volume.held_means import HeldMeans


def images(phases, count=3, shape=(40, 44), seed=0):
    return list(np.random.default_rng(seed).integers(phases, size=(count, *shape), dtype=np.uint8))


def fields(images, phases):
    return encode(torch.as_tensor(np.stack(images)), phases).movedim(0, 1).float()


@pytest.mark.parametrize("phases", [2, 3])
def test_products_are_the_share_of_equal_pairs(phases):
    given = images(phases)
    products = multiply_pairs(fields(given, phases))
    for place, (down, right) in enumerate(VECTORS):
        turned = [image if right >= 0 else image[:, ::-1] for image in given]
        first = np.stack([i[: i.shape[0] - down, : i.shape[1] - abs(right)] for i in turned])
        second = np.stack([i[down:, abs(right) :] for i in turned])
        for channel in range(products.shape[0]):
            label = 1 if phases == 2 else channel
            equal = np.mean((first == label) == (second == label))
            assert float(products[channel, place]) == pytest.approx(2 * equal - 1, abs=1e-5)


def test_paths_along_an_axis_are_the_lineal_path():
    given = images(3)
    given = [np.repeat(image, 6, 1) for image in given]
    shares = follow_lines(fields(given, 3))
    for n, length in enumerate(LENGTHS):
        for phase in range(3):
            windows = np.lib.stride_tricks.sliding_window_view(np.stack(given), length, 2)
            expected = np.mean((windows == phase).all(-1))
            assert float(shares[phase, 0, n]) == pytest.approx(expected, abs=1e-5)


def test_a_line_at_an_angle_holds_paths_of_that_angle_alone():
    row, column = np.indices((64, 64))
    stripes = [((row - column) % 16 < 6).astype(np.uint8)]  # along the diagonal, 45 degrees
    shares = follow_lines(fields(stripes, 2))[1]
    assert shares[3, -1] == pytest.approx(6 / 16, abs=0.02)
    assert shares[9, -1] == 0


@pytest.mark.parametrize("descriptor", [PAIRS, LINES])
def test_what_mirrored_slices_have_is_known(descriptor):
    rows, columns = np.indices((60, 60))
    zigzag = columns + rows // 2 + 2 * np.abs(rows % 20 - 6)
    noise = np.random.default_rng(0).random((60, 60)) < 0.01
    given = [((zigzag % 16 < 9) ^ noise).astype(np.uint8)]
    first = descriptor.measure(given, 2, symmetric=False)
    both = descriptor.measure(given, 2, symmetric=True)
    for image in (given[0][::-1], given[0][:, ::-1]):
        other = descriptor.measure([image.copy()], 2, symmetric=False)
        assert torch.allclose(first[:, list(descriptor.mirrored)], other, atol=1e-5)
        assert not torch.allclose(first, other, atol=1e-2)
        assert torch.allclose(both, (first + other) / 2, atol=1e-5)


def test_large_images_are_described_in_windows():
    row, column = np.indices((600, 300))
    stripes = ((row + column) % 12 < 4).astype(np.uint8)
    windows = [stripes[:240, :240]]
    for descriptor in (PAIRS, LINES):
        whole, part = (descriptor.measure(i, 2, symmetric=False) for i in ([stripes], windows))
        assert torch.allclose(whole, part, atol=0.02)


def lean(by):
    """Layers (1, 1, 48, 48, 48) that lean along x as z rises."""
    z, _, x = np.indices((48, 48, 48))
    return torch.as_tensor(2.0 * ((x + by * z) % 12 < 6) - 1, dtype=torch.float32)[None, None]


def slope(volumes):
    """How the penalty changes as the last of the volumes turns towards layers that lean by 1."""
    upright = (lean(1)[0, 0, 0] > 0).numpy().astype(np.uint8)
    target = {"xy": [upright], "xz": [(lean(1)[0, 0, :, 0] > 0).numpy().astype(np.uint8)]}
    target["yz"] = [(lean(1)[0, 0, :, :, 0] > 0).numpy().astype(np.uint8)]
    held = HeldMeans(Crops(target, frozenset(), 48), 2)
    for step, volume in enumerate(volumes[:-1]):
        held.update(volume, step)
    last = volumes[-1].clone().requires_grad_()
    held.update(last, len(volumes)).backward()
    return float((last.grad * (lean(1) - lean(-1))).sum())


def test_the_penalty_pushes_the_mean_not_each_volume():
    wrong, right = lean(-1), lean(1)
    always = slope([wrong] * 9)
    now_and_then = slope([right] * 8 + [wrong])
    assert always < 0
    assert abs(now_and_then) < abs(always) / 2
