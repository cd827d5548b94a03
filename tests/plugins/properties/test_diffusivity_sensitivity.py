"""The derivative of the diffusivity by that of each voxel, against finite differences."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import Volume
from recon.plugins.properties.diffusion.conduction import Conductor
from recon.plugins.properties.diffusivity import Diffusivity

EDGES = (1e-6, 2e-6, 1.5e-6)
CONDUCTS = (0.0, 1.0, 0.3)


def make(seed=0, shape=(8, 7, 9)):
    """Labels: 0 insulates, 1 and 2 conduct."""
    rng = np.random.default_rng(seed)
    solid = gaussian_filter(rng.normal(size=shape), 1) > -0.02
    return (solid * np.where(rng.random(shape) < 0.3, 2, 1)).astype(np.uint8)


def solve(labels, place, k, axis, periodic):
    """Relative diffusivity where one voxel conducts with k."""
    changed = labels.copy()
    changed[place] = 3
    given = np.repeat(np.array([*CONDUCTS[1:], k])[:, None], 3, 1)
    conductor = Conductor("diffusivity", changed, given, EDGES, periodic, 1e-10, "cpu")
    return float(conductor.solve([axis], None)["relative"][0])


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("axis", "zyx")
def test_the_derivative_is_that_of_finite_differences(axis, periodic):
    labels = make()
    solver = Diffusivity((1, 2), CONDUCTS[1:], (axis,), periodic, 1e-10)
    found = solver.differentiate(Volume(labels, EDGES))
    relative, derivative = float(found["relative"][0]), found["derivative"].values[0]
    assert relative == pytest.approx(float(solver.solve(Volume(labels, EDGES))["relative"][0]))
    typical = derivative.mean()
    rng = np.random.default_rng(1)
    for label in range(3):
        for place in rng.permutation(np.argwhere(labels == label))[:4]:
            place, k = tuple(place), CONDUCTS[label]
            if label == 0:
                wanted = (solve(labels, place, 1e-5, axis, periodic) - relative) / 1e-5
            else:
                pair = [solve(labels, place, k * f, axis, periodic) for f in (1.001, 0.999)]
                wanted = (pair[0] - pair[1]) / (0.002 * k)
            assert derivative[place] == pytest.approx(wanted, abs=0.01 * typical)


def test_all_voxels_together_scale_the_diffusivity():
    """Euler: the diffusivity is homogeneous of degree 1 in the conductivities."""
    labels = make(3)
    found = Diffusivity((1, 2), CONDUCTS[1:], tolerance=1e-10).differentiate(Volume(labels, EDGES))
    total = (found["derivative"] * np.array(CONDUCTS)[labels]).sum(("z", "y", "x"))
    assert np.allclose(total, found["relative"])


def test_nothing_adds_where_nothing_percolates():
    labels = np.ones((5, 4, 4), np.uint8)
    labels[2] = 0
    found = Diffusivity((1,), axes=("z",)).differentiate(Volume(labels))
    assert float(found["relative"][0]) == 0
    assert not found["derivative"].any()
