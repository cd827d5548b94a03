import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import structure_tensor

from recon.core import ReconError
from recon.plugins.structure import structure_tensor as ours
from recon.plugins.structure.structure_tensor import directions


def cylinders(seed, count, shape=(48, 48, 48), edges=(1.0, 1.0, 1.0), spread=None):
    """Labels and true directions of straight fibres of radius 3 to 5 that do not overlap."""
    rng = np.random.default_rng(seed)
    size = np.array(edges)[::-1]
    places = (np.stack(np.indices(shape)[::-1], -1) + 0.5) * size
    labels, truth, lines = np.zeros(shape, np.uint8), np.zeros((*shape, 3)), []
    while len(lines) < count:
        point, radius = rng.uniform(0, 1, 3) * shape[::-1] * size, rng.uniform(3, 5)
        along = rng.standard_normal(3) * (1 if spread is None else (spread, spread, 0))
        along += 0 if spread is None else (0, 0, 1)
        along /= np.linalg.norm(along)
        if all(distance(point, along, *line) > radius + other for *line, other in lines):
            lines.append((point, along, radius))
            off = np.cross(places - point, along)
            inside = (off**2).sum(-1) < radius**2
            labels[inside], truth[inside] = 1, along
    return labels, truth


def distance(p, d, q, e):
    """Of two lines."""
    normal = np.cross(d, e)
    if np.linalg.norm(normal) < 1e-9:
        return np.linalg.norm(np.cross(q - p, d))
    return abs((q - p) @ normal) / np.linalg.norm(normal)


def angles(results, truth):
    """Degrees between lines."""
    return np.degrees(np.arccos(np.abs((results * truth).sum(-1)).clip(0, 1)))


@pytest.mark.parametrize(
    ("count", "spread", "edges", "mean", "most"),
    [
        (1, None, (1.0, 1.0, 1.0), 1.2, 3.0),
        (6, None, (1.0, 1.0, 1.0), 2.2, 6.0),
        (12, 0.17, (1.0, 1.0, 1.0), 2.2, 6.0),
        (6, None, (1.5, 1.0, 1.0), 2.5, 7.0),
    ],
)
def test_straight_fibres_are_found_within_a_few_degrees(count, spread, edges, mean, most):
    errors = []
    for seed in range(3):
        labels, truth = cylinders(seed, count, edges=edges, spread=spread)
        result = directions(labels, 1, edges)
        inside = labels == 1
        errors.append(angles(result[inside], truth[inside]))
        assert result.dtype == np.float32 and not result[~inside].any()
        assert np.allclose(np.linalg.norm(result[inside], axis=-1), 1, atol=1e-6)
    errors = np.concatenate(errors)
    assert errors.mean() < mean and np.percentile(errors, 95) < most


@pytest.mark.parametrize("axis", range(3))
def test_a_fibre_along_an_axis_is_exact(axis):
    y, x = np.indices((24, 20)) - 10
    disc = y**2 + x**2 < 16
    labels = np.moveaxis(np.broadcast_to(disc, (16, 24, 20)), 0, axis)
    for periodic in (False, True):
        result = directions(labels, True, (2e-7, 3e-7, 1e-7), periodic=periodic)
        assert np.allclose(np.abs(result[labels]), np.eye(3)[2 - axis], atol=1e-4)


def test_a_periodic_volume_may_be_shifted():
    labels, _ = cylinders(0, 4, (24, 20, 28))
    result = directions(labels, periodic=True)
    shifted = directions(np.roll(labels, (5, 7, 11), (0, 1, 2)), periodic=True)
    back = np.roll(shifted, (-5, -7, -11), (0, 1, 2))
    inside = labels == 1
    assert angles(result[inside], back[inside]).max() < 0.1


def test_axes_turn_with_the_volume_and_units_do_not_matter():
    labels, _ = cylinders(1, 4, (24, 20, 28))
    result = directions(labels, 1, (3e-7, 2e-7, 2e-7))
    turned = directions(labels.transpose(2, 0, 1), 1, (2.0, 3.0, 2.0))
    back = turned.transpose(1, 2, 0, 3)[..., [2, 0, 1]]
    assert angles(result, back)[labels == 1].max() < 0.1


@pytest.mark.parametrize("periodic", [False, True])
def test_slabs_change_nothing(monkeypatch, periodic):
    labels, _ = cylinders(2, 3, (30, 20, 22))
    whole = directions(labels, periodic=periodic)
    monkeypatch.setattr(ours, "SLAB", 7 * 20 * 22)
    inside = labels == 1
    assert angles(whole, directions(labels, periodic=periodic))[inside].max() < 0.05


def test_scikit_image_agrees():
    """Its derivative is Sobel's, so not to the last digit."""
    labels, _ = cylinders(3, 4)
    smooth = ndimage.gaussian_filter(labels.astype(float), 1.0)
    zz, zy, zx, yy, yx, xx = structure_tensor(smooth, sigma=2.0, mode="nearest")
    full = np.stack([xx, yx, zx, yx, yy, zy, zx, zy, zz], -1).reshape(*labels.shape, 3, 3)
    theirs = np.linalg.eigh(full)[1][..., 0]
    inside = labels == 1
    inside[:12] = inside[-12:] = inside[:, :12] = inside[:, -12:] = False
    inside[..., :12] = inside[..., -12:] = False
    assert angles(directions(labels)[inside], theirs[inside]).mean() < 0.5


def test_thin_volumes_and_an_absent_phase_give_numbers():
    assert not directions(np.zeros((3, 4, 5), int), 1).any()
    result = directions(np.ones((1, 2, 30), int), 1)
    assert np.isfinite(result).all()
    with pytest.raises(ReconError, match="directions need a volume"):
        directions(np.zeros((3, 4)))
    with pytest.raises(ReconError, match="window > 0"):
        directions(np.zeros((3, 4, 5)), window=0)
