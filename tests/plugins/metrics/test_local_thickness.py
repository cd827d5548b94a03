"""Local thickness: ball by ball, and layers, balls and cylinders of a known size."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin
from recon.core.testing import labels as textures
from recon.plugins.metrics.local_thickness import LocalThickness, thickness

EDGES = st.sampled_from([(1.0, 1.0, 1.0), (1.5, 1.0, 1.0), (1.0, 2.3, 1.7), (3.1, 1.0, 1.0)])


def direct(mask, edges, periodic):
    """The largest ball over each voxel, all balls tried; distances by hand."""
    shape, edges = np.array(mask.shape), np.array(edges)
    images = np.array(list(product((-1, 0, 1) if periodic else (0,), repeat=3))) * shape
    inside, outside = np.argwhere(mask), np.argwhere(~mask)

    def squares(one, others):
        away = one - others[:, None] - images
        return np.square(away * edges).sum(-1)

    best = np.zeros(mask.shape)
    for centre in inside:
        square = squares(centre, outside).min()
        # a periodic ball does not reach beyond the next image: half the box at most
        covered = (squares(centre, inside) < square * (1 - 1e-5)).any(1)
        place = tuple(inside[covered].T)
        best[place] = np.maximum(best[place], square)
    return 2 * np.sqrt(best)


@given(textures(max_side=8, phases=2), EDGES, st.booleans())
def test_it_equals_the_largest_of_all_balls(labels, edges, periodic):
    mask = labels == 1
    if mask.all() or not mask.any():
        return
    result = thickness(mask, np.array(edges), periodic)
    # images one period away are enough unless a ball is wider than the box
    if periodic and result.max() > min(np.array(mask.shape) * edges):
        return
    np.testing.assert_allclose(result, direct(mask, edges, periodic), rtol=1e-5)


@given(textures(max_side=12), st.tuples(*[st.integers(-9, 9)] * 3), st.permutations(range(3)))
def test_periodic_translation_and_relabelling(labels, shift, order):
    metric = LocalThickness(max_lag=9, periodic=True)
    values = metric.measure(Volume(labels, phases="abc"))
    moved = np.array(order)[np.roll(labels, shift, (0, 1, 2))]
    other = metric.measure(Volume(moved, phases="abc"))
    for name, value in other.items():
        np.testing.assert_allclose(value.values[list(order)], values[name], atol=1e-12)


@given(textures(max_side=12), st.booleans())
def test_the_density_is_a_share_and_agrees_with_the_mean(labels, periodic):
    metric = LocalThickness(max_lag=60, periodic=periodic)
    values = metric.measure(Volume(labels, phases="abc"))
    assert values["density"].dims == ("phase", "lag") and list(values["lag"]) == list(range(61))
    for phase in range(3):
        at = values.sel(phase=phase)
        mask = labels == phase
        if mask.all() or not mask.any():
            assert np.isnan(at["density"]).all() and np.isnan(at["mean"])
            assert np.isnan(at["deviation"])
            continue
        assert at["density"].sum().item() == pytest.approx(1)
        assert (at["density"] * at["lag"]).sum().item() == pytest.approx(at["mean"], abs=0.5)
        assert at["density"][:2].sum() == 0  # the ball of a voxel alone has diameter 2


@pytest.mark.parametrize("axis, direction", list(enumerate("zyx")))
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 8])
def test_a_layer_has_its_width_or_one_more(axis, direction, width):
    layers = np.moveaxis(np.zeros((20, 9, 12), int), 0, axis)
    layers[(slice(None),) * axis + (slice(5, 5 + width),)] = 1
    expected = width + width % 2
    for periodic in (False, True):
        result = LocalThickness(max_lag=12, periodic=periodic).measure(Volume(layers)).sel(phase=1)
        assert result["mean"] == expected and result["deviation"] == 0
        assert result["density"].sel(lag=expected) == 1


def test_a_layer_of_long_voxels_is_thicker():
    labels = np.zeros((20, 6, 7), int)
    labels[8:12] = 1
    result = LocalThickness().measure(Volume(labels, (2.5e-6, 1e-6, 1e-6))).sel(phase=1)
    assert result["mean"].item() == pytest.approx(10, abs=1e-4)


@pytest.mark.parametrize(("axes", "below"), [(3, 1.15), (2, 0.55)])
def test_balls_and_cylinders_have_their_diameter(axes, below):
    """Less what the lattice of the centres and the rim take, within a quarter of a voxel."""
    rng, missing = np.random.default_rng(0), []
    for radius in (5, 6, 7.5, 9):
        for _ in range(6):
            centre = 11.5 + rng.uniform(-0.5, 0.5, (axes, 1, 1, 1))
            places = np.indices((24,) * 3)[3 - axes :]
            labels = np.square(places - centre).sum(0) < radius**2
            result = LocalThickness().measure(Volume(labels)).sel(phase=1)
            missing.append(2 * radius - result["mean"].item())
            assert result["deviation"] < 1.2
    assert np.mean(missing) == pytest.approx(below, abs=0.25)


def test_two_balls_keep_their_own_thickness():
    places = np.indices((20, 20, 40))
    labels = np.zeros((20, 20, 40), int)
    for x, radius in ((8, 6.2), (29, 3.2)):
        labels[np.square(places - np.array([10, 10, x]).reshape(3, 1, 1, 1)).sum(0) < radius**2] = 1
    result = thickness(labels == 1, np.ones(3), False)
    assert result[10, 10, 8] > 12 and result[10, 10, 29] < 8
    assert (result[labels == 0] == 0).all()


def test_the_border_does_not_limit_a_ball_unless_the_volume_repeats():
    labels = np.zeros((12, 12, 12), int)
    labels[:2] = 1
    assert LocalThickness().measure(Volume(labels))["mean"].sel(phase=1) == 4
    assert LocalThickness(periodic=True).measure(Volume(labels))["mean"].sel(phase=1) == 2


def test_micrographs_are_refused():
    with pytest.raises(ReconError, match="metric local-thickness needs a volume, got micrographs"):
        LocalThickness().measure(Micrographs({"xy": [np.zeros((3, 4), int)]}))


@pytest.mark.parametrize("periodic", [False, True])
def test_it_keeps_the_contract_of_a_metric(periodic):
    check_plugin(LocalThickness, max_lag=3, periodic=periodic)


@pytest.mark.parametrize("periodic", [False, True])
def test_voxels_of_any_shape_take_memory_of_the_volume_s_size(periodic):
    """The ball of a flat voxel reaches 10^9 voxels beyond the volume: 22 GiB of lattice points."""
    labels = np.random.default_rng(0).integers(0, 2, (5, 8, 9))
    flat = Volume(labels, (1e-9, 1.0, 1e9))
    values = LocalThickness(periodic=periodic).measure(flat)
    assert np.isfinite(values["mean"]).all()
